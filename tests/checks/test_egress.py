"""Port 25 outwards: open, refused and silent ports on loopback, and what they come to."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator

import pytest

from relay.checks.asking import Asking
from relay.checks.egress import Reached, check_egress, dial
from relay.checks.model import Severity
from relay.checks.report import sentence
from relay.locales import LANGUAGES, catalog
from relay.net.zone import Zone

ZONE = {
    "mx1.example": {"A": ["198.51.100.1"]},
    "mx2.example": {"A": ["198.51.100.2"]},
    "six.example": {"AAAA": ["::1"]},
}
OPEN, TIMEOUT, REFUSED, UNREACHABLE = Reached.OPEN, Reached.TIMEOUT, Reached.REFUSED, Reached.UNREACHABLE
E, U = Severity.ERROR, Severity.UNKNOWN
TWO = ("mx1.example", "mx2.example")

# What happens at each host -> what is found.
CASES = [
    (TWO, (OPEN, OPEN), {}),
    (TWO, (TIMEOUT, OPEN), {}),
    (TWO, (REFUSED, OPEN), {}),
    (TWO, (TIMEOUT, TIMEOUT), {"egress.25": E}),
    (TWO, (REFUSED, TIMEOUT), {"egress.25": E}),
    (TWO, (REFUSED, REFUSED), {"egress.refused": E}),
    (TWO, (UNREACHABLE, REFUSED), {"egress.refused": E}),
    (TWO, (UNREACHABLE, UNREACHABLE), {"egress.unreachable": U}),
    (("gone.example",), (), {"egress.unknown": U}),
    (("six.example",), (), {"egress.unknown": U}),
    (("gone.example", "mx1.example"), (OPEN,), {}),
]


@pytest.mark.parametrize(("hosts", "outcomes", "wanted"), CASES)
async def test_finding(hosts, outcomes, wanted) -> None:
    left = iter(outcomes)

    async def answer(address: str, port: int, seconds: float) -> Reached:
        assert (address in {"198.51.100.1", "198.51.100.2"}, port) == (True, 25)
        return next(left)

    part = await check_egress(Asking(Zone(ZONE)), hosts, dial=answer)
    assert {finding.id: finding.severity for finding in part.findings} == wanted
    assert list(part.facts["tried"].values()) == list(outcomes)
    for language in LANGUAGES:
        assert all(not re.search(r"[{}]", sentence(finding, catalog(language))) for finding in part.findings)


def test_every_finding_has_a_case() -> None:
    sentences = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith("check.egress.")}
    assert {id for *_, wanted in CASES for id in wanted} == sentences


async def test_hosts_of_large_providers_are_tried_when_none_is_named() -> None:
    part = await check_egress(Asking(Zone({"gmail-smtp-in.l.google.com": {"A": ["198.51.100.1"]}})), dial=always_open)
    assert part.facts["tried"] == {"gmail-smtp-in.l.google.com": "open"}


async def always_open(address: str, port: int, seconds: float) -> Reached:
    return Reached.OPEN


@contextlib.contextmanager
def listening(backlog: int) -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(backlog)
        yield server.getsockname()[1]


async def test_an_open_port_is_told_nothing() -> None:
    with listening(5) as port:
        assert await dial("127.0.0.1", port, 5.0) is Reached.OPEN


async def test_a_closed_port_is_refused() -> None:
    with listening(1) as port:
        pass
    assert await dial("127.0.0.1", port, 5.0) is Reached.REFUSED


async def test_a_silent_port_is_a_timeout() -> None:
    with listening(0) as port, contextlib.ExitStack() as stack:
        for _ in range(4):  # a full backlog: the kernel drops what comes then, as a firewall does
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port))
        await asyncio.sleep(0.05)
        assert await dial("127.0.0.1", port, 0.2) is Reached.TIMEOUT


async def test_no_way_there() -> None:
    assert await dial("no address", 25, 1.0) is Reached.UNREACHABLE
