"""The reached funnel read off the facts that the ledger carries, where those answer.

A row of the ledger says how far its record had come before and after it, so the funnel is a sum over the
rows that lifted a record further, less the lifts that no longer stand. Grouped or filtered by what a row
carries it is the same sum, for most records have one owner, source and campaign from birth; what the
others did is corrected, credit by credit.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from funnelkit.analytics.funnels.plans import Credit, Plan
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["carried", "counts", "lifts", "visits"]

_CELLS = {"owner": "owner", "source": "lead_source", "repeat": "repeat_kind", "campaign": "campaign"}
"""What rows can be grouped by: the name and the column, in the order of the index."""

_FIXED = {"repeat"}
"""What never changes in the life of a record."""


def carried(source: Source, scope: Scope, plan: Plan) -> bool:
    """Whether the carried facts answer: no custom fields asked for, and no stage out of today's order.

    A stage that was moved or taken out since makes the furthest stage of its time another one today.
    """
    whole = plan.definition.name == "reached" and plan.is_of_records
    if not whole or scope.custom or scope.column not in (None, *_CELLS):
        return False
    sql = "SELECT document FROM definition WHERE pipeline = :pipeline"
    stages = [stage for stage, _ in scope.shape.stages]
    for (document,) in source.query(sql, {"pipeline": scope.shape.pipeline}):
        today = iter(stages)
        if not all(stage["id"] in today for stage in json.loads(document)["stages"]):
            return False
    return True


def visits(source: Source, scope: Scope) -> dict[str, int]:
    """Return how many records were ever on each stage, of a scope that is plain."""
    found: dict[str, int] = defaultdict(int)
    slots = {"born": _born(scope, ""), "born_of_closing": _born(scope, "c.")}
    for stage, records in rows_of(source, compose("funnels/visits", **slots), scope.params()):
        found[stage] += records
    return found


def counts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits without their values: one scan of an index."""
    return _credits(source, scope, plan, {"currency": "''", "total": "0", "worth": "0"})


def lifts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits with their values."""
    priced = {"currency": "m.currency", "total": "SUM(m.amount)", "worth": "m.amount"}
    return _credits(source, scope, plan, priced)


def _credits(source: Source, scope: Scope, plan: Plan, worth: dict[str, str]) -> list[Credit]:
    slots = _slots(scope) | worth
    if worth["total"] != "0":
        slots["cells"] = "".join(f", m.{column}" for column in (*_CELLS.values(), "currency"))
    order = {place: n for n, place in enumerate(plan.places, 1)} | {"": 0}
    summed: dict[Credit, list[int]] = defaultdict(lambda: [0, 0])

    def add(key: Credit, records: int, total: int) -> None:
        summed[key][0] += records
        summed[key][1] += total

    params = scope.params()
    for before, after, key, code, *sums in rows_of(source, compose("funnels/lifts", **slots), params):
        low, high = order[before], order[after]
        add((low, high, key, 1, key, int(low > 0), key, 1, -1, code), *sums)
    if slots["edited"]:
        for turn, before, after, *who, code, n, total in rows_of(
            source, compose("funnels/handed", **slots), params
        ):
            low, high = order[before], order[after]
            if not (turn and low):
                who[3] = int(low > 0)
            add((low, high, *who, -1, code), n, total)
    return [(*key, *sums) for key, sums in summed.items() if sums != [0, 0]]


def _slots(scope: Scope) -> dict[str, str]:
    """Return the clauses of the scope; ``m`` is the row of a lift."""
    said = scope.slots()
    born = _born(scope, "m.")
    filtered = "".join(f" AND m.{_CELLS[name]} = :{name}_is" for name in scope.equalities)
    cells = list(_CELLS.values())
    until = cells.index(_CELLS[scope.column]) + 1 if scope.column else 0
    asked = sorted({*scope.equalities, *([scope.column] if scope.column else [])} - _FIXED)
    edits = " UNION ALL ".join(
        f"SELECT record_id FROM attribute WHERE field_name = '{name}'" for name in asked
    )
    return {
        "group": said["group"],
        "kept": said["kept"],
        "born": born,
        "tests": born + filtered,
        "cells": "".join(f", m.{column}" for column in cells[:until]),
        "edited": compose("parts/edited", edits=edits) if asked else "",
        "unedited": "LEFT JOIN edited AS e ON e.record_id = m.record_id" if asked else "",
        "alike": "AND COALESCE(e.record_id, '') = ''" if asked else "",
    }


def _born(scope: Scope, row: str) -> str:
    """Return the clause that keeps to a period of creation, where there is one."""
    if scope.created == ALWAYS:
        return ""
    return f" AND {row}created_us >= :created_from AND {row}created_us < :created_to"
