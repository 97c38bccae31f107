"""Wrappers are stores: they keep the contract, and do beside it what they are for."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import attrs
import pytest

from funnelkit import CachedStore, Engine, MemoryStore, MirroredStore, Pipeline, ReadOnlyStore, Stage, Store
from funnelkit.errors import ConflictError, InputError, StoreReadOnlyError, StoreUnavailableError
from funnelkit.storage import Commit, Write
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import StoreContract, readable
from funnelkit.testing.samples import a_change, a_contact, a_deal, new
from funnelkit.testing.together import at_once

SALES = Pipeline("sales", [Stage("new"), Stage("offer")])


class OnFiles(StoreContract):
    """Stores over SQLite files in a folder of each test's own."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        """Give each test a folder."""
        self.paths = (tmp_path / f"crm{number}.db" for number in range(1_000))

    def file(self, path: Path | None = None) -> SQLiteStore:
        """Open a file, a new one if none is named."""
        return SQLiteStore(path or next(self.paths), durability="fast")


class TestReadOnlyMemory(StoreContract):
    """`ReadOnlyStore` keeps the contract over a store in memory."""

    def make_store(self) -> Store:
        """Return an empty store that cannot be written."""
        return ReadOnlyStore(MemoryStore())

    def writer(self, store: Store) -> Store:
        """Return the store inside."""
        return cast("ReadOnlyStore", store).store


class TestReadOnlyFile(OnFiles):
    """`ReadOnlyStore` keeps the contract over a file, others writing to it."""

    def make_store(self) -> Store:
        """Return an empty store that cannot be written."""
        return ReadOnlyStore(self.file())

    def writer(self, store: Store) -> Store:
        """Open the file again, for writing."""
        return self.file(cast("Any", store).store.path)

    def second(self, store: Store) -> Store:
        """Open the file once more, for reading."""
        return ReadOnlyStore(self.writer(store))

    reopen = second


class TestCachedMemory(StoreContract):
    """`CachedStore` keeps the contract, however little it keeps."""

    def make_store(self) -> Store:
        """Return an empty store that keeps two records."""
        return CachedStore(MemoryStore(), size=2)


class TestMirroredMemory(StoreContract):
    """`MirroredStore` keeps the contract, with two copies that follow."""

    def make_store(self) -> Store:
        """Return an empty store with two empty copies."""
        return MirroredStore(MemoryStore(), MemoryStore(), MemoryStore())


class TestMirroredFile(OnFiles):
    """`MirroredStore` keeps the contract over a file that others use, with a copy in memory."""

    def make_store(self) -> Store:
        """Return an empty store with an empty copy."""
        return MirroredStore(self.file(), MemoryStore())

    def second(self, store: Store) -> Store:
        """Open the file once more, with an empty copy."""
        return MirroredStore(self.file(cast("Any", store).store.path), MemoryStore())

    reopen = second


class TestAllAtOnce(OnFiles):
    """Wrappers keep the contract around each other."""

    def make_store(self) -> Store:
        """Return a cache over a mirror over a cache."""
        return CachedStore(MirroredStore(CachedStore(self.file()), MemoryStore()), size=3)

    def reopen(self, store: Store) -> Store:
        """Open the file again."""
        path = cast("Any", store).store.store.store.path
        return CachedStore(MirroredStore(CachedStore(self.file(path)), MemoryStore()), size=3)


# ReadOnlyStore


def test_an_engine_over_a_read_only_store_reads() -> None:
    """Every question is answered over a read-only store, and no verb gets through."""
    store = MemoryStore()
    deal = Engine(SALES, store=store).create("Acme")
    engine = Engine(SALES, store=ReadOnlyStore(store))
    assert engine.get(deal.id) == deal
    assert engine.funnel().rows[0].count == 1
    with pytest.raises(StoreReadOnlyError, match="is for reading only"):
        engine.advance(deal)
    assert store.get("deal", deal.id) == deal


# CachedStore


class Asked(MemoryStore):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def get(self, kind: Any, id: str) -> Any:
        """Return one record."""
        self.asked.append(id)
        return super().get(kind, id)

    def get_many(self, kind: Any, ids: Any) -> dict[str, Any]:
        """Return records."""
        self.asked.append([*ids])
        return super().get_many(kind, ids)


