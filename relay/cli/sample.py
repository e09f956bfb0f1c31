"""A realistic invoice mail to try a relay with: text, HTML and a PDF made on the spot."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from textwrap import wrap

from relay.mail.date import mail_date

LINES = (("Speltbrood, 40 stuks", "3,95", "158,00"), ("Roomboter croissant, 60 stuks", "1,40", "84,00"))
SUBTOTAL, VAT, TOTAL = "242,00", "21,78", "263,78"
NUMBER = "2026-0417"


def invoice_mail(sender: str, recipient: str, now: float) -> bytes:
    """The message as an accounting package would hand it in, CRLF line ends."""
    day = datetime.fromtimestamp(now, UTC)
    due = f"{day + timedelta(days=14):%d-%m-%Y}"
    text = plain_text(due)
    parts = [
        f"From: Bakker B.V. administratie <{sender}>",
        f"To: {recipient}",
        f"Subject: Factuur {NUMBER} van Bakker B.V.",
        f"Date: {mail_date(now)}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="factuur"',
        "X-Mailer: Administratie 4.2",
        "",
        "--factuur",
        'Content-Type: multipart/alternative; boundary="tekst"',
        "",
        "--tekst",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        *base64_lines(text.encode()),
        "--tekst",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        *base64_lines(html_text(due).encode()),
        "--tekst--",
        "",
        "--factuur",
        f'Content-Type: application/pdf; name="Factuur-{NUMBER}.pdf"',
        f'Content-Disposition: attachment; filename="Factuur-{NUMBER}.pdf"',
        "Content-Transfer-Encoding: base64",
        "",
        *base64_lines(invoice_pdf(f"{day:%d-%m-%Y}", due)),
        "--factuur--",
        "",
    ]
    return "\r\n".join(parts).encode("ascii")


def base64_lines(data: bytes) -> list[str]:
    """Base64 in lines of 76 (RFC 2045 6.8)."""
    return wrap(base64.b64encode(data).decode("ascii"), 76)


def plain_text(due: str) -> str:
    """The mail's text."""
    rows = "\n".join(f"  {what:<32} € {amount:>8}" for what, _, amount in LINES)
    return (
        f"Beste administratie van Hotel De Linde,\n\nHierbij ontvangt u factuur {NUMBER}.\n\n{rows}\n"
        f"  {'Btw 9%':<32} € {VAT:>8}\n  {'Totaal':<32} € {TOTAL:>8}\n\n"
        f"Wilt u dit bedrag vóór {due} overmaken? Vragen? Beantwoord gewoon deze mail.\n\n"
        "Met vriendelijke groet,\nBakker B.V.\n"
    )


def html_text(due: str) -> str:
    """The mail's HTML."""
    cell = 'style="padding:6px 12px 6px 0;border-bottom:1px solid #ddd"'
    number = 'style="padding:6px 0;border-bottom:1px solid #ddd;text-align:right"'
    rows = "".join(
        f"<tr><td {cell}>{what}</td><td {number}>€&nbsp;{amount}</td></tr>"
        for what, amount in [*((what, amount) for what, _, amount in LINES), ("Btw 9%", VAT)]
    )
    return (
        '<!doctype html><html lang="nl"><body style="font-family:sans-serif;color:#222;max-width:34em;margin:1em">'
        f"<p>Beste administratie van Hotel De Linde,</p><p>Hierbij ontvangt u <strong>factuur {NUMBER}</strong>.</p>"
        f'<table style="border-collapse:collapse;width:100%">{rows}'
        f'<tr><td style="padding:8px 0"><strong>Totaal</strong></td>'
        f'<td style="padding:8px 0;text-align:right"><strong>€&nbsp;{TOTAL}</strong></td></tr></table>'
        f"<p>Wilt u dit bedrag vóór {due} overmaken? Vragen? Beantwoord gewoon deze mail.</p>"
        "<p>Met vriendelijke groet,<br>Bakker B.V.</p></body></html>\n"
    )


def invoice_pdf(day: str, due: str) -> bytes:
    """One A4 page with the invoice on it (PDF 1.4, the standard Helvetica fonts)."""
    words = [
        (60, 770, 20, "Bakker B.V."),
        (60, 750, 10, "Broodstraat 1, Amersfoort"),
        (60, 700, 14, f"Factuur {NUMBER}"),
        (60, 680, 10, f"Factuurdatum {day}    Te betalen voor {due}"),
    ]
    for number, (what, price, amount) in enumerate(LINES):
        words += [(60, 640 - 18 * number, 10, f"{what} a EUR {price}"), (470, 640 - 18 * number, 10, f"EUR {amount}")]
    totals = (("Subtotaal", SUBTOTAL), ("Btw 9%", VAT), ("Totaal", TOTAL))
    for number, (label, amount) in enumerate(totals):
        words += [(360, 585 - 18 * number, 10, label), (470, 585 - 18 * number, 10, f"EUR {amount}")]
    drawn = "\n".join(f"BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET" for x, y, size, text in words)
    return pdf_document(f"{drawn}\n0.7 w 60 600 m 535 600 l S".encode("latin-1"))


def pdf_document(content: bytes) -> bytes:
    """A one-page document around a content stream, with its cross-reference table."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)
