"""Every metric, over filters, groups, definitions and cells."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from itertools import product
from typing import Any

import attrs
from tests.analytics.histories import hour

from funnelkit.analytics import Aging, Analytics, Exclusion, Shape
from funnelkit.clock import FrozenClock
from funnelkit.money import money
from funnelkit.people import Organisation, Target
from funnelkit.people.achieved import achieved

__all__ = ["STAGES", "ask_everything"]

STAGES = ("new", "call", "offer")
BY = (None, "owner", "source", "campaign", "repeat", "month", "custom.size")
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"owner": "ann"},
    {"source": "web", "campaign": "spring"},
    {"repeat": "deal"},
    {"custom": {"size": 1, "segment": None}, "created": (hour(0), hour(9)), "as_of": hour(50)},
)
QUESTIONS = (
    [(by, {}) for by in BY] + [(by, FILTERS[-1]) for by in BY] + [(None, how) for how in FILTERS[1:-1]]
)
"""Every grouping with and without a filter by fields, and every other filter: the clauses do not depend
on one another."""
PASSED = Target("jan", "sales", date(2026, 1, 1), date(2026, 2, 1), measure="passage", stage="call", amount=1)
AGING = (Aging(limit="7d", clock="activity"), Aging(limit={"new": "16h"}, clock="update", unit="business"))
FUNNEL_CELLS = ("count", "of_previous", "of_first", "lost", "went_back", "skipped")


_FOREIGN = {"exclusions": [Exclusion("offer", "new", "call")], "steps": ("new", "call")}
PLANS: tuple[dict[str, Any], ...] = (
    {"definition": "all_previous", "attribution": "first"},
    {"definition": "visited", "entered": (hour(0), hour(9)), "attribution": "all"},
    {"definition": "ordered", "policy": "discard_entity", "ties": "strict_increase", **_FOREIGN},
    {
        "definition": "ordered",
        "held": "custom.size",
        "ties": "step_order",
        "attribution": "call",
        "steps": ("new", "call"),
    },
    {"definition": "strict", "steps": ("new", "call"), "entered": (hour(0), hour(9)), "held": "owner"},
    {"definition": "unordered", "window": timedelta(1), "attribution": "last"},
    {"definition": "attempts", "window": timedelta(1), **_FOREIGN},
)
"""Funnels of every other definition and option."""


def look_behind(result: Any, *cell: str) -> None:
    """Ask for the records of a cell of the first group, where there is one."""
    if result.rows:
        result.ids(*cell, group=result.rows[0].group)


def ask_funnels(metrics: Analytics) -> None:
    """Ask for funnels with options, grouped by what rows carry and by what is dated elsewhere."""
    for by, how in product((None, "custom.size"), PLANS):
        funnel = metrics.funnel(**how, by=by)
        for row in funnel.rows if by is None else ():
            assert (row.sums, row.of_all, row.of_previous_value) is not None
            funnel.ids(row.stage, "of_all")
    for by in (None, "custom.size"):
        found: list[tuple[Any, tuple[str, ...]]] = [
            (metrics.entries(by=by), ("new",)),
            (metrics.direct_moves(by=by), ("new", "direct")),
            (metrics.time_to_convert(end="call", by=by), ("converted",)),
            (metrics.time_to_convert(policy="discard_entity", **_FOREIGN, by=by), ("converted",)),
            (metrics.funnel_trend(window="2d", every="week", by=by), ("2026-W01", "call")),
        ]
        for result, cells in found:
            look_behind(result, *cells)


def ask_usual_funnels(metrics: Analytics, arguments: dict[str, Any]) -> None:
    """Ask for a funnel of every usual definition, with all that can be looked at in it."""
    for definition in ("reached", "visited", "bitrix24", "ordered", "closed"):
        how: dict[str, Any] = {"window": timedelta(1), "anchor": "first"} if definition == "ordered" else {}
        funnel = metrics.funnel(definition=definition, **how, **arguments)  # type: ignore[arg-type]
        for row in funnel.rows:
            assert (row.fate, row.sums) is not None
        for cell in FUNNEL_CELLS:
            look_behind(funnel, "call", cell)
    for row in metrics.funnel(within="1d", **arguments).rows:
        assert (row.fate, row.sums) is not None


Asked = list[tuple[Any, tuple[str, ...]]]


def of_some(metrics: Analytics, by: str | None, chosen: dict[str, Any]) -> Asked:
    """Return results of what cannot be grouped by everything, each with a cell."""
    arguments, costs = chosen | {"by": by}, {"web": {"EUR": money(10, "EUR")}}
    found: Asked = []
    if by != "month":
        found.append((metrics.leaks(**arguments), ("new", "failed")))
        found.append((metrics.leaks(**arguments), ("new", "passed")))
    if by is None:
        found.append((metrics.scores(**chosen, features=["owner", "custom.size"]), ("unknown",)))
        found.append((metrics.score_calibration([hour(20)], **chosen), ("won",)))
        found.append((metrics.people(**chosen), ("won",)))
        correlated = metrics.correlations(**chosen, features=["source", "custom.size"], minimum=1)
        found += [(correlated, ("source", "others_won")), (correlated, ("custom.size", "lost"))]
    if by == "source":
        found.append((metrics.stage_costs(costs, **arguments), ("call",)))
        found.append((metrics.unit_economics(costs, **arguments), ("purchases",)))
    if by not in ("month", "owner"):
        found.append((metrics.compare_people(**chosen, mix=by), ("won",)))
    return found


def forecasts(metrics: Analytics, by: str | None, chosen: dict[str, Any]) -> Asked:
    """Return forecasts, each with a cell."""
    arguments = chosen | {"by": by}
    found: Asked = [
        (metrics.forecast(within="96h", since=hour(0), least=1, draws=100, **arguments), ("booked",)),
        (metrics.velocity(**arguments), ("records",)),
    ]
    if by in (None, "month"):
        found.append((metrics.forecast_categories(since=hour(0), **arguments), ("commit",)))
        found.append((metrics.expected_closings(**arguments), ("no date",)))
    if by is None:
        found.append((metrics.coverage(target=3, since=hour(0), **chosen), ("open",)))
        tried = metrics.backtest(dates=[hour(20)], within="30h", least=1, draws=100, **chosen)
        found.append((tried, (hour(20).isoformat(),)))
    return found


def times(metrics: Analytics, by: str | None, arguments: dict[str, Any]) -> Asked:
    """Return how long things take, by some groups alone, each with a cell."""
    if by not in (None, "month", "custom.size"):
        return []
    return [
        (metrics.time_in_stage(**arguments, each="record"), ("new", "closed")),
        (metrics.stage_exits(**arguments), ("new", "7d", "lost")),
        (metrics.stuck(**arguments), ("new",)),
        (metrics.cohort_losses(**arguments, horizons=["60d"]), ("60d", "")),
        *((metrics.overdue(policy, **arguments), ("new",)) for policy in AGING),
    ]


def ask_everything(database: Any, stages: tuple[str, ...] = STAGES) -> None:
    """Ask for every metric over filters, groups, definitions and cells."""
    shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in stages))
    metrics = Analytics(database, [shape], FrozenClock(hour(99)))
    for by, chosen in QUESTIONS:
        arguments = chosen | {"by": by}
        ask_usual_funnels(metrics, arguments)
        results: Asked = [
            *of_some(metrics, by, chosen),
            *forecasts(metrics, by, chosen),
            *times(metrics, by, arguments),
            (metrics.transitions(**arguments), ("", "new")),
            (metrics.time_in_stage(**arguments), ("new", "open")),
            (metrics.days_to_win(**arguments), ("negative",)),
            (metrics.cohort_conversion(**arguments), ("30d", "won")),
            (metrics.win_rate(**arguments), ("won",)),
            (metrics.cohort_win_rate(**arguments), ("created",)),
            (metrics.loss_reasons(**arguments), ("call", "")),
            (metrics.potential(**arguments), ("new",)),
            (metrics.stock(at=hour(30), **arguments), ("new",)),
            (metrics.flow(period=(hour(2), hour(30)), **arguments), ("new", "left")),
            (metrics.variants(**arguments), ("new > lost",)),
            (metrics.sankey(**arguments), ("(start)", "new")),
            (metrics.sankey(steps=2, **arguments), ("(start)", "new", "1")),
            (metrics.chances(**arguments), ("new", "out")),
            (metrics.markov(**arguments), ("new",)),
            (metrics.landmarks(**arguments), ("new", "0")),
            (metrics.estimates(**arguments), ("none",)),
            (metrics.drift(within="2h", every="4h", **arguments), ("new", "after")),
            (metrics.drift(what="time", every="4h", **arguments), ("new", "before")),
            (metrics.periods(within="2h", every="4h", **arguments), ("new", "0")),
        ]
        for result, cell in results:
            assert result.to_dicts() is not None
            look_behind(result, *cell)
    ask_funnels(metrics)
    for cell in ("touches", "wins"):
        look_behind(metrics.attribution(), cell)
    leads = Analytics(database, [attrs.evolve(shape, kind="lead")], FrozenClock(hour(99)))
    for by, chosen in product(BY[:2], FILTERS[:2]):
        look_behind(leads.lead_conversion(by=by, **chosen), "converted")
    clock, nobody = FrozenClock(hour(99)), Organisation()
    achieved(database, metrics, PASSED, None, organisation=nobody, clock=clock, zone=UTC)
