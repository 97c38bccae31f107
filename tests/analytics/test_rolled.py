"""What roll-ups say is what the ledger says, to the last unit; and they do answer what they are kept for."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import product
from operator import methodcaller
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analytics.histories import PIPELINES, START, Edit, Place, Record, histories, hour, written

from funnelkit import Engine, EventLog, FrozenClock, MemoryStore, Pipeline, Stage, import_log, money
from funnelkit.analytics import Analytics, Shape
from funnelkit.errors import FunnelkitError, InputError, StoreReadOnlyError
from funnelkit.people import Organisation, Person, Scope
from funnelkit.storage.copying import copy_store
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.rollups import cells as cells_of
from funnelkit.storage.sqlite.rollups import folding, making, reading
from funnelkit.storage.sqlite.rollups.numbers import CUTS, Kind, number_of, spans
from funnelkit.storage.wrappers.read_only import ReadOnlyStore

SHAPES = [
    Shape(pipeline=name, stages=tuple((stage, "") for stage in stages)) for name, stages in PIPELINES.items()
]
DAYS = (
    None,
    (date(2026, 1, 1), date(2026, 1, 2)),
    (None, date(2026, 1, 3)),
    (date(2026, 1, 2), None),
    (date(2025, 11, 20), date(2026, 2, 10)),
    (hour(3), hour(20)),
)
"""The last one is of no whole days."""

GROUPS = [
    {"by": by, "owner": owner, "source": source}
    for by, owner, source in product((None, "owner", "source"), (None, "ann"), (None, "web"))
]
OTHERS: list[dict[str, Any]] = [
    {"by": "campaign"},
    {"by": "month"},
    {"by": "owner", "repeat": "deal"},
    {"campaign": "spring"},
    {"custom": {"segment": "smb"}},
    {"as_of": hour(5)},
    {"by": "owner", "as_of": hour(8)},
]
Question = Callable[[Analytics], Any]


class Asked:
    """A store that is asked, and how often its roll-ups have answered, or have not."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.told: list[bool] = []

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Answer a SELECT."""
        rows: list[tuple[Any, ...]] = self.store.query(sql, params)
        return rows

    def rolled(self, **asked: Any) -> list[tuple[Any, ...]] | None:
        """Answer out of the roll-ups."""
        rows: list[tuple[Any, ...]] | None = self.store.rolled(**asked)
        self.told.append(rows is not None)
        return rows


class Scanned:
    """The same store without its roll-ups."""

    def __init__(self, store: Any) -> None:
        self.query = store.query


def of_groups(pipeline: str, group: Mapping[str, Any], days: Any) -> list[Question]:
    """Return a question of each report that roll-ups are kept for."""
    return [
        lambda asked: asked.funnel(pipeline, created=days, **group),
        lambda asked: asked.transitions(pipeline, created=days, **group),
        lambda asked: asked.win_rate(pipeline, closed=days, **group),
        lambda asked: asked.stock(pipeline, **group),
    ]


def numbers(result: Any) -> list[Any]:
    """Return all that a result counts at once, and its sums."""
    return [(row, getattr(row, "sums", None)) for row in result.rows]


def agree(store: Any, questions: list[Question], clock: Any, shapes: Any = None) -> list[bool]:
    """See that a store says the same with its roll-ups and without; return how often they answered."""
    asked = Asked(store)
    rolled, scanned = (Analytics(source, shapes, clock) for source in (asked, Scanned(store)))
    for question in questions:
        assert numbers(question(rolled)) == numbers(question(scanned))
    return asked.told


def quiet(_done: int, _all: int) -> None:
    """Show no progress."""


@pytest.fixture(autouse=True, scope="module")
def often() -> Iterator[None]:
    """Let every third move be a fold, and know the days of some years."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "EVERY", 3)
        patch.setattr(making, "_YEARS", range(2025, 2027))
        yield


