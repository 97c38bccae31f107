"""`verify` finds what was tampered with, in every column that follows from the moves."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage, money, reason_required
from funnelkit.storage import Commit, Write
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.verifying import verify

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
SALES = Pipeline("sales", [Stage("new"), Stage("offer"), Stage("contract")])
CARE = Pipeline("care", [Stage("ticket")])


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine over a file with one closed deal, d1, of seven moves, and one open one, d2."""
    clock = FrozenClock(NINE)
    with Engine(
        SALES, CARE, store=SQLiteStore(tmp_path / "crm.db", durability="fast"), clock=clock
    ) as engine:
        deal = engine.create(
            "Acme", pipeline="sales", id="d1", owner="sam", value=money(5, "EUR"), custom={"a": 1}
        )
        clock.tick("1h")
        deal = engine.move(engine.advance(deal), "contract")
        clock.tick("1h")
        deal = engine.transfer(engine.reopen(engine.lose(deal, reason="why")), "care")
        deal = engine.edit(engine.assign(deal, "kim"), value=money(7, "EUR"))
        clock.tick("1h")
        engine.win(deal, reason="because", note="at last", actor="kim")
        engine.create("Other", pipeline="sales", id="d2")
        yield engine


def tampered(engine: Engine, sql: str) -> list[tuple[str, int, str]]:
    """Change the file behind the engine's back; return (record, seq, field) of what is found."""
    connection = sqlite3.connect(engine.store.path)  # type: ignore[attr-defined]
    assert connection.execute(sql).rowcount == 1
    connection.commit()
    connection.close()
    return [(finding.record, finding.seq, finding.field) for finding in engine.verify()]


def test_a_sound_store_has_no_findings(engine: Engine) -> None:
    """Nothing was touched, nothing is found."""
    assert engine.verify() == ()


MOVE: dict[str, tuple[str, str]] = {
    "seq": ("12", "seq"),
    "pipeline": ("'care'", "direction"),
    "source_pipeline": ("'care'", "source_pipeline"),
    "fingerprint": ("'0000'", "fingerprint"),
    "moved_us": ("moved_us + 1", "since"),
    "source": ("'contract'", "source"),
    "target": ("'new'", "source"),
    "direction": ("'back'", "direction"),
    "since_us": ("since_us - 1", "since"),
    "first_visit": ("1 - first_visit", "first"),
    "furthest_before": ("'contract'", "furthest_before"),
    "furthest_after": ("'new'", "furthest_after"),
    "created_us": ("created_us + 1", "created"),
}


@pytest.mark.parametrize("column", MOVE)
def test_a_carried_fact_that_was_changed_is_found(engine: Engine, column: str) -> None:
    """Each column of a row that follows from the bare moves is named when it does not."""
    value, field = MOVE[column]
    found = tampered(engine, f"UPDATE move SET {column} = {value} WHERE record_id = 'd1' AND seq = 2")
    assert field in {name for _, _, name in found}
    assert {record for record, _, _ in found} == {"d1"}


RECORD: dict[str, tuple[str, str]] = {
    "version": ("version + 1", "version"),
    "pipeline": ("'sales'", "pipeline"),
    "stage": ("'new'", "stage"),
    "visited": ("'ticket'", "visited"),
    "moves": ("moves - 1", "moves"),
    "owner": ("'sam'", "owner"),
    "amount": ("amount + 1", "value"),
    "currency": ("'USD'", "value"),
    "created_us": ("created_us + 1", "created_at"),
    "entered_us": ("entered_us + 1", "entered_at"),
    "updated_us": ("updated_us + 1", "updated_at"),
    "outcome": ("'lost'", "place"),
    "close_reason": ("'why'", "close"),
    "close_reason_text": ("'why'", "close"),
    "close_note": ("''", "close"),
    "closed_us": ("closed_us + 1", "close"),
    "closed_by": ("'sam'", "close"),
    "custom": ("'{\"a\":2}'", "custom"),
}


@pytest.mark.parametrize("column", RECORD)
def test_a_record_that_was_changed_is_found(engine: Engine, column: str) -> None:
    """Each column of a record that was written down elsewhere, too, is named when the two differ."""
    value, field = RECORD[column]
    found = tampered(engine, f"UPDATE deal SET {column} = {value} WHERE id = 'd1'")
    assert ("d1", 0, field) in found
    assert {record for record, _, _ in found} == {"d1"}


@pytest.mark.parametrize("seq", range(1, 8))
def test_a_row_that_was_deleted_is_found(engine: Engine, seq: int) -> None:
    """A gap in the ledger shows, at its beginning, in its middle and at its end."""
    assert tampered(engine, f"DELETE FROM move WHERE record_id = 'd1' AND seq = {seq}")


