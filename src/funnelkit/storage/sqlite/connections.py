"""A connection for each thread; none of them lives through a fork.

SQLite remembers per process which locks it holds on a file. A child made by ``fork`` inherits that
memory but not the locks: even a new connection in the child then goes without locks that it believes
it holds, and loses commits when the parent closes the file. So all connections are closed before a
fork, when no thread is using one, and both sides open new ones when they need them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from operator import attrgetter
from threading import Thread
from typing import TypeVar

__all__ = ["CLOSED", "Connections"]

T = TypeVar("T")

CLOSED = "Cannot operate on a closed database."
"""What the driver says of a connection that was closed."""


_SMALL = "PRAGMA cache_size = -4096"
"""SQLite lends each sort as much memory as the cache may take, and a report may sort six times at once.
It reads as fast with a small one: the operating system keeps the pages, too."""


class Lane:
    """A thread's own connections: one for its verbs, and one for its questions once it asks any.

    Hold ``lock`` while you use them, so that nobody closes them meanwhile. If it is not ``usable`` by then,
    ask for another: it is retired, and not kept for the task that you are part of; or that task forked.
    """

    __slots__ = ("_asking", "_connect", "closed", "connection", "kept", "lock", "retired")

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._asking: sqlite3.Connection | None = None
        self.connection = connect()
        self.lock = threading.RLock()  # a signal handler may come back to the same store
        self.kept = False
        self.retired = False
        self.closed = False

    @property
    def usable(self) -> bool:
        """Whether it may be used by who holds its lock."""
        return not self.closed and (self.kept or not self.retired)

    @property
    def asking(self) -> sqlite3.Connection:
        """The connection for questions over many rows: with little memory."""
        if self._asking is None:
            connection = self._connect()
            try:
                connection.execute(_SMALL)
            except BaseException:
                connection.close()
                raise
            self._asking = connection
        return self._asking

    def __len__(self) -> int:
        return 1 if self._asking is None else 2

    def retire(self) -> None:
        """Close the connections once nobody uses them."""
        self.retired = True  # before we wait: who uses them all the time would never let us in
        with self.lock:
            self.closed = True
            for connection in filter(None, (self.connection, self._asking)):
                with suppress(sqlite3.Error):  # what was committed is safe
                    connection.close()


_OWN: Callable[[Lane], sqlite3.Connection] = attrgetter("connection")
_ASKING: Callable[[Lane], sqlite3.Connection] = attrgetter("asking")


class Connections:
    """The connections of one store: one for each thread, opened when the thread first asks."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._lanes: dict[object, Lane] = {}
        self._local = threading.local()
        self._lock = threading.RLock()
        self.closed = False
        _ALL.add(self)

    def mine(self) -> Lane:
        """Return the lane of this thread."""
        lane: Lane | None = getattr(self._local, "lane", None)
        if lane is None or not lane.usable:
            lane = self._local.lane = self._add(threading.current_thread())
        return lane

    def run(self, task: Callable[[sqlite3.Connection], T]) -> T:
        """Run a task with the connection of this thread, which nobody closes meanwhile."""
        return self._use(_OWN, task)

    def ask(self, task: Callable[[sqlite3.Connection], T]) -> T:
        """Run a task with the connection of this thread for questions over many rows."""
        return self._use(_ASKING, task)

    def _use(
        self, chosen: Callable[[Lane], sqlite3.Connection], task: Callable[[sqlite3.Connection], T]
    ) -> T:
        while True:
            lane = self.mine()
            with lane.lock:
                if lane.usable:
                    return task(chosen(lane))

    @contextmanager
    def another(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for one long task, beside that of the thread.

        The thread keeps its own meanwhile: what the task calls may use the store, and must not wait
        for somebody who waits for the task.
        """
        task = object()
        while True:
            own = self.mine()
            if own.kept:  # a task within a task: who waits for the outer one waits for this one, too
                with closing(self._connect()) as connection:
                    yield connection
                return
            lane = self._add(task)
            with own.lock, lane.lock:
                own.kept = True
                try:
                    if own.retired or lane.retired:
                        continue
                    yield lane.connection
                finally:
                    own.kept = False
                    lane.retire()
                    self._lanes.pop(task, None)
                return

    def _add(self, user: object) -> Lane:
        with self._lock:
            if self.closed:
                raise sqlite3.ProgrammingError(CLOSED)
            lane = Lane(self._connect)
            for gone in [user for user in self._lanes if isinstance(user, Thread) and not user.is_alive()]:
                self._lanes.pop(gone).retire()
            self._lanes[user] = lane
            return lane

    def __len__(self) -> int:
        return sum(map(len, list(self._lanes.values())))

    def close(self) -> None:
        """Close all, each as soon as its thread has done what it is doing; give out no more."""
        with self._lock:
            self.closed = True
            self.renew()

    def renew(self) -> None:
        """Close all, each once its thread has done what it is doing; who needs one opens it anew."""
        with self._lock:
            lanes = list(self._lanes.values())
            for lane in lanes:
                lane.retired = True  # all at once: one may be waiting for the write lock of another
            for lane in lanes:
                lane.retire()
            self._lanes.clear()

    def before_fork(self) -> None:
        """Close all, and let nobody open another until `after_fork`."""
        self._lock.acquire()
        self.renew()

    def after_fork(self) -> None:
        """Let connections be opened again, in the parent and in the child."""
        self._lock.release()


_ALL: weakref.WeakSet[Connections] = weakref.WeakSet()
_forking: list[Connections] = []
_one_fork = threading.RLock()


def _before_fork() -> None:
    _one_fork.acquire()
    _forking.extend(_ALL)
    for connections in _forking:
        connections.before_fork()


def _after_fork() -> None:
    for connections in _forking:
        connections.after_fork()
    _forking.clear()
    _one_fork.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
