"""Keeping a `SQLiteStore`: its health, its backup, its check, and outside readers of its log."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import funnelkit
from funnelkit.errors import (
    AlreadyExistsError,
    InputError,
    NotAStoreError,
    StoreClosedError,
    StoreUnavailableError,
)
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.health import Health
from funnelkit.storage.sqlite.migrations import versions
from funnelkit.testing import readable
from funnelkit.testing.samples import a_deal, filled, new

SOURCE = str(Path(funnelkit.__file__).parents[1])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Return a store that waits for nobody."""
    with SQLiteStore(tmp_path / "crm.db", durability="fast", timeout=0.01) as store:
        yield store


def fill(store: SQLiteStore, commits: int, first: int = 0) -> None:
    """Write 200 rows a commit."""
    for commit in range(first, first + commits):
        store.commit(new(*(a_deal(f"d{commit:04}-{number}") for number in range(200))))


# -- health ---------------------------------------------------------------------------------------------


def test_health_says_what_the_file_system_says(store: SQLiteStore) -> None:
    """Sizes are those of the files; the log is a header of 32 bytes and frames of a page and 24 bytes."""
    fill(store, 3)
    health = store.health()
    log = store.path.with_name("crm.db-wal").stat().st_size
    assert (health.path, health.file_bytes) == (store.path, store.path.stat().st_size)
    assert (health.wal_bytes, health.wal_pages) == (log, (log - 32) / (4096 + 24))
    assert health.page_bytes == 4096
    assert health.library == sqlite3.sqlite_version
    assert (health.schema_version, health.journal, health.writable) == (len(versions()), "wal", True)


@pytest.mark.parametrize(("durability", "synchronous"), [("full", "FULL"), ("fast", "NORMAL")])
def test_health_reads_back_the_durability(durability: str, synchronous: str, tmp_path: Path) -> None:
    """What is told is what the connection has, not what was asked for."""
    with SQLiteStore(tmp_path / "crm.db", durability=durability) as store:  # type: ignore[arg-type]
        assert store.health().synchronous == synchronous


def test_health_counts_free_pages(store: SQLiteStore) -> None:
    """Pages that nothing uses any more are counted as free."""
    fill(store, 5)
    assert store.health().free_pages == 0
    other = sqlite3.connect(store.path)
    other.execute("DELETE FROM deal")
    other.commit()
    free = other.execute("PRAGMA freelist_count").fetchone()[0]
    other.close()
    assert store.health().free_pages == free > 10


def test_health_counts_connections(store: SQLiteStore) -> None:
    """Each thread that uses the store has one; asking for the health adds none."""
    assert store.health().connections == 1
    asked, done = threading.Event(), threading.Event()

    def stay() -> None:
        store.find("deal", {})
        asked.set()
        done.wait()

    thread = threading.Thread(target=stay)
    thread.start()
    asked.wait()
    assert store.health().connections == 2
    done.set()
    thread.join()


def test_questions_have_a_connection_of_their_own(store: SQLiteStore) -> None:
    """It is opened for the first one that a thread asks, and counts."""
    store.query("SELECT 1 AS one", {})
    store.query("SELECT 1 AS one", {})
    assert store.health().connections == 2


def some_health(**changed: object) -> Health:
    """Return a health with some values."""
    usual = Health(
        path=Path("/srv/crm.db"),
        file_bytes=12_345_678,
        pages=3_014,
        free_pages=12,
        page_bytes=4096,
        wal_bytes=41_232,
        wal_pages=10,
        checkpoints=1,
        held_back=0,
        connections=2,
        schema_version=2,
        library="3.51.3",
        journal="wal",
        synchronous="FULL",
        writable=True,
    )
    return attrs.evolve(usual, **changed)  # type: ignore[arg-type]


def test_health_prints_as_a_page() -> None:
    """What one wants to know stands in lines, with units."""
    assert str(some_health()) == (
        "/srv/crm.db\n"
        "  file         12.3 MB, 3,014 pages, 12 free\n"
        "  log          41.2 kB, 10 pages\n"
        "  copied       once, held back 0 times\n"
        "  connections  2\n"
        "  schema       version 2\n"
        "  SQLite       3.51.3, journal wal, synchronous FULL"
    )