def joined_ledger() -> tuple[sqlite3.Connection, Any]:
    """Return a connection with the tables of a store, and the store on it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    SQLiteStore.create_tables(connection)
    return connection, SQLiteStore.on(connection)


# -- any life ----------------------------------------------------------------------------------


@settings(max_examples=20)
@given(data=st.data(), records=histories())
def test_any_history_folded_anywhere_is_told_like_the_ledger(
    data: st.DataObject, records: list[Record]
) -> None:
    """Whatever happened, and between whichever rows the sums were made and brought up to date."""
    connection, store = joined_ledger()
    with closing(connection):
        rows = list(written(records))
        made = data.draw(st.integers(0, len(rows)))
        folds = data.draw(st.sets(st.integers(0, len(rows))))
        for number, (insert, row) in enumerate(rows):
            if number == made:
                making.keep(connection, UTC, quiet, lambda _: None)
            elif number in folds and number > made:
                folding.fold(connection.cursor(), 100)
            connection.execute(insert, row)
        if made == len(rows):
            making.keep(connection, UTC, quiet, lambda _: None)
        ways = st.tuples(st.sampled_from([*PIPELINES]), st.sampled_from(GROUPS), st.sampled_from(DAYS))
        asked = data.draw(st.lists(ways, min_size=4, max_size=4))
        questions = [question for way in asked for question in of_groups(*way)]
        told = agree(store, questions, FrozenClock(hour(10_000)), SHAPES)
        assert any(told)


def test_what_was_taken_back_before_a_fold_does_not_hide_whose_it_was() -> None:
    """Handed over, lost, reopened and lifted, with the fold between any two of these."""
    life = (
        *(Place(1, "sales", "new"), Place(2, "care", "start"), Edit(3, "owner", "ann")),
        *(Place(4, "care", "lost", "price"), Place(5, "care", "start"), Place(6, "care", "new")),
    )
    record = Record("deal", 1, "bob", ("EUR", 5), "web", "", {}, life)
    for fold in range(len(life)):
        connection, store = joined_ledger()
        with closing(connection):
            making.keep(connection, UTC, quiet, lambda _: None)
            for number, (insert, row) in enumerate(written([record])):
                if number == fold:
                    folding.fold(connection.cursor(), 100)
                connection.execute(insert, row)
            questions = [question for group in GROUPS for question in of_groups("care", group, None)]
            assert all(agree(store, questions, FrozenClock(hour(10_000)), SHAPES))


VERBS = ("win", "lose", "void", "reopen", "advance")
acts = st.one_of(
    st.tuples(st.just("create"), st.integers(0, 99), st.sampled_from(["ann", "bob", ""])),
    st.tuples(st.sampled_from(VERBS), st.integers(0, 99), st.just("")),
    st.tuples(st.just("move"), st.integers(0, 99), st.sampled_from(["new", "call", "offer"])),
    st.tuples(st.just("transfer"), st.integers(0, 99), st.sampled_from(["sales", "care"])),
    st.tuples(st.just("assign"), st.integers(0, 99), st.sampled_from(["ann", "bob", "eva"])),
    st.tuples(st.just("worth"), st.integers(0, 99), st.sampled_from(["EUR", "USD"])),
    st.tuples(st.just("came"), st.integers(0, 99), st.sampled_from(["web", "fair"])),
    st.tuples(st.just("bulk"), st.integers(0, 99), st.sampled_from(["call", "offer"])),
    st.tuples(st.just("wait"), st.integers(1, 60), st.just("")),
)
SALES = Pipeline("sales", [Stage("new"), Stage("call"), Stage("offer")], moves="free")
CARE = Pipeline("care", [Stage("new"), Stage("end")], moves="free")


def act(engine: Engine, clock: FrozenClock, ids: list[str], deed: tuple[str, int, str]) -> None:
    """Do something to one of the deals so far."""
    verb, number, what = deed
    if verb == "wait":
        clock.tick(timedelta(hours=number))
    elif verb == "create" or not ids:
        back = timedelta(hours=number) if number % 3 == 0 else timedelta(0)  # some are filled in later
        source, value = ("web", "fair", "")[number % 3], money(number, "EUR") if number % 4 else None
        at = max(START, clock.now() - back)
        ids.append(engine.create("deal", pipeline="sales", owner=what, source=source, value=value, at=at).id)
    elif verb == "bulk":
        engine.bulk("move", ids[: number % 5 + 1], to=what)
    else:
        deal = ids[number % len(ids)]
        edits: dict[str, dict[str, Any]] = {
            "worth": {"value": money(number, what or "EUR")},
            "came": {"source": what},
        }
        if verb in edits:
            engine.edit(deal, **edits[verb])
        else:
            getattr(engine, verb)(deal, *([what] if what else []))


@settings(max_examples=15)
@given(life=st.lists(acts, max_size=30), made=st.integers(0, 30), data=st.data())
def test_any_life_in_two_processes_is_told_like_the_ledger(
    tmp_path_factory: pytest.TempPathFactory, life: list[Any], made: int, data: st.DataObject
) -> None:
    """Verbs, back-dated creations, bulk moves: by turns through two stores on one file."""
    path, clock = tmp_path_factory.mktemp("rolled") / "crm.db", FrozenClock(START + timedelta(days=9))
    with SQLiteStore(path, durability="fast") as one, SQLiteStore(path, durability="fast") as other:
        engines = [Engine(SALES, CARE, store=store, clock=clock) for store in (one, other)]
        ids: list[str] = []
        for number, deed in enumerate(life):
            if number == made:
                one.keep_rollups()
            with suppress(FunnelkitError):
                act(engines[number % 2], clock, ids, deed)
        for pipeline in ("sales", "care"):
            group = data.draw(st.sampled_from(GROUPS))
            days = data.draw(st.sampled_from([*DAYS, (date(2026, 1, 8), date(2026, 1, 15))]))
            agree(other, of_groups(pipeline, group, days), clock, SHAPES)


# -- that they answer --------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[SQLiteStore, Engine, FrozenClock]]:
    """A file with some deals of ann's and bob's, over some weeks, and roll-ups."""
    clock = FrozenClock(START)
    with SQLiteStore(tmp_path / "crm.db", durability="fast") as store:
        people = Organisation([Person(name) for name in ("ann", "bob", "eva")])
        engine = Engine(SALES, CARE, store=store, clock=clock, organisation=people)
        for number in range(40):
            clock.tick(timedelta(hours=17))
            owner, source = ("ann", "bob")[number % 2], ("web", "fair")[number // 2 % 2]
            deal = engine.create("deal", pipeline="sales", owner=owner, source=source, value=money(9, "EUR"))
            for verb in ([], ["advance", "win"], ["lose"], ["win", "reopen"])[number % 4]:
                deal = getattr(engine, verb)(deal)
            if number % 8 == 0:
                engine.advance(engine.assign(deal, "eva"))
        store.keep_rollups()
        yield store, engine, clock


def statements(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that every statement of the store's next connections goes into."""
    told: list[str] = []
    connect = store._connect  # noqa: SLF001

    def traced() -> sqlite3.Connection:
        connection = connect()
        connection.set_trace_callback(told.append)
        return connection

    monkeypatch.setattr(store._connections, "_connect", traced)  # noqa: SLF001
    store._connections.renew()  # noqa: SLF001
    return told


