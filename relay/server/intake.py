"""From a submission to a reply: admit, rewrite, sign, queue (steps 2 to 7 of docs/how-it-works.md).

The 250 is said after the commit; that instant is when we take responsibility. Every refusal is a sentence in the
tenant's language. Nothing here sends: the worker does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from relay.locales import catalog
from relay.mail.address import Address
from relay.mail.attachment import attachment_names
from relay.mail.date import mail_date
from relay.mail.document import Addressed, Handling, address_document, document_of
from relay.mail.loop import own_hops, trace_id
from relay.mail.message import Body, Field, Message
from relay.mail.pass_on import pass_on
from relay.mail.readdress import readdress
from relay.mail.reply import Refusal, Reply, printable
from relay.mail.rewrite import Rewritten, resolve_platform_address, rewrite
from relay.mail.route import RouteKind, choose_route
from relay.mail.sender import Admitted, Verified, admit, mentioned
from relay.server.holding import enqueue_held
from relay.server.office import Office, fresh_id
from relay.server.prepared import Prepared, deliveries, known_of, stored_message
from relay.server.sign_in import Neighbours, SignIns
from relay.server.signer import UNSIGNED, Signer
from relay.server.suppressing import all_suppressed
from relay.server.verification import Asked, request_confirmation
from relay.store.model import Queued

if TYPE_CHECKING:
    from relay.mail.envelope import Submission
    from relay.mail.tenant import Tenant
    from relay.server.outbox import Outbox
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.intake")

IN_MEMORY = 256 * 1024  # larger bodies are stored chunk by chunk, outside the group that others wait for
MOST_HOPS = 50
MOST_OWN_HOPS = 3
HOLDABLE = "sender.unverified"  # the topics of a From that nobody confirmed, whatever became of the question


class Intake:
    """The desk where submissions are handed in."""

    def __init__(
        self,
        group: CommitGroup,
        office: Office,
        worker: Outbox,
        now: Callable[[], float],
        loop_secret: bytes,
        *,
        alone: bool = True,
    ) -> None:
        """``loop_secret`` marks what has passed here; ``alone`` says that no other relay process uses this machine's
        processors."""
        self.group = group
        self.office = office
        self.worker = worker
        self.sign_ins = SignIns(group, now)
        listeners = office.config.listener
        self.neighbours = Neighbours(group, ((each.network, each.tenant) for one in listeners for each in one.networks))
        self.loop_secret = loop_secret
        self.alone = alone
        self.accepting = 0  # submissions that have no reply yet
        self.now = now

    async def sign_in(self, username: str, secret: str, peer: str) -> Tenant | None:
        """The tenant that a login belongs to, or None."""
        return await self.sign_ins.sign_in(username, secret, peer)

    async def neighbour(self, peer: str) -> Tenant | None:
        """The tenant that an address stands for where no login is asked."""
        return await self.neighbours.neighbour(peer)

    def refuse(self, tenant: Tenant, topic: str, code: int = 550, enhanced: str = "5.6.0", **params: str) -> Reply:
        """A refusal in the tenant's language."""
        return self.spoken(tenant, Refusal(code, enhanced, topic, params))

    async def accept(self, submission: Submission) -> Reply:
        """Take responsibility for a submission, or say why not."""
        self.accepting += 1
        try:
            return await self.decide(submission)
        finally:
            self.accepting -= 1

    async def decide(self, submission: Submission) -> Reply:
        """Queue a submission, hold it, or refuse it."""
        prepared = await self.prepare(submission)
        if isinstance(prepared, Refusal):
            return await self.refused(submission, prepared)
        queued_id = await self.store(prepared)
        return Reply(250, "2.0.0", (f"queued as {queued_id}", *self.remarks(prepared)))

    async def prepare(self, submission: Submission, awaited: Address | None = None) -> Prepared | Refusal:
        """The message as it will leave but for trace and signature, or the first reason to refuse it; ``awaited`` is an
        address that counts as verified because the message is held until it is."""
        message, tenant = submission.message, submission.tenant
        if len(message.all("received")) >= MOST_HOPS:
            return Refusal(554, "5.4.6", "message.loop", {"hops": str(MOST_HOPS)})
        if own_hops(message, self.loop_secret) >= MOST_OWN_HOPS:
            return Refusal(554, "5.4.6", "message.own_loop", {"hops": str(MOST_OWN_HOPS)})
        smtputf8 = submission.envelope.smtputf8
        addresses = mentioned(message, smtputf8=smtputf8)
        paths, login = submission.envelope.forward_paths, submission.peer.login
        now, uses_list = self.now(), self.office.config.policy.suppression == "refuse"
        known, handling, suppressed = await self.group.read(
            lambda store: known_of(store, tenant.id, addresses, paths, login, now)
        )
        suppressed = suppressed if uses_list else {}
        if awaited is not None:
            known = Verified(known.addresses | {awaited.key}, known.domains)
        admitted = admit(message, known, smtputf8=smtputf8)
        if isinstance(admitted, Refusal):
            return admitted
        document = self.document(message, handling)
        if isinstance(document, Refusal):
            return document
        addressed = address_document(document, self.office.config.document_types[document], paths, handling)
        if isinstance(addressed, Refusal):
            return addressed
        if refusal := all_suppressed(addressed.forward_paths, suppressed):
            return refusal
        route = choose_route(own_server=handling.own_server, allowed=self.office.config.policy.own_servers)
        rewritten = self.rewrite(submission, admitted, known, addressed, route)
        if isinstance(rewritten, Refusal):
            return rewritten
        copy_to = addressed.copy_to if addressed.copy_to and addressed.copy_to in known else None
        return Prepared(submission, admitted, rewritten, document, addressed, copy_to, route, suppressed)

    def document(self, message: Message, handling: Handling) -> str | Refusal:
        """The document type of a message, by what it says, the tenant's patterns, or the default."""
        config = self.office.config
        return document_of(
            message,
            config.document_types,
            config.policy.document,
            handling.patterns,
            lambda: attachment_names(message.body),
        )

    def remarks(self, prepared: Prepared) -> tuple[str, ...]:
        """What the app should know about an accepted submission besides its id."""
        skipped = prepared.addressed.skipped
        if not skipped:
            return ()
        addresses = printable(", ".join(map(str, skipped)))[:300]
        language = catalog(prepared.submission.tenant.locale)
        return (language.text("reply.document.skipped", addresses=addresses, document=prepared.document),)

    def rewrite(
        self, submission: Submission, admitted: Admitted, known: Verified, addressed: Addressed, route: RouteKind
    ) -> Rewritten | Refusal:
        """The message as its route wants it, rewritten with this platform's and tenant's names unless it goes by the
        tenant's own server; then To and Cc as the document type wants them."""
        message, now = submission.message, self.now()
        date, message_id = mail_date(now), self.office.message_id(now)
        if route is RouteKind.OWN:
            rewritten = pass_on(message, date=date, message_id=message_id)
        else:
            policy = self.office.rewrite_policy(submission.tenant)
            rewritten = rewrite(message, admitted, known, policy, date=date, message_id=message_id)
        if isinstance(rewritten, Refusal):
            return rewritten
        readdressed, changes = readdress(rewritten.message, addressed, smtputf8=submission.envelope.smtputf8)
        return replace(rewritten, message=readdressed, changes=(*rewritten.changes, *changes))

    async def store(self, prepared: Prepared, awaited: Address | None = None) -> str:
        """Trace, sign and commit; returns the message's id once it is on disk. With ``awaited`` it is held."""
        now = self.now()
        message_id = fresh_id(now)
        body = prepared.submission.message.body
        traced = prepared.rewritten.message.prepend([self.received(prepared.submission, message_id, now)])
        signer = self.office.signer if prepared.route is RouteKind.PLATFORM else UNSIGNED
        signed, body_sha256 = await self.sign(signer, traced, now)
        small = None
        if body.size > IN_MEMORY:
            await self.store_chunks(message_id, body)
        else:
            small = b"".join(body.chunks())
        stored = stored_message(prepared, message_id, signed.header, body_sha256, now)
        queued = Queued(stored, deliveries(prepared, message_id, now), small)
        if awaited is None:
            await self.worker.enqueue(queued, prepared.submission.tenant)
        else:
            await self.group.write(lambda store: enqueue_held(store, queued, awaited, now))
        log.info(
            "accepted id=%s tenant=%s from=%s recipients=%d size=%d document=%s",
            *(message_id, stored.tenant_id, stored.author, len(queued.deliveries), body.size, prepared.document),
        )
        return message_id

    async def sign(self, signer: Signer, message: Message, now: float) -> tuple[Message, bytes]:
        """Signed, and the SHA-256 of its body. In a thread when the body is large, or when others come in here
        meanwhile and the other processors have nothing to do: else the way there and back costs more than it gains."""
        if message.body.size > IN_MEMORY or (self.alone and self.accepting > 1):
            return await asyncio.to_thread(signer.sign, message, now)
        return signer.sign(message, now)

    async def store_chunks(self, message_id: str, body: Body) -> None:
        """A large body, one chunk a commit, so that nobody waits for more than one of them."""
        for number, chunk in enumerate(body.chunks()):
            await self.group.write(partial(put_chunk, message_id, number, chunk))

    def received(self, submission: Submission, message_id: str, now: float) -> Field:
        """Our trace field (RFC 5321 4.4), which says nothing about where the tenant sits."""
        origin = f"from authenticated-client by {self.office.hostname}"
        trace = f"with {submission.peer.protocol} id {trace_id(message_id, self.loop_secret)}"
        return Field.make("Received", f"{origin}\r\n\t{trace};\r\n\t{mail_date(now)}")

    async def refused(self, submission: Submission, refusal: Refusal) -> Reply:
        """The reply to a refusal; an unconfirmed address is asked first, and the reply says so, or that it waits."""
        tenant, address = submission.tenant, refusal.confirm
        if address is not None:
            refusal = await self.ask_owner(tenant, refusal, address)
            if refusal.topic.startswith(HOLDABLE) and self.office.config.policy.unverified == "hold":
                return await self.hold(submission, address)
        reply = self.spoken(tenant, refusal)
        log.info("refused tenant=%s login=%s reply=%r", tenant.id, submission.peer.login, reply.text[:200])
        return reply

    async def hold(self, submission: Submission, address: Address) -> Reply:
        """Accept a message that is sent once the owner of ``address`` says yes (rule D1)."""
        prepared = await self.prepare(submission, address)
        if isinstance(prepared, Refusal):
            return await self.refused(submission, prepared)
        queued_id = await self.store(prepared, address)
        waits = catalog(submission.tenant.locale).text("reply.sender.held", address=printable(str(address)))
        return Reply(250, "2.0.0", (f"queued as {queued_id}", waits))

    async def ask_owner(self, tenant: Tenant, refusal: Refusal, address: Address) -> Refusal:
        """The refusal with what was done about it: a verification mail sent, still waiting, or none."""
        now = self.now()
        platform = resolve_platform_address(self.office.config.platform.address, tenant.id)
        if address.key == platform.key:
            return Refusal(550, "5.7.1", "sender.platform", {"address": str(address)})
        asked = await self.group.write(lambda store: request_confirmation(store, self.office, tenant, address, now))
        if asked is Asked.SENT:
            self.worker.wake()
        if asked is Asked.BLOCKED:
            return Refusal(refusal.code, refusal.enhanced, "sender.blocked", refusal.params)
        topic = refusal.topic if asked is Asked.VERIFIED else f"{refusal.topic}_{asked.value}"
        return Refusal(refusal.code, refusal.enhanced, topic, refusal.params)

    def spoken(self, tenant: Tenant, refusal: Refusal) -> Reply:
        """A refusal in the tenant's language, at most three lines (rule D1)."""
        text = catalog(tenant.locale).text(f"reply.{refusal.topic}", **refusal.params)
        return Reply(refusal.code, refusal.enhanced, tuple(text.split("\n")[:3]))


def put_chunk(message_id: str, number: int, chunk: bytes, store: Store) -> None:
    """Store one piece of a large body."""
    store.put_chunk(message_id, number, chunk)
