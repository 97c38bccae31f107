"""DuckDB: reads the texts as they are, and names parameters ``$name``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from funnelkit.analytics.sources.asking import answered_by, renamed
from funnelkit.analytics.sources.ranking import cells, decimals, ranking

__all__ = ["DuckDBSource"]


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

    def ranked(self, sql: str, params: Mapping[str, Any], percents: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return quantiles by nearest rank; see `Ranking`. Decimal numbers it does not make binary."""
        return cells(self.query(ranking(sql, f"quantile_disc(lasted_us, [{decimals(percents)}])"), params))
