"""Quantiles from an index of stays in order: those of the portable texts, and how they are found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.histories import Database, Place, Record, feed, histories, hour

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage
from funnelkit.analytics import Analytics, Shape
from funnelkit.analytics.times.stays import PERCENTS, Stay
from funnelkit.people import Owners, Visible
from funnelkit.people.seen_store import SeenStore
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.wrappers.cached import CachedStore
from funnelkit.storage.wrappers.read_only import ReadOnlyStore

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
SALES = Shape(pipeline="sales", stages=tuple((stage, "") for stage in ("new", "call", "offer", "deal")))
DAY = 86_400_000_000


class InOrder:
    """A database that says that it keeps stays sorted, and remembers what it was asked."""

    sorted_stays = True

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
        """Return the rows."""
        self.asked.append((sql, params))
        return self.database.query(sql, params)

    def plans(self) -> list[str]:
        """Return how SQLite has read the table of moves, text by text."""
        return [
            line
            for sql, params in self.asked
            for *_, line in self.database.connection.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        ]


def measured(source: Any, **how: Any) -> list[Stay]:
    """Return the stays on the stages of sales."""
    rows: Sequence[Stay] = Analytics(source, [SALES], FrozenClock(hour(10_000))).time_in_stage(**how).rows
    return list(rows)


def quantiles(row: Stay) -> list[timedelta | None]:
    """Return every quantile of a row."""
    return [row.p10, row.p25, row.p50, row.p75, row.p90]


def stayed(lasted: Sequence[int], void: Sequence[int] = ()) -> Database:
    """Return what tells of records that stayed so many microseconds on the first stage, some void since."""
    moves = [("d", us, "call") for us in lasted] + [("v", us, "void") for us in void]
    return feed(
        [
            Record(
                f"{kind}{n}",
                0,
                "",
                ("", 0),
                "",
                "",
                {},
                (Place(0, "sales", "new"), Place(us / 3.6e9, "sales", place)),
            )
            for n, (kind, us, place) in enumerate(moves)
        ]
    )


HOW = [{}, {"as_of": hour(6)}, {"created": (hour(2), hour(7))}, {"by": "month"}, {"each": "record"}]
FOREIGN: list[dict[str, Any]] = [{"by": "owner"}, {"owner": "ann"}, {"custom": {"segment": "smb"}}]


@few
@given(histories(), st.sampled_from(HOW + FOREIGN))
def test_every_row_is_that_of_the_portable_texts(records: list[Record], how: dict[str, Any]) -> None:
    """Through voids, reopenings, transfers and what was back-dated, whatever is asked."""
    database = feed(records)
    plain, in_order = measured(database, **how), measured(InOrder(database), **how)
    assert [row.values() for row in in_order] == [row.values() for row in plain]


days = st.integers(0, 9).map(lambda n: n * DAY)
any_us = st.integers(0, 100) | st.integers(0, 10**7) | st.integers(0, 10**13) | st.integers(DAY - 5, DAY + 5)
spans = st.lists(any_us | days, max_size=30) | st.lists(days, min_size=9, max_size=30)


@few
@given(spans, spans | st.just([]))
def test_quantiles_are_of_nearest_rank_without_the_stays_of_void_records(
    lasted: list[int], void: list[int]
) -> None:
    """Each is a duration that occurred, to the microsecond; with many that are alike, too."""
    row = measured(InOrder(stayed(lasted, void)))[0]
    want = [ref.nearest_rank([*map(float, lasted)], percent) for percent in PERCENTS]
    assert quantiles(row) == [None if us is None else timedelta(microseconds=us) for us in want]
    assert row.closed == len(lasted)


@few
@given(spans, spans | st.just([]), st.sampled_from(["1s", "1m", "1h", "7h"]))
def test_ages_and_sums_are_those_of_the_portable_texts(lasted: list[int], void: list[int], unit: str) -> None:
    """To the unit that is asked for, of the stays that ended, without those of void records."""
    database = stayed(lasted, void)
    plain, in_order = measured(database, unit=unit)[0], measured(InOrder(database), unit=unit)[0]
    assert in_order.values() == plain.values()


@pytest.mark.parametrize("lasted", [0, 1, 63, 64, 3 * DAY, 400 * DAY])
def test_stays_that_are_all_alike_need_one_look(lasted: int) -> None:
    """A bin from the shortest to the longest of them is of one duration."""
    source = InOrder(stayed([lasted] * 20, [lasted] * 3))
    row = measured(source)[0]
    assert quantiles(row) == [timedelta(microseconds=lasted)] * 5
    assert sum("RECURSIVE" in sql for sql, _ in source.asked) == 1


def test_durations_by_hand() -> None:
    """Five stays of 1, 2, 2, 3 and 9 days; two of void records, which would move every rank."""
    row = measured(InOrder(stayed([DAY, 2 * DAY, 2 * DAY, 3 * DAY, 9 * DAY], [1, 20 * DAY])))[0]
    assert quantiles(row) == [timedelta(days=days) for days in (1, 2, 2, 3, 9)]


def test_who_is_void_in_two_pipelines_is_taken_off_once() -> None:
    """A record that was void, went to another pipeline and is void there."""
    life = (
        Place(0, "sales", "new"),
        Place(2, "sales", "void"),
        Place(3, "care", "start"),
        Place(4, "care", "void"),
    )
    others = stayed([2 * 3_600_000_000] * 3)
    twice = feed([Record("w", 0, "", ("", 0), "", "", {}, life)])
    rows = twice.connection.execute("SELECT * FROM move").fetchall()
    others.connection.executemany(
        f"INSERT INTO move VALUES (NULL{', ?' * (len(rows[0]) - 1)})", [row[1:] for row in rows]
    )
    row = measured(InOrder(others))[0]
    assert (row.closed, row.p50) == (3, timedelta(hours=2))
    assert measured(others)[0].closed == 3


def test_only_the_index_of_stays_is_read_and_nothing_is_sorted() -> None:
    """Every step is a search in `move_stay`; the moves of void records are found by the record."""
    source = InOrder(stayed([5, 10**6, DAY, DAY + 7, 2 * DAY], [DAY]))
    assert measured(source)[0].p50 == timedelta(days=1)
    of_bins, of_void = InOrder(source.database), InOrder(source.database)
    of_bins.asked = [item for item in source.asked if "RECURSIVE" in item[0]]
    of_void.asked = [item for item in source.asked if "RECURSIVE" not in item[0]]
    assert len(of_bins.asked) > 1
    assert len(of_void.asked) == 1
    read = [plan for plan in of_bins.plans() if plan.split()[1:2] == ["m"]]
    assert read
    assert all("INDEX move_stay (source_pipeline=? AND source=? AND <expr>" in plan for plan in read)
    assert not [plan for plan in of_bins.plans() if "TEMP B-TREE" in plan]
    (by_record,) = [plan for plan in of_void.plans() if plan.split()[1:2] == ["m"]]
    assert by_record.endswith("(record_id=?)")


@pytest.mark.parametrize(
    "how", [{}, {"as_of": hour(99)}, {"created": (hour(0), hour(1))}, {"by": "month", "pipeline": "sales"}]
)
def test_a_source_that_keeps_stays_sorted_is_asked_for_nothing_else(how: dict[str, Any]) -> None:
    """For quantiles and how many stays have ended; one stage is read, not all."""
    source = InOrder(stayed([5, 7, DAY]))
    row = measured(source, **how)[0]
    source.asked.clear()
    assert (row.p50, row.closed) == (timedelta(microseconds=7), 3)
    assert {params.get("stage", "new") for _, params in source.asked} == {"new"}
    assert not [sql for sql, _ in source.asked if "lasting" in sql]


def test_kaplan_meier_asks_elsewhere_for_open_stays_alone() -> None:
    """Those that ended are counted in the index, for stuck records too."""
    source = InOrder(stayed([5, 7, DAY]))
    metrics = Analytics(source, [SALES], FrozenClock(hour(10_000)))
    assert metrics.time_in_stage().rows[0].km_p50 == timedelta(hours=1)
    assert metrics.stuck().rows[0].limit == timedelta(days=1)
    assert not [sql for sql, _ in source.asked if "m.direction <> 'create'" in sql]


@pytest.mark.parametrize("how", [HOW[-1], *FOREIGN])
def test_whatever_is_not_in_that_order_is_asked_portably(how: dict[str, Any]) -> None:
    """Groups, filters and stays put together by record."""
    source = InOrder(stayed([5, 7, DAY]))
    for row in measured(source, **how):
        quantiles(row)
    assert not [sql for sql, _ in source.asked if "RECURSIVE" in sql]


def test_moves_that_are_taken_away_meanwhile_break_nothing() -> None:
    """Between two looks somebody restates what was looked at: the answer is one that was true."""
    source = InOrder(stayed([1000, 1003, 1005]))
    row = measured(source)[0]
    assert row.closed == 3
    source.database.connection.execute("DELETE FROM move WHERE moved_us - since_us > 1003")
    assert row.p90 == timedelta(microseconds=1003)
    source.database.connection.execute("DELETE FROM move")
    assert row.p50 == timedelta(microseconds=1005)


@pytest.fixture(params=["file", "memory", "host"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Open one of the stores that are SQLite, or have a copy of theirs in it."""
    if request.param != "host":
        yield SQLiteStore(tmp_path / "crm.db") if request.param == "file" else MemoryStore()
        return
    connection = sqlite3.connect(":memory:")
    SQLiteStore.create_tables(connection)
    yield SQLiteStore.on(connection)
    connection.close()


def test_stores_over_sqlite_keep_stays_sorted_and_what_is_around_them_does_not(store: Any) -> None:
    """A wrapper may hide moves: it is asked portably, and says the same."""
    clock = FrozenClock(datetime.fromisoformat("2026-03-01T00:00Z"))
    pipeline = Pipeline("sales", [Stage("new"), Stage("call")], close_reasons={"void": ["test"]})
    with Engine(pipeline, store=store, clock=clock) as engine:
        deals = [engine.create(f"deal {n}") for n in range(6)]
        for n, deal in enumerate(deals):
            clock.tick(timedelta(hours=n, microseconds=1))
            engine.move(deal, "call")
        engine.void(deals[0].id, reason="test")
        around = [ReadOnlyStore(store), CachedStore(store), SeenStore(store, Visible(Owners(others=True)))]
        tables = [
            Analytics(source, [SALES], clock).time_in_stage(pipeline="sales").to_dicts()
            for source in (store, *around)
        ]
        assert tables[0][0]["p50"] == timedelta(hours=6, microseconds=4)
        assert all(table == tables[0] for table in tables)
        assert [hasattr(source, "sorted_stays") for source in (store, *around)] == [True, False, False, False]
