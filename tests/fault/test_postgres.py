"""Faults under a PostgreSQL store: dead clients, a dead server, cut connections, statements that fail."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.journal import Journal, check
from tests.fault.postgres import END_OF_SESSION, IO_ERROR, Proxy, failing_store
from tests.fault.running import run, start
from tests.fault.test_every_statement import KEYS, VERBS, WITHOUT_KEY, engine_at_work, furnished, unbroken
from tests.fault.test_hot_deals import fought_over
from tests.servers import ENVIRONMENT, Schemas, Server

from funnelkit import open_store
from funnelkit.errors import ConflictError, StoreBusyError, StoreUnavailableError
from funnelkit.storage.base import Attribute, Commit, Write
from funnelkit.storage.postgres import PostgresStore
from funnelkit.testing import readable
from funnelkit.testing.samples import AT, a_change, a_deal, new

pytestmark = pytest.mark.fault


@pytest.fixture
def proxy(postgres: str) -> Iterator[Proxy]:
    """Give a proxy before the server."""
    with closing(Proxy(postgres)) as made:
        yield made


@pytest.fixture
def sql(schemas: Schemas) -> Iterator[Any]:
    """Give a connection that commits by itself."""
    import psycopg

    with psycopg.connect(schemas.url, autocommit=True) as connection:
        yield connection


def everything(store: Any) -> dict[str, Any]:
    """Return everything readable; rows by their order, for a sequence has gaps."""
    state = readable(store, KEYS)
    for table in ("move", "attribute"):
        state["tables"][table] = [(n, *row[1:]) for n, row in enumerate(state["tables"][table], 1)]
    return state


# Processes that die


@pytest.mark.parametrize("mostly", ["single", "bulk", "migration"])
def test_a_killed_client_loses_nothing_it_was_told(
    mostly: str, schemas: Schemas, tmp_path: Path, tell: Tell
) -> None:
    """Whenever a client dies, the server holds every answered call once, and the last one or not at all."""
    kills = times(30)
    name = schemas.new()
    how = {
        "urls": [f"{schemas.url}?schema={name}&application_name={name}"],
        "journals": [f"{tmp_path}/journal"],
        "kills": kills,
        "seed": 1,
        "mostly": mostly,
        "durability": "full",
        "at_work": True,
    }
    told = json.loads(run("-m", "tests.fault.killing", json.dumps(how)))
    assert told["kills"] == kills
    assert told["acknowledged"] > 0
    assert told["lost"] == 0
    tell(
        f"kill -9 of the client, PostgreSQL, {mostly} calls",
        kills,
        f"{told['acknowledged']:,} acknowledged calls, 0 lost; {told['in flight']} in flight, of these "
        f"{told['late']} had been done; all repeated under their keys, done once",
    )


@pytest.mark.skipif(bool(os.environ.get(ENVIRONMENT)), reason="the server is not ours to crash")
def test_a_crashed_server_loses_nothing_it_told(postgres: str, tmp_path: Path, tell: Tell) -> None:
    """However often the server crashes under load, what was answered is there once, and nothing else."""
    crashes, workers = times(40), 4
    stop = tmp_path / "stop"
    with Server(fsync=True) as server:
        urls = [f"{server.url}?schema=s{number}" for number in range(workers)]
        for url in urls:
            open_store(url).close()
        journals = [tmp_path / f"{number}.journal" for number in range(workers)]
        hows = [
            {"url": url, "journal": str(journal), "stop": str(stop), "seed": number}
            for number, (url, journal) in enumerate(zip(urls, journals, strict=True))
        ]
        running = [start("-m", "tests.fault.postgres", json.dumps(how)) for how in hows]
        for number in range(crashes):
            size = [journal.stat().st_size if journal.exists() else 0 for journal in journals]
            while not all(
                j.exists() and j.stat().st_size > s + 4_000 for j, s in zip(journals, size, strict=True)
            ):
                assert all(process.poll() is None for process in running)
            if number % 2:
                server.stop("immediate")
                server.start()
            else:
                kill_a_process_of(server)
        stop.touch()
        told = [json.loads(process.communicate()[0]) for process in running]
        assert [process.returncode for process in running] == [0] * workers
        acknowledged = 0
        for url, journal in zip(urls, journals, strict=True):
            entries = Journal.read(journal)
            with closing(open_store(url)) as store:
                assert check(store, entries) == (0, 0)
            acknowledged += sum(entry.answer is not None for entry in entries)
    tell(
        f"crash of the PostgreSQL server under {workers} writers",
        crashes,
        f"{acknowledged:,} acknowledged calls, 0 lost, 0 there twice; "
        f"{sum(each['again'] for each in told)} calls had to be repeated by the caller",
    )


def kill_a_process_of(server: Server) -> None:
    """Kill -9 one of the server's processes; the server then ends all of them and recovers."""
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as connection:
        pids = "SELECT pid FROM pg_stat_activity WHERE application_name = 'funnelkit' ORDER BY pid LIMIT 1"
        for (pid,) in connection.execute(pids).fetchall():
            os.kill(pid, signal.SIGKILL)


