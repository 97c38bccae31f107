"""`attach`: the tables of an export, seen by an engine."""

from __future__ import annotations

import os
from typing import Any, cast

from funnelkit.analytics.sources.chdb import ChdbSource
from funnelkit.analytics.sources.duckdb import VOID_MOVE, DuckDBSource
from funnelkit.analytics.sources.spark import SparkSource
from funnelkit.analytics.texts import Source
from funnelkit.errors import InputError
from funnelkit.exporting.engines import (
    check_ours,
    do,
    files_of,
    from_file,
    from_parquet,
    tables_of,
)
from funnelkit.exporting.layout import TABLES

__all__ = ["attach"]


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
    source, files = tables_of(engine), files_of(path)
    check_ours(source)
    if isinstance(source, DuckDBSource):
        view = "CREATE OR REPLACE TEMP VIEW"
        for table in TABLES:
            do(source, f"{view} {table} AS SELECT * FROM {from_parquet(table, files)}")  # noqa: S608
        do(source, f"{view} {VOID_MOVE} AS SELECT * FROM move")  # noqa: S608 (not what `load` has made)
    elif isinstance(source, ChdbSource):
        for table in TABLES:
            do(source, f"DROP TABLE IF EXISTS {table}")
            do(source, f"CREATE VIEW {table} AS SELECT * FROM {from_file(table, files)}")  # noqa: S608
    elif isinstance(source, SparkSource):
        for table in TABLES:
            source.session.read.parquet(*files[table]).createOrReplaceTempView(table)
    else:
        raise InputError("engine", "a ClickHouse server cannot see these files", "use load(client, path)")
    return cast("Source", source)
