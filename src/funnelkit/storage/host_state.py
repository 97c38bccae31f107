"""What state the transaction of somebody else's connection is in."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import Any, Literal, NoReturn

__all__ = ["has_begun", "state_of"]


def state_of(connection: Any) -> Literal["idle", "open", "closed"]:
    """Return whether a connection of sqlite3 or psycopg has something to commit or roll back."""
    try:
        begun = has_begun(connection)
    except sqlite3.ProgrammingError:
        return "closed"
    if getattr(connection, "closed", False):
        return "closed"
    if begun and getattr(connection, "autocommit", None) is False and _is_sqlite(connection):
        begun = _is_writing(connection)  # it always says that it is in a transaction
    return "open" if begun else "idle"


def has_begun(connection: Any) -> bool:
    """Return what a connection says itself: that it is in a transaction."""
    if _is_sqlite(connection):
        return bool(connection.in_transaction)
    return bool(connection.info.transaction_status)  # 0 is IDLE


def _is_sqlite(connection: object) -> bool:
    return isinstance(connection, sqlite3.Connection)


class _StopError(Exception):
    """Enough was seen."""


def _is_writing(connection: sqlite3.Connection) -> bool:
    """Ask for a backup: SQLite copies no page while the connection has written something uncommitted."""
    states: list[int] = []

    def look(state: int, _remaining: int, _total: int) -> NoReturn:
        states.append(state)
        raise _StopError

    with closing(sqlite3.connect(":memory:")) as nowhere, suppress(_StopError):
        connection.backup(nowhere, pages=1, progress=look)
    return states == [sqlite3.SQLITE_BUSY]