def test_processes_that_fight_over_deals(schemas: Schemas, tell: Tell) -> None:
    """Eight processes on fifty deals: each answered move is one row of the ledger."""
    fought_over(f"{schemas.url}?schema={schemas.new()}", times(5_000), tell)


# Statements that fail


@pytest.mark.parametrize("name", WITHOUT_KEY)
def test_a_statement_that_fails_leaves_everything(name: str, schemas: Schemas, tell: Tell) -> None:
    """Each statement of a verb fails in turn: then everything is as it was, and the store works on."""
    keyed = [{}, {"key": "form-7"}] if name in VERBS else [{}]
    count = sum(failing_everywhere(name, schemas, act) for act in keyed)
    assert count > 0
    tell("a statement fails, PostgreSQL, every one of every verb", count, "everything as before; works on")


def failing_everywhere(name: str, schemas: Schemas, act: dict[str, Any]) -> int:
    """Let statement 1, 2, 3, … fail until the verb passes; return how many failed."""
    verb = WITHOUT_KEY[name]
    answer, after = unbroken(verb, name, **act)
    with closing(failing_store(schemas.url, schemas.new())) as store:
        furnished(store)
        before = everything(store)
        failed = 0
        while True:
            store.plan.fail(failed + 1, IO_ERROR)
            try:
                said = verb(engine_at_work(store, name), **act)
            except StoreUnavailableError:
                failed += 1
                store.plan.fail(0, "")
                assert everything(store) == before
            else:
                break
        store.plan.fail(0, "")
        assert said == answer
        assert everything(store) == after
    return failed


@pytest.mark.parametrize("name", ["create", "convert", "move", "edit", "log", "bulk move", "bulk edit"])
@pytest.mark.parametrize("act", [{}, {"key": "form-7"}], ids=["no key", "key"])
def test_a_session_that_is_ended_is_no_fault_of_the_caller(
    name: str, act: dict[str, Any], schemas: Schemas, tell: Tell
) -> None:
    """The session is ended at each statement in turn: the verb does its work once, and answers."""
    answer, after = unbroken(VERBS[name], name, **act)
    ended = 0
    while True:
        with closing(failing_store(schemas.url, schemas.new())) as store:
            furnished(store)
            store.plan.fail(ended + 1, END_OF_SESSION)
            said = VERBS[name](engine_at_work(store, name), **act)
            passed = store.plan.run <= ended
            store.plan.fail(0, "")
            assert said == answer
            assert everything(store) == after
        if passed:
            break
        ended += 1
    assert ended > 0
    tell("pg_terminate_backend at every statement of verbs", ended, "done once, and answered")


# Connections that are cut


@pytest.mark.parametrize("name", ["create", "convert", "move", "log", "bulk move"])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_connection_cut_at_any_message(
    name: str, side: str, schemas: Schemas, proxy: Proxy, tell: Tell
) -> None:
    """Wherever the connection is cut, also after COMMIT and before its answer, the verb is done once."""
    answer, after = unbroken(VERBS[name], name, key="form-7")
    cut = 0
    while True:
        schema = schemas.new()
        with closing(PostgresStore(proxy.url, schema=schema, connections=1, timeout=10)) as store:
            furnished(store)
            proxy.cut(side, cut + 1)
            said = VERBS[name](engine_at_work(store, name), key="form-7")
            passed = proxy.waiting
            proxy.cut("", 0)
            assert said == answer
            assert everything(store) == after
        if passed:
            break
        cut += 1
    assert cut > 5
    tell("connection cut at every message of the protocol", cut, "done once, and answered")