@pytest.mark.parametrize(
    ("library", "warned"), [("3.40.1", True), ("3.51.2", True), ("3.51.3", False), ("3.100.0", False)]
)
def test_health_warns_of_old_libraries(library: str, warned: bool) -> None:
    """Libraries before 3.51.3 have a race between writers; versions are compared as numbers."""
    health = some_health(library=library)
    assert [f"SQLite {library}" in warning for warning in health.warnings] == [True] * warned
    assert ("warning" in str(health)) == warned


def test_health_warns_of_another_journal(store: SQLiteStore) -> None:
    """A file that another program has taken out of write-ahead-log mode is told."""
    assert any("'delete'" in warning for warning in some_health(journal="delete").warnings)
    assert not any("journal" in warning for warning in store.health().warnings)


# -- backup ---------------------------------------------------------------------------------------------


def test_a_backup_is_a_store_with_everything(store: SQLiteStore, tmp_path: Path) -> None:
    """A copy holds all that is committed, in the log or in the file, and can be opened and written."""
    store.commit(new(*filled("я")))
    assert store.backup(tmp_path / "copy.db") == tmp_path / "copy.db"
    with SQLiteStore(tmp_path / "copy.db") as copy:
        assert readable(copy) == readable(store)
        copy.commit(new(a_deal("d2")))
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith((".", "copy"))) == [
        "copy.db"
    ]


def test_a_backup_may_look_after_the_store_while_it_is_closed(tmp_path: Path) -> None:
    """What a progress function asks of the store is answered, though somebody else is closing it."""
    store, asked = SQLiteStore(tmp_path / "crm.db"), threading.Event()
    store.commit(new(a_deal("d1")))
    seen: list[object] = []

    def look(*_: int) -> None:
        asked.set()
        while not store._connections.closed:  # noqa: SLF001 (nobody else can tell that it has begun)
            time.sleep(0)
        seen.extend((store.check(), store.health().journal, store.get("deal", "d1").id))

    backing = threading.Thread(target=store.backup, args=(tmp_path / "copy.db",), kwargs={"progress": look})
    closing = threading.Thread(target=store.close)
    for thread in (backing, closing):
        thread.daemon = True
        thread.start()
        asked.wait()
    for thread in (backing, closing):
        thread.join(60)
        assert not thread.is_alive()
    assert seen == [(), "wal", "d1"]


def test_a_backup_is_of_one_moment(store: SQLiteStore, tmp_path: Path) -> None:
    """Writers go on meanwhile; the copy is what was committed when it began, however much is added."""
    for commit in range(20):
        store.commit(new(*(a_deal(f"d{commit}-{number}", name="x" * 900) for number in range(500))))
    steps: list[tuple[int, int]] = []

    def write(done: int, total: int) -> None:
        steps.append((done, total))
        store.commit(new(a_deal(f"later{done}")))

    store.backup(tmp_path / "copy.db", progress=write)
    assert len(steps) > 2
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert steps[-1][0] == steps[-1][1]
    with SQLiteStore(tmp_path / "copy.db") as copy:
        assert copy.query("SELECT COUNT(*) FROM deal", {}) == [(10_000,)]
        assert copy.check() == ()
    assert store.query("SELECT COUNT(*) FROM deal", {}) == [(10_000 + len(steps),)]


