"""The stores of PostgreSQL keep the contract: blocking, awaited, and inside a transaction of the host's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, cast

import pytest
from tests.servers import Schemas

from funnelkit import Store
from funnelkit.storage.base import Capabilities
from funnelkit.storage.postgres import AsyncPostgresStore, PostgresStore
from funnelkit.storage.postgres.blocking import Blocking
from funnelkit.storage.postgres.core import Core, JoinedCore
from funnelkit.testing import StoreContract


class OnSchemas(StoreContract):
    """A contract whose stores have schemas of their own."""

    @pytest.fixture(autouse=True)
    def place(self, schemas: Schemas) -> None:
        """Give each test schemas of its own."""
        self.schemas = schemas

    def make_store(self) -> Store:
        """Return a new, empty store."""
        return self.on_schema(self.schemas.new())

    def reopen(self, store: Store) -> Store:
        """Open the schema again."""
        return self.second(store)

    def second(self, store: Store) -> Store:
        """Open the schema once more."""
        return self.on_schema(cast("PostgresStore", store).schema)

    def on_schema(self, schema: str) -> Store:
        """Return a store in a schema."""
        raise NotImplementedError


class TestPostgresStore(OnSchemas):
    """`PostgresStore` keeps the contract."""

    def on_schema(self, schema: str) -> Store:
        """Return a store in a schema."""
        return PostgresStore(self.schemas.url, schema=schema, connections=4)


class Looped:
    """An `AsyncStore` as a `Store`: every method runs in an event loop of another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str, schema: str) -> None:
        self.loop = loop
        self.schema = schema
        opening = AsyncPostgresStore.open(url, schema=schema, connections=4)
        self.store = self.run(opening._open())  # noqa: SLF001 (what await does)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Wait for a coroutine; what interrupts the waiting cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        finally:
            future.cancel()

    @property
    def capabilities(self) -> Capabilities:
        """What the store underneath declares."""
        return self.store.capabilities

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        return lambda *args, **kwargs: self.run(method(*args, **kwargs))


class TestAsyncPostgresStore(OnSchemas):
    """`AsyncPostgresStore` keeps the contract."""

    @pytest.fixture(autouse=True)
    def looping(self) -> Iterator[None]:
        """Run an event loop in a thread of its own."""
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self.loop.run_forever)
        thread.start()
        yield
        self.loop.call_soon_threadsafe(self.loop.stop)
        thread.join()
        self.loop.close()

    def on_schema(self, schema: str) -> Store:
        """Return a store in a schema."""
        return cast("Store", Looped(self.loop, self.schemas.url, schema))


class ReadingCore(JoinedCore):
    """A joined store that reads the feed, too, for the contract asks for it; only a test may do that."""

    changes = Core.changes  # type: ignore[assignment]


class Hosted(Blocking):
    """A joined store that closes the host's connection with itself."""

    def __init__(self, url: str, schema: str, **settings: Any) -> None:
        import psycopg
        from psycopg.rows import dict_row

        from funnelkit.storage.postgres.joined import BlockingHostLine

        PostgresStore(url, schema=schema).close()
        self.connection = psycopg.connect(url, row_factory=dict_row, **settings)
        super().__init__(ReadingCore(BlockingHostLine(self.connection, schema, "host"), "host"))

    def close(self) -> None:
        """Close the store, then the connection."""
        super().close()
        self.connection.close()


class TestJoinedPostgresStore(OnSchemas):
    """A store inside a transaction of the host's keeps the contract."""

    def on_schema(self, schema: str) -> Store:
        """Return a store in a schema."""
        return Hosted(self.schemas.url, schema)
