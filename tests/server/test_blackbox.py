"""The listener seen from outside, octet by octet: what is sent in which state, and what must come back.

After every case that leaves the session open a NOOP is answered by its own 250: nothing was answered twice or not at
all. The beginning of each case's name is its row in docs/threats.md.
"""

from __future__ import annotations

import re
from base64 import b64encode

import pytest

CLOSED = "closed"
HELLO = b"EHLO app.example\r\n"
SECRET = b64encode(b"\0app\0s3cret")
TO = b"RCPT TO:<klant@example.nl>"
FROM = b"MAIL FROM:<info@bakker.example>"
MESSAGE = b"From: info@bakker.example\r\n\r\nx\r\n.\r\n"
LONG_PATH = b"<" + b"a" * 60 + b"@" + b".".join([b"b" * 60] * 3) + b".example>"

# What has been said before a case begins.
NOTHING: list[bytes] = []
GREETED = [b"EHLO app.example"]
SIGNED_IN = [*GREETED, b"AUTH PLAIN " + SECRET]
SENDER = [*SIGNED_IN, FROM]
RECIPIENT = [*SENDER, TO]

Case = tuple[str, list[bytes], bytes, list[str]]


def paths(row: str, before: list[bytes], verb: bytes, table: list[tuple[bytes, str]]) -> list[Case]:
    """A case for each path."""
    return [(f"{row} {verb.decode()} {path!r:.90}", before, verb + path + b"\r\n", [said]) for path, said in table]


ORDER: list[Case] = [
    ("P10 fifty commands before the greeting", NOTHING, b"NOOP\r\n" * 50, ["250 2.0.0"] * 50),
    ("P10 mail without hello", NOTHING, FROM + b"\r\n", ["503 5.5.1"]),
    ("P10 login without hello", NOTHING, b"AUTH PLAIN " + SECRET + b"\r\n", ["503 5.5.1"]),
    ("P10 more behind EHLO", NOTHING, HELLO + FROM + b"\r\n", ["554 5.5.0", CLOSED]),
    ("P10 more behind HELO", NOTHING, b"HELO x\r\n" + FROM + b"\r\n", ["554 5.5.0", CLOSED]),
    ("P10 mail without login", GREETED, FROM + b"\r\n", ["530 5.7.0"]),
    ("P10 recipient without login", GREETED, TO + b"\r\n", ["530 5.7.0"]),
    ("P10 data without login", GREETED, b"DATA\r\n", ["530 5.7.0"]),
    ("P10 a body without login", GREETED, b"DATA\r\n" + MESSAGE, ["554 5.5.0", CLOSED]),
    ("P10 a body without transaction", SIGNED_IN, b"DATA\r\n" + MESSAGE, ["554 5.5.0", CLOSED]),
    ("P10 a body without recipient", SENDER, b"DATA\r\n" + MESSAGE, ["554 5.5.0", CLOSED]),
    ("P10 a body behind a refused DATA", RECIPIENT, b"DATA x\r\n" + MESSAGE, ["554 5.5.0", CLOSED]),
    ("P10 a body before 354", RECIPIENT, b"DATA\r\n" + MESSAGE, ["354", "250 2.0.0 queued"]),
    ("P10 a group", SIGNED_IN, FROM + b"\r\n" + TO + b"\r\nDATA\r\n" + MESSAGE, ["250", "250", "354", "250 2.0.0 q"]),
    ("P10 a group without a recipient", SIGNED_IN, FROM + b"\r\nRCPT TO:<a>\r\nDATA\r\n", ["250", "550", "503 5.5.1"]),
    ("P10 recipient before sender", SIGNED_IN, TO + b"\r\n", ["503 5.5.1"]),
    ("P10 sender twice", SENDER, FROM + b"\r\n", ["503 5.5.1"]),
    ("P10 data before recipient", SENDER, b"DATA\r\n", ["503 5.5.1"]),
    ("P10 RSET forgets", RECIPIENT, b"RSET\r\nDATA\r\n", ["250 2.0.0", "503 5.5.1"]),
    ("P10 login during a transaction", SENDER, b"AUTH PLAIN\r\n", ["503 5.5.1"]),
    ("P10 login twice", SIGNED_IN, b"AUTH PLAIN " + SECRET + b"\r\n", ["503 5.5.1"]),
    ("P10 QUIT and more", GREETED, b"QUIT\r\nNOOP\r\n", ["221 2.0.0", CLOSED]),
    ("P10 two messages", RECIPIENT, b"DATA\r\n" + MESSAGE + FROM + b"\r\n", ["354", "250 2.0.0 q", "250 2.1.0"]),
]

