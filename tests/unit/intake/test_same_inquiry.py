"""What is the same inquiry and what another one, and what an open card learns of the second one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Deal, Engine, FrozenClock, Lead, Pipeline, Source, Stage, Store, rule, templates
from funnelkit.changes import RecordEdited
from funnelkit.stages import Refusal
from funnelkit.storage.sqlite import SQLiteStore

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADA: dict[str, Any] = {"email": "ada@x.example"}
PHONE: dict[str, Any] = {"phone": "+44 20 7946 0000"}


def an_engine(store: Store | None = None) -> Engine:
    """Return an engine with a source for leads and one for deals."""
    sources = [Source(id="site", pipeline="lead_intake"), Source(id="shop", pipeline="sales")]
    sales = Pipeline("sales", [Stage("new"), Stage("offer")])
    clock = FrozenClock(MONDAY)
    return Engine(sales, templates.lead_intake(), store=store, sources=sources, clock=clock)


def said(engine: Engine, card: Lead | Deal) -> list[Any]:
    """Return what was said beside of each inquiry of a card."""
    return [each.custom.get("said") for each in engine.activities(card)]


@pytest.mark.parametrize("known", [True, False])
def test_a_second_deal_of_one_client_is_another_deal(known: bool) -> None:
    """Who wants seats and a training gets two deals, whether they are named or found by their address."""
    engine = an_engine()
    who: dict[str, Any] = (
        {"contact": engine.create_contact("Ada", **ADA)} if known else {"person": "Ada", **ADA}
    )
    names = [engine.create(name, source="shop", **who).name for name in ("40 seats", "Training day")]
    assert names == [deal.name for deal in engine.find("deal")] == ["40 seats", "Training day"]


def test_a_deal_of_the_same_name_is_the_same_however_it_is_written() -> None:
    """Capitals and punctuation make no second deal, and what was written is kept."""
    engine = an_engine()
    ada = engine.create_contact("Ada")
    first = engine.create("40 seats", contact=ada, source="shop")
    assert engine.create("40 SEATS!", contact=ada, source="shop").id == first.id
    assert said(engine, first) == [None, {"name": "40 SEATS!"}]


def test_the_name_of_a_repeated_inquiry_is_kept() -> None:
    """A lead keeps its name, and the second one stands in the activity."""
    engine = an_engine()
    engine.capture("Ada Lovelace", source="site", **ADA)
    card = engine.capture("Mrs Lovelace", source="site", **ADA)
    assert card.name == "Ada Lovelace"
    assert said(engine, card) == [None, {"name": "Mrs Lovelace"}]


@pytest.mark.parametrize("verb", ["capture", "create"])
@pytest.mark.parametrize("known", [True, False])
def test_many_people_may_write_from_one_address(verb: str, known: bool) -> None:
    """A hundred names from the address of a shop are a hundred cards, also where the address is known."""
    engine = an_engine()
    address = "noreply@shop.example"
    if known:
        engine.create_contact("Shop", email=address)
    for number in range(100):
        if verb == "capture":
            engine.capture(f"Name{number}", source="site", email=address, key=f"k{number}")
        else:
            engine.create("Order", source="shop", person=f"Name{number}", email=address, key=f"k{number}")
    assert len(engine.find("lead" if verb == "capture" else "deal", limit=200)) == 100


def test_one_address_and_one_number_are_one_person() -> None:
    """Whatever the names are; somebody without a name is taken by the address."""
    engine = an_engine()
    first = engine.capture("Ada Lovelace", source="site", **ADA, **PHONE)
    assert engine.capture("Countess", source="site", **ADA, **PHONE).id == first.id
    assert engine.capture("?", source="site", **ADA).id == first.id
    assert engine.capture("Countess", source="site", **ADA).id != first.id


def test_a_card_learns_what_its_second_inquiry_says() -> None:
    """The number of the second inquiry is on the card, so the third one is found by the number alone."""
    engine = an_engine()
    engine.capture("Ada", source="site", **ADA)
    second = engine.capture("Ada", source="site", **ADA, **PHONE, company_name="Acme")
    third = engine.capture("Ada", source="site", **PHONE)
    assert isinstance(second, Lead)
    assert (second.phone, second.company_name) == (PHONE["phone"], "Acme")
    assert third == second
    assert engine.find("lead") == [second]
    edits = [change for change in engine.changes(second) if isinstance(change, RecordEdited)]
    assert [change.fields for change in edits] == [("company_name", "phone")]
    assert engine.verify() == ()


def test_what_a_card_has_is_not_overwritten() -> None:
    """Another address of the same client leaves the one that is there."""
    engine = an_engine()
    first = engine.capture("Ada", source="site", **ADA, **PHONE)
    again = engine.capture("Ada", source="site", **ADA, phone="+44 20 7946 0001", company_name="")
    assert again == first


def test_a_card_learns_who_its_client_is() -> None:
    """Who was not known when the card was made is attached when they are found."""
    engine = an_engine()
    first = engine.capture("Ada", source="site", **PHONE)
    ada = engine.create_contact("Ada", **ADA)
    again = engine.capture("Ada", source="site", **ADA, **PHONE)
    assert (again.id, again.contact) == (first.id, ada.id)


def test_the_contact_of_a_deal_learns_the_number() -> None:
    """A deal has no address of its own; its client has."""
    engine = an_engine()
    first = engine.create("Seats", source="shop", person="Ada", **ADA)
    engine.create("Seats", source="shop", person="Ada", **ADA, **PHONE)
    assert engine.create("Seats", source="shop", person="Ada", **PHONE).id == first.id
    assert [client.phone for client in engine.find("contact")] == [PHONE["phone"]]  # type: ignore[union-attr]


def test_an_inquiry_is_taken_in_where_the_card_may_not_be_edited() -> None:
    """The gate refuses the edit, so the blanks stay blank, and the activity has what was said."""

    @rule(on="edit")
    def nobody_edits() -> Refusal:
        return Refusal("locked", "it is locked")

    locked = Pipeline("locked", [Stage("new")], kind="lead", rules=[nobody_edits])
    engine = Engine(locked, sources=[Source(id="site", pipeline="locked")], clock=FrozenClock(MONDAY))
    first = engine.capture("Ada", source="site", **ADA)
    assert engine.capture("Ada", source="site", **ADA, **PHONE) == first
    assert engine.activities(first)[-1].custom["phone"] == PHONE["phone"]


def test_an_inquiry_of_yesterday_fills_a_card_too() -> None:
    """One that is written down later counts from when it was, and the card from its latest act."""
    engine = an_engine()
    at = MONDAY - timedelta(hours=3)
    first = engine.capture("Ada", source="site", at=at, **ADA)
    engine.edit(first, custom={"seats": 1})
    again = engine.capture("Ada", source="site", at=at + timedelta(hours=1), **ADA, **PHONE)
    assert isinstance(again, Lead)
    assert (again.phone, again.updated_at) == (PHONE["phone"], MONDAY)


def test_simultaneous_inquiries_fill_one_card(tmp_path: Path) -> None:
    """None of those that come at once is lost because another one wrote to the card first."""
    with SQLiteStore(tmp_path / "crm.db", durability="fast", timeout=60) as store:
        engine = an_engine(store)
        first = engine.capture("Ada", source="site", **ADA)

        def again(number: int) -> str:
            return engine.capture("Ada", source="site", phone=f"+44 20 7946 00{number:02}", **ADA).id

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(again, range(16))) == {first.id}
        assert len(engine.activities(first)) == 17


def test_who_is_named_is_made_without_an_address() -> None:
    """A person and their company are made with the deal, though nobody can reach them yet."""
    engine = an_engine()
    deal = engine.create("Seats", person="Ada", company_name="Acme")
    assert (engine.get(deal.contact).name, engine.get(deal.company).name) == ("Ada", "Acme")
    assert engine.get(deal.contact).company == deal.company  # type: ignore[union-attr]


def test_a_company_alone_is_made_without_a_person() -> None:
    """Nobody is called after what the deal is about."""
    engine = an_engine()
    deal = engine.create("Seats", company_name="Acme")
    assert (deal.contact, engine.get(deal.company).name) == ("", "Acme")
    assert engine.find("contact") == []


def test_without_sources_a_client_is_looked_for_when_it_is_an_inquiry() -> None:
    """Consent makes an inquiry of a lead; without it, and without sources, nobody is looked for."""
    engine = Engine(templates.lead_intake())
    ada = engine.create_contact("Ada", **ADA)
    assert engine.capture("Ada", **ADA).contact == ""
    assert engine.capture("Ada", consent="ok", **ADA).contact == ada.id
