"""The tail, folded into the sums: now and then inside of a commit, or all of it when they are made."""

from __future__ import annotations

import sqlite3
from functools import cache

from funnelkit.storage.sqlite.rollups.cells import Cells, days_of
from funnelkit.storage.sqlite.rollups.numbers import KINDS
from funnelkit.storage.sqlite.rollups.texts import compose, lived, rows

__all__ = ["EVERY", "KEPT", "Rollups", "are_kept", "fold", "tail", "weight"]

EVERY = 1_024
"""How long the tail may get, in moves: the longer, the cheaper a move and the slower a reader."""

_LOOK = 128
"""After how many rows a writer looks again how long it is."""

_AT_ONCE = 4 * EVERY
"""So many moves at most are folded in a commit, when a tail is very long; the others in the next ones."""

_EDIT = 8
"""What was edited has to be looked at closely, so it weighs as much as so many moves."""

KEPT = "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'funnelkit_rollup'"
_TAIL = """
SELECT +made, (SELECT COALESCE(MAX(position), 0) FROM move) - moves,
  (SELECT COUNT(*) FROM attribute NOT INDEXED
    WHERE position > fields AND field_name IN ('owner', 'source', 'value'))
FROM funnelkit_rollup
"""
_ENDS = """
SELECT (SELECT COALESCE(MAX(position), 0) FROM move), (SELECT COALESCE(MAX(position), 0) FROM attribute),
  +moves, +fields
FROM funnelkit_rollup
"""
_FOLDED = """
UPDATE funnelkit_rollup SET moves = :moves_to, fields = :fields_to, newest_us = MAX(
  newest_us,
  (SELECT COALESCE(MAX(moved_us), 0) FROM move NOT INDEXED
    WHERE position > moves AND position <= :moves_to),
  (SELECT COALESCE(MAX(since_us), 0) FROM attribute NOT INDEXED
    WHERE position > fields AND position <= :fields_to)
)
"""
_PLAIN = -1


class Rollups:
    """What a writer knows of roll-ups: that it is time to look whether the tail is long.

    It looks at its first commit, too, for many processes write little and end.
    """

    def __init__(self) -> None:
        self._left = 0

    def wrote(self, cursor: sqlite3.Cursor, rows: int) -> int:
        """Count rows of a commit that is not at its end; fold when it is time. Return the rows written."""
        self._left -= rows
        if self._left > 0 or not rows:
            return 0
        self._left = min(_LOOK, EVERY)
        if not are_kept(cursor):
            return 0
        _, moves, edits = tail(cursor)
        return fold(cursor, _AT_ONCE) if weight(moves, edits) >= EVERY else 0


def are_kept(cursor: sqlite3.Cursor | sqlite3.Connection) -> bool:
    """Whether the database has roll-ups."""
    return bool(cursor.execute(KEPT).fetchall())


def tail(cursor: sqlite3.Cursor | sqlite3.Connection) -> tuple[str, int, int]:
    """Return which roll-ups these are, and the moves and the edits that they do not know yet."""
    ((made, moves, edits),) = cursor.execute(_TAIL).fetchall()
    return made, moves, edits


def weight(moves: int, edits: int) -> int:
    """Return how long a tail is to read, in moves.

    >>> weight(moves=100, edits=2)
    116
    """
    return moves + edits * _EDIT


def fold(cursor: sqlite3.Cursor, most: int) -> int:
    """Add the first ``most`` moves of the tail to the sums, and all edits; return the rows written.

    Part of the transaction that is open. Edits are always all taken in: a move carries what was edited
    before it. When numbers are used up nothing is folded any more; readers notice that the tail is long.
    """
    ((last_move, last_field, moves, fields),) = cursor.execute(_ENDS).fetchall()
    upto = {"moves_to": min(last_move, moves + most), "fields_to": last_field}
    if tuple(upto.values()) == (moves, fields):
        return 0
    cells = Cells(cursor, days_of(cursor))
    for number, *said, owner, source, at_us, one, two in cursor.execute(_text(), upto).fetchall():
        if number == _PLAIN:
            cells.add_row(tuple(said), (owner, source), at_us, one, two)
        else:
            cells.add(KINDS[number], tuple(said[:6]), (owner, source), at_us, (one, two))
    if cells.are_too_many:
        return 0
    cursor.execute(_FOLDED, upto)
    return cells.write() + 1


@cache
def _text() -> str:
    kinds = (compose("of_kind", number=str(n), facts=lived(kind)) for n, kind in enumerate(KINDS))
    return compose("fold", rows=rows(), facts=" UNION ALL ".join(kinds))
