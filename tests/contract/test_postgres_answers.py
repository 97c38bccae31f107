"""What PostgreSQL stores answer and say beyond the contract: to the letter."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.test_passing_on import CALLS, fill, filled
from tests.servers import Schemas

from funnelkit.errors import (
    FunnelkitError,
    InputError,
    NotAStoreError,
    SchemaVersionError,
    StoreBusyError,
    StoreClosedError,
)
from funnelkit.storage import Commit
from funnelkit.storage.immediate import run
from funnelkit.storage.postgres import AsyncPostgresStore, PostgresStore
from funnelkit.storage.postgres.health import PostgresHealth, examined
from funnelkit.storage.postgres.opening import versions
from funnelkit.testing.samples import a_change, a_deal, new

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'funnelkit[postgres]'")
from funnelkit.storage.postgres.sessions import BlockingSession  # noqa: E402

OFF = [call for name, call in CALLS.items() if not name.startswith("changes")]


def told(call: Any) -> FunnelkitError:
    """Return the error of a call."""
    with pytest.raises(FunnelkitError) as caught:
        call()
    return caught.value


def at(schemas: Schemas) -> str:
    """Return how a store calls the server, which is its URL without who one is."""
    return f"postgresql://{schemas.url.rpartition('@')[2]}"


# Answers


def test_every_question_is_answered_as_in_memory(store: PostgresStore) -> None:
    """Every argument of every question counts, and what comes back is what a store in memory says."""
    fill(store)
    memory = filled()
    for name, call in CALLS.items():
        assert call(store) == call(memory), name


def test_a_joined_store_answers_as_in_memory(schemas: Schemas, schema: str, store: PostgresStore) -> None:
    """The same inside a host's transaction, but for the feed."""
    memory = filled()
    with psycopg.connect(schemas.url) as host:
        joined = PostgresStore.on(host, schema=schema)
        fill(joined)
        assert [call(joined) for call in OFF] == [call(memory) for call in OFF]
    assert store.definitions() == memory.definitions()


def test_an_awaited_store_answers_as_in_memory(schemas: Schemas, schema: str) -> None:
    """The same where every answer is awaited, inside a host's transaction and outside."""
    from psycopg.rows import dict_row

    memory = filled()

    async def life() -> None:
        async with AsyncPostgresStore.open(schemas.url, schema=schema) as store:
            assert await store.definitions() == {}
            with PostgresStore(schemas.url, schema=schema) as other:
                fill(other)
            assert [await call(store) for call in CALLS.values()] == [call(memory) for call in CALLS.values()]
            async with await psycopg.AsyncConnection.connect(schemas.url, row_factory=dict_row) as host:
                joined = AsyncPostgresStore.on(host, schema=schema)
                assert [await call(joined) for call in OFF] == [call(memory) for call in OFF]

    asyncio.run(life())


NUMBERS = "SELECT 5::numeric, (-5)::numeric, 0.5::numeric, (-0.5)::numeric, 7::int4, 2::float8, 'x'::text"


def test_numbers_are_what_they_are(store: PostgresStore) -> None:
    """Whole numbers come back whole, fractions as fractions, either side of nought."""
    rows = store.query(NUMBERS, {})
    assert [repr(value) for value in rows[0]] == ["5", "-5", "0.5", "-0.5", "7", "2.0", "'x'"]


def test_awaited_numbers_are_what_they_are(schemas: Schemas, schema: str) -> None:
    """The same awaited, on a connection of ours and on one that was taught otherwise."""
    from psycopg.types.numeric import FloatLoader

    async def asked() -> list[str]:
        async with AsyncPostgresStore.open(schemas.url, schema=schema) as store:
            found = await store.query(NUMBERS, {})
        async with await psycopg.AsyncConnection.connect(schemas.url) as host:
            host.adapters.register_loader("int4", FloatLoader)
            found += await AsyncPostgresStore.on(host, schema=schema).query(NUMBERS, {})
        return [repr(row) for row in found]

    assert asyncio.run(asked()) == 2 * ["(5, -5, 0.5, -0.5, 7, 2.0, 'x')"]


# Health


