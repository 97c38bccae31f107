"""Closings that stand, added up: what rates and people are made of."""

from __future__ import annotations

from collections import defaultdict

from funnelkit.analytics import rolled
from funnelkit.analytics.result import Group, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["BY_CLOSING", "CLOSED", "NOBODY", "Counts", "counted", "ending_ids", "number"]

NOBODY = "nobody was won or lost"
CLOSED = "records won or lost in the period whose closing stands as of then"
BY_CLOSING = "the closing of the record"

Counts = dict[str, dict[str, int]]
"""Status → currency → number of records or minor units."""


def counted(
    source: Source, scope: Scope, text: str, tail: str
) -> tuple[defaultdict[str, Counts], defaultdict[str, defaultdict[str, dict[str, int]]]]:
    """Return key → status → currency → records, and the same for minor units."""
    counts: defaultdict[str, Counts] = defaultdict(dict)
    sums: defaultdict[str, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    rows = rolled.closings(source, scope) if tail == "{outcomes}" else None
    if rows is None:
        rows = rows_of(source, compose(text, **scope.slots(), tail=tail), scope.params())
    for key, status, code, records, total in rows:
        counts[key].setdefault(status, {})[code] = records
        sums[key][status][code] = total
    return counts, sums


def number(counts: Counts, status: str) -> int:
    """Return how many records of a group have a status, over all currencies."""
    return sum(counts.get(status, {}).values())


def ending_ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    """Return the records behind ``won`` or ``lost``."""
    check_cell("column", which, ("won", "lost"))
    params = scope.params() | {"which": which, "key": scope.key_of(group)}
    where = "outcome = :which AND grp = :key"
    sql = compose("outcomes/endings", **scope.slots(), tail="{ids}", cell="ending", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
