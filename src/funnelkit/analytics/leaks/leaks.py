"""Leaks: on which stage, and of whom, fewer get through than of all the others.

A record passes a stage when it gets further than it, and fails there when it is lost with that stage as
its furthest. Who is still open has done neither and is left out: counted as lost, the stages of now
would always look worst.
"""

from __future__ import annotations

import math
from functools import partial

import attrs

from funnelkit.analytics.funnels.reaching import reached, reached_ids
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.significance import benjamini_hochberg, newcombe, p_of_two_rates
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["Leak", "Leaks", "leaks"]

FORMULA = (
    "lost wins = decided x (rate of the others - rate) x chance of a win of those who pass; p by Fisher's "
    "exact test where a count expected is under 5, else by the score test; q by Benjamini and Hochberg over "
    "all rows with enough records"
)


@attrs.frozen(kw_only=True)
class Leak(Row):
    """One stage, of one group if grouped.

    Attributes:
        stage, label: The stage.
        passed: Records that got further than it.
        failed: Records that were lost with this as their furthest stage.
        rate: ``passed`` of ``passed + failed``.
        others: The same of all other groups; None when nothing is grouped.
        lost_wins: How many more wins there would be at the rate of the others, all later stages
            working as they do for everybody; negative where the group does better.
        lost_wins_low, lost_wins_high: What the 95 % interval of the difference makes of it.
        q: The share of false alarms among all rows with a q as small; None where there are too few.
        is_leak: Whether fewer pass than of the others, and q is small enough.
        reason: Why there is no q, or empty.
    """

    stage: str
    label: str
    passed: int
    failed: int
    rate: Rate
    others: Rate | None
    lost_wins: float | None
    lost_wins_low: float | None
    lost_wins_high: float | None
    q: float | None
    is_leak: bool
    reason: str

    def values(self) -> dict[str, object]:
        """Return the columns; what compares groups is only shown where there are some."""
        values = super().values()
        if self.others is None:
            return {name: values[name] for name in ("group", "stage", "label", "passed", "failed", "rate")}
        return values


class Leaks(Result[Leak]):
    """Leaks, the greatest first. Cells for `ids`: ``ids("offer", "failed", group="web")``, ``"passed"``."""


Counts = dict[tuple[str, str], int]
"""(key of the group, stage) → records."""


@attrs.frozen
class _Decided:
    """Who passed and who failed, of each group on each stage."""

    passed: Counts
    failed: Counts

    def of(self, key: str, stage: str) -> tuple[int, int]:
        """Return passed and decided of one group."""
        passed = self.passed.get((key, stage), 0)
        return passed, passed + self.failed.get((key, stage), 0)

    def of_all(self, stage: str) -> tuple[int, int]:
        """Return passed and decided of all groups."""
        passed = sum(records for (_, where), records in self.passed.items() if where == stage)
        return passed, passed + sum(records for (_, where), records in self.failed.items() if where == stage)

    def chance_after(self, stages: tuple[str, ...]) -> float:
        """Return the chance of passing all of these stages: the product of their rates."""
        rates = (passed / decided for passed, decided in map(self.of_all, stages) if decided)
        return math.prod(rates)


def leaks(source: Source, scope: Scope, minimum: int, level: float) -> Leaks:
    """Compare every stage of every group with that of all the others."""
    stages = scope.shape.places[:-1]
    decided = _Decided(_passed(source, scope), _failed(source, scope))
    keys = sorted({key for key, _ in decided.passed | decided.failed}) if scope.column else [""]
    rows = [_row(scope, decided, key, stage, minimum) for key in keys for stage in stages]
    rows = _judged(rows, level) if scope.column else rows
    rows.sort(key=lambda row: (not row.is_leak, -(row.lost_wins or 0)) if scope.column else 0)
    about = scope.about(
        "leaks",
        "decided at the furthest stage",
        sentence="a record passes a stage when it gets further than it, and fails there when it is lost with "
        "that stage as its furthest; credited to what the record carried when it passed, or was lost",
        population="records that passed or failed by then; who is open on their furthest stage is left out",
        time_axis="the creation of the record",
        formula=FORMULA,
        left_out="void records, and those open on the stage",
    )
    return Leaks(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


def _passed(source: Source, scope: Scope) -> Counts:
    """Who got to a place has passed the stage before it."""
    places = scope.shape.places
    before = dict(zip(places[1:], places, strict=False))
    return {
        (key, before[place]): records
        for (key, place), records in reached(source, scope).items()
        if place in before
    }


def _failed(source: Source, scope: Scope) -> Counts:
    sql = compose("outcomes/endings", **scope.slots(), tail="{failures}")
    return {(key, stage): records for key, stage, records in rows_of(source, sql, scope.params())}


def _row(scope: Scope, decided: _Decided, key: str, stage: str, minimum: int) -> Leak:
    stages = scope.shape.places[:-1]
    (x, n), (all_x, all_n) = decided.of(key, stage), decided.of_all(stage)
    other_x, other_n = all_x - x, all_n - n
    gap = newcombe(other_x, other_n, x, n) if scope.column else None
    worth = n * decided.chance_after(stages[stages.index(stage) + 1 :])
    few = scope.column and min(n, other_n) < minimum
    return Leak(
        group=scope.group_of(key),
        stage=stage,
        label=scope.shape.label(stage),
        passed=x,
        failed=n - x,
        rate=Rate.of(x, n, "nobody was decided here"),
        others=Rate.of(other_x, other_n, "nobody else was decided here") if scope.column else None,
        lost_wins=None if gap is None else worth * (other_x / other_n - x / n),
        lost_wins_low=None if gap is None else worth * gap[0],
        lost_wins_high=None if gap is None else worth * gap[1],
        q=None,
        is_leak=False,
        reason=f"fewer than {minimum} were decided" if few else "",
    )


def _judged(rows: list[Leak], level: float) -> list[Leak]:
    """Give a q to every row that has enough records, over all of them at once."""
    p_values = {
        n: p
        for n, row in enumerate(rows)
        if not row.reason and row.others is not None
        for p in [
            p_of_two_rates(
                row.rate.numerator, row.rate.denominator, row.others.numerator, row.others.denominator
            )
        ]
        if p is not None
    }
    found = dict(zip(p_values, benjamini_hochberg(list(p_values.values())), strict=True))
    return [
        attrs.evolve(row, q=found[n], is_leak=found[n] <= level and (row.lost_wins or 0) > 0)
        if n in found
        else row
        for n, row in enumerate(rows)
    ]


def _ids(source: Source, scope: Scope, stage: str, which: str, *, group: Group = None) -> list[str]:
    stages = scope.shape.places[:-1]
    check_cell("stage", stage, stages)
    check_cell("column", which, ("passed", "failed"))
    key = scope.key_of(group)
    if which == "passed":
        return reached_ids(source, scope, scope.shape.places[stages.index(stage) + 1], key)
    params = scope.params() | {"stage": stage, "key": key}
    where = "outcome = 'lost' AND furthest = :stage AND grp = :key"
    sql = compose("outcomes/endings", **scope.slots(), tail="{ids}", cell="ending", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
