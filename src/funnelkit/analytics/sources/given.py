"""What was given as a source, made into one: told by the library it comes from, which is never imported."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any, cast

from funnelkit.analytics.texts import Source
from funnelkit.errors import InputError, shown

__all__ = ["source_of"]

_ACCEPTED = (
    "give a store, a DuckDB connection, a client of clickhouse-connect, a session or connection of chdb, "
    "or a Spark session"
)


def source_of(given: Any) -> Source:
    """Return what answers the questions of the metrics.

    Args:
        given: A store of funnelkit or anything else with a ``query(sql, params)`` of its sort; a
            DuckDB connection; a client of clickhouse-connect; a session or connection of chdb; a
            Spark session.

    Raises:
        InputError: None of these, or one that must be awaited.

    >>> from funnelkit import MemoryStore
    >>> store = MemoryStore()
    >>> source_of(store) is store
    True
    >>> source_of("sales.duckdb")
    Traceback (most recent call last):
        ...
    funnelkit.errors.InputError: source: 'sales.duckdb' answers no questions (give a store, a DuckDB \
connection, a client of clickhouse-connect, a session or connection of chdb, or a Spark session)
    """
    homes = (
        set() if isinstance(given, type) else {cls.__module__.split(".")[0] for cls in type(given).__mro__}
    )
    if homes & {"duckdb", "_duckdb"} and hasattr(given, "execute"):
        from funnelkit.analytics.sources.duckdb import DuckDBSource

        return DuckDBSource(given)
    if "chdb" in homes and hasattr(given, "query"):
        from funnelkit.analytics.sources.chdb import ChdbSource

        return ChdbSource(given)
    if "pyspark" in homes and hasattr(given, "sql"):
        from funnelkit.analytics.sources.spark import SparkSource

        return SparkSource(given)
    ask = None if isinstance(given, type) else getattr(given, "query", None)
    if iscoroutinefunction(ask):
        raise InputError("source", f"{shown(given)} must be awaited", "give one that answers at once")
    if "clickhouse_connect" in homes and ask:
        from funnelkit.analytics.sources.clickhouse import ClickHouseSource

        return ClickHouseSource(given)
    if not callable(ask):
        raise InputError("source", f"{shown(given)} answers no questions", _ACCEPTED)
    return cast("Source", given)
