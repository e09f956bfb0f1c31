"""Slow clients, many clients, long lines, and a listener that stops."""

from __future__ import annotations

import asyncio
import resource
import threading
import time

import pytest

from relay.server.smtp_connections import Connections, place_of
from relay.server.smtp_contract import ListenerSettings
from relay.server.smtp_protocol import SubmissionProtocol
from relay.server.smtp_session import Session


class Written(asyncio.Transport):
    """Keeps what is written."""

    said = b""

    def write(self, data: bytes) -> None:
        self.said += data

    def close(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False


def for_ever(client, data: bytes, pause: float = 0.0) -> None:
    """Send the same again and again, until the server has had enough."""
    while True:
        client.send(data)
        time.sleep(pause)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"NOOP " + b"x" * 505, "250 2.0.0"),
        (b"NOOP " + b"x" * 506, "500 5.5.2"),
        (b"MAIL FROM:<a@b.example> X=" + b"y" * 972, "530 5.7.0"),
        (b"MAIL FROM:<a@b.example> X=" + b"y" * 973, "500 5.5.2"),
        (b"NOOP " + b"x" * 100_000, "500 5.5.2"),
        (b"x" * 300_000, "500 5.5.2"),
        (b"NOOP \0", "500 5.5.2"),
        (b"NOOP \x1b[31m", "500 5.5.2"),
        (b"NOOP \xff\x80", "500 5.5.2"),
        (b"NO\x80P", "500 5.5.2"),
        (b"NOOP a\rb", "500 5.5.2"),
        (b"EHLO \xe9", "500 5.5.2"),
        (b"EHLO a b", "501 5.5.4"),
        (b"EHLO [127.0.0.1]", "250-"),
        (b"EHLO _under-score", "250-"),
        (b"EHLO " + b"x" * 256, "501 5.5.4"),
        (b"NOOP   ", "250 2.0.0"),
        (b"noop\t", "500 5.5.2"),
        (b" NOOP", "500 5.5.1"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_one_line_is_one_reply_of_printable_ascii(serve, line: bytes, said: str) -> None:
    client = serve().connect()
    client.reply()
    client.command("EHLO app.example")
    assert client.command(line).startswith(said)
    assert client.command("NOOP") == "250 2.0.0 ok"


def test_a_line_without_end_is_not_kept(serve) -> None:
    serving = serve()
    client = serving.connect()
    client.reply()
    for _ in range(50):
        client.send(b"x" * 100_000)
    (connection,) = serving.listener.connections.open
    assert serving.eventually(lambda: len(connection.inbox.buffer) <= 12_291)
    client.send(b"\r\nNOOP\r\n")
    assert client.reply().startswith("500 5.5.2")
    assert client.reply() == "250 2.0.0 ok"


def test_a_client_that_does_not_read_is_not_waited_for_with_memory(serve) -> None:
    serving = serve(idle_commands=10**9, idle_for=0.5)
    client = serving.connect()
    client.reply()
    client.sock.settimeout(0.2)
    with pytest.raises((TimeoutError, ConnectionError)):
        for_ever(client, b"HELP\r\n" * 10_000)
    for connection in list(serving.listener.connections.open):
        assert len(connection.out) + connection.wire.get_write_buffer_size() < 1_000_000
        assert len(connection.inbox.buffer) < 1_000_000
    assert serving.eventually(lambda: not serving.listener.connections.open)


def test_an_idle_client_is_sent_away(serve) -> None:
    client = serve(idle_for=0.1).connect()
    client.reply()
    assert client.line() == "421 4.4.2 too slow, closing"
    assert client.closed


def test_a_drop_a_time_does_not_keep_a_command_alive(serve) -> None:
    client = serve(idle_for=0.2).connect()
    client.reply()
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        for_ever(client, b"N", 0.03)
    assert time.monotonic() - began < 4.0


def test_commands_keep_a_session_alive_but_not_for_ever(serve) -> None:
    client = serve(idle_for=0.15, session_for=0.5, idle_commands=1000).connect()
    client.reply()
    began = time.monotonic()
    while (said := client.command("NOOP")).startswith("250"):
        time.sleep(0.05)
    assert said.startswith("421 4.4.2")
    assert 0.4 < time.monotonic() - began < 4.0


def test_a_message_that_drips_is_cut_off(serve) -> None:
    serving = serve(data_grace_for=0.2, data_rate=1000.0)
    client = serving.begin()
    client.envelope()
    began = time.monotonic()
    client.send(b"A: b\r\n\r\n")
    with pytest.raises(ConnectionError):
        for_ever(client, b"x", 0.02)
    assert 0.15 < time.monotonic() - began < 4.0
    assert not serving.desk.submissions


def test_a_message_that_flows_is_not(serve) -> None:
    serving = serve(data_grace_for=0.1, data_rate=1000.0)
    client = serving.begin()
    client.envelope()
    client.send(b"A: b\r\n\r\n")
    for _ in range(15):
        client.send(b"x" * 100)
        time.sleep(0.02)
    client.send(b"\r\n.\r\n")
    assert client.reply().startswith("250")


def test_connections_from_one_place_and_in_all(serve) -> None:
    serving = serve(connections=4, connections_per_address=2)
    kept = [serving.connect("127.0.0.2") for _ in range(2)]
    assert [client.reply()[:3] for client in kept] == ["220", "220"]
    third = serving.connect("127.0.0.2")
    assert third.reply() == "421 4.7.0 too many connections"
    assert third.closed
    kept += [serving.connect(f"127.0.0.{number}") for number in (3, 4)]
    assert [client.reply()[:3] for client in kept[2:]] == ["220", "220"]
    assert serving.connect("127.0.0.5").reply().startswith("421 4.7.0")
    kept[0].close()
    assert serving.eventually(lambda: len(serving.listener.connections.open) == 3)
    assert serving.connect("127.0.0.2").reply().startswith("220")
    assert serving.listener.connections.by_address["127.0.0.2"] == 2


def test_whoever_never_shakes_hands_counts_too(serve) -> None:
    """P17 on a port with implicit TLS, where the session begins long after the connection."""
    serving = serve(tls="implicit", connections=3, connections_per_address=2)
    silent = [serving.connect("127.0.0.2") for _ in range(2)]
    assert serving.connect("127.0.0.2").closed
    assert serving.connect("127.0.0.3", tls=True).reply().startswith("220")
    assert serving.connect("127.0.0.4").closed
    silent[0].close()
    assert serving.eventually(lambda: len(serving.listener.connections.open) == 2)
    assert serving.connect("127.0.0.2", tls=True).reply().startswith("220")


def test_nobody_waits_for_a_handshake_when_the_listener_stops(serve) -> None:
    serving = serve(tls="implicit", stop_for=4.0)
    silent = serving.connect()
    assert serving.eventually(lambda: bool(serving.listener.connections.open))
    began = time.monotonic()
    serving.call(serving.listener.stop())
    assert silent.closed
    assert time.monotonic() - began < 2
    assert not serving.listener.connections.by_address


def test_places() -> None:
    assert place_of("192.0.2.1") == "192.0.2.1"
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:1") == "2001:0db8:0000:0000"
    assert place_of("fe80::1%eth0") == "fe80:0000:0000:0000"
    assert place_of("") == ""


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_out_of_descriptors_the_listener_comes_back(serve, tls: str) -> None:
    """P17: while nothing can be opened nobody is served, and afterwards everybody is."""
    serving = serve(tls=tls, connections=1000, connections_per_address=1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = serving.connect()
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe.sock.fileno() + 40, hard))
    clients = []
    try:
        for _ in range(40):
            try:
                clients.append(serving.connect())
            except OSError:
                break
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for client in clients:
        client.close()
    assert serving.connect(tls=tls == "implicit").reply().startswith("220")