LINES: list[Case] = [
    ("P11 512 octets", GREETED, b"NOOP " + b"x" * 505 + b"\r\n", ["250 2.0.0"]),
    ("P11 513 octets", GREETED, b"NOOP " + b"x" * 506 + b"\r\n", ["500 5.5.2"]),
    ("P11 1000 octets of MAIL", SIGNED_IN, FROM + b" X=" + b"y" * (995 - len(FROM)) + b"\r\n", ["555 5.5.4"]),
    ("P11 1001 octets of MAIL", SIGNED_IN, FROM + b" X=" + b"y" * (996 - len(FROM)) + b"\r\n", ["500 5.5.2"]),
    ("P11 100 kB", GREETED, b"x" * 100_000 + b"\r\n", ["500 5.5.2"]),
    ("P11 a MB of a known verb", SIGNED_IN, b"MAIL FROM:<" + b"a" * 1_000_000 + b"\r\n", ["500 5.5.2"]),
    ("P11 NUL", GREETED, b"NO\0OP\r\n", ["500 5.5.2"]),
    ("P11 NUL in a path", SIGNED_IN, b"MAIL FROM:<a\0@b.example>\r\n", ["500 5.5.2"]),
    ("P11 ESC", GREETED, b"NOOP \x1b[31m\r\n", ["500 5.5.2"]),
    ("P11 DEL", GREETED, b"NOOP \x7f\r\n", ["500 5.5.2"]),
    ("P11 a CR inside", GREETED, b"NOOP a\rb\r\n", ["500 5.5.2"]),
    ("P11 CR CR LF", GREETED, b"NOOP\r\r\n", ["500 5.5.2"]),
    ("P11 octets above 127", GREETED, b"NOOP \x80\xff\r\n", ["500 5.5.2"]),
    ("P11 a verb above 127", GREETED, b"\xce\x95HLO x\r\n", ["500 5.5.2"]),
    ("P11 a name above 127", NOTHING, b"EHLO \xc3\xa9.example\r\n", ["500 5.5.2"]),
    ("P11 a sender that is no UTF-8", SIGNED_IN, b"MAIL FROM:<\xff@b.example> SMTPUTF8\r\n", ["501 5.1.7"]),
    ("P11 LF alone", GREETED, b"NOOP\n", ["250 2.0.0"]),
    ("P11 an empty line", GREETED, b"\r\n", ["500 5.5.1"]),
    ("P11 white space before", GREETED, b" NOOP\r\n", ["500 5.5.1"]),
    ("P11 white space behind", GREETED, b"NOOP  \r\n", ["250 2.0.0"]),
    ("P11 an unknown verb", GREETED, b"XYZZY %s%n\r\n", ["500 5.5.1"]),
    ("P11 a verb of an extension not offered", GREETED, b"BDAT 3 LAST\r\n", ["500 5.5.1"]),
    ("P11 two names", NOTHING, b"EHLO a b\r\n", ["501 5.5.4"]),
    ("P11 no name", NOTHING, b"HELO\r\n", ["501 5.5.4"]),
    ("P11 RSET with an argument", GREETED, b"RSET now\r\n", ["501 5.5.4"]),
    ("P11 DATA with an argument", RECIPIENT, b"DATA now\r\n", ["501 5.5.4"]),
    ("P11 QUIT with an argument", GREETED, b"QUIT now\r\n", ["501 5.5.4"]),
    ("P11 VRFY without one", GREETED, b"VRFY\r\n", ["501 5.5.4"]),
    ("P11 VRFY tells nothing", GREETED, b"VRFY info@bakker.example\r\n", ["252 2.5.2"]),
    ("P11 EXPN is not there", GREETED, b"EXPN all\r\n", ["502 5.5.1"]),
    ("P11 MAIL without FROM", SIGNED_IN, b"MAIL <a@b.example>\r\n", ["501 5.5.4"]),
    ("P11 RCPT without TO", SENDER, b"RCPT <a@b.example>\r\n", ["501 5.5.4"]),
    ("P11 MAIL TO", SIGNED_IN, b"MAIL TO:<a@b.example>\r\n", ["501 5.5.4"]),
]

