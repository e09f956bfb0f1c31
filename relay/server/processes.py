"""From ``relay serve`` to running processes: bind, fork, say ready once, restart what dies, stop together.

1. `claim_ports` binds every port once, so that a busy port or port 0 is settled before anything starts.
2. With one process `run_here` serves in it. With several, `supervise` forks them; each binds the same ports again
   with SO_REUSEPORT and the kernel spreads connections over them.
3. A child writes a byte to its pipe when it listens; when all have, the caller's ``ready`` runs.
4. A child that dies is started again; when the supervisor itself is gone, the children see their pipe close and stop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from relay.config import Config
from relay.server.app import Extras, Sockets, run, stop_on_signals
from relay.server.smtp import bind_socket

log = logging.getLogger("relay.processes")
RESTART_AFTER = 1.0


def claim_ports(config: Config, reuse_port: bool) -> Sockets:
    """All ports of the configuration, bound. Raises ListenError."""
    smtp = tuple(claim(each.address, each.port, reuse_port) for each in config.listener)
    return Sockets(smtp, claim(config.http.address, config.http.port, reuse_port))


def claim(address: str, port: int, reuse_port: bool) -> socket.socket:
    """One port, bound. A port that shares itself (SO_REUSEPORT) would also share itself with a second relay that was
    started by mistake, so it is bound alone first. Raises ListenError."""
    if reuse_port and port:
        bind_socket(address, port, False).close()
    return bind_socket(address, port, reuse_port)


def again(sockets: Sockets) -> Sockets:
    """The same ports bound once more, for one more process."""

    def rebind(sock: socket.socket) -> socket.socket:
        address, port = sock.getsockname()[:2]
        return bind_socket(address, port, True)

    return Sockets(tuple(rebind(sock) for sock in sockets.smtp), rebind(sockets.http))


def raise_file_limit() -> None:
    """Let this process hold as many connections as the machine allows: the soft limit is often 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_here(config: Config, sockets: Sockets, ready: Callable[[], None], extras: Extras, parent: int = -1) -> None:
    """Serve in this process until SIGTERM, SIGINT, or the pipe ``parent`` closes."""

    async def serve() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        if parent >= 0:
            asyncio.get_running_loop().add_reader(parent, stop.set)
        await run(config, sockets, ready, stop, extras, alone=parent < 0)

    raise_file_limit()
    with asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(serve())


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return uvloop.new_event_loop


@dataclass
class Child:
    """A forked process, and the pipe on which it says that it listens."""

    pid: int
    pipe: int
    ready: bool = False


class Supervisor:
    """Keeps a number of serving processes alive until it is told to stop."""

    def __init__(self, config: Config, sockets: Sockets, extras: Extras) -> None:
        self.config = config
        self.sockets = sockets
        self.extras = extras
        self.children: list[Child] = []
        self.stopping = False
        self.alive_read, self.alive_write = os.pipe()  # closes when this process is gone

    def supervise(self, processes: int, ready: Callable[[], None]) -> None:
        """Run ``processes`` children; returns when all have stopped after SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        signal.signal(signal.SIGHUP, lambda *_: self.pass_on(signal.SIGHUP))
        self.children = [self.start() for _ in range(processes)]
        announced = False
        while self.children:
            self.wait_for_news()
            if not announced and all(child.ready for child in self.children):
                announced = True
                ready()
            if not self.reap(announced):
                self.stop()
                raise SystemExit(1)

    def start(self) -> Child:
        """Fork one child."""
        read, write = os.pipe()
        pid = os.fork()
        if pid:
            os.close(write)
            return Child(pid, read)
        status = 1
        try:
            os.close(read)
            os.close(self.alive_write)
            run_here(self.config, again(self.sockets), lambda: say_ready(write), self.extras, self.alive_read)
            status = 0
        except Exception:
            log.exception("process failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def wait_for_news(self) -> None:
        """Sleep until a child says something, at most a fifth of a second."""
        waiting = {child.pipe: child for child in self.children if not child.ready}
        readable, _, _ = select.select(list(waiting), [], [], 0.2)
        for pipe in readable:
            waiting[pipe].ready = os.read(pipe, 1) == b"!"

    def reap(self, announced: bool) -> bool:
        """Start again what has died; False when a child cannot even start."""
        for child in list(self.children):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            self.children.remove(child)
            os.close(child.pipe)
            if self.stopping:
                continue
            if not announced:
                return False
            log.error("process %d ended with status %d; starting another", pid, status)
            time.sleep(RESTART_AFTER)
            self.children.append(self.start())
        return True

    def stop(self) -> None:
        """Tell every child to finish what it is doing and go."""
        self.stopping = True
        self.pass_on(signal.SIGTERM)

    def pass_on(self, number: signal.Signals) -> None:
        """Give a signal to every child."""
        for child in self.children:
            os.kill(child.pid, number)


def say_ready(pipe: int) -> None:
    """Tell the supervisor that this process listens."""
    os.write(pipe, b"!")
