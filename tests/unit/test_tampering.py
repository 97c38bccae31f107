"""Every column of a file is edited in turn, behind the engine's back: what `verify` sees and what not."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Engine, Finding, FrozenClock, Pipeline, Stage, money
from funnelkit.storage.rows import COLUMNS
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.verifying import verify

pytestmark = pytest.mark.slow

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
SALES = Pipeline("sales", [Stage("new", probability=0.1), Stage("offer"), Stage("contract")])
OTHER = Pipeline("sales", [Stage("new", "New", probability=0.1), Stage("offer"), Stage("contract")])
CARE = Pipeline("care", [Stage("ticket"), Stage("visit", probability=0.6)])
INTAKE = Pipeline("intake", [Stage("register", probability=0.2), Stage("assess")], kind="lead")


def live(path: Path, *, sealed: bool) -> None:
    """Make a file of two deals and a lead that saw a lot, and their clients."""
    clock = FrozenClock(NINE)
    store = SQLiteStore(path, durability="fast")
    with Engine(SALES, CARE, INTAKE, store=store, clock=clock, sealed=sealed) as engine:
        deal = engine.create(
            "Acme", pipeline="sales", id="d1", owner="sam", value=money(5, "EUR"), probability=0.5,
            source="fair", campaign="spring", custom={"a": 1}, actor="sam", key="k1",
        )  # fmt: skip
        clock.tick("1h")
        engine.log(deal, "call", "hello", actor="sam")
        deal = engine.move(engine.advance(deal, actor="sam"), "contract", key="k2")
        clock.tick("1h")
        deal = engine.reopen(engine.lose(deal, reason="why", note="so"), actor="kim")
        deal = engine.edit(engine.assign(deal, "kim"), value=money(7, "EUR"), custom={"b": "x"})
        clock.tick("1h")
        deal = engine.transfer(deal, "care", actor="kim")
        clock.tick("1h")
        engine.win(engine.move(deal, "visit"), reason="because", note="at last", actor="kim")
        clock.tick("1h")
        lead = engine.capture("Ann", id="l1", email="ann@example.org", company_name="Acme", phone="1")
        clock.tick("1h")
        engine.convert(engine.advance(lead, actor="sam"), pipeline="sales", key="k3")
        engine.create("Other", pipeline="sales", id="d2")
        other = Engine(OTHER, store=store, clock=clock, sealed=sealed)
        other.create("Third", pipeline="sales", id="d3")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Return a file without seals and one with."""
    folder = tmp_path_factory.mktemp("files")
    paths = {sealed: folder / f"{sealed}.db" for sealed in (False, True)}
    for sealed, path in paths.items():
        live(path, sealed=sealed)
    return paths


Tampered = Callable[..., tuple[Finding, ...]]


@pytest.fixture
def tampered(files: dict[bool, Path], tmp_path: Path) -> Tampered:
    """Return what runs statements on a copy of a file and returns what is found in it then."""

    def run(*statements: str, sealed: bool) -> tuple[Finding, ...]:
        path = shutil.copy(files[sealed], tmp_path / "copy.db")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for sql in statements:
                assert connection.execute(sql).rowcount > 0, "nothing was tampered with"
        with SQLiteStore(path, durability="fast") as store:
            return verify(store)

    return run


ODD = {
    "probability": "IFNULL(probability, 0) + 0.25",
    "visited": "visited || ' x'",
    "custom": """'{"c":3}'""",
    "first_visit": "1 - first_visit",
    "expected_close": "'2026-01-01'",
    "seq": "seq + 100",
}


def other(column: str) -> str:
    """Return SQL for another value of a column, of the same type, that could well stand there."""
    whole = column in {"version", "moves", "amount"} or column.endswith("_us")
    return ODD.get(column) or (f"IFNULL({column}, 5) + 1" if whole else f"{column} || 'x'")


def rows(path: Path, table: str) -> list[tuple[Any, ...]]:
    """Return record and number of the moves of two records, or the id of every record of a kind."""
    what = (
        "record_id, seq FROM move WHERE record_id IN ('d1', 'l1')"
        if table == "move"
        else f"id, 0 FROM {table}"
    )
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {what} ORDER BY 1, 2").fetchall()


