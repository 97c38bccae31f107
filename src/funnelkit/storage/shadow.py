"""A private SQLite copy of a store that is not SQL itself, so that metrics can run as SQL on it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from funnelkit.records import Record
from funnelkit.storage.base import Kind
from funnelkit.storage.rows import (
    Row,
    activity_row,
    answer_row,
    attribute_row,
    change_row,
    match_key_row,
    move_row,
    record_row,
)

__all__ = ["Shadow"]


class Shadow:
    """An in-memory SQLite database that follows append-only lists and replaced records."""

    def __init__(self) -> None:
        import sqlite3

        from funnelkit.storage.sqlite.selecting import select
        from funnelkit.storage.statements import INSERT, REPLACE, schema

        self._insert, self._replace, self._select = INSERT, REPLACE, select
        # The store that owns this copy lets one thread in at a time.
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._connection.close)
        self._connection.executescript(schema())
        self._copied: dict[str, int] = {}

    def update(self, records: Iterable[tuple[Kind, Record]], **logs: Collection[Any]) -> None:
        """Bring the copy up to date.

        Args:
            records: Those that changed; they take the place of what is there.
            logs: Table → everything it holds, oldest first; what is new at the end is appended. The
                same tables each time.
        """
        before = self._copied
        try:
            self._connection.execute("BEGIN")
            for kind, record in records:
                self._connection.execute(self._replace[kind], record_row(kind, record))
            for table, items in logs.items():
                fresh = islice(items, before.get(table, 0), None)
                self._connection.executemany(self._insert[table], map(_ROWS[table], fresh))
            self._copied = {table: len(items) for table, items in logs.items()}
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # who was interrupted may ask again
                self._connection.execute("ROLLBACK")
                self._copied = before
            raise

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT."""
        return self._select(self._connection, sql, params)

    def close(self) -> None:
        """Drop the copy."""
        self._connection.close()


_ROWS: dict[str, Callable[[Any], Row]] = {
    "move": move_row,
    "activity": activity_row,
    "attribute": attribute_row,
    "change": change_row,
    "idempotency": answer_row,
    "definition": lambda item: (item[0], *item[1]),
    "match_key": match_key_row,
}
