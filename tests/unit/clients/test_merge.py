"""A merge that is done: one commit, and every way leads to the survivor."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import (
    Actor,
    Engine,
    FrozenClock,
    Pipeline,
    Refusal,
    Stage,
    money,
    rule,
)
from funnelkit.clients.merging import Merge
from funnelkit.errors import (
    RefusedError,
)
from funnelkit.testing import readable

Told = pytest.ExceptionInfo[Any]


@pytest.fixture
def three(engine: Engine, clock: FrozenClock) -> tuple[str, ...]:
    """Return three contacts, an hour between them, the second and third with a deal, a lead each."""
    ids = ("ann", "again", "third")
    for id in ids:
        engine.create_contact(id, id=id, email=f"{id}@acme.example")
        engine.create("A", id=f"deal of {id}".replace(" ", "-"), pipeline="care", contact=id)
        engine.capture("A", id=f"lead-of-{id}", contact=id)
        clock.tick("1h")
    return ids


def merged(engine: Engine, *ids: str, **act: Any) -> Merge:
    """Merge records into the first of them."""
    return engine.apply(engine.plan_merge(ids, survivor=ids[0]), **act)


def deals(engine: Engine, *ids: str, **fields: Any) -> list[Any]:
    """Make deals on a pipeline without rules."""
    return [engine.create(id, id=id, pipeline="care", **fields) for id in ids]


def code(error: Told) -> str:
    """Return the code of the only refusal."""
    (refusal,) = error.value.verdict.refusals
    return str(refusal.code)


# -- what is there then ------------------------------------------------------------------------


def test_dependants_belong_to_the_survivor(engine: Engine, three: tuple[str, ...]) -> None:
    """Those of both losers, deals and leads."""
    merged(engine, *three)
    assert [deal.id for deal in engine.find("deal", contact="ann")] == [
        "deal-of-again",
        "deal-of-ann",
        "deal-of-third",
    ]
    assert len(engine.find("lead", contact="ann")) == 3


def test_people_work_for_the_company_that_survives(engine: Engine) -> None:
    """Contacts, leads and deals of a company come along."""
    one, two = engine.create_company("Acme", id="one"), engine.create_company("ACME", id="two")
    engine.create_contact("Ann", id="ann", company=two)
    engine.create("A", id="deal", pipeline="care", company=two)
    engine.capture("A", id="lead", company=two)
    merge = merged(engine, one.id, two.id)
    assert [engine.get(id).company for id in ("ann", "deal", "lead")] == ["one"] * 3  # type: ignore[union-attr]
    assert [str(each) for each in merge.dependants] == [
        "lead lead: company two → one",
        "deal deal: company two → one",
        "contact ann: company two → one",
    ]


def test_a_lead_belongs_to_the_deal_that_survives(engine: Engine) -> None:
    """The deal it became stands for another one's now, and the other way round."""
    made = engine.convert(engine.capture("A", id="lead"), pipeline="care")
    assert made.deal is not None
    merged(engine, deals(engine, "b")[0].id, made.deal.id)
    assert (engine.get("lead").deal, engine.get("b").lead) == ("b", "lead")  # type: ignore[union-attr]


def test_every_lead_of_a_deal_comes_along(engine: Engine) -> None:
    """Two became one deal, which names the first of them only."""
    made = engine.convert(engine.capture("A", id="one"), pipeline="care")
    engine.apply(engine.plan_conversion(engine.capture("B", id="two"), deal=made.deal))
    merged(engine, deals(engine, "z")[0].id, made.deal.id)  # type: ignore[union-attr]
    assert [lead.id for lead in engine.find("lead", deal="z")] == ["one", "two"]


def test_a_deal_belongs_to_the_lead_that_survives(engine: Engine) -> None:
    """The loser had become it, was reopened, and is a duplicate."""
    lead = engine.convert(engine.capture("A", id="old"), pipeline="care").lead
    engine.reopen(lead)
    merged(engine, engine.capture("B", id="new").id, "old")
    assert [deal.lead for deal in engine.find("deal")] == ["new"]


def test_the_survivor_says_what_the_plan_said(engine: Engine) -> None:
    """Blanks are filled; the owner is handed over as by hand."""
    deals(engine, "a")
    deals(engine, "b", value=money(9, "EUR"), owner="sam", custom={"size": 4})
    survivor = merged(engine, "a", "b", actor="kim").survivor
    assert (survivor.value, survivor.owner, survivor.custom) == (money(9, "EUR"), "sam", {"size": 4})
    handed = [change for change in engine.changes("a") if type(change).__name__ == "RecordAssigned"]
    assert [(change.target, change.actor) for change in handed] == [("sam", "kim")]  # type: ignore[attr-defined]


def test_the_survivor_lists_its_losers(engine: Engine, three: tuple[str, ...]) -> None:
    """In the order of the plan; they name it."""
    merged(engine, *three)
    stored = engine.store.get_many("contact", three)
    assert stored["ann"].absorbed == ("again", "third")
    assert [stored[id].replaced_by for id in three] == ["", "ann", "ann"]


