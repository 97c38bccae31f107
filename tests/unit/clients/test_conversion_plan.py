"""A conversion is planned before it is done: what would be made, matched, filled and left."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Company, Contact, Engine, FrozenClock, Lead, Pipeline, Refusal, Stage, money, rule
from funnelkit.changes import ActivityLogged, LeadConverted
from funnelkit.clients import KeyPolicy, schemes
from funnelkit.errors import ConflictError, InputError, KeyReusedError, RefusedError
from funnelkit.testing import readable, sequential_ids


@pytest.fixture
def lead(engine: Engine) -> Lead:
    """Return an inquiry of Ann of Acme, that knows much."""
    return engine.capture(
        "Ann",
        company_name="Acme",
        email="ann@acme.example",
        phone="+7 900 000-00-00",
        owner="sam",
        value=money(500, "EUR"),
        custom={"size": 40},
    )


def test_a_plan_changes_nothing(engine: Engine, lead: Lead) -> None:
    """Planning writes nothing, not even a key."""
    before = readable(engine.store)
    engine.plan_conversion(lead, pipeline="sales")
    assert readable(engine.store) == before


def test_a_plan_says_what_would_be_made(engine: Engine, lead: Lead) -> None:
    """Nobody is known: contact, company and deal are new, each with its fields."""
    plan = engine.plan_conversion(lead, pipeline="sales")
    assert plan.created.keys() == {"contact", "company", "deal"}
    assert plan.created["contact"]["email"] == "ann@acme.example"
    assert plan.created["company"]["name"] == "Acme"
    assert (plan.created["deal"]["name"], plan.created["deal"]["value"]) == ("Ann, Acme", money(500, "EUR"))
    assert (plan.matched, plan.filled, plan.left, plan.refusals) == ({}, {}, (), ())


def test_a_plan_is_done_as_it_says(engine: Engine, lead: Lead) -> None:
    """What is applied is what was planned, with who and why."""
    plan = engine.plan_conversion(lead, pipeline="sales", actor="kim", reason="good one")
    made = engine.apply(plan)
    assert made.deal is not None
    assert made.lead.close is not None
    assert (made.deal.name, made.deal.pipeline, made.lead.close.by) == ("Ann, Acme", "sales", "kim")
    assert made.lead.close.reason == "good one"


def test_who_applies_comes_before_who_planned(engine: Engine, lead: Lead) -> None:
    """An actor given to ``apply`` replaces the one of the plan."""
    made = engine.apply(engine.plan_conversion(lead, pipeline="sales", actor="kim"), actor="lee")
    assert made.lead.close is not None
    assert made.lead.close.by == "lee"


def test_a_known_address_is_matched(engine: Engine, lead: Lead) -> None:
    """One contact has the e-mail: it is used, and the plan says why."""
    ann = engine.create_contact("Анна", email="ann@acme.example")
    plan = engine.plan_conversion(lead, pipeline="sales")
    assert plan.matched == {"contact": ann}
    assert plan.contact.why.startswith("same e-mail: ann@acme.example")
    made = engine.apply(plan)
    assert (made.contact.id if made.contact else "", len(engine.find("contact"))) == (ann.id, 1)


def test_a_tax_number_is_matched(engine: Engine) -> None:
    """A company is found by the identifier that the policy names, whatever it is called."""
    knowing = Engine(
        *[Pipeline("sales", [Stage("a")]), Pipeline("in", [Stage("r")], kind="lead")],
        store=engine.store,
        keys=KeyPolicy(identifiers={"inn": "custom.inn"}),
    )
    acme = knowing.create_company("ООО Акме", custom={"inn": "7701234567"})
    lead = knowing.capture("Ann", company_name="Acme Russia", custom={"inn": 7701234567})
    assert knowing.plan_conversion(lead).matched == {"company": acme}


def test_a_known_number_is_matched(engine: Engine, lead: Lead) -> None:
    """A phone number is sure where the names have a word in common, whatever its spelling."""
    ann = engine.create_contact("Ann Lee", phone="+7 (900) 000-00-00")
    assert engine.plan_conversion(lead, pipeline="sales").matched == {"contact": ann}


def test_a_colleague_is_no_question(engine: Engine, lead: Lead) -> None:
    """The same mail domain alone is too little to ask about."""
    engine.create_contact("Bob", email="bob@acme.example")
    assert engine.plan_conversion(lead, pipeline="sales").open == {}


def test_a_company_is_not_held_against_the_name_of_a_person(engine: Engine) -> None:
    """A lead that names no company says nothing about what a company is called."""
    acme = engine.create_company("Acme")
    assert engine.plan_conversion(engine.capture("Ann"), company=acme, deal=False).left == ()


def test_two_that_match_are_an_open_question(engine: Engine, lead: Lead) -> None:
    """Two contacts with the number: both are named, and a new one is made unless told which."""
    twins = [engine.create_contact(name, phone="+7 900 000-00-00") for name in ("Ann", "Ann Lee")]
    plan = engine.plan_conversion(lead, pipeline="sales")
    assert {one.record.id for one in plan.open["contact"]} == {twin.id for twin in twins}
    assert plan.contact.how == "new"
    told = engine.plan_conversion(lead, pipeline="sales", contact=twins[1])
    assert (told.matched["contact"], told.open) == (twins[1], {})


def test_of_two_with_the_address_the_older_is_taken(engine: Engine, lead: Lead) -> None:
    """The other one is named as a question, and can be told."""
    older, younger = (engine.create_contact(name, email="ann@acme.example") for name in ("Ann", "Anna"))
    plan = engine.plan_conversion(lead, pipeline="sales")
    assert plan.matched == {"contact": older}
    assert [one.record.id for one in plan.open["contact"]] == [younger.id]


def test_a_likely_company_is_asked_about(engine: Engine, lead: Lead) -> None:
    """The same name of a company is not sure: it is an open question."""
    acme = engine.create_company("ACME Ltd")
    plan = engine.plan_conversion(lead, pipeline="sales")
    assert [one.record.id for one in plan.open["company"]] == [acme.id]
    assert plan.company.how == "new"


def test_a_matched_person_brings_their_company(engine: Engine, lead: Lead) -> None:
    """The contact works for a company of that name: it is no question which Acme is meant."""
    acme = engine.create_company("ACME")
    engine.create_contact("Ann", email="ann@acme.example", company=acme)
    plan = engine.plan_conversion(lead, pipeline="sales")
    assert (plan.company.record.id, plan.company.why) == (acme.id, "where the contact works")


def test_a_company_of_another_name_is_not_taken(engine: Engine, lead: Lead) -> None:
    """The contact works elsewhere: the lead's company is made, and the contact stays where it is."""
    other = engine.create_company("Umbrella")
    engine.create_contact("Ann", email="ann@acme.example", company=other)
    made = engine.apply(engine.plan_conversion(lead, pipeline="sales"))
    assert (made.company.name if made.company else "", made.contact.company if made.contact else "") == (
        "Acme",
        other.id,
    )


