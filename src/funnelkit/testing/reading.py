"""Everything in a store at one glance, and ids that can be foretold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from funnelkit.changes import Change
from funnelkit.ids import IdSource
from funnelkit.records import Record
from funnelkit.storage.base import KINDS, Kind, Store

__all__ = ["readable", "sequential_ids"]


def sequential_ids(seed: int = 0) -> IdSource:
    """Return a source of ids that count up, so that two engines can be given the same ones.

    >>> ids = sequential_ids()
    >>> ids("deal"), ids("lead")
    ('deal_00000000000000000000000001', 'lead_00000000000000000000000002')
    """
    numbers = count(seed + 1)
    return lambda kind: f"{kind}_{next(numbers):026}"


def readable(store: Store, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return everything that can be read from a store, to be compared; ``keys`` are those to look up.

    >>> from funnelkit import MemoryStore
    >>> readable(MemoryStore()) == readable(MemoryStore())
    True
    """
    records = {(kind, record.id): record for kind in KINDS for record in _pages(store, kind)}
    feed = list(_feed(store))
    # A damaged file may hold what is no text.
    ids = sorted({id for _, id in records} | {change.record for change in feed}, key=str)
    return {
        "records": records,
        "moves": {id: store.moves(id) for id in ids},
        "activities": {id: store.activities(id) for id in ids},
        "attributes": {id: store.attributes(id) for id in ids},
        "changes": [(change.position, change) for change in feed],
        "answers": {key: store.answer(key) for key in keys},
        "definitions": store.definitions(),
        "keys": store.query(_KEYS, {}),
        "tables": {table: store.query(sql, {}) for table, sql in _TABLES.items()},
    }


_TABLES: dict[str, str] = {
    **{kind: f"SELECT * FROM {kind} ORDER BY id" for kind in KINDS},  # noqa: S608 (our own names)
    "move": "SELECT * FROM move ORDER BY position",
    "attribute": "SELECT * FROM attribute ORDER BY position",
}


_KEYS = "SELECT match_key, kind, record_id FROM match_key ORDER BY match_key, kind, record_id"


def _pages(store: Store, kind: Kind) -> Iterator[Record]:
    after = ""
    while page := store.find(kind, {}, after=after, limit=100):
        yield from page
        after = page[-1].id


def _feed(store: Store) -> Iterator[Change]:
    after = 0
    while page := store.changes(after=after, limit=1000):
        yield from page
        after = page[-1].position
