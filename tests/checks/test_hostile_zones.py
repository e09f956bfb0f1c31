"""Zones that mean harm: the checks come to a verdict, ask a bounded number of questions and show nothing raw."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import dns.flags
import dns.message
import pytest

from relay.checks.asking import MOST_QUERIES, Asking
from relay.checks.report import sentence
from relay.checks.spf.check import SpfQuestion, check_spf
from relay.cli.check.spf_json import spf_json
from relay.locales import catalog
from relay.net.dns import Lookup
from relay.net.zone import Zone

HOSTILE, OTHER = "h.example", "i.example"
REVERSE = "9.2.0.192.in-addr.arpa"
IP = "192.0.2.9"
RESULTS = {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}
OURS = set("“”‘’–—…→●✓✗·")  # the only characters beyond ASCII, from our own sentences
ESC = "\x1b[31m\x07"


def txt(*records: str | bytes) -> dict[str, list[str | bytes]]:
    return {"TXT": list(records)}


def spf(terms: str | bytes) -> dict[str, list[str | bytes]]:
    return txt(b"v=spf1 " + terms + b" -all" if isinstance(terms, bytes) else f"v=spf1 {terms} -all")


def many(form: str, count: int) -> str:
    """A term for each number."""
    return " ".join(form.format(number) for number in range(count))


def below(form: str, count: int, rows: Any) -> dict[str, Any]:
    """Names with the same rows."""
    return {form.format(number): rows for number in range(count)}


def ring(count: int, form: str = "include:{}") -> dict[str, Any]:
    """Records that lead to each other in a circle."""
    names = [HOSTILE, *(f"r{number}.example" for number in range(1, count))]
    return {name: spf(form.format(names[(place + 1) % count])) for place, name in enumerate(names)}


TWENTY = many("include:x{}.example", 20)
WIDE = many("include:x{}.example", 200)
LONG = ".".join(["abcdefghi"] * 30)  # 299 octets

ZONES: dict[str, dict[str, Any]] = {
    # circles
    "includes itself": ring(1),
    "includes each other": ring(2),
    "ring of seven": ring(7),
    "redirects to itself": {HOSTILE: txt(f"v=spf1 redirect={HOSTILE}")},
    "redirects in a circle": {HOSTILE: txt(f"v=spf1 redirect={OTHER}"), OTHER: txt(f"v=spf1 redirect={HOSTILE}")},
    "include and redirect": {HOSTILE: spf("include:i.example"), "i.example": txt(f"v=spf1 redirect={HOSTILE}")},
    "circle in capitals": {HOSTILE: spf("include:H.EXAMPLE. include:h.Example")},
    "circle by a macro": {HOSTILE: spf("include:%{d} include:%{d1r}.example")},
    # growth
    "every record includes twenty": {HOSTILE: spf(TWENTY), **below("x{}.example", 20, spf(TWENTY))},
    "two hundred includes": {HOSTILE: spf(WIDE), **below("x{}.example", 200, spf("ip4:192.0.2.1"))},
    "a chain of sixty": {HOSTILE: spf("include:c0.example")}
    | {f"c{number}.example": spf(f"include:c{number + 1}.example") for number in range(60)},
    "a chain of redirects": {HOSTILE: txt("v=spf1 redirect=c0.example")}
    | {f"c{number}.example": txt(f"v=spf1 redirect=c{number + 1}.example") for number in range(60)},
    "the same include, a thousand times": {HOSTILE: spf("include:i.example " * 1000), "i.example": spf("a")},
    # size
    "every record of 20 kB": {
        name: spf(TWENTY + " ip4:192.0.2.1" * 1400) for name in (HOSTILE, *(f"x{n}.example" for n in range(20)))
    },
    "64 kB of terms": {HOSTILE: spf("a:x.example " * 5300)},
    "64 kB of one term": {HOSTILE: spf("a" * 64000)},
    "64 kB of spaces": {HOSTILE: spf(" " * 64000)},
    "64 kB of macros": {HOSTILE: spf("exists:" + "%{l}" * 16000 + ".example")},
    "64 kB of digits": {HOSTILE: spf("exists:%{l" + "9" * 60000 + "}.example ip4:192.0.2.1/" + "9" * 4000)},
    "64 kB of colons": {HOSTILE: spf("ip6:" + ":" * 64000)},
    "64 kB that looks like it": {HOSTILE: txt(" v = spf1 " + "include= " * 7000)},
    "64 kB of glue": {HOSTILE: spf("ip4:192.0.2.1include:" * 3000)},
    "200 records": {HOSTILE: txt(*(f"v=spf1 ip4:192.0.2.{number} -all" for number in range(200)))},
    "200 other texts": {HOSTILE: txt(*(f"v=spf{number} all" for number in range(2, 202)))},
    "200 long records": {HOSTILE: txt(*(f"v=spf1 {many('ip4:192.0.2.{}', 15)} a:n{n}.example" for n in range(200)))},
    # octets
    "NUL and eight bits": {HOSTILE: spf(b"a:\x00\xff.example \x00 \xff\xfe")},
    "terminal sequences": {HOSTILE: spf(f"a:{ESC}.example {ESC}")},
    "lookalike with sequences": {HOSTILE: txt(f" v=spf1 {ESC} -all")},
    "modifier with sequences": {HOSTILE: spf(f"x={ESC} exp={ESC}.example")},
    "line ends": {HOSTILE: spf("a:x.example\r\nSet-Cookie: x \n\n")},
    "right to left": {HOSTILE: spf("a:\u202egnp.example \u2066x")},
    "markup": {HOSTILE: spf("a:<script>alert(1)</script>.example x=<img/src=x> 'a\"b")},
    "sequences beside it": {HOSTILE: txt("v=spf1 -all", f"spf2.0/pra {ESC}", ESC, b"\x00", "")},
    "an empty text": {HOSTILE: txt("", " ", "\t")},
    "only the version": {HOSTILE: txt("v=spf1")},
    # macros
    "an open brace": {HOSTILE: spf("exists:%{ include:%{d include:%{} a:%")},
    "a lone percent": {HOSTILE: spf("include:%.example exists:% x=%")},
    "unknown letters": {HOSTILE: spf("exists:%{x}.example exists:%{c}.example exists:%{l0}.example")},
    "macros that grow": {HOSTILE: spf("exists:" + "%{s}%{i}%{d}" * 60 + ".example")},
    "macros in all terms": {HOSTILE: spf(many("exists:%{{i}}.%{{s}}.m{}.example", 40))},
    "the name of the address": {HOSTILE: spf("exists:%{p}.p.example include:%{p2}.example")},
    # names
    "a name of 299 octets": {HOSTILE: spf(f"a:{LONG}.example include:{LONG}.example")},
    "a label of 64 octets": {HOSTILE: spf(f"include:{'l' * 64}.example mx:{'l' * 300}.example")},
    "empty labels": {HOSTILE: spf("include:..example include:.example a:x..example mx:. include:.")},
    "odd addresses": {HOSTILE: spf("ip6:fe80::1%eth0 ip6:::::: ip4:1.2.3.4/ ip4:01.2.3.4 ip6:::1/-1 ip4:9/9")},
    "odd prefixes": {HOSTILE: spf("a/33 a//129 a/ mx//// a:x.example/0//0 ip4:0.0.0.0/0 ip6:::/0")},
    "modifiers twice": {HOSTILE: txt("v=spf1 redirect=a.example redirect=b.example exp=c.example exp=d.example")},
    # aliases
    "an alias of itself": {HOSTILE: {"CNAME": [HOSTILE]}},
    "aliases in a circle": {HOSTILE: {"CNAME": ["i.example"]}, "i.example": {"CNAME": [HOSTILE]}},
    "a chain of aliases": {HOSTILE: {"CNAME": ["c0.example"]}}
    | {f"c{number}.example": {"CNAME": [f"c{number + 1}.example"]} for number in range(30)},
    "an alias with sequences": {HOSTILE: {"CNAME": [f"{ESC}.example"]}, f"{ESC}.example": spf("a")},
    # storms
    "includes that fail": {HOSTILE: spf(TWENTY), **below("x{}.example", 20, "SERVFAIL")},
    "includes that refuse": {HOSTILE: spf(TWENTY), **below("x{}.example", 20, "REFUSED")},
    "includes in silence": {HOSTILE: spf(TWENTY), **below("x{}.example", 20, "timeout")},
    "everything fails": {HOSTILE: "SERVFAIL"},
    "everything is silent": {HOSTILE: "timeout"},
    "names that do not exist": {HOSTILE: spf(many("a:x{}.example", 60))},
    "includes that do not exist": {HOSTILE: spf(many("include:x.nowhere{}.example", 60))},
    "names without addresses": {HOSTILE: spf(many("exists:x{}.example", 60)), **below("x{}.example", 60, txt("hello"))},
    # hosts
    "a hundred exchangers' hosts": {HOSTILE: spf(many("mx:m{}.example", 10))}
    | {f"m{n}.example": {"MX": [f"1 x{each}.m{n}.example" for each in range(10)]} for n in range(10)},
    "two hundred exchangers": {HOSTILE: spf("mx ip4:192.0.2.1") | {"MX": [f"1 x{n}.{HOSTILE}" for n in range(200)]}},
    "no exchanger": {HOSTILE: spf("mx mx:m.example") | {"MX": ["0 ."]}, "m.example": {"MX": ["0 ."]}},
    "exchangers with sequences": {HOSTILE: spf("mx") | {"MX": [f"1 {ESC.replace('[', '')}.example"]}},
    "two hundred names": {HOSTILE: spf("ptr"), REVERSE: {"PTR": [f"n{n}.{HOSTILE}" for n in range(200)]}},
    "a name with sequences": {HOSTILE: spf("ptr exists:%{p}.x"), REVERSE: {"PTR": [f"{ESC}.{HOSTILE}"]}},
    # explanations
    "an explanation with sequences": {HOSTILE: spf("exp=e.example"), "e.example": txt(ESC)},
    "an explanation of 64 kB": {HOSTILE: spf("exp=e.example"), "e.example": txt("%{s}%{i}%{h} " * 4000)},
    "the old type": {HOSTILE: spf("a") | {"SPF": [f"v=spf1 {ESC}", "v=spf1 " + "a " * 20000]}},
}  # fmt: skip


class Never:
    """A resolver that does not answer."""

    def at(self, address: str) -> None:
        return None

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        await asyncio.Event().wait()
        raise AssertionError


def harmless(text: str) -> None:
    """Fail where something raw is in what is printed."""
    raw = {char for char in text if not (" " <= char <= "~" or char == "\n" or char in OURS)}
    assert raw == set(), text[:2000]


async def judged(resolver, include: str = "") -> Any:
    answer = await check_spf(resolver, SpfQuestion(HOSTILE, (ip_address(IP),), include=include))
    assert answer.verdict.result in RESULTS
    for finding in answer.report.findings:
        harmless(sentence(finding, catalog("en")))
    document = spf_json(answer, catalog("en"))
    json.dumps(document)
    return document


def test_there_are_sixty() -> None:
    assert len(ZONES) >= 60


@pytest.mark.parametrize("name", ZONES)
async def test_in_process(name: str) -> None:
    for include in ("", "spf.relay.example"):
        zone = Zone(ZONES[name])
        await judged(zone, include)
        assert len(zone.asked) <= MOST_QUERIES == 50


@pytest.mark.parametrize("name", ZONES)
def test_over_the_wire(name: str, nameserver, checks) -> None:
    nameserver.zone = ZONES[name]
    limits = ("--dns-timeout", "0.1" if "silen" in name else "2")
    shown = checks.run("spf", HOSTILE, "--ip", IP, *limits, servers=(nameserver,))
    assert len(set(nameserver.asked)) <= MOST_QUERIES  # the same once more by TCP, or after a second, is one query
    assert len(nameserver.asked) <= 3 * MOST_QUERIES
    assert shown.exit_code in {0, 1, 75}
    harmless(shown.stdout)
    whole = checks.run("domain", HOSTILE, "--ip", IP, *limits, servers=(nameserver,))
    assert whole.exit_code in {0, 1, 75}
    harmless(whole.stdout)


# What only a wire can carry: octets in, octets or silence out.
def spoilt(change: Callable[[bytearray], Any]) -> Callable[[bytes, int], bytes | None]:
    """A reply of one TXT record with a change to its octets."""

    def reply(octets: bytes, room: int) -> bytes | None:
        answer = dns.message.make_response(dns.message.from_wire(octets))
        answer.use_edns(False)
        wire = bytearray(answer.to_wire())
        wire[7] = 1  # one answer
        wire += b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x0c\x0bv=spf1 -all"
        changed = change(wire)
        return bytes(wire if changed is None else changed)

    return reply


def truncated(octets: bytes, room: int) -> bytes:
    """TC by UDP and TCP alike."""
    answer = dns.message.make_response(dns.message.from_wire(octets))
    answer.flags |= dns.flags.TC
    return answer.to_wire()


def test_the_reply_that_is_spoilt_was_a_record(nameserver, checks) -> None:
    nameserver.reply = spoilt(lambda wire: None)
    assert checks.json("spf", HOSTILE, servers=(nameserver,))["record"] == "v=spf1 -all"


WIRES: dict[str, Callable[[bytes, int], bytes | None]] = {
    "always truncated": truncated,
    "another id": spoilt(lambda wire: wire.__setitem__(0, wire[0] ^ 1)),
    "a query for an answer": spoilt(lambda wire: wire.__setitem__(2, 1)),
    "another question": spoilt(lambda wire: wire.__setitem__(13, ord("z"))),
    "a string beyond its record": spoilt(lambda wire: wire.__setitem__(-12, 200)),
    "a record beyond the message": spoilt(lambda wire: wire.__setitem__(-13, 250)),
    "a pointer to itself": spoilt(lambda wire: wire.__setitem__(-23, len(wire) - 24)),
    "an address of twelve octets": spoilt(lambda wire: wire.__setitem__(-21, 1)),
    "more answers than there are": spoilt(lambda wire: wire.__setitem__(7, 99)),
    "a code that nobody knows": spoilt(lambda wire: wire.__setitem__(3, 0x8B)),
    "half a message": spoilt(lambda wire: wire[: len(wire) // 2]),
    "an empty message": spoilt(lambda wire: wire[:0]),
    "noise": spoilt(lambda wire: wire[:2] + b"\xff" * 200),
    "for ever and ever": spoilt(lambda wire: wire.__setitem__(slice(-18, -14), b"\xff\xff\xff\xff")),
}


@pytest.mark.parametrize("name", WIRES)
def test_answers_that_make_no_sense(name: str, nameserver, checks) -> None:
    nameserver.reply = WIRES[name]
    for command in ("spf", "domain"):
        shown = checks.run(command, HOSTILE, "--dns-timeout", "0.1", servers=(nameserver,))
        assert shown.exit_code in {0, 1, 75}
        harmless(shown.stdout)


async def test_the_end_of_a_check_comes_whoever_is_silent() -> None:
    document = await judged(Asking(Never(), seconds=0.02))
    assert (document["result"], document["reason"]) == ("temperror", "timeout")


async def test_the_end_of_a_name_comes_whoever_is_silent() -> None:
    document = await judged(Asking(Never(), seconds_a_name=0.02))
    assert [finding["id"] for finding in document["findings"]] == ["spf.temperror"]


async def test_a_silent_include_leaves_the_rest() -> None:
    class Half(Zone):
        async def lookup(self, name: str, rdtype: str) -> Lookup:
            return await (Never() if name == "i.example" else super()).lookup(name, rdtype)

    zone = Half({HOSTILE: spf(f"ip4:{IP} include:i.example")})
    document = await judged(Asking(zone, seconds_a_name=0.02))
    assert document["result"] == "pass"
    assert [finding["id"] for finding in document["findings"]] == ["spf.include.temperror"]