SENDERS = paths(
    "P12",
    SIGNED_IN,
    b"MAIL FROM:",
    [
        (b"<", "501 5.1.7"),
        (b"<a@b", "501 5.1.7"),
        (b"a@b", "501 5.1.7"),
        (b"<@r:a@b>", "553 5.1.7"),
        (b"<a@[1.2.3.4]>", "553 5.1.7"),
        (b"<a@[IPv6:::1]>", "553 5.1.7"),
        (b"<a@b>x", "501 5.1.7"),
        (b"<a%b@c>", "553 5.1.7"),
        (b"<a!b@c>", "553 5.1.7"),
        (b"<a@b@c>", "501 5.1.7"),
        (b"<a@b><c@d>", "501 5.1.7"),
        (b"<a b@c>", "501 5.1.7"),
        (b"<a@b_c.example>", "501 5.1.7"),
        (b"<a@b..example>", "501 5.1.7"),
        (b"<a@1.2.3.4>", "501 5.1.7"),
        (b"<" + b"a" * 65 + b"@b.example>", "501 5.1.7"),
        (b"<a>", "550 5.1.7"),
        (b'<"a@b"@c>', "553 5.1.7"),
        (b"<>", "550 5.7.1"),
        (b'<"a b"@c.example>', "250 2.1.0"),
        (b"<a+b=c@d.example>", "250 2.1.0"),
        (LONG_PATH, "250 2.1.0"),
        (b"<\xc3\xb6@b.example>", "553 5.6.7"),
        (b"<\xc3\xb6@b.example> SMTPUTF8", "250 2.1.0"),
        (b"<a@b.example> AUTH=<>", "250 2.1.0"),
        (b"<a@b.example> AUTH=e+3Dmc2@b.example", "250 2.1.0"),
        (b"<a@b.example> AUTH=", "501 5.5.4"),
        (b"<a@b.example> SIZE=-1", "501 5.5.4"),
        (b"<a@b.example> SIZE=1e3", "501 5.5.4"),
        (b"<a@b.example> SIZE=" + b"9" * 21, "501 5.5.4"),
        (b"<a@b.example> SIZE=0", "250 2.1.0"),
        (b"<a@b.example> BODY=BINARYMIME", "501 5.5.4"),
        (b"<a@b.example> BODY=8bitmime", "250 2.1.0"),
        (b"<a@b.example> BODY=7BIT BODY=7BIT", "501 5.5.4"),
        (b"<a@b.example> RET=FULL ENVID=x", "250 2.1.0"),
        (b"<a@b.example> RET=SOME", "501 5.5.4"),
        (b"<a@b.example> ENVID=a+zz", "501 5.5.4"),
        (b"<a@b.example> ENVID=" + b"x" * 101, "501 5.5.4"),
        (b"<a@b.example> NOTIFY=NEVER", "555 5.5.4"),
        (b"<a@b.example> X-WHAT=1", "555 5.5.4"),
        (b"<a@b.example> =", "501 5.5.4"),
    ],
)

