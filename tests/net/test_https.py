"""Files of foreign hosts: what is fetched, and every way in which it is not."""

from __future__ import annotations

import asyncio
import datetime
import socket

import pytest
import trustme

from relay.net.https import Fault, Fetched, HttpsClient, Unfetched, fetch
from relay.net.zone import Zone

HOST = "mta-sts.example.nl"
ZONE = Zone({HOST: {"A": ["127.0.0.1"]}})
PAST = {
    "not_before": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    "not_after": datetime.datetime(2020, 2, 1, tzinfo=datetime.UTC),
}


@pytest.fixture
def get(web):
    """Fetches a file from the web server, trusting its authority, with little patience."""

    async def ask(zone=ZONE, target="/file?x=1", **settings):
        client = HttpsClient(**({"port": web.port, "ca_file": web.ca_file, "private": True, "seconds": 5} | settings))
        return await fetch(zone, client, HOST, target)

    web.certificate(HOST)
    web.file(b"hello")
    return ask


async def test_a_file(get, web) -> None:
    web.file(b"hello", "Text/Plain; charset=utf-8")
    assert await get() == Fetched("text/plain", b"hello")
    head = web.requests[0].lower()
    assert head.startswith(b"get /file?x=1 http/1.1\r\n")
    assert f"\r\nhost: {HOST}:{web.port}\r\n".encode() in head
    assert b"\r\naccept-encoding: identity\r\n" in head
    assert b"cookie" not in head


async def test_an_answer_without_a_type(get, web) -> None:
    web.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    assert await get() == Fetched("", b"hi")


async def test_a_chunked_answer(get, web) -> None:
    web.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n4\r\n you\r\n0\r\n\r\n"
    assert await get() == Fetched("", b"hi you")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Unfetched(Fault.STATUS, "404")),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", Unfetched(Fault.STATUS, "500")),
        (b"HTTP/1.1 206 Part\r\nContent-Length: 0\r\n\r\n", Unfetched(Fault.STATUS, "206")),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", Unfetched(Fault.STATUS, "304")),
        (
            b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
            Unfetched(Fault.REDIRECT, "https://elsewhere.example/"),
        ),
        (
            b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
            Unfetched(Fault.REDIRECT, "http://127.0.0.1/"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi",
            Unfetched(Fault.PROTOCOL, "a content encoding that was not asked for"),
        ),
    ],
)
async def test_answers_that_are_no_file(get, web, answer, expected) -> None:
    web.answer = answer
    assert await get() == expected
    assert len(web.requests) == 1  # nothing is followed


@pytest.mark.parametrize(
    "answer", [b"", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhi", b"\0" * 500]
)
async def test_what_is_no_http(get, web, answer) -> None:
    web.answer = answer
    assert (await get()).fault is Fault.PROTOCOL


async def test_the_largest_file(get, web) -> None:
    web.file(b"x" * 65536)
    assert len((await get()).body) == 65536
    web.file(b"x" * 65537)
    assert await get() == Unfetched(Fault.TOO_LARGE, "65536")


@pytest.mark.parametrize("head", [b"Content-Length: 10000000", b"Transfer-Encoding: identity", b"X: y"])
async def test_a_stream_of_ten_megabytes_is_cut_off(get, web, head) -> None:
    web.answer, web.more, web.times = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", b"x" * 10_000, 1000
    assert (await get()).fault in {Fault.TOO_LARGE, Fault.PROTOCOL}
    await asyncio.sleep(0.05)
    assert web.sent < 9_000_000  # what socket buffers take is gone, the rest never comes


async def test_headers_without_end(get, web) -> None:
    web.answer, web.more, web.times = b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 500, 1000
    assert (await get()).fault is Fault.PROTOCOL


@pytest.mark.parametrize(
    ("name", "untrusted", "validity", "words"),
    [
        (HOST, False, PAST, "expired"),
        ("other.example.nl", False, {}, "Hostname mismatch"),
        ("*.nl", False, {}, "Hostname mismatch"),
        (HOST, True, {}, "issuer"),
    ],
)
async def test_certificates_that_do_not_verify(get, web, name, untrusted, validity, words) -> None:
    web.certificate(name, trustme.CA() if untrusted else None, **validity)
    unfetched = await get()
    assert unfetched.fault is Fault.CERTIFICATE
    assert words in unfetched.detail
    assert web.requests == []


async def test_a_wildcard_certificate(get, web) -> None:
    web.certificate("*.example.nl")
    assert isinstance(await get(), Fetched)


async def test_the_name_is_asked_for_in_tls(get, web) -> None:
    names = []
    web.context.sni_callback = lambda tls, name, context: names.append(name)
    await get()
    assert names == [HOST]


async def test_plain_http_on_the_port(get, web) -> None:
    web.context = None
    web.answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    unfetched = await get()
    assert (unfetched.fault, unfetched.detail) == (Fault.TLS, "WRONG_VERSION_NUMBER")


async def test_a_server_that_never_answers(get, web) -> None:
    web.answer, web.holds = b"", True
    assert await get(seconds=0.3) == Unfetched(Fault.TIMEOUT, "0.3 s")


async def test_a_server_that_trickles(get, web) -> None:
    web.answer, web.holds = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell", True
    assert await get(seconds=0.3) == Unfetched(Fault.TIMEOUT, "0.3 s")


async def test_a_port_that_is_closed(get) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert await get(port=port) == Unfetched(Fault.REFUSED)


async def test_the_next_address_is_tried(get) -> None:
    zone = Zone({HOST: {"A": ["127.0.0.2", "127.0.0.1"]}})
    assert isinstance(await get(zone), Fetched)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"A": "SERVFAIL", "AAAA": ["::1"]}, Unfetched(Fault.UNKNOWN, "SERVFAIL")),
        ({"A": "timeout"}, Unfetched(Fault.UNKNOWN, "timeout")),
        ({"TXT": ["no address"]}, Unfetched(Fault.NO_ADDRESS)),
        ({"A": ["127.0.0.1"]}, Unfetched(Fault.FORBIDDEN, "127.0.0.1")),
        ({"A": ["10.1.2.3", "169.254.169.254"]}, Unfetched(Fault.FORBIDDEN, "10.1.2.3")),
        ({"AAAA": ["::ffff:127.0.0.1"]}, Unfetched(Fault.FORBIDDEN, "::ffff:127.0.0.1")),
        ({"AAAA": ["fd00::1"]}, Unfetched(Fault.FORBIDDEN, "fd00::1")),
    ],
)
async def test_where_a_host_is(get, web, rows, expected) -> None:
    assert await get(Zone({HOST: rows}), private=False) == expected
    assert web.requests == []


async def test_a_host_that_does_not_exist(get) -> None:
    assert await get(Zone({})) == Unfetched(Fault.NO_ADDRESS)


async def test_proxies_of_the_environment_are_left_alone(get, monkeypatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert isinstance(await get(), Fetched)


async def test_a_file_of_authorities_that_is_not_there(get) -> None:
    with pytest.raises(OSError, match="No such file"):
        await get(ca_file="/nowhere/ca.pem")