def healthy(**other: Any) -> PostgresHealth:
    """Return what health may have found."""
    facts: dict[str, Any] = {
        "store": "postgresql://h/d", "schema": "crm", "server": "18.1", "schema_version": 3,
        "synchronous": "on", "open_connections": 4, "idle_connections": 2, "most_connections": 10,
        "waiting": 0, "table_bytes": 1_234_567, "unnumbered": 1_500,
    }  # fmt: skip
    return PostgresHealth(**(facts | other))


def test_health_is_printed() -> None:
    """Health prints as six lines."""
    assert str(healthy()) == (
        "postgresql://h/d, schema crm\n"
        "  server       PostgreSQL 18.1, synchronous_commit on\n"
        "  schema       version 3\n"
        "  tables       1,234,567 bytes\n"
        "  connections  4 open, 2 idle, at most 10\n"
        "  feed         1,500 changes not numbered yet"
    )


@pytest.mark.parametrize(
    ("waiting", "warning"), [(1, "1 call waits"), (2, "2 calls wait"), (1_200, "1,200 calls wait")]
)
def test_who_waits_is_a_warning(waiting: int, warning: str) -> None:
    """A pool that is too small is the one thing to warn of, as a last line."""
    words = f"{warning} for a connection: give the store more than 10"
    assert healthy(waiting=waiting).warnings == (words,)
    assert str(healthy(waiting=waiting)).endswith(f"yet\n  warning      {words}")
    assert healthy().warnings == ()


def test_health_is_what_server_and_pool_say(
    schemas: Schemas, schema: str, store: PostgresStore, sql: Any
) -> None:
    """Each fact is the server's or the pool's; a pool that tells nothing has nothing."""
    store.commit(Commit(changes=(a_change(),)))
    sql.execute(f"SET search_path = {schema}")
    sql.execute("SET synchronous_commit = 'off'")
    size = "SELECT SUM(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r' AND "
    size += f"relnamespace = '{schema}'::regnamespace AND relname NOT IN ('feed', 'funnelkit_schema')"
    session = BlockingSession(sql, taught=False)
    pool = {"pool_size": 4, "pool_available": 2, "pool_max": 10, "requests_waiting": 3}
    assert run(examined(session, "s", pool)) == PostgresHealth(
        store="s", schema=schema, server=sql.execute("SHOW server_version").fetchone()[0],
        schema_version=len(versions()), synchronous="off", open_connections=4, idle_connections=2,
        most_connections=10, waiting=3, table_bytes=sql.execute(size).fetchone()[0], unnumbered=1,
    )  # fmt: skip
    bare = run(examined(session, "s", {}))
    pooled = (bare.open_connections, bare.idle_connections, bare.most_connections, bare.waiting)
    assert pooled == (0, 0, 0, 0)


def test_a_joined_store_has_no_pool(schemas: Schemas, schema: str, store: PostgresStore) -> None:
    """On a connection of the host's there is no pool to tell of."""
    with psycopg.connect(schemas.url) as host:
        health = PostgresStore.on(host, schema=schema).health()
    assert (health.schema, health.open_connections, health.most_connections) == (schema, 0, 0)
    assert store.health().store == at(schemas) == store.name


# Closed, busy, not acceptable


def test_a_closed_store_says_so(schemas: Schemas, schema: str) -> None:
    """The error names the store, without who one is."""
    store = PostgresStore(schemas.url, schema=schema)
    store.close()
    store.close()
    error = told(store.definitions)
    assert (type(error), str(error)) == (StoreClosedError, f"{at(schemas)}: closed")


def test_a_closed_awaited_store_says_so(schemas: Schemas, schema: str) -> None:
    """The same where it is awaited."""

    async def life() -> None:
        store = await AsyncPostgresStore.open(schemas.url, schema=schema)
        await store.close()
        await store.close()
        with pytest.raises(StoreClosedError) as caught:
            await store.definitions()
        assert str(caught.value) == f"{at(schemas)}: closed"
        assert store.name == at(schemas)

    asyncio.run(life())


