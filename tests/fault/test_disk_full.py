"""No room, or a disk that fails, at any write: nothing is there, reading goes on, room mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.failing import FailingStore
from tests.fault.test_every_statement import KEYS, OFFERS, VERBS, engine_at_work, furnished, unbroken

from funnelkit import Engine, SQLiteStore
from funnelkit.errors import StoreFullError, StoreUnavailableError
from funnelkit.storage.sqlite import store as sqlite
from funnelkit.testing import readable

pytestmark = pytest.mark.fault

NOTE = "a long story, " * 2_000
LONG: dict[str, Callable[..., Any]] = {
    "convert": VERBS["convert"],
    "bulk": lambda engine, **act: engine.bulk("move", OFFERS, to="contract", note=NOTE, **act),
    "log": lambda engine, **act: engine.log("deal", "note", NOTE, **act),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a furnished SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "crm.db"
    with closing(SQLiteStore(path, durability="fast")) as store:
        furnished(store)
    return path


def works(path: Path, name: str, verb: Callable[..., Any]) -> None:
    """Demand that a verb can be done now, by whoever opens the file, with what it does when nothing fails."""
    answer, after = unbroken(verb, name, key="form-7")
    with closing(SQLiteStore(path, durability="fast")) as store:
        assert verb(engine_at_work(store, name), key="form-7") == answer
        assert readable(store, KEYS) == after
        assert Engine(store=store).verify() == ()


@pytest.mark.parametrize("name", ["bulk", "log"])
def test_a_page_limit_at_each_page(name: str, template: Path, tmp_path: Path, tell: Tell) -> None:
    """Whichever page is one too many: StoreFullError, nothing written, everything readable."""
    path = tmp_path / "crm.db"
    shutil.copy(template, path)
    verb = LONG[name]
    full = 0
    with closing(FailingStore(path)) as store:
        before = readable(store, KEYS)
        pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
        while True:
            store.connection.execute(f"PRAGMA max_page_count = {pages + full}")
            try:
                verb(engine_at_work(store, name), key="form-7")
            except StoreFullError:
                full += 1
                assert readable(store, KEYS) == before
            else:
                break
    assert full > 0
    works(path, name, verb)
    tell(
        "page limit reached at each page of a commit (a bulk, a long note)",
        full,
        "all or none, usable",
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a file system of its own of one megabyte; skip where none may be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or os.name != "posix":
        pytest.skip("there is no mount command")
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


@pytest.mark.parametrize("name", LONG)
def test_a_full_disk_at_each_block(name: str, template: Path, small_disk: Path, tell: Tell) -> None:
    """With any number of free blocks too few: an error, nothing written; with room again, it works."""
    path, filler = small_disk / "crm.db", small_disk / "filler"
    verb = LONG[name]
    answer, after = unbroken(verb, name, key="form-7")
    full = free = 0
    while True:
        for part in small_disk.iterdir():
            part.unlink()
        shutil.copy(template, path)
        with closing(SQLiteStore(path)) as store:
            before = readable(store, KEYS)
            space = os.statvfs(small_disk)
            filler.write_bytes(bytes((space.f_bavail - free) * space.f_frsize))
            try:
                passed = verb(engine_at_work(store, name), key="form-7") == answer
            except (StoreFullError, StoreUnavailableError):
                passed = False
                full += 1
            assert readable(store, KEYS) == (after if passed else before)
            filler.unlink()
            assert verb(engine_at_work(store, name), key="form-7") == answer
            assert readable(store, KEYS) == after
        if passed:
            break
        free += 1
    assert full > 0
    tell(
        "full disk (tmpfs) at each block of a commit (conversion, bulk, long note)",
        full,
        "all or none, usable",
    )


@pytest.fixture
def frequent_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each commit be followed by a checkpoint."""
    monkeypatch.setattr(sqlite, "_CHECKPOINT_ROWS", {"full": 1, "fast": 1})


@pytest.mark.usefixtures("frequent_checkpoints")
@pytest.mark.parametrize("failure", ["FULL", "IOERR"])
@pytest.mark.parametrize("name", LONG)
def test_a_failure_of_the_disk_at_each_write(
    name: str, failure: str, template: Path, tmp_path: Path, tell: Tell
) -> None:
    """Whichever write, sync or cut fails, also of the checkpoint after it: all or none, and usable."""
    apsw = pytest.importorskip("apsw")
    from tests.fault.disk import Disk, on_disk

    expected = StoreFullError if failure == "FULL" else StoreUnavailableError
    error = apsw.exceptionfor(apsw.mapping_result_codes[f"SQLITE_{failure}"])
    verb = LONG[name]
    answer, after = unbroken(verb, name, key="form-7")
    number = failed = 0
    hit = True
    while hit:
        number += 1
        path = tmp_path / f"{number}.db"
        shutil.copy(template, path)
        disk = Disk()
        with closing(on_disk(disk, path)) as store:
            before = readable(store, KEYS)
            run = 0

            def watch(_operation: str, _path: str) -> None:
                nonlocal run
                run += 1
                if run == number:  # noqa: B023 (used up within the loop)
                    raise error

            disk.watch = watch
            try:
                passed = verb(engine_at_work(store, name), key="form-7") == answer
            except expected:
                passed = False
                failed += 1
            hit = run >= number
            assert readable(store, KEYS) == (after if passed else before)
            disk.watch = lambda _operation, _path: None
            assert verb(engine_at_work(store, name), key="form-7") == answer
            assert readable(store, KEYS) == after
        works(path, name, verb)
    assert failed > 0
    tell(
        f"SQLITE_{failure} from each write and sync of a commit and its checkpoint",
        number - 1,
        "all or none, usable",
    )


def test_a_failed_sync_and_then_a_crash_is_answered_by_the_key(
    template: Path, tmp_path: Path, tell: Tell
) -> None:
    """A commit whose sync failed may be found in the log by the next process; the key then answers."""
    apsw = pytest.importorskip("apsw")
    from tests.fault.disk import Disk, on_disk

    path, found = tmp_path / "live" / "crm.db", tmp_path / "found"
    path.parent.mkdir()
    shutil.copy(template, path)
    disk = Disk()
    syncs = 0

    def watch(operation: str, _path: str) -> None:
        nonlocal syncs
        syncs += operation == "sync"
        if syncs == 2:  # the first one makes the head of the log safe, the second one the commit
            raise apsw.exceptionfor(apsw.SQLITE_IOERR)

    with closing(on_disk(disk, path)) as store:
        before = readable(store, KEYS)
        disk.watch = watch
        with pytest.raises(StoreUnavailableError):
            VERBS["convert"](engine_at_work(store, "convert"), key="form-7")
        assert readable(store, KEYS) == before
        shutil.copytree(path.parent, found)  # what a process finds that starts after this one was killed
        disk.watch = lambda _operation, _path: None
    with closing(SQLiteStore(found / "crm.db")) as store:
        assert readable(store, KEYS) == unbroken(VERBS["convert"], "convert", key="form-7")[1]
    works(found / "crm.db", "convert", VERBS["convert"])
    tell(
        "failed sync of a commit, then kill -9",
        1,
        "found as done by the next process; under its key done once",
    )
