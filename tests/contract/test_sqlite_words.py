"""What SQLite stores, and the stores around them, say and show: to the letter."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from funnelkit import CachedStore, Engine, MemoryStore, MirroredStore, Pipeline, ReadOnlyStore, Stage
from funnelkit.errors import (
    AlreadyExistsError,
    FunnelkitError,
    InputError,
    NotAStoreError,
    SchemaVersionError,
    StoreClosedError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from funnelkit.storage import Commit
from funnelkit.storage.copying import copy_store
from funnelkit.storage.immediate import run
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.checkpoints import Checkpoints
from funnelkit.testing.samples import a_change, a_contact, a_deal, new

GONE = "No such file or directory"


def said(call: Callable[[], object]) -> FunnelkitError:
    """Return the error of a call."""
    with pytest.raises(FunnelkitError) as caught:
        call()
    return caught.value


# A file


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("", "''"),
        (":memory:", "':memory:'"),
        ("file::memory:?cache=shared", "'file::memory:?cache=shared'"),
        ("a\0b", "'a\\x00b'"),
        ("\ud800", "'\\ud800'"),
        (5, "5"),
        (None, "None"),
    ],
)
def test_no_such_path(path: Any, shown: str) -> None:
    """What cannot be the path of a file."""
    error = InputError("path", f"{shown} is not a file", "use MemoryStore() to keep nothing")
    assert said(lambda: SQLiteStore(path)) == error


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"durability": "none"}, InputError("durability", "'none' is unknown", 'write "full" or "fast"')),
        ({"timeout": -1}, InputError("timeout", "-1 is not a number of seconds", "30.0 is usual")),
        ({"timeout": True}, InputError("timeout", "True is not a number of seconds", "30.0 is usual")),
        ({"timeout": "1"}, InputError("timeout", "'1' is not a number of seconds", "30.0 is usual")),
        (
            {"timeout": 1_000_000.5},
            InputError("timeout", "1000000.5 is not a number of seconds", "30.0 is usual"),
        ),
    ],
)
def test_no_such_option(tmp_path: Path, options: dict[str, Any], error: FunnelkitError) -> None:
    """A durability or a time-out that is none; nothing is made."""
    assert said(lambda: SQLiteStore(tmp_path / "crm.db", **options)) == error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("timeout", [0, 0.0, 5, 1_000_000.0])
def test_time_outs_from_none_to_days(tmp_path: Path, timeout: float) -> None:
    """Whole seconds and parts of them, up to a million."""
    SQLiteStore(tmp_path / "crm.db", timeout=timeout).close()


def test_what_is_no_store(tmp_path: Path) -> None:
    """A folder, an empty file, another program's database, no file at all, no folder to make one in."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE deal (id)")
    nothing = "is not a funnelkit store (not a file, or an empty one)"
    for name, error in {
        "folder": NotAStoreError(str(tmp_path / "folder"), nothing),
        "empty": NotAStoreError(str(tmp_path / "empty"), nothing),
        "other": NotAStoreError(str(tmp_path / "other"), "is a database of another program"),
        "no/crm.db": StoreUnavailableError(str(tmp_path / "no" / "crm.db"), f"cannot be reached: {GONE}"),
    }.items():
        assert said(lambda name=name: SQLiteStore(tmp_path / name)) == error  # type: ignore[misc]
    absent = StoreUnavailableError(str(tmp_path / "absent"), "does not exist, and reading does not make it")
    assert said(lambda: SQLiteStore(tmp_path / "absent", read_only=True)) == absent


@pytest.mark.parametrize("version", [1, 2, 3, 4, 6])
def test_another_version_is_named(tmp_path: Path, version: int) -> None:
    """A newer file is not opened at all, an older one not for reading; both versions are told."""
    path = tmp_path / "crm.db"
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    error = SchemaVersionError(str(path), version, 5)
    assert said(lambda: SQLiteStore(path, read_only=version < 5)) == error


def test_a_reader_says_why_it_does_not_write(tmp_path: Path) -> None:
    """It was opened so."""
    path = tmp_path / "crm.db"
    SQLiteStore(path).close()
    with SQLiteStore(path, read_only=True) as store:
        error = StoreReadOnlyError(str(path), "was opened to be read only")
        assert said(lambda: store.commit(new(a_deal()))) == error


