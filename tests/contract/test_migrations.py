"""Files of released schemas become files of today's: whole, the same to the reader, and never by halves."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest

import funnelkit
from funnelkit import Engine, Money, Pipeline, Stage
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.migrations import migrate, statements, versions
from funnelkit.testing import readable

FIXTURES = Path(__file__).parents[1] / "fixtures"
SOURCE = str(Path(funnelkit.__file__).parents[1])
RELEASED = {version: FIXTURES / f"schema_{version}.sql" for version in (1, 2, 3, 4)}
"""Schema version → a store that the code of that version has written. What it read is beside it, as JSON."""
NEWEST = len(versions())
CARE = Pipeline("care", [Stage("ticket"), Stage("visit")])


@pytest.fixture(params=RELEASED)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a file of each released schema in turn."""
    return made(tmp_path / "old.db", request.param)


def made(path: Path, version: int) -> Path:
    """Make the file of a released schema from its text."""
    connection = sqlite3.connect(path)
    connection.executescript(RELEASED[version].read_text("utf-8"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    return path


def version_of(path: Path) -> int:
    """Return the schema version in the header of a file."""
    connection = sqlite3.connect(path)
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return version


def shape(path: Path) -> dict[str, Any]:
    """Return what SQLite says of every table, column and index of a file, and its version."""
    connection = sqlite3.connect(path)

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    tables = [name for (name,) in rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    said = {
        table: (
            rows(f"PRAGMA table_xinfo({table})"),
            rows(f"SELECT wr, strict FROM pragma_table_list WHERE name = '{table}'"),
            {
                (name, *rest): rows(f"PRAGMA index_xinfo({name})")
                for _, name, *rest in rows(f"PRAGMA index_list({table})")
            },
        )
        for table in tables
    }
    indexes = rows("SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name")
    others = rows("SELECT name FROM sqlite_master WHERE type NOT IN ('table', 'index')")
    version = rows("PRAGMA user_version")
    connection.close()
    return {"tables": said, "indexes": indexes, "others": others, "version": version}


def plain(value: Any) -> Any:
    """Return a record, and what else is read, as JSON knows it."""
    if attrs.has(type(value)):
        named = {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
        return {"type": type(value).__name__, **named}
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {"/".join(key) if isinstance(key, tuple) else key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def without_new_fields(value: Any, before: Any) -> Any:
    """Return a value without the fields that the one before does not have; they must be blank."""
    if isinstance(before, dict) and "type" in before:
        assert all(value[name] in ("", []) for name in value.keys() - before.keys())
        return {name: without_new_fields(value[name], item) for name, item in before.items()}
    if isinstance(before, dict):
        assert value.keys() == before.keys()
        return {name: without_new_fields(value[name], item) for name, item in before.items()}
    if isinstance(before, list):
        assert len(value) == len(before)
        return [without_new_fields(one, other) for one, other in zip(value, before, strict=True)]
    return value


def test_an_upgraded_file_has_the_schema_of_a_new_one(old: Path, tmp_path: Path) -> None:
    """The same tables, columns in the same order, types, defaults, keys and indexes."""
    SQLiteStore(tmp_path / "new.db").close()
    SQLiteStore(old).close()
    assert shape(old) == shape(tmp_path / "new.db")


def test_every_fixture_is_of_its_version(old: Path) -> None:
    """The file is of the schema that it stands for, and that is not the one of today."""
    assert version_of(old) in RELEASED
    assert version_of(old) < NEWEST


def test_there_is_a_fixture_of_each_schema_before_this_one() -> None:
    """Who makes a new schema version keeps a file of the one before."""
    assert [*RELEASED] == [*range(1, NEWEST)]


def test_a_fixture_holds_rows_of_every_table(old: Path) -> None:
    """There is something of everything to be carried over."""
    connection = sqlite3.connect(old)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    counts = {table: connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables}
    connection.close()
    assert len(counts) == (10 if version_of(old) < 3 else 11)  # keys to find duplicates by
    assert all(counts.values())


def test_an_upgraded_file_reads_as_before(old: Path) -> None:
    """Each record, move, activity, field value, change, answer and definition is what the old code read."""
    before = json.loads(RELEASED[version_of(old)].with_suffix(".json").read_text("utf-8"))
    with SQLiteStore(old) as store:
        now = readable(store, tuple(before["answers"]))
    assert without_new_fields(plain({part: now[part] for part in before}), before) == before


def test_an_upgraded_file_is_sound(old: Path) -> None:
    """``verify`` finds nothing, and neither does SQLite."""
    with Engine(CARE, store=SQLiteStore(old)) as engine:
        assert engine.verify() == ()
        connection = sqlite3.connect(old)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def test_verbs_work_on_an_upgraded_file(old: Path) -> None:
    """A record of old goes on; its old key answers as it did; new records are made; all is sound."""
    with Engine(CARE, store=SQLiteStore(old)) as engine:
        again = engine.bulk("move", ["deal-1", "deal-2", "deal-3"], to="visit", actor="sam", key="all-1")
        assert len(again.done) == 3
        assert engine.win("deal-1", actor="sam").version == 3
        assert engine.lose("deal-2").outcome == "lost"
        assert engine.edit("deal-3", custom={"size": 5}).custom == {"size": 5}
        assert engine.advance(engine.create("new", pipeline="care")).stage == "visit"
        assert engine.verify() == ()


def test_a_step_is_done_once(old: Path) -> None:
    """Opening an upgraded file a second time changes nothing in it."""
    SQLiteStore(old).close()
    before = shape(old)
    SQLiteStore(old).close()
    assert shape(old) == before


# -- never by halves -------------------------------------------------------------------------------

STEPS = [
    (version, number)
    for version in RELEASED
    for number in range(len([*statements(versions()[version])]) + 2)  # and the version number, and COMMIT
]


class Failing(sqlite3.Connection):
    """A connection that fails before its statement of a certain number, after BEGIN IMMEDIATE."""

    left = -1

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Count; fail when the number is reached."""
        if self.left == 0 and sql != "ROLLBACK":
            raise sqlite3.OperationalError(f"made to fail: {sql}")
        self.left -= self.in_transaction
        return super().execute(sql, parameters)


@pytest.mark.parametrize(("version", "number"), STEPS)
def test_a_step_that_fails_anywhere_leaves_the_old_schema(version: int, number: int, tmp_path: Path) -> None:
    """Whichever statement fails, the file is as it was; the next to open it finishes the work."""
    path = made(tmp_path / "old.db", version)
    before = shape(path)
    connection = sqlite3.connect(path, factory=Failing, isolation_level=None)
    connection.left = number + 1  # the version is read again under the lock
    with pytest.raises(sqlite3.OperationalError, match="made to fail"):
        migrate(connection)
    connection.left = -1
    assert not connection.in_transaction
    assert connection.execute("SELECT COUNT(*) FROM move").fetchone() > (0,)
    connection.close()
    assert shape(path) == before
    finished(path)


def finished(path: Path) -> None:
    """Demand that opening a file brings it to the newest schema, with all that was in it."""
    with Engine(CARE, store=SQLiteStore(path)) as engine:
        assert version_of(path) == NEWEST
        assert engine.get("deal-a").name == "Bigger deal"
        assert engine.verify() == ()


KILLED = """
import os, signal, sqlite3, sys
from funnelkit.storage.sqlite.migrations import migrate
class Dying(sqlite3.Connection):
    left = int(sys.argv[2])
    def execute(self, sql, parameters=(), /):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= self.in_transaction
        return super().execute(sql, parameters)
migrate(sqlite3.connect(sys.argv[1], factory=Dying, isolation_level=None))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
@pytest.mark.parametrize(("version", "number"), STEPS)
def test_a_process_killed_in_a_step_leaves_the_old_schema(version: int, number: int, tmp_path: Path) -> None:
    """Whichever statement it dies at, the file is as it was; the next to open it finishes the work."""
    path = made(tmp_path / "old.db", version)
    before = shape(path)
    command = [sys.executable, "-c", KILLED, str(path), str(number + 1)]
    died = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": SOURCE})
    assert died.returncode == -signal.SIGKILL
    assert shape(path) == before
    finished(path)


OPEN = """
import sys
from funnelkit import Engine, Pipeline, Stage
from funnelkit.storage.sqlite import SQLiteStore
sys.stdin.read()
with Engine(Pipeline("care", [Stage("ticket"), Stage("visit")]), store=SQLiteStore(sys.argv[1])) as engine:
    engine.create("Acme")
print("made")
"""


def test_processes_that_upgrade_at_once_all_succeed(old: Path) -> None:
    """Each of several processes that open an old file at one moment works on; nothing is done twice."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", OPEN, str(old)]
    running = [subprocess.Popen(command, env={**os.environ, "PYTHONPATH": SOURCE}, **pipes) for _ in range(4)]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    assert [process.communicate()[0].strip() for process in running] == ["made"] * 4
    finished(old)
    with SQLiteStore(old) as store:
        assert store.query("SELECT COUNT(*) FROM deal WHERE name = 'Acme'", {}) == [(4,)]
