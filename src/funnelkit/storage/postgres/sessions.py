"""One connection at work, blocking or awaited, and how values come and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap, Loader
from psycopg.rows import tuple_row
from psycopg.types.numeric import FloatLoader, Int8Dumper, IntLoader
from psycopg.types.string import StrDumper, TextLoader

from funnelkit.storage.columns import Row
from funnelkit.storage.postgres.prepared import Prepared, rolled_back
from funnelkit.storage.postgres.texts import BEGIN, BEGIN_READING, COMMIT, Statement, numbered

__all__ = ["AsyncSession", "BlockingSession", "own", "teach"]


class _Number(Loader):
    """SQL's sums of whole numbers are ``numeric``: make them whole again."""

    def load(self, data: Any) -> int | float:
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


def teach(adapters: AdaptersMap) -> None:
    """Say how our values come and go, whatever the program around us has told psycopg.

    Every whole number is a BIGINT, so that a statement is prepared once, not once per size of its
    numbers; and it is one of psycopg's own dumpers, which are in C: one of ours would cost a commit
    more than its whole plan.
    """
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(str, StrDumper)
    for name, loader in _LOADERS.items():
        adapters.register_loader(name, loader)


_LOADERS: dict[str, Any] = {
    "int8": IntLoader,
    "int4": IntLoader,
    "text": TextLoader,
    "float8": FloatLoader,
    "numeric": _Number,
}


def own(text: str | bytes) -> Any:
    """Say to psycopg that this SQL is made of our own words, or was asked for by the caller."""
    return text


def _preparing(statement: Statement) -> bool | None:
    """Say what psycopg may prepare: never what begins and ends transactions, which has no parameters.

    A ``ROLLBACK`` makes psycopg forget all it has prepared; in a pipeline it forgets too much.
    """
    return None if statement.params else False


def _has_rows(cursor: psycopg.Cursor[Row] | psycopg.AsyncCursor[Row]) -> bool:
    return cursor.pgresult is not None and cursor.pgresult.status == psycopg.pq.ExecStatus.TUPLES_OK


class BlockingSession:
    """A `Session` on a `psycopg.Connection`: one of our own, which was taught, or the host's."""

    begin: tuple[Statement, ...] = (BEGIN,)
    begin_reading: tuple[Statement, ...] = (BEGIN_READING,)
    commit: tuple[Statement, ...] = (COMMIT,)

    def __init__(self, connection: psycopg.Connection[Any], *, taught: bool) -> None:
        self.connection = connection
        self._prepared = Prepared(connection) if taught else None

    def _cursor(self, kind: type[psycopg.Cursor[Any]] = psycopg.Cursor) -> psycopg.Cursor[Row]:
        cursor = kind(self.connection, row_factory=tuple_row)
        if self._prepared is None:
            teach(cursor.adapters)
        return cursor

    def _sent(self, statement: Statement) -> psycopg.Cursor[Row]:
        sql, params = statement
        if isinstance(params, Mapping):
            return self._cursor().execute(own(sql), params, prepare=_preparing(statement))
        cursor = self._cursor(psycopg.RawCursor)
        return cursor.execute(own(numbered(sql)), params, prepare=_preparing(statement))

    async def rows(self, statement: Statement) -> list[Row]:
        """See `Session.rows`."""
        prepared = self._prepared
        if prepared is not None and prepared.takes(statement):
            return self.connection.wait(prepared.rows(statement))
        cursor = self._sent(statement)
        return cursor.fetchall() if _has_rows(cursor) else []

    async def together(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """See `Session.together`."""
        with self.connection.pipeline():
            cursors = [self._sent(statement) for statement in statements]
        return [cursor.fetchall() if _has_rows(cursor) else [] for cursor in cursors]

    async def copy(self, sql: str, data: bytes) -> None:
        """See `Session.copy`."""
        with self._cursor().copy(own(sql)) as copy:
            copy.write(data)

    async def end(self) -> None:
        """See `Session.end`."""
        with suppress(psycopg.Error):
            self.connection.wait(rolled_back(self.connection.pgconn))


class AsyncSession:
    """A `Session` on a `psycopg.AsyncConnection`; see `BlockingSession`."""

    begin: tuple[Statement, ...] = (BEGIN,)
    begin_reading: tuple[Statement, ...] = (BEGIN_READING,)
    commit: tuple[Statement, ...] = (COMMIT,)

    def __init__(self, connection: psycopg.AsyncConnection[Any], *, taught: bool) -> None:
        self.connection = connection
        self._prepared = Prepared(connection) if taught else None

    def _cursor(self, kind: type[psycopg.AsyncCursor[Any]] = psycopg.AsyncCursor) -> psycopg.AsyncCursor[Row]:
        cursor = kind(self.connection, row_factory=tuple_row)
        if self._prepared is None:
            teach(cursor.adapters)
        return cursor

    async def _sent(self, statement: Statement) -> psycopg.AsyncCursor[Row]:
        sql, params = statement
        if isinstance(params, Mapping):
            return await self._cursor().execute(own(sql), params, prepare=_preparing(statement))
        cursor = self._cursor(psycopg.AsyncRawCursor)
        return await cursor.execute(own(numbered(sql)), params, prepare=_preparing(statement))

    async def rows(self, statement: Statement) -> list[Row]:
        """See `Session.rows`."""
        prepared = self._prepared
        if prepared is not None and prepared.takes(statement):
            return await self.connection.wait(prepared.rows(statement))
        cursor = await self._sent(statement)
        return await cursor.fetchall() if _has_rows(cursor) else []

    async def together(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """See `Session.together`."""
        async with self.connection.pipeline():
            cursors = [await self._sent(statement) for statement in statements]
        return [await cursor.fetchall() if _has_rows(cursor) else [] for cursor in cursors]

    async def copy(self, sql: str, data: bytes) -> None:
        """See `Session.copy`."""
        async with self._cursor().copy(own(sql)) as copy:
            await copy.write(data)

    async def end(self) -> None:
        """See `Session.end`."""
        with suppress(psycopg.Error):
            await self.connection.wait(rolled_back(self.connection.pgconn))