def test_of_a_chain_the_survivor_lists_everybody(engine: Engine, three: tuple[str, ...]) -> None:
    """B had absorbed C before A absorbed B."""
    merged(engine, "again", "third")
    assert merged(engine, "ann", "again").survivor.absorbed == ("again", "third")
    assert engine.verify() == ()
    assert engine.get("third").id == "ann"


def test_one_commit_has_it_all(engine: Engine, three: tuple[str, ...]) -> None:
    """Every version grew by one, but that of the survivor's own deal and lead."""
    merged(engine, *three)
    versions = {id: engine.store.get("contact", id).version for id in three}
    assert versions == dict.fromkeys(three, 2)
    assert [engine.get(f"deal-of-{id}").version for id in three] == [1, 2, 2]


def test_the_journal_tells(engine: Engine, three: tuple[str, ...]) -> None:
    """An activity of the survivor, whose id is that of the merge."""
    merge = merged(engine, *three, actor=Actor("kim", roles={"manager"}), note="seen twice")
    (entry,) = engine.activities("ann")
    assert (entry.id, entry.kind, entry.by, entry.roles) == (merge.id, "merge", "kim", ("manager",))
    assert entry.text == "2 merged: again (again), third (third)"


def test_a_merge_reads_well(engine: Engine, three: tuple[str, ...]) -> None:
    """Who stands for whom, and who came along."""
    lines = str(merged(engine, "ann", "again")).splitlines()
    assert lines == [
        "contact 'ann' (ann) stands for 'again' (again)",
        "  lead lead-of-again: contact again → ann",
        "  deal deal-of-again: contact again → ann",
    ]


def test_nothing_is_to_be_mended(engine: Engine, three: tuple[str, ...]) -> None:
    """The store is sound."""
    merged(engine, *three)
    assert engine.verify() == ()


# -- losers ------------------------------------------------------------------------------------


def test_an_open_loser_becomes_void_as_a_duplicate(engine: Engine) -> None:
    """One row of the ledger, with its cause."""
    deals(engine, "a", "b")
    merged(engine, "a", "b", actor="kim")
    move = engine.history("b")[-1]
    assert (move.target, move.reason, move.cause, move.actor) == ("void", "duplicate", "merge", "kim")


def test_a_lost_loser_is_reopened_and_void(engine: Engine) -> None:
    """Two rows at one instant: a duplicate never counts as lost."""
    deals(engine, "a", "b")
    engine.lose("b", reason="price")
    merged(engine, "a", "b")
    moves = engine.history("b")
    assert [move.target for move in moves] == ["ticket", "lost", "ticket", "void"]
    assert moves[2].at == moves[3].at
    assert engine.analytics.loss_reasons("care").rows == ()


def test_a_void_loser_stays_as_it_is(engine: Engine) -> None:
    """No row is added."""
    deals(engine, "a", "b")
    engine.void("b", reason="test")
    merged(engine, "a", "b")
    assert len(engine.history("b")) == 2


def test_the_reason_may_be_another(engine: Engine) -> None:
    """Of the ledger and of the changes."""
    deals(engine, "a", "b")
    (loser,) = merged(engine, "a", "b", reason="twin").losers
    assert loser.close.reason == "twin"


@rule(on="void")
def never_void() -> Refusal:
    """Nothing becomes void."""
    return Refusal("keep", "nothing becomes void")


def test_what_the_gate_refuses_is_not_done() -> None:
    """Nothing of the merge is written; an override passes, and the ledger tells."""
    engine = Engine(Pipeline("care", [Stage("new")], rules=never_void))
    deals(engine, "a", "b")
    before = readable(engine.store)
    with pytest.raises(RefusedError):
        merged(engine, "a", "b")
    assert readable(engine.store) == before
    merged(engine, "a", "b", actor="kim", reason="duplicate", override=True)
    assert engine.history("b")[-1].overruled == "keep"


@rule(on="edit")
def never_edit() -> Refusal:
    """Nothing is edited."""
    return Refusal("written", "what is written is written")


def test_what_was_overruled_of_an_edit_is_told() -> None:
    """Of the survivor and of a dependant."""
    engine = Engine(Pipeline("care", [Stage("new")], rules=never_edit))
    deals(engine, "a")
    deals(engine, "b", campaign="fair", contact=engine.create_contact("Ann", id="z"))
    engine.create_contact("Bo", id="y")
    force: dict[str, Any] = {"actor": "kim", "reason": "duplicate", "override": True}
    merged(engine, "a", "b", **force)
    merged(engine, "y", "z", **force)
    edits = [change for change in engine.changes("a") if type(change).__name__ == "RecordEdited"]
    assert [change.overruled for change in edits] == ["written", "written"]  # type: ignore[attr-defined]


