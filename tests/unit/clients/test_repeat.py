"""A known client who comes again is marked: after a purchase, or after none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from funnelkit import Contact, Engine, FrozenClock, MemoryStore, Pipeline, Stage
from funnelkit.storage.base import AsyncStore
from funnelkit.verbs.repeat import repeat_of


@pytest.fixture
def ann(engine: Engine) -> Contact:
    """Return a contact."""
    return engine.create_contact("Ann")


def again(engine: Engine, **client: Any) -> str:
    """Return the mark of a new deal of a client."""
    return engine.create("Again", pipeline="care", **client).repeat


def test_the_first_time_is_no_repeat(engine: Engine, ann: Contact) -> None:
    """Nothing came before."""
    assert again(engine, contact=ann) == ""


def test_an_open_deal_is_no_repeat(engine: Engine, ann: Contact) -> None:
    """Neither bought nor lost: two deals at once say nothing."""
    engine.create("First", pipeline="care", contact=ann)
    assert again(engine, contact=ann) == ""


def test_after_a_purchase_it_is_a_repeat_deal(engine: Engine, ann: Contact) -> None:
    """One deal was won, whatever was lost before or after it."""
    engine.win(engine.create("First", pipeline="care", contact=ann))
    engine.lose(engine.create("Second", pipeline="care", contact=ann))
    assert again(engine, contact=ann) == "deal"


def test_after_a_lost_deal_it_is_a_repeat_inquiry(engine: Engine, ann: Contact) -> None:
    """None was won."""
    engine.lose(engine.create("First", pipeline="care", contact=ann))
    assert again(engine, contact=ann) == "inquiry"


def test_after_a_disqualified_lead_it_is_a_repeat_inquiry(engine: Engine, ann: Contact) -> None:
    """A lead of the client that came to nothing counts, too."""
    engine.lose(engine.capture("Ann", contact=ann), reason="off_target")
    assert again(engine, contact=ann) == "inquiry"


def test_void_says_nothing(engine: Engine, ann: Contact) -> None:
    """A duplicate or a test is no earlier time."""
    engine.void(engine.create("First", pipeline="care", contact=ann))
    assert again(engine, contact=ann) == ""


def test_a_purchase_of_the_company_counts(engine: Engine, ann: Contact) -> None:
    """Another person of the company bought; the deal is of the company."""
    acme = engine.create_company("Acme")
    engine.win(engine.create("First", pipeline="care", company=acme))
    assert again(engine, contact=ann) == ""
    assert again(engine, contact=ann, company=acme) == "deal"


def test_a_company_alone_comes_again(engine: Engine) -> None:
    """A deal may have no contact."""
    acme = engine.create_company("Acme")
    engine.win(engine.create("First", pipeline="care", company=acme))
    assert again(engine, company=acme) == "deal"


def test_a_lead_that_was_converted_or_void_says_nothing(engine: Engine, ann: Contact) -> None:
    """Only one that was disqualified came to nothing."""
    engine.void(engine.capture("Ann", contact=ann), reason="duplicate")
    engine.convert(engine.capture("Ann", contact=ann), deal=False)
    assert again(engine, contact=ann) == ""


def test_a_purchase_of_somebody_else_does_not(engine: Engine, ann: Contact) -> None:
    """Nor does one of nobody."""
    engine.win(engine.create("First", pipeline="care", contact=engine.create_contact("Bob")))
    engine.win(engine.create("Second", pipeline="care"))
    assert again(engine, contact=ann) == ""
    assert again(engine) == ""


def test_a_lead_is_marked_too(engine: Engine, ann: Contact) -> None:
    """A new lead of a client who bought."""
    engine.win(engine.create("First", pipeline="care", contact=ann))
    assert engine.capture("Ann again", contact=ann).repeat == "deal"


def test_the_ledger_is_marked(engine: Engine, ann: Contact) -> None:
    """Every row of the record carries the mark of its creation."""
    engine.win(engine.create("First", pipeline="care", contact=ann))
    deal = engine.advance(engine.create("Again", pipeline="care", contact=ann))
    assert [move.repeat for move in engine.history(deal)] == ["deal", "deal"]
    assert engine.verify() == ()


def test_a_later_purchase_changes_no_mark(engine: Engine, ann: Contact) -> None:
    """The mark is that of the time it came."""
    deal = engine.create("First", pipeline="care", contact=ann)
    engine.win(engine.create("Second", pipeline="care", contact=ann))
    assert engine.advance(deal).repeat == ""


def test_a_back_fill_is_marked_as_of_its_time(engine: Engine, ann: Contact, clock: FrozenClock) -> None:
    """A deal dated before the purchase was no repeat."""
    before = clock.now()
    clock.tick("1d")
    engine.win(engine.create("First", pipeline="care", contact=ann))
    assert engine.create("Late entry", pipeline="care", contact=ann, at=before).repeat == ""


def test_a_new_contact_of_a_conversion_is_no_repeat(engine: Engine) -> None:
    """Who is made by the conversion has never come before."""
    made = engine.convert(engine.capture("Ann"), pipeline="care")
    assert made.deal is not None
    assert made.deal.repeat == ""


def test_repeats_are_found_and_reported_apart(engine: Engine, ann: Contact) -> None:
    """Lists and funnels can be asked for one mark, and grouped by all."""
    engine.win(engine.create("First", pipeline="care", contact=ann))
    deal = engine.win(engine.create("Again", pipeline="care", contact=ann))
    assert engine.find("deal", repeat="deal") == [deal]
    funnel = engine.funnel("care", by="repeat")
    assert {row.group: row.count for row in funnel.rows if row.stage == "won"} == {"": 1, "deal": 1}
    assert engine.funnel("care", repeat="deal").counts()["won"] == 1


class Counting(MemoryStore):
    """A store that counts what it is asked."""

    asked = 0

    def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
        """Count one question."""
        self.asked += 1
        return super().query(sql, params)


@pytest.mark.parametrize(("client", "questions"), [((), 0), (("contact",), 1), (("contact", "company"), 1)])
def test_a_client_costs_one_question(client: tuple[str, ...], questions: int) -> None:
    """One for a client of either kind or both, none where there is no client."""
    store = Counting()
    engine = Engine(Pipeline("care", [Stage("a")]), store=store)
    parties = {"contact": engine.create_contact("Ann"), "company": engine.create_company("Acme")}
    store.asked = 0
    engine.create("Deal", **{kind: parties[kind] for kind in client})  # type: ignore[arg-type]
    assert store.asked == questions


def test_nobody_is_asked_about_nobody() -> None:
    """Without a client there is no question at all, not even to a store that would fail."""
    store: AsyncStore = None  # type: ignore[assignment]
    nobody = {"contact": "", "company": ""}
    assert asyncio.run(repeat_of(store, datetime(2026, 3, 2, tzinfo=UTC), nobody)) == ""
