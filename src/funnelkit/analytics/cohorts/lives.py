"""Lives of records, cohort by cohort: how old they were when they ended, or how old they are now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Literal

import attrs

from funnelkit.analytics.result import Group, no_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.analytics.times.incidence import Incidence, aalen_johansen
from funnelkit.clock import duration
from funnelkit.errors import InputError

__all__ = ["Cohort", "Horizons", "Void", "cohorts", "horizons_of", "life_ids"]

Void = Literal["outside", "competing"]
_MICROSECOND = timedelta(microseconds=1)


@attrs.frozen(kw_only=True)
class Horizons:
    """By which ages, and how finely ages are told apart.

    Attributes:
        us: The ages.
        unit_us: Ages are rounded up to whole units; what ended within one unit ended together.
        void: Whether void records are left out, or are one more end.
        by_reason: Whether losses are told apart by their reason.
    """

    us: tuple[int, ...]
    unit_us: int
    void: Void = "outside"
    by_reason: bool = False

    @property
    def spans(self) -> tuple[timedelta, ...]:
        """The ages as durations."""
        return tuple(timedelta(microseconds=us) for us in self.us)

    @property
    def said(self) -> str:
        """How finely ages are told apart, in words."""
        return f"ages are rounded up to whole units of {self.unit_us / 3.6e9:g} h"

    def params(self) -> Params:
        """Return the parameters that a text may name."""
        named: Params = {f"horizon_{n}": us for n, us in enumerate(self.us, 1)}
        return named | {"furthest": max(self.us), "unit": self.unit_us}


def horizons_of(given: Sequence[timedelta | str], unit: timedelta | str, void: Void) -> Horizons:
    """Return the horizons that were asked for.

    Raises:
        InputError: None given, one that is no whole number of units, another word for void.
        TimeError: What is given is no duration.
    """
    if isinstance(given, str) or not given:
        raise InputError("horizons", "are a list of durations", 'give ("30d", "90d")')
    if void not in ("outside", "competing"):
        raise InputError("void", f"{void!r} is neither of the two", 'give "outside" or "competing"')
    unit_us = duration(unit, "unit") // _MICROSECOND
    spans = [duration(horizon, "horizons") // _MICROSECOND for horizon in given]
    for us, horizon in zip(spans, given, strict=True):
        if us % unit_us:
            raise InputError(
                "horizons", f"{horizon} is no whole number of units of {unit}", "give a finer unit"
            )
    return Horizons(us=tuple(sorted(set(spans))), unit_us=unit_us, void=void)


@attrs.frozen(kw_only=True)
class Cohort:
    """The lives of one cohort, added up.

    Attributes:
        ends: ``(age, end, how many)`` of the records that count; the end ``""`` is: still open.
        counts: Status → records; the void ones and the ones left out, too.
        watched: By horizon, how many of those that count were created so long ago.
        left_out: How many ended, or are seen, before they were created.
    """

    group: Group
    ends: tuple[tuple[int, str, int], ...]
    counts: dict[str, int]
    watched: tuple[int, ...]
    left_out: int

    @property
    def size(self) -> int:
        """How many records count."""
        return sum(count for _, _, count in self.ends)

    @property
    def curve(self) -> Incidence:
        """Every end by age."""
        return aalen_johansen(self.ends)


def cohorts(source: Source, scope: Scope, horizons: Horizons) -> list[Cohort]:
    """Read the lives, cohort by cohort, in one query."""
    split = _Split.of(source, scope)
    watched = (compose("parts/watched", n=str(n)) for n in range(1, len(horizons.us) + 1))
    why = "CASE WHEN status = 'lost' THEN reason ELSE '' END" if horizons.by_reason else "''"
    sql = compose("cohorts/lives", **split.slots(), tail="{lived}", why=why, watched=", ".join(watched))
    found: dict[str, list[tuple[str, str, int, int, list[int]]]] = defaultdict(list)
    for key, status, reason, age, records, *seen in rows_of(source, sql, split.params() | horizons.params()):
        found[key].append((status, reason, age, records, [int(count) for count in seen]))
    return [_cohort(found.get(key, []), group, horizons) for key, group in split.keys(found)]


def _cohort(rows: Iterable[tuple[str, str, int, int, list[int]]], group: Group, horizons: Horizons) -> Cohort:
    counts: dict[str, int] = defaultdict(int)
    ends, watched, left_out = [], [0] * len(horizons.us), 0
    for status, reason, age, records, seen in rows:
        counts[status] += records
        if status == "void" and horizons.void == "outside":
            continue
        if age < 0:
            left_out += records
            continue
        end = f"lost {reason}" if status == "lost" and horizons.by_reason else status
        ends.append((age, "" if status == "open" else end, records))
        watched = [so_far + more for so_far, more in zip(watched, seen, strict=True)]
    return Cohort(
        group=group, ends=tuple(ends), counts=dict(counts), watched=tuple(watched), left_out=left_out
    )


def life_ids(source: Source, scope: Scope, params: Params, where: str, *, group: Group = None) -> list[str]:
    """Return the records of a cohort whose lives meet a condition."""
    split = _Split.of(source, scope)
    key = split.key_of(group)
    sql = compose(
        "cohorts/lives", **split.slots(), tail="{ids}", cell="life", where=f"grp = :key AND {where}"
    )
    return [record for (record,) in rows_of(source, sql, split.params() | params | {"key": key})]


@attrs.frozen
class _Split:
    """How records fall into cohorts: by what they carry, or by the month or quarter of their creation."""

    scope: Scope
    periods: tuple[tuple[str, int, int], ...] = ()

    @classmethod
    def of(cls, source: Source, scope: Scope) -> _Split:
        if scope.by == scope.column:
            return cls(scope)
        ((low, high),) = rows_of(source, compose("spans/created"), scope.params())
        found = scope.buckets(low, high) if low >= 0 else ()
        return cls(scope, tuple((name, start, end) for name, (start, end) in found))

    def params(self) -> Params:
        params = self.scope.params()
        for n, (name, _, end) in enumerate(self.periods, 1):
            params[f"period_{n}"], params[f"period_{n}_to"] = name, end
        return params

    def slots(self) -> dict[str, str]:
        if not self.periods:
            return self.scope.slots()
        numbers = range(1, len(self.periods) + 1)
        cases = " ".join(f"WHEN m.created_us < :period_{n}_to THEN :period_{n}" for n in numbers)
        return self.scope.slots() | {"group": f"CASE {cases} ELSE '' END"}

    def keys(self, found: Iterable[str]) -> Iterator[tuple[str, Group]]:
        """Yield key and group of every row of the result."""
        if self.scope.by != self.scope.column:
            yield from ((name, name) for name, _, _ in self.periods)
        elif self.scope.column:
            yield from ((key, self.scope.group_of(key)) for key in sorted(found))
        else:
            yield "", None

    def key_of(self, group: Group) -> str:
        if self.scope.by == self.scope.column:
            return self.scope.key_of(group)
        names = [name for name, _, _ in self.periods]
        if group not in names:
            raise no_cell("group", group, names)
        return str(group)