def test_blanks_are_filled_and_listed(engine: Engine, lead: Lead) -> None:
    """Each blank with what is there and what will be; what is written stays and is listed as left."""
    ann = engine.create_contact("Анна", email="own@example.org", owner="kim")
    plan = engine.plan_conversion(lead, contact=ann, company=False, deal=False)
    assert plan.filled == {"contact.phone": ("", "+7 900 000-00-00")}
    assert {(left.target, left.value, left.kept) for left in plan.left if left.target} == {
        ("contact.name", "Ann", "Анна"),
        ("contact.email", "ann@acme.example", "own@example.org"),
        ("contact.owner", "sam", "kim"),
    }
    made = engine.apply(plan)
    assert made.contact is not None
    assert (made.contact.email, made.contact.phone) == ("own@example.org", "+7 900 000-00-00")


def test_another_spelling_is_nothing_else(engine: Engine) -> None:
    """An address in another spelling is the one that is there: it is not listed as left."""
    ann = engine.create_contact("Ann", email="ann@acme.example", phone="+7 900 000-00-00")
    lead = engine.capture("Ann", email="ann@ACME.example", phone="+7 (900) 000 00 00")
    assert engine.plan_conversion(lead, contact=ann, deal=False).left == ()


def test_what_goes_nowhere_is_left(engine: Engine, lead: Lead) -> None:
    """A conversion without a deal has no place for value and custom fields, and says so."""
    plan = engine.plan_conversion(lead, deal=False)
    assert {left.field: left.value for left in plan.left} == {"value": money(500, "EUR"), "custom.size": 40}


