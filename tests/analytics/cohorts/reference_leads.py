"""Histories of leads and of the deals that came of them."""

from __future__ import annotations

from tests.analytics.histories import Record, feed, hour, micros

from funnelkit.analytics import Analytics, Shape
from funnelkit.clock import FrozenClock

OURS = {"leads": ("lead", "asked"), "deals": ("deal",)}


def lead_metrics(
    records: list[Record],
    deals: dict[str, str],
    pipelines: dict[str, tuple[str, ...]] = OURS,
    of: str = "leads",
) -> Analytics:
    """Return the metrics of a pipeline of leads, where ``deals`` says of which lead a record is a deal."""
    database = feed(records, pipelines)
    columns = database.connection.execute("PRAGMA table_info(deal)").fetchall()
    for record in records:
        if record.id not in deals:
            continue
        row = {name: 0 if kind == "INTEGER" else "" for _, name, kind, *_ in columns}
        row |= {"id": record.id, "lead": deals[record.id], "created_us": micros(record.created)}
        marks = ", ".join(f":{name}" for name in row)
        database.connection.execute(f"INSERT INTO deal ({', '.join(row)}) VALUES ({marks})", row)
    stages = tuple((stage, "") for stage in pipelines[of])
    return Analytics(database, [Shape(pipeline=of, kind="lead", stages=stages)], FrozenClock(hour(10_000)))
