"""Opening a PostgreSQL store: URLs, schemas, tables, and what cannot be opened."""

from __future__ import annotations

import asyncio
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.servers import Schemas, free_port

from funnelkit import open_store
from funnelkit.errors import (
    InputError,
    NotAStoreError,
    SchemaVersionError,
    StoreUnavailableError,
)
from funnelkit.storage.base import Commit, Write
from funnelkit.storage.postgres import AsyncPostgresStore, PostgresStore
from funnelkit.storage.postgres.settings import split_schema
from funnelkit.storage.postgres.texts import column_type
from funnelkit.storage.statements import schema as sqlite_schema
from funnelkit.testing.samples import a_deal, new

NOWHERE = "postgresql://nobody@127.0.0.1:{}/crm?connect_timeout=2"


# Opening


def test_a_url_opens_a_store_in_a_schema(schemas: Schemas, schema: str) -> None:
    """``?schema=`` of a URL names the schema; the rest of the URL is libpq's."""
    with closing(open_store(f"{schemas.url}?application_name=crm&schema={schema}")) as store:
        assert isinstance(store, PostgresStore)
        assert store.schema == schema
        assert store.query("SELECT current_setting('application_name')", {}) == [("crm",)]
        store.commit(new(a_deal()))
    with PostgresStore(schemas.url, schema=schema) as again:
        assert again.get("deal", "d1") == a_deal()
    with PostgresStore(f"{schemas.url}?schema={schema}") as third:
        assert third.get("deal", "d1") == a_deal()
    with pytest.raises(InputError, match="say it once"):
        PostgresStore(f"{schemas.url}?schema={schema}", schema="other")


@pytest.mark.parametrize(
    ("url", "bare", "schema"),
    [
        ("postgresql://h/d", "postgresql://h/d", "public"),
        ("postgresql://h/d?schema=crm", "postgresql://h/d", "crm"),
        (
            "postgresql://h1:1,h2:2/d?schema=a&sslmode=disable",
            "postgresql://h1:1,h2:2/d?sslmode=disable",
            "a",
        ),
        ("postgresql:///d?host=%2Ftmp", "postgresql:///d?host=%2Ftmp", "public"),
    ],
)
def test_a_schema_is_taken_out_of_a_url(url: str, bare: str, schema: str) -> None:
    """Only ``schema`` is ours; everything else stays as libpq reads it."""
    assert split_schema(url) == (bare, schema)


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": 'a"; DROP SCHEMA public; --'},
        {"schema": ""},
        {"schema": "pg_mine"},
        {"schema": "a" * 64},
        {"schema": "é"},
        {"schema": None},
        {"durability": "some"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": "5"},
        {"connections": 0},
        {"connections": 2.0},
        {"url": "mysql://h/d"},
        {"url": "postgresql://h/d?no_such_word=1"},
        {"url": None},
    ],
)
def test_an_argument_that_cannot_be_is_refused(postgres: str, wrong: dict[str, Any]) -> None:
    """Before anything is sent, each argument is checked; both stores say the same."""
    arguments = {"url": postgres, **wrong}
    url = arguments.pop("url")
    with pytest.raises(InputError):
        PostgresStore(url, **arguments)
    with pytest.raises(InputError):
        AsyncPostgresStore.open(url, **arguments)


def test_a_password_is_never_shown(postgres: str) -> None:
    """Messages name the server, never the password."""
    url = NOWHERE.format(free_port()).replace("nobody@", "nobody:s3cret@")
    with pytest.raises(StoreUnavailableError) as caught:
        PostgresStore(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.store.startswith("postgresql://127.0.0.1:")


def test_a_server_that_is_not_there_is_said(postgres: str) -> None:
    """Nobody listens: unavailable at once, with the driver's words and the driver's error as the cause."""
    with pytest.raises(StoreUnavailableError) as caught:
        PostgresStore(NOWHERE.format(free_port()))
    assert type(caught.value.__cause__).__name__ == "OperationalError"

    async def awaited() -> None:
        await AsyncPostgresStore.open(NOWHERE.format(free_port()))

    with pytest.raises(StoreUnavailableError):
        asyncio.run(awaited())


def test_a_database_that_is_not_there_is_said(postgres: str) -> None:
    """A server without the database is unavailable, too."""
    with pytest.raises(StoreUnavailableError):
        PostgresStore(re.sub(r"/[^/]*$", "/no_such_database", postgres))


def test_tables_of_another_program_are_left_alone(schemas: Schemas, schema: str, sql: Any) -> None:
    """A schema with a table of one of our names, but not ours, is not touched."""
    sql.execute(f'CREATE SCHEMA "{schema}"')
    sql.execute(f'CREATE TABLE "{schema}".deal (mine INT)')
    with pytest.raises(NotAStoreError, match="deal"):
        PostgresStore(schemas.url, schema=schema)
    assert sql.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,)).fetchall() == [
        ("deal",)
    ]


