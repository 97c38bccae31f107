"""`load`: the tables of an export, copied into an engine and laid out for the questions of the metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from funnelkit.analytics.sources.asking import answered_by
from funnelkit.analytics.sources.clickhouse import ClickHouseSource
from funnelkit.analytics.sources.duckdb import MOVES_NOW, VOID_MOVE, DuckDBSource
from funnelkit.analytics.sources.spark import SparkSource
from funnelkit.analytics.texts import Source
from funnelkit.errors import StoreError
from funnelkit.exporting.attaching import attach
from funnelkit.exporting.engines import (
    check_ours,
    do,
    files_of,
    from_file,
    from_parquet,
    tables_of,
)
from funnelkit.exporting.layout import (
    ORDER,
    STEPS,
    TABLES,
    clickhouse_columns,
    duckdb_columns,
    words,
)

__all__ = ["load"]

_NEW = "funnelkit_new_"
"""Before the name of a table until all tables are there."""

_ARRIVING = "as_sent"
"""Where the files of a table stand on a server until they are laid out."""


def load(engine: Any, path: str | os.PathLike[str]) -> Source:
    """Copy the tables of an export into an engine; return what `Analytics` takes.

    Copying takes seconds a million rows; each question after it is many times quicker than over the
    files: moves are sorted for the metrics, and places kept as enumerations. An earlier copy is
    replaced when all of the new one is there: where that fails, it stays. A table of somebody else's is
    left alone.

    Args:
        engine: A DuckDB connection, a session or connection of chdb, a client of clickhouse-connect,
            or a Spark session, which keeps them in memory.
        path: The folder of an export.

    Raises:
        InputError: It is no such engine, there is no export, or a table has a name that is needed.
        StoreError: The engine cannot take it; its own error is the cause.
    """
    source, files = tables_of(engine), files_of(path)
    check_ours(source)
    if isinstance(source, SparkSource):
        attach(engine, path)
        for table in TABLES:
            source.session.catalog.cacheTable(table)
        return cast("Source", source)
    try:
        for table in TABLES:
            _make(source, table, files)
        for table in TABLES:
            for statement in _taken_into_use(source, table):
                do(source, statement)
        if isinstance(source, DuckDBSource):
            _keep_void_apart(source)
    finally:
        for table in (*TABLES, _ARRIVING):
            with suppress(StoreError):  # what went wrong before is what is told
                do(source, f"DROP TABLE IF EXISTS {_NEW}{table}")
    return cast("Source", source)


def _steps(source: Source, table: str, arrived: str) -> list[str]:
    """Return the words that the enumeration of a table needs."""
    if table != "move":
        return []
    said = " UNION ALL ".join(f"SELECT {column} AS word FROM {arrived}" for column in STEPS)  # noqa: S608
    found = source.query(f"SELECT word FROM ({said}) AS said GROUP BY word", {})  # noqa: S608
    return words(word for (word,) in found)


def _make(source: Any, table: str, files: Mapping[str, list[str]]) -> None:
    """Make a new table out of files; the one in use stays."""
    order = ORDER.get(table, TABLES[table][0])
    if isinstance(source, DuckDBSource):
        arrived = from_parquet(table, files)
        columns = duckdb_columns(table, _steps(source, table, arrived))
        # Its parts know between which values they lie: order is its index.
        made = f"SELECT {columns} FROM {arrived} ORDER BY {order}"  # noqa: S608
        do(source, f"CREATE OR REPLACE TABLE {_NEW}{table} AS {made}")
        return
    arrived = (
        _sent(source, table, files[table])
        if isinstance(source, ClickHouseSource)
        else from_file(table, files)
    )
    columns = clickhouse_columns(table, _steps(source, table, arrived))
    do(source, f"DROP TABLE IF EXISTS {_NEW}{table}")
    do(source, f"CREATE TABLE {_NEW}{table} ({columns}) ENGINE = MergeTree ORDER BY ({order})")
    do(source, f"INSERT INTO {_NEW}{table} SELECT * FROM {arrived}")  # noqa: S608


def _sent(source: ClickHouseSource, table: str, files: list[str]) -> str:
    """Send a server the files of a table one by one; return where they stand until they are laid out."""
    from clickhouse_connect.driver.exceptions import Error

    arrived = f"{_NEW}{_ARRIVING}"
    do(source, f"DROP TABLE IF EXISTS {arrived}")
    do(source, f"CREATE TABLE {arrived} ({clickhouse_columns(table)}) ENGINE = MergeTree ORDER BY tuple()")
    with answered_by("ClickHouse", Error, OSError):
        for file in files:
            source.client.raw_insert(arrived, insert_block=Path(file).read_bytes(), fmt="Parquet")
    return arrived


def _taken_into_use(source: Any, table: str) -> tuple[str, ...]:
    """Return the statements that put a new table in the place of an old one, or of a view of `attach`."""
    away, name = f"DROP TABLE IF EXISTS {table}", f"{_NEW}{table}"
    if isinstance(source, DuckDBSource):
        return f"DROP VIEW IF EXISTS temp.{table}", away, f"ALTER TABLE {name} RENAME TO {table}"
    return away, f"RENAME TABLE {name} TO {table}"


def _keep_void_apart(source: DuckDBSource) -> None:
    """Make the table of `DuckDBSource.void_move`."""
    ever = "SELECT record_id FROM move WHERE direction = 'close' AND target = 'void'"
    found = f"SELECT * FROM move WHERE record_id IN ({ever}) ORDER BY record_id, seq"  # noqa: S608
    do(source, f"DROP VIEW IF EXISTS temp.{VOID_MOVE}")
    do(source, f"CREATE OR REPLACE TABLE {VOID_MOVE} AS {found}")
    ((said,),) = source.query(MOVES_NOW, {})
    do(source, f"COMMENT ON TABLE {VOID_MOVE} IS '{said}'")
