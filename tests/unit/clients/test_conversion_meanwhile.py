"""What became known between the plan of a conversion and the conversion."""

from __future__ import annotations

import pytest

from funnelkit import Engine, Lead, Pipeline, Stage, templates
from funnelkit.clients import KeyPolicy, schemes
from funnelkit.errors import ConflictError
from funnelkit.testing import readable


@pytest.fixture
def shop() -> Engine:
    """Return an engine that knows companies by a tax number."""
    keys = KeyPolicy(identifiers={"vat": "custom.vat"})
    return Engine(templates.lead_intake(), Pipeline("sales", [Stage("new")]), keys=keys)


def leads(shop: Engine) -> list[Lead]:
    """Return two inquiries from one address."""
    return [shop.capture(name, email="ann@acme.example") for name in ("Ann", "Ann again")]


def test_of_two_plans_for_one_person_the_second_is_void(shop: Engine) -> None:
    """The first one makes the contact; the second conflicts and writes nothing."""
    first, second = [shop.plan_conversion(lead) for lead in leads(shop)]
    ann = shop.apply(first).contact
    before = readable(shop.store)
    with pytest.raises(ConflictError) as caught:
        shop.apply(second)
    assert ann is not None
    assert (caught.value.kind, caught.value.id, caught.value.expected) == ("contact", ann.id, 0)
    assert readable(shop.store) == before


def test_a_new_plan_finds_who_was_made_meanwhile(shop: Engine) -> None:
    """Made anew, the plan takes the contact: there is one in the end."""
    first, second = leads(shop)
    shop.apply(shop.plan_conversion(first))
    shop.apply(shop.plan_conversion(second))
    assert len(shop.find("contact")) == 1


def test_the_conflict_reads_as_a_sentence(shop: Engine) -> None:
    """It says who is new, and what to do."""
    plan = shop.plan_conversion(leads(shop)[0])
    shop.create_contact("Ann", id="ann", email="ann@acme.example")
    with pytest.raises(ConflictError) as caught:
        shop.apply(plan)
    assert str(caught.value) == "contact 'ann' is new since the plan: make a new plan"


def test_a_company_that_is_known_by_now_voids_the_plan(shop: Engine) -> None:
    """One with the tax number of the lead was made since."""
    plan = shop.plan_conversion(shop.capture("Ann", company_name="Acme", custom={"vat": "DE1"}))
    shop.create_company("Umbrella", id="u", custom={"vat": "DE1"})
    with pytest.raises(ConflictError, match="company 'u' is new"):
        shop.apply(plan)


def test_who_is_unsure_by_now_voids_nothing(shop: Engine) -> None:
    """Somebody of the same name is not surely the same."""
    plan = shop.plan_conversion(leads(shop)[0])
    shop.create_contact("Ann")
    assert shop.apply(plan).contact is not None


def test_who_was_asked_for_is_made_whoever_is_known(shop: Engine) -> None:
    """With ``contact=True`` there is to be a new one: nobody is looked for, then or now."""
    plan = shop.plan_conversion(leads(shop)[0], contact=True)
    shop.create_contact("Ann", email="ann@acme.example")
    shop.apply(plan)
    assert len(shop.find("contact")) == 2


def test_without_a_search_nobody_is_looked_for_later(shop: Engine) -> None:
    """A scheme that always makes a new one does so."""
    new = schemes.Scheme(id="new", contact="new")
    first, second = [shop.plan_conversion(lead, scheme=new) for lead in leads(shop)]
    shop.apply(first)
    shop.apply(second)
    assert len(shop.find("contact")) == 2


def test_under_a_key_the_answer_is_the_same_whoever_is_known_now(shop: Engine) -> None:
    """What was done is answered again: the contact that it made is nobody new."""
    plan = shop.plan_conversion(leads(shop)[0])
    assert shop.apply(plan, key="k") == shop.apply(plan, key="k")
