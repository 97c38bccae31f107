"""One commit as statements, inside a transaction that is open; and whose fault it is when one fails."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import NoReturn

from funnelkit.errors import AlreadyExistsError, ConflictError, KeyReusedError
from funnelkit.storage import rows
from funnelkit.storage.base import KIND_OF, Commit, Kind, Write
from funnelkit.storage.statements import INSERT, UPDATE

__all__ = ["write"]


def write(connection: sqlite3.Connection, commit: Commit) -> int:
    """Write a commit inside the open transaction; return the number of rows."""
    _write_records(connection, commit.writes)
    _insert_new(connection, "move", [rows.move_row(move) for move in commit.moves])
    if commit.activities:
        _insert_new(connection, "activity", [rows.activity_row(item) for item in commit.activities])
    if commit.attributes:
        connection.executemany(INSERT["attribute"], [rows.attribute_row(item) for item in commit.attributes])
    connection.executemany(INSERT["change"], [rows.change_row(change) for change in commit.changes])
    if commit.answers:
        _insert_new(connection, "idempotency", [rows.answer_row(answer) for answer in commit.answers])
    for fingerprint, (pipeline, document) in commit.definitions.items():
        connection.execute(
            INSERT["definition"].replace("INSERT", "INSERT OR IGNORE", 1), (fingerprint, pipeline, document)
        )
    return len(commit.writes) + len(commit.moves) + len(commit.changes) + len(commit.attributes)


def _write_records(connection: sqlite3.Connection, writes: Iterable[Write]) -> None:
    new: defaultdict[Kind, list[rows.Row]] = defaultdict(list)
    changed: defaultdict[Kind, list[rows.Row]] = defaultdict(list)
    for write in writes:
        kind = KIND_OF[type(write.record)]
        row = rows.record_row(kind, write.record)
        if write.expected:
            changed[kind].append((*row[1:], row[0], write.expected))
        else:
            new[kind].append(row)
    for kind, items in new.items():
        _insert_new(connection, kind, items)
    for kind, items in changed.items():
        if connection.executemany(UPDATE[kind], items).rowcount != len(items):
            _conflict(connection, kind, items)


def _insert_new(connection: sqlite3.Connection, table: str, items: list[rows.Row]) -> None:
    try:
        connection.executemany(INSERT[table], items)
    except sqlite3.IntegrityError as error:
        # Rows of this commit that did get in are undone by the rollback; look for the one that was there.
        connection.execute("ROLLBACK")
        taken = "/".join(map(str, _taken(connection, table, items)))
        raise (
            KeyReusedError(taken) if table == "idempotency" else AlreadyExistsError(table, taken)
        ) from error


# What must be unique in a table where it is not the id: its first columns.
_KEYS = {"move": ("record_id", "seq"), "idempotency": ("act_key",)}


def _taken(connection: sqlite3.Connection, table: str, items: Iterable[rows.Row]) -> rows.Row:
    """Return the first key of ``items`` that is in the table, or stands in ``items`` twice."""
    columns = _KEYS.get(table, ("id",))
    sql = f"SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in columns)}"
    keys = [row[: len(columns)] for row in items]
    seen: set[rows.Row] = set()
    for key in keys:
        if key in seen or connection.execute(sql, key).fetchall():
            return key
        seen.add(key)
    return keys[0]  # whoever had it has gone since


def _conflict(connection: sqlite3.Connection, kind: Kind, items: list[rows.Row]) -> NoReturn:
    """Name the record that was not at its expected version."""
    connection.execute("ROLLBACK")
    for *_, id, expected in items:
        found = connection.execute(f"SELECT version FROM {kind} WHERE id = ?", (id,)).fetchall()
        actual = found[0][0] if found else 0
        if actual != expected:
            raise ConflictError(kind, id, expected, actual)
    version, *_, id, expected = items[-1]  # nobody else: one record, written twice in the same commit
    raise ConflictError(kind, id, expected, version)
