"""What state a connection of somebody else is in, as the driver sees it."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from funnelkit.storage.host_state import has_begun, state_of

NEWER = pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 has no autocommit attribute yet")


@pytest.fixture
def connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., sqlite3.Connection]:
    """Give what connects to a file with a table, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("host.db")) as connection:
        connection.executescript("CREATE TABLE orders (id INT); INSERT INTO orders VALUES (1);")
    return lambda **settings: sqlite3.connect("host.db", **settings)


@pytest.mark.parametrize("level", ["DEFERRED", None])
def test_sqlite_is_open_from_begin_to_commit(connect: Callable[..., Any], level: str | None) -> None:
    """A connection of sqlite3 is idle, open while a transaction is, idle again, then closed."""
    with closing(connect(isolation_level=level)) as connection:
        states = [state_of(connection)]
        connection.execute("BEGIN")
        states.append(state_of(connection))
        connection.execute("INSERT INTO orders VALUES (2)")
        states.append(state_of(connection))
        connection.execute("COMMIT")
        states.append(state_of(connection))
    states.append(state_of(connection))
    assert states == ["idle", "open", "open", "idle", "closed"]


@NEWER
def test_who_is_always_in_a_transaction_is_open_once_it_writes(connect: Callable[..., Any]) -> None:
    """With ``autocommit=False`` only what was written makes a transaction open: reading leaves it idle."""
    with closing(connect(autocommit=False)) as connection:
        states = [state_of(connection)]
        connection.execute("SELECT * FROM orders").fetchall()
        states.append(state_of(connection))
        connection.execute("INSERT INTO orders VALUES (2)")
        states.append(state_of(connection))
        connection.rollback()
        states.append(state_of(connection))
        assert has_begun(connection) is True
    states.append(state_of(connection))
    assert states == ["idle", "idle", "open", "idle", "closed"]


@NEWER
def test_looking_leaves_no_file(connect: Callable[..., Any], tmp_path: Path) -> None:
    """Whether something was written is found out without a file of ours, and without a copy."""
    with closing(connect(autocommit=False)) as connection:
        state_of(connection)
        connection.execute("INSERT INTO orders VALUES (2)")
        state_of(connection)
        assert {file.name for file in tmp_path.iterdir()} <= {"host.db", "host.db-journal"}


@pytest.mark.parametrize("autocommit", [False, True])
def test_postgres_is_open_from_its_first_statement(postgres: str, autocommit: bool) -> None:
    """A connection of psycopg is idle, open from its first statement or BEGIN on, and closed at the end."""
    import psycopg

    with psycopg.connect(postgres, autocommit=autocommit) as connection:
        states = [(state_of(connection), has_begun(connection))]
        connection.execute("BEGIN" if autocommit else "SELECT 1")
        states.append((state_of(connection), has_begun(connection)))
        connection.execute("COMMIT")
        states.append((state_of(connection), has_begun(connection)))
    assert states == [("idle", False), ("open", True), ("idle", False)]
    assert state_of(connection) == "closed"
