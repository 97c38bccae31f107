"""How long: the time on a stage, with the stays that still go on, and the days to a win."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.survival import Lasted, kaplan_meier, nearest_rank
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["DaysToWin", "Stay", "TimeInStage", "TimeToWin", "days_to_win", "time_in_stage", "win_times"]

PERCENTS = (10, 25, 50, 75, 90)
_DAY_US = 86_400_000_000


@attrs.frozen(kw_only=True)
class Stay(Row):
    """The stays on one stage.

    Attributes:
        closed, open: Stays that ended, stays that still go on as of then.
        p10, p25, p50, p75, p90: Quantiles of the closed stays, by nearest rank. Too short near now:
            long stays that began lately have not ended yet.
        total_days: Sum of the closed stays in days.
        km_p25, km_p50, km_p75: Kaplan-Meier quantiles, where an open stay counts as "at least so
            long". None while too few stays have ended.
        reason: Why ``km_p50`` is None, or empty.
    """

    stage: str
    label: str
    closed: int
    open: int
    p10: timedelta | None
    p25: timedelta | None
    p50: timedelta | None
    p75: timedelta | None
    p90: timedelta | None
    total_days: float
    km_p25: timedelta | None
    km_p50: timedelta | None
    km_p75: timedelta | None
    reason: str


class TimeInStage(Result[Stay]):
    """Times by stage. Cells for `ids`: ``ids("proposal", "closed")``, ``ids("proposal", "open")``."""


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


def time_in_stage(source: Source, scope: Scope) -> TimeInStage:
    """Measure the stays on every stage."""
    stays: dict[tuple[str, str], list[Lasted]] = defaultdict(list)
    sql = compose("stays", **scope.slots(), tail="{lasted}")
    for key, stage, lasted, closed, running in rows_of(source, sql, scope.params()):
        stays[key, stage].append(Lasted(lasted, closed, running))
    rows = [
        _stay(stays[key, stage], scope.group_of(key), stage, scope.shape.label(stage))
        for key in (sorted({key for key, _ in stays}) if scope.column else [""])
        for stage in scope.shape.places[:-1]
    ]
    about = scope.about(
        "time in stage",
        "stays",
        sentence="from entering a stage to leaving it, each stay by itself; quantiles are nearest rank; "
        "km is Kaplan-Meier with open stays censored; time spent closed is no stay",
        population="stays on the pipeline's stages by then, without those of void records",
        time_axis="the creation of the record",
        complete=not any(item.open for many in stays.values() for item in many),
    )
    return TimeInStage(about=about, rows=tuple(rows), ids=partial(_stay_ids, source, scope))


def win_times(source: Source, scope: Scope) -> dict[str, list[Lasted]]:
    """Return how long it took to win, by key of the group; negative times too."""
    sql = compose("endings", **scope.slots(), tail="{wins}")
    times: dict[str, list[Lasted]] = defaultdict(list)
    for key, lasted, records in rows_of(source, sql, scope.params()):
        times[key].append(Lasted(lasted, records, 0))
    return times


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
        quality={
            "wins dated before the creation, left out of the times and still wins": sum(
                row.won - row.timed for row in rows
            )
        },
    )
    return DaysToWin(about=about, rows=tuple(rows), ids=partial(_win_ids, source, scope))


def sensible(times: list[Lasted]) -> list[Lasted]:
    """Return the times that are not negative."""
    return [item for item in times if item.duration >= 0]


def span(microseconds: int | None) -> timedelta | None:
    """Return a number of microseconds as a timedelta."""
    return None if microseconds is None else timedelta(microseconds=microseconds)


def _stay(lasted: list[Lasted], group: Group, stage: str, label: str) -> Stay:
    curve = kaplan_meier(lasted)
    p10, p25, p50, p75, p90 = map(span, nearest_rank(lasted, PERCENTS))
    middle = curve.quantile(50)
    nobody = "nobody was here" if not lasted else "more than half still go on after the longest closed stay"
    return Stay(
        group=group,
        stage=stage,
        label=label,
        closed=curve.closed,
        open=curve.open,
        p10=p10,
        p25=p25,
        p50=p50,
        p75=p75,
        p90=p90,
        total_days=sum(item.duration * item.closed for item in lasted) / _DAY_US,
        km_p25=span(curve.quantile(25)),
        km_p50=span(middle),
        km_p75=span(curve.quantile(75)),
        reason=nobody if middle is None else "",
    )


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


def _stay_ids(source: Source, scope: Scope, stage: str, which: str, *, group: Group = None) -> list[str]:
    columns = {"closed": "ended = 1", "open": "running = 1"}
    check_cell("stage", stage, scope.shape.places[:-1])
    check_cell("column", which, columns)
    params = scope.params() | {"stage": stage, "key": scope.key_of(group)}
    where = f"stage = :stage AND grp = :key AND {columns[which]}"
    sql = compose("stays", **scope.slots(), tail="{ids}", cell="stay", where=where)
    return [record for (record,) in rows_of(source, sql, params)]


def _win_ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    columns = {"won": "", "timed": " AND lasted_us >= 0", "negative": " AND lasted_us < 0"}
    check_cell("column", which, columns)
    params = scope.params() | {"key": scope.key_of(group)}
    where = f"outcome = 'won' AND grp = :key{columns[which]}"
    sql = compose("endings", **scope.slots(), tail="{ids}", cell="ending", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
