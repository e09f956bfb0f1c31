"""Makes the pictures in docs/images, in Debian's chromium: the pages of `relay dev --tour`, and a report on a broken
domain, which is made up."""

from __future__ import annotations

import asyncio
import email
import re
import subprocess
import sys
import tempfile
from email import policy
from pathlib import Path

from playwright.sync_api import sync_playwright

from relay.checks.asking import Asking
from relay.checks.domain import MOST_QUERIES, DomainQuestion, check_domain
from relay.checks.page import Asked, report_html
from relay.checks.sending import Mode, Sending
from relay.config import Platform
from relay.locales import catalog
from relay.mail.delivery import Answer, Delivery, State
from relay.mail.route import RouteKind
from relay.mail.tenant import Tenant
from relay.net.zone import Zone
from relay.server.reports import failure_notice
from relay.store.model import MessageKind, StoredMessage

IMAGES = Path(__file__).parent / "images"
NOON = 1_795_521_600.0  # 2026-11-24 12:00 UTC
INCLUDE = "spf.platform.example"
BROKEN = {
    INCLUDE: {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]},
    "bakker.example": {
        "TXT": [
            "v=spf1 a mx include:spf.webshop.example include:_spf.newsletter.example "
            "include:old-printer.example include:spf.platform.example ?all"
        ],
        "A": ["192.0.2.10"],
        "MX": ["10 mail.bakker.example"],
    },
    "mail.bakker.example": {"A": ["192.0.2.10"]},
    "spf.webshop.example": {"TXT": ["v=spf1 include:eu.webshop.example include:us.webshop.example ~all"]},
    "eu.webshop.example": {"TXT": ["v=spf1 ip4:203.0.113.0/26 ip4:203.0.113.64/26 -all"]},
    "us.webshop.example": {"TXT": ["v=spf1 ip4:203.0.113.128/26 -all"]},
    "_spf.newsletter.example": {"TXT": ["v=spf1 ip4:192.0.2.128/25 -all"]},
    "old-printer.example": {"A": ["192.0.2.77"]},
}


def main() -> None:
    """Run the tour, make the report, and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        file.write_text(asyncio.run(broken_report()), "utf-8")
        notice = Path(folder) / "notice.html"
        notice.write_text(failure_html(), "utf-8")
        take({"report.png": (file.as_uri(), 1480), "failure-notice.png": (notice.as_uri(), 800)})
    command = [sys.executable, "-m", "relay", "dev", "--smtp", "0", "--http", "0", "--tour"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "stays up" in line:
                break
        page = re.search(r"Look at it: (\S+)", said)
        assert page
        inbox = page[1].partition("/messages")[0]
        take({"before-after.png": (page[1], 620), "inbox.png": (inbox, 560)})
    finally:
        process.terminate()
        process.wait(30)


async def broken_report() -> str:
    """The report on a domain that has made the usual mistakes."""
    sending = Sending(Mode.OWN_DOMAIN, "bakker.example", "bounce.platform.example", dkim_domain="bakker.example")
    asking = Asking(Zone(BROKEN), most=MOST_QUERIES)
    report = await check_domain(asking, DomainQuestion("bakker.example", sending, INCLUDE))
    asked = Asked(NOON, ("192.0.2.53:53",), 93, asking.queries, asking.failed)
    return report_html(report.domain, report.parts, report.included, catalog("en"), asked)


def failure_html() -> str:
    """What the author of an invoice reads about a mailbox that does not exist, as HTML."""
    header = b"From: info@bakker.example\r\nTo: jansen@customer.example\r\nSubject: Invoice 2026-0042\r\n"
    message = StoredMessage(
        id="06h0t0b9oevka7u7", kind=MessageKind.SUBMISSION, tenant_id="t", login="app", author="info@bakker.example",
        subject="Invoice 2026-0042", document="invoice", original_header=header, header=header, body_size=0,
        body_sha256=b"", changes=(), events=(), route=RouteKind.PLATFORM, reverse_path="verp", smtputf8=False,
        eightbit=False, received_at=NOON, peer="",
    )  # fmt: skip
    failed = Delivery("d", message.id, "jansen@customer.example", "customer.example", State.FAILED, 1, NOON, NOON)
    answer = Answer("The email account that you tried to reach does not exist", 550, "5.1.1", "mx.customer.example")
    notice = failure_notice(
        Platform(), Tenant("t", "Bakker B.V.", "info@bakker.example", "en", NOON), message, [(failed, answer)],
        hostname="relay.platform.example", now=NOON + 60, message_id="<1@platform.example>",
    )  # fmt: skip
    mail = email.message_from_bytes(notice.header + b"\r\n" + b"".join(notice.body.chunks()), policy=policy.default)
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def take(pictures: dict[str, tuple[str, int]]) -> None:
    """One picture a page, at 1100 pixels wide and the height given."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, (url, height) in pictures.items():
            page = browser.new_page(viewport={"width": 1100, "height": height}, locale="en-GB")
            page.goto(url)
            page.screenshot(path=IMAGES / name)
        browser.close()


if __name__ == "__main__":
    main()
