"""The schema's versions in SQLite: numbered, forward only, each step in one transaction.

``schema.sql`` is the newest schema whole, and new files are made from it. ``migrations/N.sql`` is
the step from version N - 1 to N, from 2 on. A step that was released is never edited again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from funnelkit.storage.statements import schema

__all__ = ["migrate", "statements", "versions"]

_VERSION = 5


@cache
def versions() -> tuple[str, ...]:
    """Return as many scripts as there are versions.

    The first makes the newest schema in an empty file; number N leads from version N - 1 to N.
    """
    folder = files("funnelkit.storage.sqlite").joinpath("migrations")
    steps = [folder.joinpath(f"{number}.sql").read_text("utf-8") for number in range(2, _VERSION + 1)]
    return (schema(), *steps)


def migrate(connection: sqlite3.Connection, scripts: Sequence[str] | None = None) -> int:
    """Bring a database to the newest schema version and return that version.

    Each step commits by itself together with its version number, under the write lock: two
    processes may do this at once, and a crash leaves the version before.
    """
    steps = versions() if scripts is None else scripts
    while (version := _version(connection)) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == version:  # else somebody did it while we waited for the lock
                for statement in statements(steps[version]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1 if version else _VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return version


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def statements(script: str) -> Iterator[str]:
    """Split a script; ``executescript`` would commit the transaction that is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
