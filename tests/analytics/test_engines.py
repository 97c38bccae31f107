"""Every text of every metric gives the same rows on DuckDB, on ClickHouse (chdb), on Spark and on SQLite."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.analytics.everything import ask_everything
from tests.analytics.histories import PIPELINES, Database, Edit, Place, Record, feed, histories
from tests.analytics.loading import TABLES, Load, to_chdb, to_duckdb, to_spark

from funnelkit.analytics.sources import source_of
from funnelkit.analytics.texts import Source
from funnelkit.exporting import export
from funnelkit.exporting import load as load_export
from funnelkit.exporting.layout import TABLES as EXPORTED

CARRIED = re.compile(r"m\.(owner|lead_source|campaign|repeat_kind)\b|:(owner|source|campaign|repeat)_is")
"""What a row of the ledger carries: texts that differ in nothing else are one text."""

FULL = os.environ.get("FUNNELKIT_ENGINES") == "full"
SLOW: dict[Any, int] = {to_chdb: 4, to_spark: 8}
LOADED: dict[Any, int] = {to_duckdb: 4, to_chdb: 32}
"""Where a text takes a tenth of a second or a whole one, only one in so many is asked unless all shall be."""

seldom = settings(
    max_examples=3,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Both:
    """Answers a SELECT from SQLite, when the other engine answers the same; each sort of text is asked once.

    Of the sorts of text only one in ``shares`` is looked at, the one that is ``share`` by its length.
    """

    def __init__(self, one: Database, other: Source, shares: int = 1, share: int = 0) -> None:
        self.one, self.other, self.shares, self.share = one, other, shares, share
        self.sorts: set[str] = set()
        self.asked = self.found = 0

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of SQLite; without ORDER BY their order says nothing."""
        rows = self.one.query(sql, params)
        sort = CARRIED.sub("carried", sql)
        if sort not in self.sorts and len(sort) % self.shares == self.share:
            self.sorts.add(sort)
            assert Counter(self.other.query(sql, params)) == Counter(rows), sql
            self.asked += 1
            self.found += len(rows)
        return rows


@pytest.fixture(scope="module", params=["duckdb", "chdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Load, int]]:
    """Give a connection to an engine, what brings a history there, and into how many shares texts are cut."""
    library = {"spark": "pyspark"}.get(request.param, request.param)
    module = pytest.importorskip(library, reason=f"the extra {request.param} is not installed")
    if request.param == "duckdb":
        with module.connect() as connection:
            yield connection, to_duckdb, 2
    elif request.param == "chdb":
        connection = module.connect(":memory:")
        yield connection, to_chdb, 12
        for table in TABLES:  # they are the process's own, and would outlive the connection
            connection.query(f"DROP TABLE IF EXISTS {table}")
        connection.close()
    else:
        from tests.analytics.spark import spark_session

        if shutil.which("java") is None:
            pytest.skip("Spark needs Java")
        with spark_session() as session:
            yield session, to_spark, 40


def eventful() -> list[Record]:
    """Return records to which everything has happened, so that what is compared is not empty."""
    events = (
        Place(0, "sales", PIPELINES["sales"][0]),
        Edit(1, "owner", "bob"),
        Place(2, "sales", PIPELINES["sales"][1]),
        Edit(3, "value", ("USD", 7)),
        Place(4, "sales", PIPELINES["sales"][0]),
        Edit(5, "custom.size", 3),
        Place(6, "sales", "lost", "price"),
        Place(7, "sales", PIPELINES["sales"][0]),
        Place(8, "sales", "won"),
    )
    return [
        Record(f"d{n}", 0, "ann", ("EUR", 100), "web", "spring", {"size": 1, "segment": None}, events)
        for n in (1, 2)
    ]


@seldom
@given(records=histories(most=12), data=st.data())
def test_all_texts_say_the_same(
    engine: tuple[Any, Load, int], records: list[Record], data: st.DataObject
) -> None:
    """For drawn histories, a share of the texts gives equal rows on both engines."""
    connection, load, shares = engine
    database = feed(records, PIPELINES)
    load(connection, database)
    share = data.draw(st.integers(0, shares - 1))
    ask_everything(Both(database, source_of(connection), shares, share), PIPELINES["sales"])


def test_every_sort_of_text_is_compared(engine: tuple[Any, Load, int]) -> None:
    """A history with every sort of event makes the texts find rows: what is compared is not empty."""
    connection, load, _ = engine
    database = feed(eventful(), PIPELINES)
    load(connection, database)
    both = Both(database, source_of(connection), 1 if FULL else SLOW.get(load, 1))
    ask_everything(both, PIPELINES["sales"])
    assert both.asked > 20
    assert both.found > 20


def test_tables_laid_out_for_speed_say_the_same(engine: tuple[Any, Load, int], tmp_path: Path) -> None:
    """What `load` makes of an export (enumerations, an order of its own) changes no row of any text."""
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    connection, load, _ = engine
    if load is to_spark:
        pytest.skip("Spark keeps the files as they are")
    database = feed(eventful(), PIPELINES)
    make = connection.execute if load is to_duckdb else connection.query
    for table in TABLES:
        make(f"DROP TABLE IF EXISTS {table}")
    export(database, tmp_path)  # type: ignore[arg-type]
    source = load_export(connection, tmp_path)
    load(connection, database, [table for table in TABLES if table not in EXPORTED])
    both = Both(database, source, 1 if FULL else LOADED[load], 0 if FULL else 1)
    ask_everything(both, PIPELINES["sales"])
    assert both.asked > 10
    assert both.found > 10
