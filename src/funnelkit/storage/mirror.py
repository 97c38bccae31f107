"""A private SQLite copy of a store that is not SQL itself, so that metrics can run as SQL on it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from funnelkit.records import Move, Record
from funnelkit.storage.base import Attribute, Kind
from funnelkit.storage.rows import attribute_row, move_row, record_row

__all__ = ["Mirror"]


class Mirror:
    """An in-memory SQLite database that follows append-only lists and replaced records."""

    def __init__(self) -> None:
        import sqlite3

        from funnelkit.storage.selecting import select
        from funnelkit.storage.statements import INSERT, REPLACE, schema

        self._insert, self._replace, self._select = INSERT, REPLACE, select
        # The store that owns this copy lets one thread in at a time.
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._connection.close)
        self._connection.executescript(schema())
        self._moves = 0
        self._attributes = 0

    def update(
        self,
        *,
        records: Iterable[tuple[Kind, Record]],
        moves: Sequence[Move],
        attributes: Sequence[Attribute],
    ) -> None:
        """Bring the copy up to date: changed records replaced, new list items appended."""
        self._connection.execute("BEGIN")
        for kind, record in records:
            self._connection.execute(self._replace[kind], record_row(kind, record))
        self._connection.executemany(self._insert["move"], (move_row(move) for move in moves[self._moves :]))
        self._connection.executemany(
            self._insert["attribute"], (attribute_row(item) for item in attributes[self._attributes :])
        )
        self._connection.execute("COMMIT")
        self._moves, self._attributes = len(moves), len(attributes)

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT."""
        return self._select(self._connection, sql, params)

    def close(self) -> None:
        """Drop the copy."""
        self._connection.close()
