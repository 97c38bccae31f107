"""`PostgresStore` and `AsyncPostgresStore`: several machines, one store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Self

from funnelkit.errors import StoreError
from funnelkit.storage.immediate import run
from funnelkit.storage.postgres.blocking import Blocking
from funnelkit.storage.postgres.core import Core, JoinedCore
from funnelkit.storage.postgres.settings import SCHEMA, Durability, Settings, joined_schema, settings_of

if TYPE_CHECKING:
    import psycopg

__all__ = ["AsyncPostgresStore", "PostgresStore"]


class PostgresStore(Blocking):
    """Keep everything in one schema of a PostgreSQL database.

    The schema and its tables are made when they are not there. Any number of threads, processes and
    machines may use them at once. Needs ``pip install 'funnelkit[postgres]'``.

    Args:
        url: ``"postgresql://user:password@host:port/database"``, with libpq's parameters if need be.
        schema: Where the tables are; a plain name. ``?schema=`` in the URL says the same.
        durability: ``"full"`` (default): what a verb returned survives a crash of the server and a
            power cut. ``"fast"``: such a crash may take back the last moments, never break the data.
        timeout: Seconds to wait for a connection, for another writer, for a server that went away.
        connections: How many connections there may be at once.

    Raises:
        InputError: An argument is not acceptable.
        MissingExtraError: psycopg is not installed.
        StoreUnavailableError: The server cannot be reached, or does not let us in.
        NotAStoreError: The schema has tables of these names that another program made.
        SchemaVersionError: The tables were made by a newer funnelkit.

    >>> PostgresStore("postgresql://localhost/crm", schema="no name")
    Traceback (most recent call last):
        ...
    funnelkit.errors.InputError: schema: 'no name' is no plain name (use letters, digits and _, at most 63)
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str = SCHEMA,
        durability: Durability = "full",
        timeout: float = 30.0,
        connections: int = 10,
    ) -> None:
        settings = settings_of(url, schema, durability, timeout, connections)
        from funnelkit.storage.postgres.lines import BlockingLine

        self.name = settings.name
        self.schema = settings.schema
        super().__init__(Core(run(BlockingLine.open(settings)), settings.name, settings.timeout))

    @staticmethod
    def on(connection: psycopg.Connection[Any], *, schema: str = SCHEMA) -> JoinedPostgresStore:
        """Return a store over a connection of yours, which writes inside your transaction.

        What it writes is kept by your commit and taken back by your rollback. Each commit of ours is
        a savepoint, so one that fails leaves nothing, and your transaction as it was; nothing is
        tried twice. When no transaction is open, psycopg begins one; in autocommit mode begin it
        yourself. The connection is never committed, rolled back, closed or set otherwise, and how it
        is set (row factory, search path, adapters) does not matter. The tables have to be there:
        open a `PostgresStore` once. The change feed cannot be read there, for what is in it is not
        committed yet.

        Raises:
            InputError: It is not a ``psycopg.Connection``, or the schema is no plain name.
            MissingExtraError: psycopg is not installed.
        """
        name = joined_schema(connection, schema, "Connection")
        from funnelkit.storage.postgres.joined import BlockingHostLine

        return JoinedPostgresStore(JoinedCore(BlockingHostLine(connection, schema, name), name), schema)

    def __repr__(self) -> str:
        return f"PostgresStore({self.name!r}, schema={self.schema!r})"


class JoinedPostgresStore(Blocking):
    """A store inside a transaction of the host's; see `PostgresStore.on`."""

    def __init__(self, core: JoinedCore, schema: str) -> None:
        super().__init__(core)
        self.schema = schema

    def __repr__(self) -> str:
        return f"PostgresStore.on(<connection>, schema={self.schema!r})"


class AsyncPostgresStore(Core):
    """Keep everything in one schema of a PostgreSQL database, without blocking the event loop.

    Open it with ``store = await AsyncPostgresStore.open(url)`` or ``async with
    AsyncPostgresStore.open(url) as store:``. Arguments and errors are those of `PostgresStore`; each
    method does what the method of that name does there.

    >>> AsyncPostgresStore.open("postgresql://localhost/crm", schema="no name")
    Traceback (most recent call last):
        ...
    funnelkit.errors.InputError: schema: 'no name' is no plain name (use letters, digits and _, at most 63)
    """

    def __init__(self, line: Any, settings: Settings) -> None:
        super().__init__(line, settings.name, settings.timeout)
        self.name = settings.name
        self.schema = settings.schema
        self._home = (os.getpid(), asyncio.get_running_loop())

    @staticmethod
    def open(
        url: str,
        *,
        schema: str = SCHEMA,
        durability: Durability = "full",
        timeout: float = 30.0,
        connections: int = 10,
    ) -> Opening:
        """Return what opens the store when it is awaited, or entered with ``async with``."""
        return Opening(settings_of(url, schema, durability, timeout, connections))

    @staticmethod
    def on(connection: psycopg.AsyncConnection[Any], *, schema: str = SCHEMA) -> JoinedAsyncPostgresStore:
        """Return a store over a connection of yours; see `PostgresStore.on`."""
        name = joined_schema(connection, schema, "AsyncConnection")
        from funnelkit.storage.postgres.joined import AsyncHostLine

        return JoinedAsyncPostgresStore(AsyncHostLine(connection, schema, name), name, schema)

    async def close(self) -> None:
        """Close all connections. Closing twice is fine.

        Raises:
            StoreError: The store was opened in another event loop; close it in that one.
        """
        process, loop = self._home
        if process == os.getpid() and loop is not asyncio.get_running_loop():
            raise StoreError(f"{self.name}: was opened in another event loop: close it in that one")
        await super().close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncPostgresStore({self.name!r}, schema={self.schema!r})"


class JoinedAsyncPostgresStore(JoinedCore):
    """A store inside a transaction of the host's; see `AsyncPostgresStore.on`."""

    def __init__(self, line: Any, name: str, schema: str) -> None:
        super().__init__(line, name)
        self.schema = schema

    def __repr__(self) -> str:
        return f"AsyncPostgresStore.on(<connection>, schema={self.schema!r})"


class Opening:
    """A store that is about to be opened."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __await__(self) -> Generator[Any, None, AsyncPostgresStore]:
        return self._open().__await__()

    async def _open(self) -> AsyncPostgresStore:
        from funnelkit.storage.postgres.lines import AsyncLine

        return AsyncPostgresStore(await AsyncLine.open(self._settings), self._settings)

    async def __aenter__(self) -> AsyncPostgresStore:
        self._store = await self._open()
        return self._store

    async def __aexit__(self, *exc: object) -> None:
        await self._store.close()

    def __repr__(self) -> str:
        return f"AsyncPostgresStore.open({self._settings.name!r}, schema={self._settings.schema!r})"
