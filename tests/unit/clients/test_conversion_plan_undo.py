"""A conversion is taken back while nothing else depends on it; then all is as it was, but for the trace."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Contact, Conversion, Deal, Engine, FrozenClock, Lead, Pipeline, Refusal, Stage, rule
from funnelkit.errors import InputError, NotFoundError, OutOfOrderError, RefusedError


@pytest.fixture
def lead(engine: Engine) -> Lead:
    """Return an inquiry of Ann of Acme."""
    return engine.capture("Ann", company_name="Acme", email="ann@acme.example", owner="sam")


@pytest.fixture
def made(engine: Engine, lead: Lead) -> Conversion:
    """Return what a conversion made of it, on a pipeline without rules."""
    return engine.convert(lead, pipeline="care")


def codes(error: pytest.ExceptionInfo[Any]) -> list[str]:
    """Return the codes of what an undo was refused for."""
    return [refusal.code for refusal in error.value.verdict.refusals]


def deal_of(made: Conversion) -> Deal:
    """Return the deal of a conversion."""
    assert made.deal is not None
    return made.deal


def contact_of(made: Conversion) -> Contact:
    """Return the contact of a conversion."""
    assert made.contact is not None
    return made.contact


def test_the_lead_is_open_again(engine: Engine, lead: Lead, made: Conversion) -> None:
    """On its stage, with its links as before, by a move whose cause is the undo."""
    back = engine.undo(made, actor="kim", reason="too early")
    assert isinstance(back, Lead)
    assert (back.stage, back.outcome, back.deal, back.contact, back.company) == ("register", None, "", "", "")
    row = engine.history(lead.id)[-1]
    assert (row.direction, row.cause, row.actor, row.reason) == ("reopen", "undo", "kim", "too early")


def test_links_of_before_are_links_again(engine: Engine) -> None:
    """A lead that came for a known client stays linked to it."""
    ann = engine.create_contact("Ann")
    lead = engine.capture("Ann", contact=ann)
    back = engine.undo(engine.convert(lead, pipeline="care"))
    assert isinstance(back, Lead)
    assert back.contact == ann.id


def test_what_was_made_is_void_and_leads_back(engine: Engine, lead: Lead, made: Conversion) -> None:
    """The deal is void through the gate; deal, contact and company say that the lead stands for them."""
    engine.undo(made)
    deal = engine.store.get("deal", deal_of(made).id)
    assert (deal.outcome, deal.replaced_by) == ("void", lead.id)
    assert engine.history(deal.id)[-1].cause == "undo"
    for kind, record in (("contact", made.contact), ("company", made.company)):
        assert record is not None
        assert engine.store.get(kind, record.id).replaced_by == lead.id  # type: ignore[call-overload]
    assert engine.verify() == ()


def test_filled_blanks_are_blank_again(engine: Engine, lead: Lead) -> None:
    """What a contact, a company and a deal were given is taken away; what was theirs stays."""
    ann = engine.create_contact("Анна", phone="+7 900 000-00-00")
    acme, deal = engine.create_company("Acme"), engine.create("Seats", pipeline="care")
    made = engine.apply(engine.plan_conversion(lead, contact=ann, company=acme, deal=deal))
    assert contact_of(made).email == "ann@acme.example"
    engine.undo(made)
    now = engine.store.get("contact", ann.id)
    assert (now.email, now.owner, now.company, now.phone) == ("", "", "", "+7 900 000-00-00")
    assert engine.store.get("company", acme.id).owner == ""
    seats = engine.store.get("deal", deal.id)
    assert (seats.owner, seats.contact, seats.company, seats.lead) == ("", "", "", "")
    assert (seats.outcome, seats.replaced_by, engine.verify()) == (None, "", ())


def test_the_trace_stays(engine: Engine, lead: Lead, made: Conversion) -> None:
    """The journal tells both, and no row is gone."""
    engine.undo(made)
    first, second = engine.activities(lead.id)
    assert (first.kind, second.kind, second.custom["undone"]) == ("conversion", "undo", made.id)
    assert [move.target for move in engine.history(lead.id)] == ["register", "won", "register"]


def test_an_undo_may_be_asked_for_by_id(engine: Engine, made: Conversion) -> None:
    """The id of the journal's entry is enough."""
    back = engine.undo(made.id)
    assert isinstance(back, Lead)
    assert back.is_open


def test_a_lead_is_converted_anew_after_an_undo(engine: Engine, lead: Lead, made: Conversion) -> None:
    """A second conversion makes a second deal; the first one stays void."""
    again = engine.convert(engine.undo(made), pipeline="care")  # type: ignore[arg-type]
    assert deal_of(again).id != deal_of(made).id
    assert (again.id != made.id, engine.verify()) == (True, ())


def test_under_a_key_an_undo_is_done_once(engine: Engine, made: Conversion) -> None:
    """The same request answers the same lead."""
    back = engine.undo(made, key="u")
    count = len(engine.changes())
    assert engine.undo(made, key="u") == back
    assert len(engine.changes()) == count


