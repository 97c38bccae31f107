"""What `SQLiteStore` says of files: foreign, empty, broken, newer, older, read-only, not there."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import funnelkit
from funnelkit import Engine, Pipeline, Stage, open_store
from funnelkit.errors import (
    InputError,
    NotAStoreError,
    SchemaVersionError,
    StoreBusyError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.identity import APPLICATION_ID
from funnelkit.storage.sqlite.migrations import migrate, versions
from funnelkit.testing import readable

SALES = Pipeline("sales", [Stage("new"), Stage("offer")])
SOURCE = str(Path(funnelkit.__file__).parents[1])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a store with one deal in it."""
    path = tmp_path / "crm.db"
    with Engine(SALES, store=SQLiteStore(path)) as engine:
        engine.create("Acme", id="d1")
    return path


def digest(path: Path) -> str:
    """Return a digest of the bytes of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(code: str, *arguments: object) -> str:
    """Run Python code in a process of its own; return its output."""
    env = {**os.environ, "PYTHONPATH": SOURCE}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.strip()


# -- files that are no store ----------------------------------------------------------------------


def write_text(path: Path) -> None:
    """Write something that is no database."""
    path.write_text("id;name\n1;Acme\n" * 1_000, encoding="utf-8")


def write_nothing(path: Path) -> None:
    """Write an empty file."""
    path.touch()


def write_foreign(path: Path) -> None:
    """Write a database of another program."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE deal (id TEXT PRIMARY KEY)")
    connection.commit()
    connection.close()


def write_header_only(path: Path) -> None:
    """Write the first hundred bytes of a store and nothing behind them."""
    SQLiteStore(path).close()
    os.truncate(path, 100)


@pytest.mark.parametrize("write", [write_text, write_nothing, write_foreign, write_header_only])
def test_a_file_that_is_no_store_is_named_and_left_alone(write: Any, tmp_path: Path) -> None:
    """A file of something else is a NotAStoreError naming the path, and keeps its bytes."""
    path = tmp_path / "наш файл.db"
    write(path)
    before = digest(path)
    with pytest.raises(NotAStoreError) as caught:
        SQLiteStore(path)
    assert caught.value.store == str(path)
    assert digest(path) == before


def test_a_truncated_store_is_an_error(file: Path) -> None:
    """A store that lost its second half cannot be read as if it were whole."""
    os.truncate(file, file.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(NotAStoreError), SQLiteStore(file) as store:
        readable(store)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    """A folder in the place of the file is a NotAStoreError."""
    with pytest.raises(NotAStoreError):
        SQLiteStore(tmp_path)


@pytest.mark.parametrize("name", ["missing/crm.db", "crm.db/crm.db", "x" * 300 + ".db"])
def test_a_place_where_no_file_can_be_is_unavailable(name: str, file: Path) -> None:
    """No such folder, a file for a folder, a name too long: StoreUnavailableError naming the path."""
    path = file.parent / name
    with pytest.raises(StoreUnavailableError) as caught:
        SQLiteStore(path)
    assert caught.value.store == str(path)
    assert sorted(each.name for each in file.parent.iterdir()) == ["crm.db"]


def in_a_thread(do: Callable[[], Any]) -> Any:
    """Return what a function returns in a new thread, which has a connection of its own."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(do).result()


def test_a_relative_path_is_one_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that starts after the program has changed its folder reads the file that was opened."""
    monkeypatch.chdir(file.parent)
    with SQLiteStore(file.name) as store:
        monkeypatch.chdir("/")
        assert len(in_a_thread(lambda: store.find("deal", {}))) == 1
    assert store.path == file


def test_a_file_that_was_taken_away_is_not_made_anew(file: Path) -> None:
    """A new connection to it is a StoreUnavailableError, and leaves no empty file behind."""
    with SQLiteStore(file) as store:
        for part in file.parent.iterdir():
            part.unlink()
        with pytest.raises(StoreUnavailableError):
            in_a_thread(lambda: store.find("deal", {}))
        assert not file.exists()


@pytest.mark.parametrize("name", ["a?b=c#d.db", "50%20.db", "наш файл 🎉.db"])
def test_a_path_is_no_pattern(name: str, tmp_path: Path) -> None:
    """Marks that mean something in URLs are plain characters of a file's name."""
    SQLiteStore(tmp_path / name).close()
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("path", ["", ":memory:", "a\0b.db", "\ud800.db", None, 5])
def test_a_path_that_cannot_be_is_the_callers_error(path: Any) -> None:
    """No path, SQLite's word for memory, a NUL character and half a character are InputErrors."""
    with pytest.raises(InputError):
        SQLiteStore(path)


@pytest.mark.parametrize("url", ["crm.db", "sqlite://crm.db", "mysql://host/crm", "", "memory"])
def test_an_unknown_url_is_the_callers_error(url: str) -> None:
    """A URL that names no known store is an InputError."""
    with pytest.raises(InputError):
        open_store(url)


def test_a_url_opens_the_file(file: Path) -> None:
    """``sqlite:///`` and a path open the file of that path."""
    with Engine(SALES, store=f"sqlite:///{file}") as engine:
        assert engine.get("d1").name == "Acme"


def test_a_made_file_is_marked_as_ours(file: Path) -> None:
    """The header carries our application id and the schema version."""
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(versions()),)
    connection.close()


