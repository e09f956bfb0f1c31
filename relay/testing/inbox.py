"""A relay of a test's own: `relay dev` in a process beside it, on free ports, asked by HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

PATIENCE = 10.0  # seconds
STOPS_WITHIN = 10.0


class NoMail(AssertionError):
    """No message came that fits; the text says what did come."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as it was sent. ``raw`` is all that is known of it, as the API says it."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str
    links: tuple[str, ...]
    codes: tuple[str, ...]
    raw: dict[str, Any] = field(repr=False)

    def header(self, name: str) -> str:
        """The first field of that name as it left, or nothing."""
        fields = self.raw["sent"]["header"]
        return next((one["value"] for one in fields if one["name"].lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where an app under test hands in its mail, and where the test finds it. ``sender`` is confirmed already."""

    host: str
    port: int
    username: str
    password: str
    sender: str
    url: str

    def wait(self, seconds: float = PATIENCE, **search: str) -> Mail:
        """The newest message that fits, once there is one. ``search``: ``to``, ``subject``, ``tenant``, ``document``,
        ``has``, ``before``, ``after``, ``q``, and ``from_``. Raises `NoMail`."""
        asked = {name.rstrip("_"): value for name, value in search.items()}
        try:
            return mail_of(self.ask("GET", "/api/v1/messages/latest", asked | {"wait": f"{seconds:g}"}, seconds))
        except HTTPError as error:
            if error.code != 404:
                raise
        came = [f"{one['subject']!r} to {', '.join(one['to'])}" for one in self.listed()]
        wanted = ", ".join(f"{name}={value!r}" for name, value in search.items()) or "any message"
        raise NoMail(f"no mail within {seconds:g} s for {wanted}; there is: {'; '.join(came) or 'none at all'}")

    def messages(self, **search: str) -> list[Mail]:
        """All that fit now, the newest first."""
        return [mail_of(self.ask("GET", f"/api/v1/messages/{one['id']}")) for one in self.listed(**search)]

    def listed(self, **search: str) -> list[dict[str, Any]]:
        """The same as the API lists them, without their content."""
        asked = {name.rstrip("_"): value for name, value in search.items()}
        listed: list[dict[str, Any]] = self.ask("GET", "/api/v1/messages", asked)["messages"]
        return listed

    def clear(self) -> None:
        """Delete everything that was caught."""
        self.ask("DELETE", "/api/v1/messages", {"all": "yes"})

    def ask(self, method: str, path: str, query: dict[str, str] | None = None, seconds: float = 0.0) -> dict[str, Any]:
        """One question to the API. Raises HTTPError."""
        url = f"{self.url}{path}?{urlencode(query or {})}"
        with urlopen(Request(url, method=method), timeout=seconds + PATIENCE) as answer:  # noqa: S310 - loopback
            told: dict[str, Any] = json.load(answer)
            return told


def mail_of(raw: dict[str, Any]) -> Mail:
    """A message from what the API says of it."""
    return Mail(
        id=raw["id"],
        sender=raw["from"]["address"],
        recipients=tuple(raw["to"]),
        subject=raw["subject"],
        text=raw["text"] or "",
        html=raw["html"] or "",
        links=tuple(raw["links"]),
        codes=tuple(raw["codes"]),
        raw=raw,
    )


@contextmanager
def open_inbox() -> Iterator[Inbox]:
    """A relay for the length of a block."""
    command = [sys.executable, "-m", "relay", "dev", "--smtp", "0", "--http", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"relay dev ended with exit code {process.wait(STOPS_WITHIN)}; what it said is above")
        ready = json.loads(line)
        smtp = ready["smtp"]
        yield Inbox(
            smtp["address"], smtp["port"], smtp["username"], smtp["password"], smtp["sender"], ready["http"]["url"]
        )
    finally:
        process.stdout.close()
        process.terminate()
        process.wait(STOPS_WITHIN)
