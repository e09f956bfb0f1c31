"""What is said of a recipient before it is accepted: is there hope for mail to its domain? (``policy.recipient_check``)

DNS is asked within two seconds and its answers kept for a minute. What DNS cannot say, and where the tenant's mail has
arrived before, is accepted as it is. Nothing is probed by SMTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from relay.checks.address.domain import domain_mail
from relay.checks.address.judge import suspected
from relay.checks.address.mail import DomainMail, Mail
from relay.checks.asking import Asking
from relay.locales import catalog
from relay.mail.reply import Reply
from relay.server.smtp_commands import RECIPIENT_OK
from relay.store.database import StoreError

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.tenant import Tenant
    from relay.net.dns import Directed
    from relay.server.smtp_session import Session
    from relay.store.group import CommitGroup

log = logging.getLogger("relay.recipients")

SECONDS = 2.0  # for all that DNS is asked about one domain
KEPT_FOR = 60.0  # seconds
MOST_DOMAINS = 10_000  # remembered at once

# What makes a domain hopeless -> the reply's codes, the sentence, and the sentence when another address was meant.
NO_DOMAIN = (550, "5.1.2", "reply.recipient.no_domain", "reply.recipient.no_domain_meant")  # RFC 3463 3.2
NO_MAIL = (550, "5.1.2", "reply.recipient.no_mail", "reply.recipient.no_mail_meant")
NULL_MX = (556, "5.1.10", "reply.recipient.no_mail", "reply.recipient.no_mail_meant")  # RFC 7505 4.2
HOPELESS = {Mail.NO_NAME: NO_DOMAIN, Mail.NO_HOST: NO_MAIL, Mail.NULL_MX: NULL_MX}
DOUBTFUL = frozenset({Mail.PRIVATE, Mail.DEAD_HOST})  # hopeless where the domain is mistyped besides


class RecipientCheck:
    """One per process."""

    def __init__(self, group: CommitGroup, resolver: Directed, now: Callable[[], float], *, refuses: bool) -> None:
        """``refuses`` says whether a hopeless recipient is refused, or accepted with a warning. ``now`` is a clock that
        never goes back, in seconds."""
        self.group = group
        self.resolver = resolver
        self.refuses = refuses
        self.now = now
        self.asked: dict[str, tuple[float, asyncio.Task[DomainMail]]] = {}  # the oldest first

    async def reply(self, session: Session) -> bytes:
        """The reply to the RCPT that has just been read well; its recipient stays unless it is refused."""
        transaction, tenant = session.transaction, session.tenant
        assert transaction is not None  # the recipient is in it
        assert tenant is not None  # RCPT needs one
        paths, wishes = transaction.forward_paths, transaction.wishes
        if len(paths) == transaction.weighed:
            return RECIPIENT_OK  # given before
        key, path = paths.popitem()
        wish = wishes.pop(key)
        said = await self.weigh(tenant, path)
        if said is None or said.code == 250:
            paths[key], wishes[key] = path, wish
            transaction.weighed = len(paths)
        return said.encode() if said else RECIPIENT_OK

    async def weigh(self, tenant: Tenant, recipient: Address) -> Reply | None:
        """The refusal or the warning; None where there is hope."""
        mail = await self.mail_of(recipient.domain)
        reply = hopeless_reply(tenant, recipient, mail)
        if reply is None or await self.has_delivered(tenant, recipient):
            return None
        log.info(
            "recipient hopeless tenant=%s domain=%s because=%s refused=%s",
            *(tenant.id, recipient.domain, mail.mail.value, self.refuses),
        )
        return reply if self.refuses else Reply(250, "2.1.5", ("recipient ok, but:", *reply.lines))

    async def mail_of(self, domain: str) -> DomainMail:
        """What DNS says of a domain, or said within the last minute; many who want to know ask once."""
        now = self.now()
        at, asking = self.asked.get(domain, (now - KEPT_FOR, None))
        if asking is None or now - at >= KEPT_FOR:
            self.asked.pop(domain, None)
            if len(self.asked) >= MOST_DOMAINS:
                del self.asked[next(iter(self.asked))]
            asking = asyncio.create_task(domain_mail(domain, Asking(self.resolver, seconds=SECONDS)))
            self.asked[domain] = now, asking
        return await asyncio.shield(asking)  # who goes away leaves the answer to the others

    async def has_delivered(self, tenant: Tenant, recipient: Address) -> bool:
        """True when the tenant's mail has arrived there before, and when nobody can say."""
        try:
            return await self.group.read(lambda store: store.has_delivered(tenant.id, recipient))
        except StoreError:
            log.warning("recipient accepted unseen tenant=%s", tenant.id, exc_info=True)
            return True


def hopeless_reply(tenant: Tenant, recipient: Address, mail: DomainMail) -> Reply | None:
    """The refusal in the tenant's language, from what DNS says; None where there is hope."""
    suggestion, _ = suspected(recipient, mail)
    because = HOPELESS.get(mail.mail)
    if because is None and mail.mail in DOUBTFUL and suggestion:
        because = NO_MAIL
    if because is None:
        return None
    code, enhanced, plain, meant = because
    facts = {"address": str(recipient), "candidate": suggestion or ""}
    text = catalog(tenant.locale).text(meant if suggestion else plain, **facts)
    return Reply(code, enhanced, tuple(text.split("\n")))
