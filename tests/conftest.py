"""Settings that hold for every test."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


Twins = Callable[[], tuple[socket.socket, socket.socket]]


@pytest.fixture(scope="session")
def twins() -> Twins:
    """Makes a TCP and a UDP socket at the same free port of loopback, as a nameserver needs them."""

    def make() -> tuple[socket.socket, socket.socket]:
        while True:
            tcp = socket.create_server(("127.0.0.1", 0))
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                tcp.close()
                udp.close()
            else:
                return tcp, udp

    return make
