"""Every text of every metric gives the same rows on PostgreSQL and on SQLite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.analytics.everything import ask_everything
from tests.analytics.histories import PIPELINES, Database, Edit, Place, Record, feed, histories
from tests.servers import Schemas

from funnelkit.storage.postgres import PostgresStore


@pytest.fixture
def store(schemas: Schemas) -> Iterator[PostgresStore]:
    """Give an empty store."""
    with PostgresStore(schemas.url, schema=schemas.new(), durability="fast") as made:
        yield made


class Twice:
    """Answers a SELECT from SQLite, when PostgreSQL answers the same."""

    def __init__(self, one: Database, other: PostgresStore) -> None:
        self.one, self.other = one, other
        self.asked = self.found = 0

    def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
        """Return the rows of both; without ORDER BY their order says nothing."""
        rows = self.one.query(sql, params)
        others = self.other.query(sql, params)
        assert Counter(others) == Counter(rows), sql
        self.asked += 1
        self.found += len(rows)
        return rows


def copy(database: Database, url: str, schema: str) -> None:
    """Bring the rows of a database into a schema."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute(f'SET search_path = "{schema}"')
        for table in ("move", "attribute"):
            cursor = database.connection.execute(f"SELECT * FROM {table} ORDER BY position")
            columns = [column for column, *_ in cursor.description]
            connection.execute(f"TRUNCATE {table}")
            marks = ", ".join(["%s"] * len(columns))
            connection.cursor().executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", cursor.fetchall()
            )


@settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(records=histories(most=12))
def test_all_texts_say_the_same(schemas: Schemas, store: PostgresStore, records: list[Record]) -> None:
    """For drawn histories, each metric's every text gives equal rows on both engines."""
    database = feed(records, PIPELINES)
    copy(database, schemas.url, store.schema)
    both = Twice(database, store)
    ask_everything(both, PIPELINES["sales"])
    assert both.asked > 100


def test_something_is_compared(schemas: Schemas, store: PostgresStore) -> None:
    """A history with every sort of event makes the texts find rows: what is compared is not empty."""
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
    records = [
        Record(f"d{n}", 0, "ann", ("EUR", 100), "web", "spring", {"size": 1, "segment": None}, events)
        for n in (1, 2)
    ]
    database = feed(records, PIPELINES)
    copy(database, schemas.url, store.schema)
    both = Twice(database, store)
    ask_everything(both, PIPELINES["sales"])
    assert both.found > 500
