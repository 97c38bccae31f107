"""From place to place: advance, move, win, lose, void, reopen, transfer."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Deal, Engine, FrozenClock, Money, Pipeline, Stage, Transition, money
from funnelkit.changes import DealLost, DealMoved, DealReopened, DealTransferred, DealVoided, DealWon
from funnelkit.errors import InputError, RefusedError


def codes(error: Any) -> list[str]:
    """Return the codes of the refusals that an error holds."""
    return [refusal.code for refusal in error.value.verdict.refusals]


@pytest.fixture
def deal(engine: Engine) -> Deal:
    """Return a deal with a value on the first stage of sales."""
    return engine.create("Acme", pipeline="sales", value=money(12_000, "EUR"))


def on_offer(engine: Engine, deal: Deal) -> Deal:
    """Return the deal on the second stage with its step done."""
    deal = engine.advance(deal)
    engine.log(deal, "call", step="call")
    return deal


def test_a_created_deal_is_on_the_first_stage(deal: Deal) -> None:
    """Without a stage given a deal starts on the first, at version 1, open."""
    assert (deal.stage, deal.version, deal.is_open, deal.visited) == ("new", 1, True, ("new",))


def test_a_deal_needs_no_lead(deal: Deal) -> None:
    """B4: a deal may start without any lead, contact or company."""
    assert (deal.lead, deal.contact, deal.company) == ("", "", "")


def test_advance_takes_the_next_stage(engine: Engine, deal: Deal, clock: FrozenClock) -> None:
    """The deal is on the next stage, entered now, its version one higher."""
    at = clock.tick("1h")
    after = engine.advance(deal)
    assert (after.stage, after.version, after.entered_at, after.created_at) == (
        "offer",
        2,
        at,
        deal.created_at,
    )


def test_what_a_verb_returns_is_what_is_stored(engine: Engine, deal: Deal) -> None:
    """The returned record equals the one that is read; the one passed in is as it was."""
    after = engine.advance(deal)
    assert engine.get(deal.id) == after
    assert deal.stage == "new"


def test_advance_steps_over_archived_stages(engine: Engine, deal: Deal) -> None:
    """An archived stage is not the next one, and stepping over it is no skip."""
    after = engine.advance(on_offer(engine, deal))
    assert (after.stage, engine.history(after)[-1].direction) == ("contract", "forward")


def test_there_is_nothing_after_the_last_stage(engine: Engine, deal: Deal, unchanged: Any) -> None:
    """Advancing from the last stage is refused, with a fix."""
    last = engine.advance(on_offer(engine, deal))
    with unchanged(RefusedError) as caught:
        engine.advance(last)
    assert codes(caught) == ["last_stage"]


def test_advance_does_not_choose_between_two_ways(unchanged: Any, engine: Engine) -> None:
    """Where several stages come next, advancing is refused and names them."""
    fork = Pipeline(
        "fork", [Stage("a"), Stage("b"), Stage("c")], moves=[Transition("a", "b"), Transition("a", "c")]
    )
    forked = Engine(fork, store=engine.store)
    deal = forked.create("Acme")
    with unchanged(RefusedError) as caught:
        forked.advance(deal)
    assert codes(caught) == ["ambiguous"]
    assert "b, c" in caught.value.verdict.refusals[0].fix


def test_an_ordered_pipeline_allows_no_skip(engine: Engine, deal: Deal, unchanged: Any) -> None:
    """A stage further ahead is refused, and the refusal names what is possible."""
    with unchanged(RefusedError) as caught:
        engine.move(deal, "contract")
    assert codes(caught) == ["no_transition"]
    assert "offer" in caught.value.verdict.refusals[0].fix


def test_an_ordered_pipeline_allows_any_step_back(engine: Engine, deal: Deal) -> None:
    """Going back needs nothing that the stage left requires."""
    last = engine.advance(on_offer(engine, deal))
    assert engine.move(last, "new").stage == "new"


def test_a_free_pipeline_allows_skips(engine: Engine) -> None:
    """Any stage leads to any other."""
    deal = engine.create("Repair", pipeline="care")
    assert engine.history(engine.move(deal, "bill"))[-1].direction == "skip"


@pytest.mark.parametrize("act", [{}, {"override": True, "actor": "kim", "reason": "so"}, {"note": "again"}])
def test_a_move_to_where_it_is_does_nothing(engine: Engine, deal: Deal, act: dict[str, Any]) -> None:
    """No row, no change, no new version: not even by force."""
    assert engine.move(deal, "new", **act) == deal
    assert len(engine.history(deal)) == len(engine.changes(deal)) == 1


def test_a_win_keeps_the_stage(engine: Engine, deal: Deal, clock: FrozenClock) -> None:
    """A won deal stays on the stage it was won on, with a close record of how, when and by whom."""
    last = engine.advance(on_offer(engine, deal))
    at = clock.tick("2d")
    won = engine.win(last, actor="sam", note="with a discount")
    assert (won.stage, won.place, won.outcome, won.is_open) == ("contract", "won", "won", False)
    assert won.close is not None
    assert (won.close.outcome, won.close.at, won.close.by, won.close.note) == (
        "won",
        at,
        "sam",
        "with a discount",
    )


def test_a_reason_is_copied_as_text(engine: Engine, deal: Deal) -> None:
    """The close record and the ledger keep the reason's id and its text of that day."""
    lost = engine.lose(deal, reason="price")
    assert lost.close is not None
    assert (lost.close.reason, lost.close.reason_text) == ("price", "Слишком дорого")
    row = engine.history(lost)[-1]
    assert (row.reason, row.reason_text) == ("price", "Слишком дорого")


