"""DuckDB: reads the texts as they are, and names parameters ``$name``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from funnelkit.analytics.sources.asking import answered_by, renamed
from funnelkit.analytics.sources.ranking import cells, decimals, ranking

__all__ = ["MOVES_NOW", "VOID_MOVE", "DuckDBSource"]

VOID_MOVE = "funnelkit_void_move"
"""The moves of records that were ever void, once more: they are few, and metrics look for them by record."""

MOVES_NOW = "SELECT concat(COUNT(*), ' moves, from ', MIN(created_us), ' to ', MAX(moved_us)) FROM move"
"""Asks for what the comment of that table says when it was made of the moves that are there."""

_UP_TO_DATE = f"""
    SELECT COUNT(*) FROM duckdb_tables()
    WHERE table_name = '{VOID_MOVE}' AND database_name = current_database() AND schema_name = current_schema()
      AND comment = ({MOVES_NOW})
"""  # noqa: S608


@attrs.frozen
class DuckDBSource:
    """Answers a SELECT through a DuckDB connection, in its thread."""

    connection: Any

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of ``sql``, whose parameters are written ``:name``."""
        import duckdb

        with answered_by("DuckDB", duckdb.Error):
            found = self.connection.execute(renamed(sql, "${}".format), dict(params)).fetchall()
        return list(found)

    @property
    def void_move(self) -> str:
        """The table to look in for the moves of records that were ever void.

        Their own, if `load` has made it of the moves that are there now, else that of all moves.
        """
        return VOID_MOVE if self.query(_UP_TO_DATE, {}) == [(1,)] else "move"

    def ranked(self, sql: str, params: Mapping[str, Any], percents: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return quantiles by nearest rank; see `Ranking`. Decimal numbers it does not make binary."""
        return cells(self.query(ranking(sql, f"quantile_disc(lasted_us, [{decimals(percents)}])"), params))
