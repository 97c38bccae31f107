"""One SELECT for somebody else: it reads, whatever it says."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from funnelkit.errors import InputError
from funnelkit.storage.base import check_select
from funnelkit.storage.sqlite.failing import undecodable

__all__ = ["select"]

_CALLERS = ("SQLITE_ERROR", "SQLITE_READONLY", "SQLITE_MISUSE", "SQLITE_TOOBIG")


def select(
    connection: sqlite3.Connection | sqlite3.Cursor, sql: str, params: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Run one SELECT and return its rows; what would write is refused by the database itself.

    Raises:
        InputError: The SQL or a parameter cannot be used; the message has the driver's own words.
        sqlite3.Error: Anything that is not the caller's fault.
    """
    check_select(sql)
    before = connection.execute("PRAGMA query_only").fetchall()[0][0]  # a host may have its own
    set_back = f"PRAGMA query_only = {before}"
    try:
        connection.execute("PRAGMA query_only = ON")
        return connection.execute(sql, params).fetchall()
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as error:
        name = getattr(error, "sqlite_errorname", None)
        if name.startswith(_CALLERS) if name else not undecodable(error):
            fix = "give one SELECT over the tables of the schema"
            raise InputError("sql", str(error)[:200], fix) from error
        raise
    finally:
        try:
            connection.execute(set_back)
        except BaseException:  # whatever came between, the connection must be able to write again
            connection.execute(set_back)
            raise
