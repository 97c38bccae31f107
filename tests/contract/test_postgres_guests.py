"""PostgreSQL stores as guests: temporary tables of a host, event loops, what stores call themselves."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import pytest
from tests.servers import Schemas

from funnelkit.errors import StoreError
from funnelkit.storage.postgres import AsyncPostgresStore, PostgresStore
from funnelkit.testing.samples import a_deal, new


@pytest.mark.parametrize("table", ["deal", "move", "idempotency", "definition"])
def test_a_temporary_table_of_the_host_hides_none_of_ours(
    schemas: Schemas, schema: str, store: PostgresStore, table: str
) -> None:
    """A joined store reads and writes its own tables, whatever the host calls its temporary ones."""
    import psycopg

    host: Any
    with psycopg.connect(schemas.url) as host:
        host.execute(f"CREATE TEMP TABLE {table} (theirs INT)")
        joined = PostgresStore.on(host, schema=schema)
        joined.commit(new(a_deal("d1")))
        assert joined.get("deal", "d1") == a_deal("d1")
        assert joined.moves("d1") == []
        assert joined.answer("k") is None
        assert joined.query("SELECT id FROM deal", {}) == [("d1",)]
        assert host.execute(f"SELECT COUNT(theirs) FROM {table}").fetchall() == [(0,)]
    assert store.get("deal", "d1") == a_deal("d1")


def test_a_store_is_closed_in_its_own_event_loop(schemas: Schemas, schema: str) -> None:
    """Closed from another loop a store says so and stays open; closed from its own it is closed."""
    with closing(asyncio.new_event_loop()) as loop, closing(asyncio.new_event_loop()) as other:
        store = loop.run_until_complete(opened(schemas.url, schema))
        with pytest.raises(StoreError, match="was opened in another event loop: close it in that one"):
            other.run_until_complete(store.close())
        assert loop.run_until_complete(store.definitions()) == {}
        loop.run_until_complete(store.close())
        loop.run_until_complete(store.close())


def test_stores_say_what_they_are(schemas: Schemas, schema: str) -> None:
    """Each kind of store shows how it was made, and where it is."""
    server = f"postgresql://{schemas.url.rpartition('@')[2]}"

    async def said() -> list[str]:
        opening = AsyncPostgresStore.open(schemas.url, schema=schema)
        async with opening as store:
            import psycopg

            async with await psycopg.AsyncConnection.connect(schemas.url) as host:
                return [repr(opening), repr(store), repr(AsyncPostgresStore.on(host, schema=schema))]

    assert asyncio.run(said()) == [
        f"AsyncPostgresStore.open({server!r}, schema={schema!r})",
        f"AsyncPostgresStore({server!r}, schema={schema!r})",
        f"AsyncPostgresStore.on(<connection>, schema={schema!r})",
    ]


def test_a_joined_store_says_what_it_is(schemas: Schemas, schema: str) -> None:
    """A store on a connection shows its schema, not the connection."""
    import psycopg

    with psycopg.connect(schemas.url) as host:
        assert (
            repr(PostgresStore.on(host, schema=schema))
            == f"PostgresStore.on(<connection>, schema={schema!r})"
        )
        assert PostgresStore.on(host, schema=schema).schema == schema


async def opened(url: str, schema: str) -> Any:
    """Open a store and use it once."""
    store = await AsyncPostgresStore.open(url, schema=schema)
    await store.definitions()
    return store
