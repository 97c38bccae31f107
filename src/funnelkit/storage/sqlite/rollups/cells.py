"""Facts on their way into the cells: whose, of which day, and under which number."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

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

__all__ = ["Cells", "Days", "days_of"]

Whose = tuple[str, str]
"""Owner and source."""

_GROUP = "INSERT INTO funnelkit_rollup_group (owner, source) VALUES (?, ?)"
_WHAT = "INSERT INTO funnelkit_rollup_what VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD = """
INSERT INTO funnelkit_rollup_cell VALUES (?, ?, ?)
ON CONFLICT (cell) DO UPDATE SET records = records + excluded.records, total = total + excluded.total
"""
_GROUP_OF = "SELECT +id FROM funnelkit_rollup_group WHERE owner IS ? AND source IS ?"
_ALL_WHATS = "SELECT +pipeline, +a, +b, +c, +d, +currency, +id FROM funnelkit_rollup_what"
_ALL_DAYS = "SELECT +start_us, +day FROM funnelkit_rollup_day ORDER BY start_us"

_PLACES = {
    kind: tuple((n, EACH.index(level)) for n, cut in enumerate(CUTS) for level in LEVELS[kind][cut])
    for kind in KINDS
}
"""Kind → numbers of a cut and of a level of each cell that a fact belongs to."""


class Days(NamedTuple):
    """When days begin, and their numbers."""

    starts: Sequence[int]
    numbers: Sequence[int]

    def of(self, instant: int) -> int:
        """Return the day that an instant is in.

        >>> Days([0, 86_400_000_000], [0, 1]).of(86_399_999_999)
        0
        """
        return self.numbers[bisect_right(self.starts, instant) - 1]


_known_days: dict[str, Days] = {}


def days_of(cursor: sqlite3.Cursor) -> Days:
    """Return the days of the roll-ups; they stay the same as long as those do."""
    ((made,),) = cursor.execute("SELECT +made FROM funnelkit_rollup").fetchall()
    days = _known_days.get(made)
    if days is None:
        found = cursor.execute(_ALL_DAYS).fetchall()
        _known_days.clear()  # those of one file are enough
        days = _known_days[made] = Days([start for start, _ in found], [number for _, number in found])
    return days


class Cells:
    """Sums that are yet to be added to those in the file."""

    def __init__(self, cursor: sqlite3.Cursor, days: Days) -> None:
        self._names = _Names(cursor)
        self._days = days
        self._steps: dict[tuple[str, ...], list[tuple[Kind, int, int, int]]] = {}
        self._facts: defaultdict[tuple[Kind, int, Whose, int], list[int]] = defaultdict(lambda: [0, 0])
        self._records: Counter[int] = Counter()
        self._known: dict[tuple[Kind, Whose, int], list[int]] = {}

    def add_row(
        self, step: tuple[str, ...], whose: Whose, created_us: int, moved_us: int, amount: int
    ) -> None:
        """Add what a row tells that speaks for itself."""
        facts = self._steps.get(step)
        if facts is None:
            facts = self._steps[step] = self._numbered(Step(*step))
        born = self._days.of(created_us)
        for kind, what, sign, share in facts:
            if kind == "moves":  # most facts are, few of them are alike, and they have no value
                self._records.update([start + what for start in self._starts(kind, whose, born)])
                continue
            day = born if kind == "lifts" else self._days.of(moved_us) if kind == "closings" else 0
            both = self._facts[kind, what, whose, day]
            both[0] += sign
            both[1] += share * amount

    def add(self, kind: Kind, told: Told, whose: Whose, at_us: int, both: Sequence[int]) -> None:
        """Add records, and what they are worth."""
        sums = self._facts[kind, self._names.what(kind, told), whose, self._days.of(at_us)]
        for n, more in enumerate(both):
            sums[n] += more

    @property
    def are_too_many(self) -> bool:
        """Whether there are more groups or things to count than there are numbers for."""
        return self._names.are_used_up

    def write(self) -> int:
        """Write the cells in their order, in which many of them lie side by side; return how many."""
        sums: dict[int, int] = dict(self._records)  # a counter is slow to be added to one by one
        totals: dict[int, int] = {}
        for (kind, what, whose, day), (records, total) in self._facts.items():
            for start in self._starts(kind, whose, day) if records or total else ():
                number = start + what
                sums[number] = sums.get(number, 0) + records
                if total:
                    totals[number] = totals.get(number, 0) + total
        changed = [
            (number, sums[number], totals.get(number, 0))
            for number in sorted(sums)
            if sums[number] or totals.get(number)
        ]
        return self._names.cursor.executemany(_ADD, changed).rowcount if changed else 0

    def _numbered(self, step: Step) -> list[tuple[Kind, int, int, int]]:
        """Return kind, number, sign and share of the amount of what a row tells."""
        return [
            (kind, self._names.what(kind, told), sign, sign if priced else 0)
            for kind, told, sign, priced in facts_of(step)
        ]

    def _starts(self, kind: Kind, whose: Whose, day: int) -> list[int]:
        """Return where the cells begin that something of somebody and of a day belongs to."""
        place = kind, whose, day
        starts = self._known.get(place)
        if starts is None:
            groups, spans = self._names.groups(whose), spans_of(day)
            starts = self._known[place] = [groups[cut] + spans[level] for cut, level in _PLACES[kind]]
        return starts


class _Names:
    """The numbers of groups, and of what is summed; who has none gets one."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.cursor = cursor
        self._ids: dict[tuple[str | None, str | None], int] = {}
        whats = cursor.execute(_ALL_WHATS).fetchall()
        self._whats = {(KINDS[row[6] // WHATS_OF_KIND], row[:6]): row[6] for row in whats}
        self._taken = Counter(kind for kind, _ in self._whats)
        self._groups: dict[Whose, tuple[int, ...]] = {}

    def groups(self, whose: Whose) -> tuple[int, ...]:
        """Return where the cells of everybody begin, of an owner, of a source, and of both."""
        known = self._groups.get(whose)
        if known is None:
            owner, source = whose
            cuts = ((None, None), (owner, None), (None, source), (owner, source))
            known = self._groups[whose] = tuple(self._id(*cut) * SPANS * WHATS for cut in cuts)
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
        return (
            max(self._ids.values(), default=0) >= GROUPS
            or max(self._taken.values(), default=0) >= WHATS_OF_KIND
        )

    def _id(self, owner: str | None, source: str | None) -> int:
        number = self._ids.get((owner, source))
        if number is None:
            found = self.cursor.execute(_GROUP_OF, (owner, source)).fetchall()
            number = found[0][0] if found else self.cursor.execute(_GROUP, (owner, source)).lastrowid or 0
            self._ids[owner, source] = number
        return number
