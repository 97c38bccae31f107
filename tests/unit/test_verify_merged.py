"""Merged records and keys to find duplicates by: what `verify` holds against what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from funnelkit import Engine, Pipeline, Stage
from funnelkit.storage import Commit
from funnelkit.storage.base import MatchKey
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.verifying import verify

SALES = Pipeline("sales", [Stage("new"), Stage("offer")])
INTAKE = Pipeline("intake", [Stage("register")], kind="lead")
ANN = MatchKey(key="name:ann", kind="contact", record="ann")

Edited = Callable[..., list[str]]


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    """Return what runs statements on a file of three deals, two contacts and a lead, and what is found."""
    path = tmp_path / "crm.db"
    with Engine(SALES, INTAKE, store=SQLiteStore(path, durability="fast")) as engine:
        for id in ("d1", "d2", "d3"):
            engine.create("x", id=id, pipeline="sales")
        for id in ("ann", "bob"):
            engine.create_contact("x", id=id)
        engine.capture("x", id="l1")
        engine.store.commit(Commit(keys=(ANN,)))

    def run(*statements: str) -> list[str]:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for sql in statements:
                assert connection.execute(sql).rowcount > 0, "nothing was edited"
        with SQLiteStore(path, durability="fast") as store:
            return [str(finding) for finding in verify(store)]

    return run


def replaced(one: str, by: str, kind: str = "deal") -> str:
    """Return the statement that says who stands for a record."""
    return f"UPDATE {kind} SET replaced_by = '{by}' WHERE id = '{one}'"


def absorbed(one: str, others: str, kind: str = "deal") -> str:
    """Return the statement that says whom a record stands for, in JSON."""
    return f"UPDATE {kind} SET absorbed = '{others}' WHERE id = '{one}'"


NEITHER = "expected 'a record that absorbed it, or the lead that it came of'"


def test_two_that_name_each_other_are_sound(edited: Edited) -> None:
    """The one was replaced by the other, which absorbed it."""
    assert edited(replaced("d2", "d1"), absorbed("d1", '["d2"]')) == []


def test_a_survivor_may_be_merged_itself(edited: Edited) -> None:
    """The chain is sound: d3 into d2, and that into d1, which lists both."""
    pairs = (
        replaced("d3", "d2"),
        absorbed("d2", '["d3"]'),
        replaced("d2", "d1"),
        absorbed("d1", '["d2","d3"]'),
    )
    assert edited(*pairs) == []


def test_one_that_a_survivor_has_only_through_another_is_missed(edited: Edited) -> None:
    """d1 absorbed d2 but does not list d3, which d2 had absorbed."""
    pairs = replaced("d3", "d2"), absorbed("d2", '["d3"]'), replaced("d2", "d1"), absorbed("d1", '["d2"]')
    assert edited(*pairs) == ["d1: absorbed is ('d2',), expected 'these, too: d3'"]


def test_one_that_leads_elsewhere_is_found(edited: Edited) -> None:
    """d1 lists d3, which leads to d2, which leads nowhere."""
    found = edited(replaced("d3", "d2"), absorbed("d2", '["d3"]'), absorbed("d1", '["d3"]'))
    assert found == ["d1: replaced_by of d3, which it absorbed, is 'd2', expected 'd1'"]


def test_one_that_nobody_absorbed_is_found(edited: Edited) -> None:
    """The survivor does not list it."""
    assert edited(replaced("d2", "d1")) == [f"d2: replaced_by is 'd1', {NEITHER}"]


def test_a_survivor_that_does_not_exist_is_found(edited: Edited) -> None:
    """No record has the id."""
    assert edited(replaced("d2", "d9")) == [f"d2: replaced_by is 'd9', {NEITHER}"]


def test_a_survivor_of_another_kind_is_found(edited: Edited) -> None:
    """A deal cannot stand for a contact, whatever it lists."""
    found = edited(replaced("ann", "d1", "contact"), absorbed("d1", '["ann"]'))
    assert found == [
        "d1: replaced_by of ann, which it absorbed, is '', expected 'd1'",
        f"ann: replaced_by is 'd1', {NEITHER}",
    ]


def test_what_a_conversion_made_may_be_replaced_by_the_lead(edited: Edited) -> None:
    """Of an undone conversion the contact and the deal point to the lead, which lists neither."""
    assert edited(replaced("ann", "l1", "contact"), replaced("d1", "l1")) == []


def test_a_lead_is_not_replaced_by_another_that_does_not_list_it(edited: Edited) -> None:
    """A lead comes of no lead: between leads there are only merges."""
    assert edited(replaced("l1", "l1", "lead")) == [f"l1: replaced_by is 'l1', {NEITHER}"]


@pytest.mark.parametrize(("other", "stored"), [("d2", ""), ("d9", "")])
def test_one_that_was_absorbed_and_stands_for_itself_is_found(
    other: str, stored: str, edited: Edited
) -> None:
    """It does not say who replaced it, or does not exist at all."""
    found = edited(absorbed("d1", f'["{other}"]'))
    assert found == [f"d1: replaced_by of {other}, which it absorbed, is '{stored}', expected 'd1'"]


def test_one_that_two_absorbed_is_found(edited: Edited) -> None:
    """It names the one; the other is wrong."""
    found = edited(replaced("d3", "d1"), absorbed("d1", '["d3"]'), absorbed("d2", '["d3"]'))
    assert found == ["d2: replaced_by of d3, which it absorbed, is 'd1', expected 'd2'"]


def test_a_circle_is_found(edited: Edited) -> None:
    """Two that stand for each other: each is told."""
    found = edited(
        replaced("d1", "d2"), absorbed("d2", '["d1"]'), replaced("d2", "d1"), absorbed("d1", '["d2"]')
    )
    end = "expected 'a record that stands for itself in the end'"
    assert found == [f"d1: replaced_by is 'd2', {end}", f"d2: replaced_by is 'd1', {end}"]


@pytest.mark.parametrize("text", ["5", "null", "[5]", "[[]]", "{}", "[]", '["d2"', '[ "d2" ]', '"d2"'])
def test_a_list_of_another_shape_is_found(text: str, edited: Edited) -> None:
    """Whatever stands in ``absorbed`` but a list of ids as it is written is a finding of that record."""
    found = edited(replaced("d2", "d1"), absorbed("d1", text))
    assert any(each.startswith("d1: ") for each in found), found


def test_merges_are_found_in_chunks(tmp_path: Path) -> None:
    """More records than a statement takes parameters: 1,200 were merged into one, of which one says no."""
    path = tmp_path / "many.db"
    with Engine(SALES, store=SQLiteStore(path, durability="fast")) as engine:
        engine.create_company("x", id="a")
        for number in range(1_200):
            engine.create_company("x", id=f"b{number:04}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE company SET replaced_by = 'a' WHERE id > 'a'")
        listed = "SELECT json_group_array(id) FROM company WHERE id > 'a'"
        connection.execute(f"UPDATE company SET absorbed = ({listed}) WHERE id = 'a'")
        with SQLiteStore(path) as store:
            assert verify(store) == ()
            connection.execute("UPDATE company SET replaced_by = '' WHERE id = 'b0777'")
            assert [finding.record for finding in verify(store)] == ["a"]


# -- keys to find duplicates by --------------------------------------------------------------------


def test_a_key_of_a_record_is_sound(edited: Edited) -> None:
    """Any number of them, of leads, contacts and companies."""
    assert edited("INSERT INTO match_key VALUES ('name:bob', 'contact', 'bob')") == []
    assert edited("INSERT INTO match_key VALUES ('name:ann', 'lead', 'l1')") == []


@pytest.mark.parametrize(
    ("key", "record"),
    [
        ("'name:eve', 'contact', 'eve'", "eve"),
        ("'name:ann', 'company', 'ann'", "ann"),
        ("'name:ann', 'deal', 'd1'", "d1"),
        ("'name:ann', 'nobody', 'ann'", "ann"),
    ],
    ids=["of nobody", "of another kind", "of a deal", "of no kind"],
)
def test_a_key_of_nobody_is_found(key: str, record: str, edited: Edited) -> None:
    """Its record does not exist, or is of another kind, or is one that has no keys."""
    found = edited(f"INSERT INTO match_key VALUES ({key})")
    assert found == [f"{record}: rows of match_key is 1, expected 'no such record'"]


def test_a_key_that_cannot_be_read_is_found(edited: Edited) -> None:
    """Half a character in it: the row is named, and nothing is raised."""
    found = edited("INSERT INTO match_key VALUES ('name:x', CAST(x'ff' AS TEXT), 'ann')")
    assert any("row 'name:x' of match_key" in each for each in found)
    found = edited("INSERT INTO match_key VALUES ('name:y', 'contact', x'00')")
    assert any("key 'name:y'" in each for each in found)
