"""PostgreSQL inside the host's transaction: it is the host's, and stays as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from tests.servers import Schemas

from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    InputError,
    NotAStoreError,
    SchemaVersionError,
    StoreBusyError,
    StoreClosedError,
    StoreError,
)
from funnelkit.storage.base import Commit, Write
from funnelkit.storage.postgres import AsyncPostgresStore, PostgresStore
from funnelkit.testing.samples import a_change, a_deal, a_move, new


@pytest.fixture
def schema(schemas: Schemas) -> str:
    """Return a new schema with the tables in it, and with a table of the host's."""
    import psycopg

    name = schemas.new()
    PostgresStore(schemas.url, schema=name).close()
    with psycopg.connect(schemas.url, autocommit=True) as connection:
        connection.execute(f'CREATE TABLE "{name}".orders (id INT PRIMARY KEY)')
    return name


@pytest.fixture
def host(schemas: Schemas) -> Iterator[Any]:
    """Give a connection of the host's, set in ways of its own."""
    import psycopg
    from psycopg.rows import dict_row
    from psycopg.types.numeric import FloatLoader

    with psycopg.connect(schemas.url, row_factory=dict_row) as connection:
        connection.prepare_threshold = 0
        connection.adapters.register_loader("int8", FloatLoader)
        connection.adapters.register_loader("text", FloatLoader)
        yield connection
        if not connection.closed:
            connection.rollback()


@pytest.fixture
def outside(schemas: Schemas, schema: str) -> Iterator[PostgresStore]:
    """Give a store that sees what is committed."""
    with PostgresStore(schemas.url, schema=schema, timeout=1) as store:
        yield store


def deals(store: PostgresStore) -> list[str]:
    """Return the ids of the deals."""
    return [deal.id for deal in store.find("deal", {})]


def test_our_rows_are_committed_with_the_hosts(host: Any, schema: str, outside: PostgresStore) -> None:
    """Before the host commits nobody else sees anything; then both rows are there."""
    host.execute(f'INSERT INTO "{schema}".orders VALUES (1)')
    PostgresStore.on(host, schema=schema).commit(new(a_deal("d1")))
    assert deals(outside) == []
    host.commit()
    assert deals(outside) == ["d1"]
    assert outside.query("SELECT id FROM orders", {}) == [(1,)]


def test_our_rows_go_with_the_hosts(host: Any, schema: str, outside: PostgresStore) -> None:
    """After the host's rollback neither row is there."""
    host.execute(f'INSERT INTO "{schema}".orders VALUES (1)')
    PostgresStore.on(host, schema=schema).commit(new(a_deal("d1")))
    host.rollback()
    assert deals(outside) == []
    assert outside.query("SELECT id FROM orders", {}) == []


@pytest.mark.parametrize("size", [1, 30])
def test_a_commit_that_fails_leaves_the_hosts_transaction(
    host: Any, schema: str, outside: PostgresStore, size: int
) -> None:
    """After our error the host goes on where it was, and what it wrote is kept; large and small."""
    outside.commit(new(a_deal("d1")))
    store = PostgresStore.on(host, schema=schema)
    host.execute(f'INSERT INTO "{schema}".orders VALUES (1)')
    some = tuple(Write(a_deal(f"x{number}"), 0) for number in range(size))
    with pytest.raises(ConflictError) as caught:
        store.commit(Commit(writes=(*some, Write(a_deal("d1", version=4), 3))))
    assert caught.value == ConflictError("deal", "d1", 3, 1)
    with pytest.raises(AlreadyExistsError):
        store.commit(new(a_deal("d1")))
    host.execute(f'INSERT INTO "{schema}".orders VALUES (2)')
    store.commit(new(a_deal("d2")))
    host.commit()
    assert deals(outside) == ["d1", "d2"]
    assert outside.query("SELECT id FROM orders ORDER BY id", {}) == [(1,), (2,)]


def test_a_read_that_fails_leaves_the_hosts_transaction(host: Any, schema: str) -> None:
    """A query that cannot run, or would write, is our error alone."""
    store = PostgresStore.on(host, schema=schema)
    host.execute(f'INSERT INTO "{schema}".orders VALUES (1)')
    for sql in (
        "SELECT nothing FROM deal",
        "WITH one AS (SELECT 1) DELETE FROM orders",
        "SELECT 1 FROM nowhere",
    ):
        with pytest.raises(InputError):
            store.query(sql, {})
    host.execute(f'INSERT INTO "{schema}".orders VALUES (2)')  # it is not read-only now
    assert host.execute(f'SELECT COUNT(*)::TEXT AS n FROM "{schema}".orders').fetchall() == [{"n": 2.0}]


