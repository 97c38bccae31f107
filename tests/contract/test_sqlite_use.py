"""`SQLiteStore` in use: busy, full, several threads, the log and its copying, what is really set."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from funnelkit import Engine, MemoryStore, Pipeline, Stage, Store
from funnelkit.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    StoreBusyError,
    StoreClosedError,
    StoreFullError,
)
from funnelkit.storage.base import Commit, Write
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import FrozenClock, readable
from funnelkit.testing.samples import AT, a_deal, a_move, new

SALES = Pipeline("sales", [Stage("new"), Stage("offer")])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Return a store on a file, that waits for nobody."""
    with SQLiteStore(tmp_path / "crm.db", durability="fast", timeout=0.01) as store:
        yield store


def pragma(store: SQLiteStore, name: str) -> object:
    """Return what a connection of the store has set."""
    return store._connection().execute(f"PRAGMA {name}").fetchone()[0]  # noqa: SLF001


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("fast", 1)])
def test_durability_is_really_set(
    durability: Literal["full", "fast"], synchronous: int, tmp_path: Path
) -> None:
    """``"full"`` is synchronous=FULL (2), ``"fast"`` NORMAL (1), on the connection of every thread."""
    with SQLiteStore(tmp_path / "crm.db", durability=durability) as store, ThreadPoolExecutor(1) as pool:
        assert pragma(store, "synchronous") == synchronous
        assert pool.submit(pragma, store, "synchronous").result() == synchronous


def test_an_unknown_durability_is_the_callers_error(tmp_path: Path) -> None:
    """Only "full" and "fast" are durabilities."""
    with pytest.raises(InputError):
        SQLiteStore(tmp_path / "crm.db", durability="none")  # type: ignore[arg-type]


def test_the_log_is_written_ahead_and_copied_by_us(store: SQLiteStore) -> None:
    """The journal is a write-ahead log, and the library's own checkpoints are off."""
    assert (pragma(store, "journal_mode"), pragma(store, "wal_autocheckpoint")) == ("wal", 0)


# -- other writers ------------------------------------------------------------------------------------


def test_another_writer_past_the_time_out_is_busy(store: SQLiteStore) -> None:
    """A commit that waited in vain is a StoreBusyError, writes nothing, and works when repeated."""
    store.commit(new(a_deal()))
    holder = sqlite3.connect(store.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    before = readable(store)
    with pytest.raises(StoreBusyError) as caught:
        store.commit(new(a_deal("d2")))
    assert (caught.value.retriable, caught.value.store) == (True, str(store.path))
    assert readable(store) == before
    holder.execute("ROLLBACK")
    holder.close()
    store.commit(new(a_deal("d2")))
    assert store.get("deal", "d2").id == "d2"


def both_stores(path: Path) -> list[Callable[[], Store]]:
    """Return what makes each of our stores."""
    return [MemoryStore, lambda: SQLiteStore(path / "crm.db", durability="fast")]


@pytest.mark.parametrize("which", [0, 1])
def test_of_two_threads_one_wins(which: int, tmp_path: Path) -> None:
    """Of eight writers of one version exactly one succeeds; the others are told of a conflict."""
    store = both_stores(tmp_path)[which]()
    store.commit(new(a_deal()))
    start = threading.Barrier(8)

    def write(number: int) -> str:
        start.wait()
        try:
            store.commit(
                Commit(
                    writes=(Write(a_deal(version=2, name=str(number)), 1),), moves=(a_move(seq=number + 1),)
                )
            )
        except ConflictError:
            return ""
        return str(number)

    with ThreadPoolExecutor(8) as pool:
        winners = [name for name in pool.map(write, range(8)) if name]
    assert winners == [store.get("deal", "d1").name]
    assert len(store.moves("d1")) == 1
    store.close()


@pytest.mark.parametrize("which", [0, 1])
def test_threads_lose_no_update(which: int, tmp_path: Path) -> None:
    """Threads that retry on conflict end with as many moves as they made, and a sound ledger."""
    engine = Engine(SALES, store=both_stores(tmp_path)[which](), clock=FrozenClock(AT))
    engine.create("Acme", id="d1")

    def moves(_: int) -> None:
        done = 0
        while done < 10:
            deal = engine.get("d1")
            try:
                engine.move(deal, "offer" if deal.stage == "new" else "new")  # type: ignore[union-attr,type-var]
            except ConflictError:
                continue
            done += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(moves, range(4)))
    assert [move.seq for move in engine.history("d1")] == list(range(1, 42))
    assert engine.verify() == ()
    engine.close()


