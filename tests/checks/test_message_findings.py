"""Single findings about a message: each from octets that have it and none from octets that have not."""

from __future__ import annotations

import io
import re
import zipfile
from base64 import encodebytes

import pytest

from relay.checks.message.check import check_message
from relay.checks.message.lines import judge_size
from relay.checks.message.mail import Mail
from relay.locales import catalog

NOW = 1_795_512_303  # Tue, 24 Nov 2026 09:25:03 +0000
FIELDS = {
    "From": '"Bakker Schilders" <info@bakker.example.nl>',
    "To": '"Anna de Wit" <anna@klant.example.nl>',
    "Subject": "Factuur 2026-0417 van Bakker Schilders",
    "Date": "Tue, 24 Nov 2026 09:05:03 +0000",
    "Message-ID": "<417@bakker.example.nl>",
    "MIME-Version": "1.0",
}
TEXT = (
    "Beste Anna,\n\nHierbij factuur 2026-0417 voor het schilderwerk van 12 oktober, het bedrag is 845,25 euro.\n"
    "Wilt u dit voor 14 november overmaken?\n\nMet vriendelijke groet,\nHenk Bakker\nBakker Schilders, 050-1234567\n"
)
HTML = "<html><body><p>" + TEXT.replace("\n", "<br>") + "</p>{more}</body></html>"


def mail(text=TEXT, *, drop=(), more="", **fields) -> bytes:
    """A mail without fault but for what is asked; ``_`` in a field's name stands for a hyphen."""
    given = FIELDS | {name.replace("_", "-"): value for name, value in fields.items()}
    header = "".join(f"{name}: {value}\r\n" for name, value in given.items() if name not in drop)
    return f"{header}{more}\r\n{text}".replace("\r\n", "\n").replace("\n", "\r\n").encode()


def multipart(*parts: str, kind="mixed", end="--b--\n", **fields) -> bytes:
    return mail(
        "".join(f"--b\n{part}\n" for part in parts) + end, Content_Type=f"multipart/{kind}; boundary=b", **fields
    )


def both(more="", text=TEXT) -> bytes:
    """Text and HTML that say the same, but for ``more`` in the HTML."""
    html = "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + HTML.format(more=more)
    return multipart(f"Content-Type: text/plain\n\n{text}", html, kind="alternative")


def file(name: str, octets=b"%PDF-1.7", kind="application/octet-stream") -> bytes:
    head = (
        f'Content-Type: {kind}\nContent-Disposition: attachment; filename="{name}"\nContent-Transfer-Encoding: base64'
    )
    return multipart(f"Content-Type: text/plain\n\n{TEXT}", f"{head}\n\n{encodebytes(octets).decode()}")


