"""chdb: ClickHouse inside this process. Answers travel as JSON, which keeps every whole number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from funnelkit.analytics.sources.asking import answered_by
from funnelkit.analytics.sources.clickhouse import SETTINGS, ranked_by, typed

__all__ = ["ChdbSource"]

_ALL = SETTINGS | {"output_format_json_quote_64bit_integers": 0}
_SETTINGS = "\nSETTINGS " + ", ".join(f"{name} = {value}" for name, value in _ALL.items())
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n"})


@attrs.frozen
class ChdbSource:
    """Answers a SELECT through a session or a connection of chdb."""

    session: Any

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of ``sql``, whose parameters are written ``:name``."""
        from chdb import ChdbError

        told = {name: _told(value) for name, value in params.items()}
        with answered_by("chdb", ChdbError, RuntimeError):
            answer = self.session.query(typed(sql, params) + _SETTINGS, "JSONCompactEachRow", params=told)
        return [tuple(json.loads(line)) for line in answer.bytes().splitlines()]

    def ranked(self, sql: str, params: Mapping[str, Any], percents: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return quantiles by nearest rank; see `Ranking`."""
        return ranked_by(self, sql, params, percents)


def _told(value: Any) -> Any:
    """Return a value as ClickHouse reads parameters: as a field of a table of text."""
    return value.translate(_ESCAPED) if isinstance(value, str) else value