# -- versions of the schema ------------------------------------------------------------------------


def test_a_newer_schema_is_not_touched(file: Path) -> None:
    """A file of a newer funnelkit is a SchemaVersionError with both versions, and keeps its bytes."""
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {len(versions()) + 1}")
    connection.close()
    before = digest(file)
    with pytest.raises(SchemaVersionError) as caught:
        SQLiteStore(file)
    assert (caught.value.found, caught.value.supported) == (len(versions()) + 1, len(versions()))
    assert digest(file) == before


NEXT = (*versions(), "CREATE TABLE more (id TEXT PRIMARY KEY);\nINSERT INTO more VALUES ('a;b');\n")


def version_and_tables(path: Path) -> tuple[int, set[str]]:
    """Return the schema version of a file and the names of its tables."""
    connection = sqlite3.connect(path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return version, tables


def test_a_migration_goes_forward(file: Path) -> None:
    """A further script is run once and counted; what was there stays."""
    connection = sqlite3.connect(file, isolation_level=None)
    assert migrate(connection, NEXT) == len(NEXT)
    assert migrate(connection, NEXT) == len(NEXT)
    assert connection.execute("SELECT id FROM more").fetchall() == [("a;b",)]
    assert connection.execute("SELECT name FROM deal").fetchall() == [("Acme",)]
    connection.close()


def test_a_migration_that_fails_leaves_the_version_before(file: Path) -> None:
    """When a statement fails, nothing of its script stays and the version is the old one."""
    before = version_and_tables(file)
    connection = sqlite3.connect(file, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*versions(), "CREATE TABLE more (id TEXT);\nINSERT INTO nowhere VALUES (1);\n"))
    connection.close()
    assert version_and_tables(file) == before
    with SQLiteStore(file) as store:
        assert store.get("deal", "d1").name == "Acme"


CRASH = """
import os, sqlite3, sys
from funnelkit.storage.sqlite.migrations import migrate, versions
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.create_function("crash", 0, lambda: os._exit(0))
migrate(connection, (*versions(), "CREATE TABLE more (id TEXT);\\nSELECT crash();\\n"))
"""


def test_a_crash_in_a_migration_leaves_the_version_before(file: Path) -> None:
    """When the process dies within a script, the file is as it was before the script."""
    before = version_and_tables(file)
    run(CRASH, file)
    assert version_and_tables(file) == before


MIGRATE = """
import sqlite3, sys
from funnelkit.storage.sqlite.migrations import migrate, versions
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
sys.stdin.read()
print(migrate(connection, (*versions(), "CREATE TABLE more (id TEXT);\\n")))
"""


def test_processes_that_migrate_at_once_do_it_once(file: Path) -> None:
    """Of several processes one runs the script; all end on the new version."""
    assert together(MIGRATE, file) == {str(len(versions()) + 1)}


OPEN = """
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from funnelkit import Engine, Pipeline, Stage
from funnelkit.storage.sqlite import SQLiteStore
sys.stdin.read()
with Engine(Pipeline("sales", [Stage("new")]), store=SQLiteStore(sys.argv[1])) as engine:
    engine.create("Acme")
print("made")
"""


