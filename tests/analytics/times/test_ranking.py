"""Quantiles of engines that rank by themselves: the definition, and the answers of every metric that asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.histories import Record, feed, histories, hour
from tests.analytics.loading import TABLES, Load, to_chdb, to_duckdb

from funnelkit.analytics import Analytics, Shape
from funnelkit.analytics.sources import source_of
from funnelkit.analytics.texts import Source
from funnelkit.clock import FrozenClock

few = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
SALES = Shape(pipeline="sales", stages=tuple((stage, "") for stage in ("new", "call", "offer", "deal")))


@pytest.fixture(scope="module", params=["duckdb", "chdb"])
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Load]]:
    """Give a connection to an engine that ranks, and what brings a history there."""
    module = pytest.importorskip(request.param, reason=f"the extra {request.param} is not installed")
    if request.param == "duckdb":
        with module.connect() as connection:
            yield connection, to_duckdb
        return
    connection = module.connect(":memory:")
    yield connection, to_chdb
    for table in TABLES:  # they are the process's own, and would outlive the connection
        connection.query(f"DROP TABLE IF EXISTS {table}")
    connection.close()


class Portable:
    """A source that does not rank by itself."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows."""
        return self.source.query(sql, params)


NUMBERS = {
    "duckdb": "SELECT 'k' AS grp, 's' AS stage, 7 * range AS lasted_us FROM range(:n)",
    "chdb": "SELECT 'k' AS grp, 's' AS stage, 7 * toInt64(number) AS lasted_us FROM numbers(9000) "
    "WHERE number < :n",
}


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 29, 57, 100, 300, 999, 7000])
def test_the_engines_mean_the_same_by_a_quantile(engine: tuple[Any, Load], n: int) -> None:
    """For every percent it is the smallest number that at least so many percent do not exceed."""
    connection, load = engine
    sql = NUMBERS["duckdb" if load is to_duckdb else "chdb"]
    percents = range(1, 101)
    source: Any = source_of(connection)
    want = [7 * (-(-percent * n // 100) - 1) for percent in percents]
    assert source.ranked(sql, {"n": n}, percents) == [("k", "s", *want)]


@few
@given(
    histories(),
    st.sampled_from([{}, {"by": "owner"}, {"owner": "ann"}, {"as_of": hour(50)}, {"by": "custom.size"}]),
    st.sampled_from(["stay", "record"]),
)
def test_ranked_equals_portable(
    engine: tuple[Any, Load], records: list[Record], how: dict[str, Any], each: Any
) -> None:
    """Times on stages, to a win and of people have the same rows, ranked or by the portable text."""
    connection, load = engine
    load(connection, feed(records))
    source = source_of(connection)
    assert hasattr(source, "ranked")
    tables = []
    for asked in (source, Portable(source)):
        metrics = Analytics(asked, [SALES], FrozenClock(hour(99)))
        people = metrics.people(**{name: value for name, value in how.items() if name != "by"})
        results = (metrics.time_in_stage(each=each, **how), metrics.days_to_win(**how), people)
        tables.append([row.values() for result in results for row in result.rows])
    assert tables[0] == tables[1]
