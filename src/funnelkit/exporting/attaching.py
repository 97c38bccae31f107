"""`attach` and `load`: the tables of an export, seen by an engine or copied into it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from funnelkit.analytics.sources import source_of
from funnelkit.analytics.sources.asking import answered_by
from funnelkit.analytics.sources.chdb import ChdbSource
from funnelkit.analytics.sources.clickhouse import ClickHouseSource
from funnelkit.analytics.sources.duckdb import DuckDBSource
from funnelkit.analytics.sources.spark import SparkSource
from funnelkit.analytics.texts import Source
from funnelkit.errors import InputError, NotAStoreError, shown
from funnelkit.exporting.layout import TABLES, clickhouse_columns
from funnelkit.exporting.manifest import MANIFEST, read_manifest

__all__ = ["attach", "load"]


def attach(engine: Any, path: str | os.PathLike[str]) -> Source:
    """Let an engine see the tables of an export; return what `Analytics` takes.

    Nothing is copied. DuckDB and Spark get views that end with the connection or session and hide
    tables of the same names meanwhile; chdb gets views in its current database. They show the
    export as it is now: after the next export attach it again.

    Args:
        engine: A DuckDB connection, a session or connection of chdb, or a Spark session. (A server
            cannot see the files: `load` them.)
        path: The folder of an export.

    Raises:
        InputError: It is no such engine, or there is no export.
        StoreError: The engine cannot read it; its own error is the cause.

    >>> import duckdb
    >>> from tempfile import TemporaryDirectory
    >>> from funnelkit import Engine, Pipeline, Stage
    >>> from funnelkit.analytics import Analytics
    >>> from funnelkit.exporting import export
    >>> engine = Engine(Pipeline("sales", [Stage("new")]))
    >>> deal = engine.create("Acme")
    >>> with TemporaryDirectory() as folder:
    ...     print(export(engine.store, folder).rows["move"])
    ...     print(Analytics(attach(duckdb.connect(), folder)).funnel().rows[0].count)
    1
    1
    """
    source, files = _source(engine), _files(path)
    _check_ours(source)
    if isinstance(source, DuckDBSource):
        for table in TABLES:
            _do_duckdb(source, f"CREATE OR REPLACE TEMP VIEW {table} AS {_from_parquet(table, files)}")
    elif isinstance(source, ChdbSource):
        for table in TABLES:
            _do_chdb(source, f"DROP TABLE IF EXISTS {table}")
            _do_chdb(source, f"CREATE VIEW {table} AS {_from_file(table, files)}")
    elif isinstance(source, SparkSource):
        for table in TABLES:
            source.session.read.parquet(*files[table]).createOrReplaceTempView(table)
    else:
        raise InputError("engine", "a ClickHouse server cannot see these files", "use load(client, path)")
    return cast("Source", source)


def load(engine: Any, path: str | os.PathLike[str]) -> Source:
    """Copy the tables of an export into an engine; return what `Analytics` takes.

    Copying takes seconds a million rows; each question after it is several times quicker than over
    the files. An earlier copy is replaced; a table of somebody else's is left alone.

    Args:
        engine: A DuckDB connection, a session or connection of chdb, a client of clickhouse-connect,
            or a Spark session, which keeps them in memory.
        path: The folder of an export.

    Raises:
        InputError: It is no such engine, there is no export, or a table has a name that is needed.
        StoreError: The engine cannot take it; its own error is the cause.
    """
    source, files = _source(engine), _files(path)
    _check_ours(source)
    if isinstance(source, DuckDBSource):
        for table in TABLES:
            _do_duckdb(source, f"DROP VIEW IF EXISTS temp.{table}")
            _do_duckdb(source, f"CREATE OR REPLACE TABLE {table} AS {_from_parquet(table, files)}")
    elif isinstance(source, ChdbSource):
        for table in TABLES:
            _do_chdb(source, f"DROP TABLE IF EXISTS {table}")
            _do_chdb(source, _made(table))
            _do_chdb(source, f"INSERT INTO {table} {_from_file(table, files)}")
    elif isinstance(source, ClickHouseSource):
        _send(source, files)
    else:
        attach(engine, path)
        for table in TABLES:
            source.session.catalog.cacheTable(table)
    return cast("Source", source)


_ORDER = {"move": "pipeline, moved_us", "attribute": "field_name, record_id"}


def _made(table: str) -> str:
    order = _ORDER.get(table, TABLES[table][0])
    return f"CREATE TABLE {table} ({clickhouse_columns(table)}) ENGINE = MergeTree ORDER BY ({order})"


_IN_DUCKDB = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = :name
"""
_IN_CLICKHOUSE = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = :name"


def _check_ours(source: Any) -> None:
    """Refuse to replace a table that holds something else."""
    columns_of = _IN_DUCKDB if isinstance(source, DuckDBSource) else _IN_CLICKHOUSE
    for table in () if isinstance(source, SparkSource) else TABLES:
        found = {column for (column,) in source.query(columns_of, {"name": table})}
        if found - set(TABLES[table]):
            raise InputError("engine", f"has a table {table} of its own", "give another database or schema")


def _source(engine: Any) -> Any:
    source = source_of(engine)
    if not isinstance(source, DuckDBSource | ChdbSource | SparkSource | ClickHouseSource):
        raise InputError("engine", f"{shown(engine)} takes no tables", "give Analytics the store itself")
    return source


def _files(path: str | os.PathLike[str]) -> Mapping[str, list[str]]:
    """Return the files of every table."""
    folder = Path(path).absolute()
    manifest = read_manifest(folder / MANIFEST)
    if manifest is None:
        raise InputError("path", f"{folder} holds no export", "export(store, path) writes one")
    if dict(manifest.columns) != TABLES:
        raise NotAStoreError(str(folder), "was exported by another version of funnelkit: export it again")
    return {table: [str(folder / part.path) for part in manifest.of(table)] for table in TABLES}


def _from_parquet(table: str, files: Mapping[str, list[str]]) -> str:
    listed = ", ".join(map(_text, files[table]))
    return f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)"  # noqa: S608


def _text(path: str) -> str:
    """Return a path as text in SQL."""
    return "'" + path.replace("'", "''") + "'"


def _from_file(table: str, files: Mapping[str, list[str]]) -> str:
    """Return the SELECT of files that lie below one folder."""
    folder = os.path.commonpath([os.path.dirname(path) for path in files[table]])  # noqa: PTH120
    listed = ",".join(path[len(folder) + 1 :] for path in files[table])
    path = f"{folder}/{{{listed}}}" if len(files[table]) > 1 else files[table][0]
    quoted = path.replace("\\", "\\\\").replace("'", "\\'")
    return f"SELECT * FROM file('{quoted}', 'Parquet', '{clickhouse_columns(table)}')"  # noqa: S608


def _do_duckdb(source: DuckDBSource, statement: str) -> None:
    import duckdb

    with answered_by("DuckDB", duckdb.Error):
        source.connection.execute(statement)


def _do_chdb(source: ChdbSource, statement: str) -> None:
    from chdb import ChdbError

    with answered_by("chdb", ChdbError, RuntimeError):
        source.session.query(statement)


def _send(source: ClickHouseSource, files: Mapping[str, list[str]]) -> None:
    """Make the tables on a server and send it the files one by one."""
    from clickhouse_connect.driver.exceptions import Error

    with answered_by("ClickHouse", Error, OSError):
        for table in TABLES:
            source.client.command(f"DROP TABLE IF EXISTS {table}")
            source.client.command(_made(table))
            for file in files[table]:
                source.client.raw_insert(table, insert_block=Path(file).read_bytes(), fmt="Parquet")
