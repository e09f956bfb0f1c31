"""What a tenant is told about its own server: that it refuses the login, or that nothing gets through to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.checks.model import Finding, Severity
from relay.checks.own_server.dated import Cause, cause_of
from relay.checks.own_server.seen import Said
from relay.checks.report import sentence, shown
from relay.locales import Catalog, catalog
from relay.mail.address import parse_address
from relay.mail.compose import compose
from relay.mail.name import clean_text
from relay.mail.own_server import OnFailure
from relay.mail.rewrite import resolve_platform_address
from relay.server.letter import Block, Facts, Note, Paragraph
from relay.server.notices import letter, own_fields, written_date

if TYPE_CHECKING:
    from relay.config import Platform
    from relay.mail.delivery import Answer
    from relay.mail.message import Message
    from relay.mail.own_server import OwnServer
    from relay.mail.tenant import Tenant

LONGEST_REPLY = 400  # characters of a server's words that are repeated


def refused_notice(
    platform: Platform, tenant: Tenant, server: OwnServer, answer: Answer, *, now: float, message_id: str
) -> Message:
    """The notice that a tenant's own server refuses the login, with what that means and the server's words."""
    words = catalog(tenant.locale)
    blocks: list[Block] = [
        Paragraph(words.text("mail.own.refused.intro", platform=platform.name)),
        server_facts(server, words),
        Paragraph(cause_text(server, answer, words)),
        Paragraph(words.text("mail.own.refused.held", platform=platform.name)),
    ]
    return notice("refused", platform, tenant, server, blocks, words, now, message_id)


def cause_text(server: OwnServer, answer: Answer, words: Catalog) -> str:
    """What the server's refusal means, and what to do; without a reply there was no token to sign in with."""
    if not answer.code:
        return words.text("mail.own.refused.disconnected")
    cause = cause_of(Said(answer.code, answer.enhanced, answer.text))
    id = "auth.from.denied" if cause is Cause.DENIED else f"auth.535.{cause}"
    facts = {"host": server.host, "port": str(server.port), "address": "", "reply": str(answer)[:LONGEST_REPLY]}
    return sentence(Finding(id, Severity.ERROR, server.place, facts), words)


def stuck_notice(platform: Platform, tenant: Tenant, server: OwnServer, *, now: float, message_id: str) -> Message:
    """The notice that nothing gets through to a tenant's own server, and what becomes of its mail."""
    words = catalog(tenant.locale)
    sender = resolve_platform_address(platform.address, tenant.id)
    topic = "diverted" if server.on_failure is OnFailure.PLATFORM else "waiting"
    known = {"platform": platform.name, "platform_address": str(sender)}
    blocks: list[Block] = [
        Paragraph(words.text("mail.own.stuck.intro", since=written_date(server.failing_since or now, words))),
        server_facts(server, words),
        Paragraph(words.text(f"mail.own.{topic}.what", **known)),
        Paragraph(words.text("mail.own.stuck.advice", **known)),
    ]
    return notice(topic, platform, tenant, server, blocks, words, now, message_id)


def server_facts(server: OwnServer, words: Catalog) -> Facts:
    """Which server, and who signs in there."""
    pairs = [(words.text("mail.own.server"), shown(server.place))]
    if server.username:
        pairs.append((words.text("mail.own.username"), clean_text(server.username)))
    return Facts(pairs)


def notice(
    topic: str,
    platform: Platform,
    tenant: Tenant,
    server: OwnServer,
    blocks: list[Block],
    words: Catalog,
    now: float,
    message_id: str,
) -> Message:
    """A notice to the tenant with its subject, its title, and the small print."""
    sender = resolve_platform_address(platform.address, tenant.id)
    subject = words.text(f"mail.own.{topic}.subject", host=shown(server.host))
    title = words.text(f"mail.own.{topic}.title")
    to = parse_address(tenant.email, smtputf8=True)
    fields = own_fields(platform, sender, to, subject, now, message_id, "auto-generated", words)
    signed = Note(words.text("mail.own.note", platform=platform.name))
    return compose(fields, letter(title, [*blocks, signed], platform, words, seed=message_id))
