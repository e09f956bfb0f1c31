"""What a spam filter of one's own says of the message: SpamAssassin by spamd's protocol, rspamd by HTTP.

Only ever a fact: another server's filter has other rules. A filter that does not answer says nothing.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from relay.checks.model import Finding, Severity

SECONDS = 8.0  # for the whole answer
LARGEST = 1_000_000  # octets of an answer
MOST_RULES = 100
VERDICT = re.compile(rb"^Spam:\s*\w+\s*;\s*(-?\d{1,6}(?:\.\d{1,6})?)\s*/\s*(-?\d{1,6}(?:\.\d{1,6})?)", re.I | re.M)
RULE = re.compile(r"^[ *]{0,4}(-?\d{1,4}(?:\.\d{1,4})?)\s+([A-Z][A-Z0-9_]{2,80})\b", re.MULTILINE)
SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,80}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter said; ``rules`` with their points, the weightiest first."""

    program: str
    score: float
    required: float
    rules: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Silent:
    """A filter that could not be asked: ``timeout``, ``connection`` or ``answer``."""

    program: str
    reason: str


async def within(program: str, asked: Awaitable[Verdict | Silent]) -> Verdict | Silent:
    """The answer, or why there is none."""
    try:
        return await asyncio.wait_for(asked, SECONDS)
    except TimeoutError:
        return Silent(program, "timeout")
    except (OSError, asyncio.IncompleteReadError):
        return Silent(program, "connection")


async def ask_spamd(host: str, port: int, octets: bytes) -> Verdict | Silent:
    """Ask SpamAssassin for its report (the protocol is spamd/PROTOCOL in its source)."""
    return await within("SpamAssassin", _ask_spamd(host, port, octets))


async def _ask_spamd(host: str, port: int, octets: bytes) -> Verdict | Silent:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"REPORT SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(octets) + octets)
        await writer.drain()
        writer.write_eof()
        answer = bytearray()
        while chunk := await reader.read(65536):
            answer += chunk
            if len(answer) > LARGEST:
                return Silent("SpamAssassin", "answer")
    finally:
        writer.close()
    return read_report(bytes(answer))


def read_report(answer: bytes) -> Verdict | Silent:
    """The answer of spamd to REPORT."""
    header, _, report = answer.partition(b"\r\n\r\n")
    verdict = VERDICT.search(header)
    if not re.match(rb"SPAMD/\d\.\d 0 ", header) or verdict is None:
        return Silent("SpamAssassin", "answer")
    rules = [(name, float(points)) for points, name in RULE.findall(report.decode("utf-8", "replace"))]
    return Verdict("SpamAssassin", float(verdict[1]), float(verdict[2]), weightiest(rules))


async def ask_rspamd(url: str, octets: bytes) -> Verdict | Silent:
    """Ask rspamd (POST /checkv2); ``url`` is that of its worker, such as http://127.0.0.1:11333."""
    return await within("rspamd", _ask_rspamd(url, octets))


async def _ask_rspamd(url: str, octets: bytes) -> Verdict | Silent:
    import httpx2  # noqa: PLC0415  slow to load, and rarely asked for

    place = url.rstrip("/").removesuffix("/checkv2") + "/checkv2"
    answer = bytearray()
    try:
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=SECONDS) as client,
            client.stream("POST", place, content=octets) as response,
        ):
            async for chunk in response.aiter_bytes():
                answer += chunk
                if response.status_code != 200 or len(answer) > LARGEST:
                    return Silent("rspamd", "answer")
    except httpx2.TimeoutException:
        return Silent("rspamd", "timeout")
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return Silent("rspamd", "connection")
    return read_symbols(bytes(answer))


def read_symbols(answer: bytes) -> Verdict | Silent:
    """The JSON of rspamd."""
    try:
        told: Any = json.loads(answer)
        symbols = told["symbols"]
        rules = [
            (name, float(about["score"]))
            for name, about in symbols.items()
            if SYMBOL.fullmatch(name) and math.isfinite(float(about["score"]))
        ]
        score, required = float(told["score"]), float(told["required_score"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Silent("rspamd", "answer")
    if not (math.isfinite(score) and math.isfinite(required)):
        return Silent("rspamd", "answer")
    return Verdict("rspamd", score, required, weightiest(rules))


def weightiest(rules: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """The rules in order of their weight, without those that only inform."""
    counted = [(name, points) for name, points in dict(rules).items() if points]
    return tuple(sorted(counted, key=lambda rule: (-rule[1], rule[0]))[:MOST_RULES])


def judge_verdict(verdict: Verdict | Silent) -> Finding:
    """A filter's answer as a finding."""
    if isinstance(verdict, Silent):
        facts = {"program": verdict.program, "reason": verdict.reason}
        return Finding("msg.sa.unknown", Severity.UNKNOWN, "message", facts)
    facts = {
        "program": verdict.program,
        "score": f"{round(verdict.score, 1) + 0.0:.1f}",  # never -0.0
        "required": f"{verdict.required:.1f}",
        "rules": ", ".join(f"{name} {points:.1f}" for name, points in verdict.rules[:12]) or "-",
    }
    if verdict.score >= verdict.required:
        return Finding("msg.sa.over", Severity.WARNING, "message", facts)
    return Finding("msg.sa.rules", Severity.INFO, "message", facts)


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """A filter's answer for ``--json``."""
    rules = [{"name": name, "points": points} for name, points in verdict.rules]
    return {"score": verdict.score, "required": verdict.required, "rules": rules}


Filter = Callable[[bytes], Awaitable[Verdict | Silent]]
