"""Faults of PostgreSQL: a proxy that cuts connections, sessions whose statements fail, a worker to crash."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tests.fault.journal import Journal, opened
from tests.fault.world import calls, engine_on, perform

from funnelkit.errors import FunnelkitError, StoreBusyError, StoreUnavailableError

__all__ = ["Proxy", "failing_store", "settled"]


def settled(url: str) -> None:
    """Wait until the server has ended all that others of the same application name had begun."""
    if not url.startswith("postgresql://"):
        return
    import psycopg

    bare, _, query = url.partition("?")
    name = dict(part.split("=") for part in query.split("&")).get("application_name", "funnelkit")
    asked = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(bare, autocommit=True) as connection:
        while connection.execute(asked, (name,)).fetchall() != [(0,)]:
            pass


# Statements that fail


def failing_store(url: str, schema: str) -> Any:
    """Return a store whose ``plan`` says which statement is to be taken by another; see `_Plan`."""
    from funnelkit.storage.immediate import run
    from funnelkit.storage.postgres.blocking import Blocking
    from funnelkit.storage.postgres.core import Core
    from funnelkit.storage.postgres.lines import BlockingLine
    from funnelkit.storage.postgres.sessions import BlockingSession
    from funnelkit.storage.postgres.settings import settings_of
    from funnelkit.storage.postgres.texts import Statement

    plan = _Plan()

    class FailingSession(BlockingSession):
        async def rows(self, statement: Statement) -> Any:
            return await super().rows(plan.instead(statement))

        async def together(self, statements: Sequence[Statement]) -> Any:
            return await super().together([plan.instead(statement) for statement in statements])

        async def copy(self, sql: str, data: bytes) -> None:
            statement = plan.instead(Statement(sql))
            if statement.sql != sql:
                await super().rows(statement)
            await super().copy(sql, data)

    class FailingLine(BlockingLine):
        async def take(self, *, writing: bool) -> Any:
            session = await super().take(writing=writing)
            return FailingSession(session.connection, taught=True)

    class FailingStore(Blocking):
        def __init__(self) -> None:
            settings = settings_of(url, schema, "fast", 10.0, 2)
            super().__init__(Core(run(FailingLine.open(settings)), settings.name, settings.timeout))
            self.plan = plan

    return FailingStore()


class _Plan:
    """Statement number ``at``, counted from ``run = 0`` on, is taken by ``sql``."""

    def __init__(self) -> None:
        self.run = self.at = 0
        self.sql = ""

    def fail(self, at: int, sql: str) -> None:
        """Let statement ``at`` from here on be another one; 0 for none."""
        self.run, self.at, self.sql = 0, at, sql

    def instead(self, statement: Any) -> Any:
        """Return what is to be sent."""
        self.run += 1
        return type(statement)(self.sql) if self.run == self.at else statement


IO_ERROR = "DO $$ BEGIN RAISE EXCEPTION 'disk' USING ERRCODE = '58030'; END $$"
END_OF_SESSION = "SELECT pg_terminate_backend(pg_backend_pid())"


# Connections that are cut


class Proxy:
    """Stands between a store and its server, and cuts one connection at a message of our choice.

    Messages are those of PostgreSQL's protocol. ``cut("client", 3)`` ends the connection instead of
    passing on the third message from the client, counted from now on over all connections.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        who = f"{parts.username}:{parts.password}@" if parts.password else f"{parts.username}@"
        self.url = f"postgresql://{who}127.0.0.1:{port}{parts.path}?sslmode=disable&gssencmode=disable"
        self._lock = threading.Lock()
        self._side, self._left = "", 0
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, side: str, number: int) -> None:
        """Cut at message ``number`` from ``"client"`` or ``"server"``."""
        with self._lock:
            self._side, self._left = side, number

    @property
    def waiting(self) -> bool:
        """Whether the message has not come yet."""
        return self._left > 0

    def close(self) -> None:
        """Stop."""
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._sockets.append(each)
                pairs = (("client", client, server), ("server", server, client))
                for side, source, target in pairs:
                    threading.Thread(target=self._pass_on, args=(side, source, target), daemon=True).start()

    def _pass_on(self, side: str, source: socket.socket, target: socket.socket) -> None:
        begun = side == "server"  # the client's first message has no type
        waiting = b""
        with suppress(OSError):
            while data := source.recv(65_536):
                waiting += data
                while (size := _message(waiting, begun=begun)) and len(waiting) >= size:
                    if self._is_the_one(side):
                        break
                    target.sendall(waiting[:size])
                    waiting, begun = waiting[size:], True
                else:
                    continue
                break
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _is_the_one(self, side: str) -> bool:
        with self._lock:
            if side != self._side or not self._left:
                return False
            self._left -= 1
            return self._left == 0


def _message(data: bytes, *, begun: bool) -> int:
    """Return the length of the message that data begins with; 0 when that is not known yet."""
    head = 1 if begun else 0
    return head + int.from_bytes(data[head : head + 4], "big") if len(data) >= head + 4 else 0


# A worker on a server that crashes


def work(how: dict[str, Any]) -> dict[str, int]:
    """Make random calls until a file says stop; what the store could not tell is asked again by its key."""
    store = opened(how["url"])
    journal = Journal(Path(how["journal"]))
    engine = engine_on(store)
    stream = calls(store, Random(how["seed"]), "w")
    answer: tuple[Any, ...] | None = None
    done = again = 0
    while not Path(how["stop"]).exists():
        call = stream.send(answer)
        journal.asked(call)
        while True:
            try:
                answer = perform(engine, call)
            except (StoreUnavailableError, StoreBusyError):
                again += 1
                continue
            except FunnelkitError as error:
                answer = None
                journal.refused(error)
            else:
                journal.answered(answer)
            break
        done += 1
    store.close()
    return {"done": done, "again": again, "pid": os.getpid()}


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
