"""Leads to deals: capture, convert, junk, and the schemes by which people work."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Engine, FrozenClock, Lead, Pipeline, Refusal, Stage, money, rule
from funnelkit.changes import (
    DealCreated,
    LeadCaptured,
    LeadConverted,
    LeadDisqualified,
    RecordAssigned,
    RecordEdited,
)
from funnelkit.errors import InputError, NotFoundError, RefusedError


@pytest.fixture
def lead(engine: Engine) -> Lead:
    """Return an inquiry of Ann of Acme, that knows everything a lead may know."""
    return engine.capture(
        "Ann",
        company_name="Acme",
        email="ann@example.org",
        phone="+7 900 000-00-00",
        owner="sam",
        source="fair",
        campaign="spring",
        value=money(500, "EUR"),
        custom={"size": 40},
        actor="web form",
    )


def test_capture_makes_a_lead_on_the_lead_pipeline(engine: Engine, lead: Lead) -> None:
    """B3: the only pipeline for leads is found; the lead is on its first stage."""
    assert (lead.pipeline, lead.stage, lead.company_name) == ("intake", "register", "Acme")
    assert isinstance(engine.changes(lead)[0], LeadCaptured)


def test_a_lead_stays_in_lead_pipelines(engine: Engine, unchanged: Any) -> None:
    """A pipeline for deals takes no lead, one for leads no deal."""
    with unchanged(RefusedError):
        engine.capture("Ann", pipeline="sales")
    with unchanged(RefusedError):
        engine.create("Acme", pipeline="intake")


def test_scheme_1_makes_client_and_deal_at_once(engine: Engine, lead: Lead) -> None:
    """B5 scheme 1: lead to contact and company and a deal attached to both, in one commit."""
    made = engine.convert(lead, pipeline="sales")
    assert made.contact is not None
    assert made.company is not None
    assert made.deal is not None
    assert (made.deal.contact, made.deal.company, made.deal.lead) == (
        made.contact.id,
        made.company.id,
        lead.id,
    )
    assert (made.contact.company, made.contact.email) == (made.company.id, "ann@example.org")
    assert (made.lead.deal, made.lead.contact, made.lead.company) == (
        made.deal.id,
        made.contact.id,
        made.company.id,
    )


def test_scheme_1_makes_a_client_without_a_deal(engine: Engine, lead: Lead) -> None:
    """B3: for a legal entity the deal is optional: contact and company now, deals later."""
    made = engine.convert(lead, deal=False)
    assert made.deal is None
    assert made.contact is not None
    later = engine.create("Forty seats", pipeline="sales", contact=made.contact, company=made.company)  # type: ignore[typeddict-item]
    assert later.contact == made.contact.id


def test_scheme_2_carries_name_and_company(engine: Engine, lead: Lead) -> None:
    """B5 scheme 2: a quick sale, lead to deal alone; the deal carries the names of person and company."""
    made = engine.convert(lead, contact=False, company=False, pipeline="care")
    assert made.deal is not None
    assert (made.contact, made.company) == (None, None)
    assert made.deal.name == "Ann, Acme"
    assert (made.deal.owner, made.deal.source, made.deal.campaign) == ("sam", "fair", "spring")
    assert (made.deal.value, made.deal.custom) == (money(500, "EUR"), {"size": 40})


def test_scheme_3_starts_from_the_client(engine: Engine) -> None:
    """B5 scheme 3: a contact or a company comes first, the deal follows, without any lead."""
    company = engine.create_company("Acme")
    contact = engine.create_contact("Ann", company=company)
    deal = engine.create("Forty seats", pipeline="sales", contact=contact.id, company=company)
    assert (contact.company, deal.contact, deal.company, deal.lead) == (
        company.id,
        contact.id,
        company.id,
        "",
    )
    assert engine.find("deal", company=company.id) == [deal]


def test_a_person_becomes_contact_and_deal(engine: Engine) -> None:
    """B3: a lead that names no company makes none."""
    made = engine.convert(engine.capture("Ann"), pipeline="care")
    assert made.company is None
    assert made.contact is not None
    assert made.deal is not None
    assert made.deal.name == "Ann"


def test_a_converted_lead_is_kept(engine: Engine, lead: Lead, clock: FrozenClock) -> None:
    """B3: the lead stays, won, on the stage where it was converted; its history tells."""
    at = clock.tick("3d")
    made = engine.convert(lead, pipeline="sales", actor="kim")
    assert (made.lead.outcome, made.lead.stage, made.lead.version) == ("won", "register", 2)
    assert made.lead.close is not None
    assert (made.lead.close.at, made.lead.close.by) == (at, "kim")
    assert isinstance(engine.changes(lead)[-1], LeadConverted)


def test_a_conversion_is_one_commit(engine: Engine, lead: Lead) -> None:
    """Lead, deal, contact and company count from one instant; the deal's row says it was converted."""
    made = engine.convert(lead, pipeline="sales")
    assert made.deal is not None
    assert made.contact is not None
    assert made.lead.close is not None
    assert made.deal.created_at == made.contact.created_at == made.lead.close.at
    row = engine.history(made.deal)[0]
    assert (row.cause, row.direction) == ("convert", "create")
    assert isinstance(engine.changes(made.deal)[0], DealCreated)


