"""What SQLite stores, joined ones, mirrors and copies answer and leave behind, to the letter."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.contract.test_passing_on import CALLS, filled

from funnelkit import (
    MemoryStore,
    MirroredStore,
    ReadOnlyStore,
    commit_from_json,
    commit_to_json,
    open_store,
)
from funnelkit.errors import InputError, StoreBusyError, StoreReadOnlyError
from funnelkit.storage import Attribute, Commit
from funnelkit.storage.copying import copy_store, is_level
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.health import examined
from funnelkit.testing.samples import AT, a_change, a_deal, new

PRAGMAS = "SELECT s.*, c.* FROM pragma_synchronous s, pragma_cache_size c"


# A file


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("fast", 1)])
def test_a_connection_is_set_as_asked(tmp_path: Path, durability: Any, synchronous: int) -> None:
    """Full durability waits for the disk at each commit; 64 MiB are cached for verbs, and 4 for questions."""
    with SQLiteStore(tmp_path / "crm.db", durability=durability) as store:
        assert store.query(PRAGMAS, {}) == [(synchronous, -4096)]
        own = store._connection()  # noqa: SLF001
        assert own.execute(PRAGMAS).fetchall() == [(synchronous, -65536)]
        assert store.query("SELECT * FROM pragma_journal_mode", {}) == [("wal",)]


def test_health_measures_file_and_log(tmp_path: Path) -> None:
    """Pages of the log are counted from its size: a head of 32 bytes, then a page with a head of 24."""
    path = tmp_path / "crm.db"
    known: dict[str, Any] = {"connections": 1, "writable": True, "schema_version": 2}
    known |= {"checkpoints": 0, "held_back": 0}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 512")
        connection.execute("CREATE TABLE t (x)")
        bare = examined(connection, path, **known)
        assert (bare.page_bytes, bare.wal_bytes, bare.wal_pages) == (512, 0, 0)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO t VALUES (zeroblob(20000))")
        log = (tmp_path / "crm.db-wal").stat().st_size
        full = examined(connection, path, **known)
    assert (log - 32) % 536 == 0
    assert (full.wal_bytes, full.wal_pages, full.journal) == (log, (log - 32) // 536, "wal")


@pytest.mark.parametrize(("ending", "writable"), [("", True), ("?mode=ro", False)])
def test_a_url_opens_a_file(tmp_path: Path, ending: str, writable: bool) -> None:
    """What stands before the first question mark is the path, what stands behind it how to open it."""
    SQLiteStore(tmp_path / "crm.db").close()
    with closing(open_store(f"sqlite:///{tmp_path}/crm.db{ending}")) as store:
        assert store.capabilities.writable is writable
    with pytest.raises(InputError, match="has an unknown setting"):
        open_store(f"sqlite:///{tmp_path}/crm.db?x{ending}")


# A host's connection


@pytest.fixture
def host(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection of the host's to a file with the tables in it."""
    with closing(sqlite3.connect(tmp_path / "host.db")) as connection:
        SQLiteStore.create_tables(connection)
        yield connection


def test_a_joined_store_answers_as_in_memory(host: sqlite3.Connection) -> None:
    """Every question gets the answer of a store in memory, on a connection with converters, too."""
    store, memory = SQLiteStore.on(host), filled()
    copy_store(memory, store)
    for name, call in CALLS.items():
        assert call(store) == call(memory), name


def test_converters_of_the_host_change_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter for TEXT is the host's: questions and queries of ours are answered without it."""
    monkeypatch.setitem(sqlite3.converters, "TEXT", lambda _: "converted")
    with closing(sqlite3.connect(tmp_path / "host.db", detect_types=sqlite3.PARSE_DECLTYPES)) as host:
        SQLiteStore.create_tables(host)
        store = SQLiteStore.on(host)
        store.commit(new(a_deal("d1"), a_deal("d2")))
        assert store.get("deal", "d1") == a_deal("d1")
        asked = "SELECT id AS a, id AS a, version FROM deal WHERE id = :id"
        for end in ("", ";", " ; \n", "\n-- the end"):
            assert store.query(asked + end, {"id": "d2"}) == [("d2", "d2", 1)]
        assert store.query(asked, {"id": "none"}) == []
        assert store.query("\n  SELECT 'XX' AS x", {}) == [("XX",)]


def test_a_commit_begins_the_hosts_transaction(host: sqlite3.Connection) -> None:
    """Where none is open one is begun to write at once; a lone commit is taken back by a rollback."""
    store = SQLiteStore.on(host)
    store.commit(new(a_deal("d1")))
    assert host.in_transaction
    store.commit(new(a_deal("d2")))
    host.rollback()
    assert store.find("deal", {}) == []