def test_a_record_is_read_once() -> None:
    """A record that was read is kept; hits and misses count the records asked for."""
    inside = Asked()
    inside.commit(new(a_deal("d1"), a_deal("d2"), a_contact("d1")))
    store = CachedStore(inside, size=10)
    assert [store.get("deal", "d1") for _ in range(3)] == [a_deal("d1")] * 3
    assert store.get("contact", "d1") == a_contact("d1")
    assert store.get_many("deal", ["d1", "d2", "nobody"]) == {id: a_deal(id) for id in ("d1", "d2")}
    assert store.get_many("deal", ["d2", "d1"]) == {id: a_deal(id) for id in ("d1", "d2")}
    assert inside.asked == ["d1", "d1", ["d2", "nobody"]]
    assert (store.hits, store.misses) == (2 + 1 + 2, 1 + 1 + 2)


def test_the_record_used_longest_ago_makes_room() -> None:
    """No more records are kept than were asked for, and those used last stay."""
    inside = Asked()
    inside.commit(new(a_deal("d1"), a_deal("d2"), a_deal("d3")))
    store = CachedStore(inside, size=2)
    for id in ("d1", "d2", "d1", "d3", "d1", "d2"):
        store.get("deal", id)
    assert inside.asked == ["d1", "d2", "d3", "d2"]


def test_what_it_writes_it_keeps() -> None:
    """A record that was written through the cache is read from it, as written."""
    inside = Asked()
    store = CachedStore(inside)
    store.commit(new(a_deal()))
    later = a_deal(version=2, stage="offer")
    store.commit(Commit(writes=(Write(later, 1),)))
    assert store.get("deal", "d1") == later
    assert (inside.asked, store.hits, store.misses) == ([], 1, 0)


def test_a_conflict_makes_it_read_anew() -> None:
    """Who decided on an old record gets a conflict, and reads the new one after that."""
    inside = MemoryStore()
    store = CachedStore(inside)
    store.commit(new(a_deal(), a_deal("d2")))
    theirs = a_deal(version=2, owner="theirs")
    inside.commit(Commit(writes=(Write(theirs, 1),)))
    assert store.get("deal", "d1") == a_deal()  # old: nobody told the cache
    with pytest.raises(ConflictError):
        store.commit(Commit(writes=(Write(a_deal(version=2), 1),)))
    assert store.get("deal", "d1") == theirs
    assert store.hits == 1


def test_an_engine_goes_on_after_a_conflict() -> None:
    """A verb on an old record fails once; the same call again is right."""
    inside = MemoryStore()
    cached = Engine(SALES, store=CachedStore(inside))
    deal = cached.create("Acme")
    Engine(SALES, store=inside).assign(deal.id, "ann")
    with pytest.raises(ConflictError):
        cached.advance(deal.id)
    moved = cached.advance(deal.id)
    assert (moved.stage, moved.owner, moved.version) == ("offer", "ann", 3)
    assert cached.verify() == ()


def test_a_reader_overtaken_by_a_commit_keeps_nothing_old() -> None:
    """What was read before a commit, and comes in after it, is not kept."""
    reading, committed = threading.Event(), threading.Event()

    class Slow(MemoryStore):
        def get(self, kind: Any, id: str) -> Any:
            record = super().get(kind, id)
            if threading.current_thread() is not threading.main_thread():
                reading.set()
                assert committed.wait(60)
            return record

    inside = Slow()
    inside.commit(new(a_deal()))
    store = CachedStore(inside, size=1)
    reader = threading.Thread(target=store.get, args=("deal", "d1"))
    reader.start()
    assert reading.wait(60)
    store.commit(Commit(writes=(Write(a_deal(version=2), 1), Write(a_deal("d2"), 0))))  # d2 pushes d1 out
    committed.set()
    reader.join(60)
    assert store.get("deal", "d1").version == 2


def test_a_commit_overtaken_by_another_keeps_nothing_old() -> None:
    """Of two commits that end in the other order than they were written, the later version stays."""
    written, overtaken = threading.Event(), threading.Event()

    class Slow(MemoryStore):
        def commit(self, commit: Commit) -> None:
            super().commit(commit)
            if threading.current_thread() is not threading.main_thread():
                written.set()
                assert overtaken.wait(60)

    inside = Slow()
    store = CachedStore(inside, size=5)
    first = threading.Thread(target=store.commit, args=(new(a_deal()),))
    first.start()
    assert written.wait(60)
    store.commit(Commit(writes=(Write(a_deal(version=2), 1),)))
    overtaken.set()
    first.join(60)
    assert store.get("deal", "d1").version == 2


