"""An open SMTP session: commands, replies, and what becomes of a transaction when it breaks."""

from __future__ import annotations

import asyncio
import contextlib

from relay.mail.conversation import Side
from relay.mail.delivery import Answer, Deferred, Delivered, Failed, Outcome
from relay.net.client import Client, Endpoint
from relay.net.conversation import hear
from relay.net.reply import RemoteReply, read_reply
from relay.net.transaction import Transaction, conclude, hand_in
from relay.net.wire import Broken, Wire

GOODBYE = 5.0  # seconds to wait for the answer to QUIT


class Session:
    """A session that was opened by `relay.net.smtp.open_session`. For one caller at a time.

    After `send`: ``begun`` says whether any of the message had gone out, ``in_doubt`` whether the final dot had and no
    answer came (the remote may have it). ``unfinished`` means that a transaction was refused and wants an RSET.
    """

    def __init__(self, wire: Wire, endpoint: Endpoint, client: Client) -> None:
        self.wire = wire
        self.client = client
        self.remote = str(Endpoint(endpoint.host, wire.peer_address() or endpoint.address, endpoint.port))
        self.extensions: dict[str, str] = {}
        self.transactions = 0
        self.begun = False
        self.in_doubt = False
        self.unfinished = False

    @property
    def tls(self) -> str:
        """Protocol, cipher and the policy that asked for them; empty in the clear."""
        tls = self.wire.tls()
        return f"{tls} {self.client.policy}".rstrip() if tls else ""

    @property
    def alive(self) -> bool:
        """True when another transaction may be tried: still connected, and the remote said nothing unasked."""
        return not self.wire.ended and not self.wire.buffer

    async def send(self, transaction: Transaction) -> tuple[Outcome, ...]:
        """Run a transaction; one outcome a recipient, in order. Raises only what ``transaction.body`` raises."""
        self.transactions += 1
        self.begun = self.in_doubt = False
        if self.transactions > 1:
            hear(Side.NOTE, f"transaction {self.transactions} of a session with {self.remote} {self.tls}".rstrip())
        verdicts: list[Outcome | None] = [None] * len(transaction.forward_paths)
        complete = False
        try:
            async with asyncio.timeout(self.client.timeouts.total):
                await hand_in(self, transaction, verdicts)
            await conclude(self, verdicts)
            complete = True
            return tuple(verdict for verdict in verdicts if verdict)
        except Broken as broken:
            return self.broken_off(verdicts, broken)
        except TimeoutError:
            return self.broken_off(verdicts, Broken("4.4.2", "the remote took too long"))
        finally:
            if not complete:
                self.close()

    def broken_off(self, verdicts: list[Outcome | None], broken: Broken) -> tuple[Outcome, ...]:
        """The outcomes when a transaction ended early: what was said stands, the rest is deferred."""
        if not broken.code:  # else it was heard as a reply
            hear(Side.NOTE, broken.text)
        doubt = "; the message may have been accepted: in doubt" if self.in_doubt else ""
        answer = Answer(broken.text + doubt, broken.code, broken.enhanced, self.remote, self.tls)
        return tuple(verdict or Deferred(answer) for verdict in verdicts)

    def say(self, *lines: str) -> None:
        """Send command lines in one write. Raises `Broken`; ValueError for what would be more lines than it says."""
        data = "".join(f"{line}\r\n" for line in lines).encode("utf-8")
        if data.count(b"\n") != len(lines) or data.count(b"\r") != len(lines) or b"\0" in data:
            raise ValueError("a command holds a control character")
        self.wire.write(data)
        hear(Side.US, *lines)

    async def reply(self, what: str, within: float) -> RemoteReply:
        """The reply to ``what``. Raises `Broken` when none comes within so many seconds, and when it is a 421."""
        try:
            async with asyncio.timeout(within):
                reply = await read_reply(self.wire)
        except TimeoutError:
            raise Broken("4.4.2", f"no answer to {what} within {within:g} s") from None
        hear(Side.THEM, *reply.spoken())
        if reply.code == 421:  # RFC 5321 3.8: the server is closing the connection
            raise Broken(reply.enhanced, reply.text, reply.code)
        return reply

    async def command(self, line: str, within: float) -> RemoteReply:
        """Say one line and read the reply to it; errors name the verb only. Raises `Broken`."""
        self.say(line)
        return await self.reply(line.partition(" ")[0], within)

    def outcome(self, reply: RemoteReply) -> Outcome:
        """What a final reply means: 2xx is taken, 5xx is never, everything else is later."""
        answer = Answer(reply.text, reply.code, reply.enhanced, self.remote, self.tls)
        if 200 <= reply.code < 300:
            return Delivered(answer, reports="DSN" in self.extensions)
        return Failed(answer) if reply.code >= 500 else Deferred(answer)

    async def quit(self) -> None:
        """Say QUIT, wait a little for the answer (RFC 5321 4.1.1.10), and close."""
        with contextlib.suppress(Broken):
            if self.alive:
                await self.command("QUIT", GOODBYE)
        self.close()

    def close(self) -> None:
        """Close without a word."""
        self.wire.close()