RECIPIENTS = paths(
    "P13",
    SENDER,
    b"RCPT TO:",
    [
        (b"<>", "501 5.1.3"),
        (b"<postmaster>", "550 5.1.1"),
        (b"<@r.example:a@b.example>", "553 5.1.3"),
        (b"<a%b.example@c.example>", "553 5.1.3"),
        (b"<b.example!a@c.example>", "553 5.1.3"),
        (b"<a@[127.0.0.1]>", "553 5.1.3"),
        (b"<a@b>,<c@d>", "501 5.1.3"),
        (b"klant@example.nl", "501 5.1.3"),
        (b"<\xc3\xb6@b.example>", "553 5.6.7"),
        (b"<a@b.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a@b.example", "250 2.1.5"),
        (b"<a@b.example> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        (b"<a@b.example> ORCPT=rfc822", "501 5.5.4"),
        (b"<a@b.example> ORCPT=rfc822;" + b"x" * 500, "501 5.5.4"),
        (b"<a@b.example> SIZE=1", "555 5.5.4"),
        (b"<klant@example.nl>", "250 2.1.5"),
    ],
)

SIZES: list[Case] = [
    ("P13 one recipient too many", SENDER, (TO + b"\r\n" + b"RCPT TO:<a@b.example>\r\n") * 2, ["250", "452 4.5.3"] * 2),
    ("P14 announced too large", SIGNED_IN, FROM + b" SIZE=10001\r\n", ["552 5.3.4"]),
    ("P14 announced far too large", SIGNED_IN, FROM + b" SIZE=99999999999\r\n", ["552 5.3.4"]),
    ("P14 announced as large as allowed", SIGNED_IN, FROM + b" SIZE=10000\r\n", ["250 2.1.0"]),
    ("P14 a lie", [*SIGNED_IN, FROM + b" SIZE=1", TO, b"DATA"], b"x" * 10_001 + b"\r\n.\r\n", ["552 5.3.4"]),
    ("P14 twice as much", [*RECIPIENT, b"DATA"], b"x" * 20_001, ["552 5.3.4", CLOSED]),
    ("P15 a header line without end", [*RECIPIENT, b"DATA"], b"A: " + b"x" * 999 + b"\r\n\r\n.\r\n", ["550 5.6.0"]),
    ("P15 nothing but empty lines", [*RECIPIENT, b"DATA"], b"\r\n" * 6_000 + b".\r\n", ["552 5.3.4"]),
    ("P02 NUL in a body", [*RECIPIENT, b"DATA"], b"A: b\r\n\r\n\0\r\n.\r\n", ["550 5.6.0"]),
    ("P02 a bare CR in a body", [*RECIPIENT, b"DATA"], b"A: b\r\n\r\na\rb\r\n.\r\n", ["550 5.6.11"]),
    ("P20 HTTP", NOTHING, b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n", ["421 4.7.0", CLOSED]),
    ("P20 HTTP with mail in it", NOTHING, b"POST / HTTP/1.1\r\n" + HELLO + FROM + b"\r\n", ["421 4.7.0", CLOSED]),
    ("P20 HTTP/2", NOTHING, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["421 4.7.0", CLOSED]),
    ("P20 a header of HTTP", GREETED, b"Host: relay.example\r\n", ["421 4.7.0", CLOSED]),
    ("P20 PROXY 1 of a stranger", NOTHING, b"PROXY TCP4 10.0.0.1 10.0.0.2 1 25\r\n", ["421 4.7.0", CLOSED]),
    ("P20 PROXY 2 of a stranger", NOTHING, b"\r\n\r\n\0\r\nQUIT\n!\x11\0\0", ["500", "500", "500", "221", CLOSED]),
    ("P20 TLS in the clear", NOTHING, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", [CLOSED]),
    ("P20 TLS after a command", GREETED, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", [CLOSED]),
]

LOGINS: list[Case] = [
    ("P08 no mechanism", GREETED, b"AUTH\r\n", ["501 5.5.4"]),
    ("P08 unknown mechanism", GREETED, b"AUTH GSSAPI\r\n", ["504 5.5.4"]),
    ("P08 cancelled", GREETED, b"AUTH PLAIN\r\n*\r\n", ["334", "501 5.7.0"]),
    ("P08 in lower case", GREETED, b"auth plain " + SECRET + b"\r\n", ["235 2.7.0"]),
    ("P08 for somebody else", GREETED, b"AUTH PLAIN " + b64encode(b"b\0app\0s3cret") + b"\r\n", ["535 5.7.8"]),
    ("P08 no NUL", GREETED, b"AUTH PLAIN " + b64encode(b"app s3cret") + b"\r\n", ["501 5.5.2"]),
    ("P08 empty", GREETED, b"AUTH PLAIN =\r\n", ["501 5.5.2"]),
    ("P08 a line of 13 kB", GREETED, b"AUTH PLAIN " + b"A" * 13_000 + b"\r\n", ["500 5.5.6"]),
    ("P08 an answer of 13 kB", GREETED, b"AUTH PLAIN\r\n" + b"A" * 13_000 + b"\r\n", ["334", "500 5.5.6"]),
    ("P08 a password with NUL", GREETED, b"AUTH LOGIN YXBw\r\n" + b64encode(b"a\0") + b"\r\n", ["334", "535 5.7.8"]),
    ("P08 after HELO", [b"HELO app.example"], b"AUTH PLAIN " + SECRET + b"\r\n", ["503 5.5.1"]),
]

CASES = [*ORDER, *LINES, *SENDERS, *RECIPIENTS, *SIZES, *LOGINS]
QUEUED = re.compile(r"250 2\.0\.0 q")


def test_there_are_enough_and_no_two_have_one_name() -> None:
    assert len(CASES) >= 112
    assert len({name for name, *_ in CASES}) == len(CASES)


@pytest.mark.parametrize(("before", "sent", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_case(serve, before: list[bytes], sent: bytes, said: list[str]) -> None:
    serving = serve(errors=1000, message_size=10_000, recipients=1)
    client = serving.connect()
    if before:
        assert client.reply().startswith("220 ")
        for line in before:
            assert client.command(line)[:1] in {"2", "3"}, line
        client.send(sent)
    else:
        client.send(sent)  # before the greeting is read
        assert client.reply().startswith("220 ")
    heard = [client.reply() for _ in said if _ != CLOSED]
    assert [reply.startswith(begin) for reply, begin in zip(heard, said, strict=False)] == [True] * len(heard), heard
    assert not any(word in reply for reply in heard for word in ("XYZZY", "%n", "s3cret", "Traceback", "Error"))
    if said[-1] == CLOSED:
        assert client.closed
    else:
        assert client.command("NOOP") == "250 2.0.0 ok"
    assert len(serving.desk.submissions) == sum(bool(QUEUED.match(reply)) for reply in heard)


TLS_CASES = [
    ("P07 a password in the clear", "starttls", False, [b"AUTH PLAIN AGYAYg=="], ["538 5.7.11"]),
    ("P07 a password in the clear, asked", "starttls", False, [b"AUTH LOGIN"], ["538 5.7.11"]),
    ("P07 mail in the clear", "starttls", False, [FROM], ["530 5.7.0 must issue a STARTTLS"]),
    ("P09 STARTTLS with an argument", "starttls", False, [b"STARTTLS now"], ["501 5.5.4"]),
    ("P09 STARTTLS twice", "starttls", True, [b"STARTTLS"], ["503 5.5.1"]),
    ("P09 STARTTLS under implicit TLS", "implicit", True, [b"STARTTLS"], ["503 5.5.1"]),
    ("P09 STARTTLS where there is none", "none", False, [b"STARTTLS"], ["502 5.5.1"]),
    ("P09 STARTTLS in a transaction", "starttls", True, [b"AUTH PLAIN " + SECRET, FROM, b"STARTTLS"], ["503 5.5.1"]),
    ("P08 login under implicit TLS", "implicit", True, [b"AUTH PLAIN " + SECRET], ["235 2.7.0"]),
]


@pytest.mark.parametrize(
    ("tls", "secured", "lines", "said"), [case[1:] for case in TLS_CASES], ids=[case[0] for case in TLS_CASES]
)
def test_case_with_tls(serve, tls: str, secured: bool, lines: list[bytes], said: list[str]) -> None:
    client = serve(tls=tls).connect(tls=tls == "implicit")
    client.reply()
    offered = client.command("EHLO app.example")
    assert ("AUTH" in offered) == (tls != "starttls")
    if secured and tls == "starttls":
        client.command("STARTTLS")
        client.start_tls()
        client.command("EHLO app.example")
    heard = [client.command(line) for line in lines]
    assert heard[-1].startswith(said[-1])
    assert client.command("NOOP") == "250 2.0.0 ok"


@pytest.mark.parametrize("line", [b"NOOP\n", b"EHLO app.example\n", b"QUIT\n"])
def test_a_strict_listener_takes_no_line_that_ends_in_lf_alone(serve, line: bytes) -> None:
    client = serve(bare_newline="reject").connect()
    client.reply()
    client.send(line)
    assert client.reply().startswith("500 5.5.2")
    assert client.command("NOOP") == "250 2.0.0 ok"
