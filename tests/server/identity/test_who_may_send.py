"""H02, H05: accepted if and only if the From is verified for that tenant, whatever else the message claims to be."""

from __future__ import annotations

import email
import itertools
from email import policy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PLATFORM = "mail@customers.platform.example"
TENANTS = ("bakker", "slager", "new")
MAY = {  # said independently of the code: who may send as what
    "info@bakker.example": {"bakker"},
    "INFO@Bakker.Example": {"bakker"},
    "both@shared.example": {"bakker", "slager"},
    "info@slager.example": {"slager"},
    "asked@bakker.example": set(),
    "no@slager.example": set(),
    "was@bakker.example": set(),
    "anybody@domain.example": {"bakker"},
    "was@domain.example": set(),
    "anybody@sub.domain.example": set(),
    "info+x@bakker.example": set(),
    "info@bakker.example.evil.example": set(),
    "stranger@bank.example": set(),
    PLATFORM: set(),
}
ADDRESSES = st.sampled_from(sorted(MAY))
MAYBE = st.one_of(st.none(), ADDRESSES)


def header_of(author: str, **others: str | None) -> str:
    """A header block; a field with None is left out."""
    named = {"From": author, "To": "klant@customer.example", "Subject": "Factuur"}
    fields = named | {name.replace("_", "-"): value for name, value in others.items() if value}
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def read(header: bytes):
    """A header as the standard library reads it."""
    return email.message_from_bytes(header + b"\r\n", policy=policy.default)


@pytest.mark.parametrize(("tenant", "author"), list(itertools.product(TENANTS, MAY)))
async def test_every_pair_of_a_tenant_and_a_from(desk, tenant: str, author: str) -> None:
    reply = await desk.submit(header_of(author), tenant)
    assert (reply.code == 250) is (tenant in MAY[author]), reply.text
    if reply.code != 250:
        assert (reply.code, reply.enhanced) == (550, "5.7.1")
        assert desk.outbox.queued == []


@given(
    tenant=st.sampled_from(TENANTS),
    author=ADDRESSES,
    reverse_path=ADDRESSES,
    sender=MAYBE,
    reply_to=MAYBE,
    resent_from=MAYBE,
    resent_sender=MAYBE,
)
@settings(
    max_examples=max(500, settings.default.max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_nothing_but_the_from_decides(
    desk, tenant, author, reverse_path, sender, reply_to, resent_from, resent_sender
) -> None:
    desk.clock[0] += 100_000  # no limit on verification mails is reached
    header = header_of(author, Sender=sender, Reply_To=reply_to, Resent_From=resent_from, Resent_Sender=resent_sender)
    before = len(desk.outbox.queued)
    reply = await desk.submit(header, tenant, reverse_path=reverse_path)
    answers_may = reply_to in (None, PLATFORM) or tenant in MAY[reply_to]
    assert (reply.code == 250) is (tenant in MAY[author] and answers_may), reply.text
    assert len(desk.outbox.queued) == before + (reply.code == 250)
    if reply.code != 250:
        return
    message = desk.left().message
    left = read(message.header)
    assert [each.addr_spec for each in left["From"].addresses] == [PLATFORM]
    assert left["From"].addresses[0].display_name == f"{tenant} B.V."
    expected = author if reply_to in (None, PLATFORM) else reply_to
    assert [each.addr_spec.lower() for each in left["Reply-To"].addresses] == [expected.lower()]
    assert left.get_all("Sender") is None
    assert message.reverse_path == "verp"  # the client's own never leaves


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ([], ["info@bakker.example"]),
        (["both@shared.example"], ["both@shared.example"]),
        (["both@shared.example", "Jan <info@bakker.example>"], ["both@shared.example", "info@bakker.example"]),
        (["both@shared.example, info@bakker.example"], ["both@shared.example", "info@bakker.example"]),
        (["both@shared.example", "BOTH@shared.example"], ["both@shared.example"]),
        ([PLATFORM], ["info@bakker.example"]),
        (["Mail@Customers.Platform.Example, both@shared.example"], ["both@shared.example"]),
        (["undisclosed:;"], ["info@bakker.example"]),
        (["team: both@shared.example, info@bakker.example;"], ["both@shared.example", "info@bakker.example"]),
        (["stranger@bank.example"], None),
        (["both@shared.example", "stranger@bank.example"], None),
        (["info@slager.example"], None),
        (["both@shared.example <info@slager.example>"], None),
        (["not an address"], None),
        (["<info@bakker.example"], None),
    ],
)
async def test_replies_go_to_the_tenant_alone(desk, fields: list[str], answers: list[str] | None) -> None:
    header = header_of("info@bakker.example") + "".join(f"Reply-To: {field}\r\n" for field in fields)
    reply = await desk.submit(header)
    assert (reply.code == 250) is (answers is not None), reply.text
    if answers is not None:
        left = read(desk.left().message.header)
        assert len(left.get_all("Reply-To")) == 1
        assert [each.addr_spec for each in left["Reply-To"].addresses] == answers


async def test_a_refusal_names_the_address_and_leaves_a_line_in_the_log(desk, caplog) -> None:
    caplog.set_level("INFO")
    reply = await desk.submit(header_of("info@slager.example"))
    assert "info@slager.example" in reply.text
    assert "refused tenant=bakker" in caplog.text
    assert "info@slager.example" in caplog.text