def test_nagle_is_off(serve) -> None:
    serving = serve()
    serving.connect().reply()
    (connection,) = serving.listener.connections.open
    assert connection.wire.get_extra_info("socket").getsockopt(6, 1) == 1


def test_pipelined_replies_go_out_in_one_write(serve) -> None:
    client = serve().begin()
    client.send(b"MAIL FROM:<a@b.example>\r\n" + b"RCPT TO:<a@b.example>\r\n" * 20 + b"DATA\r\n")
    time.sleep(0.05)
    received = client.sock.recv(65536)
    assert received.count(b"\r\n") == 22
    assert received.endswith(b"354 end data with <CR><LF>.<CR><LF>\r\n")


def test_a_listener_that_stops_sends_idle_clients_away(serve) -> None:
    serving = serve()
    idle, asked = serving.connect(), serving.connect()
    idle.reply(), asked.reply()
    asked.command("EHLO app.example")
    assert asked.command("AUTH LOGIN").startswith("334")
    serving.call(serving.listener.stop())
    assert idle.reply() == "421 4.3.2 going down, come back later"
    assert asked.reply().startswith("421 4.3.2")
    assert idle.closed
    assert asked.closed
    with pytest.raises(ConnectionError):
        serving.connect()


async def test_who_connects_while_the_listener_stops_is_sent_away() -> None:
    connections = Connections(ListenerSettings("relay.example"))
    await connections.stop()
    late = SubmissionProtocol(connections.settings, None, connections, asyncio.get_running_loop())
    late.connection_made(Written())
    await late.task
    assert late.transport.said == b"421 4.3.2 going down, come back later\r\n"
    late.connection_lost(None)
    assert not connections.open