def test_a_reason_may_be_given_by_its_label(engine: Engine, deal: Deal) -> None:
    """The label of a reason means the reason."""
    lost = engine.lose(deal, reason="Слишком дорого")
    assert lost.close is not None
    assert lost.close.reason == "price"


@pytest.mark.parametrize(("reason", "code"), [("", "reason_required"), ("because", "reason_unknown")])
def test_a_reason_from_the_catalogue_is_demanded(
    engine: Engine, deal: Deal, unchanged: Any, reason: str, code: str
) -> None:
    """Where a catalogue exists, no reason and another reason are refused, and the refusal lists it."""
    with unchanged(RefusedError) as caught:
        engine.lose(deal, reason=reason)
    assert codes(caught) == [code]
    assert "no_answer" in caught.value.verdict.refusals[0].fix


def test_a_close_without_a_catalogue_takes_any_reason(engine: Engine) -> None:
    """Free text is kept as it was said."""
    lost = engine.lose(engine.create("Repair", pipeline="care"), reason="moved away")
    assert lost.close is not None
    assert (lost.close.reason, lost.close.reason_text) == ("moved away", "moved away")


def test_refusing_never_needs_finished_steps(engine: Engine) -> None:
    """B4: a deal is lost at any stage, whatever the stage requires."""
    deal = engine.create("Acme", pipeline="sales", stage="offer", override=True, actor="kim", reason="import")
    assert engine.lose(deal, reason="price").stage == "offer"


def test_void_is_not_lost(engine: Engine, deal: Deal) -> None:
    """A duplicate is void: an outcome and a catalogue of its own."""
    void = engine.void(deal, reason="duplicate")
    assert (void.outcome, engine.find("deal", outcome="lost")) == ("void", [])


