"""The tables of a history in other engines, made row by row from the database in SQLite."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from tests.analytics.histories import Database

__all__ = ["to_chdb", "to_duckdb", "to_spark"]

TABLES = ("move", "attribute", "definition", "deal", "lead", "activity", "contact", "company")
DUCKDB = {"TEXT": "VARCHAR", "INTEGER": "BIGINT", "REAL": "DOUBLE"}
CLICKHOUSE = {"TEXT": "String", "INTEGER": "Int64", "REAL": "Float64"}
ARROW = {"TEXT": "string", "INTEGER": "int64", "REAL": "float64"}


def columns(database: Database, table: str) -> list[tuple[str, str, bool]]:
    """Return name, type and whether it may be NULL of every column."""
    found = database.connection.execute(f"PRAGMA table_info({table})")
    return [(name, kind, not (never or key)) for _, name, kind, never, _, key in found]


def tables(
    database: Database, names: Sequence[str]
) -> Iterator[tuple[str, list[tuple[str, str, bool]], list[tuple[Any, ...]]]]:
    """Yield the name, the columns and the rows of tables."""
    for table in names:
        rows = database.connection.execute(f"SELECT * FROM {table}").fetchall()
        yield table, columns(database, table), rows


def to_duckdb(connection: Any, database: Database, named: Sequence[str] = TABLES) -> None:
    """Replace the tables of a DuckDB connection."""
    for table, names, rows in tables(database, named):
        listed = ", ".join(f'"{name}" {DUCKDB[kind]}' for name, kind, _ in names)
        connection.execute(f"CREATE OR REPLACE TABLE {table} ({listed})")
        marks = ", ".join("?" * len(names))
        if rows:
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def to_chdb(session: Any, database: Database, named: Sequence[str] = TABLES) -> None:
    """Replace the tables of a session of chdb."""
    for table, names, rows in tables(database, named):
        listed = ", ".join(
            f"`{name}` " + (f"Nullable({CLICKHOUSE[kind]})" if null else CLICKHOUSE[kind])
            for name, kind, null in names
        )
        session.query(f"CREATE OR REPLACE TABLE {table} ({listed}) ENGINE = Memory")
        if rows:
            lines = "\n".join(json.dumps(row) for row in rows)
            session.query(f"INSERT INTO {table} FORMAT JSONCompactEachRow\n{lines}")


def to_spark(session: Any, database: Database, named: Sequence[str] = TABLES) -> None:
    """Replace the views of a Spark session; through Arrow, so that no worker in Python is needed."""
    import pyarrow as arrow

    for table, names, rows in tables(database, named):
        schema = arrow.schema([(name, getattr(arrow, ARROW[kind])()) for name, kind, _ in names])
        told = [dict(zip(schema.names, row, strict=True)) for row in rows]
        session.createDataFrame(arrow.Table.from_pylist(told, schema)).createOrReplaceTempView(table)


class Load(Protocol):
    """Brings tables of a history to an engine, all of them if none are named."""

    def __call__(self, connection: Any, database: Database, /, named: Sequence[str] = TABLES) -> None:
        """Replace them there."""
        ...
