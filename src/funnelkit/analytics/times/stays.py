"""How long records stay on each stage, with the stays that still go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial
from typing import Literal

import attrs

from funnelkit.analytics.result import About, Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.analytics.times.ages import ENDED, Ages, Cell, Ended, quantiles
from funnelkit.analytics.times.sorted_stays import ended_by_age, ended_in_order, keeps_order
from funnelkit.analytics.times.survival import Lasted, Survival, kaplan_meier, span

__all__ = ["Each", "Lasting", "Stay", "TimeInStage", "lastings", "stay_ids", "time_in_stage"]


PERCENTS = (10, 25, 50, 75, 90)
_DAY_US = 86_400_000_000

Each = Literal["stay", "record"]
Count = tuple[str, int, int, int, int]
"""Where to, age, how many ended, how many go on, by how much the ages of the ended are too long."""


@attrs.frozen(kw_only=True)
class Stay(Row):
    """The stays on one stage. Counts with Kaplan-Meier, and quantiles, are read on first use, each by itself.

    Attributes:
        closed, open: Stays that ended, stays that still go on as of then.
        p10, p25, p50, p75, p90: Quantiles of the closed stays, by nearest rank, exact. Too short near
            now: long stays that began lately have not ended yet.
        total_days: Sum of the closed stays in days.
        km_p25, km_p50, km_p75: Kaplan-Meier quantiles, where an open stay counts as "at least so
            long". None while too few stays have ended.
        reason: Why ``km_p50`` is None, or empty.
    """

    stage: str
    label: str
    _counts: Callable[[], list[Count]] = attrs.field(alias="counts", eq=False, repr=False)
    _closed: Callable[[], int] = attrs.field(alias="closed", eq=False, repr=False)
    _quantile: Callable[[int], int | None] = attrs.field(alias="quantile", eq=False, repr=False)

    @property
    def closed(self) -> int:
        """Stays that ended."""
        return self._closed()

    @property
    def open(self) -> int:
        """Stays that go on."""
        return sum(running for _, _, _, running, _ in self._counts())

    @property
    def total_days(self) -> float:
        """Sum of the closed stays in days."""
        return sum(age * ended - over for _, age, ended, _, over in self._counts()) / _DAY_US

    @property
    def km_p25(self) -> timedelta | None:
        """By when a quarter of the stays end."""
        return span(self._curve().quantile(25))

    @property
    def km_p50(self) -> timedelta | None:
        """By when half of the stays end."""
        return span(self._curve().quantile(50))

    @property
    def km_p75(self) -> timedelta | None:
        """By when three quarters of the stays end."""
        return span(self._curve().quantile(75))

    @property
    def reason(self) -> str:
        """Why there is no ``km_p50``, or empty."""
        if self.km_p50 is not None:
            return ""
        nobody = not self._counts()
        return "nobody was here" if nobody else "more than half still go on after the longest closed stay"

    @property
    def p10(self) -> timedelta | None:
        """What a tenth of the closed stays did not exceed."""
        return span(self._quantile(10))

    @property
    def p25(self) -> timedelta | None:
        """What a quarter of the closed stays did not exceed."""
        return span(self._quantile(25))

    @property
    def p50(self) -> timedelta | None:
        """What half of the closed stays did not exceed."""
        return span(self._quantile(50))

    @property
    def p75(self) -> timedelta | None:
        """What three quarters of the closed stays did not exceed."""
        return span(self._quantile(75))

    @property
    def p90(self) -> timedelta | None:
        """What nine tenths of the closed stays did not exceed."""
        return span(self._quantile(90))

    def values(self) -> dict[str, object]:
        """Return the columns in the order in which they are shown."""
        before, after = ("group", "stage", "label", "closed", "open"), ("p10", "p25", "p50", "p75", "p90")
        km = ("total_days", "km_p25", "km_p50", "km_p75", "reason")
        return {name: getattr(self, name) for name in (*before, *after, *km)}

    def _curve(self) -> Survival:
        return kaplan_meier(Lasted(age, ended, running) for _, age, ended, running, _ in self._counts())


class TimeInStage(Result[Stay]):
    """Times by stage. Cells for `ids`: ``ids("proposal", "closed")``, ``ids("proposal", "open")``."""

    def _about(self) -> About:
        return attrs.evolve(self.about, complete=not any(row.open for row in self.rows))


@attrs.frozen
class Lasting:
    """What is asked of the stays: whose, how finely, each by itself or all of a record together."""

    source: Source
    scope: Scope
    ages: Ages
    each: Each = "stay"

    @property
    def in_order(self) -> bool:
        """Whether the source keeps the stays that ended in the order of how long they lasted."""
        return self.each == "stay" and keeps_order(self.source, self.scope)

    def text(self, tail: str, slots: Mapping[str, str]) -> str:
        """Return the text that ends with ``tail``."""
        together = {"each": "{each_record}"} if self.each == "record" else {}
        alone = {"stays": "{left}", "standing_on": ""} if tail == ENDED and not together else {}
        named = self.scope.slots() | together | alone | {"tail": tail} | dict(slots)
        return compose("times/stays", **named)

    def params(self) -> Params:
        """Return every parameter that the text may name."""
        return self.scope.params() | self.ages.params()


Counted = dict[Cell, list[Count]]


def lastings(asked: Lasting, *, way: bool = False) -> Counted:
    """Read how many stays ended and go on at each age; with ``way``, by where they led to."""
    found: Counted = defaultdict(list)
    slots = {"way": "went" if way else "''"}
    if asked.in_order and not way:
        slots["stays"] = "{going_on}"
        for stage, age, ended, over in ended_by_age(asked.source, asked.scope, asked.ages):
            found["", stage].append(("", age, ended, 0, over))
    sql = asked.text("{aged}", slots)
    for key, stage, went, age, ended, running, over in rows_of(asked.source, sql, asked.params()):
        found[key, stage].append((went, int(age), int(ended), int(running), int(over)))
    return found


def time_in_stage(source: Source, scope: Scope, ages: Ages, each: Each = "stay") -> TimeInStage:
    """Measure the stays on every stage: what is asked for is read when somebody looks."""
    asked = Lasting(source, scope, ages, each)
    counted = cache(partial(lastings, asked))
    ended = ended_in_order(source, scope) if asked.in_order else _ended(asked, counted)
    rows = [
        Stay(
            group=scope.group_of(key),
            stage=stage,
            label=scope.shape.label(stage),
            counts=partial(_of_cell, counted, (key, stage)),
            closed=partial(ended.closed, (key, stage)),
            quantile=partial(ended.quantile, (key, stage)),
        )
        for key in (sorted({key for key, _ in counted()}) if scope.column else [""])
        for stage in scope.shape.places[:-1]
    ]
    about = scope.about(
        "time in stage",
        "stays" if each == "stay" else "stays of a record together",
        sentence=f"{_SENTENCES[each]}; quantiles are nearest rank; km is Kaplan-Meier with open stays "
        f"censored, where {ages.said}; time spent closed is no stay",
        population="stays on the pipeline's stages by then, without those of void records",
        time_axis="the creation of the record",
        formula="quantile q = the time of rank ceil(q n) of n; S(t) = product over t_i <= t of (1 - d_i / "
        "n_i) (Kaplan and Meier 1958), km quantile q = the first t with S(t) <= 1 - q",
    )
    return TimeInStage(about=about, rows=tuple(rows), ids=partial(stay_ids, asked))


_SENTENCES = {
    "stay": "from entering a stage to leaving it, each stay by itself",
    "record": "all stays of a record on a stage put together; open while the record is there",
}


def _ended(asked: Lasting, counted: Callable[[], Counted]) -> Ended:
    """Return what the portable texts say of the stays that ended."""

    def counts() -> dict[Cell, dict[int, int]]:
        return {
            cell: {age: ended for _, age, ended, _, _ in rows if ended} for cell, rows in counted().items()
        }

    exact = cache(partial(quantiles, asked.source, asked.text, asked.params(), counts, PERCENTS))

    def quantile(cell: Cell, percent: int) -> int | None:
        found = exact().get(cell)
        return found[PERCENTS.index(percent)] if found else None

    return Ended(lambda cell: sum(ended for _, _, ended, _, _ in _of_cell(counted, cell)), quantile)


def _of_cell(counted: Callable[[], Counted], cell: Cell) -> list[Count]:
    return counted().get(cell, [])


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
