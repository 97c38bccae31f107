"""A store copied into another one is the same store, whatever happens on the way."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from funnelkit import (
    Engine,
    FrozenClock,
    MemoryStore,
    Pipeline,
    ReadOnlyStore,
    Stage,
    Store,
    copy_store,
    money,
)
from funnelkit.errors import InputError, StoreReadOnlyError
from funnelkit.storage import Commit, Write
from funnelkit.storage.base import MatchKey
from funnelkit.storage.copying import Copied, is_level
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import readable, sequential_ids
from funnelkit.testing.samples import a_deal, new

SALES = Pipeline("sales", [Stage("new"), Stage("offer"), Stage("contract")])
INTAKE = Pipeline("intake", [Stage("register")], kind="lead")
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
KEYS = tuple(f"key {number}" for number in range(60))

Open = Callable[[], Store]


def opened(store: Store) -> Engine:
    """Return an engine over a store, with ids that go on from what is there."""
    taken = store.query("SELECT COUNT(*) FROM change", {})[0][0]
    return Engine(
        SALES,
        INTAKE,
        store=store,
        clock=FrozenClock(AT + timedelta(minutes=taken)),
        ids=sequential_ids(1_000 * taken),
    )


def live(store: Store, times: int = 3) -> None:
    """Do something of everything to new records, and to all that are there."""
    engine = opened(store)
    for number in range(times):
        contact = engine.create_contact(f"Ann {number}", email="ann@example.org")
        engine.create_company(f"Acme {number}")
        lead = engine.capture(f"Inquiry {number}", owner="kim", custom={"Город": "Тверь"})
        deal = engine.create(f"Deal {number}", value=money(100, "EUR"), contact=contact.id)
        deal = engine.edit(engine.assign(engine.advance(deal), "bob"), value=money(90, "EUR"))
        deal = engine.assign(engine.assign(deal, "ann"), "bob")  # the same value at the same instant, twice
        engine.log(deal.id, "call", "they agree")
        engine.reopen(engine.win(deal, key=f"{deal.id} is won"), reason="they cannot pay")
        engine.convert(lead.id, deal="Converted", pipeline="sales")
    engine.bulk("advance", [deal for deal in engine.find("deal") if deal.stage == "new"])


@pytest.fixture
def stores(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Open]:
    """Return what opens a new, empty store of each sort."""
    numbers = itertools.count()
    asked_for = request.node.callspec.params.values() if hasattr(request.node, "callspec") else ()
    if "postgres" in asked_for:  # where there is no server, the test is skipped before a store is open
        request.getfixturevalue("schemas")

    def on_postgres() -> Store:
        schemas = request.getfixturevalue("schemas")
        from funnelkit.storage.postgres import PostgresStore

        return PostgresStore(schemas.url, schema=schemas.new(), connections=2)

    return {
        "memory": MemoryStore,
        "sqlite": lambda: SQLiteStore(tmp_path / f"crm{next(numbers)}.db", durability="fast"),
        "postgres": on_postgres,
    }


def keys_of(store: Store) -> tuple[str, ...]:
    """Return every key that was answered."""
    return tuple(key for (key,) in store.query("SELECT act_key FROM idempotency ORDER BY act_key", {}))


def check_same(source: Store, target: Store) -> None:
    """Fail unless two stores hold the same, and it is sound."""
    keys = keys_of(source)
    assert keys_of(target) == keys
    assert readable(target, keys) == readable(source, keys)
    assert opened(target).verify() == ()


WAYS = [
    ("memory", "memory"),
    ("memory", "sqlite"),
    ("sqlite", "memory"),
    ("sqlite", "sqlite"),
    ("sqlite", "postgres"),
    ("postgres", "sqlite"),
    ("postgres", "postgres"),
]


@pytest.mark.parametrize(("one", "other"), WAYS)
def test_a_copy_is_the_same(one: str, other: str, stores: dict[str, Open]) -> None:
    """Everything that can be read from the source can be read from the copy, feed positions included."""
    source, target = stores[one](), stores[other]()
    live(source)
    copied = copy_store(source, target)
    check_same(source, target)
    assert (copied.records, copied.moves, copied.answers) == (6 * 3, 8 * 3, 3)
    source.close()
    target.close()


@pytest.mark.parametrize(("one", "other"), WAYS)
def test_what_was_written_meanwhile_comes_over_by_copying_again(
    one: str, other: str, stores: dict[str, Open]
) -> None:
    """A second copy brings over what is new, and nothing else; a third finds nothing."""
    source, target = stores[one](), stores[other]()
    live(source)
    copy_store(source, target)
    before = len(source.changes())
    live(source, 1)
    engine = opened(source)
    for deal in engine.find("deal", outcome="open"):
        engine.log(deal.id, "note", "more")
        engine.assign(deal.id, "zoe")
    assert copy_store(source, target).changes == len(source.changes()) - before
    check_same(source, target)
    assert copy_store(source, target) == Copied()
    source.close()
    target.close()


@pytest.mark.parametrize(("one", "other"), WAYS)
def test_a_key_comes_over_alone(one: str, other: str, stores: dict[str, Open]) -> None:
    """A key that was added without any change is brought over, whoever has it; each kind has its own."""
    source, target = stores[one](), stores[other]()
    live(source, 1)
    copy_store(source, target)
    contact = source.find("contact", {})[0]
    keys = (
        MatchKey(key="name:аня", kind="contact", record=contact.id),
        MatchKey(key="name:аня", kind="lead", record=contact.id),
        MatchKey(key="name:аня", kind="company", record="nobody"),
    )
    source.commit(Commit(keys=keys))
    assert copy_store(source, target) == Copied(keys=3)
    assert readable(target)["keys"] == readable(source)["keys"]
    assert copy_store(source, target) == Copied()
    source.close()
    target.close()


def test_one_key_of_many_records_is_copied_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many have the same key, no commit of the copy is longer than any other."""
    monkeypatch.setattr("funnelkit.storage.copying._BATCH", 7)
    source, written = MemoryStore(), []

    class Noting(MemoryStore):
        def commit(self, commit: Commit) -> None:
            written.append(len(commit.keys))
            super().commit(commit)

    source.commit(
        Commit(keys=tuple(MatchKey(key="word:ann", kind="lead", record=f"l{n}") for n in range(20)))
    )
    assert copy_store(source, Noting()) == Copied(keys=20)
    assert written == [7, 7, 6]


