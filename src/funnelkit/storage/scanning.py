"""The SQL of reading a whole store page by page, and what the columns of a sound row hold."""

from __future__ import annotations

from types import NoneType

from funnelkit.errors import shown
from funnelkit.storage.base import KINDS
from funnelkit.storage.columns import COLUMNS, Row
from funnelkit.storage.statements import SELECT

__all__ = [
    "ABOUT",
    "STRAYS",
    "about_page",
    "check_types",
    "end_of_page",
    "keys_of_page",
    "page_of",
    "sides_of",
]

_PAGE = 500
_KEY: dict[str, str] = {
    **dict.fromkeys(KINDS, "id"),
    "idempotency": "act_key",
    "definition": "fingerprint",
    "match_key": "match_key",
}
"""Table that is read by pages → its key. A page begins behind the key ``:after`` and ends with ``:last``."""

ABOUT = {
    "move": "record_id, seq",
    "activity": "record_id, id",
    "attribute": "record_id, position",
    "change": "record_id, position, version",
}
"""Table of rows about records → the order to read them in; a change may have no position yet."""


def end_of_page(table: str) -> str:
    """Return the SELECT of the last key of the page behind ``:after``; NULL at the end."""
    key = _KEY[table]
    page = f"SELECT {key} AS row_key FROM {table} WHERE {key} > :after ORDER BY {key} LIMIT {_PAGE}"
    return f"SELECT MAX(row_key) FROM ({page}) AS page"


def _within(table: str) -> str:
    return f"FROM {table} WHERE {_KEY[table]} > :after AND {_KEY[table]} <= :last"


def keys_of_page(table: str) -> str:
    """Return the SELECT of the keys of a page, in order."""
    return f"SELECT {_KEY[table]} {_within(table)} ORDER BY {_KEY[table]}"


def page_of(table: str) -> str:
    """Return the SELECT of the rows of a page, in the order of their keys."""
    return f"SELECT {', '.join(COLUMNS[table])} {_within(table)} ORDER BY {_KEY[table]}"


def about_page(table: str, kind: str) -> str:
    """Return the SELECT of the rows of a table that are about the records of a page."""
    return f"{SELECT[table]} WHERE record_id IN (SELECT id {_within(kind)}) ORDER BY {ABOUT[table]}"


def sides_of(kind: str, names: str) -> str:
    """Return the SELECT of who replaced and whom absorbed the records whose ids these stand for."""
    return f"SELECT id, replaced_by, absorbed FROM {kind} WHERE id IN ({names})"


def _strays(table: str) -> str:
    kinds = _KINDS_OF.get(table, KINDS)
    own = " AND match_key.kind = '{}'" if table == "match_key" else ""
    nobody = [
        f"NOT EXISTS (SELECT 1 FROM {kind} WHERE {kind}.id = {table}.record_id{own.format(kind)})"
        for kind in kinds
    ]
    return (
        f"SELECT record_id, COUNT(*) FROM {table} WHERE {' AND '.join(nobody)} "
        "GROUP BY record_id ORDER BY record_id"
    )


_KINDS_OF = {"move": ("lead", "deal"), "match_key": ("lead", "contact", "company")}
STRAYS = {table: _strays(table) for table in (*ABOUT, "match_key")}
"""Table → the SELECT of records that it has rows of, though they do not exist, and how many."""

_WHOLE = {"version", "moves", "seq", "amount", "first_visit"}


def _types(column: str) -> tuple[type, ...]:
    if column == "probability":
        return (float, NoneType)
    if column in {"since_us", "closed_us"}:
        return (int, NoneType)
    return (int,) if column in _WHOLE or column.endswith("_us") else (str,)


_TYPES = {table: tuple(map(_types, columns)) for table, columns in COLUMNS.items()}


def check_types(table: str, row: Row) -> None:
    """Raise TypeError when a column of a row of ``COLUMNS[table]`` holds what no column of its type does."""
    if not all(map(isinstance, row, _TYPES[table])):
        wrong = [
            f"{column} is {shown(value)}"
            for column, value, types in zip(COLUMNS[table], row, _TYPES[table], strict=True)
            if not isinstance(value, types)
        ]
        raise TypeError(", ".join(wrong))