def test_a_file_that_went_away_is_told(tmp_path: Path) -> None:
    """By the next commit, and by a check."""
    path = tmp_path / "crm.db"
    with SQLiteStore(path) as store:
        path.unlink()
        problem = "was deleted or replaced while it was open: close this store and open it again"
        assert said(lambda: store.commit(new(a_deal()))) == StoreUnavailableError(str(path), problem)
        assert store.check() == ("the file was deleted or replaced while it was open",)


def test_a_backup_says_what_is_in_its_way(tmp_path: Path) -> None:
    """Something of that name, or no such folder."""
    with SQLiteStore(tmp_path / "crm.db") as store:
        taken, nowhere = tmp_path / "taken", tmp_path / "no" / "copy.db"
        taken.touch()
        assert said(lambda: store.backup(taken)) == AlreadyExistsError("file", str(taken))
        error = StoreUnavailableError(str(nowhere), f"cannot be written: {GONE}")
        assert said(lambda: store.backup(nowhere)) == error
        named = InputError("path", "'' is not a file", "use MemoryStore() to keep nothing")
        assert said(lambda: store.backup("")) == named


def test_a_name_that_is_taken_meanwhile_is_told(tmp_path: Path) -> None:
    """By whoever was there first, while the copy was made."""
    target = tmp_path / "copy.db"
    with SQLiteStore(tmp_path / "crm.db") as store:
        error = said(lambda: store.backup(target, progress=lambda *_: target.touch()))
    assert error == AlreadyExistsError("file", str(target))


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (1_000_000, "1.0 MB"),
        (1_234_567_890, "1,234.6 MB"),
    ],
)
def test_sizes_are_shown_in_units(tmp_path: Path, number: int, shown: str) -> None:
    """Bytes below a thousand, then kB, from a million on MB."""
    with SQLiteStore(tmp_path / "crm.db") as store:
        health = store.health()
    assert f"  file         {shown}, " in str(attrs.evolve(health, file_bytes=number))
    assert str(attrs.evolve(health, writable=False)).startswith(f"{tmp_path / 'crm.db'} (read-only)\n")


def test_what_waits_needs_a_loop() -> None:
    """A coroutine that waits is told to use `AsyncEngine`."""
    waiting = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match=r"sleep .*> waits for an event loop: use AsyncEngine$"):
        run(waiting)


def test_a_backup_tells_how_far_it_is(tmp_path: Path) -> None:
    """Pages copied so far, and all of them; at the end they are equal."""
    told: list[tuple[int, int]] = []
    with SQLiteStore(tmp_path / "crm.db", durability="fast") as store:
        store.commit(new(*(a_contact(f"c{number}", name="x" * 2_000) for number in range(4_000))))
        with closing(
            sqlite3.connect(store.backup(tmp_path / "b.db", progress=lambda *at: told.append(at)))
        ) as copy:
            pages = copy.execute("PRAGMA page_count").fetchone()[0]
    assert told == [(min(done, pages), pages) for done in range(1_000, pages + 1_000, 1_000)]


def test_a_store_shows_its_file(tmp_path: Path) -> None:
    """And how durable it is."""
    path = tmp_path / "crm.db"
    with SQLiteStore(path, durability="fast") as store:
        assert repr(store) == f"SQLiteStore({str(path)!r}, durability='fast')"


# A host's connection


def test_what_cannot_be_joined() -> None:
    """No connection; one without our tables; one whose own tables are in the way."""
    error = InputError("connection", "5 is not a sqlite3.Connection")
    assert said(lambda: SQLiteStore.on(5)) == error  # type: ignore[arg-type]
    assert said(lambda: SQLiteStore.create_tables(5)) == error  # type: ignore[arg-type]
    with closing(sqlite3.connect(":memory:")) as connection:
        name, mend = "a database in memory", "run SQLiteStore.create_tables(connection) once"
        missing = NotAStoreError(name, f"has no tables of funnelkit: {mend}")
        assert said(lambda: SQLiteStore.on(connection)) == missing
        connection.execute("CREATE TABLE Lead (id)")
        connection.execute("CREATE TABLE contact (id)")
        mend = "rename them, or give funnelkit a file of its own"
        in_the_way = NotAStoreError(name, f"has its own tables contact, lead: {mend}")
        assert said(lambda: SQLiteStore.create_tables(connection)) == in_the_way


