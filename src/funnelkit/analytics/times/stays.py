"""How long records stay on each stage, with the stays that still go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial
from typing import Literal

import attrs

from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.analytics.times.ages import Ages, Cell, quantiles
from funnelkit.analytics.times.survival import Lasted, kaplan_meier, span

__all__ = ["Each", "Lasting", "Stay", "TimeInStage", "lastings", "stay_ids", "time_in_stage"]


PERCENTS = (10, 25, 50, 75, 90)
_DAY_US = 86_400_000_000

Each = Literal["stay", "record"]
Quantiles = Mapping[Cell, tuple[int, ...]]


@attrs.frozen(kw_only=True)
class Stay(Row):
    """The stays on one stage.

    Attributes:
        closed, open: Stays that ended, stays that still go on as of then.
        p10, p25, p50, p75, p90: Quantiles of the closed stays, by nearest rank, exact. Too short near
            now: long stays that began lately have not ended yet. Read on first use.
        total_days: Sum of the closed stays in days.
        km_p25, km_p50, km_p75: Kaplan-Meier quantiles, where an open stay counts as "at least so
            long". None while too few stays have ended.
        reason: Why ``km_p50`` is None, or empty.
    """

    stage: str
    label: str
    closed: int
    open: int
    total_days: float
    km_p25: timedelta | None
    km_p50: timedelta | None
    km_p75: timedelta | None
    reason: str
    _quantiles: Callable[[], tuple[int, ...]] = attrs.field(alias="quantiles", eq=False, repr=False)

    @property
    def p10(self) -> timedelta | None:
        """What a tenth of the closed stays did not exceed."""
        return self._quantile(10)

    @property
    def p25(self) -> timedelta | None:
        """What a quarter of the closed stays did not exceed."""
        return self._quantile(25)

    @property
    def p50(self) -> timedelta | None:
        """What half of the closed stays did not exceed."""
        return self._quantile(50)

    @property
    def p75(self) -> timedelta | None:
        """What three quarters of the closed stays did not exceed."""
        return self._quantile(75)

    @property
    def p90(self) -> timedelta | None:
        """What nine tenths of the closed stays did not exceed."""
        return self._quantile(90)

    def values(self) -> dict[str, object]:
        """Return the columns in the order in which they are shown."""
        before, after = ("group", "stage", "label", "closed", "open"), ("p10", "p25", "p50", "p75", "p90")
        km = ("total_days", "km_p25", "km_p50", "km_p75", "reason")
        return {name: getattr(self, name) for name in (*before, *after, *km)}

    def _quantile(self, percent: int) -> timedelta | None:
        found = self._quantiles()
        return span(found[PERCENTS.index(percent)]) if found else None


class TimeInStage(Result[Stay]):
    """Times by stage. Cells for `ids`: ``ids("proposal", "closed")``, ``ids("proposal", "open")``."""


@attrs.frozen
class Lasting:
    """What is asked of the stays: whose, how finely, each by itself or all of a record together."""

    source: Source
    scope: Scope
    ages: Ages
    each: Each = "stay"

    def text(self, tail: str, slots: Mapping[str, str]) -> str:
        """Return the text that ends with ``tail``."""
        together = {"each": "{each_record}"} if self.each == "record" else {}
        named = self.scope.slots() | together | {"tail": tail} | dict(slots)
        return compose("times/stays", **named)

    def params(self) -> Params:
        """Return every parameter that the text may name."""
        return self.scope.params() | self.ages.params()


Counted = dict[Cell, list[tuple[str, int, int, int, int]]]
"""Cell → where to, age, how many ended, how many go on, by how much the ages of the ended are too long."""


def lastings(asked: Lasting, *, way: bool = False) -> Counted:
    """Read how many stays ended and go on at each age; with ``way``, by where they led to."""
    found: Counted = defaultdict(list)
    sql = asked.text("{aged}", {"way": "went" if way else "''"})
    for key, stage, went, age, ended, running, over in rows_of(asked.source, sql, asked.params()):
        found[key, stage].append((went, int(age), int(ended), int(running), int(over)))
    return found


def time_in_stage(source: Source, scope: Scope, ages: Ages, each: Each = "stay") -> TimeInStage:
    """Measure the stays on every stage."""
    asked = Lasting(source, scope, ages, each)
    counted = lastings(asked)
    exact = cache(partial(_exact, asked, counted))
    rows = [
        _stay(counted.get((key, stage), []), scope, (key, stage), exact)
        for key in (sorted({key for key, _ in counted}) if scope.column else [""])
        for stage in scope.shape.places[:-1]
    ]
    about = scope.about(
        "time in stage",
        "stays" if each == "stay" else "stays of a record together",
        sentence=f"{_SENTENCES[each]}; quantiles are nearest rank; km is Kaplan-Meier with open stays "
        f"censored, where {ages.said}; time spent closed is no stay",
        population="stays on the pipeline's stages by then, without those of void records",
        time_axis="the creation of the record",
        complete=not any(row.open for row in rows),
    )
    return TimeInStage(about=about, rows=tuple(rows), ids=partial(stay_ids, asked))


_SENTENCES = {
    "stay": "from entering a stage to leaving it, each stay by itself",
    "record": "all stays of a record on a stage put together; open while the record is there",
}


def _exact(asked: Lasting, counted: Counted) -> Quantiles:
    """Return the quantiles of what ended, by cell: a query that looks where the wanted ranks are."""
    counts = {cell: {age: ended for _, age, ended, _, _ in rows if ended} for cell, rows in counted.items()}
    return quantiles(asked.source, asked.text, asked.params(), counts, PERCENTS)


def _stay(
    rows: list[tuple[str, int, int, int, int]], scope: Scope, cell: Cell, exact: Callable[[], Quantiles]
) -> Stay:
    curve = kaplan_meier(Lasted(age, ended, running) for _, age, ended, running, _ in rows)
    middle = curve.quantile(50)
    nobody = "nobody was here" if not rows else "more than half still go on after the longest closed stay"
    return Stay(
        group=scope.group_of(cell[0]),
        stage=cell[1],
        label=scope.shape.label(cell[1]),
        closed=curve.closed,
        open=curve.open,
        total_days=sum(age * ended - over for _, age, ended, _, over in rows) / _DAY_US,
        km_p25=span(curve.quantile(25)),
        km_p50=span(middle),
        km_p75=span(curve.quantile(75)),
        reason=nobody if middle is None else "",
        quantiles=lambda: exact().get(cell, ()) if curve.closed else (),
    )


def stay_ids(asked: Lasting, stage: str, which: str, *, group: Group = None) -> list[str]:
    """Return the records behind ``closed`` and ``open``."""
    columns = {"closed": "ended = 1", "open": "running = 1"}
    check_cell("column", which, columns)
    return ids_where(asked, stage, columns[which], {}, group)


def ids_where(asked: Lasting, stage: str, where: str, params: Params, group: Group) -> list[str]:
    """Return the records whose stays on a stage meet a condition."""
    check_cell("stage", stage, asked.scope.shape.places[:-1])
    named = asked.params() | params | {"stage": stage, "key": asked.scope.key_of(group)}
    sql = asked.text("{ids}", {"cell": "lasting", "where": f"stage = :stage AND grp = :key AND {where}"})
    return [record for (record,) in rows_of(asked.source, sql, named)]
