"""Who ever got to a place, by the ``reached`` funnel: what other metrics build on."""

from __future__ import annotations

from funnelkit.analytics.funnels.credits import credit_ids_text, tallied
from funnelkit.analytics.funnels.plans import DEFINITIONS, Plan
from funnelkit.analytics.funnels.wording import params_of
from funnelkit.analytics.result import check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, rows_of

__all__ = ["reached", "reached_ids"]


def reached(source: Source, scope: Scope) -> dict[tuple[str, str], int]:
    """Return (key of the group, place) → records that got to the place or further, without zeros."""
    tallies, _ = tallied(source, scope, _plan(scope))
    return {
        (key, place): tally.counts[n]
        for key, tally in tallies.items()
        for n, place in enumerate(scope.shape.places, 1)
        if tally.counts[n]
    }


def reached_ids(source: Source, scope: Scope, place: str, key: str) -> list[str]:
    """Return the records behind one of those numbers."""
    check_cell("stage", place, scope.shape.places)
    plan = _plan(scope)
    sql = credit_ids_text(source, scope, plan, "low < :ord AND high >= :ord AND kept = 1 AND grp = :key")
    params = params_of(scope, plan) | {"ord": plan.places.index(place) + 1, "key": key}
    return [record for (record,) in rows_of(source, sql, params)]


def _plan(scope: Scope) -> Plan:
    return Plan(definition=DEFINITIONS["reached"], places=scope.shape.places)