def test_a_joined_store_says_what_is_wrong(tmp_path: Path) -> None:
    """No transaction where the host begins by hand; closed by us; closed by the host."""
    path = tmp_path / "host.db"
    connection = sqlite3.connect(path, isolation_level=None)
    SQLiteStore.create_tables(connection)
    store, other = SQLiteStore.on(connection), SQLiteStore.on(connection)
    assert repr(store) == f"SQLiteStore.on(<connection to {path}>)"
    mend = "BEGIN IMMEDIATE first; COMMIT or ROLLBACK is yours"
    error = InputError("connection", "is in autocommit mode with no transaction open", mend)
    assert said(lambda: store.commit(new(a_deal()))) == error
    other.close()
    assert said(lambda: other.get("deal", "d1")) == StoreClosedError(str(path), "closed")
    connection.close()
    assert said(lambda: store.get("deal", "d1")) == StoreClosedError(str(path), "the connection was closed")


@pytest.mark.parametrize("version", [1, 2, 3, 4, 6])
def test_a_joined_store_of_another_version_is_named(version: int) -> None:
    """Older and newer tables; newer ones are not brought up to date either."""
    with closing(sqlite3.connect(":memory:")) as connection:
        SQLiteStore.create_tables(connection)
        connection.execute(f"UPDATE funnelkit_schema SET version = {version}")
        error = SchemaVersionError("a database in memory", version, 5)
        assert said(lambda: SQLiteStore.on(connection)) == error
        if version > 5:
            assert said(lambda: SQLiteStore.create_tables(connection)) == error


def test_a_busy_host_is_told_to_begin_again(tmp_path: Path) -> None:
    """Where its snapshot is old, the error names BEGIN IMMEDIATE."""
    path = tmp_path / "host.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as host:
        host.execute("PRAGMA journal_mode = WAL")
        SQLiteStore.create_tables(host)
        host.execute("BEGIN")
        store = SQLiteStore.on(host)
        store.find("deal", {})
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("CREATE TABLE theirs (id)")
        error = said(lambda: store.commit(new(a_deal())))
        assert str(error).endswith(
            "database is locked (SQLITE_BUSY_SNAPSHOT); roll back, and begin again with BEGIN IMMEDIATE"
        )


# The log


@pytest.fixture
def log(tmp_path: Path) -> Any:
    """Return a connection that writes ahead, and one that may hold it back."""
    with (
        closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as writer,
        closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as reader,
    ):
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE t (x)")
        yield writer, reader


def counts(points: Checkpoints, log: Any, rows: int, times: int) -> list[tuple[int, int]]:
    """Return what was done and held back after each of some commits."""
    seen = []
    for _ in range(times):
        log[0].execute("INSERT INTO t VALUES (1)")
        points.wrote(rows, log[0])
        seen.append((points.done, points.held_back))
    return seen


def test_the_log_is_copied_after_so_many_rows(log: Any) -> None:
    """Counted over commits, and afresh after each copy."""
    points = Checkpoints(10)
    assert counts(points, log, 5, 6) == [(0, 0), (1, 0), (1, 0), (2, 0), (2, 0), (3, 0)]
    assert counts(Checkpoints(10), log, 9, 3) == [(0, 0), (1, 0), (1, 0)]
    assert counts(Checkpoints(10), log, 1, 11)[8:] == [(0, 0), (1, 0), (1, 0)]


def test_while_a_reader_stands_still_copying_waits_twice_as_long(log: Any) -> None:
    """Ten rows, twenty, forty, to 64 times the usual; when the reader goes, the usual again."""
    points = Checkpoints(10)
    log[1].execute("BEGIN")
    log[1].execute("SELECT * FROM t").fetchall()
    seen = counts(points, log, 10, 1 + 2 + 4 + 8 + 16 + 32 + 64 + 64 + 64)
    tried = [
        number for number, (old, new) in enumerate(zip([(0, 0), *seen], seen, strict=False), 1) if old != new
    ]
    assert tried == [1, 3, 7, 15, 31, 63, 127, 191, 255]
    assert seen[-1] == (0, 9)
    log[1].execute("COMMIT")
    assert counts(points, log, 10, 66)[62:] == [(0, 9), (1, 9), (2, 9), (3, 9)]


