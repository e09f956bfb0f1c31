"""S3: sessions that go wrong in every state of the dialogue, against a relay in a process of its own.

Thirteen dialogues, each broken by a few mutations and said in each of six states. 2,000 sessions; FUZZ_SESSIONS says
otherwise, and FUZZ_SEED repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

SESSIONS = int(os.environ.get("FUZZ_SESSIONS", "2000"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(10**9)
AT_ONCE = 40
PATIENCE = 5.0  # seconds from the last octet that we say to the end
WARM = 300  # sessions before memory is looked at for the first time
LARGEST_GROWTH = 64_000  # kB
REPLY = re.compile(rb"[2345][0-9]{2}[ -][ -~]*\r\n")
TALK = re.compile(rb"Traceback|Error\b|Exception|File \"|\.py\b|None\b|object at")

HEADER = b"From: Jan <info@bakker.example>\r\nTo: a@customer.example\r\nSubject: Factuur 12\r\n"
MESSAGE = (
    HEADER + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBeste Jo\xc3\xabl,\r\n..\r\n.\r\n"
)
TRANSACTION = b"MAIL FROM:<info@bakker.example>\r\nRCPT TO:<a@customer.example>\r\nDATA\r\n"
DIALOGUES = (
    b"EHLO app.example\r\nNOOP\r\nRSET\r\nVRFY jan\r\nHELP\r\nEXPN x\r\nQUIT\r\n",
    b"HELO app.example\r\nMAIL FROM:<info@bakker.example>\r\nRCPT TO:<a@customer.example>\r\n",
    b"EHLO [127.0.0.1]\r\nAUTH PLAIN " + b64encode(b"\0app\0wrong") + b"\r\n",
    b"EHLO [IPv6:::1]\r\nAUTH LOGIN\r\n" + b64encode(b"app") + b"\r\n" + b64encode(b"wrong") + b"\r\n",
    b"MAIL FROM:<info@bakker.example> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=a+2Bb AUTH=<>\r\n",
    b"RCPT TO:<a@customer.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@b.example\r\nRCPT TO:<\xc3\xa9@x.example>\r\n",
    TRANSACTION + MESSAGE,
    HEADER + b"Reply-To: x <a@b.example>, g: c@d.example;\r\nSender: y\r\nBcc: z\r\nReceived: from a by b\r\n\r\n.\r\n",
    b"From: =?utf-8?b?" + b64encode("Café\r\nBcc: v@x".encode()) + b"?=\r\n\t<info@bakker.example>\r\n\r\nx\r\n.\r\n",
    b"X-Relay-Document: work-order\r\n" + HEADER + b"Subject: =?x?q?=?= \xff\xfe\r\nDate:\r\nDate: a\r\n\r\n\r\n.\r\n",
    b"STARTTLS\r\n\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03EHLO i\r\nMAIL FROM:<i@x>\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: relay\r\n\r\n\r\n\r\n\x00\r\nQUIT\x00\r\n",
    b"BDAT 5 LAST\r\nhelloDATA\r\n" + (TRANSACTION + MESSAGE) * 3,
)
WORDS = (
    *(
        b"\r\n",
        b"\r",
        b"\n",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r\n.\n",
        b"\0",
        b"\x1b[2J",
        b"\xff",
        b"\xe2\x80\xa8",
        b"\xed\xa0\x80",
    ),
    *(
        b"<>",
        b"<a@[1.2.3.4]>",
        b"<@a:b@c>",
        b'<"a b"@c.example>',
        b"<a@" + b"x." * 300 + b">",
        b" SIZE=-1",
        b" x",
        b" SMTPUTF8",
    ),
    *(b"%s%n{0}{}\\", b"'\";--", b"=", b"*", b"A" * 600, b"a" * 13_000, b"x: y\r\n" * 1200, b" \r\n" * 50, b"(" * 400),
    *(
        b"AUTH PLAIN =\r\n",
        b"AUTH XOAUTH2 x\r\n",
        b"NOOP\r\n" * 110,
        b"\xc3\x28" * 9,
        b"xn--\x80",
        b"=?utf-8?q?=0D=0A?=",
    ),
)
EDGE = re.compile(rb"[\r <>:=,;@\0]")  # where one word ends: what is put there is read, not only skipped


def broken(octets: bytes, dice: random.Random) -> bytes:
    """One mutation."""
    edges = [found.start() for found in EDGE.finditer(octets)]
    start = dice.choice(edges) if edges and dice.random() < 0.5 else dice.randrange(len(octets) + 1)
    end = min(len(octets), start + dice.choice((1, 1, 2, 8, 40)))
    piece = octets[start:end]
    match dice.randrange(10):
        case 0:
            piece = b""
        case 1:
            piece *= dice.choice((2, 3, 100))
        case 2:
            piece = dice.randbytes(len(piece))
        case 3:
            piece = bytes(octet ^ (1 << dice.randrange(8)) for octet in piece)
        case 4:
            other = dice.choice(DIALOGUES)
            piece += other[dice.randrange(len(other)) :]
        case 5:
            lines = octets.splitlines(keepends=True)
            dice.shuffle(lines)
            return b"".join(lines)
        case 6:
            return octets.replace(
                b"\r\n", dice.choice((b"\n", b"\r", b"\r\r\n", b"\n\r", b"\0\r\n")), dice.randrange(1, 4)
            )
        case 7 | 8:
            lines = octets.splitlines(keepends=True)
            if lines:
                place = dice.randrange(len(lines))
                lines[place] = (
                    lines[place].rstrip(b"\r\n") + dice.choice((b" ", b"\t", b"")) + dice.choice(WORDS) + b"\r\n"
                )
            return b"".join(lines)
        case _:
            piece += dice.choice(WORDS)
    return octets[:start] + piece + octets[end:]


@dataclass
class Fuzz:
    """Sessions against one relay; what was found lies in ``faults``."""

    port: int
    sign_in: bytes
    faults: list[str] = field(default_factory=list)

    def lead(self, state: int) -> list[bytes]:
        """What to say, and have answered, to be connected, greeted, signed in, after MAIL, after RCPT, in DATA."""
        return [b"EHLO app.example\r\n", self.sign_in, *TRANSACTION.splitlines(keepends=True)][:state]

    async def session(self, number: int) -> None:
        """One session: reach the state, say what is broken, read to the end."""
        dice = random.Random(f"{SEED}-{number}")
        said = DIALOGUES[number % len(DIALOGUES)]
        for _ in range(dice.randrange(1, 6)):
            said = broken(said, dice)
        said += dice.choice((b"", b"\r\n.\r\nQUIT\r\n", b"\r\n.\r\nQUIT\r\n", b"\r\nQUIT\r\n"))
        source = f"127.{dice.randrange(1, 255)}.{dice.randrange(1, 255)}.{dice.randrange(1, 255)}"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))
        heard = b""
        try:
            for line in (b"", *self.lead(number // len(DIALOGUES) % 6)):
                writer.write(line)
                heard += await asyncio.wait_for(whole_reply(reader), PATIENCE)
            with suppress(OSError):  # it has closed already, as it may
                for piece in pieces(said, dice):
                    writer.write(piece)
                    await asyncio.sleep(0)
                if dice.random() < 0.9:
                    writer.write_eof()
                    heard += await asyncio.wait_for(reader.read(), PATIENCE)
        except TimeoutError:
            self.faults.append(f"session {number} of seed {SEED} hangs after {said[:500]!r}")
        finally:
            writer.transport.abort()
        self.judge(number, said, heard)

    def judge(self, number: int, said: bytes, heard: bytes) -> None:
        """Every line is a reply in words, and none of them is about our insides."""
        for line in heard.splitlines(keepends=True):
            if not REPLY.fullmatch(line) or TALK.search(line) or line.startswith(b"451 4.3.0"):
                self.faults.append(f"session {number} of seed {SEED} heard {line!r} after {said[:500]!r}")

    async def run(self, numbers: range) -> None:
        """All sessions, some at a time."""
        left = iter(numbers)

        async def work() -> None:
            for number in left:
                await self.session(number)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def whole_reply(reader: asyncio.StreamReader) -> bytes:
    """One reply, all of its lines."""
    heard = await reader.readline()
    while heard.splitlines()[-1][3:4] == b"-":
        heard += await reader.readline()
    return heard


def pieces(octets: bytes, dice: random.Random) -> list[bytes]:
    """The octets as they are handed to the network: in one piece, or in a few."""
    cuts = sorted(dice.randrange(len(octets) + 1) for _ in range(dice.choice((0, 0, 1, 3))))
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


def resident(pid: int) -> int:
    """Memory of a process in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_broken_sessions_break_nothing(relay, until: Callable[..., None]) -> None:
    config = relay.config.read_text().replace('tls = "starttls"', 'tls = "none"').replace('"smarthost"', '"capture"')
    relay.config.write_text(config + "\n[limits]\nauth_failures = 2\n")
    login = relay.add_tenant()["login"]
    relay.start()
    pid = relay.process.pid
    token = b64encode(f"\0{login['username']}\0{login['password']}".encode())
    fuzz = Fuzz(relay.port, b"AUTH PLAIN " + token + b"\r\n")
    asyncio.run(fuzz.run(range(min(WARM, SESSIONS))))
    until(lambda: relay.json("queue", "list", "--state", "queued") == [], 60)
    memory, files = resident(pid), open_files(pid)
    asyncio.run(fuzz.run(range(min(WARM, SESSIONS), SESSIONS)))

    began = time.monotonic()
    with relay.client(login, tls=False) as client:
        assert client.sendmail("info@bakker.example", ["a@customer.example"], HEADER + b"\r\nstill here\r\n") == {}
    assert time.monotonic() - began < PATIENCE, "a good client has to wait"
    until(lambda: open_files(pid) <= files + 2)
    assert fuzz.faults == []
    assert resident(pid) - memory < LARGEST_GROWTH
    assert relay.stop() == 0
    for line in relay.log.splitlines():
        assert len(line) < 4096, line[:300]
        assert line.isprintable(), line
        assert " INFO " in line or " WARNING " in line, line