def test_a_record_without_moves_is_found(engine: Engine) -> None:
    """Every record has at least its creation."""
    assert ("d2", 0, "moves") in tampered(engine, "DELETE FROM move WHERE record_id = 'd2'")


def test_moves_without_a_record_are_found(engine: Engine) -> None:
    """A ledger of nobody is a finding."""
    assert tampered(engine, "DELETE FROM deal WHERE id = 'd2'") == [
        ("d2", 0, "rows of move"),
        ("d2", 0, "rows of change"),
    ]


def test_a_lost_definition_is_found(engine: Engine) -> None:
    """Without the order of the stages the facts cannot be proved."""
    found = tampered(engine, f"DELETE FROM definition WHERE fingerprint = '{CARE.fingerprint}'")
    assert ("d1", 6, "fingerprint") in found


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM attribute WHERE field_name = 'owner'",
        "UPDATE attribute SET amount = 1 WHERE field_name = 'value'",
        "DELETE FROM attribute WHERE field_name = 'custom.a'",
        "DELETE FROM change WHERE version = 8",
    ],
)
def test_a_lost_trace_is_found(engine: Engine, sql: str) -> None:
    """Field values and changes that do not lead to the record are found at the record."""
    assert {record for record, _, _ in tampered(engine, sql)} == {"d1"}


def test_a_finding_reads_as_a_sentence(engine: Engine) -> None:
    """It names the record, the move, the fact and both values."""
    tampered(engine, "UPDATE move SET furthest_after = 'new' WHERE record_id = 'd1' AND seq = 2")
    assert str(engine.verify()[0]) == "d1, move 2: furthest_after is 'new', expected 'offer'"


@pytest.mark.parametrize(
    ("change", "field"),
    [("version = 9", "version"), ("updated_us = 1", "updated_at"), ("custom = '{}'", "custom")],
)
def test_a_client_changed_behind_the_back_is_found(engine: Engine, change: str, field: str) -> None:
    """Contacts are held against the changes and field values that were written down of them."""
    ada = engine.create_contact("Ada", id="c1", custom={"vip": True})
    engine.edit(ada, phone="+44 20 7946 0000")
    assert tampered(engine, f"UPDATE contact SET {change}") == [("c1", 0, field)]


class Busy(MemoryStore):
    """A store in which somebody moves a deal right after a query of a certain number was answered."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = 0
        self.act_after = -1
        self.act: Callable[[], object] = lambda: None

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Answer; then, once, let the other one act."""
        found = super().query(sql, params)
        self.queries += 1
        if self.queries == self.act_after:
            self.act()
        return found


def test_what_is_written_meanwhile_is_no_finding() -> None:
    """Whichever two queries somebody moves a deal between, and creates one under a new definition."""
    store = Busy()
    engine = Engine(SALES, store=store)
    engine.create("x", id="d1")
    newer = Engine(Pipeline("sales", [*SALES.stages, Stage("signed")]), store=store)

    def act() -> None:
        newer.move("d1", "offer" if newer.get("d1").stage == "new" else "new")  # type: ignore[union-attr]
        newer.create("y")

    engine.verify()
    queries = store.queries
    store.act = act
    for number in range(1, queries + 1):
        store.queries, store.act_after = 0, number
        assert engine.verify() == ()
        assert store.queries >= queries
    assert len(engine.history("d1")) == 1 + queries


def test_many_records_are_read_in_few_queries() -> None:
    """Some queries a page of records, not some a record; every page is looked at."""
    store = Busy()
    engine = Engine(SALES, store=store)
    for number in range(1_001):
        engine.create("x", id=f"d{number:05}")
    assert engine.verify() == ()
    assert store.queries < 60
    for number in (0, 499, 500, 999, 1_000):
        record = engine.get(f"d{number:05}")
        store.commit(Commit(writes=(Write(attrs.evolve(record, stage="offer"), 1),)))
    wrong = {finding.record for finding in engine.verify() if finding.field == "stage"}
    assert wrong == {"d00000", "d00499", "d00500", "d00999", "d01000"}


def test_a_definition_with_rules_is_held_against_the_pipeline(tmp_path: Path) -> None:
    """Its fingerprint tells more than its document; a pipeline that is known has the one it should have."""
    ruled = Pipeline("ruled", [Stage("new", "New"), Stage("offer")], rules=reason_required(on="win"))
    other = Pipeline("ruled", [Stage("new", "New"), Stage("offer")], rules=reason_required(on="lose"))
    path = tmp_path / "crm.db"
    with SQLiteStore(path, durability="fast") as store:
        Engine(ruled, store=store).create("x")
        assert verify(store, [ruled]) == verify(store, [other]) == verify(store) == ()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE definition SET document = replace(document, 'New', 'Old')")
        found = verify(store, [ruled])
        assert [finding.field for finding in found] == [f"definition {ruled.fingerprint}"]
        assert verify(store, [other]) == ()