# Stores around stores


def test_wrappers_show_what_is_inside() -> None:
    """A reader, a cache with its hits, a mirror with what is behind."""
    store = MemoryStore()
    store.commit(new(a_deal()))
    assert repr(ReadOnlyStore(store)) == "ReadOnlyStore(MemoryStore(1 deal))"
    cache = CachedStore(store, size=5)
    cache.get("deal", "d1")
    cache.get("deal", "d1")
    cache.get_many("deal", ["d1", "d2"])
    assert repr(cache) == "CachedStore(MemoryStore(1 deal), size=5, hits=2, misses=2)"
    assert CachedStore(store).size == 10_000


@pytest.mark.parametrize(("size", "shown"), [(0, "0"), (True, "True"), (1.0, "1.0"), ("9", "'9'")])
def test_no_such_size_of_a_cache(size: Any, shown: str) -> None:
    """Whole numbers from 1 on."""
    error = InputError("size", f"{shown} is not a whole number from 1 on")
    assert said(lambda: CachedStore(MemoryStore(), size=size)) == error


def test_a_copy_that_is_behind_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Why, and until when; in the log, once, and in what the mirror shows."""
    store, full = MemoryStore(), MemoryStore()
    store.commit(Commit(changes=(a_change(),)))
    with caplog.at_level(logging.WARNING, "funnelkit"):
        mirror = MirroredStore(store, full)
    assert caplog.messages == ["the copy MemoryStore(empty) is behind, until catch_up(): it lacks something"]
    assert repr(mirror) == "MirroredStore(MemoryStore(empty), MemoryStore(empty) (behind))"
    assert mirror.behind == (full,)
    mirror.catch_up()
    assert repr(mirror) == "MirroredStore(MemoryStore(empty), MemoryStore(empty))"
    caplog.clear()
    store.commit(Commit(changes=(a_change("d9"),)))
    mirror.commit(Commit(changes=(a_change(),)))
    assert caplog.messages == [
        "the copy MemoryStore(empty) is behind, until catch_up(): others have written to the primary"
    ]
    mirror.catch_up()
    caplog.clear()
    full.close()
    mirror.commit(Commit(changes=(a_change(),)))
    assert caplog.messages == ["the copy MemoryStore(empty) is behind, until catch_up(): MemoryStore: closed"]


def test_what_is_no_copy_is_told() -> None:
    """A record that is further than in the source; a feed that says something else."""
    mend = "copy into an empty store, or an earlier copy of the same source"
    source, target = MemoryStore(), MemoryStore()
    source.commit(new(a_deal()))
    target.commit(new(a_deal(version=4)))
    problem = "deal d1 is at version 4 there and at 1 in the source"
    assert said(lambda: copy_store(source, target)) == InputError("target", problem, mend)
    source, target = MemoryStore(), MemoryStore()
    source.commit(Commit(changes=(a_change("d1"),)))
    target.commit(Commit(changes=(a_change("d2"),)))
    error = said(lambda: copy_store(source, target))
    assert error == InputError(
        "target", f"{target.changes()[0]!r} is not at its place in the feed of the source", mend
    )


def test_a_copy_is_told_row_by_row() -> None:
    """Rows looked at and rows in all, after each page; what was missing is counted by sort."""
    engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
    deal = engine.advance(engine.create("Acme", key="k", custom={"a": 1}))
    engine.log(deal, "call")
    engine.create_contact("Ann")
    told: list[tuple[int, int]] = []
    copied = copy_store(engine.store, MemoryStore(), lambda *at: told.append(at))
    assert str(copied) == (
        "copied: records 2, moves 2, activities 1, attributes 1, changes 4, answers 1, definitions 1, keys 2"
    )
    assert told[-1] == (14, 14)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {14}
