"""The SQL texts of the metrics, kept as files in ``sql/`` and put together from a closed list of parts.

Every text stays inside a subset that SQLite, PostgreSQL, DuckDB, ClickHouse and Spark read alike: CTEs,
equality joins, GROUP BY, window functions with explicit ROWS frames, CASE, COALESCE, NULLIF,
COUNT/SUM/MIN/MAX, integer ``+ - * %`` and comparisons; no division, no dates, no quantiles. Python
divides and orders. Two texts are outside of it, ``times/bins`` and ``times/void_stays``: they are for an
index of SQLite, and only sources that say they keep it are asked (`SortedStays`).

A ``{slot}`` in a file is filled from what the caller gives, all of it written in this package, or
else with the file ``<slot>.sql``, which lies in ``parts/`` of the one room that needs it, or in the
``parts/`` of all. What a user says never becomes text: it travels as a parameter.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

__all__ = ["Params", "Source", "compose", "rows_of"]

Params = dict[str, int | str]

_SQL = files("funnelkit.analytics").joinpath("sql")
_SLOT = re.compile(r"\{(\w+)\}")
_NAME = re.compile(r":([a-z]\w*)")
_COMMENT = re.compile(r"--.*\n")


class Source(Protocol):
    """What the metrics ask: anything that runs a SELECT over the tables of a store."""

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of ``sql``, whose parameters are written ``:name``."""
        ...


def compose(name: str, /, **slots: str) -> str:
    """Return the text of ``sql/<name>.sql``, or of the part ``parts/<name>``, with every slot filled.

    >>> compose("parts/first", n="2").strip()
    'SELECT record_id, unit, 2 AS ord, MIN(seq) AS seq_done FROM step_2 GROUP BY record_id, unit'
    """

    def fill(match: re.Match[str]) -> str:
        slot = match[1]
        return _SLOT.sub(fill, slots[slot] if slot in slots else _file(f"parts/{slot}"))

    return _SLOT.sub(fill, _file(name))


def rows_of(source: Source, sql: str, params: Params) -> list[tuple[Any, ...]]:
    """Run ``sql`` with those of ``params`` that it names; some drivers refuse any other."""
    named = set(_NAME.findall(sql))
    return source.query(sql, {name: value for name, value in params.items() if name in named})


@cache
def _file(name: str) -> str:
    room, _, part = name.rpartition("/")
    path = _parts()[part] if room == "parts" else _SQL.joinpath(f"{name}.sql")
    return _COMMENT.sub("", path.read_text(encoding="utf-8")).strip()


@cache
def _parts() -> dict[str, Traversable]:
    """Return the file of every part: those of all rooms, and of each room."""
    folders = [_SQL, *(room for room in _SQL.iterdir() if room.is_dir() and room.name != "parts")]
    found = [file for folder in folders for file in _listed(folder.joinpath("parts"))]
    return {file.name.removesuffix(".sql"): file for file in found}


def _listed(folder: Traversable) -> list[Traversable]:
    return [*folder.iterdir()] if folder.is_dir() else []
