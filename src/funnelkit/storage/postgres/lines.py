"""Where connections come from: a pool of our own, blocking or awaited.

The session that was used last stays at hand, out of the pool: to give one back and to take it again
costs more processor time than to send a small statement. Whoever finds none at hand says so before he
waits for the pool, so that nobody keeps one at hand that he could have.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, Self
from weakref import finalize

import psycopg
import psycopg_pool

from funnelkit.errors import StoreBusyError, StoreClosedError
from funnelkit.storage.postgres.failing import ours
from funnelkit.storage.postgres.opening import make_ready
from funnelkit.storage.postgres.sessions import AsyncSession, BlockingSession, own, teach
from funnelkit.storage.postgres.settings import Settings

__all__ = ["AsyncLine", "BlockingLine"]


_LEFT_BEHIND: list[Any] = []
"""Pools of a parent process, with what was at hand. They stay untouched: closing one here would hang up for
the parent."""


def _let_go(pool: psycopg_pool.ConnectionPool[Any], at_hand: list[BlockingSession], process: int) -> None:
    """Close a pool that nobody closed, in the process that made it."""
    if process == os.getpid():
        with suppress(RuntimeError):  # one of the pool's own threads cannot wait for itself
            for session in at_hand:
                pool.putconn(session.connection)
            pool.close()


def _usage(
    pool: psycopg_pool.ConnectionPool[Any] | psycopg_pool.AsyncConnectionPool[Any], at_hand: int
) -> Mapping[str, int]:
    """Return what a pool says of itself, with what is at hand counted as its own."""
    said = pool.get_stats()
    return {**said, "pool_available": said["pool_available"] + at_hand}


class _Connection(psycopg.Connection[Any]):
    """A connection of a pool, with the session that keeps its cursor."""

    @cached_property
    def session(self) -> BlockingSession:
        return BlockingSession(self, taught=True)


class _AsyncConnection(psycopg.AsyncConnection[Any]):
    """A connection of an awaited pool, with the session that keeps its cursor."""

    @cached_property
    def session(self) -> AsyncSession:
        return AsyncSession(self, taught=True)


class BlockingLine:
    """A `Line` of blocking connections."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._closed = False
        self._waiting: list[None] = []  # one for each who waits for the pool

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Make sure that server and tables are there; return a line to them."""
        try:
            with psycopg.connect(**settings.connection) as connection:
                cls._configure(settings, connection)
                await make_ready(BlockingSession(connection, taught=True), settings)
        except psycopg.Error as error:
            raise ours(settings.name, error) from error
        line = cls(settings)
        line._make_pool()
        return line

    def _make_pool(self) -> None:
        self._process = os.getpid()
        self._at_hand: list[BlockingSession] = []
        self._pool: psycopg_pool.ConnectionPool[Any]
        self._pool = psycopg_pool.ConnectionPool(
            connection_class=_Connection,
            kwargs=dict(self.settings.connection),
            min_size=1,
            max_size=self.settings.connections,
            timeout=self.settings.timeout,
            configure=partial(self._configure, self.settings),
            open=True,
        )
        finalize(self, _let_go, self._pool, self._at_hand, self._process)

    @staticmethod
    def _configure(settings: Settings, connection: psycopg.Connection[Any]) -> None:
        teach(connection.adapters)
        psycopg.Cursor(connection).execute(own(settings.session.sql), settings.session.params)

    async def take(self, *, writing: bool) -> BlockingSession:  # noqa: ARG002 (all sessions can)
        """See `Line.take`."""
        if self._closed:
            raise StoreClosedError(self.settings.name, "closed")
        if self._process != os.getpid():
            _LEFT_BEHIND.append((self._pool, self._at_hand))
            self._make_pool()
        return self._last() or self._from_pool()

    def _last(self) -> BlockingSession | None:
        """Return the session that is at hand, if there is one: nobody else gets it."""
        try:
            return self._at_hand.pop()
        except IndexError:
            return None

    def _from_pool(self) -> BlockingSession:
        self._waiting.append(None)
        try:
            # One that is given back from now on goes to the pool; one that was before is at hand.
            session: BlockingSession = self._last() or self._pool.getconn().session
        except psycopg_pool.PoolClosed as error:
            raise StoreClosedError(self.settings.name, "closed") from error
        except psycopg_pool.PoolTimeout as error:
            self.probe(error)
            raise StoreBusyError(self.settings.name, self.settings.all_in_use) from error
        finally:
            self._waiting.pop()
        return session

    def probe(self, cause: Exception | None = None) -> None:
        """Raise StoreUnavailableError when no connection can be made."""
        try:
            psycopg.connect(**self.settings.connection).close()
        except psycopg.Error as error:
            raise ours(self.settings.name, error) from (cause or error)

    async def give(self, session: BlockingSession, *, keep: bool) -> None:
        """See `Line.give`: what was in vain goes to the pool, which looks whether it still stands."""
        if not keep or self._at_hand:
            self._pool.putconn(session.connection)
            return
        self._at_hand.append(session)
        if self._waiting or self._closed:
            self._put_back()

    def _put_back(self) -> None:
        while session := self._last():
            self._pool.putconn(session.connection)

    async def mend(self) -> None:
        """See `Line.mend`."""
        self._put_back()
        self._pool.check()

    async def pause(self, seconds: float) -> None:
        """See `Line.pause`."""
        time.sleep(seconds)  # noqa: ASYNC251 (this one blocks)

    async def close(self) -> None:
        """See `Line.close`."""
        self._closed = True
        if self._process == os.getpid():
            self._put_back()
            self._pool.close()

    def usage(self) -> Mapping[str, int]:
        """See `Line.usage`."""
        return _usage(self._pool, len(self._at_hand))


class AsyncLine:
    """A `Line` of connections that are awaited."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._closed = False
        self._waiting = 0  # for the pool

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Make sure that server and tables are there; return a line to them."""
        try:
            async with await psycopg.AsyncConnection.connect(**settings.connection) as connection:
                await cls._configure(settings, connection)
                await make_ready(AsyncSession(connection, taught=True), settings)
        except psycopg.Error as error:
            raise ours(settings.name, error) from error
        line = cls(settings)
        await line._make_pool()
        return line

    async def _make_pool(self) -> None:
        self._process = os.getpid()
        self._at_hand: list[AsyncSession] = []
        self._pool: psycopg_pool.AsyncConnectionPool[Any]
        self._pool = psycopg_pool.AsyncConnectionPool(
            connection_class=_AsyncConnection,
            kwargs=dict(self.settings.connection),
            min_size=1,
            max_size=self.settings.connections,
            timeout=self.settings.timeout,
            configure=partial(self._configure, self.settings),
            open=False,
        )
        await self._pool.open()

    @staticmethod
    async def _configure(settings: Settings, connection: psycopg.AsyncConnection[Any]) -> None:
        teach(connection.adapters)
        await psycopg.AsyncCursor(connection).execute(own(settings.session.sql), settings.session.params)

    async def take(self, *, writing: bool) -> AsyncSession:  # noqa: ARG002 (all sessions can)
        """See `Line.take`."""
        if self._closed:
            raise StoreClosedError(self.settings.name, "closed")
        if self._process != os.getpid():
            _LEFT_BEHIND.append((self._pool, self._at_hand))
            await self._make_pool()
        return self._at_hand.pop() if self._at_hand else await self._from_pool()

    async def _from_pool(self) -> AsyncSession:
        self._waiting += 1
        try:
            session: AsyncSession = (await self._pool.getconn()).session
        except psycopg_pool.PoolClosed as error:
            raise StoreClosedError(self.settings.name, "closed") from error
        except psycopg_pool.PoolTimeout as error:
            await self.probe(error)
            raise StoreBusyError(self.settings.name, self.settings.all_in_use) from error
        finally:
            self._waiting -= 1
        return session

    async def probe(self, cause: Exception | None = None) -> None:
        """Raise StoreUnavailableError when no connection can be made."""
        try:
            connection = await psycopg.AsyncConnection.connect(**self.settings.connection)
            await connection.close()
        except psycopg.Error as error:
            raise ours(self.settings.name, error) from (cause or error)

    async def give(self, session: AsyncSession, *, keep: bool) -> None:
        """See `Line.give`: what was in vain goes to the pool, which looks whether it still stands."""
        if keep and not (self._at_hand or self._waiting or self._closed):
            self._at_hand.append(session)
        else:
            await self._pool.putconn(session.connection)

    async def _put_back(self) -> None:
        while self._at_hand:
            await self._pool.putconn(self._at_hand.pop().connection)

    async def mend(self) -> None:
        """See `Line.mend`."""
        await self._put_back()
        await self._pool.check()

    async def pause(self, seconds: float) -> None:
        """See `Line.pause`."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """See `Line.close`."""
        self._closed = True
        if self._process == os.getpid():
            await self._put_back()
            await self._pool.close()

    def usage(self) -> Mapping[str, int]:
        """See `Line.usage`."""
        return _usage(self._pool, len(self._at_hand))
