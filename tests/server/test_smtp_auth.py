"""AUTH: the table of RFC 4954 and RFC 4616, and what a guesser gets."""

from __future__ import annotations

import logging
import time
from base64 import b64encode

import pytest


def plain(*parts: str) -> bytes:
    return b"AUTH PLAIN " + b64encode("\0".join(parts).encode())


def b64(text: str) -> bytes:
    return b64encode(text.encode())


TABLE = [
    ("plain", [plain("", "app", "s3cret")], "235 2.7.0"),
    ("authzid is the same", [plain("app", "app", "s3cret")], "235 2.7.0"),
    ("authzid is another", [plain("other", "app", "s3cret")], "535 5.7.8"),
    ("utf-8", [plain("", "jörg", "pässwörd")], "235 2.7.0"),
    ("lower case", [plain("", "app", "s3cret").replace(b"PLAIN", b"plain")], "235 2.7.0"),
    ("wrong secret", [plain("", "app", "S3cret")], "535 5.7.8"),
    ("wrong name", [plain("", "nobody", "s3cret")], "535 5.7.8"),
    ("one NUL", [plain("app", "s3cret")], "501 5.5.2"),
    ("three NULs", [plain("", "app", "s3cret", "")], "501 5.5.2"),
    ("no name", [plain("", "", "s3cret")], "501 5.5.2"),
    ("no secret", [plain("", "app", "")], "501 5.5.2"),
    ("empty initial response", [b"AUTH PLAIN ="], "501 5.5.2"),
    ("not base64", [b"AUTH PLAIN !!!!"], "501 5.5.2"),
    ("base64 without padding", [b"AUTH PLAIN AGFwcABzM2NyZXQ"], "501 5.5.2"),
    ("not utf-8", [b"AUTH PLAIN " + b64encode(b"\0app\0\xff\xfe")], "501 5.5.2"),
    ("two responses", [b"AUTH PLAIN AAAA AAAA"], "501 5.5.4"),
    ("no mechanism", [b"AUTH"], "501 5.5.4"),
    ("unknown mechanism", [b"AUTH CRAM-MD5"], "504 5.5.4"),
    ("XOAUTH2", [b"AUTH XOAUTH2 AAAA"], "504 5.5.4"),
    ("plain, asked", [b"AUTH PLAIN", b64("\0app\0s3cret")], "235 2.7.0"),
    ("plain, given up", [b"AUTH PLAIN", b"*"], "501 5.7.0"),
    ("plain, asked, not base64", [b"AUTH PLAIN", b"AGFwc{}"], "501 5.5.2"),
    ("plain, asked, nothing", [b"AUTH PLAIN", b""], "501 5.5.2"),
    ("login", [b"AUTH LOGIN", b64("app"), b64("s3cret")], "235 2.7.0"),
    ("login, name along", [b"AUTH LOGIN " + b64("app"), b64("s3cret")], "235 2.7.0"),
    ("login, utf-8", [b"AUTH LOGIN", b64("jörg"), b64("pässwörd")], "235 2.7.0"),
    ("login, wrong", [b"AUTH LOGIN", b64("app"), b64("wrong")], "535 5.7.8"),
    ("login, no name", [b"AUTH LOGIN", b"", b64("s3cret")], "535 5.7.8"),
    ("login, NUL in secret", [b"AUTH LOGIN", b64("app"), b64("s3cret\0")], "535 5.7.8"),
    ("login, given up at the name", [b"AUTH LOGIN", b"*"], "501 5.7.0"),
    ("login, given up at the secret", [b"AUTH LOGIN", b64("app"), b"*"], "501 5.7.0"),
    ("long command", [b"AUTH PLAIN " + b"A" * 12_300], "500 5.5.6"),
    ("very long command", [b"AUTH PLAIN " + b"A" * 100_000], "500 5.5.6"),
    ("long response", [b"AUTH PLAIN", b"A" * 20_000], "500 5.5.6"),
    ("as long as allowed", [b"AUTH PLAIN", b64("\0app\0" + "x" * 9_000)], "535 5.7.8"),
]


@pytest.mark.parametrize(("lines", "said"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_last_reply(serve, lines: list[bytes], said: str) -> None:
    client = serve().connect()
    client.reply()
    client.command("EHLO app.example")
    for line in lines[:-1]:
        assert client.command(line).startswith("334 ")
    assert client.command(lines[-1]).startswith(said)
    assert client.command("NOOP").startswith("250")
    assert client.command("MAIL FROM:<a@b.example>")[:3] == ("250" if said.startswith("235") else "530")


def test_implicit_tls_offers_and_takes_a_login(serve) -> None:
    serving = serve(tls="implicit")
    client = serving.connect(tls=True)
    client.reply()
    offers = client.command("EHLO app.example")
    assert "AUTH PLAIN LOGIN" in offers
    assert "STARTTLS" not in offers
    client.sign_in()
    client.submit(b"A: b\r\n\r\n.\r\n")
    peer = serving.desk.submissions[0].peer
    assert peer.protocol == "ESMTPSA"
    assert peer.tls.startswith("TLSv1.3 TLS_")


def test_failures_take_longer_each_time(serve) -> None:
    client = serve(auth_delay=0.05).connect()
    client.reply()
    client.command("EHLO app.example")
    waited = []
    for _ in range(4):
        began = time.monotonic()
        assert client.command(plain("", "app", "nope")).startswith("535 5.7.8")
        waited.append(time.monotonic() - began)
    assert all(0.05 * number <= took < 0.05 * number + 3.0 for number, took in enumerate(waited, 1))
    assert client.command(plain("", "app", "nope")).startswith("421 4.7.0")
    assert client.closed


def test_the_desk_hears_where_the_client_sits_and_never_of_what_cannot_be(serve) -> None:
    serving = serve()
    client = serving.connect("127.0.0.9")
    client.reply()
    client.command("EHLO app.example")
    for line in (plain("other", "app", "s3cret"), plain("", "app\0", "x"), plain("", "app", "s3cret")):
        client.command(line)
    assert serving.desk.sign_ins == [("app", "s3cret", "127.0.0.9")]


def test_a_desk_that_cannot_answer_is_temporary(serve, caplog) -> None:
    serving = serve()
    client = serving.connect()
    client.reply()
    client.command("EHLO app.example")
    serving.desk.error = RuntimeError("database is gone")
    with caplog.at_level(logging.ERROR):
        assert client.command(plain("", "app", "CANARY")).startswith("451 4.3.0 ")
    assert "CANARY" not in caplog.text
    serving.desk.error = None
    client.sign_in()


def test_nothing_secret_is_logged(serve, caplog) -> None:
    with caplog.at_level(logging.DEBUG):
        serving = serve(tls="starttls")
        client = serving.connect()
        client.reply()
        client.command("EHLO app.example")
        assert client.command(plain("", "app", "CANARY")).startswith("538")
        client.command("STARTTLS")
        client.start_tls()
        client.command("EHLO app.example")
        for lines in (
            [plain("", "app", "CANARY")],
            [b"AUTH LOGIN", b64("app"), b64("CANARY")],
            [b"AUTH PLAIN CANARY!"],
        ):
            for line in lines:
                client.command(line)
    for form in ("CANARY", b64("CANARY").decode(), plain("", "app", "CANARY").split()[-1].decode()):
        assert form not in caplog.text
    assert "credentials sent in the clear ip=127.0.0.1" in caplog.text