def test_a_newer_schema_is_left_alone(schemas: Schemas, schema: str, store: PostgresStore, sql: Any) -> None:
    """A store that a newer funnelkit made is refused with both versions."""
    sql.execute(f'UPDATE "{schema}".funnelkit_schema SET version = 7')
    with pytest.raises(SchemaVersionError) as caught:
        PostgresStore(schemas.url, schema=schema)
    assert (caught.value.found, caught.value.supported) == (7, 3)


def test_ten_may_make_the_tables_at_once(schemas: Schemas, schema: str) -> None:
    """Ten that open the same new schema at the same moment all get a store, of one set of tables."""
    start = threading.Barrier(10)

    def make(number: int) -> None:
        start.wait()
        with PostgresStore(schemas.url, schema=schema, connections=1) as store:
            store.commit(new(a_deal(f"d{number}")))

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(make, range(10)))
    with PostgresStore(schemas.url, schema=schema) as store:
        assert store.query("SELECT COUNT(*), (SELECT SUM(version) FROM funnelkit_schema) FROM deal", {}) == [
            (10, 3)
        ]


def test_the_tables_are_those_of_sqlite(store: PostgresStore, schema: str) -> None:
    """Same tables, same columns, same order, same kinds of values; the feed and the version come on top."""
    import sqlite3

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(sqlite_schema())
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        theirs = {
            name: [
                (
                    column,
                    {"TEXT": "text", "INTEGER": "bigint", "REAL": "double precision"}[kind],
                    bool(not_null),
                )
                for _, column, kind, not_null, *_ in connection.execute(f"PRAGMA table_info({name})")
            ]
            for (name,) in names
        }
    ours: dict[str, list[tuple[str, str, bool]]] = {}
    rows = store.query(
        "SELECT table_name, column_name, data_type, is_nullable, collation_name "
        "FROM information_schema.columns WHERE table_schema = :schema ORDER BY table_name, ordinal_position",
        {"schema": schema},
    )
    for table, column, kind, nullable, collation in rows:
        assert collation == ("C" if kind == "text" else None)
        ours.setdefault(table, []).append((column, kind, nullable == "NO"))
    assert ours.pop("funnelkit_schema") == [("version", "bigint", True)]
    assert ours.pop("feed") == [("one", "bigint", True), ("last", "bigint", True)]
    assert ours["change"].pop(0) == ("id", "bigint", True)
    for table in theirs.values():
        table[0] = (*table[0][:2], table[0][0] != "position" or table is not theirs["change"])
    assert ours == theirs


def test_columns_are_written_as_what_they_are(store: PostgresStore, schema: str) -> None:
    """The types that statements name are those of the tables."""
    rows = store.query(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = :s "
        "AND table_name NOT IN ('feed', 'funnelkit_schema') AND table_name || column_name <> 'changeid'",
        {"s": schema},
    )
    named = {"text": "text", "bigint": "bigint", "float8": "double precision"}
    assert {(name, named[column_type(name)]) for name, _ in rows} == set(rows)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_database_in_another_encoding_keeps_every_sign(postgres: str, encoding: str) -> None:
    """In a database that is not UTF-8 texts are kept as they are, few or many; what it lacks is refused."""
    import psycopg

    names = ["人" if encoding == "EUC_JP" else "Zoë", *map(str, range(300))]
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        try:
            url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
            with PostgresStore(url) as store:
                store.commit(new(a_deal(names[0] * 2)))
                store.commit(Commit(writes=tuple(Write(a_deal(each), 0) for each in names)))
                assert {*store.get_many("deal", names)} == {*names}
                assert store.get("deal", names[0] * 2).id == names[0] * 2
                if encoding != "SQL_ASCII":
                    with pytest.raises(InputError, match="no equivalent"):
                        store.commit(new(a_deal("€")))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_encoding_of_the_environment_changes_no_text(
    monkeypatch: pytest.MonkeyPatch, schemas: Schemas, schema: str
) -> None:
    """An encoding in the URL or in libpq's variables does not reach what is kept."""
    names = [f"Zoë {number}" for number in range(300)]
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    sign = "&" if "?" in schemas.url else "?"
    with PostgresStore(f"{schemas.url}{sign}client_encoding=LATIN1", schema=schema) as store:
        store.commit(Commit(writes=tuple(Write(a_deal(name), 0) for name in names)))
        assert {*store.get_many("deal", names)} == {*names}
