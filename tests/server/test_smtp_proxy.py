"""Balancers that introduce their clients (PROXY protocol), and listeners that know their clients by address."""

from __future__ import annotations

import select
import ssl
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.server.proxy import Introduced, ProxyError, introduction, is_trusted

V2 = b"\r\n\r\n\0\r\nQUIT\n"
BALANCER = ("127.0.0.2/32",)


def version_2(command: int, family: int, payload: bytes) -> bytes:
    return V2 + struct.pack("!BBH", command, family, len(payload)) + payload


IPV4 = bytes([192, 0, 2, 7]) + bytes([192, 0, 2, 1]) + b"\x12\x34\x02\x4b"
IPV6 = bytes.fromhex("20010db8000000000000000000000007") * 2 + b"\x12\x34\x02\x4b"
GOOD = [
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 587\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 587\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", ""),
    (b"PROXY UNKNOWN ff:ff::ff ff:ff::ff 65535 65535\r\n", ""),
    (version_2(0x21, 0x11, IPV4), "192.0.2.7"),
    (version_2(0x21, 0x11, IPV4 + b"\x04\x00\x01x"), "192.0.2.7"),
    (version_2(0x21, 0x21, IPV6), "2001:db8::7"),
    (version_2(0x20, 0x00, b""), ""),
    (version_2(0x21, 0x31, b"/a/unix/socket".ljust(216, b"\0")), ""),
]
BAD = [
    b"EHLO x\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 56324\r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 1 70000\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
    b"PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 example.com 192.0.2.1 1 2\r\n",
    b"PROXY " + b"x" * 200,
    version_2(0x22, 0x11, IPV4),
    version_2(0x21, 0x11, IPV4[:10]),
    V2 + struct.pack("!BBH", 0x21, 0x11, 60_000),
]


@pytest.mark.parametrize(("header", "address"), GOOD)
def test_a_header_is_read_to_its_end_and_no_further(header: bytes, address: str) -> None:
    assert introduction(header + b"EHLO x\r\n") == Introduced(address, len(header))
    assert [introduction(header[:cut]) for cut in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize("header", BAD)
def test_anything_else_is_refused(header: bytes) -> None:
    with pytest.raises(ProxyError):
        introduction(header)


@given(st.binary(max_size=300))
def test_any_octets(octets: bytes) -> None:
    for start in (b"", b"PROXY ", b"PROXY TCP4 ", V2, V2 + b"\x21\x11"):
        try:
            found = introduction(start + octets)
        except ProxyError:
            continue
        assert found is None or 0 < found.octets <= len(start + octets)


def test_who_is_trusted() -> None:
    assert is_trusted("10.1.2.3", ("10.0.0.0/8",))
    assert is_trusted("fe80::1%eth0", ("fe80::/10",))
    assert not is_trusted("10.1.2.3", ())
    assert not is_trusted("192.0.2.1", ("10.0.0.0/8", "2001:db8::/32"))


@pytest.mark.parametrize("header", [GOOD[0][0], GOOD[4][0]])
def test_the_client_counts_as_itself(serve, header) -> None:
    serving = serve(proxies=BALANCER, connections_per_address=1)
    client = serving.connect("127.0.0.2")
    for octet in header:
        client.send(bytes([octet]))
    client.begin()
    assert serving.desk.sign_ins == [("app", "s3cret", "192.0.2.7")]
    assert dict(serving.listener.connections.by_address) == {"192.0.2.7": 1}
    second = serving.connect("127.0.0.2")
    second.send(header)
    assert second.reply().startswith("421 4.7.0")
    client.submit(b"From: a@b.example\r\n\r\nx\r\n.\r\n")
    assert serving.desk.submissions[0].peer.address == "192.0.2.7"


def test_nobody_else_can_claim_an_address(serve) -> None:
    serving = serve(proxies=BALANCER)
    client = serving.connect("127.0.0.3")
    assert client.reply().startswith("220")
    assert client.command(GOOD[0][0].rstrip()).startswith("421 4.7.0")


@pytest.mark.parametrize("said", [b"EHLO x\r\n", b"\x16\x03\x01", b"PROXY TCP9 a b c d\r\n"])
@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_a_balancer_that_does_not_introduce_is_cut_off(serve, said, tls) -> None:
    client = serve(tls=tls, proxies=BALANCER).connect("127.0.0.2")
    client.send(said)
    assert client.closed


def test_a_balancer_before_implicit_tls(serve) -> None:
    serving = serve(tls="implicit", proxies=BALANCER)
    client = serving.connect("127.0.0.2")
    client.send(GOOD[0][0])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client.sock = context.wrap_socket(client.sock)
    client.begin()
    assert serving.desk.sign_ins[0][2] == "192.0.2.7"


# ---- listeners without logins ---------------------------------------------------------------------------------------


def test_a_device_hands_in_mail_without_a_login(serve) -> None:
    serving = serve(tls="starttls", by_network=True)
    serving.desk.neighbours = ("127.0.0.2",)
    client = serving.connect("127.0.0.2")
    assert client.reply().startswith("220")
    offered = client.command("EHLO printer")
    assert "AUTH" not in offered
    assert "STARTTLS" in offered
    assert client.submit(b"From: a@b.example\r\n\r\nx\r\n.\r\n").startswith("250")
    [submission] = serving.desk.submissions
    assert (submission.peer.login, submission.peer.protocol, submission.tenant.id) == ("", "ESMTP", "t1")
    assert client.command("STARTTLS").startswith("220")
    client.start_tls()
    assert client.command("EHLO printer").startswith("250")
    assert client.submit(b"From: a@b.example\r\n\r\nx\r\n.\r\n").startswith("250")
    assert serving.desk.submissions[1].peer.protocol == "ESMTPS"


def test_whoever_is_not_listed_is_sent_away(serve) -> None:
    serving = serve(by_network=True)
    client = serving.connect("127.0.0.3")
    assert client.reply().startswith("554 5.7.1")
    assert client.closed


# ---- little room ----------------------------------------------------------------------------------------------------


def test_idle_clients_go_sooner_when_it_is_crowded(serve) -> None:
    serving = serve(connections=5, idle_for=60.0, idle_under_load=0.1)
    first = [serving.connect(f"127.0.0.{number}") for number in (2, 3, 4)]
    assert {client.reply()[:3] for client in first} == {"220"}
    fourth = serving.connect("127.0.0.5")
    assert fourth.reply()[:3] == "220"
    connections = serving.listener.connections
    assert serving.eventually(lambda: len(connections.open) < connections.crowd)
    goodbye = [client.line() for client in first if select.select([client.sock], [], [], 0.5)[0]]
    assert {line[:9] for line in goodbye} == {"421 4.4.2"}


def test_without_room_on_the_disk_no_message_begins(serve) -> None:
    class Full:
        room = False

        def has_room(self) -> bool:
            return self.room

    disk = Full()
    client = serve(disk=disk).begin()
    assert client.command("MAIL FROM:<info@bakker.example>").startswith("452 4.3.1")
    disk.room = True
    assert client.submit(b"From: a@b.example\r\n\r\nx\r\n.\r\n").startswith("250")
