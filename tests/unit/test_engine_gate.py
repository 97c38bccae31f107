"""Asking before acting, handing over, and passing over rules: `can`, `next`, `assign`, overrides."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Actor, Engine, MemoryStore, Pipeline, Refusal, Stage, money, rule
from funnelkit.changes import RecordAssigned
from funnelkit.errors import DefinitionError, InputError, RefusedError
from funnelkit.testing import readable

FORCE: dict[str, Any] = {"override": True, "actor": "kim", "reason": "the client is in a hurry"}


def codes(verdict: Any) -> list[str]:
    """Return the codes of the refusals of a verdict."""
    return [refusal.code for refusal in verdict.refusals]


# -- can and next -----------------------------------------------------------------------------------


def test_can_gives_every_refusal_with_its_fix(engine: Engine) -> None:
    """X2: every reason why not, each with a code, a sentence, the field and what would mend it."""
    deal = engine.advance(engine.create("Acme", pipeline="sales"))
    verdict = engine.can(deal, "win")
    assert not verdict
    assert codes(verdict) == ["missing_field", "missing_step"]
    assert all(refusal.sentence and refusal.fix for refusal in verdict.refusals)
    assert verdict.refusals[0].field == "value"


def test_can_and_the_verb_say_the_same(engine: Engine, unchanged: Any) -> None:
    """X2: the error of the verb holds the verdict that ``can`` gave."""
    deal = engine.advance(engine.create("Acme", pipeline="sales"))
    verdict = engine.can(deal, "win")
    with unchanged(RefusedError) as caught:
        engine.win(deal)
    assert caught.value.verdict == verdict


@pytest.mark.parametrize(
    ("verb", "to"), [("advance", ""), ("move", "visit"), ("win", ""), ("lose", ""), ("transfer", "sales")]
)
def test_can_changes_nothing(engine: Engine, verb: str, to: str) -> None:
    """Asking about an act that is allowed does not do it."""
    deal = engine.create("Repair", pipeline="care")
    before = readable(engine.store)
    assert engine.can(deal, verb, to)
    assert readable(engine.store) == before


def test_can_knows_no_other_verbs(engine: Engine) -> None:
    """A word that is no verb is the caller's error, with a suggestion."""
    deal = engine.create("Repair", pipeline="care")
    with pytest.raises(InputError, match="did you mean 'advance'"):
        engine.can(deal, "advanse")


def test_can_is_about_leads_and_deals(engine: Engine) -> None:
    """A contact is in no pipeline."""
    with pytest.raises(InputError):
        engine.can(engine.create_contact("Ann"), "edit")


def test_a_deal_cannot_be_converted(engine: Engine) -> None:
    """Only leads are converted, and ``can`` says so."""
    assert codes(engine.can(engine.create("Repair", pipeline="care"), "convert")) == ["not_a_lead"]


def test_next_gives_every_button_in_order(engine: Engine) -> None:
    """X2: stages in the order of the pipeline, then the outcomes, each with its verdict."""
    deal = engine.advance(engine.create("Acme", pipeline="sales"))
    options = [(option.verb, option.target, bool(option.verdict)) for option in engine.next(deal)]
    assert options == [
        ("move", "new", True),
        ("move", "contract", False),
        ("win", "", False),
        ("lose", "", False),
        ("void", "", False),
    ]


def test_next_with_a_reason_opens_the_refusing_buttons(engine: Engine) -> None:
    """What is given to ``next`` is given to each verdict."""
    deal = engine.create("Acme", pipeline="sales")
    allowed = [option.verb for option in engine.next(deal, reason="price") if option.verdict]
    assert "lose" in allowed


def test_next_of_a_closed_record_is_to_reopen_it(engine: Engine) -> None:
    """A closed record has one button."""
    deal = engine.win(engine.create("Repair", pipeline="care"))
    assert [(option.verb, bool(option.verdict)) for option in engine.next(deal)] == [("reopen", True)]


def test_next_of_a_lead_converts(engine: Engine) -> None:
    """A lead is not won, it is converted."""
    verbs = [option.verb for option in engine.next(engine.capture("Inquiry"))]
    assert "convert" in verbs
    assert "win" not in verbs


# -- handing over -------------------------------------------------------------------------------------


def test_a_hand_over_can_demand_a_reason(engine: Engine, unchanged: Any) -> None:
    """B12: nobody drops a difficult client unseen."""
    deal = engine.create("Acme", pipeline="sales", owner="sam")
    with unchanged(RefusedError) as caught:
        engine.assign(deal, "kim")
    assert codes(caught.value.verdict) == ["no_reason"]


