"""Spark: reads the texts and their parameters as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from funnelkit.analytics.sources.asking import answered_by

__all__ = ["SparkSource"]


@attrs.frozen
class SparkSource:
    """Answers a SELECT through a Spark session."""

    session: Any

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of ``sql``, whose parameters are written ``:name``."""
        from pyspark.errors import PySparkException  # pyright: ignore[reportMissingImports]

        with answered_by("Spark", PySparkException):
            return [tuple(row) for row in self.session.sql(sql, args=dict(params)).collect()]
