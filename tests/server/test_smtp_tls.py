"""STARTTLS: nothing crosses over, nothing hangs, nothing leaks."""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from relay.server.smtp import ListenError, bind_socket, listen
from relay.server.smtp_contract import ListenerSettings
from relay.server.tls import CertificateError, listener_context, self_signed_certificate, self_signed_context

INJECTED = b"STARTTLS\r\nEHLO i\r\nMAIL FROM:<i@x.example>\r\n"


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("cut", range(0, len(INJECTED) + 1))
def test_what_was_said_in_the_clear_does_not_count_under_tls(serve, cut: int) -> None:
    """P04: after the handshake nothing is answered and EHLO is needed again; or there is no handshake at all."""
    client = serve(tls="starttls").connect()
    client.reply()
    client.command("EHLO app.example")
    client.send(INJECTED[:cut])
    time.sleep(0.002)
    client.send(INJECTED[cut:])
    assert client.reply().startswith("220 2.0.0")
    try:
        client.start_tls()
        client.sock.settimeout(0.02)
        with pytest.raises(TimeoutError):
            client.line()
        client.sock.settimeout(5)
        assert client.command("MAIL FROM:<a@b.example>").startswith("503 5.5.1")  # EHLO is forgotten
    except OSError:  # what came after the discarded octets was no handshake
        client.close()


def test_a_login_before_the_handshake_is_forgotten(serve) -> None:
    client = serve(tls="starttls", auth_without_tls=True).connect()
    client.reply()
    client.command("EHLO app.example")
    client.sign_in()
    assert client.command("MAIL FROM:<a@b.example>").startswith("250")
    assert client.command("STARTTLS").startswith("503 5.5.1")  # not in the middle of a mail transaction
    client.command("RSET")
    client.command("STARTTLS")
    client.start_tls()
    assert client.command("MAIL FROM:<a@b.example>").startswith("503 5.5.1")
    client.command("EHLO app.example")
    assert client.command("RCPT TO:<a@b.example>").startswith("530 5.7.0 authentication")


def test_a_whole_session_after_starttls(serve, content_of) -> None:
    serving = serve(tls="starttls")
    client = serving.connect()
    client.reply()
    client.command("EHLO app.example")
    client.command("STARTTLS")
    client.start_tls()
    client.command("EHLO app.example")
    client.sign_in()
    line = os.urandom(60_000).translate(None, b"\r\n\0.") + b"\r\n"
    message = b"A: b\r\n\r\n" + line * 16
    assert client.submit(message + b".\r\n").startswith("250 2.0.0")
    assert content_of(serving.desk.submissions[0]) == message
    assert serving.desk.submissions[0].peer.protocol == "ESMTPSA"
    assert client.command("QUIT").startswith("221")
    assert client.closed


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_handshake_that_hangs_is_cut_off(serve, tls: str) -> None:
    serving = serve(tls=tls, handshake_for=0.1)
    before = descriptors()
    client = serving.connect()
    if tls == "starttls":
        client.reply()
        client.command("EHLO app.example")
        assert client.command("STARTTLS").startswith("220")
    client.send(b"\x16\x03\x01")
    assert client.closed
    client.close()
    assert serving.eventually(lambda: not serving.listener.connections.open)
    assert serving.eventually(lambda: descriptors() <= before)


def test_garbage_instead_of_a_handshake(serve) -> None:
    serving = serve(tls="starttls")
    client = serving.connect()
    client.reply()
    client.command("EHLO app.example")
    client.command("STARTTLS")
    client.send(b"GET / HTTP/1.1\r\n\r\n" * 100)
    try:
        while client.sock.recv(4096):
            pass  # perhaps a TLS alert
    except ConnectionError:
        pass
    assert serving.eventually(lambda: not serving.listener.connections.open)


def test_a_handshake_on_a_port_in_the_clear_is_closed_at_once(serve) -> None:
    client = serve(tls="starttls").connect()
    client.reply()
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert client.closed


def test_words_in_the_clear_on_a_port_with_implicit_tls_are_not_answered(serve) -> None:
    serving = serve(tls="implicit")
    client = serving.connect()
    client.send(b"EHLO app.example\r\n")
    try:
        heard = client.sock.recv(4096)
    except ConnectionError:
        heard = b""
    assert b"220" not in heard  # nothing, or a TLS alert
    assert serving.eventually(lambda: not serving.listener.connections.open)


def test_old_protocols_are_not_spoken(server_context) -> None:
    assert server_context.minimum_version.name == "TLSv1_2"


def test_a_self_signed_certificate_names_the_host() -> None:
    listener, client = socket.socketpair()
    context = self_signed_context("relay.example")
    pem = {}

    def peer() -> None:
        asking = ssl.create_default_context()
        asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
        pem["der"] = asking.wrap_socket(client, server_hostname="relay.example").getpeercert(binary_form=True)

    thread = threading.Thread(target=peer)
    thread.start()
    server = context.wrap_socket(listener, server_side=True)
    thread.join()
    server.close()
    certificate = x509.load_der_x509_certificate(pem["der"])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["relay.example", "localhost"]
    assert certificate.public_key().curve.name == "secp256r1"
    client.close()


def write_pair(directory: Path, name: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed_certificate("relay.example", key)
    paths = directory / f"{name}.pem", directory / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(paths[0]), str(paths[1])


def test_certificate_files_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, "one")
    _, other = write_pair(tmp_path, "two")
    junk = tmp_path / "junk.pem"
    junk.write_text("hello")
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert listener_context(certificate, key, "relay.example").minimum_version.name == "TLSv1_2"
    for files, words in [
        ((certificate, other), f"{other}.*does not belong"),
        ((str(junk), key), "PEM"),
        ((certificate, str(junk)), "PEM"),
        ((str(tmp_path / "no.pem"), key), "no.pem: No such file"),
        ((certificate, ""), "both certificate and key"),
        ((certificate, str(encrypted)), "encrypted.key: it is encrypted"),
    ]:
        with pytest.raises(CertificateError, match=words):
            listener_context(*files, "relay.example")


async def test_a_busy_port_says_what_to_do(server_context) -> None:
    first = bind_socket("127.0.0.1", 0, reuse_port=False)
    port = first.getsockname()[1]
    first.listen()
    with pytest.raises(ListenError, match=re.escape(f"127.0.0.1 port {port}: another program uses it")):
        bind_socket("127.0.0.1", port, reuse_port=False)
    with pytest.raises(ListenError, match=re.escape(f"127.0.0.1 port {port}: another program uses it")):
        await listen(ListenerSettings("relay.example", port=port, tls="none"), None)
    first.close()


async def test_an_address_or_a_certificate_that_is_missing() -> None:
    with pytest.raises(ListenError, match="no such address"):
        bind_socket("192.0.2.1", 0, reuse_port=False)
    with pytest.raises(ListenError, match="not an address"):
        bind_socket("no.such.host.invalid", 0, reuse_port=False)
    with pytest.raises(ListenError, match="needs a certificate"):
        await listen(ListenerSettings("relay.example", tls="implicit"), None)


def test_two_processes_can_share_a_port() -> None:
    first = bind_socket("127.0.0.1", 0, reuse_port=True)
    second = bind_socket("127.0.0.1", first.getsockname()[1], reuse_port=True)
    first.listen()
    second.listen()
    first.close()
    second.close()
