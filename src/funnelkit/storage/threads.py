"""Stores across the border between an event loop and its worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from funnelkit.changes import Change
from funnelkit.records import Activity, Move, Record
from funnelkit.storage.base import Answer, AsyncStore, Attribute, Capabilities, Commit, Kind, Store
from funnelkit.storage.immediate import Immediate, run

__all__ = ["FromThread", "InThread"]

T = TypeVar("T")


class InThread:
    """A `Store` that blocks, shown as an `AsyncStore`: each call waits in a worker thread."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def capabilities(self) -> Capabilities:
        """What the store underneath can do."""
        return self.store.capabilities

    async def commit(self, commit: Commit) -> None:
        """See `Store.commit`; a task that is cancelled meanwhile does not take the commit back."""
        await asyncio.to_thread(self.store.commit, commit)

    async def get(self, kind: Kind, id: str) -> Any:
        """See `Store.get`."""
        return await asyncio.to_thread(self.store.get, kind, id)

    async def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """See `Store.get_many`."""
        return await asyncio.to_thread(self.store.get_many, kind, ids)

    async def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """See `Store.find`."""
        return await asyncio.to_thread(self.store.find, kind, where, after=after, limit=limit)

    async def moves(self, record: str) -> list[Move]:
        """See `Store.moves`."""
        return await asyncio.to_thread(self.store.moves, record)

    async def activities(self, record: str) -> list[Activity]:
        """See `Store.activities`."""
        return await asyncio.to_thread(self.store.activities, record)

    async def attributes(self, record: str) -> list[Attribute]:
        """See `Store.attributes`."""
        return await asyncio.to_thread(self.store.attributes, record)

    async def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """See `Store.changes`."""
        return await asyncio.to_thread(self.store.changes, after=after, record=record, limit=limit)

    async def answer(self, key: str) -> Answer | None:
        """See `Store.answer`."""
        return await asyncio.to_thread(self.store.answer, key)

    async def definitions(self) -> dict[str, tuple[str, str]]:
        """See `Store.definitions`."""
        return await asyncio.to_thread(self.store.definitions)

    async def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """See `Store.query`."""
        return await asyncio.to_thread(self.store.query, sql, params)

    async def close(self) -> None:
        """See `Store.close`."""
        await asyncio.to_thread(self.store.close)

    def __repr__(self) -> str:
        return repr(self.store)


class FromThread:
    """An `AsyncStore` shown as a `Store` to code in a worker thread of its event loop.

    A store that blocks anyway is asked in that thread, without a detour through the loop.

    Raises:
        RuntimeError: A method is called on the thread of a loop, which would stand still meanwhile.
    """

    def __init__(self, store: AsyncStore) -> None:
        self.store = Immediate(store.store) if isinstance(store, InThread) else store
        self._loop = asyncio.get_running_loop()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            if type(self.store) is Immediate:
                return run(coroutine)
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        coroutine.close()
        raise RuntimeError(f"{here!r} would stand still: read all of a report inside `report`")

    @property
    def capabilities(self) -> Capabilities:
        """What the store underneath can do."""
        return self.store.capabilities

    def commit(self, commit: Commit) -> None:
        """See `Store.commit`."""
        self._wait(self.store.commit(commit))

    def get(self, kind: Kind, id: str) -> Any:
        """See `Store.get`."""
        return self._wait(self.store.get(kind, id))

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """See `Store.get_many`."""
        return self._wait(self.store.get_many(kind, ids))

    def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """See `Store.find`."""
        return self._wait(self.store.find(kind, where, after=after, limit=limit))

    def moves(self, record: str) -> list[Move]:
        """See `Store.moves`."""
        return self._wait(self.store.moves(record))

    def activities(self, record: str) -> list[Activity]:
        """See `Store.activities`."""
        return self._wait(self.store.activities(record))

    def attributes(self, record: str) -> list[Attribute]:
        """See `Store.attributes`."""
        return self._wait(self.store.attributes(record))

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """See `Store.changes`."""
        return self._wait(self.store.changes(after=after, record=record, limit=limit))

    def answer(self, key: str) -> Answer | None:
        """See `Store.answer`."""
        return self._wait(self.store.answer(key))

    def definitions(self) -> dict[str, tuple[str, str]]:
        """See `Store.definitions`."""
        return self._wait(self.store.definitions())

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """See `Store.query`."""
        return self._wait(self.store.query(sql, params))

    def close(self) -> None:
        """See `Store.close`."""
        self._wait(self.store.close())
