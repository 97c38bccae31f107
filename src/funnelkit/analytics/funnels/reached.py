"""The reached funnel read off the facts that the ledger carries, where those answer.

A row of the ledger says how far its record had come before and after it, so the funnel is a sum over the
rows that lifted a record further, less the lifts that no longer stand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from funnelkit.analytics.funnels.plans import Credit, Plan
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["carried", "counts", "lifts", "visits"]


def carried(source: Source, scope: Scope, plan: Plan) -> bool:
    """Whether the carried facts answer: nothing filtered or grouped, and no stage out of today's order.

    A stage that was moved or taken out since makes the furthest stage of its time another one today.
    """
    if plan.definition.name != "reached" or not scope.is_plain:
        return False
    sql = "SELECT document FROM definition WHERE pipeline = :pipeline"
    stages = [stage for stage, _ in scope.shape.stages]
    for (document,) in source.query(sql, {"pipeline": scope.shape.pipeline}):
        today = iter(stages)
        if not all(stage["id"] in today for stage in json.loads(document)["stages"]):
            return False
    return True


def visits(source: Source, scope: Scope) -> dict[str, int]:
    """Return how many records were ever on each stage."""
    found: dict[str, int] = defaultdict(int)
    for stage, records in rows_of(source, compose("funnels/visits", **_born(scope)), scope.params()):
        found[stage] += records
    return found


def counts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits of a plain funnel without their values: one scan of an index."""
    found = rows_of(source, compose("funnels/counts", **_born(scope)), scope.params())
    return [_credit(plan, low, high, ("", records, 0)) for _, low, high, records in found]


def lifts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits of a plain funnel with their values."""
    found = rows_of(source, compose("funnels/lifts", **_born(scope)), scope.params())
    return [_credit(plan, low, high, tuple(sums)) for _, low, high, *sums in found]


def _credit(plan: Plan, before: str, after: str, sums: tuple[Any, ...]) -> Credit:
    order = {place: n for n, place in enumerate(plan.places, 1)} | {"": 0}
    low, high = order[before], order[after]
    return low, high, "", 1, "", int(low > 0), "", 1, -1, *sums


def _born(scope: Scope) -> dict[str, str]:
    """Return the clauses that keep to a period of creation, where there is one."""
    bounds = "AND {0}created_us >= :created_from AND {0}created_us < :created_to"
    if scope.created == ALWAYS:
        bounds = ""
    return {"born": bounds.format(""), "born_of_closing": bounds.format("c.")}