def test_a_hand_over_leaves_a_trace(engine: Engine) -> None:
    """B12: the feed tells who handed it from whom to whom, and why; the owner counts from then on."""
    deal = engine.create("Acme", pipeline="sales", owner="sam")
    handed = engine.assign(deal, "kim", reason="holiday", actor="sam")
    told = engine.changes(deal)[-1]
    assert isinstance(told, RecordAssigned)
    assert (told.source, told.target, told.reason, told.actor) == ("sam", "kim", "holiday", "sam")
    row = engine.store.attributes(deal.id)[-1]
    assert (row.field, row.value, row.since) == ("owner", "kim", handed.updated_at)


def test_a_hand_over_leaves_the_place(engine: Engine) -> None:
    """A new owner is no move: same stage, no row, a stay that goes on."""
    deal = engine.create("Acme", pipeline="sales", owner="sam")
    handed = engine.assign(deal, "", reason="free")
    assert (handed.owner, handed.version, handed.entered_at) == ("", 2, deal.entered_at)
    assert len(engine.history(deal)) == 1


def test_a_hand_over_to_the_same_owner_is_nothing(engine: Engine) -> None:
    """Nothing changes, nothing is told."""
    deal = engine.create("Acme", pipeline="sales", owner="sam")
    assert engine.assign(deal, "sam", reason="again") == deal
    assert len(engine.changes(deal)) == 1


def test_closed_records_and_parties_are_handed_over_too(engine: Engine) -> None:
    """An owner who leaves leaves everything."""
    deal = engine.win(engine.create("Repair", pipeline="care", owner="sam"))
    contact = engine.create_contact("Ann", owner="sam")
    assert (engine.assign(deal, "kim").owner, engine.assign(contact, "kim").owner) == ("kim", "kim")


# -- passing over rules --------------------------------------------------------------------------------


def test_an_override_passes_over_rules_and_is_marked(engine: Engine) -> None:
    """X3: the ledger names who, why, and the codes of what was passed over."""
    deal = engine.advance(engine.create("Acme", pipeline="sales"))
    won = engine.win(deal, **FORCE)
    row = engine.history(won)[-1]
    assert (row.actor, row.reason, row.overruled) == ("kim", FORCE["reason"], "missing_field,missing_step")


def test_an_override_passes_over_missing_ways(engine: Engine) -> None:
    """X3: a skip in an ordered pipeline, by force."""
    deal = engine.move(engine.create("Acme", pipeline="sales"), "contract", **FORCE)
    assert (deal.stage, engine.history(deal)[-1].overruled) == ("contract", "no_transition")


def test_an_override_that_was_not_needed_is_not_marked(engine: Engine) -> None:
    """What is allowed anyway is overruled by nobody."""
    deal = engine.advance(engine.create("Acme", pipeline="sales"), **FORCE)
    assert engine.history(deal)[-1].overruled == ""


@pytest.mark.parametrize(
    ("act", "missing"),
    [
        ({"override": True}, ["override_actor", "override_reason"]),
        ({"override": True, "actor": "kim"}, ["override_reason"]),
        ({"override": True, "actor": "kim", "reason": "  "}, ["override_reason"]),
        ({"override": True, "actor": "system", "reason": "so"}, ["override_actor"]),
    ],
)
@pytest.mark.parametrize("verb", ["advance", "win", "assign", "transfer", "log", "edit"])
def test_an_override_needs_an_actor_and_a_reason(
    engine: Engine, unchanged: Any, verb: str, act: dict[str, Any], missing: list[str]
) -> None:
    """X3: nobody passes over a rule unnamed or without saying why."""
    deal = engine.create("Repair", pipeline="care")
    args = {"assign": ("kim",), "transfer": ("sales",), "log": ("call",)}.get(verb, ())
    with unchanged(RefusedError) as caught:
        getattr(engine, verb)(deal, *args, **act)
    assert codes(caught.value.verdict) == missing


def test_an_override_does_not_lead_into_an_archived_stage(engine: Engine, unchanged: Any) -> None:
    """Nothing enters an archived stage: not by a move, a creation or a transfer that is overridden."""
    deal, other = engine.create("Acme", pipeline="sales"), engine.create("Acme", pipeline="care")
    for call in (
        lambda: engine.move(deal, "paper", **FORCE),
        lambda: engine.create("Acme", pipeline="sales", stage="paper", **FORCE),
        lambda: engine.transfer(other, "sales", stage="paper", **FORCE),
    ):
        with unchanged(RefusedError) as caught:
            call()
        assert codes(caught.value.verdict) == ["archived"]