def test_a_reader_during_a_commit_keeps_nothing_old() -> None:
    """What was read while a commit was under way, and comes in after it, is not kept."""
    committed = threading.Event()
    readers: list[threading.Thread] = []

    class Slow(MemoryStore):
        def commit(self, commit: Commit) -> None:
            if commit.writes[0].expected:
                has_read = threading.Event()
                readers.append(threading.Thread(target=self.read_slowly, args=(has_read,)))
                readers[0].start()
                assert has_read.wait(60)
            super().commit(commit)

        def read_slowly(self, has_read: threading.Event) -> None:
            self.has_read = has_read
            store.get("deal", "d1")

        def get(self, kind: Any, id: str) -> Any:
            record = super().get(kind, id)
            if threading.current_thread() in readers:
                self.has_read.set()
                assert committed.wait(60)
            return record

    inside = Slow()
    inside.commit(new(a_deal()))
    store = CachedStore(inside)
    store.commit(Commit(writes=(Write(a_deal(version=2), 1),)))
    committed.set()
    readers[0].join(60)
    assert store.get("deal", "d1").version == 2


def test_a_commit_that_may_have_been_written_keeps_nothing() -> None:
    """After an error that does not say whether the commit was written, records are read anew."""

    class Uncertain(MemoryStore):
        def commit(self, commit: Commit) -> None:
            if commit.writes[0].expected:
                assert store.get("deal", "d1").version == 1  # somebody reads meanwhile
            super().commit(commit)
            if commit.writes[0].expected:
                raise StoreUnavailableError("Uncertain", "the connection was lost")

    inside = Uncertain()
    inside.commit(new(a_deal()))
    store = CachedStore(inside)
    with pytest.raises(StoreUnavailableError):
        store.commit(Commit(writes=(Write(a_deal(version=2), 1),)))
    assert store.get("deal", "d1").version == 2


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "9"])
def test_a_cache_has_a_size(size: Any) -> None:
    """The size of a cache is a whole number from 1 on."""
    with pytest.raises(InputError, match="size"):
        CachedStore(MemoryStore(), size=size)


# MirroredStore


class Failing(MemoryStore):
    """Fails while it is told to."""

    fails = False

    def commit(self, commit: Commit) -> None:
        """Write, or fail."""
        if self.fails:
            raise StoreUnavailableError("Failing", "is away")
        super().commit(commit)


def same(*stores: Store) -> bool:
    """Whether stores hold the same."""
    first, *others = [readable(store, ("k",)) for store in stores]
    return all(other == first for other in others)


@pytest.fixture
def eager() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_copies_follow_in_the_same_order(eager: None) -> None:
    """Whatever threads write, each copy holds the same as the primary, feed positions included."""
    primary, one, two = MemoryStore(), MemoryStore(), MemoryStore()
    engine = Engine(SALES, store=MirroredStore(primary, one, two))

    def work(name: str) -> None:
        for number in range(20):
            engine.win(engine.advance(engine.create(f"{name} {number}")), key=f"{name} {number}")

    assert at_once([lambda name=name: work(name) for name in "abcd"]) == [None] * 4  # type: ignore[misc]
    assert len(primary.changes()) == 4 * 20 * 3
    assert same(primary, one, two)


