"""The reached funnel read off the facts that the ledger carries, where those answer.

A row of the ledger says how far its record had come before and after it, so the funnel is a sum over the
rows that lifted a record further, less the lifts that no longer stand. Grouped or filtered by what a row
carries it is the same sum, for most records have one owner, source and campaign from birth; what the
others did is corrected, credit by credit.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict

from funnelkit.analytics import rolled
from funnelkit.analytics.carried import CELLS, born, cells, filtered, kept_apart
from funnelkit.analytics.funnels.plans import Credit, Plan
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["are_all", "carried", "counts", "has_transfers", "late", "lifts"]

_FIXED = {"repeat"}
"""What never changes in the life of a record."""

_UNPRICED = {"currency": "''", "total": "0", "worth": "0"}
"""Slots of texts that leave values alone."""


def carried(source: Source, scope: Scope, plan: Plan) -> bool:
    """Whether the carried facts answer: no custom fields asked for, and no stage out of today's order.

    A stage that was moved or taken out since makes the furthest stage of its time another one today.
    """
    whole = plan.definition.name == "reached" and plan.is_of_records
    if not whole or scope.custom or scope.column not in (None, *CELLS):
        return False
    sql = "SELECT document FROM definition WHERE pipeline = :pipeline"
    stages = [stage for stage, _ in scope.shape.stages]
    for (document,) in source.query(sql, {"pipeline": scope.shape.pipeline}):
        today = iter(stages)
        if not all(stage["id"] in today for stage in json.loads(document)["stages"]):
            return False
    return True


def late(source: Source, scope: Scope, plan: Plan) -> Counter[tuple[str, str]]:
    """Return (key of the group, stage) → records that passed the stage in the group, and came to it later."""
    slots = _slots(scope, plan) | _UNPRICED
    params = scope.params() | {"horizon": plan.horizon_us}
    found: Counter[tuple[str, str]] = Counter()
    for stage, key, records in rows_of(source, compose("funnels/late", **slots), params):
        found[key, stage] += records
    if not _edited(source, scope):
        return found
    order = {place: n for n, place in enumerate(plan.places, 1)} | {"": 0}
    handed = rows_of(source, compose("funnels/late_handed", **slots), params)
    for before, after, stage, key, kept, key_late, kept_late, records in handed:
        if order[before] < order.get(stage, 0) <= order[after]:
            found[key_late, stage] -= records * kept_late
            found[key, stage] += records * kept
    return found


def are_all(source: Source, scope: Scope, plan: Plan, keys: set[str]) -> bool:
    """Whether no record can be in a group that none was credited to; a quick look, no when in doubt.

    A record without an edit is in one group all its life, and that one is credited, if not too late.

    ``keys`` are those of the groups that records were credited to, void ones too.
    """
    if plan.horizon_us != ALWAYS[1] or not carried(source, scope, plan):
        return False
    held = rolled.holders(source, scope)
    if held is not None:
        return held <= keys
    if {*scope.equalities} - _FIXED - {scope.column}:
        return False
    edits = rows_of(source, compose("funnels/edits"), {"field": scope.column or ""})
    return keys.issuperset(value for (value,) in edits)


def counts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits without their values: one scan of an index.

    What does not stand any more is found lift by lift (the part ``fallen``) where records changed hands,
    for the row that takes a record out may be of other hands than its lifts. Else that row alone tells it
    all (``taken_out``), but for lifts in other pipelines and beyond an age (``left_behind``).
    """
    unpriced = {**_UNPRICED}
    edited = _edited(source, scope)
    if not edited:
        unpriced["fallen"] = "{taken_out}"
        if plan.horizon_us == ALWAYS[1] and not has_transfers(source):
            unpriced["left_behind"] = ""
    # Groups that are left with nothing are told of, too: somebody may still stand there.
    return _credits(source, scope, plan, unpriced, edited=edited)


def lifts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits with their values."""
    cells = "".join(f", m.{column}" for column in (*CELLS.values(), "currency"))
    priced = {"currency": "m.currency", "total": "SUM(m.amount)", "worth": "m.amount", "cells": cells}
    credits_ = _credits(source, scope, plan, priced, edited=_edited(source, scope))
    return [credit for credit in credits_ if credit[-2:] != (0, 0)]


def _credits(
    source: Source, scope: Scope, plan: Plan, worth: dict[str, str], *, edited: bool
) -> list[Credit]:
    slots = _slots(scope, plan) | worth | kept_apart(source)
    order = {place: n for n, place in enumerate(plan.places, 1)} | {"": 0}
    params = scope.params() | {"horizon": plan.horizon_us}
    summed: dict[Credit, list[int]] = defaultdict(lambda: [0, 0])

    def add(key: Credit, records: int, total: int) -> None:
        summed[key][0] += records
        summed[key][1] += total

    def as_one(low: int, high: int, key: str, code: str) -> Credit:
        """Return the credit of a record that was in one group all its life."""
        return low, high, key, 1, key, int(low > 0), key, 1, -1, code

    for before, after, key, code, *sums in rows_of(source, compose("funnels/lifts", **slots), params):
        add(as_one(order[before], order[after], key, code), *sums)
    if edited:
        handed = rows_of(source, compose("funnels/handed", **slots), params)
        for before, after, key, kept, *others, code, n, total in handed:
            low, high = order[before], order[after]
            if kept:
                add(as_one(low, high, key, code), -n, -total)
            add((low, high, key, kept, *others, -1, code), n, total)
    return [(*key, *sums) for key, sums in summed.items()]


def _asked(scope: Scope) -> list[str]:
    """Return what is filtered or grouped by and can change in the life of a record."""
    return sorted({*scope.equalities, *([scope.column] if scope.column else [])} - _FIXED)


def _edited(source: Source, scope: Scope) -> bool:
    """Whether any record was ever edited in what is filtered or grouped by."""
    first = compose("funnels/first_edit")
    return any(rows_of(source, first, {"field": name}) != [("",)] for name in _asked(scope))


def has_transfers(source: Source) -> bool:
    """Whether any record was ever moved from pipeline to pipeline."""
    return rows_of(source, compose("funnels/first_transfer"), {}) != [(0,)]


def _slots(scope: Scope, plan: Plan) -> dict[str, str]:
    """Return the clauses of the scope; ``m`` is the row of a lift."""
    said, young = scope.slots(), _young(scope, plan, "m.")
    limited = plan.horizon_us != ALWAYS[1]
    edits = (compose("parts/edit", field=f"'{name}'") for name in _asked(scope))
    return {
        "group": said["group"],
        "kept": said["kept"],
        "young": young,
        "tests": young + filtered(scope),
        "reopening": _young(scope, plan, "m.", "since_us") + filtered(scope),
        "beyond": "OR c.moved_us - c.created_us > :horizon" if limited else "",
        "cells": cells(scope),
        "edits": " UNION ALL ".join(edits),
    }


def _young(scope: Scope, plan: Plan, row: str, instant: str = "moved_us") -> str:
    """Return the clause that keeps to a period of creation and to an age, where there are such."""
    said = born(scope, row)
    if plan.horizon_us != ALWAYS[1]:
        said += f" AND {row}{instant} - {row}created_us <= :horizon"
    return said
