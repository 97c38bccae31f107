"""Whether the file of a store is sound: its pages, its indexes, its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from funnelkit.storage.rows import COLUMNS

__all__ = ["problems"]

_AT_MOST = 100


def problems(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return what is wrong with a file, as sentences; empty when it is sound.

    Args:
        connection: A new one, that has read no page yet: it reads what is in the file now.
    """
    return (*_damage(connection), *_structure(connection))


def _damage(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        for (said,) in connection.execute(f"PRAGMA integrity_check({_AT_MOST})").fetchall():
            if said != "ok":
                yield from said.splitlines()
    except sqlite3.DatabaseError as error:
        yield f"the file cannot be read: {error}"


def _structure(connection: sqlite3.Connection) -> Iterator[str]:
    """Tell of tables and columns that are not there."""
    for table, columns in COLUMNS.items():
        try:
            there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})").fetchall()}
        except sqlite3.DatabaseError:
            return  # the damage has been told
        if not there:
            yield f"table {table} is missing"
        elif missing := [column for column in columns if column not in there]:
            yield f"table {table} has no column {', '.join(missing)}"