def test_a_failing_copy_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An act stands when a copy fails; the copy is behind, which is said once, the others follow."""
    primary, away, there = MemoryStore(), Failing(), MemoryStore()
    store = MirroredStore(primary, away, there)
    engine = Engine(SALES, store=store)
    engine.create("Acme")
    away.fails = True
    with caplog.at_level(logging.WARNING, "funnelkit"):
        for _ in range(3):
            engine.create("Bolt")
    assert len(engine.find("deal")) == len(there.find("deal", {})) == 4
    assert len(away.find("deal", {})) == 1
    assert store.behind == (away,)
    assert [record.getMessage() for record in caplog.records] == [
        "the copy MemoryStore(1 deal) is behind, until catch_up(): Failing: is away"
    ]
    assert (
        repr(store) == "MirroredStore(MemoryStore(4 deal), MemoryStore(1 deal) (behind), MemoryStore(4 deal))"
    )


def test_a_copy_catches_up_and_follows_again() -> None:
    """After `catch_up` a copy holds the same as the primary, and gets what comes next."""
    primary, copy = MemoryStore(), Failing()
    store = MirroredStore(primary, copy)
    engine = Engine(SALES, store=store)
    engine.create("Acme")
    copy.fails = True
    engine.advance(engine.create("Bolt"))
    with pytest.raises(StoreUnavailableError):
        store.catch_up()
    assert store.behind == (copy,)
    copy.fails = False
    assert str(store.catch_up()) == "copied: records 1, moves 2, changes 2"
    assert store.behind == ()
    assert str(store.catch_up()) == "copied: nothing, all was there"
    engine.create("Coda", key="k")
    assert same(primary, copy)


@pytest.mark.parametrize("known", [0, 1])
def test_a_copy_may_be_opened_behind(known: int) -> None:
    """A copy that is empty or old when the store is opened is behind, until it has caught up."""
    primary, copy = MemoryStore(), MemoryStore()
    for name in ["Acme"] * known:
        Engine(SALES, store=MirroredStore(primary, copy)).create(name)
    Engine(SALES, store=primary).create("Bolt")
    store = MirroredStore(primary, copy)
    assert store.behind == (copy,)
    Engine(SALES, store=store).create("Coda")
    assert len(copy.find("deal", {})) == known
    store.catch_up()
    assert store.behind == ()
    assert same(primary, copy)


def test_keys_reach_every_copy() -> None:
    """Keys to find duplicates by are written to all at once, and brought over by `catch_up`."""
    primary, there, away = MemoryStore(), MemoryStore(), Failing()
    store = MirroredStore(primary, there, away)
    engine = Engine(SALES, store=store)
    engine.create_contact("Ann", email="ann@example.org")
    away.fails = True
    engine.create_company("Acme")
    sql = "SELECT match_key, kind, record_id FROM match_key ORDER BY match_key"
    keys = primary.query(sql, {})
    assert {kind for _, kind, _ in keys} == {"contact", "company"}
    assert there.query(sql, {}) == keys != away.query(sql, {})
    away.fails = False
    store.catch_up()
    assert away.query(sql, {}) == keys


def test_a_copy_that_is_away_does_not_keep_the_store_from_opening() -> None:
    """A copy that cannot even be read is behind from the beginning."""
    copy = MemoryStore()
    copy.close()
    store = MirroredStore(MemoryStore(), copy)
    assert store.behind == (copy,)
    assert Engine(SALES, store=store).create("Acme").name == "Acme"


def test_what_others_write_to_the_primary_comes_over() -> None:
    """A write past the mirror leaves the copies behind at the next act; they catch up in the right order."""
    primary, one, two = MemoryStore(), MemoryStore(), MemoryStore()
    store = MirroredStore(primary, one, two)
    ours, theirs = Engine(SALES, store=store), Engine(SALES, store=primary)
    deal = ours.create("Acme")
    theirs.log(deal.id, "call", "nobody tells the mirror")
    ours.log(deal.id, "call", "the mirror sees that it was passed by")
    assert store.behind == (one, two)
    store.catch_up()
    assert store.behind == ()
    assert same(primary, one, two)


def test_what_others_wrote_is_noticed_by_each_copy() -> None:
    """A copy that was level does not count as level for what came over to another one."""
    primary, one, two = MemoryStore(), MemoryStore(), Failing()
    store = MirroredStore(primary, one, two)
    ours, theirs = Engine(SALES, store=store), Engine(SALES, store=primary)
    two.fails = True
    ours.create("Acme")
    two.fails = False
    theirs.create("Bolt")
    store.catch_up()
    ours.create("Coda")
    assert store.behind == (one,)
    store.catch_up()
    assert same(primary, one, two)


def test_an_act_that_is_refused_reaches_no_copy() -> None:
    """What the primary does not write is written nowhere, and leaves nobody behind."""
    primary, copy = MemoryStore(), MemoryStore()
    store = MirroredStore(primary, copy)
    store.commit(new(a_deal()))
    with pytest.raises(ConflictError):
        store.commit(Commit(writes=(Write(a_deal(version=3), 2),), changes=(a_change(),)))
    assert store.behind == ()
    assert same(primary, copy)


def test_an_interrupted_act_leaves_the_copies_behind() -> None:
    """An interruption between primary and copy gets through; the copy is known to be behind."""

    class Interrupting(MemoryStore):
        def commit(self, commit: Commit) -> None:  # noqa: ARG002 (it comes to nothing)
            raise KeyboardInterrupt

    primary, copy = MemoryStore(), Interrupting()
    store = MirroredStore(primary, copy, MemoryStore())
    with pytest.raises(KeyboardInterrupt):
        store.commit(new(a_deal()))
    assert store.behind == store.copies
    assert primary.get("deal", "d1") == a_deal()


def test_a_stranger_is_no_copy() -> None:
    """A store with a history of its own is behind, and stays as it is."""
    primary, stranger = MemoryStore(), MemoryStore()
    Engine(SALES, store=stranger).create("Another")
    Engine(SALES, store=primary).create("Acme")
    store = MirroredStore(primary, stranger)
    before = readable(stranger)
    assert store.behind == (stranger,)
    with pytest.raises(InputError, match="target"):
        store.catch_up()
    assert readable(stranger) == before


def test_acts_go_on_while_a_copy_catches_up() -> None:
    """A deal made while a copy catches up is in the primary at once, and in the copy at the end."""

    class Busy(MemoryStore):
        def commit(self, commit: Commit) -> None:
            super().commit(commit)
            if commit.changes and len(primary.find("deal", {})) == 1:
                Engine(SALES, store=store).create("Bolt")  # when the records have been copied

    primary, copy = MemoryStore(), Busy()
    Engine(SALES, store=primary).create("Acme")
    store = MirroredStore(primary, copy)
    store.catch_up()
    assert len(primary.find("deal", {})) == 2
    assert store.behind == ()
    assert same(primary, copy)


def test_catching_up_from_many_threads_is_done_once(eager: None) -> None:
    """Those who ask a copy to catch up at once get it done once, and nobody an error."""
    primary, copy = MemoryStore(), MemoryStore()
    engine = Engine(SALES, store=primary)
    for number in range(50):
        engine.create(str(number))
    store = MirroredStore(primary, copy)
    results = at_once([store.catch_up] * 4)
    assert sorted(str(result) for result in results) == [
        "copied: nothing, all was there",
        "copied: nothing, all was there",
        "copied: nothing, all was there",
        "copied: records 50, moves 50, changes 50, definitions 1",
    ]
    assert same(primary, copy)


def test_equal_changes_are_counted() -> None:
    """A copy whose last change equals that of the primary, but which has fewer of them, is behind."""
    primary, copy = MemoryStore(), MemoryStore()
    primary.commit(Commit(changes=(a_change(), a_change())))
    copy.commit(Commit(changes=(a_change(),)))
    store = MirroredStore(primary, copy)
    assert store.behind == (copy,)
    store.catch_up()
    assert same(primary, copy)


def test_closing_a_mirror_closes_all() -> None:
    """The primary and every copy are closed, also when one of them cannot be."""

    class Stubborn(MemoryStore):
        def close(self) -> None:
            raise StoreUnavailableError("Stubborn", "cannot be closed")

    primary, copy = MemoryStore(), MemoryStore()
    store = MirroredStore(primary, Stubborn(), copy)
    with pytest.raises(StoreUnavailableError):
        store.close()
    for each in (primary, copy):
        with pytest.raises(Exception, match="closed"):
            each.changes()


def test_wrappers_declare_what_they_can() -> None:
    """A cache is not shared, a reader not writable; everything else is as the store inside declares."""
    inside = attrs.evolve(MemoryStore.capabilities, durable=True, shared=True)

    class Declaring(MemoryStore):
        capabilities = inside

    assert CachedStore(Declaring()).capabilities == attrs.evolve(inside, shared=False)
    assert ReadOnlyStore(Declaring()).capabilities == attrs.evolve(inside, writable=False)
    assert MirroredStore(Declaring(), MemoryStore()).capabilities == inside
