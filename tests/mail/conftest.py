"""Shared by the tests of the domain: the published cases, and rewriting a header in one call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay.mail.address import parse_address
from relay.mail.message import BytesBody, Message, MessageError
from relay.mail.reply import Refusal
from relay.mail.rewrite import RewritePolicy, Rewritten, rewrite
from relay.mail.sender import Verified, admit

TABLE = json.loads((Path(__file__).parents[1] / "cases" / "rewrite.json").read_text("utf-8"))
KNOWN = Verified(frozenset(parse_address(text).key for text in TABLE["verified"]))
POLICY = RewritePolicy(
    platform=parse_address(TABLE["platform"]),
    platform_name="Klantenplatform",
    company=TABLE["tenant_name"],
    display_name="message",
)

Outcome = Rewritten | Refusal
Rewrite = Callable[..., Outcome]


def rewrite_header(header: bytes | str, known: Verified = KNOWN, *, smtputf8: bool = False, **policy: Any) -> Outcome:
    """What becomes of a header block; all events are in the result."""
    octets = header if isinstance(header, bytes) else header.encode()
    try:
        message = Message.parse(octets, BytesBody(b"body\r\n"))
    except MessageError as error:
        return error.refusal
    admitted = admit(message, known, smtputf8=smtputf8)
    if isinstance(admitted, Refusal):
        return admitted
    date, message_id = "Tue, 24 Nov 2026 08:00:00 +0000", "<1@customers.platform.example>"
    done = rewrite(message, admitted, known, replace(POLICY, **policy), date=date, message_id=message_id)
    if isinstance(done, Refusal):
        return done
    return Rewritten(done.message, done.changes, (*admitted.events, *done.events))


@pytest.fixture(scope="session")
def rewritten() -> Rewrite:
    """A function: header block and settings to `Rewritten` or `Refusal`, under the settings of the published cases."""
    return rewrite_header


@pytest.fixture(scope="session")
def lines() -> Callable[[Outcome, str], list[str]]:
    """A function: the raw fields of a name in a result, without their last line end."""

    def of(outcome: Outcome, *names: str) -> list[str]:
        assert isinstance(outcome, Rewritten), outcome
        return [field.raw.decode()[:-2] for field in outcome.message.fields if field.name in names]

    return of
