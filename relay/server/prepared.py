"""A submission on its way from the reply of the intake to the queue: what was decided, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from relay.mail.address import Address
from relay.mail.document import Addressed, Handling
from relay.mail.rewrite import Rewritten
from relay.mail.route import RouteKind
from relay.mail.sender import Admitted, Verified
from relay.mail.wish import NO_WISH, SILENT, Wish
from relay.server.office import new_delivery, subject_of
from relay.store.model import MessageKind, StoredMessage

if TYPE_CHECKING:
    from relay.mail.delivery import Delivery
    from relay.mail.envelope import Submission
    from relay.mail.suppression import Suppression
    from relay.store.store import Store


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission that passed: whose it is, as what and to whom, and how it will leave but for trace and signature.
    ``copy_to`` gets one more delivery, which counts for nothing else; ``route`` is the kind of way it goes,
    ``suppressed`` are recipients to whom nothing is sent, by `Address.key`."""

    submission: Submission
    admitted: Admitted
    rewritten: Rewritten
    document: str
    addressed: Addressed
    copy_to: Address | None
    route: RouteKind = RouteKind.PLATFORM
    suppressed: Mapping[str, Suppression] = field(default_factory=dict)


def known_of(
    store: Store, tenant_id: str, addresses: Iterable[Address], recipients: Sequence[Address], login: str, now: float
) -> tuple[Verified, Handling, Mapping[str, Suppression]]:
    """What a tenant may send as, what it chose, and to whom nothing is sent, for mail that ``login`` hands in."""
    handling = store.handling(tenant_id, recipients, login)
    asked = (*addresses, handling.copy_to) if handling.copy_to else addresses
    return store.verified(tenant_id, asked), handling, store.suppressed(tenant_id, recipients, now)


def recipients(prepared: Prepared) -> dict[Address, Wish]:
    """Everyone who gets a submission with what is to be reported of it: nothing of the tenant's own copy, the last."""
    wishes = prepared.submission.envelope.wishes
    found = {path: wishes.get(path.key, NO_WISH) for path in prepared.addressed.forward_paths}
    copy_to = prepared.copy_to
    if copy_to is not None and copy_to.key not in {path.key for path in found}:
        found[copy_to] = SILENT
    return found


def deliveries(prepared: Prepared, message_id: str, now: float) -> tuple[Delivery, ...]:
    """A delivery for everyone; one to whom nothing is sent says so already, and fails when its turn comes."""
    made = []
    for path, wish in recipients(prepared).items():
        delivery = new_delivery(message_id, str(path), now, wish)
        found = prepared.suppressed.get(path.key)
        made.append(replace(delivery, last_reply=found.words) if found else delivery)
    return tuple(made)


def stored_message(prepared: Prepared, message_id: str, header: bytes, body_sha256: bytes, now: float) -> StoredMessage:
    """What is kept of an accepted submission, besides its body."""
    submission, rewritten = prepared.submission, prepared.rewritten
    return StoredMessage(
        id=message_id,
        kind=MessageKind.SUBMISSION,
        tenant_id=submission.tenant.id,
        login=submission.peer.login,
        author=str(prepared.admitted.author.address),
        subject=subject_of(submission.message),
        document=prepared.document,
        original_header=submission.message.header,
        header=header,
        body_size=submission.message.body.size,
        body_sha256=body_sha256,
        changes=rewritten.changes,
        events=(*prepared.admitted.events, *rewritten.events),
        route=prepared.route,
        reverse_path="author" if prepared.route is RouteKind.OWN else "verp",  # bounces go to who sends
        smtputf8=submission.envelope.smtputf8,
        eightbit=submission.envelope.eightbit,
        received_at=now,
        peer=submission.peer.address,
        ret=submission.envelope.ret,
        envid=submission.envelope.envid,
        requires_tls=submission.envelope.requires_tls,
    )
