"""DATA: read a message to its end, hand it in, and say what has become of it (RFC 5321 4.1.1.4)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from relay.mail.envelope import Incoming, Submission
from relay.mail.message import Message, MessageError
from relay.mail.reply import Refusal, Reply
from relay.server.data import Content, DataReader
from relay.server.smtp_commands import ready_for_data, reply

if TYPE_CHECKING:
    from relay.mail.tenant import Tenant
    from relay.server.smtp_connections import Connections
    from relay.server.smtp_contract import Desk
    from relay.server.smtp_session import Session

log = logging.getLogger("relay.smtp")

GO_AHEAD = b"354 end data with <CR><LF>.<CR><LF>\r\n"
OVERRUN = reply(552, "5.3.4", "message is far larger than what is accepted")


class Receiver(Protocol):
    """What DATA needs of a connection."""

    session: Session
    desk: Desk
    connections: Connections

    async def receive(self, reader: DataReader) -> bool:
        """Say 354 and feed the reader until the message ends: True then, False when it is far too large."""


async def data(receiver: Receiver, argument: bytes) -> bytes:
    """The DATA command, from its argument to the reply after the dot. The transaction ends here, whatever comes."""
    session = receiver.session
    if problem := ready_for_data(session, argument):
        return problem
    reader = DataReader(session.settings)
    try:
        if not await receiver.receive(reader):
            session.closing = True
            return OVERRUN
        return (await hand_in(receiver, reader.content())).encode()
    finally:
        session.transaction = None


async def hand_in(receiver: Receiver, content: Content | Refusal) -> Reply:
    """The desk's reply to what came in. Once the desk has it, it finishes, whether the client waits or not."""
    session = receiver.session
    tenant, transaction, reception = session.tenant, session.transaction, session.settings.reception
    assert transaction is not None  # ready_for_data has seen to it
    if reception is not None:
        if isinstance(content, Refusal):
            return reception.refuse(content)
        session.idle_commands = 0
        envelope = transaction.envelope(content.eightbit)
        accept = reception.accept(Incoming(envelope, content.header, content.body, session.as_peer()))
        return await asyncio.shield(receiver.connections.keep(accept))
    assert tenant is not None
    if isinstance(content, Refusal):
        return refused(receiver.desk, tenant, content)
    try:
        message = Message.parse(content.header, content.body)
    except MessageError as error:
        return refused(receiver.desk, tenant, error.refusal)
    submission = Submission(transaction.envelope(content.eightbit), message, tenant, session.as_peer())
    session.idle_commands = 0
    return await asyncio.shield(receiver.connections.keep(receiver.desk.accept(submission)))


def refused(desk: Desk, tenant: Tenant, refusal: Refusal) -> Reply:
    """A refusal in the tenant's language."""
    log.info("refused tenant=%s topic=%s", tenant.id, refusal.topic)
    return desk.refuse(tenant, refusal.topic, refusal.code, refusal.enhanced, **refusal.params)