def test_a_quick_sale_leaves_the_address(engine: Engine, lead: Lead) -> None:
    """A deal alone has no field for e-mail and phone: nothing is dropped in silence."""
    plan = engine.plan_conversion(lead, scheme=schemes.QUICK_SALE, pipeline="sales")
    assert {left.field for left in plan.left} == {"email", "phone"}


@pytest.mark.parametrize("by_id", [False, True])
def test_a_lead_is_attached_to_an_existing_deal(engine: Engine, lead: Lead, by_id: bool) -> None:
    """No new deal: blanks are filled, links set, what is written stays, and the lead names it."""
    deal = engine.create("Seats", pipeline="care", owner="kim", custom={"size": 5})
    plan = engine.plan_conversion(lead, deal=deal.id if by_id else deal)
    assert plan.matched == {"deal": deal}
    made = engine.apply(plan)
    assert made.deal is not None
    assert made.contact is not None
    assert (made.deal.id, made.lead.deal, made.deal.lead) == (deal.id, deal.id, lead.id)
    assert (made.deal.name, made.deal.owner, made.deal.custom) == ("Seats", "kim", {"size": 5})
    assert (made.deal.value, made.deal.contact, made.deal.version) == (money(500, "EUR"), made.contact.id, 2)
    assert (len(engine.find("deal")), engine.verify()) == (1, ())


def test_an_existing_deal_stays_where_it_is(engine: Engine, lead: Lead) -> None:
    """Neither pipeline nor stage of an existing deal is said by a conversion."""
    deal = engine.create("Seats", pipeline="care")
    with pytest.raises(InputError, match="stays where it is"):
        engine.plan_conversion(lead, deal=deal, stage="visit")


def test_a_void_deal_takes_no_lead(engine: Engine, lead: Lead) -> None:
    """A duplicate or a test is no deal to attach to."""
    deal = engine.void(engine.create("Seats", pipeline="care"))
    with pytest.raises(InputError, match="is void"):
        engine.plan_conversion(lead, deal=deal)


def test_what_is_given_fills_an_existing_deal_first(engine: Engine, lead: Lead) -> None:
    """What the plan is told comes before what the lead knows; what the deal says stays."""
    deal = engine.create("Seats", pipeline="care", campaign="spring")
    told = {"value": money(9, "EUR"), "campaign": "summer"}
    plan = engine.plan_conversion(lead, deal=deal, **dict[str, Any](told))
    assert plan.filled["deal.value"] == (None, money(9, "EUR"))
    assert "deal.campaign" not in plan.filled


def test_a_deal_that_gets_an_owner_is_handed_over(engine: Engine, lead: Lead) -> None:
    """The blank owner of an existing deal is filled by a hand-over, which the pipeline's rules guard."""
    deal = engine.create("Seats", pipeline="sales")
    plan = engine.plan_conversion(lead, deal=deal)
    assert [refusal.code for refusal in plan.refusals] == ["no_reason"]
    made = engine.apply(engine.plan_conversion(lead, deal=deal, reason="her client"))
    assert made.deal is not None
    assert (made.deal.owner, engine.verify()) == ("sam", ())
    assert engine.changes(deal.id)[-1].reason == "her client"  # type: ignore[attr-defined]


