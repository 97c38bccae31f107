"""A `SQLiteStore` that is opened to be read only, and files that go away."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import funnelkit
from funnelkit import open_store
from funnelkit.errors import (
    InputError,
    NotAStoreError,
    SchemaVersionError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.migrations import versions
from funnelkit.testing import readable
from funnelkit.testing.samples import a_deal, filled, new

SOURCE = str(Path(funnelkit.__file__).parents[1])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a store with one record of every kind in it."""
    with SQLiteStore(tmp_path / "crm.db") as store:
        store.commit(new(*filled("я")))
    return tmp_path / "crm.db"


def digest(path: Path) -> str:
    """Return a digest of the bytes of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_everything_can_be_read(file: Path) -> None:
    """All that was written is read, and the file keeps its bytes."""
    before = digest(file)
    with SQLiteStore(file) as usual, SQLiteStore(file, read_only=True) as store:
        assert readable(store) == readable(usual)
    assert digest(file) == before


def test_a_commit_is_refused(file: Path) -> None:
    """Writing is a StoreReadOnlyError naming the file; the store says beforehand that it takes none."""
    with SQLiteStore(file, read_only=True) as store:
        assert not store.capabilities.writable
        assert not store.health().writable
        with pytest.raises(StoreReadOnlyError) as caught:
            store.commit(new(a_deal("d2")))
        assert caught.value.store == str(file)


def test_what_others_commit_is_seen(file: Path) -> None:
    """A reader sees each commit of a writer when it has returned."""
    with SQLiteStore(file, read_only=True) as reader, SQLiteStore(file) as writer:
        writer.commit(new(a_deal("later")))
        assert reader.get("deal", "later").id == "later"


def test_commits_that_are_in_the_log_alone_are_read(file: Path, tmp_path: Path) -> None:
    """A copy of file and log of a process that died is read with what is in the log."""
    with SQLiteStore(file) as writer:
        writer.commit(new(a_deal("in-the-log")))
        (tmp_path / "copy").mkdir()
        for name in ("crm.db", "crm.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    with SQLiteStore(tmp_path / "copy" / "crm.db", read_only=True) as store:
        assert store.get("deal", "in-the-log").id == "in-the-log"


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Where there is no file, reading it only is unavailable and makes none."""
    with pytest.raises(StoreUnavailableError, match="does not exist"):
        SQLiteStore(tmp_path / "crm.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_still_no_store(tmp_path: Path) -> None:
    """An empty file and another program's are a NotAStoreError when they are only read, too."""
    (tmp_path / "crm.db").touch()
    with pytest.raises(NotAStoreError):
        SQLiteStore(tmp_path / "crm.db", read_only=True)


@pytest.mark.parametrize(("step", "mend"), [(-1, "open it once"), (1, "upgrade funnelkit")])
def test_another_schema_is_not_touched(step: int, mend: str, file: Path) -> None:
    """An older file is not brought up to date by reading; the error says what does it."""
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {len(versions()) + step}")
    connection.close()
    before = digest(file)
    with pytest.raises(SchemaVersionError, match=mend) as caught:
        SQLiteStore(file, read_only=True)
    assert (caught.value.found, caught.value.supported) == (len(versions()) + step, len(versions()))
    assert digest(file) == before


def test_a_url_may_ask_for_reading_only(file: Path) -> None:
    """``?mode=ro`` behind the path of a URL reads only; any other setting is an InputError."""
    with open_store(f"sqlite:///{file}?mode=ro") as store:  # type: ignore[attr-defined]
        assert not store.capabilities.writable
    for setting in ("?mode=rw", "?", "?mode=ro&x=1"):
        with pytest.raises(InputError):
            open_store(f"sqlite:///{file}{setting}")


# -- where nothing can be written -----------------------------------------------------------------------

AS_NOBODY = """
import os, sys, tempfile
from funnelkit.errors import StoreError
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import readable
with tempfile.TemporaryDirectory() as folder, SQLiteStore(folder + "/try.db") as store:
    readable(store)  # loads all the code there is: nobody may not read it
os.setgroups([])
os.setgid(65534)
os.setuid(65534)  # nobody
try:
    with SQLiteStore(sys.argv[1], read_only=True) as store:
        print(*[deal.id for deal in store.find("deal", {})], store.check())
        print(store.health().writable)
except StoreError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def sealed(file: Path) -> Path:
    """Return a store in a folder where nobody but root may write."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can become another user, and root is not bound by permissions")
    for folder in (file.parent, *file.parent.parents):
        if folder.stat().st_uid == 0 and folder.name.startswith("pytest-"):
            folder.chmod(0o755)
    file.parent.chmod(0o555)
    file.chmod(0o444)
    return file


