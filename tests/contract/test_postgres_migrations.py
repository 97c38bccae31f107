"""Tables of released schemas in PostgreSQL become today's: whole, the same to the reader, never by halves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from tests.contract.test_migrations import CARE, FIXTURES, SOURCE, plain, without_new_fields
from tests.servers import Schemas

from funnelkit import Engine
from funnelkit.errors import SchemaVersionError, StoreUnavailableError
from funnelkit.storage.postgres import PostgresStore, opening
from funnelkit.storage.sqlite.migrations import statements
from funnelkit.testing import readable

RELEASED = {version: FIXTURES / f"postgres_{version}.sql" for version in (1, 2)}
"""Schema version → a store that the code of that version has written."""
READ = {1: FIXTURES / "schema_2.json", 2: FIXTURES / "schema_3.json"}
"""Schema version → what that code read of it: it wrote the same into the file of this SQLite schema."""
NEWEST = len(opening.versions())


@pytest.fixture(params=RELEASED)
def version(request: pytest.FixtureRequest) -> int:
    """Return each released version in turn."""
    found: int = request.param
    return found


@pytest.fixture
def old(version: int, schemas: Schemas, sql: Any) -> str:
    """Return a schema with the tables of a released version."""
    name = schemas.new()
    sql.execute(f'CREATE SCHEMA "{name}"')
    sql.execute(f'SET search_path TO "{name}"')
    sql.execute(RELEASED[version].read_text("utf-8"))
    sql.execute("RESET search_path")
    return name


def version_of(sql: Any, schema: str) -> int:
    """Return the version that the tables say they have."""
    ((version,),) = sql.execute(f'SELECT version FROM "{schema}".funnelkit_schema').fetchall()
    return int(version)


def shape(sql: Any, schema: str) -> dict[str, Any]:
    """Return what PostgreSQL says of every column, index, constraint and sequence, and the version."""
    columns = (
        "SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default, "
        "collation_name FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2"
    )
    indexes = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY 1, 2"
    constraints = (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = %s::regnamespace ORDER BY 1, 2"
    )
    said = {
        "columns": sql.execute(columns, (schema,)).fetchall(),
        "indexes": sql.execute(indexes, (schema,)).fetchall(),
        "constraints": sql.execute(constraints, (f'"{schema}"',)).fetchall(),
    }
    return {**json.loads(json.dumps(said).replace(schema, "s")), "version": version_of(sql, schema)}


def finished(schemas: Schemas, sql: Any, schema: str) -> None:
    """Demand that opening brings it to the newest schema, with all that was in it."""
    with Engine(CARE, store=PostgresStore(schemas.url, schema=schema)) as engine:
        assert version_of(sql, schema) == NEWEST
        assert engine.get("deal-a").name == "Bigger deal"
        assert engine.verify() == ()


def test_there_are_tables_of_each_schema_before_this_one() -> None:
    """Who makes a new schema version keeps a dump of the one before."""
    assert [*RELEASED] == [*READ] == [*range(1, NEWEST)]


def test_every_dump_is_of_its_version(version: int, old: str, sql: Any) -> None:
    """The tables are of the schema that they stand for, each holds rows, and that is not today's."""
    assert version_of(sql, old) == version < NEWEST
    tables = [
        name for (name,) in sql.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (old,))
    ]
    assert len(tables) == (12 if version < 2 else 13)  # keys to find duplicates by
    assert all(sql.execute(f'SELECT COUNT(*) FROM "{old}".{table}').fetchone()[0] for table in tables)


def test_upgraded_tables_have_the_schema_of_new_ones(schemas: Schemas, old: str, sql: Any) -> None:
    """The same columns in the same order, types, defaults, keys and indexes."""
    new = schemas.new()
    PostgresStore(schemas.url, schema=new).close()
    PostgresStore(schemas.url, schema=old).close()
    assert shape(sql, old) == shape(sql, new)


def test_a_step_is_done_once(schemas: Schemas, old: str, sql: Any) -> None:
    """Opening upgraded tables a second time changes nothing in them."""
    PostgresStore(schemas.url, schema=old).close()
    before = shape(sql, old)
    PostgresStore(schemas.url, schema=old).close()
    assert shape(sql, old) == before


def test_upgraded_tables_read_as_before(version: int, schemas: Schemas, old: str) -> None:
    """Each record, move, activity, field value, change, answer and definition is what the old code read."""
    before = json.loads(READ[version].read_text("utf-8"))
    with PostgresStore(schemas.url, schema=old) as store:
        now = readable(store, tuple(before["answers"]))
    assert without_new_fields(plain({part: now[part] for part in before}), before) == before
    assert now["keys"] == [tuple(key) for key in before.get("keys", [])]


