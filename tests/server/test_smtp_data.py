"""DATA over a socket: smuggling, sizes, disks, defects, clients that leave."""

from __future__ import annotations

import logging
import re
import threading
from itertools import product
from pathlib import Path

import pytest

BEFORE = {"CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "CRCRLF": b"\r\r\n", "LFCR": b"\n\r", "CRLFNUL": b"\r\n\0"}
AFTER = {"CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "CRCRLF": b"\r\r\n", "LFCR": b"\n\r", "NULCRLF": b"\0\r\n"}
VARIANTS = [pair for pair in product(BEFORE, AFTER) if pair != ("CRLF", "CRLF")]
INNER = b"MAIL FROM:<evil@bakker.example>\r\nRCPT TO:<victim@example.nl>\r\nDATA\r\nFrom: evil\r\n\r\nsmuggled"
END = b"\r\n.\r\n"


def smuggling(before: str, after: str, place: str) -> bytes:
    """A message that hides a second one behind a wrong end of data."""
    false_end = BEFORE[before] + b"." + AFTER[after]
    if place == "header":
        return b"Subject: first" + false_end + INNER + END
    return b"Subject: first\r\n\r\nbody" + false_end + INNER + END


def send(client, wire: bytes, framing: str) -> None:
    if framing == "segment":
        client.send(wire)
        return
    for place in range(len(wire)):
        client.send(wire[place : place + 1])


def expected(before: str, after: str, place: str, mode: str) -> str:
    """The beginning of the reply to a variant."""
    if "NUL" in before + after:
        return f"550 {'5.6.11' if mode == 'reject' else '5.6.0'} message.nul"
    if before in {"CR", "CRCRLF", "LFCR"} or after in {"CR", "CRCRLF", "LFCR"}:
        return "550 5.6.11 message.bare_cr"
    if mode == "reject":
        return "550 5.6.11 message.bare_lf"
    if place == "header" and before == "LF":
        return "550 5.6.0 header.no_colon ."  # the dot is text, and no header field
    return "250 2.0.0"


def test_there_are_35_variants() -> None:
    assert len(VARIANTS) == 35


@pytest.mark.parametrize("mode", ["normalize", "reject"])
@pytest.mark.parametrize("place", ["header", "body"])
def test_no_second_message_can_be_smuggled(serve, content_of, mode: str, place: str) -> None:
    """P01, P02: each of the 35, in one segment and octet by octet; one answer, after the true end; in step after it."""
    serving = serve(bare_newline=mode, idle_commands=1000)
    client, queued = serving.begin(), serving.desk.submissions
    for (before, after), framing in product(VARIANTS, ["segment", "octets"]):
        name = f"{before} . {after} {framing}"
        client.envelope()
        send(client, smuggling(before, after, place) + b"NOOP\r\n", framing)
        said = client.reply()
        assert said.startswith(expected(before, after, place, mode)), name
        if (before, after) == (
            "CRCRLF",
            "CRLF",
        ):  # this one does hold CRLF.CRLF: what follows are the tenant's commands
            assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "354", "250"], name
            assert queued.pop().envelope.reverse_path.local == "evil"
        assert client.reply() == "250 2.0.0 ok", name
        assert client.command("RSET") == "250 2.0.0 ok", name
        assert len(queued) == said.startswith("250"), name
        for stored in map(content_of, queued):
            assert b"smuggled" in stored, name  # all of it is one message
            assert not re.search(rb"(?<!\r)\n|\r(?!\n)", stored), name
        queued.clear()


def test_lone_dots_of_other_line_ends_stay_text(serve, content_of) -> None:
    serving = serve()
    assert serving.begin().submit(b"A: b\r\n\r\none\n.\ntwo\n.\r\nthree" + END).startswith("250 2.0.0 ")
    assert content_of(serving.desk.submissions[0]) == b"A: b\r\n\r\none\r\n.\r\ntwo\r\n.\r\nthree\r\n"


def test_what_the_desk_gets(serve) -> None:
    serving = serve()
    client = serving.begin()
    client.command("MAIL FROM:<Info@Bakker.example> BODY=8BITMIME")
    for recipient in (b"Klant@Example.NL", b"a@b.example", b"klant@example.nl"):
        client.command(b"RCPT TO:<" + recipient + b">")
    client.command("DATA")
    client.send("Subject: é\r\n\r\nä".encode() + END)
    assert client.reply() == "250 2.0.0 queued as 0123456789abcdef"
    submission = serving.desk.submissions[0]
    assert str(submission.envelope.reverse_path) == "Info@bakker.example"
    assert [str(path) for path in submission.envelope.forward_paths] == ["Klant@example.nl", "a@b.example"]
    assert (submission.envelope.eightbit, submission.envelope.smtputf8) == (True, False)
    assert submission.tenant.name == "Bakker B.V."
    peer = submission.peer
    assert (peer.address, peer.helo, peer.protocol, peer.login, peer.tls) == (
        *("127.0.0.1", "app.example", "ESMTPA", "app"),
        "",
    )


def test_smtputf8_is_passed_on(serve) -> None:
    serving = serve()
    client = serving.begin()
    client.command("MAIL FROM:<jörg@bücher.example> SMTPUTF8")
    client.command("RCPT TO:<a@b.example>")
    client.command("DATA")
    client.send(b"A: b\r\n\r\n.\r\n")
    client.reply()
    submission = serving.desk.submissions[0]
    assert str(submission.envelope.reverse_path) == "jörg@xn--bcher-kva.example"
    assert (submission.envelope.eightbit, submission.envelope.smtputf8) == (False, True)
    assert submission.peer.protocol == "UTF8SMTPA"


def test_a_second_message_begins_with_nothing_of_the_first(serve) -> None:
    serving = serve()
    client = serving.begin()
    client.submit(b"A: 1\r\n\r\n.\r\n")
    assert client.command("RCPT TO:<late@b.example>").startswith("503 5.5.1")
    client.submit(b"A: 2\r\n\r\n.\r\n")
    first, second = serving.desk.submissions
    assert [str(path) for path in second.envelope.forward_paths] == ["klant@example.nl"]
    assert first.message.first("a").value == b"1"


def test_a_header_that_cannot_be_read_is_refused_in_words(serve) -> None:
    client = serve().begin()
    assert client.submit(b"no colon here\r\n\r\n.\r\n") == "550 5.6.0 header.no_colon no colon here"
    assert client.submit(b" folded first\r\n\r\n.\r\n").startswith("550 5.6.0 header.continuation")
    assert client.command("NOOP") == "250 2.0.0 ok"


def test_too_much_is_refused_at_its_end_and_far_too_much_at_once(serve) -> None:
    serving = serve(message_size=100_000)
    client = serving.begin()
    assert client.submit(b"A: b\r\n\r\n" + b"x" * 150_000 + END) == "552 5.3.4 message.too_large 0.1 MB"
    assert client.command("NOOP") == "250 2.0.0 ok"
    client.envelope()
    client.send(b"x" * 200_001)
    assert client.reply().startswith("552 5.3.4 ")
    assert client.closed
    assert not serving.desk.submissions


def test_a_body_of_long_lines_passes_octet_for_octet(serve, content_of) -> None:
    serving = serve()
    line = (bytes(range(14, 256)) * 300)[: 64 * 1024]
    message = b"A: b\r\n\r\n" + (line + b"\r\n") * 20
    assert serving.begin().submit(message + b".\r\n").startswith("250")
    assert content_of(serving.desk.submissions[0]) == message


@pytest.mark.parametrize("around", [b"", b"short\r\n" * 20_000])
def test_a_line_without_end_is_refused_at_the_end_of_the_message(serve, around) -> None:
    """What a line may hold at most is docs/decisions/0009; it is never wrapped."""
    serving = serve()
    client = serving.begin()
    message = b"A: b\r\n\r\n" + around + b"x" * (64 * 1024 + 1) + b"\r\n" + around
    assert client.submit(message + b".\r\n").startswith("550 5.6.0 body.line_too_long")
    assert client.submit(b"A: b\r\n\r\nshort" + END).startswith("250")
    assert len(serving.desk.submissions) == 1


def test_a_disk_that_is_gone_is_a_temporary_error(serve, tmp_path: Path, caplog) -> None:
    serving = serve(spool_directory=str(tmp_path / "gone"))
    client = serving.begin()
    with caplog.at_level(logging.ERROR):
        said = client.submit(b"A: b\r\n\r\n" + b"x\r\n" * 100_000 + END)
    reference = re.fullmatch(r"451 4\.3\.0 local error, .*; reference ([0-9a-f]{8})", said)
    assert reference
    assert reference[1] in caplog.text
    assert client.submit(b"A: b\r\n\r\nsmall" + END).startswith("250")


def test_a_defect_at_the_desk_is_a_reference_and_nothing_else(serve, caplog) -> None:
    serving = serve()
    client = serving.begin()
    serving.desk.error = RuntimeError("password s3cret of app")
    with caplog.at_level(logging.ERROR, "relay.smtp"):
        said = client.submit(b"A: b\r\n\r\n.\r\n")
    reference = re.fullmatch(r"451 4\.3\.0 local error, please try again later; reference ([0-9a-f]{8})", said)
    assert reference
    (record,) = [record for record in caplog.records if record.name == "relay.smtp"]
    assert reference[1] in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is serving.desk.error
    serving.desk.error = None
    assert client.submit(b"A: b\r\n\r\n.\r\n").startswith("250")


@pytest.mark.parametrize("goodbye", ["close", "reset", "half"])
def test_a_client_that_leaves_after_the_dot_does_not_stop_the_commit(serve, goodbye: str) -> None:
    serving = serve()
    serving.desk.takes_for = 0.1
    client = serving.begin()
    client.envelope()
    client.send(b"A: b\r\n\r\n.\r\n")
    if goodbye == "half":
        client.sock.shutdown(1)
        assert client.reply().startswith("250 2.0.0 ")
        assert client.closed
    elif goodbye == "reset":
        client.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of no time
        client.close()
    else:
        client.close()
    assert serving.eventually(lambda: len(serving.desk.submissions) == 1)
    assert serving.eventually(lambda: not serving.listener.connections.open)


def test_a_client_that_leaves_before_the_dot_leaves_nothing(serve) -> None:
    serving = serve()
    client = serving.begin()
    client.envelope()
    client.send(b"A: b\r\n\r\nhalf a mess")
    client.close()
    assert serving.eventually(lambda: not serving.listener.connections.open)
    assert not serving.desk.submissions


def test_refused_messages_do_not_count_as_errors_of_the_client(serve) -> None:
    serving = serve(errors=3)
    client = serving.begin()
    for _ in range(5):
        assert client.submit(b"no colon\r\n\r\n.\r\n").startswith("550 ")


def test_large_messages_stay_out_of_memory(serve) -> None:
    """What is not on disk yet is bounded for each connection, however much is sent."""
    serving = serve()
    clients = [serving.begin() for _ in range(10)]
    for client in clients:
        client.envelope()
    before = resident()
    threads = [threading.Thread(target=client.send, args=((b"x" * 998 + b"\r\n") * 10_000,)) for client in clients]
    for client in clients:
        client.send(b"A: b\r\n\r\n")
    base = resident()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert serving.eventually(lambda: all(not busy.inbox.buffer for busy in list(serving.listener.connections.open)))
    assert resident() - max(base, before) < 60_000_000  # of 100 MB sent; the clients' own copy is freed or shared
    for client in clients:
        client.send(END)
        assert client.reply().startswith("250")


def resident() -> int:
    """Octets of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
