"""Using a PostgreSQL store, and what it says when something is not as it should be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.servers import Schemas

from funnelkit import Engine, Pipeline, Stage
from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    InputError,
    KeyReusedError,
    NotAStoreError,
    StoreBusyError,
    StoreReadOnlyError,
)
from funnelkit.storage.base import Answer, Attribute, Commit, Write
from funnelkit.storage.postgres import PostgresStore
from funnelkit.storage.postgres.texts import placeholders
from funnelkit.testing import readable
from funnelkit.testing.in_use import write_everything
from funnelkit.testing.samples import AT, a_change, a_deal, a_move, an_activity, new

# Texts


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        ("SELECT ? , :a", "SELECT %s , %(a)s"),
        ("SELECT ':a ?' , '%', 'it''s :b'", "SELECT ':a ?' , '%%', 'it''s :b'"),
        ('SELECT ":a ?" % 2', 'SELECT ":a ?" %% 2'),
        ("SELECT x::text, :x::bigint", "SELECT x::text, %(x)s::bigint"),
        ("SELECT 1 -- :a ?\n, :b", "SELECT 1 -- :a ?\n, %(b)s"),
        ("SELECT /* :a ' */ :b", "SELECT /* :a ' */ %(b)s"),
        (r"SELECT E'\':a', :b", r"SELECT E'\':a', %(b)s"),
        ("SELECT $x$ :a $x$, $$?$$, :b", "SELECT $x$ :a $x$, $$?$$, %(b)s"),
        ("SELECT xs[1:2], a.b:c", "SELECT xs[1:2], a.b:c"),
        ("SELECT :имя, :_1", "SELECT %(имя)s, %(_1)s"),
    ],
)
def test_placeholders_are_only_placeholders(sql: str, written: str) -> None:
    """What stands in text, names, comments and casts is no placeholder."""
    assert placeholders(sql) == written


def test_sums_are_whole_numbers(store: PostgresStore) -> None:
    """What adds whole numbers gives whole numbers, and an average a fraction, as in SQLite."""
    store.commit(new(a_deal("d1", moves=2**62), a_deal("d2", moves=2**62)))
    rows = store.query("SELECT SUM(moves), COUNT(*), MAX(moves), AVG(version) FROM deal", {})
    assert rows == [(2**63, 2, 2**62, 1.0)]
    assert [type(value) for value in rows[0]] == [int, int, int, float]


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_cannot_be_stored(store: PostgresStore, text: str) -> None:
    """A NUL and half a sign are refused where they would be written, and found nowhere."""
    store.commit(new(a_deal("d1")))
    with pytest.raises(InputError):
        store.commit(new(a_deal("d2", name=text)))
    with pytest.raises(InputError):
        store.commit(new(*(a_deal(f"x{number}", name=text) for number in range(300))))
    assert store.get_many("deal", ["d1", text]) == {"d1": a_deal("d1")}
    assert store.find("deal", {"owner": text}) == []
    assert store.moves(text) == []
    assert store.answer(text) is None
    assert [deal.id for deal in store.find("deal", {})] == ["d1"]


def test_a_query_cannot_get_out_of_its_transaction(store: PostgresStore) -> None:
    """Neither a second statement nor a setting makes a query write."""
    store.commit(new(a_deal()))
    for sql in (
        "SELECT 1; COMMIT; DELETE FROM deal",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT * FROM deal FOR UPDATE",
        "SELECT nextval('change_id_seq')",
    ):
        with pytest.raises(InputError):
            store.query(sql, {})
    assert store.get("deal", "d1") == a_deal()
    store.commit(new(a_deal("d2")))


def test_a_query_changes_no_setting_for_those_after_it(store: PostgresStore) -> None:
    """What a SELECT sets for the session is gone with the SELECT."""
    store.commit(new(a_deal()))
    before = store.health()
    for setting, value in (("synchronous_commit", "off"), ("search_path", "pg_catalog")):
        store.query(f"SELECT set_config('{setting}', '{value}', false)", {})
    assert store.health().synchronous == before.synchronous
    assert store.get("deal", "d1") == a_deal()


# Settings


@pytest.mark.parametrize(("durability", "setting"), [("full", "on"), ("fast", "off")])
def test_durability_is_synchronous_commit(
    schemas: Schemas, schema: str, durability: Any, setting: str
) -> None:
    """``full`` waits for the disk, ``fast`` does not: as the server understands it."""
    with PostgresStore(schemas.url, schema=schema, durability=durability) as store:
        assert store.query("SELECT current_setting('synchronous_commit')", {}) == [(setting,)]
        assert store.health().synchronous == setting


def test_the_isolation_of_the_database_does_not_matter(schemas: Schemas, schema: str, sql: Any) -> None:
    """Where the database's own default is SERIALIZABLE, ours is still READ COMMITTED."""
    sql.execute("ALTER ROLE postgres SET default_transaction_isolation = 'serializable'")
    try:
        with PostgresStore(schemas.url, schema=schema) as store:
            assert store.query("SELECT current_setting('transaction_isolation')", {}) == [("read committed",)]
    finally:
        sql.execute("ALTER ROLE postgres RESET default_transaction_isolation")


