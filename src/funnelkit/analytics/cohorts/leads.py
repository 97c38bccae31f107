"""From leads to deals: leads are counted, not what came of them."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.errors import InputError

__all__ = ["LeadConversion", "LeadConversions", "lead_conversion"]

_NOBODY = "there are no leads"


@attrs.frozen(kw_only=True)
class LeadConversion(Row):
    """What became of leads. ``converted``, ``spoiled`` and ``waiting`` add up to ``leads``.

    Attributes:
        leads: All of them.
        converted: Leads with at least one deal.
        spoiled: Leads that were turned down and never became a deal.
        waiting: Leads for which neither has happened yet, or that went to another pipeline.
        won: Leads with at least one won deal.
        deals: Deals that came of them.
        deals_per_converted: ``deals`` by the converted leads; None where there are none.
    """

    leads: int
    converted: Rate
    spoiled: Rate
    waiting: int
    won: Rate
    deals: int
    deals_per_converted: float | None


class LeadConversions(Result[LeadConversion]):
    """Leads. Cells for `ids`: leads, converted, spoiled, waiting, won, void."""


def lead_conversion(source: Source, scope: Scope) -> LeadConversions:
    """Count leads with deals."""
    if scope.shape.kind != "lead":
        raise InputError("pipeline", f"{scope.shape.pipeline} is a pipeline of deals", "name one of leads")
    found: dict[str, list[tuple[str, int, int, int]]] = defaultdict(list)
    sql = compose("cohorts/leads", **scope.slots(), tail="{inquiries}")
    for key, fate, won, records, deals in rows_of(source, sql, scope.params()):
        found[key].append((fate, int(won), int(records), int(deals)))
    rows = [
        _row(found.get(key, []), scope.group_of(key)) for key in (sorted(found) if scope.column else [""])
    ]
    void = sum(records for many in found.values() for fate, _, records, _ in many if fate == "void")
    about = scope.about(
        "lead conversion",
        "leads with deals",
        sentence="leads with at least one deal, of all leads; a lead with two deals is one lead; deals "
        "without a lead are outside, void deals are none",
        population="leads created in or moved into the pipeline by then, without void ones",
        time_axis="the creation of the lead",
        formula="converted = leads with a deal / leads; deals_per_converted = deals / leads with a deal",
        complete=not any(row.waiting for row in rows),
        quality={"void records, outside of every count": void},
    )
    return LeadConversions(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


def _row(found: list[tuple[str, int, int, int]], group: Group) -> LeadConversion:
    counts: dict[str, int] = defaultdict(int)
    for fate, _, records, _ in found:
        counts[fate] += records
    leads = counts["converted"] + counts["spoiled"] + counts["waiting"]
    deals = sum(deals for fate, _, _, deals in found if fate == "converted")
    return LeadConversion(
        group=group,
        leads=leads,
        converted=Rate.of(counts["converted"], leads, _NOBODY),
        spoiled=Rate.of(counts["spoiled"], leads, _NOBODY),
        waiting=counts["waiting"],
        won=Rate.of(sum(n for fate, won, n, _ in found if won and fate != "void"), leads, _NOBODY),
        deals=deals,
        deals_per_converted=deals / counts["converted"] if counts["converted"] else None,
    )


def _ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    columns = dict.fromkeys(("converted", "spoiled", "waiting", "void"), "fate = :which")
    columns |= {"leads": "fate <> 'void'", "won": "won = 1 AND fate <> 'void'"}
    check_cell("column", which, columns)
    params = scope.params() | {"which": which, "key": scope.key_of(group)}
    where = f"grp = :key AND {columns[which]}"
    sql = compose("cohorts/leads", **scope.slots(), tail="{ids}", cell="inquiry", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
