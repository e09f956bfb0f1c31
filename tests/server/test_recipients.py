"""Hopeless recipients at RCPT: refused or warned about, in the tenant's language, and never where nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from relay.mail.address import Address, parse_address
from relay.mail.tenant import Tenant
from relay.net.dns import Lookup
from relay.net.zone import Zone
from relay.server import recipients
from relay.server.recipients import RecipientCheck
from relay.store.group import CommitGroup
from relay.store.sqlite import SqliteDatabase
from relay.store.store import Store

ZONE: dict[str, Any] = {
    "bakker.nl": {"MX": ["10 mx.bakker.nl"]},
    "mx.bakker.nl": {"A": ["192.0.2.1"]},
    "implicit.nl": {"A": ["192.0.2.1"], "TXT": ["v=spf1 -all"]},
    "null.nl": {"MX": ["0 ."]},
    "nothing.nl": {"TXT": ["hello"]},
    "private.nl": {"A": ["10.0.0.1"]},
    "zigo.nl": {"A": ["10.0.0.1"]},
    "dead.nl": {"MX": ["10 gone.dead.nl"]},
    "slow.nl": "timeout",
    "xn--bcher-kva.de": {"MX": ["0 ."]},
}
OK = "250 2.1.5 recipient ok"
GONE = "550-5.1.2 Het domein van {} bestaat niet.\n550 5.1.2 Controleer hoe het adres gespeld is."
MEANT = "550-5.1.2 Het domein van {} bestaat niet.\n550 5.1.2 Bedoelde u {}?"


class Clock:
    """Time that passes when a test says so."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


class Remembering(Store):
    """A store that knows of one address where mail arrived."""

    def has_delivered(self, tenant_id: str, recipient: Address) -> bool:
        return (tenant_id, str(recipient)) == (TENANT.id, "jan@gone.nl")


TENANT = Tenant("t1", "Bakker B.V.", "info@bakker.example", "nl", 0.0)


@pytest.fixture
def group(server_loop: asyncio.AbstractEventLoop, tmp_path: Path) -> Iterator[CommitGroup]:
    """A store without anything in it."""
    opened = CommitGroup(f"sqlite:///{tmp_path / 'relay.db'}")
    asyncio.run_coroutine_threadsafe(opened.start(), server_loop).result(10)
    yield opened
    asyncio.run_coroutine_threadsafe(opened.close(), server_loop).result(10)


@pytest.fixture
def begin(serve: Callable[..., Any], group: CommitGroup) -> Callable[..., Any]:
    """A client after MAIL, at a listener that looks at recipients."""

    def begun(refuses: bool = True, zone: Any = None, clock: Any = None, **settings: Any) -> Any:
        check = RecipientCheck(group, zone or Zone(ZONE), clock or Clock(), refuses=refuses)
        client = serve(recipient_check=check, **settings).begin()
        assert client.command("MAIL FROM:<info@bakker.example>").startswith("250 ")
        return client

    return begun


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("jan@bakker.nl", OK),
        ("jan@implicit.nl", OK),
        ("jan@private.nl", OK),
        ("jan@dead.nl", OK),
        ("jan@slow.nl", OK),
        ("jan@gone.nl", GONE.format("jan@gone.nl")),
        ("jan@gmial.com", MEANT.format("jan@gmial.com", "jan@gmail.com")),
        (
            "jan@null.nl",
            "556-5.1.10 Het domein van jan@null.nl neemt geen mail aan.\n556 5.1.10 Vraag naar het juiste adres.",
        ),
        (
            "jan@nothing.nl",
            "550-5.1.2 Het domein van jan@nothing.nl neemt geen mail aan.\n550 5.1.2 Vraag naar het juiste adres.",
        ),
        (
            "jan@zigo.nl",
            "550-5.1.2 Het domein van jan@zigo.nl neemt geen mail aan.\n550 5.1.2 Bedoelde u jan@ziggo.nl?",
        ),
    ],
)
def test_a_hopeless_recipient_is_refused(begin: Callable[..., Any], recipient: str, reply: str) -> None:
    assert begin().command(f"RCPT TO:<{recipient}>") == reply


def test_a_warning_is_part_of_the_reply_and_the_mail_goes_on(begin: Callable[..., Any]) -> None:
    client = begin(refuses=False)
    assert client.command("RCPT TO:<jan@gmial.com>").split("\n") == [
        "250-2.1.5 recipient ok, but:",
        "250-2.1.5 Het domein van jan@gmial.com bestaat niet.",
        "250 2.1.5 Bedoelde u jan@gmail.com?",
    ]
    assert client.command("RCPT TO:<jan@bakker.nl>") == OK
    assert client.command("DATA").startswith("354 ")