def test_what_was_written_there_is_read_there(host: Any, schema: str) -> None:
    """A store sees its own writes before they are committed, however the host reads its rows."""
    store = PostgresStore.on(host, schema=schema)
    store.commit(Commit(writes=(Write(a_deal("d1"), 0),), moves=(a_move("d1"),)))
    assert store.get("deal", "d1") == a_deal("d1")
    assert store.moves("d1") == [a_move("d1")]
    assert store.query("SELECT SUM(version), MAX(stage) FROM deal", {}) == [(1, "new")]


def test_the_hosts_search_path_stays(host: Any, schema: str) -> None:
    """Whatever search path the host has set, for the session or the transaction, is there again."""
    store = PostgresStore.on(host, schema=schema)
    for setting in ("SET search_path = pg_catalog, public", "SET LOCAL search_path = 'no such', public"):
        host.execute(setting)
        before = host.execute("SELECT current_setting('search_path') AS p", binary=True).fetchone()["p"]
        store.commit(new(a_deal(setting)))
        store.get("deal", setting)
        with pytest.raises(AlreadyExistsError):
            store.commit(new(a_deal(setting)))
        after = host.execute("SELECT current_setting('search_path') AS p", binary=True).fetchone()["p"]
        assert after == before
    host.commit()
    path = host.execute("SELECT current_setting('search_path') AS p", binary=True).fetchone()["p"]
    assert path == "pg_catalog, public"


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_the_hosts_encoding_changes_no_text(
    schemas: Schemas, schema: str, outside: PostgresStore, encoding: str
) -> None:
    """Whatever a host's connection speaks, texts arrive as they are, few or many, and it speaks that on."""
    import psycopg

    with psycopg.connect(schemas.url, client_encoding=encoding) as host:
        store = PostgresStore.on(host, schema=schema)
        names = [f"Zoë {number}" for number in range(300)]  # few are written by VALUES, many by COPY
        store.commit(Commit(writes=tuple(Write(a_deal(name), 0) for name in names)))
        store.commit(new(a_deal("Müller")))
        assert store.get("deal", "Müller").id == "Müller"
        assert host.execute("SHOW client_encoding", binary=False).fetchone() in [
            (encoding,),
            (encoding.encode(),),
        ]
        host.commit()
    assert {*outside.get_many("deal", [*names, "Müller"])} == {*names, "Müller"}


def test_the_hosts_float_digits_round_nothing(schemas: Schemas, schema: str) -> None:
    """A host that wants its floats short still reads and writes ours whole."""
    import psycopg

    with psycopg.connect(schemas.url, options="-c extra_float_digits=-5") as host:
        store = PostgresStore.on(host, schema=schema)
        store.commit(new(attrs.evolve(a_deal("third"), probability=1 / 3)))
        assert store.get("deal", "third").probability == 1 / 3
        assert host.execute("SHOW extra_float_digits").fetchone() == ("-5",)


def test_a_host_in_a_pipeline_is_refused(host: Any, schema: str) -> None:
    """There no question is answered at once: what is there would look as if it were not."""
    store = PostgresStore.on(host, schema=schema)
    store.commit(new(a_deal("before")))
    with host.pipeline():
        for act in (
            lambda: store.get_many("deal", ["before"]),
            lambda: store.commit(new(a_deal("inside"))),
        ):
            with pytest.raises(InputError, match="in a pipeline"):
                act()
    assert [*store.get_many("deal", ["before", "inside"])] == ["before"]


def test_two_schemas_share_a_transaction(host: Any, schemas: Schemas, schema: str) -> None:
    """Stores of two schemas write in one transaction, each into its own."""
    other = schemas.new()
    PostgresStore(schemas.url, schema=other).close()
    one, two = PostgresStore.on(host, schema=schema), PostgresStore.on(host, schema=other)
    one.commit(new(a_deal("one")))
    two.commit(new(a_deal("two")))
    assert (list(one.get_many("deal", ["one", "two"])), list(two.get_many("deal", ["one", "two"]))) == (
        ["one"],
        ["two"],
    )


