"""What a program is told by HTTP about its mail: signed, in full, and nothing lost while it is away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

MESSAGE = (
    b"From: info@bakker.example\r\nTo: inkoop@delinde.example\r\nSubject: Factuur 2026-0417\r\n"
    b"X-Relay-Document: quote\r\n\r\nTotaal 263,78\r\n"
)


@dataclass
class App:
    """An app that is told: every request with its headers, and the status it answers with."""

    status: int = 204
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in list(self.requests)]

    def types(self) -> list[str]:
        return sorted(event["type"] for event in self.events)


@pytest.fixture
def app() -> Iterator[App]:
    told = App()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(told.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told.url = f"http://127.0.0.1:{server.server_port}/events"
        yield told
        server.shutdown()


def proved(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether a request is signed, computed as any app would."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


def test_what_becomes_of_a_message(relay, sink, app, until) -> None:
    tenant = relay.add_tenant()
    secret = relay.json("webhook", "add", app.url, "--tenant", tenant["id"])["secret"]
    sink.refused["nobody@delinde.example"] = "550 5.1.1 no such user"
    relay.start()
    client = relay.client(tenant["login"])
    client.sendmail("info@bakker.example", ["inkoop@delinde.example", "nobody@delinde.example"], MESSAGE)
    until(lambda: len(app.requests) == 3)

    assert app.types() == ["accepted", "delivered", "failed"]
    assert all(proved(headers, body, secret) for headers, body in app.requests)
    failed = next(event for event in app.events if event["type"] == "failed")
    assert failed["data"]["tenant"] == {"id": tenant["id"], "name": "Bakker B.V."}
    assert failed["data"]["message"]["subject"] == "Factuur 2026-0417"
    assert failed["data"]["message"]["document"] == "quote"
    assert failed["data"]["delivery"]["to"] == "nobody@delinde.example"
    assert failed["data"]["attempt"]["code"] == 550
    assert failed["data"]["attempt"]["enhanced_code"] == "5.1.1"
    ids = [headers["webhook-id"] for headers, _ in app.requests]
    assert ids == [event["id"] for event in app.events]
    assert len(set(ids)) == 3
    assert relay.json("webhook", "list")[0]["waiting"] == 0


def test_only_what_was_asked_for_and_only_of_that_tenant(relay, sink, app, until) -> None:
    baker, smith = relay.add_tenant(), relay.add_tenant("Smid", "info@smid.example")
    relay.cli("webhook", "add", app.url, "--tenant", baker["id"], "--events", "delivered")
    relay.start()
    relay.client(smith["login"]).sendmail(
        "info@smid.example", ["a@delinde.example"], MESSAGE.replace(b"info@bakker", b"info@smid")
    )
    sink.wait_for("a@delinde.example")
    relay.client(baker["login"]).sendmail("info@bakker.example", ["b@delinde.example"], MESSAGE)
    until(lambda: app.requests)
    assert [event["data"]["delivery"]["to"] for event in app.events] == ["b@delinde.example"]


def test_nothing_is_lost_while_nobody_listens_and_the_relay_is_killed(relay, sink, app, until) -> None:
    tenant = relay.add_tenant()
    webhook = relay.json("webhook", "add", app.url)
    app.status = 503
    relay.start()
    relay.client(tenant["login"]).sendmail("info@bakker.example", ["inkoop@delinde.example"], MESSAGE)
    sink.wait_for("inkoop@delinde.example")
    until(lambda: relay.json("webhook", "list")[0]["failures"] == 1)
    until(lambda: relay.json("webhook", "list")[0]["waiting"] == 2)
    relay.kill()
    tried, app.status = {event["id"] for event in app.events}, 200
    app.requests.clear()
    assert relay.cli("webhook", "list").count("HTTP 503") == 1
    relay.cli("webhook", "resume", webhook["id"])
    relay.start()
    until(lambda: len(app.requests) == 2)
    assert app.types() == ["accepted", "delivered"]
    assert tried <= {event["id"] for event in app.events}


def test_gone_means_no_more(relay, sink, app, until) -> None:
    tenant = relay.add_tenant()
    relay.cli("webhook", "add", app.url)
    app.status = 410
    relay.start()
    client = relay.client(tenant["login"])
    client.sendmail("info@bakker.example", ["inkoop@delinde.example"], MESSAGE)
    until(lambda: relay.json("webhook", "list")[0]["paused_at"])
    told = len(app.requests)
    client.sendmail("info@bakker.example", ["later@delinde.example"], MESSAGE)
    sink.wait_for("later@delinde.example")
    assert len(app.requests) == told
    assert "paused: relay webhook resume" in relay.cli("webhook", "list")


def test_a_test_says_what_the_app_answered(relay, app) -> None:
    added = relay.json("webhook", "add", app.url)
    assert "taken (HTTP 204)" in relay.cli("webhook", "test", added["id"])
    [(headers, body)] = app.requests
    assert proved(headers, body, added["secret"])
    assert json.loads(body)["type"] == "test"
    app.status = 500
    assert relay.cli("webhook", "test", added["id"], code=1).startswith(f"{app.url}: not taken (HTTP 500)")
    relay.cli("webhook", "remove", added["id"])
    assert relay.json("webhook", "list") == []
    relay.cli("webhook", "test", added["id"], code=1)


@pytest.mark.parametrize("url", ["http://app.example/x", "ftp://127.0.0.1/", "https://", "https://a:b@app.example/"])
def test_a_url_that_will_not_do_is_refused(relay, url) -> None:
    relay.cli("webhook", "add", url, code=2)


def test_an_event_that_is_none_is_refused(relay, app) -> None:
    relay.cli("webhook", "add", app.url, "--events", "opened", code=2)
