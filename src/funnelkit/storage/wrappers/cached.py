"""`CachedStore`: records that are read again and again, read once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from funnelkit.errors import InputError, shown
from funnelkit.records import Record
from funnelkit.storage.base import KIND_OF, Capabilities, Commit, Kind, Store
from funnelkit.storage.wrappers.wrapping import Wrapped

__all__ = ["CachedStore"]

_Key = tuple[Kind, str]


class CachedStore(Wrapped):
    """Keep the records that were used last, so that ``get`` and ``get_many`` need not ask for them.

    Everything else (lists, ledger, feed, queries) is always read from the store inside.

    What is written through this store is kept right. What *others* write to the same data is not
    noticed until the record is asked for anew: because it was dropped, because too many others were
    used since, or because a commit failed. That is safe for what is written, since every write names
    the version it replaces: who decides on an old record gets a `ConflictError`, the record is
    dropped, and the next reading is fresh. It is not noticed by what only reads: a page may show an
    old record, and a rule that looks at a *contact* beside the deal may see an old contact. So it
    declares ``shared=False``.

    Args:
        store: The store to read from and to write to.
        size: How many records to keep.

    Raises:
        InputError: The store is no `Store`, or the size no whole number from 1 on.

    Attributes:
        hits, misses: How many records were asked for that were kept, and that were not.

    >>> from funnelkit import Engine, MemoryStore, Pipeline, Stage
    >>> from funnelkit import CachedStore
    >>> engine = Engine(Pipeline("sales", [Stage("new")]), store=CachedStore(MemoryStore(), size=100))
    >>> deal = engine.create("Acme")
    >>> engine.get(deal.id) == deal
    True
    >>> engine.store
    CachedStore(MemoryStore(1 deal), size=100, hits=1, misses=0)
    """

    def __init__(self, store: Store, *, size: int = 10_000) -> None:
        if type(size) is not int or size < 1:
            raise InputError("size", f"{shown(size)} is not a whole number from 1 on")
        super().__init__(store)
        self.size = size
        self.hits = 0
        self.misses = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, Record] = OrderedDict()  # the one used last is the last
        self._state = 0  # counts the beginnings and ends of commits

    @property
    def capabilities(self) -> Capabilities:
        """Those of the store inside, but not ``shared``."""
        return attrs.evolve(self.store.capabilities, shared=False)

    def commit(self, commit: Commit) -> None:
        """Write everything or nothing; see `Store.commit`."""
        written: dict[_Key, Record] = {
            (KIND_OF[type(write.record)], write.record.id): write.record for write in commit.writes
        }
        begun = self._forget(())
        try:
            self.store.commit(commit)
        except BaseException:
            self._forget(written)
            raise
        with self._lock:
            alone = self._state == begun
            self._state += 1
            if alone:
                self._keep(written)
            else:  # another commit may have replaced these by now
                self._drop(written)

    def get(self, kind: Kind, id: str) -> Any:
        """Return one record; see `Store.get`."""
        with self._lock:
            seen = self._state
            kept = self._used((kind, id))
        if kept is not None:
            return kept
        record = self.store.get(kind, id)
        self._learn({(kind, id): record}, seen)
        return record

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """Return those of the records that exist, by id."""
        with self._lock:
            seen = self._state
            found = {id: kept for id in ids if (kept := self._used((kind, id))) is not None}
        unknown = [id for id in ids if id not in found]
        if unknown or not ids:
            read = self.store.get_many(kind, unknown)
            self._learn({(kind, id): record for id, record in read.items()}, seen)
            found |= read
        return found

    def close(self) -> None:
        """Forget what was kept, and close the store inside."""
        with self._lock:
            self._state += 1
            self._kept.clear()
        self.store.close()

    def _forget(self, keys: Iterable[_Key]) -> int:
        """Drop records; return the state from then on."""
        with self._lock:
            self._state += 1
            self._drop(keys)
            return self._state

    def _learn(self, read: Mapping[_Key, Record], seen: int) -> None:
        """Keep what was read, unless a commit began or ended since: then it may be old already."""
        with self._lock:
            if self._state == seen:
                self._keep(read)

    # What follows is called under the lock.

    def _used(self, key: _Key) -> Record | None:
        record = self._kept.get(key)
        if record is None:
            self.misses += 1
        else:
            self.hits += 1
            self._kept.move_to_end(key)
        return record

    def _keep(self, records: Mapping[_Key, Record]) -> None:
        for key, record in records.items():
            self._kept[key] = record
            self._kept.move_to_end(key)
        while len(self._kept) > self.size:
            self._kept.popitem(last=False)

    def _drop(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            self._kept.pop(key, None)

    def __repr__(self) -> str:
        return f"CachedStore({self.store!r}, size={self.size}, hits={self.hits}, misses={self.misses})"
