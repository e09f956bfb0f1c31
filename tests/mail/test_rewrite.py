"""The published cases, and what no message may get past (rules A to C)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relay.mail.message import BytesBody, Message, MessageError
from relay.mail.reply import Refusal
from relay.mail.rewrite import RewritePolicy, Rewritten, resolve_platform_address, rewrite
from relay.mail.address import parse_address
from relay.mail.sender import Verified, admit

TABLE = json.loads((Path(__file__).parents[1] / "cases" / "rewrite.json").read_text("utf-8"))
KNOWN = Verified(frozenset(parse_address(text).key for text in TABLE["verified"]))
POLICY = RewritePolicy(parse_address(TABLE["platform"]), "Platform", TABLE["tenant_name"], display_name="message")


def outcome(header: bytes, policy: RewritePolicy = POLICY, known: Verified = KNOWN):
    try:
        message = Message.parse(header, BytesBody(b""))
    except MessageError as error:
        return error.refusal, ()
    admitted = admit(message, known)
    if isinstance(admitted, Refusal):
        return admitted, ()
    result = rewrite(message, admitted, known, policy, date="D", message_id="<m@x>")
    if isinstance(result, Refusal):
        return result, ()
    return result, (*admitted.events, *result.events)


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["id"])
def test_published_case(case) -> None:
    policy = RewritePolicy(POLICY.platform, "Platform", POLICY.company, "message", case.get("settings", {}).get("reply_to", "refuse"))
    result, events = outcome(case["input"].encode("latin-1"), policy)
    expect = case["expect"]
    if "refuse" in expect:
        assert isinstance(result, Refusal)
        assert f"{result.code} {result.enhanced}" == expect["refuse"]
    else:
        assert isinstance(result, Rewritten), result
        headers = [f.raw.decode()[:-2] for f in result.message.fields if f.key in {"from", "reply-to"}]
        assert headers == expect["headers"]
        assert list(events) == expect["events"]