@pytest.mark.parametrize("name", ["there.db", "folder", "crm.db"])
def test_a_backup_is_never_written_over_anything(name: str, store: SQLiteStore, tmp_path: Path) -> None:
    """A file, a folder and the store itself in the place are an AlreadyExistsError, and untouched."""
    (tmp_path / "there.db").write_text("mine", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(AlreadyExistsError) as caught:
        store.backup(tmp_path / name)
    assert (caught.value.kind, caught.value.id) == ("file", str(tmp_path / name))
    assert (tmp_path / "there.db").read_text(encoding="utf-8") == "mine"


def test_a_file_that_appears_during_the_backup_stays(store: SQLiteStore, tmp_path: Path) -> None:
    """Whoever is there first has the name; the copy is given up."""
    target = tmp_path / "copy.db"
    with pytest.raises(AlreadyExistsError):
        store.backup(target, progress=lambda *_: target.write_text("mine", encoding="utf-8"))
    assert target.read_text(encoding="utf-8") == "mine"
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_a_backup_that_is_given_up_leaves_nothing(store: SQLiteStore, tmp_path: Path) -> None:
    """What the progress function raises comes out, and neither copy nor draft is left."""

    def give_up(_: int, __: int) -> None:
        raise KeyboardInterrupt

    fill(store, 1)
    with pytest.raises(KeyboardInterrupt):
        store.backup(tmp_path / "copy.db", progress=give_up)
    assert not [each for each in tmp_path.iterdir() if not each.name.startswith("crm.db")]
    fill(store, 1, 1)


CRASH = """
import os, sys
from funnelkit.storage.sqlite import SQLiteStore
SQLiteStore(sys.argv[1]).backup(sys.argv[2], progress=lambda *_: os._exit(7))
"""


def test_a_crash_in_a_backup_leaves_no_copy(store: SQLiteStore, tmp_path: Path) -> None:
    """When the process dies meanwhile, nothing is at the target."""
    fill(store, 1)
    command = [sys.executable, "-c", CRASH, str(store.path), str(tmp_path / "copy.db")]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": SOURCE}, check=False)
    assert done.returncode == 7
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_to_nowhere_says_so(store: SQLiteStore, tmp_path: Path) -> None:
    """A folder that does not exist is unavailable, and named; a path that cannot be is an InputError."""
    with pytest.raises(StoreUnavailableError) as caught:
        store.backup(tmp_path / "nowhere" / "copy.db")
    assert caught.value.store == str(tmp_path / "nowhere" / "copy.db")
    with pytest.raises(InputError):
        store.backup("a\0b.db")


def test_a_closed_store_cannot_be_kept(store: SQLiteStore, tmp_path: Path) -> None:
    """Health, backup and check of a closed store are a StoreClosedError."""
    store.close()
    for use in (store.health, lambda: store.backup(tmp_path / "copy.db"), store.check):
        with pytest.raises(StoreClosedError):
            use()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has a umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660), (0o077, 0o600)])
