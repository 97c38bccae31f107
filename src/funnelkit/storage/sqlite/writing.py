"""One commit as statements, all of it or nothing; and whose fault it is when one fails."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, cast

from funnelkit.errors import AlreadyExistsError, ConflictError, KeyReusedError, StoreError
from funnelkit.records import Placed
from funnelkit.storage import rows
from funnelkit.storage.base import KIND_OF, Commit, Kind, Write, widest
from funnelkit.storage.record_rows import place_row, step_row
from funnelkit.storage.sqlite.rollups.folding import Rollups
from funnelkit.storage.statements import INSERT, UPDATE, UPDATE_PART

__all__ = ["BEGUN", "SAVEPOINT", "TRANSACTION", "Bracket", "undo", "write"]


class Bracket(NamedTuple):
    """What stands around statements that belong together."""

    begin: str
    end: str
    undo: tuple[str, ...]


TRANSACTION = Bracket("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
"""A transaction of our own."""

SAVEPOINT = Bracket(
    "SAVEPOINT funnelkit", "RELEASE funnelkit", ("ROLLBACK TO funnelkit", "RELEASE funnelkit")
)
"""A part of somebody else's transaction; they decide about the whole."""

BEGUN = Bracket("BEGIN IMMEDIATE", "", ("ROLLBACK",))
"""The first part of a transaction that somebody else will end."""


def undo(cursor: sqlite3.Cursor, bracket: Bracket) -> None:
    """Take back what was written since the bracket began, unless SQLite has done so already."""
    if cursor.connection.in_transaction:
        for statement in bracket.undo:
            try:
                cursor.execute(statement)
            except BaseException:  # who interrupts us now must not find half a commit either
                if cursor.connection.in_transaction:
                    cursor.execute(statement)
                raise


def write(cursor: sqlite3.Cursor, commit: Commit, rollups: Rollups, bracket: Bracket = TRANSACTION) -> int:
    """Write a commit between the two ends of a bracket; return the number of rows.

    Roll-ups are brought up to date before the second end, when it is time.

    Raises:
        ConflictError, AlreadyExistsError, KeyReusedError: See `Store.commit`.
        sqlite3.Error: Anything else. Whatever is raised, nothing was written.
    """
    try:
        cursor.execute(bracket.begin)  # in here: who interrupts the wait for the lock may get it first
        _write_records(cursor, commit.writes)
        _insert_new(cursor, "move", [rows.move_row(move) for move in commit.moves])
        if commit.activities:
            _insert_new(cursor, "activity", [rows.activity_row(item) for item in commit.activities])
        if commit.attributes:
            cursor.executemany(INSERT["attribute"], [rows.attribute_row(item) for item in commit.attributes])
        cursor.executemany(INSERT["change"], [rows.change_row(change) for change in commit.changes])
        if commit.answers:
            _insert_new(cursor, "idempotency", [rows.answer_row(answer) for answer in commit.answers])
        for fingerprint, (pipeline, document) in commit.definitions.items():
            cursor.execute(_INSERT_IF_NEW["definition"], (fingerprint, pipeline, document))
        if commit.keys:
            cursor.executemany(_INSERT_IF_NEW["match_key"], [rows.match_key_row(key) for key in commit.keys])
        folded = rollups.wrote(cursor, len(commit.moves) + len(commit.attributes))
        cursor.execute(bracket.end)
    except _ClashError as clash:
        undo(cursor, bracket)
        raise clash.named() from clash.__cause__
    except BaseException:
        undo(cursor, bracket)
        raise
    return len(commit.writes) + len(commit.moves) + len(commit.changes) + len(commit.attributes) + folded


_INSERT_IF_NEW = {
    table: INSERT[table].replace("INSERT", "INSERT OR IGNORE", 1) for table in ("definition", "match_key")
}


class _ClashError(Exception):
    """Something else is there. What it is can be looked for once our own rows are gone again."""

    def __init__(self, named: Callable[[], StoreError]) -> None:
        self.named = named


def _write_records(cursor: sqlite3.Cursor, writes: Sequence[Write]) -> None:
    new: defaultdict[Kind, list[rows.Row]] = defaultdict(list)
    changed: defaultdict[Kind, list[rows.Row]] = defaultdict(list)
    part = widest(writes)  # of all alike, or a record's writes would not stay in their order
    for write in writes:
        record, expected = write.record, write.expected
        kind = KIND_OF[type(record)]
        if part != "whole":
            row = step_row(cast("Placed", record)) if part == "step" else place_row(cast("Placed", record))
            changed[kind].append((*row, record.id, expected))
            continue
        row = rows.record_row(kind, record)
        if expected:
            changed[kind].append((*row[1:], row[0], expected))
        else:
            new[kind].append(row)
    for kind, items in new.items():
        _insert_new(cursor, kind, items)
    for kind, items in changed.items():
        update = UPDATE[kind] if part == "whole" else UPDATE_PART[part][kind]
        if cursor.executemany(update, items).rowcount != len(items):
            raise _ClashError(partial(_moved_on, cursor, kind, items))


def _insert_new(cursor: sqlite3.Cursor, table: str, items: list[rows.Row]) -> None:
    try:
        cursor.executemany(INSERT[table], items)
    except sqlite3.IntegrityError as error:
        raise _ClashError(partial(_taken, cursor, table, items)) from error


# What must be unique in a table where it is not the id: its first columns.
_KEYS = {"move": ("record_id", "seq"), "idempotency": ("act_key",)}


def _taken(cursor: sqlite3.Cursor, table: str, items: Iterable[rows.Row]) -> StoreError:
    """Name the first key of ``items`` that is in the table, or stands in ``items`` twice."""
    columns = _KEYS.get(table, ("id",))
    sql = f"SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in columns)}"
    keys = [row[: len(columns)] for row in items]
    seen: set[rows.Row] = set()
    found = keys[0]  # unless whoever had the key has gone since
    for key in keys:
        if key in seen or cursor.execute(sql, key).fetchall():
            found = key
            break
        seen.add(key)
    taken = "/".join(map(str, found))
    return KeyReusedError(taken) if table == "idempotency" else AlreadyExistsError(table, taken)


def _moved_on(cursor: sqlite3.Cursor, kind: Kind, items: list[rows.Row]) -> StoreError:
    """Name the first record that was not at its expected version, the writes before it counted."""
    versions: dict[str, int] = {}
    id, expected = "", 0
    for version, *_, id, expected in items:
        if id not in versions:
            # "+": a host may convert what is declared as INTEGER, but not an expression.
            found = cursor.execute(f"SELECT +version FROM {kind} WHERE id = ?", (id,)).fetchall()
            versions[id] = found[0][0] if found else 0
        if versions[id] != expected:
            break
        versions[id] = version
    return ConflictError(kind, id, expected, versions[id])
