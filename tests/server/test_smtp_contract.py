"""What we touch inside aiosmtpd and asyncio: a release that changes it fails here and not at a customer's."""

from __future__ import annotations

import asyncio
import inspect
import time
from importlib.metadata import version

import aiosmtpd.smtp
import pytest

from relay.config import Config, Listener, Policy
from relay.server.app import Extras, listener_settings
from relay.server.smtp_connections import Connections
from relay.server.smtp_contract import ListenerSettings
from relay.server.smtp_protocol import SubmissionProtocol

STOCK = aiosmtpd.smtp.SMTP


def source(method: object) -> str:
    return inspect.getsource(method)


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("aiosmtpd").startswith("1.4.")


def test_connection_made_does_what_we_build_on() -> None:
    text = source(STOCK.connection_made)
    for touched in (
        "self._create_session()",
        "self.session.peer = transport.get_extra_info('peername')",
        "self._reset_timeout()",
        "self._original_transport is not None",
        "super().connection_made(transport)",
        "self.transport = transport",
        "self._handler_coroutine = self.loop.create_task(",
        "self._handle_client())",
    ):
        assert touched in text, touched


def test_the_timer_is_the_one_we_answer() -> None:
    text = source(STOCK._reset_timeout)
    for touched in ("self._timeout_handle", "self._timeout_duration", "self._timeout_cb"):
        assert touched in text, touched


def test_what_we_replace_is_there_to_be_replaced() -> None:
    for name in (
        "_create_session",
        "_handle_client",
        "_timeout_cb",
        "connection_lost",
        "eof_received",
        "data_received",
        "handle_exception",
        "pause_writing",
        "resume_writing",
    ):
        assert hasattr(STOCK, name), name
        assert getattr(SubmissionProtocol, name) is not getattr(STOCK, name), name


def test_asyncio_takes_a_protocol_without_a_reader() -> None:
    parameters = list(inspect.signature(asyncio.StreamReaderProtocol.__init__).parameters)
    assert parameters[:4] == ["self", "stream_reader", "client_connected_cb", "loop"]


async def test_our_init_sets_all_that_the_inherited_methods_read() -> None:
    settings = ListenerSettings("relay.example", tls="none")
    protocol = SubmissionProtocol(settings, None, Connections(settings), asyncio.get_running_loop())
    assert protocol.transport is None
    assert protocol._original_transport is None
    assert protocol._timeout_handle is None
    assert protocol._timeout_duration == settings.idle_for


async def test_a_connection_costs_next_to_nothing_to_make() -> None:
    settings = ListenerSettings("relay.example", tls="none")
    connections, loop = Connections(settings), asyncio.get_running_loop()

    def cost(make: object, rounds: int) -> float:
        began = time.perf_counter()
        for _ in range(rounds):
            make()
        return (time.perf_counter() - began) / rounds

    ours = cost(lambda: SubmissionProtocol(settings, None, connections, loop), 500)
    stock = cost(lambda: STOCK(object(), hostname="relay.example", loop=loop), 20)
    assert ours < stock / 10


@pytest.mark.parametrize("loop_kind", ["asyncio", "uvloop"])
def test_loops_upgrade_a_connection(loop_kind: str) -> None:
    base = pytest.importorskip("uvloop").Loop if loop_kind == "uvloop" else asyncio.BaseEventLoop
    assert callable(base.start_tls)


def test_what_the_configuration_says_reaches_the_listener() -> None:
    listener = Listener(tls="none", bare_newline="reject")
    config = Config(listener=(listener,), policy=Policy(recipients=7, message_size="2 MB"))
    settings = listener_settings(config, listener, "relay.example", Extras())
    assert (settings.bare_newline, settings.recipients, settings.message_size) == ("reject", 7, 2_000_000)
