"""Whether a SQLite database holds funnelkit's tables, and of which schema version."""

from __future__ import annotations

import sqlite3

__all__ = ["APPLICATION_ID", "SCHEMA_TABLE", "version_of"]

APPLICATION_ID = 0x46_4B_49_54
"""``FKIT``, in the header of every file that `SQLiteStore` makes; the version is its ``user_version``."""

SCHEMA_TABLE = "funnelkit_schema"
"""Holds the version, in one row, where the file and its header belong to another program."""


def version_of(connection: sqlite3.Connection | sqlite3.Cursor) -> int:
    """Return the schema version of funnelkit's tables in a database; 0 when it has none."""
    marked = "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?"
    if connection.execute(marked, (SCHEMA_TABLE,)).fetchall():
        question = f"SELECT MAX(version) FROM main.{SCHEMA_TABLE}"
    elif connection.execute("PRAGMA application_id").fetchall()[0][0] == APPLICATION_ID:
        question = "PRAGMA user_version"
    else:
        return 0
    return int(connection.execute(question).fetchall()[0][0] or 0)
