"""Reading a whole store page by page: what rows of nobody are, and what no column holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from funnelkit import MemoryStore, Store
from funnelkit.storage import Attribute, Commit
from funnelkit.storage.columns import COLUMNS
from funnelkit.storage.rows import attribute_row, move_row
from funnelkit.storage.scanning import STRAYS, check_types
from funnelkit.testing.samples import AT, a_change, a_contact, a_deal, a_move, an_activity, new


@pytest.fixture
def store() -> Iterator[Store]:
    """Give a store with a deal, a contact, and rows about records that are not there."""
    with closing(MemoryStore()) as store:
        store.commit(new(a_deal("d1"), a_contact("c1")))
        about = ("d1", "c1", "zz", "nobody")
        store.commit(
            Commit(
                moves=(a_move("d1"), a_move("c1"), a_move("nobody"), a_move("nobody", seq=2)),
                activities=tuple(an_activity(f"a-{id}", record=id) for id in about),
                attributes=tuple(Attribute(record=id, field="owner", value="", since=AT) for id in about),
                changes=tuple(a_change(id) for id in about),
            )
        )
        yield store


def test_a_move_belongs_to_a_lead_or_a_deal(store: Store) -> None:
    """Moves of anything else are strays, counted by record in the order of their ids."""
    assert store.query(STRAYS["move"], {}) == [("c1", 1), ("nobody", 2)]


@pytest.mark.parametrize("table", ["activity", "attribute", "change"])
def test_everything_else_belongs_to_any_record(store: Store, table: str) -> None:
    """Rows about a record of no kind are strays, in the order of their ids."""
    assert store.query(STRAYS[table], {}) == [("nobody", 1), ("zz", 1)]


def row(**wrong: Any) -> tuple[Any, ...]:
    """Return a sound row of the table of attributes with something else in some columns."""
    sound = attribute_row(Attribute(record="d1", field="owner", value="kim", since=AT))
    return tuple(wrong.get(column, value) for column, value in zip(COLUMNS["attribute"], sound, strict=True))


def test_a_sound_row_is_let_through() -> None:
    """A row with text and whole numbers where they belong raises nothing."""
    check_types("attribute", row())


def test_one_wrong_column_is_named() -> None:
    """A number where text belongs: the error names the column and shows the number."""
    with pytest.raises(TypeError) as caught:
        check_types("attribute", row(field_name=5))
    assert str(caught.value) == "field_name is 5"


def test_every_wrong_column_is_named() -> None:
    """Several wrong columns are all named, in their order."""
    with pytest.raises(TypeError) as caught:
        check_types("attribute", row(record_id=None, amount="x"))
    assert str(caught.value) == "record_id is None, amount is 'x'"


@pytest.mark.parametrize(("value", "sound"), [(0.5, True), (None, True), (1, False), ("0.5", False)])
def test_a_probability_is_a_fraction_or_nothing(value: Any, sound: bool) -> None:
    """The one column of fractions holds a fraction or NULL, not a whole number."""
    assert accepted("probability", value) is sound


@pytest.mark.parametrize(("value", "sound"), [(7, True), (None, True), ("7", False), (7.0, False)])
def test_an_instant_that_may_be_absent(value: Any, sound: bool) -> None:
    """``since_us`` of a move is a whole number or NULL."""
    assert accepted("since_us", value) is sound


@pytest.mark.parametrize(("value", "sound"), [(7, True), (None, False)])
def test_an_instant_that_may_not_be_absent(value: Any, sound: bool) -> None:
    """``moved_us`` of a move is a whole number."""
    assert accepted("moved_us", value) is sound


def accepted(column: str, value: Any) -> bool:
    """Whether a value may stand in a column of an otherwise sound row."""
    sound = dict(zip(COLUMNS["move"], move_row(a_move("d1")), strict=True))
    try:
        check_types("move", tuple((sound | {column: value}).values()))
    except TypeError:
        return False
    return True
