"""What becomes of mail for a tenant's own server that fails.

1. The login is refused: all of the tenant's mail by that server is held and the tenant told, once. Setting the route
   anew, or a probe that works, lets it go (``relay route``).
2. Nothing gets through for long: the tenant is told once; where it chose so, its mail goes by the platform instead,
   rewritten anew (`OwnDesk.divert`).
3. There is no own server any more: its mail goes by the platform.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from relay.mail.date import mail_date
from relay.mail.delivery import Answer, State
from relay.mail.message import BytesBody, Message
from relay.mail.own_server import OnFailure, OwnServer
from relay.mail.reply import Refusal
from relay.mail.rewrite import Rewritten, rewrite
from relay.mail.sender import admit, mentioned
from relay.mail.sign import BodyHash
from relay.server.attempt import BodyLost, stored_body
from relay.server.own_notices import refused_notice, stuck_notice
from relay.store.database import StoreError
from relay.store.model import MessageKind

if TYPE_CHECKING:
    from relay.mail.tenant import Tenant
    from relay.server.office import Office
    from relay.store.group import CommitGroup
    from relay.store.model import OwnNews, Settlement, Work
    from relay.store.store import Store

log = logging.getLogger("relay.own_server")


class OwnDesk:
    """One per process."""

    def __init__(self, group: CommitGroup, office: Office, now: Callable[[], float]) -> None:
        self.group = group
        self.office = office
        self.patience = office.config.policy.patient_for
        self.now = now

    async def settled(self, work: Work, settlement: Settlement) -> bool:
        """See to what a result means; True when something was queued. What cannot be written now is seen to after the
        next attempt."""
        news, tenant = settlement.own, work.tenant
        if news is None or tenant is None:
            return False
        try:
            return await self.see_to(work, settlement, news, tenant)
        except StoreError as error:
            log.error("own server not seen to tenant=%s: %s", tenant.id, error)  # noqa: TRY400 - the store logged it
            return False

    async def see_to(self, work: Work, settlement: Settlement, news: OwnNews, tenant: Tenant) -> bool:
        """The same. Raises StoreError."""
        if news.works:
            return await self.group.write(lambda store: store.own_server_works(tenant.id, news.version))
        if news.refused:
            answer = settlement.attempt.answer
            return await self.group.write(lambda store: self.hold(store, tenant, news.version, answer))
        if not news.version:
            return await self.divert(work, tenant)
        server = await self.group.write(lambda store: store.own_server_fails(tenant.id, news.version, self.now()))
        if server is None:
            return False
        return await self.failing(work, settlement, server, tenant)

    def hold(self, store: Store, tenant: Tenant, version: str, answer: Answer) -> bool:
        """Hold everything, and tell the tenant if it does not know. Call inside a write."""
        now = self.now()
        if not store.refuse_login(tenant.id, version, str(answer), now):
            return False
        server = store.own_server(tenant.id)
        assert server is not None  # its row was just changed
        log.warning("own server refuses the login tenant=%s server=%s reply=%r", tenant.id, server.place, str(answer))
        notice = refused_notice(
            self.office.config.platform, tenant, server, answer, now=now, message_id=self.office.message_id(now)
        )
        store.enqueue(self.office.own_mail(notice, MessageKind.FAILURE, tenant, tenant.email, now))
        return True

    async def failing(self, work: Work, settlement: Settlement, server: OwnServer, tenant: Tenant) -> bool:
        """Nothing got through: after the patience that is configured, tell, and divert where that was chosen."""
        patient_until = (server.failing_since or self.now()) + self.patience
        after = settlement.after
        if self.now() < patient_until:
            if after.state is State.QUEUED and after.due_at > patient_until:
                await self.group.write(lambda store: store.retry([after.id], patient_until))
            return False
        told = await self.group.write(lambda store: self.tell(store, tenant, server))
        diverted = server.on_failure is OnFailure.PLATFORM and await self.divert(work, tenant)
        return told or diverted

    def tell(self, store: Store, tenant: Tenant, server: OwnServer) -> bool:
        """Tell the tenant that nothing gets through, if it does not know; what waits is to be diverted at once. Call
        inside a write."""
        now = self.now()
        if not store.own_server_told(tenant.id, server.version, now):
            return False
        log.warning("own server fails tenant=%s server=%s", tenant.id, server.place)
        notice = stuck_notice(
            self.office.config.platform, tenant, server, now=now, message_id=self.office.message_id(now)
        )
        store.enqueue(self.office.own_mail(notice, MessageKind.FAILURE, tenant, tenant.email, now))
        if server.on_failure is OnFailure.PLATFORM:
            store.own_mail_due(tenant.id, now)
        return True

    async def divert(self, work: Work, tenant: Tenant) -> bool:
        """Send a message by the platform; False when it cannot be, and goes on waiting. Raises StoreError."""
        message, now = work.message, self.now()
        anew = await self.rewritten(work, tenant)
        if isinstance(anew, Refusal):
            log.warning("not diverted id=%s tenant=%s: %s", message.id, tenant.id, anew.topic)
            return False
        canonical = BodyHash()
        try:
            async for chunk in stored_body(self.group, work):
                canonical.update(chunk)
        except BodyLost:
            log.exception("not diverted id=%s tenant=%s", message.id, tenant.id)
            return False
        signed = await asyncio.to_thread(self.office.signer.sign_over, anew.message, canonical, now)
        changes, events = (*message.changes, *anew.changes), (*message.events, *anew.events, "diverted")
        done = await self.group.write(lambda store: store.reroute(message.id, signed.header, changes, events, now))
        log.info("diverted id=%s tenant=%s", message.id, tenant.id)
        return done

    async def rewritten(self, work: Work, tenant: Tenant) -> Rewritten | Refusal:
        """A message under the platform's address, made from the header that left before: its author and its replies are
        as they came, its recipients those of its document type. An unconfirmed Reply-To is dropped: nobody is there any
        more whom a refusal could tell."""
        message, now = work.message, self.now()
        original = Message.parse(message.header, BytesBody(b""))
        asked = mentioned(original, smtputf8=message.smtputf8)
        known = await self.group.read(lambda store: store.verified(tenant.id, asked))
        admitted = admit(original, known, smtputf8=message.smtputf8)
        if isinstance(admitted, Refusal):
            return admitted
        policy = replace(self.office.rewrite_policy(tenant), reply_to="drop")
        made = partial(rewrite, date=mail_date(now), message_id=self.office.message_id(now))
        return made(original, admitted, known, policy)
