"""DANE and REQUIRETLS through a whole relay, with a nameserver that vouches for what it says, and a certificate."""

from __future__ import annotations

import socket
import socketserver
import sqlite3
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
import trustme
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from relay.mail.tlsa import record_of

GOOD, BAD, PLAIN = "good.example", "bad.example", "plain.example"


class Answerer(socketserver.BaseRequestHandler):
    """Answers from a table, with the AD bit."""

    def handle(self) -> None:
        octets, sock = self.request
        query = dns.message.from_wire(octets)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AD
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        values = self.server.table.get((str(question.name).rstrip(".").lower(), kind), [])
        if values:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        sock.sendto(reply.to_wire(), self.client_address)


@pytest.fixture
def nameserver() -> Iterator[Any]:
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answerer) as server:
        server.table = {("", "NS"): ["a.root.example."]}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def exchanger(sink: Any) -> Iterator[tuple[Any, int, bytes]]:
    """What a mail exchanger with STARTTLS got, its port, and its certificate, which no known authority signed."""
    issued = trustme.CA().issue_cert("mx.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued.configure_cert(context)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port, tls_context=context, decode_data=False)
    controller.start()
    pem = issued.cert_chain_pems[0].bytes()
    yield sink, port, load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    controller.stop()


@pytest.fixture
def by_mx(relay: Any, nameserver: Any, exchanger: tuple[Any, int, bytes]) -> Any:
    """A relay that delivers to mail exchangers."""
    _, port, der = exchanger
    for domain in (GOOD, BAD, PLAIN):
        nameserver.table |= {(domain, "MX"): [f"10 mx.{domain}."], (f"mx.{domain}", "A"): ["127.0.0.1"]}
    nameserver.table[f"_{port}._tcp.mx.{GOOD}", "TLSA"] = [str(record_of(der))]
    nameserver.table[f"_{port}._tcp.mx.{BAD}", "TLSA"] = [f"3 1 1 {'00' * 32}"]
    text = relay.config.read_text().replace('via = "smarthost"', f'via = "mx"\nport = {port}\nallow_private = true')
    relay.config.write_text(f'{text}[dns]\nnameservers = ["127.0.0.1:{nameserver.server_address[1]}"]\n')
    return relay


def send(client: Any, recipient: str, options: tuple[str, ...] = (), *fields: str) -> None:
    lines = ["From: info@bakker.example", f"To: {recipient}", "Subject: Factuur", *fields, "", "Dag.", ""]
    refused = client.sendmail("info@bakker.example", [recipient], "\r\n".join(lines), mail_options=options)
    assert refused == {}


def delivery(relay: Any, recipient: str, *state: str) -> Any:
    """The delivery to a recipient, once something was said of it."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        rows = [each for each in relay.json("queue", "list", *state) if each["to"] == recipient]
        if rows and rows[0]["last_reply"]:
            return rows[0]
        time.sleep(0.2)
    raise AssertionError(relay.log)


def test_dane_and_requiretls(by_mx: Any, exchanger: tuple[Any, int, bytes]) -> None:
    sink = exchanger[0]
    login = by_mx.add_tenant()["login"]
    by_mx.start()
    client = by_mx.client(login)
    for domain in (GOOD, BAD, PLAIN):
        send(client, f"ann@{domain}")
    send(client, f"bob@{BAD}", (), "TLS-Required: No")
    send(client, f"cor@{GOOD}", ("REQUIRETLS",))
    for recipient in (f"ann@{GOOD}", f"ann@{PLAIN}", f"bob@{BAD}"):
        sink.wait_for(recipient)
    waiting = delivery(by_mx, f"ann@{BAD}")
    assert waiting["last_reply"] == f"4.7.5 the certificate is not that of the TLSA records of mx.{BAD}"
    returned = delivery(by_mx, f"cor@{GOOD}", "--state", "failed")
    assert returned["last_reply"] == f"5.7.30 mx.{GOOD} does not support REQUIRETLS"
    assert sink.to(f"ann@{BAD}") == sink.to(f"cor@{GOOD}") == []
    assert "DANE is on: the nameserver on this machine and its AD bit say so" in by_mx.log
    (line,) = [each for each in by_mx.log.splitlines() if f"to=ann@{GOOD}" in each]
    assert "DANE'" in line
    by_mx.stop()
    with sqlite3.connect(by_mx.folder / "relay.db") as database:
        counted = database.execute("SELECT domain, fault, sessions FROM tls_result ORDER BY domain, fault").fetchall()
    assert counted == [(BAD, "certificate-not-trusted", 1), (GOOD, "", 2), (PLAIN, "", 1)]
    database.close()