def test_a_commit_of_ours_waits_its_turn(tmp_path: Path, host: sqlite3.Connection) -> None:
    """The transaction that a commit begins takes the lock of writers first: others are busy, not stale."""
    with closing(sqlite3.connect(tmp_path / "host.db", timeout=0.01)) as other:
        host.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError):
            SQLiteStore.on(other).commit(new(a_deal("d1")))
        assert not other.in_transaction
        host.rollback()


BY_HAND: list[dict[str, Any]] = [{"isolation_level": None}]
if sys.version_info >= (3, 12):
    BY_HAND += [{"autocommit": True}]


@pytest.mark.parametrize("settings", BY_HAND, ids=repr)
def test_who_begins_by_hand_has_to(
    tmp_path: Path, host: sqlite3.Connection, settings: dict[str, Any]
) -> None:
    """In autocommit mode nothing is begun for the host; the error says what to do."""
    host.commit()
    with closing(sqlite3.connect(tmp_path / "host.db", **settings)) as other:
        store = SQLiteStore.on(other)
        with pytest.raises(InputError, match="is in autocommit mode with no transaction open") as caught:
            store.commit(new(a_deal("d1")))
        assert caught.value.fix == "BEGIN IMMEDIATE first; COMMIT or ROLLBACK is yours"
        other.execute("BEGIN IMMEDIATE")
        store.commit(new(a_deal("d1")))
        other.execute("COMMIT")
        assert store.get("deal", "d1") == a_deal("d1")


# Copies and mirrors


def test_a_copy_is_level_when_nothing_is_missing() -> None:
    """Level is an equal last change with as many before it, or no change on either side."""
    one, two = MemoryStore(), MemoryStore()
    assert is_level(one, two)
    one.commit(Commit(changes=(a_change("d1"), a_change("d2"))))
    assert not is_level(one, two)
    assert not is_level(two, one)
    two.commit(Commit(changes=(a_change("d1"), a_change("d2"))))
    assert is_level(one, two)


def test_every_id_is_copied() -> None:
    """Whatever an id begins with, its record comes over, and so do its fields of old."""
    source, target = MemoryStore(), MemoryStore()
    ids = ("!", "0", "A", "Z", "a", "~", "Ω")
    source.commit(new(*(a_deal(id) for id in ids)))
    about = [Attribute(record=id, field="owner", value=str(n), since=AT) for id in ids for n in range(2)]
    target.commit(Commit(attributes=tuple(about[:2])))
    source.commit(Commit(attributes=tuple(about)))
    copied = copy_store(source, target)
    assert (copied.records, copied.attributes) == (7, 12)
    assert {id: target.get("deal", id) for id in ids} == {id: a_deal(id) for id in ids}
    assert [each for id in ids for each in target.attributes(id)] == about


def test_a_mirror_hands_on_what_it_wrote_alone() -> None:
    """A copy that is level when the mirror is made stays level, from its place in the feed on."""
    store, copy = MemoryStore(), MemoryStore()
    for number in range(3):
        store.commit(Commit(changes=(a_change(f"d{number}"),)))
    copy_store(store, copy)
    mirror = MirroredStore(store, copy)
    mirror.commit(Commit(changes=(a_change("d3"), a_change("d4"))))
    mirror.commit(new(a_deal("d9")))
    mirror.commit(Commit(changes=(a_change("d5"),)))
    assert mirror.behind == ()
    assert [change.record for change in copy.changes()] == [f"d{number}" for number in range(6)]
    assert copy.get("deal", "d9") == a_deal("d9")


def test_a_copy_that_fails_is_told_in_our_log(caplog: pytest.LogCaptureFixture) -> None:
    """The warning is of the logger ``funnelkit``, and says what the copy said."""
    gone = MemoryStore()
    gone.close()
    with caplog.at_level(logging.WARNING):
        MirroredStore(MemoryStore(), gone)
    assert [(record.name, record.levelname) for record in caplog.records] == [("funnelkit", "WARNING")]
    assert caplog.messages == ["the copy MemoryStore(empty) is behind, until catch_up(): MemoryStore: closed"]


def test_a_reader_refuses_to_write() -> None:
    """The error names the store that was asked, and what it is for."""
    with pytest.raises(StoreReadOnlyError) as caught:
        ReadOnlyStore(MemoryStore()).commit(Commit())
    assert str(caught.value) == "ReadOnlyStore(MemoryStore(empty)): is for reading only"


def test_a_change_from_json_has_no_place_yet() -> None:
    """The position of a change is given by the store that takes it."""
    commit = commit_from_json(commit_to_json(Commit(changes=(a_change("d1"),))))
    assert [(change.record, change.position) for change in commit.changes] == [("d1", 0)]