@pytest.mark.parametrize("size", [1, 30])
def test_a_commit_whose_answer_is_lost_is_found(proxy: Proxy, schemas: Schemas, size: int) -> None:
    """A commit without a key, cut at every message: written once, and told so; small and large."""
    cut = 0
    while True:
        schema = schemas.new()
        with closing(PostgresStore(proxy.url, schema=schema, connections=1, timeout=10)) as store:
            store.commit(new(*(a_deal(f"d{number}") for number in range(size))))
            later = [a_deal(f"d{number}", version=2) for number in range(size)]
            proxy.cut("server", cut + 1)
            store.commit(
                Commit(
                    writes=tuple(Write(deal, 1) for deal in later),
                    changes=tuple(a_change(deal.id, 2) for deal in later),
                    attributes=tuple(
                        Attribute(record=deal.id, field="owner", value="x", since=AT) for deal in later
                    ),
                )
            )
            passed = proxy.waiting
            proxy.cut("", 0)
            assert store.get_many("deal", [deal.id for deal in later]) == {deal.id: deal for deal in later}
            assert store.query("SELECT COUNT(*), COUNT(DISTINCT record_id) FROM attribute", {}) == [
                (size, size)
            ]
            assert len(store.changes()) == size
        if passed:
            break
        cut += 1
    assert cut > 2


def test_a_commit_of_somebody_else_is_not_taken_for_ours(proxy: Proxy, schemas: Schemas) -> None:
    """When the connection is cut before our commit and another wins meanwhile, it is a conflict."""
    schema = schemas.new()
    with (
        closing(PostgresStore(proxy.url, schema=schema, connections=1, timeout=10)) as store,
        closing(PostgresStore(schemas.url, schema=schema)) as other,
    ):
        store.commit(new(a_deal()))
        other.commit(
            Commit(writes=(Write(a_deal(version=2, owner="other"), 1),), changes=(a_change(version=2),))
        )
        proxy.cut("client", 1)
        with pytest.raises(ConflictError) as caught:
            store.commit(Commit(writes=(Write(a_deal(version=2), 1),), changes=(a_change(version=2),)))
        assert caught.value == ConflictError("deal", "d1", 1, 2)
        assert not proxy.waiting
        assert store.get("deal", "d1").owner == "other"


def test_what_cannot_be_tried_twice_is_said(proxy: Proxy, schemas: Schemas) -> None:
    """Rows that nothing tells apart are not written a second time: the error says that it is not known."""
    with closing(PostgresStore(proxy.url, schema=schemas.new(), connections=1, timeout=10)) as store:
        store.changes()
        proxy.cut("client", 1)
        with pytest.raises(StoreUnavailableError, match="not known whether"):
            store.commit(Commit(attributes=(Attribute(record="d", field="owner", value="x", since=AT),)))
        assert store.attributes("d") == []


@pytest.mark.skipif(bool(os.environ.get(ENVIRONMENT)), reason="the server is not ours to stop")
def test_a_server_that_stays_away_is_said(postgres: str) -> None:
    """A commit whose answer was lost for good says that it is not known; after the return all works."""
    with Server() as server, closing(PostgresStore(server.url, timeout=1)) as store:
        store.commit(new(a_deal()))
        server.stop()
        with pytest.raises(StoreUnavailableError, match="not known whether") as caught:
            store.commit(Commit(writes=(Write(a_deal(version=2), 1),)))
        assert caught.value.retriable
        with pytest.raises(StoreUnavailableError):
            store.get("deal", "d1")
        server.start()
        with closing(open_store(server.url)) as another:
            assert another.get("deal", "d1").version == 1
        for _ in range(20):  # the pool tries again at intervals that grow
            try:
                store.commit(Commit(writes=(Write(a_deal(version=2), 1),)))
                break
            except StoreUnavailableError:
                continue
        assert store.get("deal", "d1").version == 2


