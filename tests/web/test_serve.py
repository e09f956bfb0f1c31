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
