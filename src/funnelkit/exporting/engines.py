"""What `attach` and `load` share: the engine that was given, the files of an export, and statements."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from funnelkit.analytics.sources import source_of
from funnelkit.analytics.sources.asking import answered_by
from funnelkit.analytics.sources.chdb import ChdbSource
from funnelkit.analytics.sources.clickhouse import ClickHouseSource
from funnelkit.analytics.sources.duckdb import DuckDBSource
from funnelkit.analytics.sources.spark import SparkSource
from funnelkit.errors import InputError, NotAStoreError, shown
from funnelkit.exporting.layout import TABLES, clickhouse_columns
from funnelkit.exporting.manifest import MANIFEST, read_manifest

__all__ = ["check_ours", "do", "files_of", "from_file", "from_parquet", "tables_of"]

_IN_DUCKDB = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = :name
"""
_IN_CLICKHOUSE = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = :name"

_TAKEN = (
    "give a DuckDB connection, a session or connection of chdb, a client of clickhouse-connect or a Spark "
    "session; a store is read where it is, by Analytics"
)


def check_ours(source: Any) -> None:
    """Refuse to replace a table that holds something else."""
    columns_of = _IN_DUCKDB if isinstance(source, DuckDBSource) else _IN_CLICKHOUSE
    for table in () if isinstance(source, SparkSource) else TABLES:
        found = {column for (column,) in source.query(columns_of, {"name": table})}
        if found - set(TABLES[table]):
            raise InputError("engine", f"has a table {table} of its own", "give another database or schema")


def tables_of(engine: Any) -> Any:
    """Return the source of an engine that takes tables."""
    try:
        source = source_of(engine)
    except InputError:
        source = None
    if not isinstance(source, DuckDBSource | ChdbSource | SparkSource | ClickHouseSource):
        raise InputError("engine", f"{shown(engine)} takes no tables", _TAKEN)
    return source


def files_of(path: str | os.PathLike[str]) -> Mapping[str, list[str]]:
    """Return the files of every table."""
    folder = Path(path).absolute()
    manifest = read_manifest(folder / MANIFEST)
    if manifest is None:
        raise InputError("path", f"{folder} holds no export", "export(store, path) writes one")
    if dict(manifest.columns) != TABLES:
        raise NotAStoreError(str(folder), "was exported by another version of funnelkit: export it again")
    return {table: [str(folder / part.path) for part in manifest.of(table)] for table in TABLES}


def from_parquet(table: str, files: Mapping[str, list[str]]) -> str:
    """Return the files of a table as DuckDB reads them."""
    return f"read_parquet([{', '.join(map(_text, files[table]))}], hive_partitioning = false)"


def _text(path: str) -> str:
    """Return a path as text in SQL."""
    return "'" + path.replace("'", "''") + "'"


def from_file(table: str, files: Mapping[str, list[str]]) -> str:
    """Return the files of a table, which lie below one folder, as ClickHouse reads them."""
    folder = os.path.commonpath([os.path.dirname(path) for path in files[table]])  # noqa: PTH120
    listed = ",".join(path[len(folder) + 1 :] for path in files[table])
    path = f"{folder}/{{{listed}}}" if len(files[table]) > 1 else files[table][0]
    quoted = path.replace("\\", "\\\\").replace("'", "\\'")
    columns = clickhouse_columns(table).replace("'", "\\'")
    return f"file('{quoted}', 'Parquet', '{columns}')"


def do(source: DuckDBSource | ChdbSource | ClickHouseSource, statement: str) -> None:
    """Do something in an engine that takes statements."""
    if isinstance(source, DuckDBSource):
        import duckdb

        with answered_by("DuckDB", duckdb.Error):
            source.connection.execute(statement)
    elif isinstance(source, ChdbSource):
        from chdb import ChdbError

        with answered_by("chdb", ChdbError, RuntimeError):
            source.session.query(statement)
    else:
        from clickhouse_connect.driver.exceptions import Error

        with answered_by("ClickHouse", Error, OSError):
            source.client.command(statement)
