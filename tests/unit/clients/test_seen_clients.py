"""What one person sees of clients: their own, in candidates, duplicates, profiles and win-back."""

from __future__ import annotations

import pytest

from funnelkit import Engine, Organisation, Person, Pipeline, Stage, templates
from funnelkit.clients.winback import lost_clients
from funnelkit.errors import NotFoundError


@pytest.fixture
def engine() -> Engine:
    """Return an engine in which Ann and Bob have clients of one phone."""
    engine = Engine(
        Pipeline("sales", [Stage("new")]),
        templates.lead_intake(),
        organisation=Organisation(people=[Person("ann"), Person("bob")]),
    )
    for id, owner in (("a1", "ann"), ("a2", "ann"), ("b1", "bob")):
        engine.create_contact(f"N{id}", id=id, owner=owner, phone="+442079460000")
        engine.lose(engine.create(f"Deal {id}", id=f"d{id}", contact=id, owner=owner))
    engine.create("Bob's with her", id="both", contact="a1", owner="bob")
    return engine


def test_candidates_are_those_that_are_seen(engine: Engine) -> None:
    """A number finds the clients of who asks."""
    lead = engine.capture("?", phone="+442079460000")
    assert [one.record.id for one in engine.seen_by("ann").candidates(lead)] == ["a1", "a2"]


def test_duplicates_are_those_that_are_seen(engine: Engine) -> None:
    """A group holds nobody else's clients."""
    assert [list(group) for group in engine.duplicates()] == [["a1", "a2", "b1"]]
    assert [list(group) for group in engine.seen_by("ann").duplicates()] == [["a1", "a2"]]
    assert not engine.seen_by("bob").duplicates().groups


def test_a_profile_holds_what_is_seen(engine: Engine) -> None:
    """A deal of somebody else with one's client is not there; somebody else's client is not found."""
    assert [deal.id for deal in engine.client("a1").deals] == ["da1", "both"]
    assert [deal.id for deal in engine.seen_by("ann").client("a1").deals] == ["da1"]
    with pytest.raises(NotFoundError):
        engine.seen_by("ann").client("b1")


def test_the_lost_are_those_that_are_seen(engine: Engine) -> None:
    """Everybody wins back their own."""
    seen = engine.seen_by("ann")
    assert [lost.record.id for page in lost_clients(seen, "sales") for lost in page] == ["da1", "da2"]
