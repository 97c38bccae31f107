"""A store inside a sqlite3 connection and a transaction that belong to the program around it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from funnelkit.errors import InputError, NotAStoreError, SchemaVersionError, StoreClosedError, shown
from funnelkit.storage.asks import Ask
from funnelkit.storage.base import Capabilities, Commit
from funnelkit.storage.reading import Reader
from funnelkit.storage.rows import COLUMNS
from funnelkit.storage.sqlite.connections import CLOSED
from funnelkit.storage.sqlite.failing import translated
from funnelkit.storage.sqlite.identity import SCHEMA_TABLE, version_of
from funnelkit.storage.sqlite.migrations import statements, versions
from funnelkit.storage.sqlite.rollups.folding import Rollups
from funnelkit.storage.sqlite.rollups.reading import Asked, rolled
from funnelkit.storage.sqlite.selecting import select
from funnelkit.storage.sqlite.writing import BEGUN, SAVEPOINT, TRANSACTION, undo, write

__all__ = ["JoinedStore", "create_tables"]

T = TypeVar("T")


class JoinedStore(Reader):
    """A store over a connection of the host's: what it writes is kept or taken back by the host.

    A commit is a savepoint in the open transaction, so one that fails leaves nothing and the
    transaction as it was. The connection is never committed, rolled back, closed or set otherwise;
    how it is set (row and text factories, converters, isolation level) does not matter.
    """

    # Nothing is durable or shared until the host commits; a sqlite3 connection is of one thread.
    capabilities = Capabilities(threads=False)
    sorted_stays = True  # by the index `move_stay`: quantiles of stays are found there

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._closed = False
        self._rollups = Rollups()
        self.name = name_of(connection)
        with self._cursor() as cursor:
            found, known = version_of(cursor), len(versions())
        if not found:
            mend = "run SQLiteStore.create_tables(connection) once"
            raise NotAStoreError(self.name, f"has no tables of funnelkit: {mend}")
        if found != known:
            raise SchemaVersionError(self.name, found, known)

    def commit(self, commit: Commit) -> None:
        """Write everything or nothing within the host's transaction; see `Store.commit`."""
        with self._cursor() as cursor:
            if self._connection.in_transaction:
                write(cursor, commit, self._rollups, SAVEPOINT)
            elif _by_hand(self._connection):
                mend = "BEGIN IMMEDIATE first; COMMIT or ROLLBACK is yours"
                raise InputError("connection", "is in autocommit mode with no transaction open", mend)
            else:
                write(cursor, commit, self._rollups, BEGUN)

    def _ask(self, ask: Ask[T]) -> T:
        try:
            with self._cursor() as cursor:
                found = cursor.execute(_bare(ask.sql), ask.params).fetchall()
        except UnicodeEncodeError:
            found = []  # text that cannot be written was never written
        return ask.answer(found, self.name)

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT; anything that would write is refused by the database itself."""
        with self._cursor() as cursor:
            if _CONVERTIBLE & sqlite3.converters.keys():
                sql = _bare_query(cursor, sql, params)
            return select(cursor, sql, params)

    def rolled(self, **asked: Any) -> list[tuple[Any, ...]] | None:
        """Answer out of the roll-ups, if the database has some: see `SQLiteStore.rolled`."""
        return rolled(self.query, Asked(**asked))

    @contextmanager
    def _cursor(self) -> Iterator[sqlite3.Cursor]:
        """Lend a cursor that returns tuples of plain text and numbers, whatever the host prefers."""
        if self._closed:
            raise StoreClosedError(self.name, "closed")
        connection = self._connection
        with _plain_cursor(connection, self.name) as cursor:
            yield cursor

    def close(self) -> None:
        """Let go of the connection; it stays open, and so does its transaction."""
        self._closed = True

    def __repr__(self) -> str:
        return f"SQLiteStore.on(<connection to {self.name}>)"


def create_tables(connection: sqlite3.Connection) -> None:
    """Make funnelkit's tables in a database of the host's, or bring them up to date.

    The version is noted in the table ``funnelkit_schema``. See `SQLiteStore.create_tables`.
    """
    name = name_of(connection)
    bracket = SAVEPOINT if connection.in_transaction else TRANSACTION
    with _plain_cursor(connection, name) as cursor:
        try:
            cursor.execute(bracket.begin)
            _bring_up(cursor, name)
            cursor.execute(bracket.end)
        except BaseException:
            undo(cursor, bracket)
            raise


def _bring_up(cursor: sqlite3.Cursor, name: str) -> None:
    scripts = versions()
    found = version_of(cursor)
    if found > len(scripts):
        raise SchemaVersionError(name, found, len(scripts))
    if not found:
        in_the_way = _tables(cursor) & COLUMNS.keys()
        if in_the_way:
            mend = "rename them, or give funnelkit a file of its own"
            raise NotAStoreError(name, f"has its own tables {', '.join(sorted(in_the_way))}: {mend}")
    for script in scripts[found:] if found else scripts[:1]:
        for statement in statements(script):
            cursor.execute(statement)
    if not found:
        cursor.execute(f"CREATE TABLE {SCHEMA_TABLE} (version INTEGER NOT NULL)")
        cursor.execute(f"INSERT INTO {SCHEMA_TABLE} VALUES ({len(scripts)})")
    elif SCHEMA_TABLE in _tables(cursor):
        cursor.execute(f"UPDATE {SCHEMA_TABLE} SET version = {len(scripts)}")
    else:
        cursor.execute(f"PRAGMA user_version = {len(scripts)}")


def _tables(cursor: sqlite3.Cursor) -> set[str]:
    return {row[0].lower() for row in cursor.execute("SELECT +name FROM main.sqlite_master")}


@contextmanager
def _plain_cursor(connection: sqlite3.Connection, name: str) -> Iterator[sqlite3.Cursor]:
    text_factory, joined = connection.text_factory, False
    try:
        joined = connection.in_transaction
        connection.text_factory = str
        yield sqlite3.Cursor(connection)  # not connection.cursor(), which has the host's row factory
    except sqlite3.Error as error:
        if str(error) == CLOSED:
            raise StoreClosedError(name, "the connection was closed") from error
        hint = ""
        if joined and not connection.in_transaction:
            hint = "; SQLite has rolled back your whole transaction"
        elif getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY_SNAPSHOT":
            hint = "; roll back, and begin again with BEGIN IMMEDIATE"
        raise translated(error, name, hint) from error
    finally:
        connection.text_factory = text_factory


def name_of(connection: Any) -> str:
    """Return what a host's connection is called in messages: its file.

    Raises:
        InputError: It is not a connection of the standard library's sqlite3.
    """
    if not isinstance(connection, sqlite3.Connection):
        raise InputError("connection", f"{shown(connection)} is not a sqlite3.Connection")
    with _plain_cursor(connection, "the connection") as cursor:
        files = [row[2] for row in cursor.execute("PRAGMA database_list").fetchall() if row[1] == "main"]
    return files[0] or "a database in memory"


def _by_hand(connection: sqlite3.Connection) -> bool:
    """Return whether the host begins and ends transactions itself, with SQL."""
    mode = getattr(connection, "autocommit", -1)  # since Python 3.12; -1: the older way
    return bool(connection.isolation_level is None if mode == -1 else mode)


def _bare(sql: str) -> str:
    """Return one of our questions with every column made an expression, which has no declared type.

    A host may have set converters for declared types; values of ours are not for them.
    """
    columns, rest = sql.removeprefix("SELECT ").split(" FROM ", 1)
    return f"SELECT +{columns.replace(', ', ', +')} FROM {rest}"


def _bare_query(cursor: sqlite3.Cursor, sql: str, params: Mapping[str, Any]) -> str:
    """Return a SELECT of the same rows, every column an expression."""
    sql = sql.rstrip("; \n")
    no_rows = select(cursor, f"SELECT * FROM (SELECT 1) LEFT JOIN (\n{sql}\n) ON 0", params)
    names = [f"c{number}" for number in range(1, len(no_rows[0]))]
    return f"WITH q ({', '.join(names)}) AS (\n{sql}\n) SELECT +{', +'.join(names)} FROM q"


_CONVERTIBLE = {"TEXT", "INTEGER", "REAL"}
