"""The four schemes by which people work (B5), each as a preset; and schemes of one's own."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from funnelkit import Engine, Lead
from funnelkit.clients import schemes
from funnelkit.clients.schemes import FieldMap, Scheme
from funnelkit.errors import DefinitionError, RefusedError


@pytest.fixture
def lead(engine: Engine) -> Lead:
    """Return an inquiry of Ann of Acme."""
    return engine.capture("Ann", company_name="Acme", email="ann@acme.example")


def test_scheme_1_makes_the_client_and_deals_follow(engine: Engine, lead: Lead) -> None:
    """B5 (1): lead to contact and company; deals are attached to them later."""
    made = engine.apply(engine.plan_conversion(lead, scheme=schemes.CLIENT_FIRST))
    assert made.deal is None
    assert made.contact is not None
    assert made.company is not None
    assert made.contact.company == made.company.id
    deal = engine.create("Seats", pipeline="care", contact=made.contact, company=made.company)
    assert (deal.contact, deal.company) == (made.contact.id, made.company.id)


def test_scheme_1_of_a_person_makes_no_company(engine: Engine) -> None:
    """B5 (1): "and/or": a lead that names no company becomes a contact alone."""
    made = engine.apply(engine.plan_conversion(engine.capture("Ann"), scheme=schemes.CLIENT_FIRST))
    assert made.contact is not None
    assert made.company is None


def test_scheme_2_makes_a_deal_alone(engine: Engine, lead: Lead) -> None:
    """B5 (2): a quick sale: the deal carries name and company, and there is no client."""
    made = engine.apply(engine.plan_conversion(lead, scheme=schemes.QUICK_SALE, pipeline="care"))
    assert made.deal is not None
    assert (made.deal.name, made.contact, made.company) == ("Ann, Acme", None, None)


def test_scheme_2_looks_for_nobody(engine: Engine, lead: Lead) -> None:
    """B5 (2): a known client is not attached."""
    engine.create_contact("Ann", email="ann@acme.example")
    plan = engine.plan_conversion(lead, scheme=schemes.QUICK_SALE, pipeline="care")
    assert plan.matched == {}


def test_scheme_3_needs_no_lead(engine: Engine) -> None:
    """B5 (3): contact or company to deal, without a lead."""
    acme = engine.create_company("Acme")
    deal = engine.create("Seats", pipeline="care", company=acme)
    assert (deal.company, deal.lead, engine.find("lead")) == (acme.id, "", [])


def test_scheme_3_finds_or_makes_the_client(engine: Engine, lead: Lead) -> None:
    """B5 (3): an open lead becomes a deal of the client who is known, or of a new one."""
    ann = engine.create_contact("Anna", email="ann@acme.example")
    known = engine.apply(engine.plan_conversion(lead, scheme=schemes.FROM_CLIENT, pipeline="care"))
    other = engine.capture("Bob", email="bob@other.example")
    new = engine.apply(engine.plan_conversion(other, scheme=schemes.FROM_CLIENT, pipeline="care"))
    assert known.deal is not None
    assert new.deal is not None
    assert new.contact is not None
    assert (known.deal.contact, new.deal.contact) == (ann.id, new.contact.id)


def test_scheme_3_makes_no_deal_without_a_client(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """B5 (3): where the client is ruled out, the plan is refused; without a scheme it is not."""
    nobody: dict[str, Any] = {"contact": False, "company": False}
    plan = engine.plan_conversion(lead, scheme=schemes.FROM_CLIENT, pipeline="care", **nobody)
    assert [refusal.code for refusal in plan.refusals] == ["unknown_client"]
    with pytest.raises(RefusedError):
        engine.apply(plan)
    assert engine.plan_conversion(lead, pipeline="care", **nobody)


def test_no_two_schemes_do_the_same() -> None:
    """The four presets and the two ways without one differ in more than their names."""
    known = [value for value in vars(schemes).values() if isinstance(value, Scheme)]
    nameless = {attrs.evolve(scheme, id="any") for scheme in known}
    assert len(nameless) == len({scheme.id for scheme in known}) == 6


def test_scheme_4_after_a_purchase_is_a_repeat_deal(engine: Engine, lead: Lead) -> None:
    """B5 (4): the client bought before: the same client, one more deal, marked."""
    ann = engine.create_contact("Anna", email="ann@acme.example")
    engine.win(engine.create("First", pipeline="care", contact=ann))
    plan = engine.plan_conversion(lead, scheme=schemes.COMES_AGAIN, pipeline="care")
    made = engine.apply(plan)
    assert made.deal is not None
    assert (made.deal.contact, made.deal.repeat, plan.repeat) == (ann.id, "deal", "deal")
    assert (len(engine.find("contact")), len(engine.find("company"))) == (1, 0)


def test_scheme_4_after_a_loss_is_a_repeat_inquiry(engine: Engine, lead: Lead) -> None:
    """B5 (4): the client was lost before: the same client, marked as a repeat inquiry."""
    ann = engine.create_contact("Anna", email="ann@acme.example")
    engine.lose(engine.create("First", pipeline="care", contact=ann))
    made = engine.apply(engine.plan_conversion(lead, scheme=schemes.COMES_AGAIN, pipeline="care"))
    assert made.deal is not None
    assert (made.deal.contact, made.deal.repeat) == (ann.id, "inquiry")


def test_scheme_4_of_a_stranger_is_refused(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """B5 (4): nobody is known: the plan says so, and nobody is made."""
    plan = engine.plan_conversion(lead, scheme=schemes.COMES_AGAIN, pipeline="care")
    assert [refusal.code for refusal in plan.refusals] == ["unknown_client"]
    with unchanged(RefusedError):
        engine.apply(plan)


def test_scheme_4_with_two_that_match_asks(engine: Engine, lead: Lead) -> None:
    """B5 (4): two are known by the number: the plan names both and waits to be told."""
    phone = "+442079460000"
    lead = engine.edit(lead, phone=phone)
    first, second = (engine.create_contact(name, phone=phone) for name in ("Ann", "Ann Lee"))
    plan = engine.plan_conversion(lead, scheme=schemes.COMES_AGAIN, pipeline="care")
    assert {one.record.id for one in plan.open["contact"]} == {first.id, second.id}
    assert [refusal.fix for refusal in plan.refusals] == ["say which one"]
    told = engine.plan_conversion(lead, scheme=schemes.COMES_AGAIN, pipeline="care", contact=second)
    assert told.refusals == ()


def test_what_is_told_comes_before_the_scheme(engine: Engine, lead: Lead) -> None:
    """A deal of a scheme without one, a contact of a quick sale."""
    plan = engine.plan_conversion(
        lead,
        scheme=Scheme(id="bare", company="none", deal="none"),
        deal="Seats",
        contact=False,
        pipeline="care",
    )
    assert (plan.deal.how, plan.contact.how) == ("new", "none")


def test_a_forced_new_contact_is_new(engine: Engine, lead: Lead) -> None:
    """``contact=True`` makes one, whoever is known."""
    engine.create_contact("Ann", email="ann@acme.example")
    assert engine.plan_conversion(lead, contact=True, pipeline="care").contact.how == "new"


def test_the_journal_names_the_scheme(engine: Engine, lead: Lead) -> None:
    """Which scheme it was is kept."""
    engine.apply(engine.plan_conversion(lead, scheme=schemes.CLIENT_FIRST))
    assert engine.activities(lead.id)[0].custom["scheme"] == "client_first"


def test_the_fields_of_a_scheme_are_used(engine: Engine) -> None:
    """A second address is taken where there is no first; a custom field goes to the contact."""
    own = Scheme(
        id="own",
        fields=FieldMap(
            {
                "contact": {"email": ("email", "custom.mail2"), "custom.size": ("custom.size",)},
                "deal": {"custom": ()},
            }
        ),
    )
    lead = engine.capture("Ann", custom={"mail2": "ann@home.example", "size": 40})
    made = engine.apply(engine.plan_conversion(lead, scheme=own, pipeline="care"))
    assert made.contact is not None
    assert made.deal is not None
    assert (made.contact.email, made.contact.custom, made.deal.custom) == (
        "ann@home.example",
        {"size": 40},
        {},
    )


def test_a_custom_blank_of_a_contact_is_filled_and_emptied(engine: Engine) -> None:
    """Custom fields are filled like others, and an undo takes away what was filled and no more."""
    own = Scheme(id="own", fields=FieldMap({"contact": {"custom.size": ("custom.size",)}}))
    ann = engine.create_contact("Ann", custom={"color": "red"})
    lead = engine.capture("Ann", custom={"size": 40, "color": "blue"})
    made = engine.apply(engine.plan_conversion(lead, scheme=own, contact=ann, deal=False))
    assert made.contact is not None
    assert made.contact.custom == {"color": "red", "size": 40}
    engine.undo(made)
    assert engine.store.get("contact", ann.id).custom == {"color": "red"}
    assert engine.verify() == ()


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"contact": "mach"}, ["contact: 'mach' is not possible (did you mean 'match'?)"]),
        ({"contact": "none", "company": "none", "deal": "none"}, ["a lead must become something"]),
        ({"id": "", "deal": "known", "fields": 5, "client": 1}, ["id", "deal", "client", "fields"]),
    ],
)
def test_a_scheme_that_cannot_work_is_refused(fields: dict[str, Any], problems: list[str]) -> None:
    """Every problem is told when it is declared."""
    with pytest.raises(DefinitionError) as caught:
        Scheme(**{"id": "own", **fields})
    said = [str(problem) for problem in caught.value.problems]
    assert [told.startswith(problem) for told, problem in zip(said, problems, strict=True)] == [True] * len(
        said
    )