def test_two_won_deals_are_not_merged_by_force(engine: Engine) -> None:
    """No override passes over that."""
    for deal in deals(engine, "a", "b"):
        engine.win(deal)
    with pytest.raises(RefusedError) as caught:
        merged(engine, "a", "b", actor="kim", reason="duplicate", override=True)
    assert code(caught) == "two_sales"


# -- every way leads to the survivor -----------------------------------------------------------


def test_the_id_of_a_loser_leads_to_the_survivor(engine: Engine, three: tuple[str, ...]) -> None:
    """Whoever kept it gets the right one, and can act on it."""
    merged(engine, *three)
    assert engine.get("third").id == "ann"
    assert engine.edit("third", phone="1").id == "ann"


def test_a_verb_by_the_id_of_a_loser_is_done_to_the_survivor(engine: Engine) -> None:
    """A deal is won that way."""
    deals(engine, "a", "b")
    merged(engine, "a", "b")
    assert engine.win("b").id == "a"


@pytest.mark.parametrize(
    "act",
    [
        lambda engine, deal: engine.win(deal),
        lambda engine, deal: engine.reopen(deal),
        lambda engine, deal: engine.edit(deal, name="x"),
        lambda engine, deal: engine.assign(deal, "sam"),
        lambda engine, deal: engine.transfer(deal, "sales"),
        lambda engine, deal: engine.void(deal),
    ],
)
def test_a_tombstone_that_is_given_is_refused(engine: Engine, act: Any) -> None:
    """By every verb, also as it was before the merge; the mend names who stands for it."""
    before = deals(engine, "a", "b")[1]
    for deal in (before, merged(engine, "a", "b").losers[0]):
        with pytest.raises(RefusedError) as caught:
            act(engine, deal)
        assert code(caught) == "merged"
        assert caught.value.verdict.refusals[0].fix == "use a"


def test_a_contact_that_is_a_tombstone_is_refused(engine: Engine, three: tuple[str, ...]) -> None:
    """Edits and hand-overs."""
    loser = merged(engine, "ann", "again").losers[0]
    for act in (lambda: engine.edit(loser, name="x"), lambda: engine.assign(loser, "sam")):
        with pytest.raises(RefusedError) as caught:
            act()
        assert code(caught) == "merged"


def test_a_lead_that_is_a_tombstone_is_not_converted(engine: Engine) -> None:
    """Its survivor may be."""
    one, two = engine.capture("A", id="a"), engine.capture("B", id="b")
    merged(engine, one.id, two.id)
    with pytest.raises(RefusedError) as caught:
        engine.convert(two, pipeline="care")
    assert code(caught) == "merged"
    assert engine.convert("b", pipeline="care").lead.id == "a"


def test_a_bulk_lists_a_tombstone(engine: Engine) -> None:
    """The rest is done."""
    deals(engine, "a", "b")
    merged(engine, "a", "b")
    result = engine.bulk("assign", ["a", "b"], owner="sam")
    assert ([deal.id for deal in result.done], [id for id, _ in result.refused]) == (["a"], ["b"])


def test_clients_that_were_merged_are_not_found(engine: Engine, three: tuple[str, ...]) -> None:
    """Unless they are asked for."""
    merged(engine, *three)
    assert [contact.id for contact in engine.find("contact")] == ["ann"]
    assert [contact.id for contact in engine.find("contact", replaced_by="ann")] == ["again", "third"]


def test_what_was_done_for_losers_was_done_for_the_survivor(engine: Engine, clock: FrozenClock) -> None:
    """By time, whichever of them it was logged for; asked by any id."""
    deals(engine, "a", "b")
    for id, text in (("b", "first"), ("a", "second"), ("b", "third")):
        clock.tick("1h")
        engine.log(id, "call", text)
    clock.tick("1h")
    merged(engine, "a", "b")
    for ref in ("a", "b", engine.get("a")):
        assert [entry.text for entry in engine.activities(ref)][:3] == ["first", "second", "third"]


def test_activities_of_nobody_are_none(engine: Engine) -> None:
    """As before."""
    assert engine.activities("nobody") == []


def test_a_step_that_was_done_for_a_loser_is_done(engine: Engine) -> None:
    """The rule of the stage sees what was logged for either."""
    for id in ("a", "b"):
        engine.create(id, id=id, pipeline="sales", value=money(5, "EUR"))
        engine.move(id, "offer")
    engine.log("b", "call", step="call")
    assert not engine.can("a", "advance")
    merged(engine, "a", "b")
    assert engine.can("a", "advance")


def test_a_new_record_of_a_loser_is_one_of_the_survivor(engine: Engine, three: tuple[str, ...]) -> None:
    """Made or edited with the id of the loser."""
    merged(engine, *three)
    assert engine.create("B", pipeline="care", contact="third").contact == "ann"
    assert engine.edit("deal-of-ann", contact="again").contact == "ann"


def test_a_logged_call_goes_to_the_survivor(engine: Engine, three: tuple[str, ...]) -> None:
    """Given the id of a loser."""
    merged(engine, *three)
    assert engine.log("third", "call").record == "ann"
