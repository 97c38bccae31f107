"""The schema's versions: numbered, forward only, each in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from funnelkit.storage.statements import schema

__all__ = ["migrate", "versions"]


def versions() -> tuple[str, ...]:
    """Return the script that leads to each schema version; the first one makes the tables."""
    return (schema(),)


def migrate(connection: sqlite3.Connection, scripts: Sequence[str] | None = None) -> int:
    """Bring a database to the newest schema version and return that version.

    Each step commits by itself together with its version number, under the write lock: two
    processes may do this at once, and a crash leaves the version before.
    """
    steps = versions() if scripts is None else scripts
    while (version := _version(connection)) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == version:
                for statement in _statements(steps[version]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return version


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Split a script; ``executescript`` would commit the transaction that is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
