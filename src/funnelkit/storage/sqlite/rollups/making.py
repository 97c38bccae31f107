"""Roll-ups made and dropped."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from functools import partial

from funnelkit.clock import EPOCH
from funnelkit.errors import InputError, shown
from funnelkit.progress import Progress
from funnelkit.storage.sqlite.migrations import statements
from funnelkit.storage.sqlite.rollups.folding import are_kept, fold
from funnelkit.storage.sqlite.rollups.numbers import number_of
from funnelkit.storage.sqlite.rollups.texts import compose

__all__ = ["drop", "keep"]

_AT_ONCE = 100_000
"""Moves folded in one transaction while the roll-ups are made: a second or so, in which writers wait."""

_PAUSE = 0.1  # seconds; SQLite lets those who wait try again at least as often

_LAST = "SELECT COALESCE(MAX(position), 0) FROM move"

_YEARS = range(1990, 2080)
"""Whose days have sums of their own; all that was before is one span, all that will be after another."""

_TABLES = ("", "_day", "_group", "_what", "_cell")


def keep(connection: sqlite3.Connection, zone: tzinfo, show: Progress, wrote: Callable[[int], None]) -> None:
    """Make the tables unless they are there, and fold the ledger into them as it is now, part by part.

    Args:
        connection: One of a store's own, with no transaction open.
        zone: Of the days.
        show: Told how many moves are folded, and how many there are.
        wrote: Told how many rows each part has written.
    """
    cursor = connection.cursor()
    ((goal,),) = cursor.execute(_LAST).fetchall()  # who writes meanwhile folds what he writes
    done = -1
    while done < goal and (written := _in_turn(cursor, partial(_part, zone))):
        wrote(written)
        ((done, moves),) = cursor.execute(f"SELECT moves, ({_LAST}) FROM funnelkit_rollup").fetchall()
        show(done, moves)
        time.sleep(_PAUSE if done < goal else 0)


def drop(connection: sqlite3.Connection) -> None:
    """Drop the tables, if they are there."""
    _in_turn(connection.cursor(), _dropped)


def _part(zone: tzinfo, cursor: sqlite3.Cursor) -> int:
    """Make the tables, or fold a part; return how many rows that wrote, 0 when there is nothing to fold."""
    if not are_kept(cursor):
        return _made(cursor, zone)
    ((kept,),) = cursor.execute("SELECT zone FROM funnelkit_rollup").fetchall()
    if kept != str(zone):
        raise InputError("zone", f"the roll-ups are kept by days of {shown(kept)}", "drop them first")
    return fold(cursor, _AT_ONCE)


def _in_turn(cursor: sqlite3.Cursor, act: Callable[[sqlite3.Cursor], int]) -> int:
    """Do something in a transaction of its own; return what it returns."""
    cursor.execute("BEGIN IMMEDIATE")
    try:
        done = act(cursor)
        cursor.execute("COMMIT")
    except BaseException:
        if cursor.connection.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    return done


def _made(cursor: sqlite3.Cursor, zone: tzinfo) -> int:
    for statement in statements(compose("tables")):
        cursor.execute(statement)
    days = list(_days(zone))
    cursor.executemany("INSERT OR IGNORE INTO funnelkit_rollup_day VALUES (?, ?)", days)
    made = secrets.token_hex(8)
    cursor.execute("INSERT INTO funnelkit_rollup VALUES (?, ?, 0, 0, 0)", (made, str(zone)))
    return len(days)


def _dropped(cursor: sqlite3.Cursor) -> int:
    for table in _TABLES:
        cursor.execute(f"DROP TABLE IF EXISTS funnelkit_rollup{table}")
    return 0


def _days(zone: tzinfo) -> Iterator[tuple[int, int]]:
    """Yield when each day begins, and its number; the first one is all the time before the others."""
    yield 0, 0
    day = date(_YEARS[0], 1, 1)
    while day.year in _YEARS:
        midnight = datetime.combine(day, datetime.min.time(), zone)
        yield (midnight - EPOCH) // timedelta(microseconds=1), number_of(day)
        day += timedelta(days=1)