def test_a_closed_deal_goes_nowhere(engine: Engine, deal: Deal, unchanged: Any) -> None:
    """After closing each verb of the way is refused with the fix to reopen it."""
    lost = engine.lose(deal, reason="price")
    acts: list[Any] = [
        lambda: engine.advance(lost),
        lambda: engine.move(lost, "offer"),
        lambda: engine.win(lost),
        lambda: engine.lose(lost, reason="price"),
        lambda: engine.void(lost, reason="duplicate"),
        lambda: engine.transfer(lost, "care"),
    ]
    for act in acts:
        with unchanged(RefusedError) as caught:
            act()
        assert "closed" in codes(caught)
        assert caught.value.verdict.refusals[0].fix == "reopen it first"


def test_reopen_returns_to_the_stage_it_died_on(engine: Engine, deal: Deal, clock: FrozenClock) -> None:
    """Reopening ends the close record; the stay begins anew; history keeps the close."""
    lost = engine.lose(engine.advance(deal), reason="price")
    at = clock.tick("1d")
    again = engine.reopen(lost)
    assert (again.stage, again.close, again.entered_at) == ("offer", None, at)
    assert [move.target for move in engine.history(again)] == ["new", "offer", "lost", "offer"]
    assert engine.history(again)[2].reason == "price"


def test_a_reason_does_not_outlive_reopening(engine: Engine, deal: Deal) -> None:
    """A deal that was lost, reopened and lost again carries the second reason only."""
    first = engine.lose(deal, reason="price", note="first")
    second = engine.lose(engine.reopen(first), reason="no_answer")
    assert second.close is not None
    assert (second.close.reason, second.close.note) == ("no_answer", "")


def test_an_open_deal_is_not_reopened(engine: Engine, deal: Deal, unchanged: Any) -> None:
    """Reopening what is open is refused."""
    with unchanged(RefusedError) as caught:
        engine.reopen(deal)
    assert codes(caught) == ["not_closed"]


def test_a_requirement_is_asked_when_its_stage_is_left(engine: Engine, unchanged: Any) -> None:
    """B12: a stage is left only when its fields are filled and its steps done; all refusals at once."""
    bare = engine.advance(engine.create("Acme", pipeline="sales"))
    with unchanged(RefusedError) as caught:
        engine.advance(bare)
    assert sorted(codes(caught)) == ["missing_field", "missing_step"]
    engine.edit(bare, value=money(1, "EUR"))
    engine.log(bare.id, "call", step="call")
    assert engine.advance(bare.id).stage == "contract"


def test_a_win_needs_what_the_stage_requires(engine: Engine, unchanged: Any) -> None:
    """B12: winning is leaving the stage forward."""
    bare = engine.advance(engine.create("Acme", pipeline="sales"))
    with unchanged(RefusedError):
        engine.win(bare)


def test_transfer_takes_a_deal_to_another_pipeline(engine: Engine, deal: Deal) -> None:
    """One row with both pipelines; the deal is on the first stage there unless one is named."""
    moved = engine.transfer(deal, "care")
    assert (moved.pipeline, moved.stage, moved.visited) == ("care", "ticket", ("ticket",))
    row = engine.history(moved)[-1]
    assert (row.pipeline, row.source_pipeline, row.source, row.target) == ("care", "sales", "new", "ticket")
    assert engine.transfer(moved, "sales", stage="contract").stage == "contract"


@pytest.mark.parametrize(("to", "code"), [("sales", "same_pipeline"), ("intake", "wrong_kind")])
def test_a_transfer_that_leads_nowhere_is_refused(
    engine: Engine, deal: Deal, unchanged: Any, to: str, code: str
) -> None:
    """The same pipeline, and one for another kind of record, are refused."""
    with unchanged(RefusedError) as caught:
        engine.transfer(deal, to)
    assert codes(caught) == [code]


def test_an_archived_stage_is_not_entered(engine: Engine, unchanged: Any) -> None:
    """Neither by creation, nor by transfer, nor by force."""
    deal = engine.create("Repair", pipeline="care")
    with unchanged(RefusedError) as caught:
        engine.transfer(deal, "sales", stage="paper", override=True, actor="kim", reason="so")
    assert codes(caught) == ["archived"]
    with unchanged(RefusedError):
        engine.create("Acme", pipeline="sales", stage="paper")