def test_new_files_heed_the_umask(umask: int, mode: int, tmp_path: Path) -> None:
    """A store and its copy may be read by whom the process's umask allows."""
    before = os.umask(umask)
    try:
        with SQLiteStore(tmp_path / "crm.db") as store:
            store.backup(tmp_path / "copy.db")
    finally:
        os.umask(before)
    for name in ("crm.db", "copy.db"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


def no_links(*_: object) -> None:
    """Refuse, as a file system without links does."""
    raise PermissionError(1, "Operation not permitted")


def test_a_file_system_without_links_has_stores_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without links the file is renamed into its place, and still never over another."""
    monkeypatch.setattr(os, "link", no_links)
    target = tmp_path / "copy.db"
    with SQLiteStore(tmp_path / "crm.db") as store:
        store.commit(new(a_deal()))
        store.backup(target)
        with pytest.raises(AlreadyExistsError):
            store.backup(tmp_path / "2.db", progress=lambda *_: (tmp_path / "2.db").touch())
    with SQLiteStore(target) as copy:
        assert copy.get("deal", "d1").id == "d1"
    assert (tmp_path / "2.db").stat().st_size == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["2.db", "copy.db", "crm.db"]


# -- check ----------------------------------------------------------------------------------------------


def test_a_sound_store_has_no_findings(store: SQLiteStore) -> None:
    """Of a store that was only ever written by us nothing is found."""
    fill(store, 5)
    assert store.check() == ()


def damaged(store: SQLiteStore) -> tuple[str, ...]:
    """Return what is found after a page in the middle of the file was overwritten with zeros."""
    fill(store, 20)
    store.close()
    with store.path.open("r+b") as file:
        file.seek(store.path.stat().st_size // 4096 // 2 * 4096)
        file.write(bytes(4096))
    with SQLiteStore(store.path) as again:
        return again.check()


def test_a_damaged_page_is_told_not_raised(store: SQLiteStore) -> None:
    """A page of zeros in the middle of the file is found; nothing is raised."""
    assert damaged(store) != ()


def test_a_file_that_is_cut_off_is_told_not_raised(store: SQLiteStore) -> None:
    """Half a file is found, though other pages of it can still be read."""
    fill(store, 20)
    store.close()
    with SQLiteStore(store.path) as again:
        os.truncate(store.path, store.path.stat().st_size // 2 // 4096 * 4096)
        assert again.check() != ()


def test_a_header_of_garbage_is_told_not_raised(store: SQLiteStore) -> None:
    """A file that became something else while it was open is told to be unreadable."""
    fill(store, 1)
    store.close()
    with SQLiteStore(store.path) as again:
        with store.path.open("r+b") as file:
            file.write(b"garbage" * 20)
        assert len(again.check()) == 1
    with pytest.raises(NotAStoreError):
        SQLiteStore(store.path)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("DROP TABLE attribute", "table attribute is missing"),
        ("ALTER TABLE contact DROP COLUMN phone", "table contact has no column phone"),
    ],
)
def test_a_missing_part_of_the_schema_is_told(broken: str, said: str, store: SQLiteStore) -> None:
    """Tables and columns that somebody took away are named."""
    other = sqlite3.connect(store.path)
    other.execute(broken)
    other.close()
    assert store.check() == (said,)


def test_an_index_that_disagrees_is_told(store: SQLiteStore) -> None:
    """An index that lacks rows of its table is found."""
    fill(store, 1)
    other = sqlite3.connect(store.path)
    other.execute("PRAGMA writable_schema = ON")
    other.execute("DELETE FROM sqlite_master WHERE name = 'deal_board'")
    other.commit()
    other.close()
    other = sqlite3.connect(store.path)
    other.execute("DELETE FROM deal")
    other.commit()
    other.close()
    assert store.check() != ()


def test_a_file_that_is_gone_is_told(store: SQLiteStore) -> None:
    """Checking a store whose file was deleted says so."""
    store.path.unlink()
    assert store.check() == ("the file was deleted or replaced while it was open",)


# -- readers from outside -------------------------------------------------------------------------------


def test_an_outside_reader_delays_the_copying_and_nothing_else(store: SQLiteStore) -> None:
    """While it reads, the log grows and copying is tried ever more seldom; when it goes, the log is cut."""
    fill(store, 1)
    reader = sqlite3.connect(store.path, isolation_level=None)
    reader.execute("BEGIN")
    before = reader.execute("SELECT COUNT(*) FROM deal").fetchone()
    store._connection().execute("PRAGMA journal_size_limit = 1000000")  # noqa: SLF001
    fill(store, 400, 1)  # 80,000 rows: twenty times the usual 4,000
    held = store.health()
    assert reader.execute("SELECT COUNT(*) FROM deal").fetchone() == before
    # Tried after 4, 8, 16 and 32 thousand rows more, not at every commit.
    assert (held.held_back, held.checkpoints) == (4, 0)
    assert held.wal_bytes > 10_000_000
    reader.execute("ROLLBACK")
    reader.close()
    fill(store, 400, 401)
    after = store.health()
    assert after.checkpoints > 0
    assert after.wal_bytes < held.wal_bytes / 2
    assert store.query("SELECT COUNT(*) FROM deal", {}) == [(801 * 200,)]


def test_an_outside_checkpointer_may_help(store: SQLiteStore) -> None:
    """A program that copies and restarts the log, as replication tools do, loses nothing of ours."""
    outside = sqlite3.connect(store.path)
    for round_ in range(20):
        fill(store, 1, round_)
        mode = ("PASSIVE", "FULL", "RESTART", "TRUNCATE")[round_ % 4]
        assert outside.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[0] == 0
    outside.close()
    assert store.query("SELECT COUNT(*) FROM deal", {}) == [(20 * 200,)]
    assert store.check() == ()
