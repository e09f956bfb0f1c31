"""One mail transaction: MAIL, RCPT, DATA, the message, the final dot (RFC 5321 3.3).

With PIPELINING everything up to DATA leaves in one write (RFC 2920 3.1); without it each step waits for its reply.
`hand_in` goes as far as the final dot, `conclude` waits for the answer that makes the remote responsible.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, NoReturn

from relay.mail.conversation import Side
from relay.mail.delivery import Answer, Deferred, Failed, Outcome, RecipientRefused
from relay.mail.wish import NO_WISH, Wish
from relay.net.conversation import hear
from relay.net.data import DotStuffer
from relay.net.wire import Broken

if TYPE_CHECKING:
    from relay.net.reply import RemoteReply
    from relay.net.session import Session

TLS_OPTIONAL = re.compile(rb"^TLS-Required:[ \t]*No[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
STRETCH = 64 * 1024  # octets gathered before they are written


@dataclass(frozen=True, slots=True)
class Transaction:
    """An envelope (``reverse_path`` None is ``<>``) and a message: its header block without the empty line that ends
    it, and its body as often as it is asked for. ``size`` is in octets, of both. ``wishes`` are the recipients', in
    order; they, ``ret`` and ``envid`` go to a remote that knows DSN (RFC 3461). ``requires_tls`` is what RFC 8689 calls
    REQUIRETLS."""

    reverse_path: str | None
    forward_paths: tuple[str, ...]
    header: bytes
    body: Callable[[], AsyncIterator[bytes]]
    size: int
    smtputf8: bool = False
    eightbit: bool = False
    wishes: tuple[Wish, ...] = ()
    ret: str = ""
    envid: str = ""
    requires_tls: bool = False

    @property
    def tls_optional(self) -> bool:
        """True when it had rather arrive than be protected: policies do not count (RFC 8689 5)."""
        return not self.requires_tls and TLS_OPTIONAL.search(self.header) is not None

    @property
    def international(self) -> bool:
        """True when it cannot do without SMTPUTF8: an address or, where it was declared, the header is not ASCII."""
        addresses = "".join((self.reverse_path or "", *self.forward_paths))
        return not addresses.isascii() or (self.smtputf8 and not self.header.isascii())


async def hand_in(session: Session, transaction: Transaction, verdicts: list[Outcome | None]) -> None:
    """Everything up to the final dot. A recipient's verdict is set when it is refused. Raises `Broken`."""
    refusal = unsendable(session, transaction)
    if refusal:
        decide(verdicts, refusal)
        return
    if session.unfinished:
        await reset(session)
    data = await envelope(session, transaction, verdicts)
    if data is None:
        return
    if data.code == 354 and all(verdicts):
        session.wire.write(b".\r\n")  # RFC 2920 3.1: DATA went out before every recipient was refused
        hear(Side.US, ".")
        await session.reply("the final dot", session.client.timeouts.final)
        session.unfinished = False
    elif data.code == 354:
        await send_message(session, transaction, verdicts)
    else:
        decide(verdicts, refused(session, data, "DATA") or unexpected(data, "DATA"))


async def conclude(session: Session, verdicts: list[Outcome | None]) -> None:
    """The answer to the final dot, for every recipient that was not refused before. Raises `Broken`."""
    if not session.in_doubt:
        return
    reply = await session.reply("the final dot", session.client.timeouts.final)
    session.in_doubt = session.unfinished = False
    decide(verdicts, refused(session, reply, "the final dot") or session.outcome(reply))


def unsendable(session: Session, transaction: Transaction) -> Failed | None:
    """Why this remote can never take this message, if so; nothing was said to it yet."""
    extensions, tls = session.extensions, session.tls
    if transaction.international and "SMTPUTF8" not in extensions:  # RFC 6531 3.2
        return Failed(Answer("the remote does not take addresses outside ASCII", 0, "5.6.7", session.remote, tls))
    if transaction.eightbit and "8BITMIME" not in extensions:  # RFC 6152 3: convert or return; a signature forbids
        return Failed(Answer("the remote does not take 8-bit messages", 0, "5.6.3", session.remote, tls))
    if transaction.requires_tls and not (tls and session.client.verifies):
        return Failed(Answer("REQUIRETLS: the session is not one of verified TLS", 0, "5.7.10", session.remote, tls))
    if transaction.requires_tls and "REQUIRETLS" not in extensions:  # RFC 8689 4.2.1
        return Failed(Answer("the remote does not support REQUIRETLS", 0, "5.7.30", session.remote, tls))
    limit = extensions.get("SIZE", "")
    if limit.isdecimal() and 0 < int(limit[:20]) < transaction.size:  # RFC 1870 5: the limit is fixed, 0 means none
        text = f"the message has {transaction.size} octets, the remote takes {limit[:20]}"
        return Failed(Answer(text, 0, "5.3.4", session.remote, tls))
    return None


async def reset(session: Session) -> None:
    """Forget the transaction that was refused. Raises `Broken`."""
    reply = await session.command("RSET", session.client.timeouts.mail)
    if reply.code != 250:  # RFC 5321 4.3.2
        unexpected(reply, "RSET")
    session.unfinished = False