def test_an_empty_store_is_copied() -> None:
    """Copying nothing is fine."""
    assert copy_store(MemoryStore(), MemoryStore()) == Copied()


class TornError(Exception):
    """The copying ends here."""


class Tearing(MemoryStore):
    """A store whose commit number ``left`` does not return: before it is written, or after."""

    left = -1
    after = False

    def commit(self, commit: Commit) -> None:
        """Write, until it is torn."""
        self.left -= 1
        if self.left == 0 and not self.after:
            raise TornError
        super().commit(commit)
        if self.left == 0:
            raise TornError


@pytest.mark.parametrize("after", [False, True])
def test_a_copy_torn_anywhere_goes_on(after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended before or after any of its commits and begun again, a copy becomes the same as the source."""
    monkeypatch.setattr("funnelkit.storage.copying._BATCH", 7)
    source = MemoryStore()
    live(source)
    for number in itertools.count(1):
        target = Tearing()
        target.left, target.after = number, after
        try:
            copy_store(source, target)
        except TornError:
            if is_level(source, target):
                check_same(source, target)  # a feed that is whole is behind everything else
            copy_store(source, target)
            check_same(source, target)
        else:
            break
    assert number > 15


def test_a_copy_torn_again_and_again_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that gets only one commit further each time ends the same, however the source goes on."""
    monkeypatch.setattr("funnelkit.storage.copying._BATCH", 7)
    source, target = MemoryStore(), Tearing()
    live(source)
    for number in itertools.count():
        target.left = 2
        try:
            copy_store(source, target)
        except TornError:
            if number % 4 == 0 and number < 40:
                live(source, 1)
        else:
            break
    assert number > 40
    check_same(source, target)


def test_pages_may_end_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy is the same whatever the size of its pages."""
    source = MemoryStore()
    live(source, 2)
    for size in (1, 2, 3, 10, 1000):
        monkeypatch.setattr("funnelkit.storage.copying._BATCH", size)
        monkeypatch.setattr("funnelkit.storage.scanning._PAGE", size)
        target = MemoryStore()
        copy_store(source, target)
        check_same(source, target)
        assert copy_store(source, target) == Copied()


def test_a_copy_while_others_write_can_be_made_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """With somebody writing between any two pages, copying again at rest makes it the same."""
    monkeypatch.setattr("funnelkit.storage.copying._BATCH", 5)
    source, target = MemoryStore(), MemoryStore()
    live(source)
    acts = iter(range(12))

    def write(done: int, total: int) -> None:
        assert done <= total
        if next(acts, None) is not None:
            live(source, 1)

    copy_store(source, target, progress=write)
    assert next(acts, None) is None
    copy_store(source, target)
    check_same(source, target)


def test_progress_ends_at_the_whole() -> None:
    """Progress counts the rows of the source, from few to all of them."""
    source = MemoryStore()
    live(source)
    told: list[tuple[int, int]] = []
    target = MemoryStore()
    copy_store(source, target, progress=lambda done, total: told.append((done, total)))
    tables = "deal lead contact company move activity attribute change idempotency definition match_key"
    rows = sum(source.query(f"SELECT COUNT(*) FROM {table}", {})[0][0] for table in tables.split())
    assert told == sorted(told)
    assert told[-1] == (rows, rows)
    copy_store(source, target, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (rows, rows)


def one_more_change(store: Store) -> None:
    """Somebody logs a call in a copy."""
    engine = opened(store)
    engine.log(engine.find("deal")[0].id, "call", "written into the copy")


def a_record_ahead(store: Store) -> None:
    """Somebody changes a record in a copy without a word in the feed."""
    deal = store.find("deal", {})[0]
    later = a_deal(deal.id, version=deal.version + 1)
    store.commit(Commit(writes=(Write(later, deal.version),)))


@pytest.mark.parametrize("write", [one_more_change, a_record_ahead])
@pytest.mark.parametrize("goes_on", [False, True])
def test_what_is_not_a_copy_is_left_alone(write: Any, goes_on: bool) -> None:
    """A target that somebody else has written to is refused, and stays as it is."""
    source, target = MemoryStore(), MemoryStore()
    live(source)
    copy_store(source, target)
    write(target)
    if goes_on:
        opened(source).create("More")
    before = readable(target)
    with pytest.raises(InputError, match="target"):
        copy_store(source, target)
    assert readable(target) == before


def test_a_store_of_somebody_else_is_no_target() -> None:
    """Two stores with histories of their own are not mixed."""
    source, target = MemoryStore(), MemoryStore()
    live(source)
    opened(target).create("Another")
    with pytest.raises(InputError, match="target"):
        copy_store(source, target)


def test_a_target_that_cannot_be_written_says_so() -> None:
    """A read-only target raises its own error."""
    source = MemoryStore()
    source.commit(new(a_deal()))
    with pytest.raises(StoreReadOnlyError):
        copy_store(source, ReadOnlyStore(MemoryStore()))


def test_a_read_only_source_will_do() -> None:
    """A source is only read."""
    source, target = MemoryStore(), MemoryStore()
    live(source)
    copy_store(ReadOnlyStore(source), target)
    check_same(source, target)


def test_copying_twenty_thousand_moves_keeps_their_order(stores: dict[str, Open]) -> None:
    """A store of many pages is the same after copying, row by row."""
    source, target = MemoryStore(), stores["sqlite"]()
    engine = opened(source)
    deals = [engine.create(f"Deal {number}").id for number in range(2_000)]
    for _ in range(2):
        engine.bulk("advance", deals)
    engine.bulk("win", deals)
    copy_store(source, target)
    check_same(source, target)
    target.close()


KILLED = """if True:
    import os, signal, sys
    from funnelkit.storage import copying
    from funnelkit.storage.sqlite import SQLiteStore
    copying._BATCH = 7
    pages = 0

    def count(done, total):
        global pages
        pages += 1
        if pages == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

    copying.copy_store(SQLiteStore(sys.argv[1]), SQLiteStore(sys.argv[2]), progress=count)
"""


def test_a_copy_killed_again_and_again_becomes_whole(tmp_path: Path) -> None:
    """A process that is killed while it copies leaves a copy that the next process goes on with."""
    source = SQLiteStore(tmp_path / "source.db")
    live(source)
    for page in (1, 5, 9, 14, 20, 26):
        run = [sys.executable, "-c", KILLED, str(source.path), str(tmp_path / "target.db"), str(page)]
        assert subprocess.run(run, check=False).returncode == -signal.SIGKILL
        live(source, 1)
    target = SQLiteStore(tmp_path / "target.db")
    copy_store(source, target)
    check_same(source, target)
    source.close()
    target.close()
