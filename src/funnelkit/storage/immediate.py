"""Coroutines that never wait: how one text serves code that blocks and code that awaits.

What reads and writes stores is written once, as coroutines. Over a store that answers at once such
a coroutine never suspends: `run` takes it to its end in one step, at about the cost of a call.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from funnelkit.changes import Change
from funnelkit.records import Activity, Move, Record
from funnelkit.storage.base import Answer, Attribute, Capabilities, Commit, Kind, Store

__all__ = ["Immediate", "run"]

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Take a coroutine that never waits to its end and return what it returns.

    Raises:
        RuntimeError: It waited for something; that needs an event loop.

    >>> async def answer():
    ...     return 42
    >>> run(answer())
    42
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waits for an event loop: use AsyncEngine")


class Immediate:
    """A `Store` shown as an `AsyncStore`: awaiting one of its methods calls the store's own at once."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def capabilities(self) -> Capabilities:
        """What the store underneath can do."""
        return self.store.capabilities

    async def commit(self, commit: Commit) -> None:
        """See `Store.commit`."""
        self.store.commit(commit)

    async def get(self, kind: Kind, id: str) -> Any:
        """See `Store.get`."""
        return self.store.get(kind, id)

    async def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """See `Store.get_many`."""
        return self.store.get_many(kind, ids)

    async def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """See `Store.find`."""
        return self.store.find(kind, where, after=after, limit=limit)

    async def moves(self, record: str) -> list[Move]:
        """See `Store.moves`."""
        return self.store.moves(record)

    async def activities(self, record: str) -> list[Activity]:
        """See `Store.activities`."""
        return self.store.activities(record)

    async def attributes(self, record: str) -> list[Attribute]:
        """See `Store.attributes`."""
        return self.store.attributes(record)

    async def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """See `Store.changes`."""
        return self.store.changes(after=after, record=record, limit=limit)

    async def answer(self, key: str) -> Answer | None:
        """See `Store.answer`."""
        return self.store.answer(key)

    async def definitions(self) -> dict[str, tuple[str, str]]:
        """See `Store.definitions`."""
        return self.store.definitions()

    async def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """See `Store.query`."""
        return self.store.query(sql, params)

    async def close(self) -> None:
        """See `Store.close`."""
        self.store.close()

    def __repr__(self) -> str:
        return repr(self.store)