def test_one_key_in_many_threads_is_done_once(tmp_path: Path) -> None:
    """The same request under one key from eight threads makes one deal; all get the same answer."""
    engine = Engine(SALES, store=SQLiteStore(tmp_path / "crm.db", durability="fast"), clock=FrozenClock(AT))
    start = threading.Barrier(8)

    def create(_: int) -> object:
        start.wait()
        return engine.create("Acme", key="form-7")

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(create, range(8)))
    assert answers == set(engine.find("deal"))
    assert len(answers) == 1
    engine.close()


def test_one_key_and_one_id_in_many_threads_is_done_once(tmp_path: Path) -> None:
    """With an id of the caller's own the answer is the same for all callers, too."""
    engine = Engine(SALES, store=SQLiteStore(tmp_path / "crm.db", durability="fast"), clock=FrozenClock(AT))
    start = threading.Barrier(8)

    def create(_: int) -> object:
        start.wait()
        return engine.create("Acme", id="d1", key="form-7")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(create, range(8))) == {engine.get("d1")}
    engine.close()


def test_a_thread_that_ended_leaves_no_connection(store: SQLiteStore) -> None:
    """However many threads come and go, the connections of those that went are given back."""
    store.commit(new(a_deal()))
    for _ in range(50):
        thread = threading.Thread(target=store.get, args=("deal", "d1"))
        thread.start()
        thread.join()
    assert len(store._connections) <= 3  # noqa: SLF001


def test_a_store_closed_by_another_thread_is_closed_for_all(store: SQLiteStore) -> None:
    """After ``close`` in one thread every thread is told, whether it had a connection or not."""
    store.commit(new(a_deal()))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(store.get, "deal", "d1").result().id == "d1"
        store.close()
        with pytest.raises(StoreClosedError):
            pool.submit(store.get, "deal", "d1").result()
    with pytest.raises(StoreClosedError), ThreadPoolExecutor(1) as pool:
        pool.submit(store.commit, new(a_deal("d2"))).result()


# -- no room --------------------------------------------------------------------------------------------


def test_a_full_store_says_so_and_can_be_read(store: SQLiteStore) -> None:
    """Out of pages, a commit is a StoreFullError and writes nothing; reading goes on; room mends it."""
    store.commit(new(a_deal()))
    connection = store._connection()  # noqa: SLF001
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    before = readable(store)
    with pytest.raises(StoreFullError) as caught:
        store.commit(new(*(a_deal(f"x{number}", name="x" * 500) for number in range(500))))
    assert (caught.value.store, caught.value.retriable) == (str(store.path), False)
    assert readable(store) == before
    connection.execute("PRAGMA max_page_count = 1000000")
    store.commit(new(a_deal("d2")))
    assert [deal.id for deal in store.find("deal", {})] == ["d1", "d2"]


# -- cursors and the log ----------------------------------------------------------------------------------


def test_no_cursor_is_left_open(store: SQLiteStore) -> None:
    """After every way of reading, the log can be copied completely and started afresh."""
    store.commit(new(*(a_deal(f"d{number}") for number in range(300))))
    store.find("deal", {}, limit=1)
    store.get_many("deal", ["d1", "d2"])
    store.changes(limit=1)
    store.query("SELECT id FROM deal", {})
    with pytest.raises(NotFoundError):
        store.get("deal", "nobody")
    with pytest.raises(InputError):
        store.query("SELECT id, nothing FROM deal", {})
    other = sqlite3.connect(store.path)
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    other.close()


def log_size(store: SQLiteStore) -> int:
    """Return the bytes of the write-ahead log."""
    return store.path.with_name(f"{store.path.name}-wal").stat().st_size


def fill(store: SQLiteStore, commits: int, first: int) -> None:
    """Write many rows."""
    for commit in range(first, first + commits):
        store.commit(new(*(a_deal(f"d{commit}-{number}") for number in range(100))))


def test_the_log_does_not_grow_for_ever(store: SQLiteStore) -> None:
    """The log is copied into the file from time to time and written over from its beginning."""
    fill(store, 150, 0)
    size = log_size(store)
    fill(store, 300, 150)
    assert log_size(store) < 2 * size


def test_a_reader_who_forgets_its_cursor_only_delays_the_copying(store: SQLiteStore) -> None:
    """While a reader stands still the copying is tried ever more seldom; then it catches up."""
    fill(store, 1, 0)
    forgetful = sqlite3.connect(store.path)
    cursor = forgetful.execute("SELECT id FROM deal")
    cursor.fetchone()
    usual = store._checkpoints._after  # noqa: SLF001
    fill(store, 310, 1)
    assert store._checkpoints._after > usual  # noqa: SLF001
    cursor.close()
    forgetful.close()
    fill(store, 600, 311)
    assert store._checkpoints._after == usual  # noqa: SLF001
