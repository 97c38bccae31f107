"""ClickHouse: parameters have types, and some settings make it read the texts as all others do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from funnelkit.analytics.sources.asking import answered_by, renamed
from funnelkit.analytics.sources.ranking import cells, mirrored, ranking
from funnelkit.analytics.texts import Source
from funnelkit.errors import InputError, shown

__all__ = ["SETTINGS", "ClickHouseSource", "ranked_by", "typed"]

SETTINGS = {
    "join_use_nulls": 1,  # no match in a LEFT JOIN is NULL, not '' or 0
    "aggregate_functions_null_for_empty": 1,  # MIN of nothing is NULL, not 0
    "prefer_column_name_to_alias": 1,  # SUM(amount) AS amount sums the column, not itself
    "max_subquery_depth": 1_000,  # a step of an ordered funnel is some levels deep
}
"""What must be set, with the reason; a question fails where the server does not let it."""

_WHOLE = re.compile(
    r"""'(?:[^']|'')*'|\w*[A-Za-z_{]\w*|\d+\.\d+|(?P<number>\b\d+\b)(?! (?:PRECEDING|FOLLOWING)\b)"""
)
_COUNT = re.compile(r"\bCOUNT\(\*\)(?!\s+OVER\b)")
_SHIFTED = re.compile(r"\b(LAG|LEAD)\((\w+), (\d+),\s+('[^']*')\)")
_TYPES = {int: "Int64", str: "String", float: "Float64"}


def typed(sql: str, params: Mapping[str, Any]) -> str:
    """Write each ``:name`` as ``{name:Type}``, by the type of its value, and whole numbers as 64 bits.

    ClickHouse takes a 1 for eight bits without a sign, and then refuses to meet it with a -1; so it
    is with what it counts. Nor does it take the row before, or else a text, of an enumeration.

    Raises:
        InputError: A value that is neither a number nor text.

    >>> typed("SELECT 1 AS n FROM move WHERE moved_us <= :as_of", {"as_of": 5})
    'SELECT 1::Int64 AS n FROM move WHERE moved_us <= {as_of:Int64}'
    """

    def mark(name: str) -> str:
        value = params.get(name)
        if type(value) not in _TYPES:
            raise InputError(name, f"{shown(value)} is neither a number nor text")
        return f"{{{name}:{_TYPES[type(value)]}}}"

    plain = _SHIFTED.sub(r"\1(toString(\2), \3, \4)", sql)
    wide = _WHOLE.sub(lambda found: f"{found[0]}::Int64" if found["number"] else found[0], plain)
    return renamed(_COUNT.sub("toInt64(COUNT(*))", wide), mark)


def ranked_by(
    source: Source, sql: str, params: Mapping[str, Any], percents: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Return quantiles by nearest rank; see `Ranking`.

    What ClickHouse calls exact is the number above the rank's part; of the numbers with their signs
    turned that is the one at or below.
    """
    return cells(source.query(ranking(sql, f"quantilesExact({mirrored(percents)})(-lasted_us)"), params), -1)


@attrs.frozen
class ClickHouseSource:
    """Answers a SELECT through a client of clickhouse-connect."""

    client: Any

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of ``sql``, whose parameters are written ``:name``."""
        from clickhouse_connect.driver.exceptions import Error

        with answered_by("ClickHouse", Error, OSError):
            answer = self.client.query(typed(sql, params), parameters=dict(params), settings=SETTINGS)
        return [tuple(row) for row in answer.result_rows]

    def ranked(self, sql: str, params: Mapping[str, Any], percents: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return quantiles by nearest rank; see `Ranking`."""
        return ranked_by(self, sql, params, percents)
