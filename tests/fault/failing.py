"""A SQLite store in which a statement of our choice fails: number n of those to come, or the end of one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from funnelkit import SQLiteStore

__all__ = ["FailingStore", "io_error"]


def io_error() -> sqlite3.OperationalError:
    """Return what the library raises when the disk fails."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR"
    return error


class _Plan:
    """Which statement is to fail; each row of a list of rows is one."""

    def __init__(self) -> None:
        self.run = 0
        self.fails_at = 0
        self.fails_after = ""
        self.fails_before = ""
        self.error: Callable[[], BaseException] = io_error

    def before(self, sql: str) -> None:
        self.run += 1
        if self.run == self.fails_at:
            raise self.error()
        if self.fails_before and sql.startswith(self.fails_before):
            self.fails_before = ""
            raise self.error()

    def after(self, sql: str) -> None:
        if self.fails_after and sql.startswith(self.fails_after):
            self.fails_after = ""
            raise self.error()


class _Cursor(sqlite3.Cursor):
    def __init__(self, plan: _Plan, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._plan = plan

    def execute(self, sql: str, parameters: Any = ()) -> _Cursor:
        self._plan.before(sql)
        super().execute(sql, parameters)
        self._plan.after(sql)
        return self

    def executemany(self, sql: str, rows: Iterable[Any]) -> _Cursor:
        super().executemany(sql, self._counted(sql, rows))
        return self

    def _counted(self, sql: str, rows: Iterable[Any]) -> Iterator[Any]:
        for row in rows:
            self._plan.before(sql)
            yield row


class _Connection(sqlite3.Connection):
    plan: _Plan

    def cursor(self, *_: Any) -> Any:
        return super().cursor(partial(_Cursor, self.plan))  # type: ignore[arg-type]

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Any]) -> Any:
        return self.cursor().executemany(sql, rows)


class FailingStore(SQLiteStore):
    """The real store, whose statements fail when they are told to.

    Attributes:
        plan: What is to fail. Counting begins anew with `fail`.
    """

    def __init__(self, path: Path) -> None:
        self.plan = _Plan()
        super().__init__(path, durability="fast")

    @property
    def connection(self) -> sqlite3.Connection:
        """The one of this thread that verbs use."""
        return self._connection()

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        connection.plan = self.plan
        return connection

    def fail(self, number: int, error: Callable[[], BaseException] = io_error) -> None:
        """Let statement ``number`` from here on fail, before it does anything; 0 for none."""
        self.plan.run, self.plan.fails_at, self.plan.error = 0, number, error

    def fail_after(self, sql: str, error: Callable[[], BaseException] = io_error) -> None:
        """Let the next statement that begins so fail once it has done its work; ``""`` for none."""
        self.plan.fails_after, self.plan.error = sql, error
