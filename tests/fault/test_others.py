"""Somebody holds the lock, stands still while reading, forks; a clock goes back; a subscriber fails."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.running import run, start
from tests.fault.test_every_statement import KEYS, VERBS, engine_at_work, furnished, unbroken
from tests.fault.world import calls, engine_on, perform

from funnelkit import Engine, MemoryStore, SQLiteStore
from funnelkit.errors import FunnelkitError, StoreBusyError
from funnelkit.testing import readable

pytestmark = pytest.mark.fault


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Return a furnished store that waits for nobody."""
    with SQLiteStore(tmp_path / "crm.db", durability="fast", timeout=0.05) as store:
        furnished(store)
        yield store


# -- another process holds the lock -------------------------------------------------------------------

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE deal SET name = 'half done'")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("name", VERBS)
def test_a_lock_held_past_the_timeout(name: str, store: SQLiteStore, tell: Tell) -> None:
    """Every verb is a StoreBusyError that may be tried again; reading goes on; once it is free, all works."""
    answer, after = unbroken(VERBS[name], name, key="form-7")
    before = readable(store, KEYS)
    holder = start("-c", HOLD, str(store.path))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StoreBusyError) as caught:
        VERBS[name](engine_at_work(store, name), key="form-7")
    assert caught.value.retriable
    assert readable(store, KEYS) == before
    holder.communicate()
    assert VERBS[name](engine_at_work(store, name), key="form-7") == answer
    assert readable(store, KEYS) == after
    tell(
        f"lock held past the timeout by a process, each of {len(VERBS)} verbs",
        1,
        "StoreBusyError; works after",
    )


# -- a reader stands still ------------------------------------------------------------------------------


def test_a_reader_that_stands_still_costs_few_attempts(tmp_path: Path, tell: Tell) -> None:
    """While a cursor is forgotten, the copying of the log is tried ever more seldom; then it catches up."""
    path = tmp_path / "crm.db"
    attempts = 0

    def seen(statement: str) -> None:
        nonlocal attempts
        attempts += "wal_checkpoint" in statement

    class Watched(SQLiteStore):
        def _open(self, path: Path) -> sqlite3.Connection:
            connection = super()._open(path)
            connection.set_trace_callback(seen)
            return connection

    def wrote(number: int) -> int:
        nonlocal attempts
        attempts = 0
        for count in range(number):
            engine.bulk("assign", ids, owner=f"owner {count}")
        return attempts

    with closing(Watched(path)) as store:
        engine = engine_on(store)
        ids = [engine.create("Hot", pipeline="care").id for _ in range(20)]
        commits = 300  # of 60 rows each; with fewer the copying would not catch up
        free = wrote(commits)
        reader = sqlite3.connect(path)
        cursor = reader.execute("SELECT id FROM deal")
        cursor.fetchone()
        held = wrote(commits)
        log = path.with_name("crm.db-wal")
        grown = log.stat().st_size
        cursor.close()
        reader.close()
        wrote(commits)
        assert log.stat().st_size <= grown  # it is written over from its beginning
        assert engine.verify() == ()
    assert held < free / 4
    tell(
        "a reader that stands still during commits of 60 rows",
        commits,
        f"{held} attempts at a checkpoint ({free} without it); log {grown // 2**20} MB, then copied",
    )


# -- fork -----------------------------------------------------------------------------------------------


def fork(path: str, number: int) -> None:
    """Make deals on both sides of a fork with one store that was used before it."""
    engine = engine_on(SQLiteStore(path, durability="fast"))
    engine.advance("deal")
    child = os.fork()
    who = "parent" if child else "child"
    for count in range(number):
        engine.create(f"{who} {count}", pipeline="care")
    assert engine.verify() == ()
    engine.close()
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_store_used_on_both_sides_of_a_fork(store: SQLiteStore, tell: Tell) -> None:
    """Parent and child go on with one store: nothing is lost, nothing is there twice, the ledger is sound."""
    number = times(200)
    run(
        "-c",
        "import sys; from tests.fault.test_others import fork; fork(sys.argv[1], int(sys.argv[2]))",
        str(store.path),
        str(number),
    )
    names = [name for (name,) in store.query("SELECT name FROM deal", {})]
    made = sorted(name for name in names if name.startswith(("child", "parent")))
    assert made == sorted(f"{who} {count}" for who in ("child", "parent") for count in range(number))
    assert Engine(store=store).verify() == ()
    tell("writes on both sides of a fork with one store", 2 * number, "each there once")