def test_a_refused_recipient_is_not_in_the_envelope(serve: Callable[..., Any], group: CommitGroup) -> None:
    serving = serve(recipient_check=RecipientCheck(group, Zone(ZONE), Clock(), refuses=True))
    client = serving.begin()
    client.send(
        b"MAIL FROM:<info@bakker.example>\r\nRCPT TO:<jan@bakker.nl> NOTIFY=NEVER\r\nRCPT TO:<jan@gone.nl>\r\n"
        b"RCPT TO:<jan@bakker.nl>\r\nRCPT TO:<piet@bakker.nl>\r\nDATA\r\n"
    )
    assert [client.reply()[:3] for _ in range(6)] == ["250", "250", "550", "250", "250", "354"]
    client.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
    assert client.reply().startswith("250 ")
    [submission] = serving.desk.submissions
    assert [str(path) for path in submission.envelope.forward_paths] == ["jan@bakker.nl", "piet@bakker.nl"]
    assert set(submission.envelope.wishes) == {"jan@bakker.nl", "piet@bakker.nl"}


def test_a_message_to_nobody_else_cannot_begin(begin: Callable[..., Any]) -> None:
    client = begin()
    assert client.command("RCPT TO:<jan@gone.nl>").startswith("550")
    assert client.command("DATA") == "503 5.5.1 say RCPT first"


def test_hopeless_recipients_do_not_end_the_session(begin: Callable[..., Any]) -> None:
    client = begin(errors=3)
    replies = [client.command(f"RCPT TO:<jan@gone{number}.nl>") for number in range(9)]
    assert {reply[:3] for reply in replies} == {"550"}
    assert client.command("RCPT TO:<jan@bakker.nl>") == OK


def test_a_name_in_other_letters_is_quoted_in_ascii(begin: Callable[..., Any]) -> None:
    client = begin()
    assert client.command("RSET").startswith("250")
    assert client.command("MAIL FROM:<info@bakker.example> SMTPUTF8").startswith("250")
    client.send("RCPT TO:<jörg@bücher.de>\r\n".encode())
    assert client.reply().startswith("556-5.1.10 Het domein van j?rg@xn--bcher-kva.de neemt geen mail aan.")


def test_a_domain_is_asked_once_a_minute(begin: Callable[..., Any]) -> None:
    zone, clock = Zone(ZONE), Clock()
    client = begin(zone=zone, clock=clock)
    for number in range(5):
        assert client.command(f"RCPT TO:<u{number}@gone.nl>").startswith("550")
    assert zone.asked == [("gone.nl", "MX")]
    clock.at = recipients.KEPT_FOR
    zone.names["gone.nl"] = {"MX": ["10 mx.bakker.nl"]}
    assert client.command("RCPT TO:<jan@gone.nl>") == OK


def test_what_is_remembered_has_a_bound(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "MOST_DOMAINS", 2)
    zone = Zone(ZONE)
    client = begin(zone=zone)
    for name in ("a", "b", "c", "c", "b", "a"):
        assert client.command(f"RCPT TO:<jan@{name}.nl>").startswith("550")
    assert [name for name, _ in zone.asked] == ["a.nl", "b.nl", "c.nl", "a.nl"]


def test_a_nameserver_that_says_nothing_costs_no_more_than_its_time(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Zone):
        async def lookup(self, name: str, rdtype: str) -> Lookup:
            await asyncio.sleep(3600)
            raise AssertionError

    monkeypatch.setattr(recipients, "SECONDS", 0.05)
    client = begin(zone=Silent({}))
    assert client.command("RCPT TO:<jan@gone.nl>") == OK
    assert client.command("RCPT TO:<piet@gone.nl>") == OK


async def test_where_mail_arrived_before_it_goes_again(tmp_path: Path) -> None:
    group = CommitGroup(lambda: Remembering(SqliteDatabase(f"sqlite:///{tmp_path / 'relay.db'}")))
    await group.start()
    check = RecipientCheck(group, Zone(ZONE), Clock(), refuses=True)
    assert await check.weigh(TENANT, parse_address("jan@gone.nl")) is None
    assert await check.weigh(TENANT, parse_address("piet@gone.nl")) is not None
    await group.close()
    assert await check.weigh(TENANT, parse_address("piet@gone.nl")) is None  # nobody can say