WHOLE = [days for days in DAYS if days is None or not isinstance(days[0], datetime)]


def test_what_they_are_kept_for_is_read_from_them(
    shop: tuple[SQLiteStore, Engine, FrozenClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text that reads the ledger runs, but what is not folded yet."""
    store, _, clock = shop
    asked = Analytics(store, SHAPES, clock)
    told = statements(store, monkeypatch)
    for group, days in product(GROUPS, WHOLE):
        for question in of_groups("sales", group, days):
            assert numbers(question(asked)) is not None
    selects = [sql for sql in told if sql.startswith(("SELECT", "WITH"))]
    assert len(selects) > 200
    assert all("rollup" in sql or "FROM definition" in sql for sql in selects)


def test_other_questions_are_answered_by_the_ledger(shop: tuple[SQLiteStore, Engine, FrozenClock]) -> None:
    """Campaigns, custom fields, other days than whole ones, the past: equal, by a scan."""
    store, _, clock = shop
    for other in OTHERS:
        agree(store, of_groups("sales", other, None), clock, SHAPES)
    assert not any(agree(store, of_groups("sales", {"by": "campaign"}, None), clock, SHAPES))
    assert not any(agree(store, of_groups("sales", {"as_of": hour(99)}, None), clock, SHAPES))
    unaligned = [lambda asked: asked.funnel("sales", created=DAYS[-1])]
    assert not any(agree(store, unaligned, clock, SHAPES))
    for past in (hour(50), date(2026, 1, 20)):
        agree(store, [methodcaller("stock", "sales", at=past)], clock, SHAPES)


def test_other_definitions_and_parts_of_a_funnel_stay_what_they_are(
    shop: tuple[SQLiteStore, Engine, FrozenClock],
) -> None:
    """Fates, shares of all, ages: read from the ledger, beside counts out of the sums."""
    store, _, clock = shop
    told = [Analytics(source, SHAPES, clock) for source in (store, Scanned(store))]
    hows: list[dict[str, Any]] = [{"definition": "visited"}, {"within": "2d"}, {"by": "owner"}, {}]
    for how in hows:
        one, other = (asked.funnel("sales", **how) for asked in told)
        assert one.to_dicts() == other.to_dicts()
        assert one.explain() == other.explain()
    assert told[0].funnel("sales").ids("call") == told[1].funnel("sales").ids("call")


def test_a_clock_that_is_behind_the_ledger_is_told_what_it_can_know(
    shop: tuple[SQLiteStore, Engine, FrozenClock],
) -> None:
    """Moves later than now are not counted, though they are in the sums."""
    store, _, _ = shop
    early = FrozenClock(hour(200))
    told = agree(
        store, [lambda asked: asked.funnel("sales"), lambda asked: asked.stock("sales")], early, SHAPES
    )
    assert told
    assert not any(told)


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "America/St_Johns", "Pacific/Apia"])
def test_days_are_those_of_the_zone(tmp_path: Path, zone: str) -> None:
    """Summer time, half hours, a calendar that left out a day."""
    here, clock = ZoneInfo(zone), FrozenClock(datetime(2026, 3, 20, tzinfo=UTC))
    with SQLiteStore(tmp_path / "crm.db", durability="fast") as store:
        engine = Engine(SALES, store=store, clock=clock)
        for number in range(50):
            clock.tick(timedelta(hours=7))
            engine.win(engine.create("deal", owner=("ann", "bob")[number % 2]))
        store.keep_rollups(zone=here)
        asked = Asked(store)
        rolled, scanned = (Analytics(source, SHAPES, clock, here) for source in (asked, Scanned(store)))
        for first in range(20, 31):
            days = date(2026, 3, first), date(2026, 4, first - 19)
            for question in of_groups("sales", {"by": "owner"}, days):
                assert numbers(question(rolled)) == numbers(question(scanned))
        assert all(asked.told)
        elsewhere = Analytics(asked, SHAPES, clock, ZoneInfo("Asia/Kolkata"))
        asked.told.clear()
        elsewhere.funnel("sales", created=(date(2026, 3, 21), date(2026, 3, 25)))
        assert asked.told == [False]
        with pytest.raises(InputError, match="days of"):
            store.keep_rollups(zone=UTC)


# -- whose they are ----------------------------------------------------------------------------


def test_they_are_of_the_file(shop: tuple[SQLiteStore, Engine, FrozenClock], tmp_path: Path) -> None:
    """Another store folds and reads them, a backup has them, to be read; a copy has none."""
    store, _, clock = shop
    question = of_groups("sales", {"by": "owner"}, None)
    with SQLiteStore(store.path, durability="fast") as other:
        Engine(SALES, CARE, store=other, clock=clock).create("one more", pipeline="sales")
        assert other.health().rollups == 1
        assert all(agree(other, question, clock, SHAPES))
    with SQLiteStore(store.backup(tmp_path / "copy.db"), read_only=True) as copy:
        assert all(agree(copy, question, clock, SHAPES))
        with pytest.raises(StoreReadOnlyError):
            copy.keep_rollups()
        with pytest.raises(StoreReadOnlyError):
            copy.drop_rollups()
    with SQLiteStore(tmp_path / "moved.db", durability="fast") as moved:
        copy_store(store, moved)
        assert moved.health().rollups is None
        assert not any(agree(moved, question, clock, SHAPES))


def test_dropped_they_answer_nothing_and_can_be_made_again(
    shop: tuple[SQLiteStore, Engine, FrozenClock],
) -> None:
    """The file is as it was, and then again not."""
    store, engine, clock = shop
    store.drop_rollups()
    store.drop_rollups()
    assert store.health().rollups is None
    question = of_groups("sales", {}, None)
    assert not any(agree(store, question, clock, SHAPES))
    engine.create("meanwhile", pipeline="sales")
    store.keep_rollups()
    store.keep_rollups()
    assert store.health().rollups == 0
    assert all(agree(store, question, clock, SHAPES))


def test_the_making_can_be_cut_off_and_goes_on(
    shop: tuple[SQLiteStore, Engine, FrozenClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress is told part by part; who raises there finds half of it done, and everything equal."""
    store, _, clock = shop
    store.drop_rollups()
    monkeypatch.setattr(making, "_AT_ONCE", 20)
    seen: list[tuple[int, int]] = []

    def enough(done: int, all: int) -> None:
        seen.append((done, all))
        if done >= 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.keep_rollups(progress=enough)
    assert seen[0][0] == 0
    assert store.health().rollups == seen[-1][1] - 40
    question = of_groups("sales", {"by": "source"}, None)
    agree(store, question, clock, SHAPES)
    store.keep_rollups()
    assert all(agree(store, question, clock, SHAPES))


def test_a_ledger_written_past_them_is_read_to_its_end(shop: tuple[SQLiteStore, Engine, FrozenClock]) -> None:
    """Who knows nothing of roll-ups does no harm; a very long tail is left to the scan."""
    store, engine, clock = shop
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "are_kept", lambda _: False)
        for _ in range(30):
            engine.win(engine.create("unseen", pipeline="sales", owner="ann"))
    assert store.health().rollups == 60
    question = of_groups("sales", {"by": "owner"}, None)
    assert all(agree(store, question, clock, SHAPES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "EVERY", 2)
        assert not any(agree(store, question, clock, SHAPES))


def test_wrappers_and_views_answer_by_what_they_show(shop: tuple[SQLiteStore, Engine, FrozenClock]) -> None:
    """What somebody may see is part of the ledger, and so is its sum."""
    store, engine, clock = shop
    seen = engine.seen_by("ann", Scope.own()).store
    for other in (ReadOnlyStore(store), MemoryStore(), seen):
        assert not hasattr(other, "rolled")
    ours = [Analytics(source, SHAPES, clock).funnel("sales") for source in (store, ReadOnlyStore(store))]
    assert numbers(ours[0]) == numbers(ours[1])
    hers = [Analytics(seen, SHAPES, clock).funnel("sales"), ours[0]]
    assert hers[0].rows[0].count < hers[1].rows[0].count


# -- what a commit does ------------------------------------------------------------------------


def cells(store: Any) -> list[tuple[Any, ...]]:
    """Return all sums, and how far they go."""
    rows: list[tuple[Any, ...]] = store.query("SELECT cell, records, total FROM funnelkit_rollup_cell", {})
    rows += store.query("SELECT moves, fields, newest_us FROM funnelkit_rollup", {})
    return rows


def test_a_commit_that_fails_folds_nothing(
    shop: tuple[SQLiteStore, Engine, FrozenClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums and ledger never part: what is undone is undone in both."""
    store, engine, clock = shop
    deal = engine.create("deal", pipeline="sales")
    before = cells(store)
    write = cells_of.Cells.write

    def broken(self: Any) -> int:
        write(self)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(cells_of.Cells, "write", broken)
    stages = ["call", "new"] * 4
    with pytest.raises(FunnelkitError):
        deque((engine.move(deal.id, stage) for stage in stages), maxlen=0)
    assert cells(store) == before
    monkeypatch.undo()
    agree(store, of_groups("sales", {}, None), clock, SHAPES)


def test_a_host_s_rollback_takes_the_fold_back(tmp_path: Path) -> None:
    """In a transaction of somebody else's they are folded, too, and kept or taken back with the rest."""
    clock = FrozenClock(START)
    with SQLiteStore(tmp_path / "crm.db") as store:
        store.keep_rollups()
    with closing(sqlite3.connect(tmp_path / "crm.db", detect_types=sqlite3.PARSE_DECLTYPES)) as connection:
        guest = SQLiteStore.on(connection)
        engine = Engine(SALES, CARE, store=guest, clock=clock)
        before = cells(guest)
        for end in (connection.rollback, connection.commit):
            for _ in range(5):
                engine.win(engine.create("deal", pipeline="sales", owner="ann", value=money(5, "EUR")))
            assert cells(guest) != before
            assert all(agree(guest, of_groups("sales", {"by": "owner"}, None), clock, SHAPES))
            end()
            assert (cells(guest) == before) is (end == connection.rollback)


def test_a_plain_commit_runs_the_statements_that_it_ran_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the first commit of a store and every so many rows look how long the tail is."""
    monkeypatch.setattr(folding, "EVERY", 4_096)
    told = []
    for kept in (False, True):
        with SQLiteStore(tmp_path / f"{kept}.db", durability="fast") as store:
            if kept:
                store.keep_rollups()
            engine = Engine(SALES, store=store, clock=FrozenClock(START))
            deal = engine.create("deal")
            said = statements(store, monkeypatch)
            for stage in ("call", "new") * 20:
                deal = engine.move(deal, stage)
            told.append([sql.split()[0] for sql in said if not sql.startswith("PRAGMA")])
    assert told[0] == told[1]


# -- imports -----------------------------------------------------------------------------------


def test_imported_histories_are_told_like_the_ledger(tmp_path: Path) -> None:
    """Whole lives of the past, with hand-overs and prices, written in batches between moves of today."""
    clock = FrozenClock(datetime(2026, 2, 1, tzinfo=UTC))
    lives = (["new", "call", "offer", "won"], ["new", "lost"], ["new", "offer", "call"])
    rows = [
        {
            "case": f"c{number}",
            "stage": stage,
            "at": START + timedelta(days=number / 2 + step, hours=step),
            "owner": ("ann", "bob", "eva")[number * step % 3],
            "value": f"{number + step}.00",
        }
        for number in range(30)
        for step, stage in enumerate(lives[number % 3])
    ]
    places = {place: place for place in ("new", "call", "offer")}
    names = {"record": "case", "activity": "stage", "time": "at", "owner": "owner", "value": "value"}
    log = EventLog(**names, currency="EUR", stages=places, outcomes={"won": "won", "lost": "lost"})
    with SQLiteStore(tmp_path / "crm.db", durability="fast") as store:
        store.keep_rollups()
        engine = Engine(SALES, CARE, store=store, clock=clock)
        deal = engine.create("today's", pipeline="sales", owner="ann")
        report = import_log(engine, rows, log, pipeline="sales", batch=7)
        assert report.records == 30
        engine.win(deal)
        for group, days in product(GROUPS, WHOLE):
            assert all(agree(store, of_groups("sales", group, days), clock, SHAPES))


# -- spans -------------------------------------------------------------------------------------


def days_in(span: int) -> list[int]:
    """Return the numbers of the days of a span, by the calendar."""
    if span >= 2_000:
        return [span - 2_000]
    first = date(1970 + (span - 1) // 12, (span - 1) % 12 + 1, 1)
    month = (first + timedelta(days=n) for n in range(31))
    return [number_of(day) for day in month if day.month == first.month]


@given(low=st.integers(0, 30_000), length=st.integers(0, 900))
def test_the_spans_of_a_period_are_its_days_each_once(low: int, length: int) -> None:
    """Whole months and the days at both ends, whoever they are of."""
    kinds: tuple[Kind, ...] = ("moves", "lifts", "closings", "holders")
    for kind, cut in product(kinds, CUTS):
        found = spans(kind, cut, low, low + length)
        assert found is not None
        rows = [row for some in found.values() for row in some]
        days = [day for first, last in rows for span in range(first, last + 1) for day in days_in(span)]
        assert sorted(days) == list(range(low, low + length))