async def envelope(session: Session, transaction: Transaction, verdicts: list[Outcome | None]) -> RemoteReply | None:
    """MAIL, RCPTs and DATA; the reply to DATA, or None when it was not worth saying. Raises `Broken`."""
    times = session.client.timeouts
    mail, paths = mail_line(session, transaction), rcpt_lines(session, transaction)
    session.unfinished = True
    at_once = "PIPELINING" in session.extensions
    if at_once:
        session.say(mail, *paths, "DATA")

    async def answer(line: str, within: float) -> RemoteReply:
        return await (session.reply(line.partition(" ")[0], within) if at_once else session.command(line, within))

    sender = refused(session, await answer(mail, times.mail), "MAIL")
    if sender:
        decide(verdicts, sender)
        if not at_once:
            return None
    for number, path in enumerate(paths):
        verdict = refused(session, await answer(path, times.rcpt), "RCPT")
        verdicts[number] = verdicts[number] or spared(verdict, verdicts[:number])
    return await answer("DATA", times.data) if at_once or not all(verdicts) else None


def mail_line(session: Session, transaction: Transaction) -> str:
    """The MAIL command with the parameters that the remote knows and the message needs."""
    extensions = session.extensions
    parameters = [f"MAIL FROM:<{transaction.reverse_path or ''}>"]
    if "SIZE" in extensions:  # RFC 1870 3
        parameters.append(f"SIZE={transaction.size}")
    if transaction.eightbit:  # RFC 6152 2
        parameters.append("BODY=8BITMIME")
    if transaction.international:  # RFC 6531 3.4
        parameters.append("SMTPUTF8")
    if transaction.requires_tls:  # RFC 8689 4.2.1
        parameters.append("REQUIRETLS")
    if "DSN" in extensions:  # RFC 3461 5.2.1
        parameters += [f"RET={transaction.ret}"] if transaction.ret else []
        parameters += [f"ENVID={transaction.envid}"] if transaction.envid else []
    return " ".join(parameters)


def rcpt_lines(session: Session, transaction: Transaction) -> list[str]:
    """The RCPT commands, with what the client wants to be told where the remote knows DSN (RFC 3461 5.2.1)."""
    wishes = transaction.wishes if "DSN" in session.extensions else ()
    return [
        f"RCPT TO:<{path}>"
        + (f" NOTIFY={wish.notify}" if wish.notify else "")
        + (f" ORCPT={wish.orcpt}" if wish.orcpt else "")
        for path, wish in zip_longest(transaction.forward_paths, wishes, fillvalue=NO_WISH)
    ]


def spared(verdict: Outcome | None, before: list[Outcome | None]) -> Outcome | None:
    """A verdict on a recipient, where 552 after others were accepted means "too many" (RFC 5321 4.5.3.1.10)."""
    if not isinstance(verdict, Failed):
        return verdict
    if verdict.answer.code == 552 and not all(before):
        return Deferred(verdict.answer)
    return RecipientRefused(verdict.answer)


async def send_message(session: Session, transaction: Transaction, verdicts: list[Outcome | None]) -> None:
    """The message and the final dot, a stretch at a time; stops when the remote refuses half-way. Raises `Broken`."""
    session.begun = True
    stuffer = DotStuffer()
    pending = stuffer.feed(transaction.header + b"\r\n")
    async for chunk in transaction.body():
        pending += stuffer.feed(chunk)
        if len(pending) >= STRETCH:
            if await interrupted(session, verdicts):
                return
            session.wire.write(pending)
            await drain(session)
            pending = b""
    if await interrupted(session, verdicts):
        return
    session.wire.write(pending + stuffer.finish())
    hear(Side.US, f"({transaction.size:,} octets)", ".")
    session.in_doubt = True


async def drain(session: Session) -> None:
    """Wait until the remote took what was written. Raises `Broken`."""
    within = session.client.timeouts.data
    try:
        async with asyncio.timeout(within):
            await session.wire.drain()
    except TimeoutError:
        raise Broken("4.4.2", f"the remote took nothing for {within:g} s") from None


async def interrupted(session: Session, verdicts: list[Outcome | None]) -> bool:
    """True when the remote refused before it had the whole message; nothing more can be said to it then. `Broken` when
    it is gone, or claims to have accepted what it does not have."""
    if session.alive:
        return False
    reply = await session.reply("DATA", session.client.timeouts.data)
    decide(verdicts, refused(session, reply, "DATA") or unexpected(reply, "an unfinished message"))
    session.close()
    return True


def refused(session: Session, reply: RemoteReply, what: str) -> Outcome | None:
    """The outcome when ``reply`` is a refusal (4xx, 5xx), None when it is 2xx. Raises `Broken` for a 3xx."""
    if reply.code >= 400:
        return session.outcome(reply)
    return unexpected(reply, what) if reply.code >= 300 else None


def unexpected(reply: RemoteReply, what: str) -> NoReturn:
    """The remote lost the thread: after this no reply can be trusted to belong to its command."""
    raise Broken("4.5.0", f"the remote answered {reply.code} to {what}")


def decide(verdicts: list[Outcome | None], outcome: Outcome) -> None:
    """The outcome of every recipient that has none yet."""
    verdicts[:] = [verdict or outcome for verdict in verdicts]