def test_a_refused_deal_stops_the_conversion(engine: Engine, unchanged: Any) -> None:
    """A rule on the creation of the deal leaves the lead, and makes no contact and no company."""
    no = rule(on="create", name="no")(lambda deal: Refusal("no", "no deals today"))
    strict = Engine(
        Pipeline("strict", [Stage("a")], rules=no),
        Pipeline("in", [Stage("r")], kind="lead"),
        store=engine.store,
    )
    lead = strict.capture("Ann", company_name="Acme")
    with unchanged(RefusedError):
        strict.convert(lead)


def test_a_conversion_is_done_once(engine: Engine, lead: Lead) -> None:
    """Converting again, even with the record of before, answers what it became and makes nothing."""
    first = engine.convert(lead, pipeline="sales")
    changes = len(engine.changes())
    assert engine.convert(lead, pipeline="care") == first
    assert engine.convert(lead.id, deal="Another") == first
    assert len(engine.changes()) == changes


def test_a_converted_lead_can_be_converted_again(engine: Engine, lead: Lead) -> None:
    """`can` agrees with the verb, which answers what became of the lead."""
    made = engine.convert(lead, pipeline="care")
    assert engine.can(made.lead, "convert")
    assert engine.convert(made.lead, pipeline="care") == made


def test_a_reopened_lead_that_is_converted_again_makes_no_second_deal(engine: Engine, lead: Lead) -> None:
    """The deal, contact and company of the first time are found again."""
    first = engine.convert(lead, pipeline="sales")
    again = engine.convert(engine.reopen(first.lead), pipeline="sales")
    assert (again.deal, again.contact, again.company) == (first.deal, first.contact, first.company)
    assert again.lead.outcome == "won"


def test_what_is_known_is_attached_and_blanks_are_filled(engine: Engine, lead: Lead) -> None:
    """An existing contact gets what it lacks; what somebody has written is never overwritten."""
    ann = engine.create_contact("Анна", email="own@example.org")
    made = engine.convert(lead, contact=ann, company=False, deal=False)
    assert made.contact is not None
    assert (made.contact.id, made.contact.name, made.contact.email) == (ann.id, "Анна", "own@example.org")
    assert (made.contact.phone, made.contact.version) == (lead.phone, 2)


def test_everything_that_is_filled_is_told(engine: Engine) -> None:
    """A contact that gets an owner and an address from a lead: a hand-over and an edit, both told."""
    ann = engine.create_contact("Ann")
    lead = engine.capture("Ann", email="ann@example.org", owner="sam")
    engine.convert(lead, contact=ann, deal=False)
    handed, edited = engine.changes(ann)[1:]
    assert isinstance(handed, RecordAssigned)
    assert (handed.source, handed.target) == ("", "sam")
    assert isinstance(edited, RecordEdited)
    assert edited.fields == ("email",)


def test_a_contact_without_blanks_is_left_as_it_is(engine: Engine) -> None:
    """Nothing to fill, no new version."""
    acme = engine.create_company("Acme")
    ann = engine.create_contact("Ann", email="a@b.c", phone="1", company=acme, owner="kim", source="fair")
    made = engine.convert(engine.capture("A.", email="other@b.c"), contact=ann, company=acme, deal=False)
    assert made.contact == ann


