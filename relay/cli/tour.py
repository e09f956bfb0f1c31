"""The tour of ``relay dev --tour``: play the app and the person, from outside, and say what happens at each step.

It uses nothing that an app or a person would not: SMTP with a login, and the pages in the browser.
"""

from __future__ import annotations

import json
import re
import smtplib
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from relay.cli.sample import invoice_mail

UNCONFIRMED = "facturen@bakker.example"
CUSTOMER = "administratie@delinde.example"
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Tour:
    """Where the relay is, and as whom to sign in."""

    smtp: int
    page: str
    username: str
    password: str

    def run(self) -> None:
        """The whole story, step by step."""
        invoice = invoice_mail(UNCONFIRMED, CUSTOMER, time.time())
        step(1, f"An app submits an invoice from {UNCONFIRMED}, which nobody has confirmed yet. The relay refuses it:")
        show(self.submit(invoice))
        mail = self.wait_for("verification")
        step(2, f"A verification mail went to {UNCONFIRMED}. Caught as:")
        show(f"{mail['subject']}\n{self.page}/messages/{mail['id']}")
        link = self.link_in(mail["id"])
        step(3, "Somebody there opens the link, chooses yes and submits the form:")
        self.confirm(link)
        show(f"GET  {link}\nPOST {link}  answer=yes")
        step(4, "The app submits the same invoice again. Accepted, rewritten, signed, queued, delivered:")
        show(self.submit(invoice))
        sent = self.wait_for("submission")
        page = f"{self.page}/messages/{sent['id']}"
        before, after = self.headers(sent["id"])
        click.echo()
        click.echo("  " + click.style("Before", bold=True) + ", as the app wrote it")
        show(before)
        click.echo("  " + click.style("After", bold=True) + ", as the customer sees it; a reply goes to the company")
        show(after)
        click.echo()
        click.echo(f"  Look at it: {click.style(page, bold=True)}")
        click.echo(f"  All mail:   {self.page}")
        click.echo("\nThe relay stays up; stop it with Ctrl-C.")

    def submit(self, message: bytes) -> str:
        """Hand in a message as an app does; the server's answer to it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the certificate of `relay dev` is its own
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=PATIENCE) as client:
            client.starttls(context=context)
            client.login(self.username, self.password)
            client.mail(UNCONFIRMED)
            client.rcpt(CUSTOMER)
            code, text = client.data(message)
        return "\n".join(f"{code} {line}" for line in text.decode().splitlines())

    def wait_for(self, kind: str) -> dict[str, Any]:
        """The newest caught message of a kind."""
        return eventually(lambda: next((one for one in self.messages() if one["kind"] == kind), None))

    def messages(self) -> list[dict[str, Any]]:
        """What the page lists."""
        listed = json.loads(fetch(f"{self.page}/messages.json"))
        found: list[dict[str, Any]] = listed["messages"] if isinstance(listed, dict) else listed
        return found

    def link_in(self, message_id: str) -> str:
        """The confirmation link in a mail's text."""
        found = re.search(r"https?://[^\s\"<>]+/confirm/[\w-]+", fetch(f"{self.page}/messages/{message_id}/text"))
        if not found:
            raise LookupError("the verification mail holds no link")
        return found[0]

    def confirm(self, link: str) -> None:
        """Open the page, choose yes, submit."""
        nonce = re.search(r'name="nonce" value="([^"]+)"', fetch(link))
        if not nonce:
            raise LookupError("the page behind the link holds no form")
        fetch(link, urllib.parse.urlencode({"nonce": nonce[1], "answer": "yes"}).encode())

    def headers(self, message_id: str) -> tuple[str, str]:
        """From and Reply-To before and after."""
        shown = json.loads(fetch(f"{self.page}/messages/{message_id}.json"))
        return wanted(shown["original"]["header"]), wanted(shown["sent"]["header"])


def wanted(header: list[dict[str, str]]) -> str:
    """The From and Reply-To fields of a header."""
    fields = [field for field in header if field["name"].lower() in {"from", "reply-to"}]
    return "\n".join(f"{field['name']}: {field['value']}" for field in fields)


def fetch(url: str, form: bytes | None = None) -> str:
    """What a page answers."""
    with urllib.request.urlopen(url, form, timeout=PATIENCE) as answer:  # noqa: S310 - our own page
        return str(answer.read().decode())


def eventually(look: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """What ``look`` finds within a few seconds."""
    end = time.monotonic() + PATIENCE
    while (found := look()) is None:
        if time.monotonic() > end:
            raise TimeoutError("the relay did not get there in time")
        time.sleep(0.1)
    return found


def step(number: int, text: str) -> None:
    """The heading of a step."""
    click.echo(f"{click.style(str(number), bold=True)}  {text}")


def show(text: str) -> None:
    """Something seen, indented."""
    for line in text.splitlines():
        click.echo(click.style("     " + line, dim=True))


def run_tour(tour: Tour) -> None:
    """Run it; whatever goes wrong is said in one line and the relay stays up."""
    try:
        tour.run()
    except (OSError, smtplib.SMTPException, LookupError, ValueError) as error:
        click.echo(f"The tour stopped: {type(error).__name__}: {error}", err=True)
