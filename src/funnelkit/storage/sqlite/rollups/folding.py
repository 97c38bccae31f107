"""The tail, folded into the sums: now and then inside of a commit, or all of it when they are made."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter, defaultdict
from functools import cache

from funnelkit.storage.sqlite.rollups.facts import Step, Told, facts_of
from funnelkit.storage.sqlite.rollups.numbers import (
    CUTS,
    EACH,
    GROUPS,
    KINDS,
    LEVELS,
    SPANS,
    WHATS,
    WHATS_OF_KIND,
    Kind,
    spans_of,
)
from funnelkit.storage.sqlite.rollups.texts import compose, lived, rows

__all__ = ["EVERY", "KEPT", "Rollups", "are_kept", "fold", "tail", "weight"]

EVERY = 4_096
"""How long the tail may get: the longer, the cheaper a move and the slower a reader."""

_LOOK = 256
"""After how many rows a writer looks again how long it is."""

_AT_ONCE = 4 * EVERY
"""So many moves at most are folded in a commit, when a tail is very long; the others in the next ones."""

_EDITED = "field_name IN ('owner', 'source', 'value')"
_EDIT = 8
"""An edit tells of a whole life, so it weighs as much as so many moves."""

KEPT = "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'funnelkit_rollup'"
_TAIL = f"""
SELECT +made, (SELECT COALESCE(MAX(position), 0) FROM move) - moves,
  (SELECT COUNT(*) FROM attribute NOT INDEXED WHERE position > fields AND {_EDITED})
