"""Which addresses are ours where mail comes in: guesses, expired ones, and those of messages that are gone (H13)."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.config.schema import Config, Platform
from relay.mail.address import Address
from relay.mail.ids import make_id
from relay.mail.reply import Reply
from relay.mail.verp import verp_address
from relay.server.bounces import BounceDesk
from relay.server.inbound import ForAnswers, ForBounces, ForPostmaster, Inbound
from relay.server.office import Office
from relay.server.replies import ReplyDesk
from relay.server.signer import UNSIGNED
from relay.store.group import CommitGroup
from relay.store.store import open_store

NOW = 1_800_000_000.0
KEY = b"0123456789abcdef0123456789abcdef"
DOMAIN = "bounce.platform.example"
DELIVERY = make_id(NOW, 7)


def path(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def make(group: CommitGroup, address: str = "mail@customers.platform.example", postmaster: str = "") -> Inbound:
    platform = Platform(address=address, bounce_domain=DOMAIN, postmaster=postmaster)
    office = Office(Config(platform=platform), UNSIGNED, "relay.platform.example")
    answers = ReplyDesk(group, office, lambda: None, lambda: NOW, b"loop")
    return Inbound(office, group, KEY, BounceDesk(group, lambda: NOW), answers, lambda: NOW)


@pytest.fixture
async def group(tmp_path: Path) -> AsyncIterator[CommitGroup]:
    url = f"sqlite:///{tmp_path / 'relay.db'}"
    open_store(url).close()
    opened = CommitGroup(url)
    await opened.start()
    yield opened
    await opened.close()


async def test_a_delivery_is_known_by_its_address_until_it_expires(group: CommitGroup) -> None:
    inbound = make(group)
    good = path(verp_address(DELIVERY, int(NOW), KEY, DOMAIN))
    assert inbound.whose(good) == ForBounces(DELIVERY)
    assert inbound.whose(Address(good.local.upper(), DOMAIN)) == ForBounces(DELIVERY)
    late = inbound.whose(path(verp_address(DELIVERY, int(NOW) - 1, KEY, DOMAIN)))
    assert isinstance(late, Reply)
    assert late.text == "550 5.1.1 that address was for one message and is not valid any more"


async def test_a_message_that_is_gone_is_said_to_be(group: CommitGroup) -> None:
    said = await make(group).weigh(path(verp_address(DELIVERY, int(NOW), KEY, DOMAIN)))
    assert said is not None
    assert said.text == "550 5.1.1 nothing is known of that message any more"


async def test_no_guess_is_an_address(group: CommitGroup) -> None:
    inbound, random_ = make(group), random.Random(13)
    good = path(verp_address(DELIVERY, int(NOW), KEY, DOMAIN)).local
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    guesses = {"".join(random_.choices(letters, k=40)) for _ in range(20_000)}
    guesses |= {good[:at] + random_.choice(letters) + good[at + 1 :] for at in range(40)} - {good}
    assert [guess for guess in guesses if not isinstance(inbound.whose(Address(guess, DOMAIN)), Reply)] == []


async def test_platform_addresses_and_officers(group: CommitGroup) -> None:
    shared = make(group)
    assert shared.whose(path("Mail@customers.platform.example")) == ForAnswers("")
    own = make(group, "{tenant}@customers.platform.example", "beheer@elders.example")
    assert own.whose(path("0123abc@customers.platform.example")) == ForAnswers("0123abc")
    assert own.whose(path("postmaster@customers.platform.example")) == ForPostmaster()
    assert own.whose(path("ABUSE@relay.platform.example")) == ForPostmaster()
    assert isinstance(shared.whose(path("postmaster@customers.platform.example")), Reply)


@pytest.mark.parametrize(
    "address",
    [
        f"x%klant.example@{DOMAIN}",
        "mail@klant.example",
        f"mail@{DOMAIN}",
        "mail@customers.platform.example.klant.example",
        f"root@{DOMAIN}",
    ],
)
async def test_nothing_else_is_taken(group: CommitGroup, address: str) -> None:
    said = make(group).whose(path(address))
    assert isinstance(said, Reply)
    assert said.code == 550