# -- time -----------------------------------------------------------------------------------------------


class Wandering:
    """A clock that stands still, jumps ahead and goes back."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.instant = datetime(2026, 3, 1, tzinfo=UTC)
        self.back = 0

    def now(self) -> datetime:
        """Return any time around the last one."""
        step = self.random.choice((0, 0, 1, 60, -1, -3_600, -86_400, 90_000))
        self.back += step < 0
        self.instant += timedelta(seconds=step)
        return self.instant


@pytest.mark.parametrize("seed", range(3))
def test_a_clock_that_goes_back_and_stands_still(seed: int, store: SQLiteStore, tell: Tell) -> None:
    """Whatever the clock does, no record's moves run backwards, and the ledger is sound."""
    clock = Wandering(Random(seed))
    engine = engine_on(store, clock=clock)
    stream = calls(store, Random(seed), "c")
    answer: Any = None
    for _ in range(times(300)):
        call = stream.send(answer)
        try:
            answer = perform(engine, call)
        except FunnelkitError:
            answer = None
    sql = "SELECT COUNT(*) FROM move AS b JOIN move AS a ON a.record_id = b.record_id AND a.seq = b.seq - 1 "
    assert store.query(f"{sql} WHERE b.moved_us < a.moved_us OR b.since_us <> a.moved_us", {}) == [(0,)]
    assert engine.verify() == ()
    assert clock.back > 0
    tell(
        "calls under a clock that goes back and stands still",
        times(300),
        "order kept, verify() finds nothing",
    )


# -- subscribers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_failing_subscriber_changes_nothing(
    kind: str, store: SQLiteStore, caplog: pytest.LogCaptureFixture, tell: Tell
) -> None:
    """What a subscriber raises is logged; the act stands, the answer comes, the others are told."""
    target: Any = store
    if kind == "memory":
        target = MemoryStore()
        furnished(target)
    engine = engine_at_work(target, "")
    told: list[Any] = []

    @engine.subscribe
    def broken(_change: Any) -> None:
        raise RuntimeError("broken")

    engine.subscribe(told.append)
    position = engine.changes()[-1].position
    for name, verb in VERBS.items():
        if name != "void" and not name.startswith("bulk"):  # what is done already cannot be done
            verb(engine)
    written = engine.changes(after=position)
    assert len(told) == len(written) > 10
    assert caplog.text.count("RuntimeError: broken") == len(written)
    assert engine.verify() == ()
    tell("a failing subscriber, told of changes", len(written), "logged; the act stands, the others are told")


def test_an_interrupted_subscriber_leaves_the_act_done(store: SQLiteStore) -> None:
    """An interrupt within a subscriber comes through; the act stands, and its key answers."""
    engine = engine_on(store)

    def interrupted(_change: Any) -> None:
        raise KeyboardInterrupt

    engine.subscribe(interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.win("deal", key="form-7")
    assert engine.win("deal", key="form-7") == engine.get("deal")
    assert engine.verify() == ()


def test_a_subscriber_may_use_the_engine(store: SQLiteStore) -> None:
    """A verb within a subscriber is an act of its own: one advance follows another, each a commit."""
    engine = engine_on(store)

    def onward(change: Any) -> None:
        if change.record == "deal" and engine.get("deal").stage != "done":  # type: ignore[union-attr]
            engine.advance("deal")

    engine.subscribe(onward)
    engine.advance("deal")
    assert [move.target for move in engine.history("deal")] == ["asked", "doing", "done"]
    assert engine.verify() == ()