def test_the_void_reason_is_of_the_catalogue(engine: Engine, lead: Lead) -> None:
    """A pipeline with reasons for void has one chosen that fits."""
    deal = deal_of(engine.convert(lead, pipeline="sales"))
    engine.undo(engine.activities(lead.id)[0].id, reason="typed twice")
    close = engine.store.get("deal", deal.id).close
    assert close is not None
    assert close.reason == "duplicate"


def test_a_reason_of_the_catalogue_is_taken(lead: Lead, clock: FrozenClock) -> None:
    """A reason that the catalogue has is the one the deal is closed with."""
    shop = Pipeline("shop", [Stage("a")], close_reasons={"void": ["duplicate", "test"]})
    engine = Engine(shop, Pipeline("in", [Stage("r")], kind="lead"), clock=clock)
    made = engine.convert(engine.capture("Ann"))
    engine.undo(made, reason="test")
    close = engine.store.get("deal", deal_of(made).id).close
    assert close is not None
    assert close.reason == "test"


@pytest.mark.parametrize(
    ("reason", "closed_with"), [("", "error"), ("who knows", "error"), ("Проверка", "test"), ("test", "test")]
)
def test_the_reason_that_fits_best_is_taken(clock: FrozenClock, reason: str, closed_with: str) -> None:
    """One of the catalogue by id or label; else "error" before others."""
    reasons = {"void": {"test": "Проверка", "error": "Ошибка"}}
    shop = Pipeline("shop", [Stage("a")], close_reasons=reasons)
    engine = Engine(shop, Pipeline("in", [Stage("r")], kind="lead"), clock=clock)
    made = engine.convert(engine.capture("Ann"))
    engine.undo(made, reason=reason)
    close = engine.store.get("deal", deal_of(made).id).close
    assert close is not None
    assert close.reason == closed_with


# -- refused -----------------------------------------------------------------------------------


def test_a_deal_that_has_moved_holds_it(engine: Engine, made: Conversion, unchanged: Any) -> None:
    """Somebody works on the deal."""
    engine.advance(deal_of(made))
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert codes(caught) == ["moved"]
    assert "deal 'Ann, Acme' has moved to visit" in str(caught.value)


@pytest.mark.parametrize("kind", ["deal", "contact", "company"])
def test_an_activity_holds_it(engine: Engine, made: Conversion, unchanged: Any, kind: str) -> None:
    """A call that was logged for what was made."""
    engine.log(getattr(made, kind), "call")
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert codes(caught) == ["activity"]


def test_whoever_uses_the_contact_holds_it(engine: Engine, made: Conversion, unchanged: Any) -> None:
    """Another deal and another lead of the contact are both listed."""
    engine.create("Next", pipeline="care", contact=contact_of(made))
    engine.capture("Ann again", contact=contact_of(made))
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert codes(caught) == ["used", "used"]


def test_whoever_uses_the_company_holds_it(engine: Engine, made: Conversion, unchanged: Any) -> None:
    """A colleague, a deal and a lead of the company."""
    assert made.company is not None
    engine.create_contact("Bob", company=made.company)
    engine.create("Next", pipeline="care", company=made.company)
    engine.capture("Bob", company=made.company)
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert codes(caught) == ["used"] * 3


def test_another_lead_of_the_deal_holds_it(engine: Engine, made: Conversion, unchanged: Any) -> None:
    """A second inquiry was attached to the deal."""
    other = engine.capture("Bob")
    engine.apply(engine.plan_conversion(other, deal=made.deal, contact=False))
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert "used" in codes(caught)