def test_health_says_how_it_is(store: PostgresStore, schema: str) -> None:
    """Health shows the server, the pool, the tables and the feed."""
    store.commit(Commit(changes=(a_change(), a_change(version=2))))
    health = store.health()
    assert (health.schema, health.schema_version, health.unnumbered) == (schema, 3, 2)
    assert (health.most_connections, health.waiting, health.warnings) == (10, 0, ())
    assert health.table_bytes > 0
    assert f"schema {schema}" in str(health)
    store.changes()
    assert store.health().unnumbered == 0


# One statement


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_small_commit_that_is_refused_writes_nothing(store: PostgresStore, expected: int) -> None:
    """Where the one record is not at its version, nothing else of the one statement is written either."""
    write_everything(store.commit)  # d1 is at version 2
    before = readable(store, ("k", "k9"))
    with pytest.raises(AlreadyExistsError if expected == 0 else ConflictError):
        store.commit(
            Commit(
                writes=(Write(a_deal(version=expected + 1), expected), Write(a_deal("d9"), 0)),
                moves=(a_move(seq=9),),
                activities=(an_activity("a9"),),
                attributes=(Attribute(record="d1", field="owner", value="kim", since=AT),),
                changes=(a_change(version=9),),
                answers=(Answer(key="k9", request="r", records=()),),
                definitions={"9f": ("sales", "{}")},
            )
        )
    assert readable(store, ("k", "k9")) == before


# Errors, after each of which the store works


def test_a_lock_that_is_held_too_long(schemas: Schemas, schema: str, store: PostgresStore, sql: Any) -> None:
    """When somebody holds a record for longer than the time-out, the store is busy; nothing was written."""
    store.commit(new(a_deal("d1"), a_deal("d2")))
    with PostgresStore(schemas.url, schema=schema, timeout=0.1) as hurried:
        with sql.transaction():
            sql.execute(f'SELECT 1 FROM "{schema}".deal FOR UPDATE')
            for versions in (("d1",), ("d1", "d2")):
                with pytest.raises(StoreBusyError) as caught:
                    hurried.commit(Commit(writes=tuple(Write(a_deal(id, version=2), 1) for id in versions)))
                assert caught.value.retriable
            assert hurried.get("deal", "d1").version == 1
        hurried.commit(Commit(writes=(Write(a_deal(version=2), 1),)))


def test_a_pool_that_is_used_up(schemas: Schemas, schema: str, store: PostgresStore) -> None:
    """When all connections are in use for longer than the time-out, the store is busy, then works again."""
    store.commit(new(a_deal()))
    asleep = "SELECT COUNT(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(2.1)' AND state = 'active'"
    with PostgresStore(schemas.url, schema=schema, timeout=1, connections=1) as small:
        with ThreadPoolExecutor(1) as threads:
            sleeping = threads.submit(small.query, "SELECT pg_sleep(2.1)", {})
            while store.query(asleep, {}) == [(0,)]:
                assert not sleeping.done()
            with pytest.raises(StoreBusyError, match="all 1 connections were in use"):
                small.get("deal", "d1")
        assert small.get("deal", "d1") == a_deal()


def test_a_role_that_may_only_read(schemas: Schemas, schema: str, store: PostgresStore, sql: Any) -> None:
    """Without the right to write, reading works and writing says read-only."""
    store.commit(new(a_deal()))
    role = f"r{schema}"
    sql.execute(f'CREATE ROLE "{role}" LOGIN')
    sql.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO "{role}"')
    sql.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO "{role}"')
    try:
        with PostgresStore(re.sub(r"//[^@]*@", f"//{role}@", schemas.url), schema=schema) as reader:
            assert reader.get("deal", "d1") == a_deal()
            with pytest.raises(StoreReadOnlyError):
                reader.commit(new(a_deal("d2")))
            assert reader.get("deal", "d1") == a_deal()
    finally:
        sql.execute(f'DROP OWNED BY "{role}"')
        sql.execute(f'DROP ROLE "{role}"')