def together(code: str, path: Path, number: int = 4) -> set[str]:
    """Run code in several processes that start at one moment; return what they print."""
    env = {**os.environ, "PYTHONPATH": SOURCE}
    command = [sys.executable, "-c", code, str(path)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": env}
    running = [subprocess.Popen(command, **pipes) for _ in range(number)]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    return {process.communicate()[0].strip() for process in running}


def test_processes_that_make_one_file_at_once_share_it(tmp_path: Path) -> None:
    """Of several processes that open a new path each finds a store, and no deal is lost."""
    path = tmp_path / "crm.db"
    assert together(OPEN, path) == {"made"}
    with SQLiteStore(path) as store:
        assert len(store.find("deal", {})) == 4
    assert [each.name for each in tmp_path.iterdir()] == ["crm.db"]


# -- no permission to write ---------------------------------------------------------------------------

TRY = """
import os, sys, tempfile
from funnelkit import Engine, Pipeline, Stage
from funnelkit.errors import StoreError
from funnelkit.storage.sqlite import SQLiteStore
sales = Pipeline("sales", [Stage("new"), Stage("offer")])
with tempfile.TemporaryDirectory() as folder:  # loads all the code there is: nobody may not read it
    with Engine(sales, store=SQLiteStore(folder + "/try.db")) as engine:
        engine.advance(engine.create("Acme"))
os.setgroups([])
os.setgid(65534)
os.setuid(65534)  # nobody
try:
    store = SQLiteStore(sys.argv[1])
    print(store.get("deal", "d1").name)
    Engine(sales, store=store).advance("d1")
except StoreError as error:
    print(type(error).__name__, getattr(error, "store", error) == sys.argv[1], error.__cause__ is not None)
"""


@pytest.fixture
def open_folder(file: Path) -> Path:
    """Return the store in a folder that every user may reach; skip unless users can be changed."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can become another user, and root is not bound by permissions")
    for folder in (file.parent, *file.parent.parents):
        if folder.stat().st_uid == 0 and folder.name.startswith("pytest-"):
            folder.chmod(0o755)
    return file


def test_a_file_that_may_only_be_read_is_read(open_folder: Path) -> None:
    """Reading a read-only file works; a verb is a StoreReadOnlyError naming it, and changes nothing."""
    open_folder.chmod(0o444)
    open_folder.parent.chmod(0o777)
    before = digest(open_folder)
    said = run(TRY, open_folder).splitlines()
    assert said == ["Acme", f"{StoreReadOnlyError.__name__} True True"]
    assert digest(open_folder) == before


def test_a_file_in_a_folder_that_may_only_be_read_says_so(open_folder: Path) -> None:
    """A read-only file in a read-only folder has no room for its log; libraries differ in how they say so."""
    open_folder.chmod(0o444)
    open_folder.parent.chmod(0o555)
    before = digest(open_folder)
    said = {f"{error.__name__} True True" for error in (StoreReadOnlyError, StoreUnavailableError)}
    assert run(TRY, open_folder) in said
    assert digest(open_folder) == before


def test_a_file_that_may_not_be_read_says_so(open_folder: Path) -> None:
    """A file that belongs to somebody else is unavailable."""
    open_folder.chmod(0o600)
    open_folder.parent.chmod(0o777)
    assert run(TRY, open_folder) == f"{StoreUnavailableError.__name__} True True"


def test_a_folder_that_may_not_be_entered_says_so(open_folder: Path) -> None:
    """A folder without permission is unavailable, not a driver's or the system's own error."""
    open_folder.parent.chmod(0o700)
    assert run(TRY, open_folder).startswith(StoreUnavailableError.__name__)


def test_a_folder_that_may_not_be_written_takes_no_new_store(open_folder: Path) -> None:
    """Making a store where nothing may be made is unavailable."""
    open_folder.parent.chmod(0o755)
    path = open_folder.with_name("new.db")
    assert run(TRY, path) == f"{StoreUnavailableError.__name__} True True"
    assert not path.exists()


def test_a_file_held_by_another_program_while_opening_is_busy(file: Path) -> None:
    """An exclusive lock held past the time-out is a StoreBusyError, which may be tried again."""
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusyError) as caught:
        SQLiteStore(file, timeout=0.01)
    assert caught.value.retriable
    holder.close()
    with SQLiteStore(file) as store:
        assert store.get("deal", "d1").name == "Acme"
