"""Records as rows: the columns are those of the tables, and what goes in comes out."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit import FrozenMapping, Lead
from funnelkit.storage.base import FINDABLE, KINDS, Answer, MatchKey
from funnelkit.storage.rows import (
    COLUMNS,
    answer_of,
    answer_row,
    match_key_of,
    match_key_row,
    move_of,
    move_row,
    record_of,
    record_row,
)
from funnelkit.storage.statements import schema
from funnelkit.testing import amounts, names
from funnelkit.testing.samples import MAKERS, a_lead, a_move


@pytest.fixture(scope="module")
def tables() -> dict[str, list[tuple[Any, ...]]]:
    """Return table → what SQLite says of its columns, of the schema as it is shipped."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(schema())
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
    connection.close()
    return found


def test_the_columns_are_those_of_the_tables(tables: dict[str, list[tuple[Any, ...]]]) -> None:
    """``COLUMNS`` names every table and all of its columns, in their order, but for positions."""
    found = {table: tuple(row[1] for row in rows if row[1] != "position") for table, rows in tables.items()}
    assert found == COLUMNS


def test_only_what_can_be_unknown_may_be_null(tables: dict[str, list[tuple[Any, ...]]]) -> None:
    """NULL is for a probability nobody gave, the end of what goes on, and what a creation came from."""
    nullable = {
        (table, row[1]) for table, rows in tables.items() for row in rows if not row[3] and not row[5]
    }
    assert {column for _, column in nullable} == {"probability", "closed_us", "since_us"}


def test_what_can_be_found_is_a_column() -> None:
    """Every column that `Store.find` compares is one of the table."""
    assert FINDABLE.keys() == KINDS.keys()
    for kind, columns in FINDABLE.items():
        assert columns <= set(COLUMNS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_a_value_for_each_column(kind: Any) -> None:
    """A record makes as many values as its table has columns, each of a type that SQL knows."""
    row = record_row(kind, MAKERS[kind]())
    assert len(row) == len(COLUMNS[kind])
    assert {type(value) for value in row} <= {str, int, float, type(None)}


leads = st.builds(
    a_lead,
    name=names(),
    owner=names(),
    value=st.none() | amounts(),
    probability=st.none() | st.floats(0, 1),
    expected_close=st.none() | st.dates(),
    email=names(),
    repeat=st.sampled_from(["", "deal", "inquiry"]),
    replaced_by=names(),
    absorbed=st.lists(names(), max_size=3).map(tuple),
    custom=st.dictionaries(names(), st.lists(st.integers(-(2**63), 2**63 - 1) | names())).map(FrozenMapping),
)


@given(leads)
def test_a_row_is_read_back_as_the_record(lead: Lead) -> None:
    """Any lead comes out of its row as it went in."""
    assert record_of("lead", record_row("lead", lead)) == lead


@given(st.lists(leads, max_size=3), names())
def test_an_answer_is_read_back_as_it_was_given(records: list[Lead], key: str) -> None:
    """So does any answer, which holds rows as JSON."""
    answer = Answer(key=key, request="r", records=tuple(records))
    assert answer_of(answer_row(answer)) == answer


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("deal", "seal"),
        ("lead", "seal"),
        ("deal", "repeat_kind"),
        ("lead", "repeat_kind"),
        ("contact", "replaced_by"),
        ("company", "replaced_by"),
    ],
)
def test_an_answer_of_before_a_column_was_added_is_read(kind: Any, column: str) -> None:
    """Answers hold rows as they were then; what came later is blank."""
    record = MAKERS[kind](name="Acme", custom=FrozenMapping({"size": 1}))
    key, request, text = answer_row(Answer(key="k", request="r", records=(record,)))
    ((_, row),) = json.loads(text)
    older = json.dumps([[kind, row[: COLUMNS[kind].index(column)]]])
    assert len(row) == len(COLUMNS[kind])
    assert answer_of((key, request, older)).records == (record,)


def test_seals_are_kept() -> None:
    """Of a move and of a record."""
    move, lead = a_move(seal="5e" * 16), a_lead(seal="5e" * 16)
    assert move_of(move_row(move)) == move
    assert record_of("lead", record_row("lead", lead)) == lead


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("absorbed", "text"), [((), ""), (("a",), '["a"]'), (("b", "a"), '["b","a"]'), (('Ж"',), '["Ж\\""]')]
)
def test_who_was_merged_into_a_record_is_a_list_in_json(
    kind: Any, absorbed: tuple[str, ...], text: str
) -> None:
    """In the order of the merges; blank where there was none; and who stands for it beside it."""
    record = MAKERS[kind](replaced_by="z", absorbed=absorbed)
    row = record_row(kind, record)
    told = dict(zip(COLUMNS[kind], row, strict=True))
    assert (told["replaced_by"], told["absorbed"]) == ("z", text)
    assert record_of(kind, row) == record


def test_a_client_who_comes_again_is_marked() -> None:
    """Of a record and of each of its moves, in the same column."""
    move, lead = a_move(repeat="deal"), a_lead(repeat="inquiry")
    for table, row, mark in (("move", move_row(move), "deal"), ("lead", record_row("lead", lead), "inquiry")):
        assert row[COLUMNS[table].index("repeat_kind")] == mark
    assert move_of(move_row(move)) == move
    assert record_of("lead", record_row("lead", lead)) == lead


def test_a_key_is_a_row_of_its_three_parts() -> None:
    """Key, kind and record, and back."""
    key = MatchKey(key="email:ada@example.org", kind="contact", record="c1")
    assert match_key_row(key) == ("email:ada@example.org", "contact", "c1")
    assert match_key_of(match_key_row(key)) == key