def test_an_ordered_pipeline_is_entered_at_its_first_stage(engine: Engine, unchanged: Any) -> None:
    """Starting further ahead is refused; a free pipeline may be entered anywhere."""
    with unchanged(RefusedError) as caught:
        engine.create("Acme", pipeline="sales", stage="offer")
    assert codes(caught) == ["entry"]
    assert engine.create("Repair", pipeline="care", stage="visit").stage == "visit"


@pytest.mark.parametrize(
    ("verb", "args", "change"),
    [
        ("advance", (), DealMoved),
        ("win", (), DealWon),
        ("lose", (), DealLost),
        ("void", (), DealVoided),
        ("transfer", ("sales",), DealTransferred),
    ],
)
def test_each_verb_has_a_change_of_its_own(
    engine: Engine, verb: str, args: tuple[str, ...], change: type
) -> None:
    """The feed tells what happened in the past tense, with the version and both places."""
    deal = engine.create("Repair", pipeline="care")
    after = getattr(engine, verb)(deal, *args, actor="sam")
    told = engine.changes(deal)[-1]
    assert type(told) is change
    assert (told.record, told.version, told.at, told.actor) == (deal.id, 2, after.updated_at, "sam")


def test_reopening_has_a_change_of_its_own(engine: Engine) -> None:
    """The feed tells of a reopening."""
    deal = engine.reopen(engine.void(engine.create("Repair", pipeline="care")))
    assert isinstance(engine.changes(deal)[-1], DealReopened)


NAMED = Pipeline(
    "named",
    [Stage("a"), Stage("b")],
    moves=[
        Transition("a", "b", name="send"),
        Transition("b", "won", name="sign"),
        Transition("a", "lost", name="give_up"),
    ],
    close_reasons={"lost": {"price": "Дорого"}},
)


def test_a_named_transition_is_asked_for_by_name(engine: Engine) -> None:
    """The name of a transition stands for its target."""
    named = Engine(NAMED, store=engine.store)
    deal = named.move(named.create("Acme"), "send")
    assert (deal.stage, named.move(deal, "sign").outcome) == ("b", "won")


def test_a_close_by_a_name_needs_its_reason_too(engine: Engine, unchanged: Any) -> None:
    """B4: a loss has a reason from the catalogue, by whatever word it was asked for."""
    named = Engine(NAMED, store=engine.store)
    deal = named.create("Acme")
    with unchanged(RefusedError) as caught:
        named.move(deal, "give_up")
    assert codes(caught) == ["reason_required"]
    lost = named.move(deal, "give_up", reason="Дорого")
    assert lost.close is not None
    assert (lost.close.outcome, lost.close.reason, lost.close.reason_text) == ("lost", "price", "Дорого")


@pytest.mark.parametrize("word", ["nowhere", "won", "", "оffer", "offer\0", "x" * 10_000])
def test_an_unknown_stage_is_named(engine: Engine, deal: Deal, unchanged: Any, word: str) -> None:
    """A word that the pipeline does not have is an InputError about ``to``."""
    with unchanged(InputError) as caught:
        engine.move(deal, word)
    assert caught.value.argument == "to"


def test_a_misspelt_stage_gets_a_suggestion(engine: Engine, deal: Deal, unchanged: Any) -> None:
    """The nearest stage is suggested."""
    with unchanged(InputError) as caught:
        engine.move(deal, "ofer")
    assert caught.value.fix == "did you mean 'offer'?"


def test_values_of_the_time_stay_in_the_ledger(engine: Engine, deal: Deal) -> None:
    """A row keeps owner, value, source and probability as they were at the move."""
    row = engine.history(engine.edit(engine.advance(deal), value=money(1, "EUR")))[-1]
    assert (row.value, row.probability, row.lead_source) == (Money(1_200_000, "EUR"), 0.1, "")