def test_an_edit_of_what_was_filled_holds_it(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """Somebody has put the address right since: it is not taken away."""
    ann = engine.create_contact("Анна")
    made = engine.convert(lead, contact=ann, company=False, deal=False)
    engine.edit(ann.id, email="new@example.org")
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert codes(caught) == ["edited"]
    assert "email of contact 'Анна' was edited since" in str(caught.value)


def test_an_edit_of_something_else_does_not(engine: Engine, lead: Lead) -> None:
    """Other fields of a known contact may have changed; they keep their values."""
    ann = engine.create_contact("Анна")
    made = engine.convert(lead, contact=ann, company=False, deal=False)
    engine.edit(ann.id, phone="112")
    engine.undo(made)
    now = engine.store.get("contact", ann.id)
    assert (now.email, now.phone) == ("", "112")


def test_every_dependent_is_listed(engine: Engine, made: Conversion, unchanged: Any) -> None:
    """Not the first alone."""
    engine.log(contact_of(made), "call")
    engine.advance(deal_of(made))
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert sorted(codes(caught)) == ["activity", "moved"]


def test_a_lead_that_was_changed_holds_it(engine: Engine, made: Conversion, unchanged: Any) -> None:
    """Who has reopened the lead by hand has decided already."""
    engine.reopen(made.lead)
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert codes(caught) == ["changed"]


def test_a_lead_that_was_converted_again_holds_the_first_time(
    engine: Engine, made: Conversion, unchanged: Any
) -> None:
    """Only the last conversion of a lead is taken back."""
    again = engine.convert(engine.reopen(made.lead), pipeline="care")
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert codes(caught) == ["changed"]
    assert engine.convert(again.lead.id).id == again.id
    back = engine.undo(again)
    assert isinstance(back, Lead)
    assert (back.deal, back.is_open) == (deal_of(made).id, True)


def test_a_name_that_was_edited_does_not_hold_it(engine: Engine, made: Conversion) -> None:
    """An edit of the lead that has to do with nothing is kept."""
    engine.edit(made.lead.id, name="Anna")
    back = engine.undo(made.id)
    assert (back.name, engine.verify()) == ("Anna", ())


def test_a_lead_that_was_linked_to_others_holds_it(engine: Engine, made: Conversion, unchanged: Any) -> None:
    """Somebody gave the converted lead another contact: that is not taken away."""
    engine.edit(made.lead.id, contact=engine.create_contact("Bob"))
    with unchanged(RefusedError) as caught:
        engine.undo(made)
    assert codes(caught) == ["edited"]


def test_a_merge_into_what_was_made_holds_it(engine: Engine, made: Conversion, unchanged: Any) -> None:
    """The new contact stands for another one since."""
    other = engine.create_contact("Bob")
    engine.apply(engine.plan_merge([contact_of(made), other], survivor=contact_of(made)))
    with unchanged(RefusedError) as caught:
        engine.undo(made.id)
    assert "merged" in codes(caught)


@pytest.mark.parametrize("which", ["created", "filled", "lead"])
def test_a_merge_since_holds_it(engine: Engine, lead: Lead, unchanged: Any, which: str) -> None:
    """What was made, filled or converted has become part of another record."""
    known = engine.create_contact("Анна")
    given = known if which == "filled" else None
    made = engine.convert(lead, pipeline="care", contact=given)
    other: Any = engine.create_contact("Bob")
    loser: Any = made.contact
    if which == "lead":  # two leads of one deal
        plan = engine.plan_conversion(engine.capture("Bob"), deal=made.deal, contact=False, company=False)
        other, loser = engine.apply(plan).lead, made.lead
    engine.apply(engine.plan_merge([other, loser], survivor=other))
    with unchanged(RefusedError) as caught:
        engine.undo(made.id)
    assert "merged" in codes(caught)


def test_an_undo_is_not_undone(engine: Engine, lead: Lead, made: Conversion, unchanged: Any) -> None:
    """Neither by the undo's own id nor by the conversion's."""
    engine.undo(made)
    undo = engine.activities(lead.id)[-1]
    for id in (undo.id, made.id):
        with unchanged(RefusedError) as caught:
            engine.undo(id)
        assert codes(caught) == ["undone"]


def test_a_rule_may_forbid_it(clock: FrozenClock) -> None:
    """The gate is asked: a rule on the void of the deal refuses, and an override passes over it."""
    never = rule(on="void", name="never")(lambda deal: Refusal("never", "nothing is void here"))
    engine = Engine(
        Pipeline("strict", [Stage("a")], rules=never), Pipeline("in", [Stage("r")], kind="lead"), clock=clock
    )
    made = engine.convert(engine.capture("Ann"))
    with pytest.raises(RefusedError, match="nothing is void here"):
        engine.undo(made)
    assert engine.store.get("lead", made.lead.id) == made.lead
    engine.undo(made, actor="kim", reason="wrong person", override=True)
    row = engine.history(deal_of(made).id)[-1]
    assert (row.target, row.overruled, engine.verify()) == ("void", "never", ())


@pytest.mark.parametrize(
    ("done", "error"), [("nothing", NotFoundError), (5, InputError), (None, InputError), ("", NotFoundError)]
)
def test_there_is_nothing_to_undo(engine: Engine, unchanged: Any, done: Any, error: type[Exception]) -> None:
    """What is no conversion is an error."""
    with unchanged(error):
        engine.undo(done)


def test_a_call_is_not_undone(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """An activity of another kind."""
    call = engine.log(lead, "call")
    with unchanged(InputError):
        engine.undo(call.id)


def test_a_value_of_any_depth_is_filled_and_taken_back(engine: Engine) -> None:
    """The journal keeps whatever a record can hold: 16 levels of mappings, too."""
    deep: Any = {"leaf": 1}
    for _ in range(14):
        deep = {"below": deep}
    deal = engine.create("Seats", pipeline="care")
    lead = engine.capture("Ann", custom={"order": deep})
    made = engine.apply(engine.plan_conversion(lead, deal=deal, contact=False, company=False))
    assert deal_of(made).custom["order"] == deep
    engine.undo(made)
    assert engine.get(deal.id).custom == {}


def test_a_deal_is_not_filled_before_its_latest_act(engine: Engine, clock: FrozenClock) -> None:
    """What is edited after the instant of the conversion keeps its order in time."""
    lead = engine.capture("Ann", source="fair")
    then = clock.now()
    clock.tick("1d")
    deal = engine.create("Seats", pipeline="care")
    with pytest.raises(OutOfOrderError):
        engine.plan_conversion(lead, deal=deal, at=then)