def test_verbs_work_on_upgraded_tables(version: int, schemas: Schemas, old: str) -> None:
    """A record of old goes on, its seals too; its old key answers as it did; all is sound."""
    with Engine(CARE, store=PostgresStore(schemas.url, schema=old)) as engine:
        assert engine.verify() == ()
        again = engine.bulk("move", ["deal-1", "deal-2", "deal-3"], to="visit", actor="sam", key="all-1")
        assert len(again.done) == 3
        won = engine.win("deal-3", actor="sam")
        assert (won.version, len(won.seal)) == (3, 32)
        assert engine.edit("deal-2", custom={"size": 5}).custom == {"size": 5}
        assert engine.advance(engine.create("new", pipeline="care")).stage == "visit"
        assert [change.position for change in engine.changes()] == [*range(1, {1: 36, 2: 46}[version])]
        assert engine.verify() == ()


def test_old_tables_are_not_joined(version: int, schemas: Schemas, old: str, sql: Any) -> None:
    """Inside a transaction of the host's nothing is upgraded: both versions are told."""
    with pytest.raises(SchemaVersionError) as caught, sql.transaction():
        PostgresStore.on(sql, schema=old).get("deal", "deal-a")
    assert (caught.value.found, caught.value.supported) == (version, NEWEST)
    assert version_of(sql, old) == version


# -- never by halves -------------------------------------------------------------------------------

STEPS = [
    (version, number)
    for version in RELEASED
    for number in range(len([*statements(opening.versions()[version])]) + 1)
]


def until(version: int, number: int, then: str) -> tuple[str, ...]:
    """Return the scripts up to today's, the step of a version with something else from a statement on."""
    first, *steps = opening.versions()
    steps[version - 1] = "".join([*statements(steps[version - 1])][:number]) + then
    return (first, *steps)


@pytest.mark.parametrize(("version", "number"), STEPS)
def test_a_session_that_ends_in_a_step_leaves_the_old_schema(
    version: int, number: int, schemas: Schemas, old: str, sql: Any
) -> None:
    """Whichever statement its server process dies at, all is as it was; the next to open finishes it."""
    before = shape(sql, old)
    scripts = until(version, number, "SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(opening, "versions", lambda: scripts)
        with pytest.raises(StoreUnavailableError):
            PostgresStore(schemas.url, schema=old)
    assert shape(sql, old) == before
    finished(schemas, sql, old)


DYING = """
import sys
from funnelkit.storage.postgres import PostgresStore, opening
first, *steps = opening.versions()
steps[-1] += "SELECT pg_sleep(1.5);"
opening.versions = lambda: (first, *steps)
PostgresStore(sys.argv[1], schema=sys.argv[2])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_a_process_killed_before_its_commit_leaves_the_old_schema(
    schemas: Schemas, old: str, sql: Any
) -> None:
    """Who opens meanwhile waits for the server to notice, and finds the old schema; it finishes the work."""
    before = shape(sql, old)
    command = [sys.executable, "-c", DYING, schemas.url, old]
    dying = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": SOURCE})
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    while not sql.execute(sleeping).fetchall():
        assert dying.poll() is None
        time.sleep(0.01)
    dying.send_signal(signal.SIGKILL)
    assert dying.wait() == -signal.SIGKILL
    assert shape(sql, old)["version"] == before["version"]
    finished(schemas, sql, old)


OPEN = """
import sys
from funnelkit import Engine, Pipeline, Stage
from funnelkit.storage.postgres import PostgresStore
care = Pipeline("care", [Stage("ticket"), Stage("visit")])
sys.stdin.read()
with Engine(care, store=PostgresStore(sys.argv[1], schema=sys.argv[2])) as engine:
    engine.create("Acme")
print("made")
"""


def test_processes_that_upgrade_at_once_all_succeed(schemas: Schemas, old: str, sql: Any) -> None:
    """Each of several processes that open old tables at one moment works on; nothing is done twice."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", OPEN, schemas.url, old]
    running = [subprocess.Popen(command, env={**os.environ, "PYTHONPATH": SOURCE}, **pipes) for _ in range(3)]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    assert [process.communicate()[0].strip() for process in running] == ["made"] * 3
    finished(schemas, sql, old)
    assert sql.execute(f"SELECT COUNT(*) FROM \"{old}\".deal WHERE name = 'Acme'").fetchone() == (3,)