FROM funnelkit_rollup
"""
_ENDS = """
SELECT (SELECT MAX(position) FROM move), (SELECT MAX(position) FROM attribute), +moves, +fields
FROM funnelkit_rollup
"""
_FOLDED = """
UPDATE funnelkit_rollup SET moves = :moves_to, fields = :fields_to, newest_us = MAX(
  newest_us,
  (SELECT COALESCE(MAX(moved_us), 0) FROM move NOT INDEXED WHERE position > moves AND position <= :moves_to),
  (SELECT COALESCE(MAX(since_us), 0) FROM attribute NOT INDEXED WHERE position > fields AND position <= :fields_to)
)
"""
_GROUP = "INSERT INTO funnelkit_rollup_group (owner, source) VALUES (?, ?)"
_WHAT = "INSERT INTO funnelkit_rollup_what VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD = """
INSERT INTO funnelkit_rollup_cell VALUES (?, ?, ?)
ON CONFLICT (cell) DO UPDATE SET records = records + excluded.records, total = total + excluded.total
"""


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
    """Return how long a tail is to read, in moves."""
    return moves + edits * _EDIT


def fold(cursor: sqlite3.Cursor, most: int | None = None) -> int:
    """Add the tail, or the first ``most`` moves of it, to the sums; return the number of rows written.

    Part of the transaction that is open. When the numbers are used up nothing is folded any more, and
    readers will notice that the tail is long.
    """
    ((last_move, last_field, moves, fields),) = cursor.execute(_ENDS).fetchall()
    moves_to = min(last_move or 0, moves + most) if most else last_move or 0
    upto = {"moves_to": moves_to, "fields_to": last_field or 0}
    if (moves_to, upto["fields_to"]) == (moves, fields):
        return 0
    cells = _Cells(cursor, _days(cursor))
    for number, *said, owner, source, at_us, one, two in cursor.execute(_text(), upto).fetchall():
        if number == _PLAIN:
            cells.add_row(tuple(said), owner, source, at_us, one, two)
        else:
            cells.add(KINDS[number], tuple(said[:6]), owner, source, at_us, one, two)
    if cells.are_too_many:
        return 0
    cursor.execute(_FOLDED, upto)
    return cells.write() + 1


Days = tuple[list[int], list[int]]
"""When each day begins, and its number."""

_known_days: dict[str, Days] = {}


def _days(cursor: sqlite3.Cursor) -> Days:
    """Return the days; they stay the same as long as the roll-ups do."""
    ((made,),) = cursor.execute("SELECT +made FROM funnelkit_rollup").fetchall()
    days = _known_days.get(made)
    if days is None:
        _known_days.clear()  # of one file is enough
        found = cursor.execute("SELECT +start_us, +day FROM funnelkit_rollup_day ORDER BY start_us").fetchall()
        days = _known_days[made] = [start for start, _ in found], [number for _, number in found]
    return days


_PLAIN = -1


@cache
def _text() -> str:
    kinds = (compose("of_kind", number=str(n), facts=lived(kind)) for n, kind in enumerate(KINDS))
    return compose("fold", rows=rows(), facts=" UNION ALL ".join(kinds))


_PLACES = {
    kind: tuple((n, EACH.index(level)) for n, cut in enumerate(CUTS) for level in LEVELS[kind][cut])
    for kind in KINDS
}
"""Kind → numbers of a cut and of a level of each cell that a fact belongs to."""

class _Cells:
    """Sums that are yet to be added to those in the file."""

    def __init__(self, cursor: sqlite3.Cursor, days: Days) -> None:
        self._names = _Names(cursor)
        self._starts_of_days, self._days = days
        self._steps: dict[tuple[str, ...], list[tuple[Kind, int, int, int]]] = {}
        self._here: defaultdict[tuple[Kind, int, str, str, int], list[int]] = defaultdict(lambda: [0, 0])
        self._records: Counter[int] = Counter()
        self._totals: Counter[int] = Counter()

    def add_row(
        self, step: tuple[str, ...], owner: str, source: str, created_us: int, moved_us: int, amount: int
    ) -> None:
        """Add what a plain row tells."""
        facts = self._steps.get(step)
        if facts is None:
            facts = self._steps[step] = [
                (fact.kind, self._names.what(fact.kind, fact.told), fact.sign, fact.sign if fact.priced else 0)
                for fact in facts_of(Step(*step))
            ]
        born = self._day(created_us)
        for kind, what, sign, share in facts:
            if kind == "moves":  # of which there are most, and which are seldom alike
                self._records.update([start + what for start in self._starts(kind, owner, source, born)])
                continue
            day = born
            if kind != "lifts":
                day = self._day(moved_us) if kind == "closings" else 0
            both = self._here[kind, what, owner, source, day]
            both[0] += sign
            both[1] += share * amount

    def add(
        self, kind: Kind, told: Told, owner: str, source: str, at_us: int, records: int, total: int
    ) -> None:
        """Add records of somebody and of an instant."""
        both = self._here[kind, self._names.what(kind, told), owner, source, self._day(at_us)]
        both[0] += records
        both[1] += total

    def _day(self, instant: int) -> int:
        return self._days[bisect_right(self._starts_of_days, instant) - 1]

    def _starts(self, kind: Kind, owner: str, source: str, day: int) -> list[int]:
        """Return where all cells begin that something belongs to."""
        groups, spans = self._names.groups(owner, source), spans_of(day)
        return [groups[cut] + spans[level] for cut, level in _PLACES[kind]]

    def write(self) -> int:
        """Write the cells in their order, in which most of them lie side by side; return how many."""
        sums, totals = self._records, self._totals
        for (kind, what, *place), (records, total) in self._here.items():
            for start in self._starts(kind, *place) if records or total else ():
                sums[start + what] += records
                totals[start + what] += total
        changed = [
            (number, sums[number], totals[number])
            for number in sorted(sums)
            if sums[number] or totals[number]
        ]
        return self._names.cursor.executemany(_ADD, changed).rowcount if changed else 0

    @property
    def are_too_many(self) -> bool:
        """Whether there are more groups or things to count than there are numbers for."""
        return self._names.are_used_up


class _Names:
    """The numbers of groups, and of what is summed; who has none gets one."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.cursor = cursor
        groups = cursor.execute("SELECT +owner, +source, +id FROM funnelkit_rollup_group").fetchall()
        self._ids: dict[tuple[str | None, str | None], int] = {row[:2]: row[2] for row in groups}
        whats = cursor.execute(
            "SELECT +pipeline, +a, +b, +c, +d, +currency, +id FROM funnelkit_rollup_what"
        ).fetchall()
        self._whats = {(KINDS[row[6] // WHATS_OF_KIND], row[:6]): row[6] for row in whats}
        self._taken = Counter(kind for kind, _ in self._whats)
        self._groups: dict[tuple[str, str], tuple[int, ...]] = {}

    def groups(self, owner: str, source: str) -> tuple[int, ...]:
        """Return where the cells of everybody begin, of an owner, of a source, and of both."""
        known = self._groups.get((owner, source))
        if known is None:
            cuts = ((None, None), (owner, None), (None, source), (owner, source))
            known = self._groups[owner, source] = tuple(self._id(*cut) * SPANS * WHATS for cut in cuts)
        return known

    def what(self, kind: Kind, told: Told) -> int:
        """Return the number of what is summed."""
        number = self._whats.get((kind, told))
        if number is None:
            number = self._whats[kind, told] = KINDS.index(kind) * WHATS_OF_KIND + self._taken[kind]
            self._taken[kind] += 1
            self.cursor.execute(_WHAT, (number, *told))
        return number

    @property
    def are_used_up(self) -> bool:
        """Whether there are more names than numbers."""
        return len(self._ids) >= GROUPS or max(self._taken.values(), default=0) >= WHATS_OF_KIND

    def _id(self, owner: str | None, source: str | None) -> int:
        number = self._ids.get((owner, source))
        if number is None:
            number = self.cursor.execute(_GROUP, (owner, source)).lastrowid or 0
            self._ids[owner, source] = number
        return number
