"""The pages on a real socket, beside other things in one event loop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from relay.server.web import create_app
from relay.server.web.connection import Limits
from relay.server.web.serve import serve_http


@pytest.fixture
def sock():
    """A bound socket on loopback."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


async def test_serves_on_the_given_socket_and_closes_it(site, sock):
    port = sock.getsockname()[1]
    server = await serve_http(create_app(site.context), sock)
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/healthz")
    assert answer.text == "ok\n"
    assert "server" not in answer.headers
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_signals_stay_with_the_process(site, sock):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    server = await serve_http(create_app(site.context), sock)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    await server.stop()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_tokens_never_reach_the_log(site, sock, caplog):
    caplog.set_level(logging.DEBUG)
    await site.ask("secret-token")
    server = await serve_http(create_app(site.context), sock)
    base = f"http://127.0.0.1:{sock.getsockname()[1]}"
    for path in ("/confirm/secret-token", "/withdraw/secret-token-w", "/confirm/secret-token-unknown"):
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {base[7:]}\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 ")
        writer.close()
    await site.group.close()
    async with httpx2.AsyncClient(trust_env=False) as client:
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        logging.getLogger("httpcore2").setLevel(logging.WARNING)
        assert (await client.get(f"{base}/confirm/secret-token")).status_code == 500
    await server.stop()
    assert "Traceback" in caplog.text
    assert "secret-token" not in caplog.text.replace("test_tokens", "")


async def test_stopping_lets_a_request_finish(sock):
    began = asyncio.Event()

    async def slow(scope, receive, send):
        began.set()
        await asyncio.sleep(0.3)
        await PlainTextResponse("done")(scope, receive, send)

    server = await serve_http(slow, sock)
    async with httpx2.AsyncClient(trust_env=False) as client:
        asking = asyncio.create_task(client.get(f"http://127.0.0.1:{sock.getsockname()[1]}/"))
        await began.wait()
        await server.stop()
        assert (await asking).text == "done"


@pytest.mark.parametrize(
    "octets", [b"\x16\x03\x01\x02", b"EHLO x\r\n\r\n", b"GET /" + b"a" * 100_000, b"GET / HTTP/9.9\r\n\r\n"]
)
async def test_noise_is_answered_or_closed(site, sock, octets):
    server = await serve_http(create_app(site.context), sock)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(octets)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    writer.close()
    await server.stop()


async def hung_up(reader: asyncio.StreamReader, within: float = 2.0) -> bool:
    """True when the server ends the connection in time, whatever it says before."""
    try:
        await asyncio.wait_for(reader.read(), within)
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nX-Slow: ",
        b"POST /confirm/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n\r\nnonce=",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HTTP/1.1\r\nX-Slow: ",
    ],
    ids=["nothing", "header", "body", "second"],
)
async def test_an_unfinished_request_is_not_waited_for(site, sock, sent):
    server = await serve_http(create_app(site.context), sock, Limits(request=0.1))
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(sent)
    assert await hung_up(reader)
    writer.close()
    await server.stop()


async def test_an_answer_may_take_longer_than_a_request_but_not_for_ever(sock):
    release = asyncio.Event()

    async def slow(scope, receive, send):
        await release.wait()
        await PlainTextResponse("done")(scope, receive, send)

    server = await serve_http(slow, sock, Limits(request=0.05, exchange=0.5))
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not await hung_up(reader, 0.3)
    assert await hung_up(reader)
    release.set()
    writer.close()
    await server.stop()


async def test_connections_beyond_the_limit_are_closed_and_the_others_served(site, sock):
    server = await serve_http(create_app(site.context), sock, Limits(connections=3))
    kept = [await asyncio.open_connection(*sock.getsockname()) for _ in range(3)]
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    assert await hung_up(reader)
    kept[0][1].write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert (await kept[0][0].read()).startswith(b"HTTP/1.1 200 ")
    for _, each in [*kept, (reader, writer)]:
        each.close()
    await server.stop()


@pytest.mark.parametrize(("source", "kept"), [("127.0.0.1", 4), ("127.0.0.2", 2)])
async def test_one_address_cannot_take_all_connections_unless_it_is_the_proxys(site, sock, source, kept):
    server = await serve_http(create_app(site.context), sock, Limits(from_address=2))
    opened = [await asyncio.open_connection(*sock.getsockname(), local_addr=(source, 0)) for _ in range(4)]
    assert [await hung_up(reader, 0.1) for reader, _ in opened] == [number >= kept for number in range(4)]
    for _, writer in opened:
        writer.close()
    await server.stop()