def test_a_used_up_pool_says_how_many_there_are(schemas: Schemas, schema: str) -> None:
    """Who waits too long for a connection hears how many there are and how long it was."""

    async def life() -> str:
        opening = AsyncPostgresStore.open(schemas.url, schema=schema, connections=1, timeout=0.3)
        async with opening as store:
            sleep = store.query("SELECT 1 FROM pg_sleep(1)", {})
            _, error = await asyncio.gather(sleep, store.definitions(), return_exceptions=True)
            assert type(error) is StoreBusyError
            return str(error)

    assert asyncio.run(life()) == f"{at(schemas)}: all 1 connections were in use for 0.3 s"


@pytest.mark.parametrize(
    ("sql", "problem", "fix"),
    [
        ("SELECT", "selects no column", ""),
        ("SELECT no_such FROM deal", None, "give one SELECT over the tables of the schema"),
    ],
)
def test_a_query_that_cannot_be_is_refused(
    store: PostgresStore, sql: str, problem: str | None, fix: str
) -> None:
    """The error names the argument, shows what the server said, and how to mend it."""
    error = told(lambda: store.query(sql, {}))
    assert isinstance(error, InputError)
    assert error.argument == "sql"
    assert (error.fix or "") == fix
    if problem is not None:
        assert error.problem == problem
    else:
        assert error.problem.startswith('column "no_such" does not exist\nLINE 1')


def test_long_words_of_the_server_are_cut(store: PostgresStore) -> None:
    """An error of the server is shown up to two hundred characters."""
    error = told(lambda: store.query(f"SELECT CAST('{'z' * 300}' AS bigint)", {}))
    assert isinstance(error, InputError)
    assert len(error.problem) == 200


def test_a_joined_store_says_what_is_wrong(schemas: Schemas, schema: str, store: PostgresStore) -> None:
    """What is wrong with a host's connection is said to the letter."""
    from psycopg.conninfo import conninfo_to_dict

    name = f"postgresql://{conninfo_to_dict(schemas.url).get('host')}/"
    with psycopg.connect(schemas.url, autocommit=True) as host:
        name += host.info.dbname
        joined = PostgresStore.on(host, schema=schema)
        words = [
            "connection: is in autocommit mode with no transaction open (begin it first; its end is yours)"
        ]
        assert [str(told(lambda: joined.commit(new(a_deal("d1")))))] == words
        with host.pipeline():
            error = told(joined.definitions)
        words = ["connection: is in a pipeline, where no answer comes at once (end it first)"]
        assert [str(error)] == words
        joined.close()
        assert str(told(joined.definitions)) == f"{name}: closed"
        again = PostgresStore.on(host, schema=schema)
        feed = "the change feed cannot be read inside a transaction: read it from a store of its own"
        assert str(told(again.changes)) == f"{name}: {feed}"
    assert str(told(again.definitions)) == f"{name}: the connection was closed"
    assert str(told(PostgresStore.on(host, schema=schema).definitions)).startswith("the connection: ")


def test_a_joined_store_of_another_version_is_named(
    schemas: Schemas, schema: str, store: PostgresStore, sql: Any
) -> None:
    """Tables that are absent or newer are told with the store, the schema and what to do."""
    empty = schemas.new()
    with psycopg.connect(schemas.url) as host:
        name = f"postgresql://{host.info.host}/{host.info.dbname}"
        error = told(PostgresStore.on(host, schema=empty).definitions)
        mend = f"schema {empty} has no tables of funnelkit: open PostgresStore(url, schema={empty!r}) once"
        assert (type(error), str(error)) == (NotAStoreError, f"{name}: {mend}")
        sql.execute(f'UPDATE "{schema}".funnelkit_schema SET version = 77')
        error = told(PostgresStore.on(host, schema=schema).definitions)
        assert isinstance(error, SchemaVersionError)
        assert (error.found, error.supported) == (77, len(versions()))
        assert str(error).startswith(f"{name}, schema {schema}")


def test_two_schemas_are_one_too_many(postgres: str) -> None:
    """A schema in the URL and another as an argument: both are shown."""
    error = told(lambda: PostgresStore(f"{postgres}?schema=one", schema="two"))
    assert str(error) == "schema: is 'two', and 'one' in the URL (say it once)"
