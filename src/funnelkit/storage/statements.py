"""SQL made from the columns: `SELECT` for every store, the rest as SQLite takes it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from funnelkit.storage.columns import COLUMNS, PLACE, STEP

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
    table: f"UPDATE {table} SET {' = ?, '.join(columns[1:])} = ? WHERE id = ? AND version = ?"
    for table, columns in COLUMNS.items()
    if columns[0] == "id" and "version" in columns
}
"""Replace all columns but the id; after them come the id and the version that is replaced."""

UPDATE_PART: dict[str, dict[str, str]] = {
    part: {
        table: f"UPDATE {table} SET {' = ?, '.join(columns)} = ? WHERE id = ? AND version = ?"
        for table in ("deal", "lead")
    }
    for part, columns in (("place", PLACE), ("step", STEP))
}
"""Replace what a move changes, by the part that a `Write` names."""

SELECT: dict[str, str] = {
    table: f"SELECT {', '.join(columns)} FROM {table}" for table, columns in COLUMNS.items()
}
"""Read rows of ``COLUMNS[table]``."""


@cache
def schema() -> str:
    """Return the statements that make the tables."""
    return files("funnelkit.storage").joinpath("schema.sql").read_text(encoding="utf-8")