# Others in the way


@pytest.mark.parametrize("size", [1, 30])
@pytest.mark.parametrize("failures", [1, 4, 5, 9])
def test_a_serialization_failure_is_tried_again(
    schemas: Schemas, sql: Any, size: int, failures: int, tell: Tell
) -> None:
    """Up to four failures are overcome; at the fifth the store is busy, and nothing was written."""
    schema = schemas.new()
    with PostgresStore(schemas.url, schema=schema) as store:
        sql.execute(f'CREATE SEQUENCE "{schema}".tries')
        sql.execute(
            f'CREATE FUNCTION "{schema}".refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN '
            f"IF nextval('\"{schema}\".tries') <= {failures} THEN "
            "RAISE EXCEPTION 'could not serialize' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$"
        )
        sql.execute(
            f'CREATE TRIGGER refuse BEFORE INSERT ON "{schema}".deal '
            f'FOR EACH STATEMENT EXECUTE FUNCTION "{schema}".refuse()'
        )
        commit = new(*(a_deal(f"d{number}") for number in range(size)))
        if failures < 5:
            store.commit(commit)
        else:
            with pytest.raises(StoreBusyError, match="5 times"):
                store.commit(commit)
        written = size if failures < 5 else 0
        assert store.query("SELECT COUNT(*) FROM deal", {}) == [(written,)]
        assert sql.execute(f'SELECT last_value FROM "{schema}".tries').fetchone() == (min(failures + 1, 5),)
    tell("serialization failure", min(failures, 5), "tried again, at most five times")


def test_a_deadlock_is_tried_again(schemas: Schemas, sql: Any, tell: Tell) -> None:
    """The victim of a deadlock with a stranger writes after the stranger is done."""
    schema = schemas.new()
    url = f"{schemas.url}?options=-cdeadlock_timeout%3D2s"  # we look, the stranger does not
    with PostgresStore(url, schema=schema) as store, ThreadPoolExecutor(1) as threads:
        store.commit(new(a_deal("d1"), a_deal("d2")))
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        before = sql.execute(deadlocks).fetchone()[0]
        with sql.transaction():
            sql.execute(f"SELECT 1 FROM \"{schema}\".deal WHERE id = 'd2' FOR UPDATE")
            both = tuple(Write(a_deal(id, version=2), 1) for id in ("d1", "d2"))
            ours = threads.submit(store.commit, Commit(writes=both))
            with PostgresStore(schemas.url, schema=schema) as watcher:
                waits = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
                while watcher.query(waits, {}) == [(0,)]:
                    assert not ours.done()
            sql.execute("SET LOCAL deadlock_timeout = '1min'")
            sql.execute(f"SELECT 1 FROM \"{schema}\".deal WHERE id = 'd1' FOR UPDATE")
        ours.result()
        assert {deal.version for deal in store.find("deal", {})} == {2}
        while sql.execute(deadlocks).fetchone()[0] == before:
            sql.execute("SELECT pg_stat_clear_snapshot()")
    tell("deadlock with a stranger", 1, "tried again, written")


def test_batches_never_deadlock(schemas: Schemas) -> None:
    """Threads that change the same deals in opposite orders meet no deadlock: records are taken in order."""
    schema = schemas.new()
    with PostgresStore(schemas.url, schema=schema) as store:
        ids = [f"d{number}" for number in range(20)]
        store.commit(new(*map(a_deal, ids)))

        def write(order: int) -> int:
            conflicts = 0
            for _ in range(25):
                some: Any = store.get_many("deal", ids)
                deals = [some[id] for id in ids[::order]]
                try:
                    store.commit(
                        Commit(
                            writes=tuple(Write(a_deal(d.id, version=d.version + 1), d.version) for d in deals)
                        )
                    )
                except ConflictError:
                    conflicts += 1
            return conflicts

        with ThreadPoolExecutor(4) as threads:
            conflicts = sum(threads.map(write, (1, -1, 1, -1)))
        assert {deal.version for deal in store.find("deal", {})} == {1 + 100 - conflicts}
