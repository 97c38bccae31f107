"""Leaks: on which stage, and of whom, fewer get through than of all the others.

A record passes a stage when it gets further than it, and fails there when it is lost with that stage as
its furthest. Who is still open has done neither and is left out: counted as lost, the stages of now
would always look worst.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import partial

import attrs

from funnelkit.analytics.funnels.reaching import reached, reached_ids
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.significance import newcombe, p_of_two_rates, q_values
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
            working as they do for everybody; negative where the group does better. None where there are no
            others, or nobody has been decided on a later stage.
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
    """Who passed and who failed, of each group on each stage; of everybody, passed and decided."""

    passed: Counts
    failed: Counts
    everybody: dict[str, tuple[int, int]]

    @classmethod
    def of_groups(cls, passed: Counts, failed: Counts) -> _Decided:
        """Add the groups up, once: every row of every group is set beside them."""
        everybody: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for counts, hits in ((passed, 1), (failed, 0)):
            for (_, stage), records in counts.items():
                x, n = everybody[stage]
                everybody[stage] = x + hits * records, n + records
        return cls(passed, failed, everybody)

    def of(self, key: str, stage: str) -> tuple[int, int]:
        """Return passed and decided of one group."""
        passed = self.passed.get((key, stage), 0)
        return passed, passed + self.failed.get((key, stage), 0)

    def chance_after(self, stages: tuple[str, ...]) -> float | None:
        """Return the chance of passing all of these stages; None where nobody was decided on one."""
        rates = [self.everybody[stage] for stage in stages]
        if not all(decided for _, decided in rates):
            return None
        return math.prod(passed / decided for passed, decided in rates)


def leaks(source: Source, scope: Scope, minimum: int, level: float) -> Leaks:
    """Compare every stage of every group with that of all the others."""
    stages = scope.shape.places[:-1]
    decided = _Decided.of_groups(_passed(source, scope), _failed(source, scope))
    keys = sorted({key for key, _ in decided.passed | decided.failed}) if scope.column else [""]
    rows = [_row(scope, decided, key, stage, minimum) for key in keys for stage in stages]
    rows = _judged(rows, level)
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
    (x, n), (all_x, all_n) = decided.of(key, stage), decided.everybody[stage]
    others = all_x - x, all_n - n
    wins, low, high = _lost_wins(scope, decided, stage, (x, n), others)
    few = scope.column and min(n, others[1]) < minimum
    return Leak(
        group=scope.group_of(key),
        stage=stage,
        label=scope.shape.label(stage),
        passed=x,
        failed=n - x,
        rate=Rate.of(x, n, "nobody was decided here"),
        others=Rate.of(*others, "nobody else was decided here") if scope.column else None,
        lost_wins=wins,
        lost_wins_low=low,
        lost_wins_high=high,
        q=None,
        is_leak=False,
        reason=f"fewer than {minimum} were decided" if few else "",
    )


def _lost_wins(
    scope: Scope, decided: _Decided, stage: str, own: tuple[int, int], others: tuple[int, int]
) -> tuple[float | None, float | None, float | None]:
    """Return how many wins the difference of two rates costs, and what its interval makes of that."""
    stages = scope.shape.places[:-1]
    gap = newcombe(*others, *own)
    chance = decided.chance_after(stages[stages.index(stage) + 1 :])
    if gap is None or chance is None:
        return None, None, None
    worth = own[1] * chance
    return worth * (others[0] / others[1] - own[0] / own[1]), worth * gap[0], worth * gap[1]


def _judged(rows: list[Leak], level: float) -> list[Leak]:
    """Give a q to every row that has enough records, over all of them at once."""
    return [
        row if q is None else attrs.evolve(row, q=q, is_leak=q <= level and _is_below(row))
        for row, q in zip(rows, q_values(map(_p, rows)), strict=True)
    ]


def _p(row: Leak) -> float | None:
    if row.reason or row.others is None:
        return None
    own, others = row.rate, row.others
    return p_of_two_rates(own.numerator, own.denominator, others.numerator, others.denominator)


def _is_below(row: Leak) -> bool:
    own, others = row.rate.value, row.others.value if row.others else None
    return own is not None and others is not None and own < others


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