def packed(*names: str, flags=0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    octets = bytearray(stream.getvalue())
    for match in re.finditer(b"PK\x01\x02", octets):
        octets[match.start() + 8] |= flags
    return bytes(octets)


def link(href: str, text="hier") -> bytes:
    return both(f'<a href="{href}">{text}</a>')


ONE_EACH = {
    "from.invalid": [mail(drop=["From"]), mail(From="Bakker"), mail(From="a@b.nl, c@d.nl")],
    "dup_headers": [mail(more="Subject: Factuur\r\n"), mail(more="from: x@example.nl\r\n")],
    "date.missing": [mail(drop=["Date"])],
    "date.invalid": [mail(Date="gisteren"), mail(Date=""), mail(Date="Tue, 99 Nov 2026 99:05:03 +0000")],
    "date.skew": [
        mail(Date="Wed, 25 Nov 2026 09:05:03 +0000"),
        mail(more="Received: from a by b; Tue, 1 Dec 2026 09:05:03 +0000\r\n"),
    ],
    "mid.missing": [mail(drop=["Message-ID"]), mail(Message_ID="")],
    "mid.domain": [mail(Message_ID="<1@localhost>"), mail(Message_ID="<1@pc.local>"), mail(Message_ID="<1>")],
    "to.missing": [mail(drop=["To"]), mail(To="undisclosed-recipients:;")],
    "subject.empty": [mail(drop=["Subject"]), mail(Subject="")],
    "subject.caps": [mail(Subject="FACTUUR VAN BAKKER 2026-0417")],
    "subject.length": [mail(Subject="Factuur 2026-0417 " * 10)],
    "subject.re_fake": [mail(Subject="Re: factuur 2026-0417"), mail(Subject="AW: factuur")],
    "from.name.email": [mail(From='"info@bakker.nl" <info@bakker.example.nl>')],
    "from.name.title": [mail(From='"Dr. Bakker" <info@bakker.example.nl>')],
    "from.name.len": [mail(From=f'"{"Bakker " * 10}" <info@bakker.example.nl>')],
    "from.name.emoji": [mail(From="=?utf-8?B?4p2kIEJha2tlcg==?= <info@bakker.example.nl>")],
    "replyto.domain": [mail(Reply_To="info@anders.example.com")],
    "replyto.freemail": [mail(Reply_To="bakker@gmail.com")],
    "replyto.digit": [mail(Reply_To="bakker12@gmail.com")],
    "replyto.none": [mail(From="noreply@bakker.example.nl")],
    "replyto.same": [mail(Reply_To="info@bakker.example.nl")],
    "autosubmitted": [mail(X_Mailer="PHPMailer 6.9")],
    "unsub": [mail("Het laatste nieuws!", Subject="Nieuws", List_Id="<n.example.nl>")],
    "unsub.document": [mail(List_Unsubscribe="<mailto:u@example.nl>")],
    "line.998": [mail("x" * 999)],
    "line.bare_lf": [mail() + b"a\nb\r\n"],
    "line.bare_cr": [mail() + b"a\rb\r\n"],
    "line.nul": [mail() + b"a\0b\r\n"],
    "line.8bit": [mail(Subject="Factuur café 2026-0417")],
    "line.8bit.body": [mail(TEXT + "café")],
    "mime.broken": [mail(Content_Type="multipart/mixed"), mail(Content_Type="multipart/mixed; boundary=b")],
    "mime.limit": [multipart(*["\n"] * 1100)],
    "image_only": [
        mail('<html><img src="cid:x"></html>', Content_Type="text/html"),
        mail('<img src="https://example.nl/a.png"><p>Factuur</p>', Content_Type="text/html"),
    ],
    "empty": [mail(""), multipart('Content-Type: application/pdf; name="a.pdf"\n\n%PDF-1.4')],
    "text.missing": [mail(HTML.format(more=""), Content_Type="text/html")],
    "text.diff": [both("".join(f"<p>woord{chr(97 + n)}x ander{chr(97 + n)}x</p>" for n in range(26)), "Zie HTML.")],
    "html.support": [both("<form></form>"), both('<p style="display: flex">x</p>'), both("<video></video>")],
    "phrase.account": [mail(TEXT + "Bevestig uw account.")],
    "phrase.bank": [mail(TEXT + "Ons nieuwe rekeningnummer staat op de factuur.")],
    "phrase.urgent": [mail(TEXT + "Betaal binnen 24 uur.")],
    "phrase.prize": [mail(TEXT + "U hebt gewonnen!")],
    "phrase.click": [mail(TEXT + "Klik hier.")],
    "link.mismatch": [link("https://fout.example.com/", "www.bakker.example.nl")],
    "link.ip": [link("https://192.0.2.7/x"), link("https://3221226219/")],
    "link.shortener": [link("https://bit.ly/x")],
    "link.http": [link("http://bakker.example.nl/"), mail(TEXT + "http://bakker.example.nl/x")],
    "link.mixed_script": [link("https://p\u0430ypal.example.com/"), link("https://xn--pypal-4ve.com/")],
    "link.redirect": [link("https://bakker.example.nl/?to=https://anders.example.com/")],
    "attach.type": [file("a.exe"), file("a.JS. ")],
    "attach.type.inside": [file("a.zip", packed("b/c.vbs"))],
    "attach.double_ext": [file("factuur.pdf.exe"), file("a.zip", packed("factuur.pdf.js"))],
    "attach.macro": [file("a.docm"), file("a.docx", packed("word/vbaProject.bin"))],
    "attach.zip_encrypted": [file("a.zip", packed("factuur.pdf", flags=1))],
    "attach.name": [file("facturé.pdf")],
    "attach.magic": [file("factuur.pdf", b"<html>"), file("a.pdf", b"MZ\x90"), file("a.png", b"%PDF-1.7")],
    "size": [mail("x" * 70 + "\r\n" + ("x" * 70 + "\r\n") * 300_000)],
    "unicode": [
        mail(Subject="=?utf-8?Q?Fac=E2=80=8Btuur?="),
        mail(Subject="=?utf-8?Q?Fac=E2=80=AEtuur?="),
        mail(From="=?utf-8?B?8J+PtPOggaU=?= x <info@bakker.example.nl>"),
        mail(Subject="=?utf-8?Q?F=D0=B0ctuur?="),
    ],
    "impersonal": [mail("Geachte klant,\n\nBijgaand de factuur.\n", Subject="Factuur", From="info@dienst.example")],
}
# What is as it should be, and must not be flagged.
FINE = {
    "plain": mail(),
    "two forms": both(),
    "its own link": link("https://www.bakker.example.nl/factuur", "bakker.example.nl"),
    "words on a link": link("https://bakker.example.nl/", "Bekijk de factuur"),
    "a PDF": file("factuur-2026-0417.pdf"),
    "a PDF with octets before it": file("factuur.pdf", b"\n%PDF-1.7"),
    "a ZIP file": file("foto.zip", packed("a.jpg", "b.jpg")),
    "an answer": mail(Subject="Re: factuur 2026-0417", In_Reply_To="<1@example.nl>"),
    "answers at a sub-domain": mail(Reply_To="info@post.bakker.example.nl"),
    "generated, and it says so": mail(X_Mailer="PHPMailer 6.9", Auto_Submitted="auto-generated"),
    "LF throughout, as editors write": mail().replace(b"\r\n", b"\n"),
    "an encoded name": mail(From="=?utf-8?Q?M=C3=BCller?= <info@bakker.example.nl>"),
    "an emoji with a joiner": mail(Subject="=?utf-8?B?RmFjdHV1ciAyMDI2LTA0MTcg8J+RqOKAjfCflKc=?="),
    "letters declared": mail(TEXT + "café", Content_Transfer_Encoding="8bit"),
    "a language that we do not speak": mail("Estimado cliente:\nadjuntamos su factura.\n", Subject="Factura"),
    "an abbreviation": mail(Subject="BTW en KvK"),
}


def found(octets: bytes) -> set[str]:
    return {finding.id.removeprefix("msg.") for finding in check_message(octets, NOW).findings}


@pytest.mark.parametrize("id", ONE_EACH)
def test_found(id):
    assert [octets[:300] for octets in ONE_EACH[id] if id not in found(octets)] == []


@pytest.mark.parametrize("name", FINE)
def test_not_found(name):
    assert found(FINE[name]) == set()


def test_every_finding_has_a_case():
    """But for those of the filters and of rewriting, which have tests of their own, and the missing tokens."""
    keys = {key.removeprefix("check.msg.") for key in catalog("en").sentences if key.startswith("check.msg.")}
    assert {key for key in keys if not key.startswith(("sa.", "rewrite.", "impersonal."))} == set(ONE_EACH)


def test_what_is_missing_is_named():
    octets = ONE_EACH["impersonal"][0]
    tokens = {key for key in catalog("en").sentences if key.startswith("check.msg.impersonal.")}
    assert {f"check.msg.{id}" for id in found(octets) if id.startswith("impersonal.")} == tokens


def test_size_has_two_limits():
    def severity(megabytes):
        return [finding.severity for finding in judge_size(Mail(b"x" * (megabytes * 1024 * 1024 + 1)))]

    assert [severity(megabytes) for megabytes in (19, 20, 25)] == [[], ["warning"], ["error"]]


def test_signatures_are_judged_too():
    octets = mail(more="DKIM-Signature: v=1; a=rsa-sha256; d=bakker.example.nl; s=a; h=To; bh=eA==; b=eA==; l=5\r\n")
    ids = {finding.id for finding in check_message(octets, NOW).findings}
    assert {"dkim.sig.length", "dkim.sig.headers"} <= ids
