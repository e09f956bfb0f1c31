"""What every writer of mail in the server shares: the configuration, the keys, names and identifiers."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.locales import catalog
from relay.mail.delivery import Delivery, State
from relay.mail.ids import make_id
from relay.mail.rewrite import RewritePolicy, resolve_platform_address
from relay.mail.route import RouteKind
from relay.mail.text import decode_unstructured
from relay.mail.wish import NO_WISH, Wish
from relay.store.model import MessageKind, Queued, StoredMessage

if TYPE_CHECKING:
    from relay.config import Config
    from relay.mail.message import Message
    from relay.mail.tenant import Tenant
    from relay.server.signer import Signer


@dataclass(frozen=True, slots=True)
class Office:
    """One per process, never changed."""

    config: Config
    signer: Signer
    hostname: str

    def url(self, path: str) -> str:
        """An absolute link to one of our pages; only ever from the configuration."""
        return self.config.platform.base_url.rstrip("/") + path

    def message_id(self, now: float) -> str:
        """A fresh Message-ID in the domain of the platform address, with its angle brackets (RFC 5322 3.6.4)."""
        return f"<{fresh_id(now)}.{secrets.token_hex(6)}@{self.config.platform.address.rpartition('@')[2]}>"

    def rewrite_policy(self, tenant: Tenant) -> RewritePolicy:
        """How a tenant's mail is rewritten for the platform's address."""
        config = self.config
        return RewritePolicy(
            platform=resolve_platform_address(config.platform.address, tenant.id),
            platform_name=config.platform.name,
            company=tenant.name,
            display_name=config.policy.display_name,
            reply_to=config.policy.reply_to,
            protected_names=(config.platform.name,),
            suffix=catalog(tenant.locale).text("mail.from.suffix") if config.policy.name_suffix else "",
            authserv_id=self.hostname,
            auto_submitted=config.policy.auto_submitted,
        )

    def own_mail(self, mail: Message, kind: MessageKind, tenant: Tenant | None, recipient: str, now: float) -> Queued:
        """A mail of our own, signed and ready to be queued: null reverse-path, one recipient, small body."""
        signed, body_sha256 = self.signer.sign(mail, now)
        body = b"".join(mail.body.chunks())
        message = StoredMessage(
            id=fresh_id(now),
            kind=kind,
            tenant_id=tenant.id if tenant else None,
            login="",
            author=str(resolve_platform_address(self.config.platform.address, tenant.id if tenant else "")),
            subject=subject_of(mail),
            document="",
            original_header=mail.header,
            header=signed.header,
            body_size=len(body),
            body_sha256=body_sha256,
            changes=(),
            events=(),
            route=RouteKind.PLATFORM,
            reverse_path="null",
            smtputf8=not recipient.isascii(),
            eightbit=False,
            received_at=now,
            peer="",
        )
        return Queued(message, (new_delivery(message.id, recipient, now),), body)


def new_delivery(message_id: str, recipient: str, now: float, wish: Wish = NO_WISH) -> Delivery:
    """A delivery that is due at once."""
    return Delivery(
        id=fresh_id(now),
        message_id=message_id,
        recipient=recipient,
        domain=recipient.rpartition("@")[2],
        state=State.QUEUED,
        attempt=0,
        created_at=now,
        due_at=now,
        notify=wish.notify,
        orcpt=wish.orcpt,
    )


def fresh_id(now: float) -> str:
    """A new identifier."""
    return make_id(now, secrets.randbits(32))


def subject_of(message: Message) -> str:
    """The subject as a person reads it, at most 200 characters."""
    field = message.first("subject")
    return decode_unstructured(field.value)[:200] if field else ""


def own_hostname(configured: str) -> str:
    """The name we greet with: the configured one, else the machine's."""
    return configured or socket.getfqdn()
