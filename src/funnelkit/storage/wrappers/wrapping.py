"""A store around a store: what the wrappers have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any

from funnelkit.changes import Change
from funnelkit.errors import InputError, shown
from funnelkit.records import Activity, Move, Record
from funnelkit.storage.base import Answer, Attribute, Capabilities, Commit, Kind, Store, a_store

__all__ = ["Wrapped", "that_blocks"]


def that_blocks(store: Store) -> Store:
    """Return what is a `Store` by the look of it; InputError for anything else, an `AsyncStore` too."""
    if iscoroutinefunction(a_store(store, "give MemoryStore() or SQLiteStore(path)").commit):
        raise InputError("store", f"{shown(store)} is awaited", "wrap one that blocks")
    return store


class Wrapped:
    """A store that does what the store inside it does. A wrapper overrides what it does otherwise.

    Raises:
        InputError: What is inside is no `Store`.
    """

    def __init__(self, store: Store) -> None:
        self.store = that_blocks(store)

    @property
    def capabilities(self) -> Capabilities:
        """What the store inside can do."""
        return self.store.capabilities

    def commit(self, commit: Commit) -> None:
        """Write everything or nothing; see `Store.commit`."""
        self.store.commit(commit)

    def get(self, kind: Kind, id: str) -> Any:
        """Return one record; see `Store.get`."""
        return self.store.get(kind, id)

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """Return those of the records that exist, by id."""
        return self.store.get_many(kind, ids)

    def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """Return records whose columns equal ``where``, in the order of their ids."""
        return self.store.find(kind, where, after=after, limit=limit)

    def moves(self, record: str) -> list[Move]:
        """Return the ledger of one record in the order of ``seq``."""
        return self.store.moves(record)

    def activities(self, record: str) -> list[Activity]:
        """Return the activities of one record, oldest first."""
        return self.store.activities(record)

    def attributes(self, record: str) -> list[Attribute]:
        """Return the field values of one record in the order they were written."""
        return self.store.attributes(record)

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """Return changes behind a position of the feed; of one record if it is named."""
        return self.store.changes(after=after, record=record, limit=limit)

    def answer(self, key: str) -> Answer | None:
        """Return what was answered under an idempotency key, or None."""
        return self.store.answer(key)

    def definitions(self) -> dict[str, tuple[str, str]]:
        """Return fingerprint → (pipeline id, JSON document) of every definition ever used."""
        return self.store.definitions()

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT; see `Store.query`."""
        return self.store.query(sql, params)

    def close(self) -> None:
        """Close the store inside."""
        self.store.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.store!r})"