def test_autocommit_needs_a_transaction(schemas: Schemas, schema: str, outside: PostgresStore) -> None:
    """In autocommit mode one reads; writing is refused until the host begins a transaction."""
    import psycopg

    with psycopg.connect(schemas.url, autocommit=True) as host:
        store = PostgresStore.on(host, schema=schema)
        with pytest.raises(InputError):
            store.commit(new(a_deal("d1")))
        assert store.find("deal", {}) == []
        assert host.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with host.transaction():
            store.commit(new(a_deal("d1")))
            assert deals(outside) == []
        assert deals(outside) == ["d1"]


def test_the_feed_is_refused_there(host: Any, schema: str) -> None:
    """The feed holds what is committed; inside a transaction asking for it is an error that says so."""
    store = PostgresStore.on(host, schema=schema)
    store.commit(Commit(changes=(a_change(),)))
    with pytest.raises(StoreError, match="cannot be read inside a transaction"):
        store.changes()


def test_closing_leaves_the_connection(host: Any, schema: str, outside: PostgresStore) -> None:
    """A closed store is closed; the host's connection and transaction are as they were."""
    store = PostgresStore.on(host, schema=schema)
    store.commit(new(a_deal("d1")))
    store.close()
    with pytest.raises(StoreClosedError):
        store.get("deal", "d1")
    host.commit()
    assert deals(outside) == ["d1"]


def test_a_closed_connection_says_so(host: Any, schema: str) -> None:
    """When the host has closed its connection, the store is closed, too."""
    store = PostgresStore.on(host, schema=schema)
    host.close()
    with pytest.raises(StoreClosedError):
        store.get("deal", "d1")


def test_a_conflict_of_snapshots_is_busy(
    host: Any, schemas: Schemas, schema: str, outside: PostgresStore
) -> None:
    """Under REPEATABLE READ another's commit cannot be seen: the host has to begin again."""
    import psycopg

    outside.commit(new(a_deal("d1")))
    host.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    store = PostgresStore.on(host, schema=schema)
    store.get("deal", "d1")
    outside.commit(Commit(writes=(Write(a_deal("d1", version=2), 1),)))
    with pytest.raises(StoreBusyError):
        store.commit(Commit(writes=(Write(a_deal("d1", version=2), 1),)))
    host.rollback()
    store.commit(Commit(writes=(Write(a_deal("d1", version=3), 2),)))


def test_absent_tables_are_said(host: Any, schemas: Schemas) -> None:
    """A schema without our tables is no store; the error says how to make them."""
    store = PostgresStore.on(host, schema=schemas.new())
    with pytest.raises(NotAStoreError, match=r"open PostgresStore\(url, schema="):
        store.get("deal", "d1")
    assert host.info.transaction_status.name == "INTRANS"


def test_newer_tables_are_said(host: Any, schema: str) -> None:
    """Tables of a newer version are not touched."""
    host.execute(f'UPDATE "{schema}".funnelkit_schema SET version = 99')
    with pytest.raises(SchemaVersionError):
        PostgresStore.on(host, schema=schema).get("deal", "d1")


def test_only_connections_are_taken(schema: str) -> None:
    """What is no connection, or one of the other sort, is refused at once."""
    for wrong in (None, "postgresql://", object()):
        with pytest.raises(InputError):
            PostgresStore.on(wrong, schema=schema)  # type: ignore[arg-type]
        with pytest.raises(InputError):
            AsyncPostgresStore.on(wrong, schema=schema)  # type: ignore[arg-type]


def test_an_awaited_store_joins_too(schemas: Schemas, schema: str, outside: PostgresStore) -> None:
    """`AsyncPostgresStore.on` writes in the host's transaction, with a savepoint for what fails."""
    import psycopg

    async def life() -> None:
        async with await psycopg.AsyncConnection.connect(schemas.url) as host:
            store = AsyncPostgresStore.on(host, schema=schema)
            await store.commit(new(a_deal("gone")))
            await host.rollback()
            await store.commit(new(a_deal("d1")))
            with pytest.raises(AlreadyExistsError):
                await store.commit(new(a_deal("d2"), a_deal("d1")))
            assert await store.get("deal", "d1") == a_deal("d1")
            assert deals(outside) == []
            await host.commit()

    asyncio.run(life())
    assert deals(outside) == ["d1"]