def unseen(tampered: Tampered, path: Path, table: str, column: str, *, sealed: bool) -> list[Any]:
    """Return the rows in which a column can be edited unseen."""
    missed = []
    for record, seq in rows(path, table):
        key = f"record_id = '{record}' AND seq = {seq}" if table == "move" else f"id = '{record}'"
        found = tampered(f"UPDATE {table} SET {column} = {other(column)} WHERE {key}", sealed=sealed)
        if not found:
            missed.append((record, seq))
        named = {finding.record for finding in found}
        assert not found or named & {record, f"{record}x"}, f"{found} does not name {record}"
    return missed


def test_what_nobody_touched_is_sound(tampered: Tampered) -> None:
    """Without tampering there is nothing to be found, with seals and without."""
    for sealed in (False, True):
        assert tampered("UPDATE deal SET name = name", sealed=sealed) == ()


@pytest.mark.parametrize("column", COLUMNS["move"])
def test_an_edit_of_any_column_of_a_sealed_move_is_found(
    column: str, files: dict[bool, Path], tampered: Tampered
) -> None:
    """Whichever row and whichever column, the record is named."""
    assert unseen(tampered, files[True], "move", column, sealed=True) == []


UNSEEN_MOVE = {"cause", "note", "overruled", "act_key"}


@pytest.mark.parametrize("column", COLUMNS["move"])
def test_what_can_be_edited_unseen_in_moves_without_seals(
    column: str, files: dict[bool, Path], tampered: Tampered
) -> None:
    """These columns and no others: nothing else in the store says the same."""
    missed = unseen(tampered, files[False], "move", column, sealed=False)
    assert bool(missed) is (column in UNSEEN_MOVE)


UNSEEN_RECORD = {
    "deal": {"name", "expected_close", "contact", "company", "lead"},
    "lead": {"name", "expected_close", "contact", "company", "company_name", "email", "phone", "deal"},
}


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
@pytest.mark.parametrize(("table", "column"), [(t, c) for t in UNSEEN_RECORD for c in COLUMNS[t]])
def test_what_can_be_edited_unseen_in_records(
    table: str, column: str, sealed: bool, files: dict[bool, Path], tampered: Tampered
) -> None:
    """These columns and no others: neither a move nor a change says the same."""
    missed = unseen(tampered, files[sealed], table, column, sealed=sealed)
    assert bool(missed) is (column in UNSEEN_RECORD[table])


def test_another_definition_with_the_same_stages_is_seen_by_the_seal_alone(tampered: Tampered) -> None:
    """A move put under it carries the same facts; only its seal tells the two apart."""
    sql = f"UPDATE move SET fingerprint = '{OTHER.fingerprint}' WHERE record_id = 'd1' AND seq = 2"
    assert tampered(sql, sealed=False) == ()
    assert {(each.record, each.seq, each.field) for each in tampered(sql, sealed=True)} == {("d1", 2, "seal")}


def test_an_edit_that_nothing_else_tells_names_the_move(tampered: Tampered) -> None:
    """The finding is the seal of that move, and no other move is blamed."""
    found = tampered("UPDATE move SET note = 'x' WHERE record_id = 'd1' AND seq = 4", sealed=True)
    assert [(each.record, each.seq, each.field) for each in found] == [("d1", 4, "seal")]


SEQS = range(1, 9)


@pytest.mark.parametrize("seq", SEQS)
def test_a_move_taken_out_of_a_chain_is_found(seq: int, tampered: Tampered) -> None:
    """Though the later ones are numbered anew: the next seal does not fit, or the record's."""
    found = tampered(
        f"DELETE FROM move WHERE record_id = 'd1' AND seq = {seq}",
        f"UPDATE move SET seq = seq - 1 WHERE record_id = 'd1' AND seq > {seq}"
        if seq < 8
        else "UPDATE deal SET moves = moves - 1 WHERE id = 'd1'",
        sealed=True,
    )
    assert ("d1", seq if seq < 8 else 0, "seal") in {(each.record, each.seq, each.field) for each in found}


