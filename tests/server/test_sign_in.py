"""Signing in: passwords, networks of a login, and the pause after guesses."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

import pytest

from relay.mail.tenant import Login, Tenant
from relay.server.sign_in import MOST_FAILURES, PAUSE, SignIns
from relay.store.group import CommitGroup

SECRET = "a-secret-of-many-letters"
HOME, AWAY = "192.0.2.1", "198.51.100.7"
FILTER = Path(__file__).parents[2] / "contrib" / "fail2ban" / "relay.conf"


@dataclass
class Door:
    """Sign-ins on a real store, under a clock that the test turns."""

    sign_ins: SignIns
    clock: list[float] = field(default_factory=lambda: [1_000_000.0])
    waits: list[float] = field(default_factory=list)

    async def opens(self, username: str = "app", secret: str = SECRET, peer: str = HOME) -> bool:
        return await self.sign_ins.sign_in(username, secret, peer) is not None

    async def guess(self, times: int, peer: str = HOME) -> None:
        for _ in range(times):
            assert not await self.opens(secret="wrong", peer=peer)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    group = CommitGroup(f"sqlite:///{tmp_path}/relay.db")
    await group.start()
    digest = hashlib.sha256(SECRET.encode()).digest()

    def fill(store) -> None:
        store.add_tenant(Tenant("t1", "Bakker B.V.", "info@bakker.example", "nl", 0.0))
        store.add_login(Login("app", "t1", digest, 0.0))
        store.add_login(Login("printer", "t1", digest, 0.0, networks=("192.0.2.0/28", "2001:db8::/64")))
        store.add_login(Login("gone", "t1", digest, 0.0, revoked_at=1.0))

    await group.write(fill)
    clock = [1_000_000.0]
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    yield Door(SignIns(group, lambda: clock[0], wait), clock, waits)
    await group.close()


async def test_the_right_password_and_no_other(door: Door) -> None:
    assert await door.opens()
    assert not await door.opens(secret=SECRET[:-1])
    assert not await door.opens(secret="")
    assert not await door.opens(username="nobody")
    assert not await door.opens(username="gone")


@pytest.mark.parametrize(
    ("peer", "opens"),
    [
        ("192.0.2.1", True),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::1", True),
        ("192.0.2.16", False),
        ("2001:db8:1::1", False),
        ("127.0.0.1", False),
    ],
)
async def test_a_login_with_networks_is_for_these_alone(door: Door, peer: str, opens: bool) -> None:
    assert await door.opens("printer", peer=peer) is opens


async def test_twenty_guesses_are_followed_by_a_pause_there_and_nowhere_else(door: Door) -> None:
    await door.guess(MOST_FAILURES)
    assert not await door.opens()
    assert await door.opens(peer=AWAY)
    assert await door.opens("printer")
    door.clock[0] += PAUSE - 1
    assert not await door.opens()  # and does not make it longer
    door.clock[0] += 1
    assert await door.opens()


async def test_success_forgets_what_went_before(door: Door) -> None:
    await door.guess(MOST_FAILURES - 1)
    assert await door.opens()
    await door.guess(MOST_FAILURES - 1)
    assert await door.opens()


async def test_guesses_of_long_ago_do_not_count(door: Door) -> None:
    await door.guess(MOST_FAILURES - 1)
    door.clock[0] += PAUSE
    await door.guess(1)
    assert await door.opens()


async def test_answers_come_later_the_more_guesses_there_were_and_never_for_the_right_password(door: Door) -> None:
    await door.guess(3)
    await door.guess(1, peer=AWAY)  # the same login from elsewhere
    await door.opens("nobody", peer=HOME)  # another login from here
    assert door.waits == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.3])
    assert await door.opens()
    assert len(door.waits) == 5
    await door.guess(60)
    assert max(door.waits) <= 5.0
    door.clock[0] += PAUSE
    door.waits.clear()
    await door.guess(1)
    assert door.waits == [0.0]


async def test_the_fail2ban_filter_finds_every_failure_and_nothing_else(
    door: Door, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    program = which("fail2ban-regex")
    if program is None:
        pytest.skip("fail2ban-regex is not installed (Debian: fail2ban)")
    await door.guess(3)
    await door.opens("nobody' ip=10.0.0.1", peer=AWAY)
    await door.opens("printer", peer="2001:db8:1::1")
    await door.opens()
    lines = [f"2026-11-24 12:00:0{n} WARNING {r.name} {r.getMessage()}" for n, r in enumerate(caplog.records)]
    lines += ["2026-11-24 12:00:09 INFO relay.intake accepted id=x tenant=t from=auth failed user='x' ip=10.0.0.2"]
    matched, hosts = filtered(program, lines, tmp_path / "relay.log")
    assert "Lines: 6 lines, 0 ignored, 5 matched, 1 missed" in matched
    assert hosts.split() == [HOME, HOME, HOME, AWAY, "2001:db8:1::1"]


def filtered(program: str, lines: list[str], log: Path) -> tuple[str, str]:
    """What fail2ban says of a log, and the addresses that it would ban."""
    log.write_text("\n".join(lines) + "\n")
    calls = (["--print-all-matched"], ["--out", "ip"])
    matched, hosts = (subprocess.check_output([program, *more, str(log), str(FILTER)], text=True) for more in calls)
    return matched, hosts