def test_the_client_of_a_lead_is_the_one_that_is_used(engine: Engine) -> None:
    """A lead that came in for a known contact and company makes no second ones."""
    acme = engine.create_company("Acme")
    ann = engine.create_contact("Ann", company=acme)
    made = engine.convert(engine.capture("Ann again", contact=ann, company=acme), pipeline="care")
    assert made.contact is not None
    assert made.company is not None
    assert (made.contact.id, made.company.id) == (ann.id, acme.id)
    assert (len(engine.find("contact")), len(engine.find("company"))) == (1, 1)


def test_given_details_come_before_those_of_the_lead(engine: Engine, lead: Lead) -> None:
    """What the conversion says wins over what the lead knows; custom values are merged."""
    made = engine.convert(
        lead, deal="Forty seats", pipeline="care", stage="visit", owner="kim", custom={"color": "red"}
    )
    assert made.deal is not None
    assert (made.deal.name, made.deal.stage, made.deal.owner) == ("Forty seats", "visit", "kim")
    assert made.deal.custom == {"size": 40, "color": "red"}


def test_a_lead_must_become_something(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """Nothing at all is no conversion."""
    with unchanged(InputError):
        engine.convert(lead, deal=False, contact=False, company=False)


@pytest.mark.parametrize("cause", ["off_target", "erroneous"])
def test_junk_has_two_causes(engine: Engine, lead: Lead, cause: str) -> None:
    """B3: off target or erroneous, each counted apart, and neither is a lost deal (B4)."""
    junk = engine.lose(lead, reason=cause)
    assert junk.close is not None
    assert (junk.outcome, junk.close.reason) == ("lost", cause)
    assert isinstance(engine.changes(lead)[-1], LeadDisqualified)
    assert engine.find("deal", outcome="lost") == []


def test_junk_needs_its_cause(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """B3: junk without a cause is refused."""
    with unchanged(RefusedError):
        engine.lose(lead)


def test_junk_is_not_converted(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """B3: a disqualified lead is closed; it is reopened first."""
    junk = engine.lose(lead, reason="erroneous")
    with unchanged(RefusedError):
        engine.convert(junk)


def test_a_lead_is_not_won_without_becoming_something(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """``win`` is for deals, and so is every transition to won under another name."""
    with unchanged(RefusedError) as caught:
        engine.win(lead)
    assert [refusal.code for refusal in caught.value.verdict.refusals] == ["use_convert"]


@pytest.mark.parametrize(
    ("targets", "error"),
    [
        ({"contact": "nobody"}, NotFoundError),
        ({"company": "nobody"}, NotFoundError),
        ({"contact": 5}, InputError),
        ({"company": 5.0}, InputError),
        ({"deal": ""}, InputError),
        ({"deal": "x" * 10_000}, InputError),
        ({"deal": 5}, InputError),
        ({"custom": 5}, InputError),
        ({"pipeline": "nowhere"}, InputError),
        ({"stage": "nowhere"}, InputError),
        ({"name": "Acme"}, TypeError),
        ({"deal": False, "valeu": None}, TypeError),
    ],
)
def test_a_conversion_into_nonsense_changes_nothing(
    engine: Engine, lead: Lead, unchanged: Any, targets: dict[str, Any], error: type[Exception]
) -> None:
    """An unknown client, pipeline, stage or argument: an error, and neither deal nor contact."""
    with unchanged(error):
        engine.convert(lead, **{"pipeline": "care", **targets})


def test_only_leads_are_converted(engine: Engine, unchanged: Any) -> None:
    """A deal is the caller's error."""
    deal = engine.create("Repair", pipeline="care")
    with unchanged(InputError):
        engine.convert(deal.id)


def test_a_conversion_without_a_contact_keeps_the_client_that_the_lead_came_with(engine: Engine) -> None:
    """contact=False makes the deal no contact; the lead stays linked to its own (B5)."""
    ada = engine.create_contact("Ada Lovelace")
    lead = engine.capture("Ada again", contact=ada)
    made = engine.convert(lead, contact=False, pipeline="sales")
    assert (made.lead.contact, made.deal.contact if made.deal else None) == (ada.id, "")
