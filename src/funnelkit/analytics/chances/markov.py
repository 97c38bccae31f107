"""Whether where a record goes next depends on more than the stage it is on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial

import attrs

from funnelkit.analytics.chances.independence import Independence, independence
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["LEVEL", "Dependence", "Dependences", "dependences"]

LEVEL = 0.01
"""Below this p the next place is said to depend on more than the stage."""

_AGAINST = {"previous stage": "after_previous", "time on the stage": "after_wait"}
_Table = Mapping[str, Mapping[str, int]]
_Tables = dict[str, dict[str, dict[str, int]]]


@attrs.frozen(kw_only=True)
class Dependence(Row):
    """One test.

    Attributes:
        stage: The stage that is left; ``(all)`` adds the tests of all stages up.
        against: ``"previous stage"`` (the one before, within the pipeline) or ``"time on the stage"``
            (up to the median of the finished stays, or above).
        moves: Moves that are compared.
        statistic, df: Pearson's statistic and its degrees of freedom.
        p: The chance of such a difference, or a larger one, if there is none.
        holds: Whether the assumption stands: ``p`` is at least 0.01. None where it cannot be seen.
        reason: Why there is no ``p``, or empty.
    """

    stage: str
    label: str
    against: str
    moves: int
    statistic: float | None
    df: int
    p: float | None
    holds: bool | None
    reason: str


class Dependences(Result[Dependence]):
    """Tests by stage. A cell for `ids`: ``ids("offer")``, whose moves out of it are compared."""

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the assumption, neither in the whole nor in any group."""
        return not any(row.holds is False for row in self.rows if row.stage == "(all)")


def dependences(source: Source, scope: Scope) -> Dependences:
    """Test each stage, and all together."""
    found = {against: _tables(source, scope, part) for against, part in _AGAINST.items()}
    keys = sorted({key for tables in found.values() for key in tables}) if scope.column else [""]
    rows = [
        row
        for key in keys
        for against, tables in found.items()
        for row in _rows(scope, scope.group_of(key), against, tables.get(key, {}))
    ]
    about = scope.about(
        "markov",
        "Pearson's test",
        sentence="whether the next place depends on the stage before, or on how long the record had been "
        f"on the stage; below p = {LEVEL} the chain is not to be trusted; with very many moves, "
        "differences too small to matter are found too",
        population="moves out of the pipeline's stages by then, without those of void records",
        time_axis="the creation of the record",
        formula="Σ (observed − expected)² / expected; the smallest rows and columns are put together until 5 "
        "are expected in each cell; the statistics of the stages add up",
    )
    return Dependences(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


def _rows(scope: Scope, group: Group, against: str, tables: Mapping[str, _Table]) -> list[Dependence]:
    tests = {stage: independence(tables.get(stage, {})) for stage in scope.shape.places[:-1]}
    whole = Independence(
        sum(test.count for test in tests.values() if test.df),
        sum(test.statistic for test in tests.values()),
        sum(test.df for test in tests.values()),
    )
    named = {("(all)", "(all)"): whole} | {
        (stage, scope.shape.label(stage)): test for stage, test in tests.items()
    }
    return [
        Dependence(
            group=group,
            stage=stage,
            label=label,
            against=against,
            moves=test.count,
            statistic=test.statistic if test.df else None,
            df=test.df,
            p=test.p,
            holds=None if test.p is None else test.p >= LEVEL,
            reason="" if test.df else "not enough moves to compare",
        )
        for (stage, label), test in named.items()
    ]


def _tables(source: Source, scope: Scope, part: str) -> dict[str, _Tables]:
    """Return key → stage → row of the table → next place → moves."""
    found: dict[str, _Tables] = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    sql = compose("chances/exits", **scope.slots(), tail=f"{{{part}}}")
    for key, stage, before, target, moves in rows_of(source, sql, scope.params()):
        found[key][stage][str(before)][target] = moves
    return found


def _ids(source: Source, scope: Scope, stage: str, *, group: Group = None) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    params = scope.params() | {"stage": stage, "key": scope.key_of(group)}
    where = "stage = :stage AND grp = :key AND kept = 1"
    sql = compose("chances/exits", **scope.slots(), tail="{ids}", cell="leaving", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
