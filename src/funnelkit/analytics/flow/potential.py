"""What is on the table: open records by stage, their worth, and their worth weighted by chance."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from typing import Any

import attrs

from funnelkit.analytics.result import Group, Result, Row, check_cell, money_sums
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["OpenStage", "Potential", "own_chance", "potential"]


@attrs.frozen(kw_only=True)
class OpenStage(Row):
    """The open records of one stage.

    Attributes:
        count: All of them; ``unpriced`` have no value, ``unweighted`` no chance of winning is known of.
        sums: Currency → sum of the values.
        weighted: Currency → sum of value times chance, without the unweighted ones; a currency in which
            no record has a chance is not there.
    """

    stage: str
    label: str
    count: int
    unpriced: int
    unweighted: int
    sums: dict[str, Money] = attrs.field(hash=False)
    weighted: dict[str, Money] = attrs.field(hash=False)


class Potential(Result[OpenStage]):
    """Open records by stage. A cell for `ids`: ``ids("proposal")``."""


@attrs.define
class _Sums:
    count: int = 0
    unpriced: int = 0
    unweighted: int = 0
    minor: dict[str, int] = attrs.field(factory=lambda: defaultdict(int))
    hoped: dict[str, Decimal] = attrs.field(factory=lambda: defaultdict(Decimal))


def potential(source: Source, scope: Scope) -> Potential:
    """Add up what is open."""
    found: dict[tuple[str, str], _Sums] = defaultdict(_Sums)
    likely = scope.shape.probabilities
    for key, stage, code, chance, n, total in rows_of(
        source,
        compose("flow/potential", **scope.slots(), **own_chance(scope), tail="{potential}"),
        scope.params(),
    ):
        cell = found[key, stage]
        cell.count += n
        if not code:
            cell.unpriced += n
        weight = chance if chance >= 0 else likely.get(stage)
        cell.minor[code] += total
        if weight is None:
            cell.unweighted += n
        else:
            cell.hoped[code] += total * Decimal(str(weight))
    rows = [
        _row(found[key, stage], scope.group_of(key), stage, scope.shape.label(stage))
        for key in (sorted({key for key, _ in found}) if scope.column else [""])
        for stage in scope.shape.places[:-1]
    ]
    chance = (
        "the record's own chance of winning where it has one, else that of its stage"
        if scope.present
        else "the chance of winning of its stage as defined now; the record's own is not kept for the past"
    )
    about = scope.about(
        "potential",
        "open",
        sentence=f"records open on a stage as of then, by owner and value of that time; weighted by {chance}",
        population="open records of the pipeline",
        time_axis="the creation of the record",
        formula="weighted = sum of value x chance",
    )
    return Potential(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


def _row(cell: _Sums, group: Group, stage: str, label: str) -> OpenStage:
    hoped = {
        code: int(minor.to_integral_value(rounding=ROUND_HALF_EVEN)) for code, minor in cell.hoped.items()
    }
    return OpenStage(
        group=group,
        stage=stage,
        label=label,
        count=cell.count,
        unpriced=cell.unpriced,
        unweighted=cell.unweighted,
        sums=money_sums(cell.minor),
        weighted=money_sums(hoped),
    )


def own_chance(scope: Scope) -> dict[str, str]:
    """Return the clauses for a record's own chance; it is in its table, which knows the present only."""
    table = "lead" if scope.shape.kind == "lead" else "deal"
    here = {
        "chance": "COALESCE(d.probability, -1.0)",
        "estimates": f"LEFT JOIN {table} AS d ON d.id = s.record_id",
    }
    return here if scope.present else {"chance": "-1", "estimates": ""}


def _ids(source: Source, scope: Scope, stage: str, *, group: Group = None) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    params: dict[str, Any] = scope.params() | {"stage": stage, "key": scope.key_of(group)}
    where = "stage = :stage AND grp = :key"
    sql = compose(
        "flow/potential", **scope.slots(), **own_chance(scope), tail="{ids}", cell="hopeful", where=where
    )
    return [record for (record,) in rows_of(source, sql, params)]
