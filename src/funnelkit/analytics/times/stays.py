"""How long records stay on each stage, with the stays that still go on."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.analytics.times.survival import Lasted, kaplan_meier, nearest_rank, span

__all__ = ["Stay", "TimeInStage", "time_in_stage"]


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


def time_in_stage(source: Source, scope: Scope) -> TimeInStage:
    """Measure the stays on every stage."""
    stays: dict[tuple[str, str], list[Lasted]] = defaultdict(list)
    sql = compose("times/stays", **scope.slots(), tail="{lasted}")
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


def _stay_ids(source: Source, scope: Scope, stage: str, which: str, *, group: Group = None) -> list[str]:
    columns = {"closed": "ended = 1", "open": "running = 1"}
    check_cell("stage", stage, scope.shape.places[:-1])
    check_cell("column", which, columns)
    params = scope.params() | {"stage": stage, "key": scope.key_of(group)}
    where = f"stage = :stage AND grp = :key AND {columns[which]}"
    sql = compose("times/stays", **scope.slots(), tail="{ids}", cell="stay", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
