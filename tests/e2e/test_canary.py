"""S03: a password goes in by every way there is, at the most talkative log level, and lies nowhere afterwards."""

from __future__ import annotations

import re
import socket
import sqlite3
import ssl
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

CANARY = "S3cr3t-CANARY/+%é"
RAW = CANARY.encode()
USER = "app"


class Client:
    """Says lines and reads what comes back until the server waits for more."""

    def __init__(self, port: int, tls: bool = False) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.sock.makefile("rb")
        self.read()
        self.say(b"EHLO app.example")
        if tls:
            self.say(b"STARTTLS")
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.file.close()
            self.sock = context.wrap_socket(self.sock)
            self.file = self.sock.makefile("rb")
            self.say(b"EHLO app.example")

    def read(self) -> bytes:
        heard = line = self.file.readline()
        while line[3:4] == b"-":
            line = self.file.readline()
            heard += line
        return heard

    def say(self, line: bytes) -> bytes:
        self.sock.sendall(line + b"\r\n")
        return self.read()

    def close(self) -> None:
        self.file.close()
        self.sock.close()


def token(username: str, password: str) -> bytes:
    """What AUTH PLAIN sends."""
    return b64encode(f"\0{username}\0{password}".encode())


def traces(username: str, password: str) -> list[bytes]:
    """A password as it is, and as it may be written somewhere: in base64 at each offset, in hexadecimal, for a URL."""
    octets = password.encode()
    found = [octets, token(username, password), octets.hex().encode(), octets.hex().upper().encode()]
    found += [urllib.parse.quote(password, safe=safe).encode() for safe in ("", "/", "/+")]
    found += [repr(octets)[2:-1].encode(), ascii(password)[1:-1].encode()]
    for offset in range(3):
        encoded = b64encode(b"x" * offset + octets).rstrip(b"=")
        found.append(encoded[(0, 2, 3)[offset] : -1])  # the characters that hold the password alone
    return found


WAYS = {  # after EHLO, one line after the other
    "inline": [b"AUTH PLAIN " + token(USER, CANARY)],
    "asked for": [b"AUTH PLAIN", token(USER, CANARY)],
    "LOGIN": [b"AUTH LOGIN", b64encode(USER.encode()), b64encode(RAW)],
    "LOGIN with the name inline": [b"AUTH LOGIN " + b64encode(USER.encode()), b64encode(RAW)],
    "not in base64": [b"AUTH PLAIN " + RAW, b"AUTH PLAIN", RAW, b"AUTH PLAIN", token(USER, CANARY) + b"!"],
    "no NUL": [b"AUTH PLAIN " + b64encode(RAW)],
    "for somebody else": [b"AUTH PLAIN " + b64encode(b"boss\0app\0" + RAW)],
    "not in UTF-8": [b"AUTH PLAIN " + b64encode(b"\0app\0\xff" + RAW)],
    "an unknown mechanism": [b"AUTH XOAUTH2 " + b64encode(b"user=app\1auth=Bearer " + RAW)],
    "as the mechanism": [b"AUTH " + RAW, b"AUTH " + b64encode(RAW)],
    "too many words": [b"AUTH PLAIN " + b64encode(RAW) + b" " + RAW],
    "too long": [b"AUTH PLAIN " + b64encode(RAW * 1000)],
    "garbled": [b"AUTH PLAIN \x1b" + token(USER, CANARY)],
    "as a command": [RAW, b64encode(RAW), b"PASS " + RAW, b"X-" + b64encode(RAW)],
    "cancelled": [b"AUTH LOGIN", b"*", b64encode(RAW)],
    "in AUTH= of MAIL": [b"MAIL FROM:<info@bakker.example> AUTH=" + b64encode(RAW)],
}
PAGES = ("/confirm/{}", "/withdraw/{}", "/check/{}", "/{}", "/?password={}", "/healthz?{}")


def ask_the_pages(page: str) -> None:
    """Every page with the canary in its address, its form and its credentials."""
    quoted = urllib.parse.quote(CANARY, safe="")
    form = urllib.parse.urlencode({"nonce": CANARY, "answer": CANARY, "password": CANARY}).encode()
    credentials = {"Authorization": "Basic " + b64encode(f"app:{CANARY}".encode()).decode(), "Cookie": f"s={quoted}"}
    for address in PAGES:
        for data in (None, form):
            request = urllib.request.Request(page + address.format(quoted), data, credentials)
            with suppress(urllib.error.HTTPError):
                urllib.request.urlopen(request, timeout=10).read()


def test_the_password_lies_nowhere(relay) -> None:
    plain = '\n[[listener]]\nport = 0\ntls = "none"\n[limits]\nauth_failures = 1\n'
    relay.config.write_text(relay.config.read_text() + plain)
    relay.options = ("--verbose",)
    made = relay.add_tenant()
    first = made["login"]
    second = relay.json("login", "add", made["id"])
    relay.start()
    starttls, clear = (each["port"] for each in relay.ready["smtp"])

    assert Client(starttls).say(WAYS["inline"][0]).startswith(b"538 5.7.11 ")
    assert Client(starttls, tls=True).say(WAYS["inline"][0]).startswith(b"421 4.7.0 ")
    for name, lines in WAYS.items():
        client = Client(clear)
        heard = b"".join(map(client.say, lines))
        assert b"235" not in heard, name
        assert RAW not in heard
        client.close()
    cut_off = Client(clear)
    cut_off.sock.sendall(b"AUTH PLAIN " + token(USER, CANARY)[:-3])
    cut_off.close()
    for login in (first, second):
        relay.client(login).quit()
    ask_the_pages(relay.page)
    for arguments in (("tenant", "list"), ("login", "list", made["id"])):
        printed = relay.cli(*arguments, "--json")
        assert first["password"] not in printed
        assert second["password"] not in printed
    look_everywhere(relay, [(USER, CANARY), *((each["username"], each["password"]) for each in (first, second))])

    with sqlite3.connect(relay.folder / "relay.db") as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("DROP TABLE login")
    assert Client(clear).say(WAYS["inline"][0]).startswith(b"451 4.3.0 ")  # a defect, with its traceback in the log
    assert "Traceback" in relay.log
    look_everywhere(relay, [(USER, CANARY)])


def test_the_traces_are_those_of_the_password() -> None:
    found = traces(USER, CANARY)
    for before in (b"", b"x", b"xy", b"\0app\0"):
        assert any(trace in b64encode(before + RAW + b"\r\n") for trace in found)
    assert urllib.parse.quote_plus(CANARY).encode() in found


def look_everywhere(relay, secrets: list[tuple[str, str]]) -> None:
    """The log, the database with everything beside it, and what the system shows of the process."""
    process = Path(f"/proc/{relay.process.pid}")
    files = [path for path in relay.folder.iterdir() if path.suffix not in {".pem", ".toml"}]
    assert {"log", "relay.db", "relay.db-wal"} <= {path.name for path in files}
    assert f"auth failed user={USER!r}" in relay.log, "nothing was logged at all"
    for path in (*files, process / "environ", process / "cmdline"):
        octets = path.read_bytes()
        for username, password in secrets:
            hits = [trace for trace in traces(username, password) if re.search(re.escape(trace), octets)]
            assert hits == [], f"{path.name} holds {password!r}"
