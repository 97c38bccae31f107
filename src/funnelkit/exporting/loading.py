"""`load`: the tables of an export, copied into an engine and laid out for the questions of the metrics."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

from funnelkit.analytics.sources.asking import answered_by
from funnelkit.analytics.sources.chdb import ChdbSource
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
    if isinstance(source, DuckDBSource):
        _into_duckdb(source, files)
    else:
        _into_clickhouse(source, files)
    return cast("Source", source)


def _steps(source: Source, table: str, arrived: str) -> list[str]:
    """Return the words that the enumeration of a table needs."""
    if table != "move":
        return []
    said = " UNION ALL ".join(f"SELECT {column} AS word FROM {arrived}" for column in STEPS)  # noqa: S608
    found = source.query(f"SELECT word FROM ({said}) AS said GROUP BY word", {})  # noqa: S608
    return words(word for (word,) in found)


def _into_duckdb(source: DuckDBSource, files: Mapping[str, list[str]]) -> None:
    """Replace the tables in one transaction: all of them, or none."""
    with _transaction(source):
        for table in TABLES:
            arrived = from_parquet(table, files)
            columns = duckdb_columns(table, _steps(source, table, arrived))
            # Its parts know between which values they lie: order is its index.
            made = f"SELECT {columns} FROM {arrived} ORDER BY {_order(table)}"  # noqa: S608
            do(source, f"DROP VIEW IF EXISTS temp.{table}")  # one of `attach`
            do(source, f"CREATE OR REPLACE TABLE {table} AS {made}")
        ever = "SELECT record_id FROM move WHERE direction = 'close' AND target = 'void'"
        void = f"SELECT * FROM move WHERE record_id IN ({ever}) ORDER BY record_id, seq"  # noqa: S608
        do(source, f"DROP VIEW IF EXISTS temp.{VOID_MOVE}")
        do(source, f"CREATE OR REPLACE TABLE {VOID_MOVE} AS {void}")
        ((said,),) = source.query(MOVES_NOW, {})
        do(source, f"COMMENT ON TABLE {VOID_MOVE} IS '{said}'")


@contextmanager
def _transaction(source: DuckDBSource) -> Iterator[None]:
    """Do it in a transaction, the host's own if it has begun one."""
    number = "SELECT txid_current()"  # each statement has its own, but for those of one transaction
    if source.query(number, {}) == source.query(number, {}):
        yield
        return
    do(source, "BEGIN TRANSACTION")
    try:
        yield
        do(source, "COMMIT")
    except BaseException:
        with suppress(StoreError):  # a COMMIT that fails has ended it
            do(source, "ROLLBACK")
        raise


def _into_clickhouse(source: ChdbSource | ClickHouseSource, files: Mapping[str, list[str]]) -> None:
    """Make all tables under names of their own, and change them for those in use by one statement."""
    own = f"funnelkit_{token_hex(4)}"
    try:
        for table in TABLES:
            _made_in_clickhouse(source, table, files[table], own)
        sql = "SELECT name FROM system.tables WHERE database = currentDatabase()"
        there = {name for (name,) in source.query(sql, {})}
        old = [f"{table} TO {own}_old_{table}" for table in TABLES if table in there]
        new = [f"{own}_{table} TO {table}" for table in TABLES]
        do(source, f"RENAME TABLE {', '.join(old + new)}")
    finally:
        for table in ("sent", *TABLES):
            with suppress(StoreError):  # what went wrong before is what is told
                do(source, f"DROP TABLE IF EXISTS {own}_{table}")
    for table in TABLES:  # not before all of the new ones are in use
        do(source, f"DROP TABLE IF EXISTS {own}_old_{table}")


def _made_in_clickhouse(
    source: ChdbSource | ClickHouseSource, table: str, files: list[str], own: str
) -> None:
    if isinstance(source, ClickHouseSource):
        arrived = _sent(source, table, files, f"{own}_sent")
    else:
        arrived = from_file(table, {table: files})
    columns = clickhouse_columns(table, _steps(source, table, arrived))
    do(source, f"CREATE TABLE {own}_{table} ({columns}) ENGINE = MergeTree ORDER BY ({_order(table)})")
    do(source, f"INSERT INTO {own}_{table} SELECT * FROM {arrived}")  # noqa: S608


def _sent(source: ClickHouseSource, table: str, files: list[str], name: str) -> str:
    """Send a server the files of a table one by one; return where they stand until they are laid out."""
    from clickhouse_connect.driver.exceptions import Error

    do(source, f"DROP TABLE IF EXISTS {name}")
    do(source, f"CREATE TABLE {name} ({clickhouse_columns(table)}) ENGINE = MergeTree ORDER BY tuple()")
    with answered_by("ClickHouse", Error, OSError):
        for file in files:
            source.client.raw_insert(name, insert_block=Path(file).read_bytes(), fmt="Parquet")
    return name


def _order(table: str) -> str:
    return ORDER.get(table, TABLES[table][0])
