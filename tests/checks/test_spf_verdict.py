"""The verdict: the RFC 7208 test suite in process, and what an independent implementation says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import spf

from relay.checks.asking import Asking
from relay.checks.spf.evaluate import check_host
from relay.net.dns import Records, Unknown
from relay.net.zone import Zone


async def test_suite(suite_case) -> None:
    test = suite_case.test
    verdict = await check_host(
        Asking(Zone(suite_case.zone)), test["host"], suite_case.domain, test["mailfrom"], test["helo"]
    )
    suite_case.judge(verdict.result, verdict.explanation)


def test_suite_is_complete(suite) -> None:
    assert len(suite) == 203
    assert sum("explanation" in case.test for case in suite) == 22


def published(zone: dict[str, Any], name: str, rdtype: str) -> list[Any]:
    """What the other implementation is told by its nameserver."""
    answer = asyncio.run(Zone(zone).lookup(name, rdtype))
    if isinstance(answer, Unknown):
        raise spf.TempError(f"DNS {answer.reason}")
    values = answer.values if isinstance(answer, Records) else ()
    shapes = {"TXT": lambda value: (value,), "MX": lambda value: (value.preference, value.exchange)}
    return [shapes.get(rdtype, lambda value: value)(value) for value in values]


class Other(spf.query):
    """pyspf over the same zone."""

    zone: dict[str, Any]

    def dns(self, name, qtype, cnames=None, ignore_void=False):
        values = published(self.zone, name, qtype)
        if not values and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("void")
        return values


RECORDS = [
    "v=spf1 a mx -all",
    "v=spf1 mx/24 ~all",
    "v=spf1 a:nothing.example a:nowhere.example ?all",
    "v=spf1 a:n1.example a:n2.example a:n3.example ?all",
    "v=spf1 include:inner.example -all",
    "v=spf1 -include:inner.example +all",
    "v=spf1 redirect=inner.example",
    "v=spf1 include:shop.example -all",
    "v=spf1 exists:%{i}.allowed.example -all",
    "v=spf1 a:%{l}.people.example -all",
    "v=spf1 ip4:192.0.2.0/24 moo",
    "v=spf1 ip6:2001:db8::/32 -all",
    "v=spf1 a:broken.example -all",
    "v=spf1 ip4:192.0.2.7 a:broken.example -all",
    "v=spf1 " + "a " * 11 + "-all",
]


@pytest.mark.parametrize("ip", ["192.0.2.7", "198.51.100.1", "2001:db8::7"])
@pytest.mark.parametrize("record", RECORDS)
async def test_another_implementation_agrees(record: str, ip: str) -> None:
    zone = {
        "shop.example": {"TXT": [record], "A": ["203.0.113.1"], "MX": ["10 mx.shop.example"]},
        "mx.shop.example": {"A": ["192.0.2.9"], "AAAA": ["2001:db8::7"]},
        "inner.example": {"TXT": ["v=spf1 ip4:192.0.2.7 ip6:2001:db8::/64 -all"]},
        "192.0.2.7.allowed.example": {"A": ["127.0.0.2"]},
        "jan.people.example": {"A": ["192.0.2.7"]},
        "broken.example": "SERVFAIL",
    }
    verdict = await check_host(Asking(Zone(zone)), ip, "shop.example", "jan@shop.example", "mx.shop.example")

    def theirs() -> str:
        query = Other(i=ip, s="jan@shop.example", h="mx.shop.example", strict=True)
        query.zone = zone
        return str(query.check()[0])

    assert verdict.result == await asyncio.to_thread(theirs)
