"""The SQL that SQLite stores write with, made from the columns."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from funnelkit.storage.rows import COLUMNS


def _assigned(columns: tuple[str, ...]) -> str:
    """Return the SET clause for all columns but the first, the id."""
    return ", ".join(f"{column} = ?{number}" for number, column in enumerate(columns[1:], 2))


INSERT: dict[str, str] = {
    table: f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for table, columns in COLUMNS.items()
}
"""Insert one row of ``COLUMNS[table]``."""

REPLACE: dict[str, str] = {
    table: sql.replace("INSERT", "INSERT OR REPLACE", 1) for table, sql in INSERT.items()
}
"""Insert one row, or put it in the place of the one with the same key."""

UPDATE: dict[str, str] = {
    table: f"UPDATE {table} SET {_assigned(columns)} WHERE id = ?1 AND version = ?{len(columns) + 1}"
    for table, columns in COLUMNS.items()
    if columns[0] == "id" and "version" in columns
}
"""Replace a record's row if it is still at the version given after the row."""

SELECT: dict[str, str] = {
    table: f"SELECT {', '.join(columns)} FROM {table}" for table, columns in COLUMNS.items()
}
"""Read rows of ``COLUMNS[table]``."""


@cache
def schema() -> str:
    """Return the statements that make the tables."""
    return files("funnelkit.storage").joinpath("schema.sql").read_text(encoding="utf-8")
