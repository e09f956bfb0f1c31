"""S01: whether a login exists shows in nothing: not in the reply, and not in the work that is done before it."""

from __future__ import annotations

import hashlib
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from relay.mail.tenant import Login, Tenant
from relay.server.sign_in import SignIns
from relay.store.group import CommitGroup

PEER = "192.0.2.1"
HOME = ("198.51.100.0/24",)
LOGINS = ("app", "gone", "printer")
UNKNOWN = ("apq", "nobody", "' or 1=1")


@dataclass
class Counting:
    """A store behind a counter of what is asked of it."""

    group: CommitGroup
    asked: list[str] = field(default_factory=list)

    async def read(self, work):
        self.asked.append("read")
        return await self.group.read(work)

    async def write(self, work):
        self.asked.append("write")
        return await self.group.write(work)


@pytest.fixture
async def counting(tmp_path: Path) -> AsyncIterator[Counting]:
    group = CommitGroup(f"sqlite:///{tmp_path}/relay.db")
    await group.start()
    digest = hashlib.sha256(b"right").digest()

    def fill(store) -> None:
        store.add_tenant(Tenant("t1", "Bakker B.V.", "info@bakker.example", "nl", 0.0))
        store.add_login(Login("app", "t1", digest, 0.0))
        store.add_login(Login("gone", "t1", digest, 0.0, revoked_at=1.0))
        store.add_login(Login("printer", "t1", digest, 0.0, networks=HOME))

    await group.write(fill)
    yield Counting(group)
    await group.close()


async def work_of(sign_ins: SignIns, counting: Counting, username: str, secret: str) -> tuple[Counter[str], list[str]]:
    """The hashes and comparisons that a sign-in makes, and what it asks of the store."""
    counting.asked.clear()
    made: Counter[str] = Counter()

    def note(_frame, event, called) -> None:
        name = getattr(called, "__name__", "")
        if event == "c_call" and ("sha" in name or "scrypt" in name or "compare" in name):
            made[name] += 1

    sys.setprofile(note)
    try:
        assert await sign_ins.sign_in(username, secret, PEER) is None
    finally:
        sys.setprofile(None)
    return made, list(counting.asked)


async def at_once(_seconds: float) -> None:
    """What would have been waited for is said by the other tests."""


async def test_known_and_unknown_logins_cost_the_same_work(counting: Counting) -> None:
    sign_ins = SignIns(counting, lambda: 1_000_000.0, at_once)
    works = [
        await work_of(sign_ins, counting, username, secret)
        for username in (*LOGINS, *UNKNOWN)
        for secret in ("wrong", "", "x" * 10_000)
    ]
    first = works[0]
    assert first[0].total() >= 2, "a hash and a comparison"
    assert first[1] == ["read"]
    assert [work for work in works if work != first] == []


async def test_the_right_password_of_a_login_that_is_gone_is_a_wrong_one(counting: Counting, caplog) -> None:
    sign_ins = SignIns(counting, lambda: 1_000_000.0, at_once)
    for username in ("gone", "nobody"):
        assert await sign_ins.sign_in(username, "right", PEER) is None
    lines = [record.getMessage().replace("gone", "nobody") for record in caplog.records]
    assert lines[0] == lines[1]


def test_the_replies_are_the_same(serve: Callable) -> None:
    serving = serve(auth_failures=100, errors=100)
    client = serving.connect()
    client.reply()
    client.command("EHLO app.example")
    replies = {client.command(b"AUTH PLAIN " + token) for token in (b"AGFwcAB3cm9uZw==", b"AG5vYm9keQB3cm9uZw==")}
    assert len(replies) == 1
    assert next(iter(replies)).startswith("535 5.7.8 ")


async def test_guesses_at_endless_names_take_little_memory(counting: Counting) -> None:
    sign_ins = SignIns(counting, lambda: 1_000_000.0, at_once)
    tracemalloc.start()
    try:
        for number in range(1000):
            assert await sign_ins.sign_in(f"{number}{'x' * 9000}", "wrong", PEER) is None
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()
