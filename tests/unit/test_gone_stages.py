"""Records on a stage that the definition has lost, and other ends that were found open."""

from __future__ import annotations

import pytest

from funnelkit import Engine, MemoryStore, Pipeline, Stage, rule, templates
from funnelkit.errors import InputError, RefusedError


@pytest.fixture
def gone() -> tuple[Engine, str]:
    """Return an engine whose pipeline has lost the stage that a deal is on, and the deal's id."""
    store = MemoryStore()
    before = Engine(Pipeline("sales", [Stage("demo"), Stage("offer")]), store=store)
    deal = before.create("Acme")
    return Engine(Pipeline("sales", [Stage("call"), Stage("offer")]), store=store), deal.id


@pytest.mark.parametrize("verb", ["lose", "void"])
def test_a_deal_on_a_lost_stage_can_be_given_up(gone: tuple[Engine, str], verb: str) -> None:
    """Losing and voiding are always possible, also from a stage that was taken out."""
    engine, deal = gone
    assert engine.can(deal, verb)
    assert verb in [option.verb for option in engine.next(deal)]
    assert not getattr(engine, verb)(deal).is_open
    assert engine.verify() == ()


def test_a_deal_on_a_lost_stage_does_not_move_by_itself(gone: tuple[Engine, str]) -> None:
    """A move from a stage that was taken out is refused, and says what to do."""
    engine, deal = gone
    with pytest.raises(RefusedError, match="migrate the pipeline"):
        engine.move(deal, "offer")


def test_a_lead_converted_again_keeps_its_contact() -> None:
    """After a reopening, contact=True means the contact the lead has; the deal keeps its client (B3)."""
    engine = Engine(templates.lead_intake(), Pipeline("sales", [Stage("new")]))
    first = engine.convert(engine.capture("Ann", company_name="Acme"), contact=True, company=True)
    again = engine.convert(engine.reopen(first.lead), contact=True, company=True)
    assert (again.deal, again.contact, again.company) == (first.deal, first.contact, first.company)


def test_a_step_counts_in_the_pipeline_where_it_was_done() -> None:
    """A call on stage new of one pipeline is no call on stage new of another."""
    step = Stage("new", steps=("call",))
    engine = Engine(Pipeline("a", [step, Stage("x")]), Pipeline("b", [step, Stage("y")]))
    deal = engine.create("Acme", pipeline="a")
    engine.log(deal, "call", step="call")
    deal = engine.transfer(deal, "b")
    assert engine.can(deal, "advance").refusals[0].code == "missing_step"


def test_a_rule_that_breaks_is_named() -> None:
    """What a rule raises comes out as it is, with a note that names the rule."""

    @rule(on="win")
    def divides(deal: object) -> None:
        raise ZeroDivisionError

    engine = Engine(Pipeline("sales", [Stage("new")], rules=[divides]))
    deal = engine.create("Acme")
    with pytest.raises(ZeroDivisionError) as caught:
        engine.win(deal)
    assert "in rule 'divides'" in caught.value.__notes__[0]


def test_a_new_record_has_no_version_to_expect() -> None:
    """expect= on a creation is refused: there is nothing that could be at a version."""
    with pytest.raises(InputError, match="expect: what is new has no version yet"):
        Engine(Pipeline("sales", [Stage("new")])).create("Acme", expect=1)
