"""A merge taken back: refused where somebody has built upon it, else as it was, but for the trace."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Engine, FrozenClock, money
from funnelkit.clients.merging import Merge
from funnelkit.errors import ConflictError, InputError, NotFoundError, RefusedError
from funnelkit.testing import readable


@pytest.fixture
def merge(engine: Engine, clock: FrozenClock) -> Merge:
    """Return a merge of two contacts, by which one got a phone number and a deal."""
    engine.create_contact("Ann", id="ann", email="ann@acme.example")
    clock.tick("1h")
    engine.create_contact("Ann B.", id="again", phone="+44 20 7946 0000")
    engine.create("Forty seats", id="deal", pipeline="care", contact="again")
    clock.tick("1h")
    return engine.apply(engine.plan_merge(["ann", "again"]), actor="kim")


def refused(engine: Engine, merge: Merge) -> list[str]:
    """Demand that an undo is refused and changes nothing; return the codes."""
    before = readable(engine.store)
    with pytest.raises(RefusedError) as caught:
        engine.undo(merge)
    assert readable(engine.store) == before
    return [refusal.code for refusal in caught.value.verdict.refusals]


def test_everything_is_as_it_was(engine: Engine, merge: Merge) -> None:
    """Fields, links, tombstones."""
    survivor: Any = engine.undo(merge)
    other: Any = engine.get("again")
    assert (survivor.id, survivor.phone, survivor.absorbed) == ("ann", "", ())
    assert (other.id, other.phone, other.replaced_by) == ("again", "+44 20 7946 0000", "")
    assert engine.get("deal").contact == "again"  # type: ignore[union-attr]
    assert engine.verify() == ()


def test_the_journal_tells_of_both(engine: Engine, merge: Merge) -> None:
    """The undoing names the merge."""
    engine.undo(merge, actor="sam")
    done, undone = engine.activities("ann")
    assert (undone.kind, undone.custom["undone"], undone.by) == ("undo", done.id, "sam")


def test_its_id_will_do(engine: Engine, merge: Merge) -> None:
    """As the journal has it."""
    assert engine.undo(engine.activities("ann")[0].id).id == "ann"


def test_it_is_not_undone_twice(engine: Engine, merge: Merge) -> None:
    """Nor is an undo."""
    engine.undo(merge)
    assert refused(engine, merge) == ["undone"]
    with pytest.raises(RefusedError):
        engine.undo(engine.activities("ann")[-1].id)


def test_under_a_key_it_is_undone_once(engine: Engine, merge: Merge) -> None:
    """And answers the same again."""
    assert engine.undo(merge, key="u") == engine.undo(merge, key="u")


def test_expect_is_the_version_of_the_survivor(engine: Engine, merge: Merge) -> None:
    """Another one conflicts."""
    with pytest.raises(ConflictError):
        engine.undo(merge, expect=1)


def test_there_must_be_such_a_merge(engine: Engine, merge: Merge) -> None:
    """Neither an unknown id, nor another activity; and nobody can log what looks like a merge."""
    with pytest.raises(NotFoundError):
        engine.undo("nothing")
    with pytest.raises(InputError, match="a word of the journal"):
        engine.log("deal", "merge")
    with pytest.raises(InputError):
        engine.undo(engine.log("deal", "call").id)


# -- what was built upon it --------------------------------------------------------------------


def test_a_field_that_was_edited_stands_against_it(engine: Engine, merge: Merge) -> None:
    """The phone number that the merge filled in."""
    engine.edit("ann", phone="1")
    assert refused(engine, merge) == ["edited"]


def test_another_field_may_be_edited(engine: Engine, merge: Merge) -> None:
    """The merge has nothing to do with it, and it stays."""
    engine.edit("ann", source="fair")
    assert engine.undo(merge).source == "fair"


def test_a_dependant_that_belongs_to_another_stands_against_it(engine: Engine, merge: Merge) -> None:
    """Somebody has decided."""
    engine.edit("deal", contact=engine.create_contact("Bo", id="bo"))
    assert refused(engine, merge) == ["used"]


def test_a_survivor_that_was_merged_stands_against_it(engine: Engine, merge: Merge) -> None:
    """First that merge is undone; then this one."""
    other = engine.create_contact("Bo", id="bo")
    last = engine.apply(engine.plan_merge([other, "ann"], survivor=other))
    assert set(refused(engine, merge)) == {"merged", "used"}
    engine.undo(last)
    engine.undo(merge)
    assert engine.get("deal").contact == "again"  # type: ignore[union-attr]
    assert engine.verify() == ()


def test_everything_that_stands_against_it_is_listed(engine: Engine, merge: Merge) -> None:
    """At once."""
    engine.edit("ann", phone="1")
    engine.edit("deal", contact="")
    assert refused(engine, merge) == ["edited", "used"]


def test_what_came_to_the_survivor_since_stays_with_it(engine: Engine, merge: Merge) -> None:
    """A deal made after the merge."""
    late = engine.create("B", pipeline="care", contact="again")
    engine.undo(merge)
    assert engine.get(late.id).contact == "ann"  # type: ignore[union-attr]


def test_the_first_of_two_merges_may_be_undone_first(engine: Engine, merge: Merge) -> None:
    """The second stands."""
    bo = engine.create_contact("Bo", id="bo")
    second = engine.apply(engine.plan_merge(["ann", bo], survivor="ann"))
    assert engine.undo(merge).absorbed == ("bo",)
    assert engine.undo(second).absorbed == ()
    assert engine.verify() == ()


# -- deals and leads ---------------------------------------------------------------------------


def test_a_survivor_that_went_on_is_fine(engine: Engine) -> None:
    """It was won meanwhile, and stays so; the other is open again, on its stage."""
    one, two = (engine.create(id, id=id, pipeline="care") for id in ("a", "b"))
    engine.move(two, "visit")
    merge = engine.apply(engine.plan_merge([one, "b"], survivor="a"))
    engine.win("a")
    engine.undo(merge)
    assert (engine.get("a").place, engine.get("b").place) == ("won", "visit")  # type: ignore[union-attr]


def test_a_survivor_that_was_converted_is_fine(engine: Engine) -> None:
    """The deal is its own."""
    merge = engine.apply(engine.plan_merge([engine.capture("A", id="a"), engine.capture("B", id="b")]))
    made = engine.convert(merge.survivor, pipeline="care")
    engine.undo(merge)
    assert engine.get("b").is_open  # type: ignore[union-attr]
    assert made.deal is not None
    assert made.deal.lead == "a"


def test_a_lost_loser_is_lost_again(engine: Engine, clock: FrozenClock) -> None:
    """With its reason and its note; the instant is that of the undoing, and so is who says it."""
    for id in ("a", "b"):
        engine.create(id, id=id, pipeline="sales")
    engine.lose("b", reason="price", note="too dear", actor="sam")
    merge = engine.apply(engine.plan_merge(["a", "b"], survivor="a"))
    clock.tick("1h")
    engine.undo(merge, actor="kim")
    close = engine.get("b").close  # type: ignore[union-attr]
    assert close is not None
    assert (close.outcome, close.reason, close.reason_text, close.note) == (
        "lost",
        "price",
        "Слишком дорого",
        "too dear",
    )
    assert (close.at, close.by) == (clock.now(), "kim")


def test_a_void_loser_stays_void(engine: Engine) -> None:
    """It was so before, and no row is added."""
    for id in ("a", "b"):
        engine.create(id, id=id, pipeline="care")
    engine.void("b", reason="test")
    engine.undo(engine.apply(engine.plan_merge(["a", "b"])))
    assert (engine.get("b").place, len(engine.history("b"))) == ("void", 2)  # type: ignore[union-attr]


def test_a_loser_that_stands_again_belongs_to_whom_its_client_was_merged_into(engine: Engine) -> None:
    """Tombstones come along in a merge, so that nobody is an orphan later."""
    for id in ("ann", "bob"):
        engine.create_contact(id, id=id)
    for id in ("a", "b"):
        engine.create(id, id=id, pipeline="care", contact="bob")
    deals = engine.apply(engine.plan_merge(["a", "b"]))
    contacts = engine.apply(engine.plan_merge(["ann", "bob"]))
    assert {each.id for each in contacts.dependants} == {"a", "b"}
    engine.undo(deals)
    assert [deal.id for deal in engine.find("deal", contact="ann")] == ["a", "b"]
    engine.undo(contacts)
    assert [deal.id for deal in engine.find("deal", contact="bob")] == ["a", "b"]
    assert engine.verify() == ()


def test_leads_that_became_one_deal_are_converted_again(engine: Engine) -> None:
    """Each of them."""
    made = engine.convert(engine.capture("A", id="a"), pipeline="care")
    engine.apply(engine.plan_conversion(engine.capture("B", id="b"), deal=made.deal))
    merge = engine.apply(engine.plan_merge(["a", "b"]))
    assert [lead.outcome for lead in merge.losers] == ["void"]
    engine.undo(merge)
    lead: Any = engine.get("b")
    assert (lead.outcome, lead.deal) == ("won", made.deal and made.deal.id)
    assert engine.verify() == ()


def test_values_of_every_sort_come_back(engine: Engine) -> None:
    """Money, a custom field that was there and says nothing, and one that was not there."""
    engine.create("A", id="a", pipeline="care", custom={"there": None})
    custom = {"there": {"deep": [1, True]}, "new": 1}
    engine.create("B", id="b", pipeline="care", value=money("0.01", "EUR"), custom=custom)
    merge = engine.apply(engine.plan_merge(["a", "b"], survivor="a"))
    assert merge.survivor.custom == custom
    survivor: Any = engine.undo(merge)
    assert (survivor.value, survivor.custom) == (None, {"there": None})


def test_what_is_nested_as_deep_as_can_be_comes_back(engine: Engine) -> None:
    """The journal holds it, deeper still."""
    deep: Any = "x"
    for _ in range(15):
        deep = [deep]
    engine.create_contact("A", id="a")
    engine.create_contact("B", id="b", custom={"deep": deep})
    merge = engine.apply(engine.plan_merge(["a", "b"], survivor="a"))
    engine.undo(merge)
    assert "deep" not in engine.get("a").custom
    assert engine.verify() == ()
