"""`load`: the tables of an export, copied into an engine and laid out for the questions of the metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from funnelkit.analytics.sources.asking import answered_by
from funnelkit.analytics.sources.chdb import ChdbSource
from funnelkit.analytics.sources.clickhouse import ClickHouseSource
from funnelkit.analytics.sources.duckdb import DuckDBSource
from funnelkit.analytics.texts import Source
from funnelkit.exporting.attaching import attach
from funnelkit.exporting.engines import (
    check_ours,
    do_chdb,
    do_duckdb,
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

_ARRIVING = "funnelkit_arriving"
"""Where the files of a table stand on a server until they are laid out."""


def load(engine: Any, path: str | os.PathLike[str]) -> Source:
    """Copy the tables of an export into an engine; return what `Analytics` takes.

    Copying takes seconds a million rows; each question after it is many times quicker than over the
    files: moves are sorted for the metrics, and places kept as enumerations. An earlier copy is
    replaced; a table of somebody else's is left alone.

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
    if isinstance(source, DuckDBSource):
        for table in TABLES:
            _to_duckdb(source, table, from_parquet(table, files))
    elif isinstance(source, ChdbSource):
        for table in TABLES:
            for statement in _laid_out(source, table, from_file(table, files)):
                do_chdb(source, statement)
    elif isinstance(source, ClickHouseSource):
        _to_server(source, files)
    else:
        attach(engine, path)
        for table in TABLES:
            source.session.catalog.cacheTable(table)
    return cast("Source", source)


def _steps(source: Source, table: str, arrived: str) -> list[str]:
    """Return the words that the enumeration of a table needs."""
    if table != "move":
        return []
    said = " UNION ALL ".join(f"SELECT {column} AS word FROM {arrived}" for column in STEPS)  # noqa: S608
    found = source.query(f"SELECT word FROM ({said}) AS said GROUP BY word", {})  # noqa: S608
    return words(word for (word,) in found)


def _to_duckdb(source: DuckDBSource, table: str, arrived: str) -> None:
    """Make a table out of files. Its parts know between which values they lie: order is its index."""
    columns = duckdb_columns(table, _steps(source, table, arrived))
    order = ORDER.get(table, TABLES[table][0])
    do_duckdb(source, f"DROP VIEW IF EXISTS temp.{table}")
    do_duckdb(
        source,
        f"CREATE OR REPLACE TABLE {table} AS SELECT {columns} FROM {arrived} ORDER BY {order}",  # noqa: S608
    )


def _laid_out(source: ChdbSource | ClickHouseSource, table: str, arrived: str) -> tuple[str, str, str]:
    """Return the statements that make a table of ClickHouse out of what arrived."""
    columns = clickhouse_columns(table, _steps(source, table, arrived))
    order = ORDER.get(table, TABLES[table][0])
    return (
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY ({order})",
        f"INSERT INTO {table} SELECT * FROM {arrived}",  # noqa: S608
    )


def _to_server(source: ClickHouseSource, files: Mapping[str, list[str]]) -> None:
    """Send a server the files one by one, and lay each table out when all of it is there."""
    from clickhouse_connect.driver.exceptions import Error

    with answered_by("ClickHouse", Error, OSError):
        for table in TABLES:
            source.client.command(f"DROP TABLE IF EXISTS {_ARRIVING}")
            columns = clickhouse_columns(table)
            source.client.command(f"CREATE TABLE {_ARRIVING} ({columns}) ENGINE = MergeTree ORDER BY tuple()")
            for file in files[table]:
                source.client.raw_insert(_ARRIVING, insert_block=Path(file).read_bytes(), fmt="Parquet")
            for statement in _laid_out(source, table, _ARRIVING):
                source.client.command(statement)
            source.client.command(f"DROP TABLE {_ARRIVING}")