def as_nobody(path: Path) -> str:
    """Return what somebody reads who may not write there."""
    env = {**os.environ, "PYTHONPATH": SOURCE}
    command = [sys.executable, "-c", AS_NOBODY, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


def test_a_resting_file_is_read_where_nothing_can_be_made(sealed: Path) -> None:
    """A file without a log is read though its working files cannot be made; nothing is left behind."""
    assert as_nobody(sealed).endswith("()\nFalse\n")
    assert [each.name for each in sealed.parent.iterdir()] == ["crm.db"]


def test_an_empty_log_does_not_hinder(sealed: Path) -> None:
    """A log with nothing in it is as good as none."""
    sealed.with_name("crm.db-wal").touch(0o444)
    assert as_nobody(sealed).endswith("()\nFalse\n")


def test_commits_in_the_log_are_never_left_out_silently(sealed: Path) -> None:
    """Where the log cannot be read, the error says so and what to do, instead of reading the file alone."""
    folder = sealed.parent / "died"
    folder.mkdir()
    with SQLiteStore(sealed) as writer:
        writer.commit(new(a_deal("in-the-log")))
        for name in ("crm.db", "crm.db-wal"):
            shutil.copy(sealed.parent / name, folder / name)
            (folder / name).chmod(0o444)
    folder.chmod(0o555)
    said = as_nobody(folder / "crm.db")
    assert said.startswith("StoreUnavailableError")
    assert "copy it" in said


# -- a file that goes away ------------------------------------------------------------------------------


def take_away(path: Path) -> None:
    """Delete a file."""
    path.unlink()


def replace(path: Path) -> None:
    """Put another store in the place of a file, as somebody who restores a backup does."""
    other = path.with_name("other.db")
    SQLiteStore(other).close()
    other.replace(path)


@pytest.mark.parametrize("go", [take_away, replace])
def test_a_commit_into_nowhere_is_refused(go: Any, file: Path) -> None:
    """Once the file is deleted or replaced, the next commit is an error, not a success that is lost."""
    with SQLiteStore(file) as store:
        go(file)
        with pytest.raises(StoreUnavailableError, match="deleted or replaced") as caught:
            store.commit(new(a_deal("d2")))
        assert caught.value.store == str(file)


def test_a_file_that_was_moved_and_came_back_is_the_same(file: Path) -> None:
    """A name that leads to the same file again can be written."""
    with SQLiteStore(file) as store:
        file.rename(file.with_name("aside.db"))
        with pytest.raises(StoreUnavailableError):
            store.commit(new(a_deal("d2")))
        file.with_name("aside.db").rename(file)
        store.commit(new(a_deal("d2")))
        assert store.get("deal", "d2").id == "d2"


@pytest.mark.parametrize("timeout", ["x", None, -1, float("nan"), float("inf"), True, [1]])
def test_a_timeout_that_is_no_number_is_the_callers_error(timeout: Any, tmp_path: Path) -> None:
    """Only seconds from 0 on are a time-out; nothing is made before that is seen."""
    with pytest.raises(InputError, match="timeout"):
        SQLiteStore(tmp_path / "crm.db", timeout=timeout)
    assert list(tmp_path.iterdir()) == []