def test_every_refusal_is_in_the_plan(engine: Engine) -> None:
    """What the gate says to the lead and to the deal, both, before anything is tried."""
    no_lead = rule(on="convert", name="assess")(lambda lead: Refusal("assess", "assess it first"))
    no_deal = rule(on="create", name="no")(lambda deal: Refusal("closed_day", "no deals today"))
    strict = Engine(
        Pipeline("strict", [Stage("a")], rules=no_deal),
        Pipeline("in", [Stage("r")], kind="lead", rules=no_lead),
        store=engine.store,
    )
    plan = strict.plan_conversion(strict.capture("Ann"))
    assert ([refusal.code for refusal in plan.refusals], bool(plan)) == (["assess", "closed_day"], False)
    before = readable(engine.store)
    with pytest.raises(RefusedError):
        strict.apply(plan)
    assert readable(engine.store) == before


@pytest.mark.parametrize("changed", ["lead", "contact", "company"])
def test_a_plan_is_void_when_something_changed(
    engine: Engine, lead: Lead, unchanged: Any, changed: str
) -> None:
    """The lead or a record it uses has a new version: nothing is done."""
    ann = engine.create_contact("Ann")
    acme = engine.create_company("Acme")
    plan = engine.plan_conversion(lead, contact=ann, company=acme, pipeline="sales")
    engine.edit({"lead": lead, "contact": ann, "company": acme}[changed].id, name="Another")
    with unchanged(ConflictError) as caught:
        engine.apply(plan)
    assert caught.value.kind == changed


def test_a_plan_is_void_when_a_record_changed_that_needs_nothing(engine: Engine, unchanged: Any) -> None:
    """Nothing would be written to the contact; what was read of it is not so any more."""
    ann = engine.create_contact("Ann", email="a@b.example")
    plan = engine.plan_conversion(engine.capture("Ann", email="a@b.example"), pipeline="care")
    engine.edit(ann, email="new@b.example")
    with unchanged(ConflictError):
        engine.apply(plan)


def test_a_plan_keeps_who_and_why_alone(engine: Engine, lead: Lead) -> None:
    """Neither a key nor an expected version belongs to a plan."""
    plan = engine.plan_conversion(lead, pipeline="sales", actor="kim", key="k", expect=1)
    assert plan.act == {"actor": "kim"}


def test_a_plan_is_applied_once(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """The second time the lead has changed."""
    plan = engine.plan_conversion(lead, pipeline="sales")
    engine.apply(plan)
    with unchanged(ConflictError):
        engine.apply(plan)


def test_under_a_key_a_plan_is_applied_once_and_answers_twice(engine: Engine, lead: Lead) -> None:
    """The same plan under the same key answers the same; another plan is refused."""
    plan = engine.plan_conversion(lead, pipeline="sales")
    first = engine.apply(plan, key="k")
    count = len(engine.changes())
    assert engine.apply(plan, key="k") == first
    assert len(engine.changes()) == count
    other = engine.plan_conversion(engine.capture("Bob"), pipeline="sales")
    with pytest.raises(KeyReusedError):
        engine.apply(other, key="k")


def test_the_plan_of_a_converted_lead_is_what_it_became(engine: Engine, lead: Lead) -> None:
    """Nothing would be made; applied, it answers what there is."""
    made = engine.convert(lead, pipeline="sales")
    plan = engine.plan_conversion(lead)
    assert (plan.done, plan.created) == (True, {})
    count = len(engine.changes())
    assert engine.apply(plan) == made
    assert len(engine.changes()) == count


def test_the_journal_is_an_activity_of_the_lead(engine: Engine, lead: Lead, clock: FrozenClock) -> None:
    """A conversion is told among the lead's activities, before the lead is closed; its id is the result's."""
    made = engine.convert(lead, pipeline="sales", actor="kim")
    (entry,) = engine.activities(lead)
    assert (entry.id, entry.kind, entry.by, entry.at) == (made.id, "conversion", "kim", clock.now())
    assert made.deal is not None
    assert entry.custom["created"]["deal"] == made.deal.id
    assert [type(change) for change in engine.changes(lead)[-2:]] == [ActivityLogged, LeadConverted]


def test_converting_takes_no_look_at_who_is_known(engine: Engine, lead: Lead) -> None:
    """``convert`` makes what it is told to make: only a plan looks for people."""
    engine.create_contact("Ann", email="ann@acme.example")
    engine.convert(lead, pipeline="sales")
    assert len(engine.find("contact")) == 2


def test_a_plan_reads_as_a_table(engine: Engine, lead: Lead) -> None:
    """Parts, fills, what is left, open questions and refusals, a line each."""
    engine.create_contact("Анна", email="ann@acme.example")
    engine.create_company("ACME Ltd", id="acme")
    text = str(engine.plan_conversion(lead, pipeline="sales", deal="Forty seats"))
    assert text.splitlines() == [
        "conversion of lead 'Ann', v1",
        "  contact  existing  Анна         same e-mail: ann@acme.example (1.00)",
        "  company  new       Acme",
        "  deal     new       Forty seats  sales/new",
        "  fill     contact.phone    ''  →  '+7 900 000-00-00'",
        "  fill     contact.owner    ''  →  'sam'",
        "  fill     contact.company  ''  →  '(new)'",
        "  left     name 'Ann': contact.name stays 'Анна'",
        "  open     company: is it one of these, or none? Say so with company=",
        "             0.60 company 'ACME Ltd' (acme): same company name: acme (0.60)",
    ]


def test_a_refused_plan_shows_why(engine: Engine, lead: Lead) -> None:
    """The reason of the gate is a line of the table."""
    text = str(engine.plan_conversion(engine.lose(lead, reason="erroneous"), pipeline="sales"))
    assert text.splitlines()[-1] == "  refused  lead 'Ann' is closed (lost): reopen it first (closed)"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"scheme": "quick_sale"}, InputError),
        ({"contact": 5}, InputError),
        ({"deal": ""}, InputError),
        ({"deal": False, "contact": False, "company": False}, InputError),
        ({"valeu": None}, TypeError),
        ({"pipeline": "nowhere"}, InputError),
    ],
)
def test_a_plan_of_nonsense_is_an_error(
    engine: Engine, lead: Lead, given: dict[str, Any], error: type[Exception]
) -> None:
    """Each is told when it is planned."""
    with pytest.raises(error):
        engine.plan_conversion(lead, **dict[str, Any]({"pipeline": "care", **given}))


