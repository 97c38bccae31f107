"""What becomes of those who had been on a stage for so long: Aalen-Johansen from there, no chain assumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.intervals import Estimate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.analytics.times.incidence import aalen_johansen
from funnelkit.analytics.times.survival import Lasted, kaplan_meier

__all__ = ["Landmark", "Landmarks", "landmarks"]

_PERCENTS = (25, 50, 75)

Ages = Mapping[str, Sequence[int]]


@attrs.frozen(kw_only=True)
class Landmark(Row):
    """Those who had been on a stage for an age.

    Attributes:
        age: How long; 0 and the quartiles of the time on the stage (Kaplan-Meier), over all groups.
        count: Stays that lasted so long; a record that came back has several.
        win, lose: The chance of ending so within ``watched`` from then on, with its interval.
        watched: The longest time anybody was followed from that age.
        reason: Why nothing is said, or empty.
    """

    stage: str
    label: str
    age: timedelta
    count: int
    win: Estimate
    lose: Estimate
    watched: timedelta | None
    reason: str


class Landmarks(Result[Landmark]):
    """Chances by stage and age. A cell for `ids`: stage and number of the age, ``ids("offer", "0")``."""

    def at(self, stage: str, age: timedelta, group: Group = None) -> Landmark | None:
        """Return the row of the last age that is not above ``age``."""
        rows = [row for row in self.rows if (row.stage, row.group) == (stage, group) and row.age <= age]
        return rows[-1] if rows else None


def landmarks(source: Source, scope: Scope, least: int) -> Landmarks:
    """Estimate the chances from every age on."""
    ages = _ages(source, scope)
    text, params = _asked(scope, ages)
    followed: dict[tuple[str, str, int], list[tuple[int, str, int]]] = defaultdict(list)
    sql = compose("chances/landmarks", **scope.slots(), landmarks=text, span="rest_us", tail="{followed}")
    for key, stage, nth, status, rest, count in rows_of(source, sql, params):
        followed[key, stage, nth].append((rest, "" if status == "open" else status, count))
    keys = sorted({key for key, _, _ in followed}) if scope.column else [""]
    rows = [
        _row(scope, key, (stage, age), followed.get((key, stage, nth), []), least)
        for key in keys
        for stage in scope.shape.places[:-1]
        for nth, age in enumerate(ages[stage])
    ]
    about = scope.about(
        "chances",
        "landmarks",
        sentence="of the stays that lasted so long, how many records are won or lost from then on, those "
        "still open censored; times are rounded down, to seconds, from an hour on to minutes, from a day on "
        "to hours, from 30 days on to days; a record that came back "
        "to the stage counts for each stay, so the interval is then narrower than it should be",
        population="stays on the pipeline's stages by then, without those of void records",
        time_axis="the creation of the record",
        formula="Aalen-Johansen from the landmark: H. Putter and C. Spitoni 2018",
        complete=not any(end == "" for many in followed.values() for _, end, _ in many),
    )
    return Landmarks(about=about, rows=tuple(rows), ids=partial(_ids, source, scope, ages))


def _row(
    scope: Scope, key: str, where: tuple[str, int], ends: list[tuple[int, str, int]], least: int
) -> Landmark:
    stage, age = where
    curve, count = aalen_johansen(ends), sum(many for _, _, many in ends)
    longest = max((rest for rest, _, _ in ends), default=None)
    said = curve.at(longest or 0)
    few = f"only {count} stays lasted so long, {least} are needed"
    win, lose = (Estimate.unknown(few) if count < least else said.estimate(end) for end in ("won", "lost"))
    return Landmark(
        group=scope.group_of(key),
        stage=stage,
        label=scope.shape.label(stage),
        age=timedelta(microseconds=age),
        count=count,
        win=win,
        lose=lose,
        watched=None if longest is None else timedelta(microseconds=longest),
        reason=win.reason,
    )


def _ages(source: Source, scope: Scope) -> Ages:
    """Return the ages of every stage: 0 and its quartiles, over all groups."""
    stays: dict[str, list[Lasted]] = defaultdict(list)
    sql = compose("times/stays", **scope.slots(), span="lasted_us", tail="{waits}")
    for _, stage, lasted, closed, running in rows_of(source, sql, scope.params()):
        stays[stage].append(Lasted(lasted, closed, running))
    found = {}
    for stage in scope.shape.places[:-1]:
        curve = kaplan_meier(stays[stage])
        quartiles = (curve.quantile(percent) for percent in _PERCENTS)
        found[stage] = sorted({0, *(age for age in quartiles if age is not None)})
    return found


def _asked(scope: Scope, ages: Ages) -> tuple[str, Params]:
    """Return the ages as a relation, and its parameters."""
    parts, params = [], scope.params()
    for n, stage in enumerate(scope.shape.places[:-1], 1):
        for m, age in enumerate(ages[stage]):
            parts.append(compose("parts/landmark", n=str(n), m=str(m)))
            params[f"age_{n}_{m}"] = age
    return f"landmark AS ({' UNION ALL '.join(parts)})", params


def _ids(source: Source, scope: Scope, ages: Ages, stage: str, nth: str, *, group: Group = None) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    check_cell("age", nth, [str(n) for n in range(len(ages[stage]))])
    text, params = _asked(scope, ages)
    params |= {"stage": stage, "which": int(nth), "key": scope.key_of(group)}
    where = "stage = :stage AND nth = :which AND grp = :key"
    sql = compose(
        "chances/landmarks", **scope.slots(), landmarks=text, tail="{ids}", cell="watched", where=where
    )
    return [record for (record,) in rows_of(source, sql, params)]