def test_moves_that_change_places_are_found(tampered: Tampered) -> None:
    """Both seals do not fit where they are."""
    found = tampered(
        "UPDATE move SET seq = -seq WHERE record_id = 'd1' AND seq IN (2, 3)",
        "UPDATE move SET seq = 5 + seq WHERE record_id = 'd1' AND seq < 0",
        sealed=True,
    )
    assert {("d1", 2, "seal"), ("d1", 3, "seal")} <= {(each.record, each.seq, each.field) for each in found}


def test_a_chain_that_stops_is_found(tampered: Tampered) -> None:
    """A move without a seal after one with a seal is a finding, and so is the record that agrees."""
    found = tampered(
        "UPDATE move SET seal = '' WHERE record_id = 'd1' AND seq = 8",
        "UPDATE deal SET seal = '' WHERE id = 'd1'",
        sealed=True,
    )
    assert [(each.record, each.seq, each.field, each.stored) for each in found] == [("d1", 8, "seal", "")]


def test_a_gap_in_a_chain_is_one_finding(tampered: Tampered) -> None:
    """The move without a seal is named; those behind it fit the seal that it should have."""
    found = tampered("UPDATE move SET seal = '' WHERE record_id = 'd1' AND seq = 4", sealed=True)
    assert [(each.record, each.seq, each.field) for each in found] == [("d1", 4, "seal")]


def test_a_probability_of_nobody_names_the_move(tampered: Tampered) -> None:
    """Without an estimate of the owner's it is the one of the stage left, by the definition."""
    found = tampered("UPDATE move SET probability = 0.7 WHERE record_id = 'l1' AND seq = 2", sealed=False)
    assert [str(each) for each in found] == ["l1, move 2: probability is 0.7, expected 0.2"]


@pytest.mark.parametrize("seq", [1, 3])
def test_a_chain_that_lost_its_beginning_is_found(seq: int, tampered: Tampered) -> None:
    """Without their seals the first moves could be edited; the next seal shows that they had some."""
    found = tampered(f"UPDATE move SET seal = '' WHERE record_id = 'd1' AND seq <= {seq}", sealed=True)
    assert ("d1", seq + 1, "seal") in {(each.record, each.seq, each.field) for each in found}


# -- what cannot be read ---------------------------------------------------------------------------

SPOILT = ("NULL", "''", "'['", "'null'", "-1", "9223372036854775807", "1.5", "x'00'")
NO_TEXT = "CAST(x'ff' AS TEXT)"
KEYS = {"id", "record_id", "act_key", "fingerprint", "match_key"}


@pytest.mark.parametrize(("table", "column"), [(t, c) for t in COLUMNS for c in COLUMNS[t]])
def test_whatever_stands_in_a_row_is_a_finding_or_nothing(
    table: str, column: str, tampered: Tampered
) -> None:
    """Text, numbers, bytes and half characters in the wrong place never end in an exception."""
    for value in (*SPOILT, *(() if column in KEYS else (NO_TEXT,))):
        key = "position" if table in {"attribute", "change", "move"} else COLUMNS[table][0]
        where = f"{key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {table == 'move'})"
        try:
            found = tampered(f"UPDATE {table} SET {column} = {value} WHERE {where}", sealed=True)
        except sqlite3.IntegrityError:
            continue  # SQLite itself refuses it
        assert all(str(finding) for finding in found)


