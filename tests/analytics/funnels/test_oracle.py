"""The ordered funnel against ClickHouse's own windowFunnel, over the bare events of drawn histories."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.funnels.reference_steps import events_of
from tests.analytics.histories import Record, analytics, histories
from tests.analytics.reference import Asked, is_void, lives

chdb = pytest.importorskip("chdb", reason="windowFunnel is asked in chdb")

PLACES = ("new", "call", "offer", "deal", "won")


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[Any]:
    """Give a connection to ClickHouse in this process."""
    connection = chdb.connect(":memory:")
    yield connection
    connection.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    records=histories(),
    steps=st.lists(st.sampled_from(PLACES), min_size=1, max_size=4, unique=True),
    window=st.sampled_from([1, 2, 5, 1000]),
)
def test_levels_are_those_of_window_funnel(
    clickhouse: Any, records: list[Record], steps: list[str], window: int
) -> None:
    """Each record comes as far as windowFunnel says, which takes the earlier step first at one instant."""
    asked = Asked()
    rows = [
        f"('{life.record.id}', '{event.place}', {round(event.t)})"
        for life in lives(records, asked)
        if not is_void(life)
        for event in events_of(life, asked)
    ]
    wanted: dict[str, int] = {}
    if rows:
        conditions = ", ".join(f"place = '{step}'" for step in steps)
        answer = clickhouse.query(
            f"SELECT name, windowFunnel({window})(toUInt64(t), {conditions}) "
            f"FROM values('name String, place String, t Int64', {', '.join(rows)}) GROUP BY name",
            "JSONCompactEachRow",
        )
        wanted = dict(json.loads(line) for line in answer.bytes().splitlines())
    funnel = analytics(records).funnel(
        "sales", definition="ordered", steps=steps, window=timedelta(hours=window), ties="step_order"
    )
    assert [row.count for row in funnel.rows] == [
        sum(level >= n for level in wanted.values()) for n in range(1, len(steps) + 1)
    ]
    for name, level in wanted.items():
        assert sum(name in funnel.ids(row.stage) for row in funnel.rows) == level