def test_only_plans_are_applied(engine: Engine, lead: Lead, unchanged: Any) -> None:
    """A lead is no plan."""
    with unchanged(InputError):
        engine.apply(lead)  # type: ignore[call-overload]


def test_a_contact_that_was_undone_cannot_be_given(engine: Engine, lead: Lead) -> None:
    """What an undone conversion had made is no more."""
    made = engine.convert(lead, pipeline="sales")
    assert isinstance(made.contact, Contact)
    assert isinstance(made.company, Company)
    engine.undo(made)
    with pytest.raises(InputError, match="no more"):
        engine.plan_conversion(lead.id, contact=made.contact.id, pipeline="sales")


@pytest.mark.parametrize("verb", ["create", "capture", "create_contact", "edit"])
def test_nothing_new_belongs_to_whom_an_undone_conversion_had_made(
    engine: Engine, lead: Lead, verb: str
) -> None:
    """Who is no more gets no deals, leads or people, under their id neither."""
    deal = engine.create("one", pipeline="sales")
    made = engine.convert(lead, pipeline="sales")
    assert made.contact is not None
    assert made.company is not None
    engine.undo(made)
    given: dict[str, Any] = {"company": made.company.id}
    if verb == "create":
        given |= {"pipeline": "sales"}
    with pytest.raises(InputError, match="is no more, for its conversion was undone"):
        getattr(engine, verb)(deal if verb == "edit" else "new", **given)


def test_ids_of_a_plan_are_not_spent(clock: FrozenClock) -> None:
    """Planning takes no ids: what is made afterwards is numbered as without it."""

    def world(*, planned: bool) -> str:
        engine = Engine(
            Pipeline("sales", [Stage("a")]),
            Pipeline("in", [Stage("r")], kind="lead"),
            clock=clock,
            ids=sequential_ids(),
        )
        lead = engine.capture("Ann")
        if planned:
            engine.plan_conversion(lead)
        return engine.create("Next").id

    assert world(planned=True) == world(planned=False)
