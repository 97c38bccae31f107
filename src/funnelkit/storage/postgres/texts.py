"""The SQL that PostgreSQL stores write with, made from the columns; and placeholders as psycopg has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from funnelkit.storage.base import Kind, Part
from funnelkit.storage.columns import COLUMNS, PLACE, STEP, Row
from funnelkit.storage.postgres.planning import KEYS, Plan

__all__ = [
    "BEGIN",
    "BEGIN_READING",
    "COMMIT",
    "Statement",
    "at_once",
    "column_type",
    "copied",
    "copy_into",
    "holding",
    "insert_many",
    "looking",
    "looking_for_changes",
    "numbered",
    "placeholders",
    "update_many",
]

_AT_ONCE = 8  # rows of one table in one statement
_ONCE = ("definition", "match_key")  # tables whose rows may be there already


class Statement(NamedTuple):
    """SQL with ``%s`` or ``%(name)s``, and its parameters."""

    sql: str
    params: Any = ()


BEGIN = Statement("BEGIN")
BEGIN_READING = Statement("BEGIN READ ONLY")
COMMIT = Statement("COMMIT")


_TOKENS = re.compile(
    r"""(?P<asis>
        (?<![\w$])[eE]'(?:\\.|''|[^'\\])*'   # a string with escapes
      | '(?:[^']|'')*'
      | "(?:[^"]|"")*"
      | --[^\n]*
      | /\*.*?\*/
      | (?<![\w$])\$(?P<tag>\w*)\$.*?\$(?P=tag)\$
      | ::
      | %
    )
    | (?<![\w:]):(?P<name>[^\W\d]\w*)
    | (?P<mark>\?)""",
    re.DOTALL | re.VERBOSE,
)


@lru_cache(maxsize=1_000)
def placeholders(sql: str) -> str:
    """Write ``?`` as ``%s`` and ``:name`` as ``%(name)s``, outside of text, names, comments and casts.

    >>> placeholders("SELECT ':a', x::TEXT FROM deal WHERE id = :id AND name LIKE '5%'")
    "SELECT ':a', x::TEXT FROM deal WHERE id = %(id)s AND name LIKE '5%%'"
    """

    def written(found: re.Match[str]) -> str:
        if found["asis"] is not None:
            return found["asis"].replace("%", "%%")
        return "%s" if found["mark"] else f"%({found['name']})s"

    return _TOKENS.sub(written, sql)


@lru_cache(maxsize=1_000)
def numbered(sql: str) -> bytes:
    """Write ``%s`` as ``$1``, ``$2``, …: PostgreSQL's own signs, which psycopg need not look for.

    It would look through a statement with more than fifty of them each time it is sent. As bytes,
    for it would encode them each time, and compute the hash under which it has prepared them.

    >>> numbered("SELECT %s::text, %s::bigint")
    b'SELECT $1::text, $2::bigint'
    """
    first, *parts = sql.split("%s")
    return (first + "".join(f"${number}{part}" for number, part in enumerate(parts, 1))).encode()


def column_type(name: str) -> str:
    """Return the type of a column of any of our tables."""
    if name == "probability":
        return "float8"
    return "bigint" if name.endswith("_us") or name in _NUMBERS else "text"


_NUMBERS = {"version", "moves", "amount", "seq", "first_visit", "position"}


# One statement for one act


def at_once(plan: Plan) -> Statement | None:
    """Return the one statement that writes a small commit whole or not at all, or None for a larger one.

    It answers with one row; with none where the record that changes was not at its expected version,
    and then nothing was written.
    """
    tables = {**plan.new, **plan.added, **plan.once}
    changed = [(kind, item) for kind, items in plan.changed.items() for item in items]
    if len(changed) > 1 or any(len(items) > _AT_ONCE for items in tables.values()):
        return None
    params: list[Any] = []
    columns: tuple[str, ...] = ()
    for kind, (row, expected) in changed:
        columns = changed_columns(kind, plan.part)
        params += row[1:] if plan.part == "whole" else _OF_PART[plan.part, kind](row)
        params += (row[0], expected)
    for items in tables.values():
        for row in items:
            params += row
    sizes = tuple((table, len(items)) for table, items in tables.items())
    return Statement(_together(changed[0][0] if changed else None, columns, sizes), params)


_PARTS: dict[Part, tuple[str, ...]] = {"place": PLACE, "step": STEP}
_OF_PART = {
    (part, kind): itemgetter(*map(COLUMNS[kind].index, columns))
    for part, columns in _PARTS.items()
    for kind in ("deal", "lead")
}


def changed_columns(kind: str, part: Part) -> tuple[str, ...]:
    """Return the columns that a change of a part of a record sets."""
    return COLUMNS[kind][1:] if part == "whole" else _PARTS[part]


@lru_cache(maxsize=1_000)
def _together(changed: Kind | None, columns: tuple[str, ...], sizes: tuple[tuple[str, int], ...]) -> str:
    parts = []
    if changed:
        values = ", ".join(f"{column} = {_given(column)}" for column in columns)
        parts.append(f"old AS (UPDATE {changed} SET {values} WHERE id = %s AND version = %s RETURNING 1)")
    for table, size in sizes:
        columns = COLUMNS[table]
        row = f"({', '.join(map(_given, columns))})"
        source = f"VALUES {', '.join([row] * size)}"
        if changed:
            source = f"SELECT given.* FROM old, ({source}) AS given"
        again = " ON CONFLICT DO NOTHING" if table in _ONCE else ""
        parts.append(f"new_{table} AS (INSERT INTO {table} ({', '.join(columns)}) {source}{again})")
    return f"WITH {', '.join(parts)} SELECT 1{' FROM old' if changed else ''}"


def _given(column: str) -> str:
    return f"%s::{column_type(column)}"


# Sets of rows


def holding(kind: Kind, ids: Sequence[str]) -> Statement:
    """Lock records in the order of their ids, and read their versions.

    The array is a query of its own, for a text that is cast in the condition is cast again for each row.
    """
    given = "SELECT unnest(%s::text[])"
    return Statement(
        f"SELECT id, version FROM {kind} WHERE id IN ({given}) ORDER BY id FOR UPDATE", (_array(ids),)
    )


def update_many(kind: Kind, items: Sequence[Row], part: Part = "whole") -> Statement:
    """Replace a part of records that are locked."""
    columns = ("id", *changed_columns(kind, part))
    if part != "whole":
        of_part = _OF_PART[part, kind]
        items = [(row[0], *of_part(row)) for row in items]
    values = ", ".join(f"{column} = given.{column}" for column in columns[1:])
    sql = f"UPDATE {kind} SET {values} FROM {_given_rows(columns)} WHERE {kind}.id = given.id"
    return Statement(sql, _arrays(columns, items))


def insert_many(table: str, items: Sequence[Row]) -> Statement:
    """Insert rows in their order."""
    columns = ", ".join(COLUMNS[table])
    again = " ON CONFLICT DO NOTHING" if table in _ONCE else ""
    given = _given_rows(COLUMNS[table])
    sql = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {given} ORDER BY ord{again}"
    return Statement(sql, _arrays(COLUMNS[table], items))


@cache
def copy_into(table: str) -> str:
    """Insert rows that follow."""
    return f"COPY {table} ({', '.join(COLUMNS[table])}) FROM STDIN"


def copied(table: str, items: Sequence[Row]) -> bytes:
    """Write rows as COPY reads them.

    Signs that no text can have, for they have no encoding, stand for what parts the cells until the
    text in the cells is escaped: so it takes a few passes over one text instead of one over each cell.
    """
    columns = [
        values
        if column_type(column) == "text"
        else [_NULL if value is None else repr(value) for value in values]
        for column, values in zip(COLUMNS[table], zip(*items, strict=True), strict=True)
    ]
    joined = _ROW.join(map(_CELL.join, zip(*columns, strict=True)))
    if joined.count(_CELL) != len(items) * (len(columns) - 1) or joined.count(_ROW) != len(items) - 1:
        raise UnicodeError("text holds half a sign, which cannot be stored")
    for sign, written in _COPIED:
        joined = joined.replace(sign, written)
    return f"{joined}\n".encode()


_CELL, _ROW, _NULL = "\udc00", "\udc01", "\udc02"
_COPIED = (
    ("\\", "\\\\"),
    ("\t", "\\t"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    (_CELL, "\t"),
    (_ROW, "\n"),
    (_NULL, "\\N"),
)


@cache
def _given_rows(columns: tuple[str, ...]) -> str:
    arrays = ", ".join(f"%s::{column_type(column)}[]" for column in columns)
    return f"unnest({arrays}) WITH ORDINALITY AS given ({', '.join(columns)}, ord)"


def _arrays(columns: tuple[str, ...], items: Sequence[Row]) -> list[str]:
    return [
        _array(values) if column_type(column) == "text" else _numbers(values)
        for column, values in zip(columns, zip(*items, strict=True), strict=True)
    ]


def _array(texts: Sequence[str]) -> str:
    """Write texts as an array in PostgreSQL's notation."""
    if not texts:
        return "{}"
    joined = "\0".join(texts)
    if joined.count("\0") >= len(texts):
        raise UnicodeError("text holds a NUL, which PostgreSQL cannot store")
    quoted = joined.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","')
    return f'{{"{quoted}"}}'


