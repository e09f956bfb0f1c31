"""One writer a process: concurrent writes share one commit, because a commit costs a wait for the disk.

1. A caller puts its work into a lane and awaits the result (`CommitGroup.write`).
2. The lane's thread takes everything that waits, up to a number, and does it in one transaction (`Lane.serve`).
3. If a piece of work fails, the transaction is undone and each piece is done again in one of its own (`Lane.do`): the
   failure is its caller's alone. Work must therefore bear to be done twice: it touches the store and nothing else.
4. After the commit all callers are woken by one call into the event loop. If the commit fails, all of them get the
   error and the connection is opened anew: after a failed fsync nobody knows what the old one believes.

`write_soon` waits a moment for company: what it brings rides along with the next `write`, or with its like.

Cancelling a caller does not cancel its work: what waits will be committed. Reads have lanes of their own.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from relay.store.database import StoreError
from relay.store.store import Store, open_store

T = TypeVar("T")
log = logging.getLogger("relay.store")

BATCH = 200  # pieces of work in one transaction: what comes after them waits for no more than these
COMPANY_WITHIN = 0.005  # seconds that `write_soon` waits for others
COMPANY = 8  # as many as are company enough
READERS = 2  # so that one slow question does not keep the others waiting


@dataclass(slots=True)
class Piece:
    """A piece of work, who waits for it, and what came of it."""

    work: Callable[[Store], Any]
    waiter: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def wake(self) -> None:
        """Hand the result to the caller, unless it has gone away. In the event loop's thread."""
        if self.waiter.done():
            return
        if self.error is None:
            self.waiter.set_result(self.result)
        else:
            self.waiter.set_exception(self.error)


class Lane:
    """A thread with a connection of its own that does what its queue brings, a batch a transaction."""

    def __init__(self, opener: Callable[[], Store], pieces: queue.SimpleQueue[Piece | None], *, write: bool) -> None:
        self.opener = opener
        self.pieces = pieces
        self.write = write
        self.store: Store | None = None
        self.loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        self.thread = threading.Thread(target=self.serve, name=f"store-{'write' if write else 'read'}", daemon=True)

    def serve(self) -> None:
        """Do batches until the queue says that it is over."""
        with suppress(RuntimeError):  # the event loop was closed: nobody waits any more
            while batch := self.take():
                self.do(batch)
                self.loop.call_soon_threadsafe(wake_all, batch)
            self.forget_store()
            self.loop.call_soon_threadsafe(self.ended.set)

    def take(self) -> list[Piece]:
        """What waits now, at most a batch; waits for the first. Empty when the lane is to end."""
        batch: list[Piece] = []
        piece = self.pieces.get()
        while piece is not None:
            batch.append(piece)
            if len(batch) >= (BATCH if self.write else 1) or self.pieces.empty():
                return batch
            piece = self.pieces.get()  # a writer is alone, so it does not wait here
        if batch:
            self.pieces.put(None)  # finish these first
        return batch

    def do(self, batch: Sequence[Piece]) -> None:
        """Do a batch; afterwards each piece has its result or its error."""
        try:
            done = self.done_together(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear it and the thread must live
            log.error("transaction of %d failed: %s", len(batch), error)  # noqa: TRY400 - the callers have the traceback
            for piece in batch:
                piece.error = error
            self.forget_store()
            return
        if not done and len(batch) > 1:
            for piece in batch:
                self.do([piece])

    def done_together(self, batch: Sequence[Piece]) -> bool:
        """Do a batch in one transaction; False, and nothing is done, when a piece fails. Raises when all of it does."""
        self.store = self.store or self.opener()
        database = self.store.database
        database.begin(write=self.write)
        for piece in batch:
            piece.error = None
            try:
                piece.result = piece.work(self.store)
            except Exception as error:  # noqa: BLE001 - it is the caller's
                piece.error = error
                database.rollback()
                return False
        database.commit()
        return True

    def forget_store(self) -> None:
        """Close the connection; the next batch opens a new one."""
        store, self.store = self.store, None
        if store is not None:
            with suppress(StoreError):
                store.close()


def wake_all(batch: Sequence[Piece]) -> None:
    """Wake everybody who waited for a batch."""
    for piece in batch:
        piece.wake()


class CommitGroup:
    """The store for an event loop: `write` shares commits, `read` reads beside them."""

    def __init__(self, store: str | Callable[[], Store]) -> None:
        """``store`` is a database URL, or opens the store anew each time it is called."""
        self.opener = partial(open_store, store) if isinstance(store, str) else store
        self.writes: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self.reads: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self.lanes: list[Lane] = []
        self.soon: list[Piece] = []
        self.soon_timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Start the threads. Raises `StoreError` when the database cannot be opened."""
        self.lanes = [Lane(self.opener, self.writes, write=True)]
        self.lanes += [Lane(self.opener, self.reads, write=False) for _ in range(READERS)]
        for lane in self.lanes:
            lane.thread.start()
        try:
            await self.write(lambda _: None)
        except StoreError:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what waits, then end the threads. Later work raises `StoreError`."""
        self.send_soon()
        lanes, self.lanes = self.lanes, []
        for lane in lanes:
            lane.pieces.put(None)
        for lane in lanes:
            await lane.ended.wait()
            lane.thread.join()

    async def write(self, work: Callable[[Store], T]) -> T:
        """Do ``work`` in a transaction; when this returns it is on the disk, when it raises nothing of it is.

        ``work`` may be done twice (see the module). Cancelling the caller does not stop it.
        """
        waiter = self.waiter(self.writes, work)
        self.send_soon()
        return await waiter

    async def write_soon(self, work: Callable[[Store], T]) -> T:
        """Like `write`, for what nobody waits for: it waits for the next `write`, a moment at most."""
        piece = self.piece(work)
        self.soon.append(piece)
        if len(self.soon) >= COMPANY:
            self.send_soon()
        elif self.soon_timer is None:
            self.soon_timer = asyncio.get_running_loop().call_later(COMPANY_WITHIN, self.send_soon)
        return cast("T", await piece.waiter)

    def send_soon(self) -> None:
        """What has waited for company goes to the writer."""
        if self.soon_timer is not None:
            self.soon_timer.cancel()
            self.soon_timer = None
        for piece in self.soon:
            self.writes.put(piece)
        self.soon.clear()

    async def read(self, work: Callable[[Store], T]) -> T:
        """Do ``work``, which only reads: it sees all writes that have returned, as they were at one moment."""
        return await self.waiter(self.reads, work)

    def waiter(self, pieces: queue.SimpleQueue[Piece | None], work: Callable[[Store], T]) -> asyncio.Future[T]:
        """Where the result of ``work`` will be. Raises `StoreError` when the group is closed."""
        piece = self.piece(work)
        pieces.put(piece)
        return piece.waiter

    def piece(self, work: Callable[[Store], T]) -> Piece:
        """A piece of work with its waiter. Raises `StoreError` when the group is closed."""
        if not self.lanes:
            raise StoreError("the store is closed")
        return Piece(work, asyncio.get_running_loop().create_future())
