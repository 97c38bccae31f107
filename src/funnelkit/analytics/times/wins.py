"""How long it takes to win."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.analytics.times.survival import Lasted, nearest_rank, span

__all__ = ["DaysToWin", "TimeToWin", "days_to_win", "sensible", "win_times"]


PERCENTS = (10, 25, 50, 75, 90)


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
    times = win_times(source, scope)
    rows = [
        _time_to_win(times.get(key, []), scope.group_of(key))
        for key in (sorted(times) if scope.column else [""])
    ]
    about = scope.about(
        "days to win",
        "created to won",
        sentence="from the creation of a record to the win that stands; quantiles are nearest rank",
        population="records won in the period",
        time_axis="the win",
        formula="time = win - creation; quantile q = the time of rank ceil(q n) of n",
        quality={
            "wins dated before the creation, left out of the times and still wins": sum(
                row.won - row.timed for row in rows
            )
        },
    )
    return DaysToWin(about=about, rows=tuple(rows), ids=partial(_win_ids, source, scope))


def win_times(source: Source, scope: Scope) -> dict[str, list[Lasted]]:
    """Return how long it took to win, by key of the group; negative times too."""
    sql = compose("outcomes/endings", **scope.slots(), tail="{wins}")
    times: dict[str, list[Lasted]] = defaultdict(list)
    for key, lasted, records in rows_of(source, sql, scope.params()):
        times[key].append(Lasted(lasted, records, 0))
    return times


def sensible(times: list[Lasted]) -> list[Lasted]:
    """Return the times that are not negative."""
    return [item for item in times if item.duration >= 0]


def _time_to_win(times: list[Lasted], group: Group) -> TimeToWin:
    good = sensible(times)
    p10, p25, p50, p75, p90 = map(span, nearest_rank(good, PERCENTS))
    return TimeToWin(
        group=group,
        won=sum(item.closed for item in times),
        timed=sum(item.closed for item in good),
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
