"""Stores that pass on what they are asked: every argument, whole, to the store inside; its answer back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from funnelkit import MemoryStore, Store
from funnelkit.errors import StoreClosedError
from funnelkit.storage import Answer, Attribute, Commit
from funnelkit.storage.base import MatchKey
from funnelkit.storage.immediate import Immediate, run
from funnelkit.storage.threads import FromThread, InThread
from funnelkit.storage.wrappers.read_only import ReadOnlyStore
from funnelkit.testing.samples import AT, a_change, a_contact, a_deal, a_move, an_activity, new


def fill(store: Store) -> None:
    """Write what lets a store answer every question in another way if an argument is lost."""
    store.commit(new(*(a_deal(f"d{number}", owner="sam") for number in range(105)), a_deal("z", owner="kim")))
    store.commit(new(a_contact("d1")))
    store.commit(
        Commit(
            moves=(a_move("d1"), a_move("d2")),
            activities=(an_activity("t1"), an_activity("t2", record="d2")),
            attributes=tuple(Attribute(record=id, field="owner", value=id, since=AT) for id in ("d1", "d2")),
            changes=tuple(a_change(f"d{number % 2 + 1}") for number in range(1_005)),
            answers=(Answer(key="k1", request="r", records=()), Answer(key="k2", request="r", records=())),
            definitions={"0f": ("sales", "{}")},
            keys=(MatchKey(key="name:ann", kind="contact", record="d1"),),
        )
    )


def filled() -> MemoryStore:
    """Return a store in memory with all of it."""
    store = MemoryStore()
    fill(store)
    return store


CALLS: dict[str, Callable[[Any], Any]] = {
    "get a deal": lambda store: store.get("deal", "d1"),
    "get a contact": lambda store: store.get("contact", "d1"),
    "get_many": lambda store: store.get_many("deal", ["d1", "d2", "d999"]),
    "find": lambda store: store.find("deal", {}),
    "find where": lambda store: store.find("deal", {"owner": "kim"}),
    "find after": lambda store: store.find("deal", {"owner": "sam"}, after="d2"),
    "find limit": lambda store: store.find("deal", {"owner": "sam"}, limit=3),
    "find contacts": lambda store: store.find("contact", {}),
    "moves": lambda store: store.moves("d2"),
    "activities": lambda store: store.activities("d2"),
    "attributes": lambda store: store.attributes("d2"),
    "changes": lambda store: store.changes(),
    "changes after": lambda store: store.changes(after=3),
    "changes of": lambda store: store.changes(record="d2"),
    "changes limit": lambda store: store.changes(limit=2),
    "answer": lambda store: store.answer("k2"),
    "definitions": lambda store: store.definitions(),
    "query": lambda store: store.query("SELECT owner FROM deal WHERE id = :id", {"id": "z"}),
    "keys": lambda store: store.query("SELECT match_key, kind, record_id FROM match_key", {}),
}


def through_a_thread(store: MemoryStore, call: Callable[[Any], Any]) -> Any:
    """Call in a worker thread of a loop, on what shows the store there."""

    async def main() -> Any:
        return await asyncio.to_thread(call, FromThread(InThread(store)))

    return asyncio.run(main())


def over_the_loop(store: MemoryStore, call: Callable[[Any], Any]) -> Any:
    """Call in a worker thread of a loop, on an awaited store that is no `InThread`."""

    class Awaited(InThread):
        pass

    async def main() -> Any:
        shown = FromThread(Immediate(store))
        assert shown.capabilities == store.capabilities
        shown.store = Awaited(store)
        return await asyncio.to_thread(call, shown)

    return asyncio.run(main())


WAYS: dict[str, Callable[[MemoryStore, Callable[[Any], Any]], Any]] = {
    "wrapped": lambda store, call: call(ReadOnlyStore(store)),
    "immediate": lambda store, call: run(call(Immediate(store))),
    "in a thread": lambda store, call: asyncio.run(call(InThread(store))),
    "from a thread": through_a_thread,
    "over the loop": over_the_loop,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("way", WAYS)
def test_a_question_is_passed_on_whole(way: str, call: str) -> None:
    """The answer is that of the store inside."""
    store = filled()
    expected = CALLS[call](store)
    assert expected
    assert WAYS[way](store, CALLS[call]) == expected


@pytest.mark.parametrize("way", [way for way in WAYS if way != "wrapped"])
def test_a_commit_and_the_end_are_passed_on(way: str) -> None:
    """What is written is in the store inside; closing closes it."""
    store = MemoryStore()
    WAYS[way](store, lambda shown: shown.commit(new(a_deal())))
    assert store.get("deal", "d1") == a_deal()
    WAYS[way](store, lambda shown: shown.close())
    with pytest.raises(StoreClosedError):
        store.get("deal", "d1")