def test_a_database_that_is_read_only(schemas: Schemas, schema: str, store: PostgresStore) -> None:
    """Where transactions cannot write, as on a standby, writing says read-only."""
    store.commit(new(a_deal()))
    with PostgresStore(
        f"{schemas.url}?options=-cdefault_transaction_read_only%3Don", schema=schema
    ) as reader:
        assert reader.get("deal", "d1") == a_deal()
        with pytest.raises(StoreReadOnlyError):
            reader.commit(new(a_deal("d2")))


def test_a_table_that_was_dropped(store: PostgresStore, schema: str, sql: Any) -> None:
    """A store whose tables were taken away is no store any more."""
    sql.execute(f'DROP TABLE "{schema}".move')
    with pytest.raises(NotAStoreError):
        store.moves("d1")


def test_the_same_key_in_parallel(schemas: Schemas, schema: str) -> None:
    """Of eight that write one key at once, one writes; the others learn that the key is taken."""
    start = threading.Barrier(8)

    def go(number: int) -> str:
        with PostgresStore(schemas.url, schema=schema, connections=1) as store:
            start.wait()
            answer = Answer(key="k", request=str(number), records=())
            try:
                store.commit(Commit(writes=(Write(a_deal(f"d{number}"), 0),), answers=(answer,)))
            except KeyReusedError as error:
                return f"{error.key} is taken"
            return "written"

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(go, range(8))) == ["k is taken"] * 7 + ["written"]
    with PostgresStore(schemas.url, schema=schema) as store:
        assert store.query("SELECT COUNT(*) FROM deal", {}) == [(1,)]


# Processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_gets_connections_of_its_own(schemas: Schemas, schema: str) -> None:
    """A child goes on with connections of its own; the parent's stay the parent's, and alive."""
    store = PostgresStore(schemas.url, schema=schema, connections=1)
    store.commit(new(a_deal("parent")))
    before = store.query("SELECT pg_backend_pid()", {})
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.commit(new(a_deal("child")))
            status = 0 if store.query("SELECT pg_backend_pid()", {}) != before else 2
            store.close()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert store.query("SELECT pg_backend_pid()", {}) == before
    assert [deal.id for deal in store.find("deal", {})] == ["child", "parent"]
    store.close()


def test_a_program_that_forgets_to_close_ends_quietly(schemas: Schemas, schema: str, root: Path) -> None:
    """A store that is never closed leaves no noise and no connection behind."""
    code = (
        "import sys; from funnelkit import open_store; stores = [open_store(sys.argv[1]) for _ in range(2)]\n"
        "stores.pop().find('deal', {}); stores[0].find('deal', {})"
    )
    url = f"{schemas.url}?schema={schema}&application_name={schema}"
    done = subprocess.run(
        [sys.executable, "-c", code, url], capture_output=True, text=True, check=True, cwd=root
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_nothing_is_loaded_that_is_not_used(root: Path) -> None:
    """Importing funnelkit and its stores loads no driver; only opening a PostgreSQL store does."""
    code = "import sys, funnelkit, funnelkit.storage.postgres; print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"


def test_without_the_driver_the_extra_is_named(root: Path) -> None:
    """Without psycopg the error names what to install."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from funnelkit.storage.postgres import PostgresStore\n"
        "try: PostgresStore('postgresql://h/d')\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert "pip install 'funnelkit[postgres]'" in done.stdout


# A whole life


def test_an_engine_lives_on_it(schemas: Schemas, schema: str) -> None:
    """An engine's deal, closed and opened again, is as it was, and the ledger is sound."""
    pipeline = Pipeline("sales", [Stage("new"), Stage("offer"), Stage("deal")])
    with Engine(pipeline, store=PostgresStore(schemas.url, schema=schema)) as engine:
        deal = engine.advance(engine.create("Acme", custom={"size": 5}), key="k")
        assert engine.advance(deal.id, key="k") == deal
        won = engine.win(engine.move(deal, "deal"))
        before = readable(engine.store, ("k",))
    with Engine(pipeline, store=PostgresStore(schemas.url, schema=schema)) as again:
        assert again.get(won.id) == won
        assert readable(again.store, ("k",)) == before
        assert again.verify() == ()


def test_moves_written_at_once_keep_their_order(store: PostgresStore) -> None:
    """A bulk's moves, field values and changes keep the order they were given in, however many."""
    for count in (3, 50, 1_000):
        ids = [f"{count}-{(number * 7) % count}" for number in range(count)]
        store.commit(Commit(moves=tuple(a_move(id) for id in ids), changes=tuple(a_change(id) for id in ids)))
        rows = store.query(
            "SELECT record_id FROM move WHERE record_id LIKE :like ORDER BY position", {"like": f"{count}-%"}
        )
        assert [id for (id,) in rows] == ids
        feed = [change.record for change in store.changes(limit=10_000)]
        assert feed[-count:] == ids
