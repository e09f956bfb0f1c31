"""The links of a message: do they lead where they say, and does anything look like fraud? Nothing is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from relay.checks.address.known import is_below, registrable
from relay.checks.address.lookalike import is_mixed
from relay.checks.dated import names
from relay.checks.message.html import Link
from relay.checks.message.mail import Mail
from relay.checks.model import Finding, Severity
from relay.mail.address import unicode_domain

MOST_LINKS = 200  # links of one message that are judged
PLAIN_LINK = re.compile(r"https?://[^\s<>\"']{1,2000}", re.IGNORECASE)
SHOWN_HOST = re.compile(r"\s*(?:https?://)?((?:[\w-]+\.)+[a-z]{2,24})(?:[/:?#]\S*)?\s*", re.IGNORECASE)
INSIDE = re.compile(r"[?&][^=&]*=(https?:/?/?[^&]+)", re.IGNORECASE)


def judge_links(mail: Mail) -> Iterator[Finding]:
    """Every link, each thing said once."""
    said: set[tuple[str, str]] = set()
    for link in links(mail)[:MOST_LINKS]:
        for id, facts in judge_link(link):
            if (id, facts["host"]) not in said:
                said.add((id, facts["host"]))
                yield Finding(id, Severity.WARNING, "body", facts, evidence=(link.href[:200],))


def links(mail: Mail) -> list[Link]:
    """The links of the HTML, else those in the text."""
    if mail.page is not None:
        return list(mail.page.links)
    return [Link(match[0].rstrip(".,;:!?)"), "") for match in PLAIN_LINK.finditer(mail.text)]


def judge_link(link: Link) -> Iterator[tuple[str, dict[str, str]]]:
    """The ids and facts of what is wrong with one link."""
    host, scheme = host_of(link.href)
    if not host:
        return
    facts = {"host": host[:200], "shown": ""}
    shown = SHOWN_HOST.fullmatch(link.text)
    if shown and registrable(shown[1].lower()) != registrable(host):
        yield "msg.link.mismatch", {**facts, "shown": shown[1][:200]}
    if is_address(host):
        yield "msg.link.ip", facts
    if is_below(host, names("phrases", "links", "shorteners")):
        yield "msg.link.shortener", facts
    if scheme == "http":
        yield "msg.link.http", facts
    if any(map(is_mixed, unicode_domain(host).split("."))):
        yield "msg.link.mixed_script", facts
    inside = INSIDE.search(unquote(link.href))
    target = host_of(inside[1])[0] if inside else ""
    if target and registrable(target) != registrable(host):
        yield "msg.link.redirect", {**facts, "shown": target[:200]}


def host_of(href: str) -> tuple[str, str]:
    """Host (lower case) and scheme of a web link; "" for what leads nowhere on the web."""
    try:
        parts = urlsplit(href)
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    return (host.rstrip("."), parts.scheme.lower()) if parts.scheme.lower() in {"http", "https"} else ("", "")


def is_address(host: str) -> bool:
    """True for an IP address, plain or as one number."""
    try:
        ip_address(host)
    except ValueError:
        return bool(re.fullmatch(r"\d{8,10}|0x[0-9a-f]{1,8}", host))
    return True