DOCUMENTS = (
    "null",
    "5",
    "[]",
    "{}",
    "[[]]",
    '[["deal", []]]',
    '[["nobody", []]]',
    '{"a": NaN}',
    '{"fields": 5}',
    '{"fields": "value"}',
    '{"fields": [5]}',
    '{"source": "new", "target": [], "reason": {}}',
    '{"activity": {}, "kind": []}',
    '{"stages": []}',
    '{"stages": [5], "id": "sales"}',
    '{"stages": [{"id": []}], "id": "sales"}',
    '{"stages": [{"id": "new"}], "id": [], "moves": ["new"]}',
    '{"stages": [{"id": "new", "probability": "x"}], "id": "sales", "close_reasons": {"lost": 5}}',
    "[" * 100_000,
)
JSON_COLUMNS = [
    ("deal", "custom"),
    ("deal", "absorbed"),
    ("contact", "custom"),
    ("contact", "absorbed"),
    ("activity", "roles"),
    ("attribute", "field_value"),
    ("change", "body"),
    ("idempotency", "answer"),
    ("definition", "document"),
]


@pytest.mark.parametrize(("table", "column"), JSON_COLUMNS)
def test_whatever_json_stands_in_a_row_is_a_finding(table: str, column: str, tampered: Tampered) -> None:
    """JSON of another shape, in every row of a table at once, is found and never ends in an exception."""
    for document in DOCUMENTS:
        if (table, column, document) in FINE:
            continue
        found = tampered(f"UPDATE {table} SET {column} = '{document}'", sealed=True)
        assert found, document
        assert all(str(finding) for finding in found)


FINE = {
    ("idempotency", "answer", "[]"),
    ("idempotency", "answer", "{}"),
    ("contact", "custom", "{}"),
    ("activity", "roles", "[]"),
}
"""An answer of no records, a client without custom fields, an act without roles: as sound as any."""


@pytest.mark.parametrize(
    ("sql", "record", "field"),
    [
        ("DELETE FROM change WHERE record_id = 'd1' AND version = 3", "d1", "versions in the changes"),
        ("UPDATE change SET version = 9 - version WHERE record_id = 'd2'", "d2", "versions in the changes"),
        ("UPDATE change SET change_type = 'DealWon' WHERE record_id = 'd2'", "d2", "type of the change"),
        ("UPDATE change SET change_type = 'DealSold' WHERE record_id = 'd2'", "d2", "change of version 1"),
        ("UPDATE change SET body = '{' WHERE record_id = 'd2'", "d2", "change of version 1"),
        ("UPDATE change SET actor = 'eve' WHERE record_id = 'd2'", "d2", "actor in the change"),
        ("DELETE FROM activity", "d1", "activity "),
        ("UPDATE activity SET done_by = 'eve'", "d1", "activity "),
        ("UPDATE activity SET record_id = 'd2'", "d2", "activity "),
        ("UPDATE activity SET record_id = 'd9'", "d9", "rows of activity"),
        ("UPDATE attribute SET record_id = 'd9' WHERE field_name = 'owner'", "d9", "rows of attribute"),
        ("UPDATE change SET record_id = 'd9' WHERE record_id = 'd2'", "d9", "rows of change"),
        ("UPDATE move SET record_id = 'd9' WHERE record_id = 'd2'", "d9", "rows of move"),
        ("UPDATE match_key SET record_id = 'l9' WHERE record_id = 'l1'", "l9", "rows of match_key"),
        ("UPDATE match_key SET kind = 'contact' WHERE record_id = 'l1'", "l1", "rows of match_key"),
        (
            "UPDATE attribute SET since_us = since_us + 1 WHERE field_name = 'custom.a'",
            "d1",
            "since of custom.a",
        ),
        ("UPDATE idempotency SET answer = '[' WHERE act_key = 'k2'", "", "answer 'k2'"),
        ("UPDATE definition SET document = '{' WHERE pipeline = 'care'", "", "definition "),
        ("UPDATE definition SET pipeline = 'sales' WHERE pipeline = 'care'", "", "pipeline of definition "),
        (
            "UPDATE definition SET document = replace(document, 'visit', 'call') WHERE pipeline = 'care'",
            "",
            "fingerprint of a definition",
        ),
    ],
)
def test_what_is_about_records_is_held_against_them(
    sql: str, record: str, field: str, tampered: Tampered
) -> None:
    """Changes, activities, field values, answers and definitions: the finding names which."""
    found = tampered(sql, sealed=False)
    assert any(each.record == record and each.field.startswith(field) for each in found), found
