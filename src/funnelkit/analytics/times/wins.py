"""How long it takes to win."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.analytics.times.ages import Ages, Cell, quantiles
from funnelkit.analytics.times.survival import span

__all__ = ["DaysToWin", "TimeToWin", "Wins", "days_to_win"]


PERCENTS = (10, 25, 50, 75, 90)
_AGES = Ages.of("1h")


@attrs.frozen(kw_only=True)
class TimeToWin(Row):
    """The time from creation to the win that stands.

    Attributes:
        won: Records that were won.
        timed: Those of them whose time makes sense; the others were won before they were created.
        p10, p25, p50, p75, p90: Quantiles of the timed ones, by nearest rank.
    """

    won: int
    timed: int
    p10: timedelta | None
    p25: timedelta | None
    p50: timedelta | None
    p75: timedelta | None
    p90: timedelta | None


class DaysToWin(Result[TimeToWin]):
    """Time to win. Cells for `ids`: ``ids("won")``, ``ids("timed")``, ``ids("negative")``."""


def days_to_win(source: Source, scope: Scope) -> DaysToWin:
    """Measure the time from creation to the win."""
    wins = Wins.of(source, scope)
    found = wins.quantiles(PERCENTS)
    rows = [
        _time_to_win(wins.aged.get(key, {}), found.get(key), scope.group_of(key))
        for key in (sorted(wins.aged) if scope.column else [""])
    ]
    about = scope.about(
        "days to win",
        "created to won",
        sentence="from the creation of a record to the win that stands; quantiles are nearest rank",
        population="records won in the period",
        time_axis="the win",
        formula="time = win - creation; quantile q = the time of rank ceil(q n) of n",
        quality={"wins dated before the creation, left out of the times and still wins": wins.negative},
    )
    return DaysToWin(about=about, rows=tuple(rows), ids=partial(_win_ids, source, scope))


@attrs.frozen
class Wins:
    """Wins counted by age: hours, then days. Quantiles are exact all the same.

    Attributes:
        aged: Key of the group → age → records; those won before they were created have the age -1.
    """

    source: Source
    scope: Scope
    aged: Mapping[str, Mapping[int, int]]

    @classmethod
    def of(cls, source: Source, scope: Scope) -> Wins:
        """Count the wins of a scope."""
        aged: dict[str, dict[int, int]] = defaultdict(dict)
        sql = compose("outcomes/endings", **scope.slots(), tail="{wins}")
        for key, age, records in rows_of(source, sql, scope.params() | _AGES.params()):
            aged[key][int(age)] = int(records)
        return cls(source, scope, aged)

    @property
    def negative(self) -> int:
        """Wins dated before the creation."""
        return sum(ages.get(-1, 0) for ages in self.aged.values())

    def quantiles(
        self, percents: Sequence[int], together: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, tuple[int, ...]]:
        """Return nearest-rank quantiles by key, or by what keys are put together as."""

        def text(tail: str, slots: Mapping[str, str]) -> str:
            named = self.scope.slots() | {"tail": "{wins_lasting}", "over": tail} | dict(slots)
            return compose("outcomes/endings", **named)

        def counted() -> dict[Cell, dict[int, int]]:
            return {
                (key, ""): {age: n for age, n in ages.items() if age >= 0} for key, ages in self.aged.items()
            }

        params = self.scope.params() | _AGES.params()
        found = quantiles(self.source, text, params, counted, percents, together=together)
        return {key: many for (key, _), many in found.items()}


def _time_to_win(ages: Mapping[int, int], found: tuple[int, ...] | None, group: Group) -> TimeToWin:
    p10, p25, p50, p75, p90 = map(span, found or [None] * len(PERCENTS))
    return TimeToWin(
        group=group,
        won=sum(ages.values()),
        timed=sum(records for age, records in ages.items() if age >= 0),
        p10=p10,
        p25=p25,
        p50=p50,
        p75=p75,
        p90=p90,
    )


def _win_ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    columns = {"won": "", "timed": " AND lasted_us >= 0", "negative": " AND lasted_us < 0"}
    check_cell("column", which, columns)
    params = scope.params() | {"key": scope.key_of(group)}
    where = f"outcome = 'won' AND grp = :key{columns[which]}"
    sql = compose("outcomes/endings", **scope.slots(), tail="{ids}", cell="ending", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