def test_a_client_that_reaches_us_by_ipv6_counts_as_what_it_is() -> None:
    settings = ListenerSettings("relay.example")
    assert Session(settings, peer=("::ffff:192.0.2.1", 1, 0, 0)).address == "192.0.2.1"
    assert Session(settings, peer=("2001:db8::1", 1, 0, 0)).address == "2001:db8::1"
    assert Session(settings, peer="").address == ""


def test_a_message_on_its_way_is_finished_first(serve) -> None:
    serving = serve(stop_for=5.0)
    coming, working = serving.begin(), serving.begin()
    coming.envelope()
    working.envelope()
    serving.desk.takes_for = 0.2
    working.send(b"A: working\r\n\r\n.\r\n")
    coming.send(b"A: coming\r\n")
    time.sleep(0.05)
    stopped = serving.later(serving.listener.stop())
    time.sleep(0.05)
    assert not stopped.done()
    coming.send(b"\r\n.\r\n")
    for client in (coming, working):
        assert client.reply().startswith("250 2.0.0")
        assert client.reply().startswith("421 4.3.2")
        assert client.closed
    stopped.result(5)
    assert len(serving.desk.submissions) == 2


def test_who_does_not_finish_in_time_is_cut_off_but_the_desk_is_not(serve) -> None:
    serving = serve(stop_for=0.2)
    slow, working = serving.begin(), serving.begin()
    slow.envelope()
    slow.send(b"A: b\r\n")
    working.envelope()
    serving.desk.takes_for = 0.15
    working.send(b"A: b\r\n\r\n.\r\n")
    began = time.monotonic()
    serving.call(serving.listener.stop())
    assert time.monotonic() - began < 4.0
    assert len(serving.desk.submissions) == 1
    assert slow.reply().startswith("421 4.3.2")
    assert slow.closed


def test_many_clients_at_once(serve) -> None:
    serving = serve()
    said: list[str] = []

    def work(number: int) -> None:
        client = serving.begin()
        message = b"N: %d\r\n\r\n" % number + b"x" * 20_000 + b"\r\n.\r\n"
        said.extend(client.submit(message)[:3] for _ in range(10))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["250"] * 200
    assert len(serving.desk.submissions) == 200