def _numbers(numbers: Iterable[float | None]) -> str:
    return f"{{{','.join(['NULL' if number is None else repr(number) for number in numbers])}}}"


# What of a commit is there


def looking(plan: Plan) -> dict[str, Statement]:
    """Return, for each table of a commit that has keys, the question for the rows under those keys."""
    wanted: dict[str, list[Row]] = {kind: [row for row, _ in items] for kind, items in plan.changed.items()}
    for table, items in plan.new.items():
        wanted[table] = wanted.get(table, []) + items
    return {table: _under(table, KEYS[table], items) for table, items in wanted.items()}


def looking_for_changes(plan: Plan) -> Statement:
    """Return the question for the changes of the versions that a commit made."""
    return _under("change", ("record_id", "version"), plan.added.get("change", []))


def _under(table: str, key: tuple[str, ...], items: list[Row]) -> Statement:
    places = [COLUMNS[table].index(column) for column in key]
    keys = sorted({tuple(row[place] for place in places) for row in items})
    arrays = [_array(key) if isinstance(key[0], str) else _numbers(key) for key in zip(*keys, strict=True)]
    given = ", ".join(f"%s::{column_type(column)}[]" for column in key)
    names = ", ".join(key)
    columns = ", ".join(COLUMNS[table])
    sql = f"SELECT {columns} FROM {table} WHERE ({names}) IN (SELECT * FROM unnest({given}) AS given)"
    return Statement(sql, arrays)
