"""Handing a test mail in, step by step as `relay.server.intake.Intake` does with any submission."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from relay.mail.address import Address, parse_address
from relay.mail.envelope import Envelope, Peer, Submission
from relay.mail.message import BytesBody, Message
from relay.mail.reply import Refusal, Reply
from relay.mail.route import RouteKind
from relay.server.prepared import Prepared, recipients
from relay.server.test_mail.letter import Leaving, test_letter, unfolded, way_of

if TYPE_CHECKING:
    from relay.mail.tenant import Tenant
    from relay.server.intake import Intake
    from relay.server.test_mail.step import Journal

HERE = Peer(address="", helo="", protocol="local", login="")
QUEUED = re.compile(r"queued as (\S+)")
TAG = re.compile(rb"(?:^|;)\s*([ads])\s*=\s*([^;\s]+)")  # RFC 6376 3.2


@dataclass(frozen=True, slots=True)
class Taken:
    """The reply, and the message's id where it was taken in; ``held`` until its sender is confirmed."""

    reply: Reply
    message_id: str = ""
    held: bool = False


async def hand_in(intake: Intake, tenant: Tenant, to: Address, journal: Journal) -> Taken:
    """Steps 3 to 7 of docs/how-it-works.md."""
    submission, prepared = await prepared_letter(intake, tenant, to)
    if isinstance(prepared, Refusal):
        return await not_taken(intake, submission, prepared, journal)
    note_prepared(prepared, tenant, journal)
    message_id = await intake.store(prepared)
    stored = await intake.group.read(lambda store: store.message(message_id))
    assert stored is not None  # it was just committed
    signatures = [*signatures_of(stored.header)]
    for signature in signatures:
        journal.note("signed", **signature)
    if not signatures and prepared.route is RouteKind.PLATFORM:
        journal.note("unsigned")
    reply = Reply(250, "2.0.0", (f"queued as {message_id}", *intake.remarks(prepared)))
    journal.note("accepted", reply=reply.text)
    return Taken(reply, message_id)


async def prepared_letter(intake: Intake, tenant: Tenant, to: Address) -> tuple[Submission, Prepared | Refusal]:
    """The mail as it will leave. It is made twice: what it says of its way is known once a draft went through."""
    author = parse_address(tenant.email, smtputf8=True)
    now, config = intake.now(), intake.office.config
    message_id = intake.office.message_id(now)
    write = partial(test_letter, config.platform, tenant, author, to, now=now, message_id=message_id)
    envelope = Envelope(author, (to,), smtputf8=not (str(author) + str(to)).isascii())
    draft = Submission(envelope, write(None), tenant, HERE)
    prepared = await intake.prepare(draft)
    if isinstance(prepared, Refusal):
        return draft, prepared
    server = await intake.group.read(lambda store: store.own_server(tenant.id))
    shown = prepared.rewritten.message.first("from")
    assert shown is not None  # rewriting keeps it
    leaving = Leaving(way_of(prepared.route, config.delivery.via), server.place if server else "", shown.value)
    submission = Submission(envelope, write(leaving), tenant, HERE)
    return submission, await intake.prepare(submission)


async def not_taken(intake: Intake, submission: Submission, refusal: Refusal, journal: Journal) -> Taken:
    """Refused; or held, where the platform holds what is not confirmed yet."""
    reply = await intake.refused(submission, refusal)
    found = QUEUED.search(reply.text) if reply.code < 300 else None
    journal.note("kept" if found else "refused", reply=reply.text)
    return Taken(reply, found[1], held=True) if found else Taken(reply)


def note_prepared(prepared: Prepared, tenant: Tenant, journal: Journal) -> None:
    """What was decided about the mail."""
    journal.note("verified", address=str(prepared.admitted.author.address), company=tenant.name)
    reached = ", ".join(str(path) for path in recipients(prepared))
    journal.note("addressed", document=prepared.document, recipients=reached)
    for change in prepared.rewritten.changes:
        before, after = (unfolded(value_of(line)) if line else None for line in (change.before, change.after))
        name = "rewritten" if before and after else "added" if after else "removed"
        journal.note(name, field=change.field, before=before, after=after, reason=change.reason)
    if prepared.route is RouteKind.OWN:
        journal.note("as_it_came")


def value_of(line: str) -> bytes:
    """The value in a header line."""
    return line.partition(":")[2].encode()


def signatures_of(header: bytes) -> Iterator[dict[str, str]]:
    """Domain, selector and algorithm of each DKIM signature (RFC 6376 3.5)."""
    for field in Message.parse(header, BytesBody(b"")).all("dkim-signature"):
        tags = {name.decode("ascii"): value.decode("ascii", "replace") for name, value in TAG.findall(field.value)}
        yield {"domain": tags.get("d", ""), "selector": tags.get("s", ""), "algorithm": tags.get("a", "")}