def test_an_override_does_not_open_what_is_closed(engine: Engine, unchanged: Any) -> None:
    """X3: what lies in the record itself is passed over by nobody."""
    deal = engine.win(engine.create("Repair", pipeline="care"))
    with unchanged(RefusedError) as caught:
        engine.move(deal, "visit", **FORCE)
    assert codes(caught.value.verdict) == ["closed"]


def test_an_overruled_hand_over_is_marked(engine: Engine) -> None:
    """X3: the change of a forced edit or hand-over names what it passed over."""
    refuse = rule(on="assign", name="never")(lambda deal: Refusal("never", "nobody hands over"))
    strict = Engine(Pipeline("strict", [Stage("a")], rules=refuse), store=engine.store)
    deal = strict.assign(strict.create("Acme"), "sam", **FORCE)
    told = strict.changes(deal)[-1]
    assert isinstance(told, RecordAssigned)
    assert told.overruled == "never"


# -- what rules are told -------------------------------------------------------------------------------


def test_rules_are_told_what_they_ask_for() -> None:
    """X3: record, actor, places, contact, history and activities reach a rule by parameter name."""
    seen: dict[str, Any] = {}

    @rule(on="move", name="first")
    def act(deal: Any, actor: Any, source: str, target: str) -> None:
        seen.update(deal=deal, actor=actor, source=source, target=target)

    @rule(on="move", name="second")
    def past(contact: Any, history: Any, activities: Any) -> None:
        seen.update(contact=contact, history=history, activities=activities)

    engine = Engine(Pipeline("p", [Stage("a"), Stage("b")], rules=[act, past]))
    contact = engine.create_contact("Ann")
    deal = engine.create("Acme", contact=contact, value=money(1, "EUR"))
    call = engine.log(deal, "call")
    engine.advance(deal, actor=Actor("kim", roles={"manager"}))
    assert seen == {
        "deal": deal,
        "actor": Actor("kim", roles={"manager"}),
        "source": "a",
        "target": "b",
        "contact": contact,
        "history": tuple(engine.history(deal)[:1]),
        "activities": (call,),
    }


@pytest.mark.parametrize(
    "verb", ["create", "move", "win", "lose", "void", "reopen", "transfer", "assign", "edit", "log"]
)
def test_a_rule_guards_every_verb(verb: str) -> None:
    """X3: a refusal on any verb stops it, changes nothing, and is the one that ``can`` gives."""
    no = rule(on=verb, name="no")(lambda deal: Refusal("no", "not today"))
    store = MemoryStore()
    open_handed = Engine(Pipeline("p", [Stage("a"), Stage("b")]), Pipeline("q", [Stage("a")]), store=store)
    deal = open_handed.create("Acme", id="d1", pipeline="p")
    if verb == "reopen":
        open_handed.win(deal)
    strict = Engine(
        Pipeline("p", [Stage("a"), Stage("b")], rules=no), Pipeline("q", [Stage("a")]), store=store
    )
    args: dict[str, tuple[Any, ...]] = {
        "create": ("Second",),
        "move": ("d1", "b"),
        "transfer": ("d1", "q"),
        "assign": ("d1", "sam"),
        "log": ("d1", "call"),
    }
    details: dict[str, Any] = {"create": {"pipeline": "p"}, "edit": {"name": "New"}}.get(verb, {})
    before = readable(store)
    with pytest.raises(RefusedError) as caught:
        getattr(strict, verb)(*args.get(verb, ("d1",)), **details)
    assert codes(caught.value.verdict) == ["no"]
    assert readable(store) == before


def test_a_rule_cannot_change_an_edit() -> None:
    """What a rule is shown of an edit cannot be written, so no rule moves a record past the gate."""

    @rule(on="edit")
    def sly(edits: Any) -> None:
        edits["stage"] = "contract"

    engine = Engine(Pipeline("sales", [Stage("new"), Stage("contract")], rules=sly))
    deal = engine.create("Acme")
    with pytest.raises(TypeError):
        engine.edit(deal, name="New")
    assert engine.get(deal.id) == deal


def test_a_rule_that_answers_nonsense_is_a_definition_error(unchanged: Any, engine: Engine) -> None:
    """A rule returns None or a Refusal; True is neither, and nothing is written."""
    odd = rule(name="odd")(lambda deal: True)  # type: ignore[arg-type,return-value]
    wrong = Engine(Pipeline("p", [Stage("a"), Stage("b")], rules=odd), store=engine.store)
    deal = wrong.create("Acme")
    with unchanged(DefinitionError):
        wrong.advance(deal)
