"""Every public metric of `Analytics`, found by looking, and what each has to be asked with."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

from tests.analytics.histories import PIPELINES, Record, feed, hour, micros

from funnelkit.analytics import Aging, Analytics, Shape
from funnelkit.analytics.funnels.plans import DEFINITIONS
from funnelkit.clock import FrozenClock
from funnelkit.money import money

__all__ = ["ASKED", "METRICS", "asked", "reports"]

METRICS = [name for name, _ in inspect.getmembers(Analytics, inspect.isfunction) if name[0] != "_"]
"""A new method of `Analytics` is here by itself."""

_COSTS = {"web": {"EUR": money(10, "EUR")}}
_CHANGES: dict[str, Any] = {"within": "2h", "every": "4h", "least": 1}
_OPTIONS: dict[str, dict[str, Any]] = {
    "backtest": {"dates": [hour(8)], "within": "2h", "recent": "4h", "least": 1, "draws": 100},
    "chances": {"least": 1},
    "cohort_conversion": {"horizons": ["4h", "8h"]},
    "cohort_losses": {"horizons": ["4h", "8h"]},
    "correlations": {"features": ["owner", "source", "custom.segment"], "minimum": 1},
    "coverage": {"target": money(1000, "EUR"), "since": hour(0)},
    "drift": _CHANGES,
    "estimates": {"least": 1},
    "flow": {"period": (hour(2), hour(8))},
    "forecast": {"within": "96h", "since": hour(0), "least": 1, "draws": 100},
    "funnel_trend": {"window": timedelta(hours=4), "every": "week"},
    "landmarks": {"least": 1},
    "lead_conversion": {"pipeline": "care"},
    "leaks": {"minimum": 1},
    "overdue": {"policy": Aging(limit="3h")},
    "periods": {"within": "2h", "every": "4h"},
    "sankey": {"steps": 3},
    "score_calibration": {"moments": [hour(6)], "least": 1},
    "scores": {"least": 1},
    "stage_costs": {"costs": _COSTS},
    "stage_exits": {"horizons": ["4h", "8h"]},
    "stuck": {"ahead": "4h"},
    "unit_economics": {"costs": _COSTS},
}
"""Metric → what it cannot do without, and what suits histories of some hours."""

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    name: (name, _OPTIONS.get(name, {})) for name in METRICS if name != "funnel"
} | {f"funnel {name}": ("funnel", {"definition": name}) for name in DEFINITIONS}
"""What is asked, by name: every metric, and the funnel by every definition."""
ASKED["funnel ordered"][1].update(window=timedelta(hours=6))


def reports(records: list[Record]) -> Analytics:
    """Return the metrics over these histories, whose records are deals of two clients and of one another.

    ``sales`` is a pipeline of deals, ``care`` one of leads.
    """
    database = feed(records)
    columns = database.connection.execute("PRAGMA table_info(deal)").fetchall()
    blank = {name: 0 if kind == "INTEGER" else "" for _, name, kind, never, *_ in columns if never}
    for record in records:
        number = int(record.id.rpartition("_")[2])
        row = blank | {"id": record.id, "lead": f"deal_{number + 1}", "contact": f"client_{number % 2}"}
        row |= {"created_us": micros(record.created), "pipeline": "sales"}
        marks = ", ".join(f":{name}" for name in row)
        database.connection.execute(f"INSERT INTO deal ({', '.join(row)}) VALUES ({marks})", row)
    sales, care = (tuple((stage, "") for stage in stages) for stages in PIPELINES.values())
    shapes = [
        Shape(pipeline="sales", stages=sales, probabilities={sales[0][0]: 0.25}),
        Shape(pipeline="care", stages=care, kind="lead"),
    ]
    return Analytics(database, shapes, FrozenClock(hour(10_000)))


def asked(metrics: Analytics, name: str, **filters: Any) -> Any:
    """Return the result of one of `ASKED`."""
    metric, options = ASKED[name]
    return getattr(metrics, metric)(**{"pipeline": "sales"} | options | filters)
