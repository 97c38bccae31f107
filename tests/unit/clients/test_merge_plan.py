"""What a merge would do is shown before it is done: nothing is written, nothing is left unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Engine, FrozenClock, Pipeline, Refusal, Stage, money, rule, templates
from funnelkit.clients.merging import MergePlan, MergeRule
from funnelkit.errors import ConflictError, InputError, MoneyError, NotFoundError
from funnelkit.testing import readable


@pytest.fixture
def ann(engine: Engine, clock: FrozenClock) -> Any:
    """Return a contact of whom another one is a duplicate, an hour later, with a deal and a lead."""
    ann = engine.create_contact("Ann", id="ann", email="ann@acme.example")
    clock.tick("1h")
    engine.create_contact("Ann B.", id="again", phone="+44 20 7946 0000", owner="sam")
    engine.create("Forty seats", id="deal", pipeline="care", contact="again")
    engine.capture("Ann", id="lead", contact="again")
    return ann


def codes(plan: MergePlan) -> list[str]:
    """Return the codes of what a plan is refused for."""
    return [refusal.code for refusal in plan.refusals]


def test_a_plan_reads_as_a_table(engine: Engine, ann: Any) -> None:
    """Who goes, what is filled, what is left, who comes along."""
    assert str(engine.plan_merge([ann, "again"])).splitlines() == [
        "merge of 2 contacts into 'Ann' (ann), v1",
        "  loser      'Ann B.' (again), v1",
        "  field      phone  ''  →  '+44 20 7946 0000'  of again",
        "  field      owner  ''  →  'sam'  of again",
        "  left       name 'Ann B.' of again: stays 'Ann'",
        "  dependant  lead lead: contact again → ann",
        "  dependant  deal deal: contact again → ann",
    ]


def test_of_deals_it_says_what_becomes_of_them(engine: Engine) -> None:
    """An open and a lost one become void; a void one is."""
    for id in ("a", "b", "c", "d"):
        engine.create("Acme", id=id, pipeline="sales")
    engine.lose("c", reason="price")
    engine.void("d", reason="duplicate")
    lines = str(engine.plan_merge(["a", "b", "c", "d"])).splitlines()
    assert lines[1:] == [
        "  loser      'Acme' (b), v1, open, becomes void",
        "  loser      'Acme' (c), v2, lost, becomes void",
        "  loser      'Acme' (d), v2, void",
    ]


def test_a_plan_of_companies_says_companies(engine: Engine) -> None:
    """Not companys."""
    ids = [engine.create_company("Acme").id for _ in range(2)]
    assert str(engine.plan_merge(ids)).startswith("merge of 2 companies into 'Acme'")


def test_a_plan_changes_nothing(engine: Engine, ann: Any) -> None:
    """Not even the number of the next id."""
    before = readable(engine.store)
    engine.plan_merge([ann, "again"])
    assert readable(engine.store) == before


def test_a_plan_knows_its_kind_and_its_records(engine: Engine, ann: Any) -> None:
    """The survivor first."""
    plan = engine.plan_merge(["again", ann])
    assert (plan.kind, [record.id for record in plan.records], bool(plan)) == (
        "contact",
        ["ann", "again"],
        True,
    )


# -- what is no merge --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ([], "records: there are 0 (give 2 to 20)"),
        (["ann"], "records: there are 1 (give 2 to 20)"),
        (["ann"] * 21, "records: there are 21 (give 2 to 20)"),
        (["ann", "ann"], "records: 'ann' stands for two of them (give each record once)"),
        (["ann", "deal"], "records: there are contact and deal records (merge records of one kind)"),
        ("ann", "records: 'ann' is no list of records (give [record, …])"),
        (5, "records: 5 is no list of records (give [record, …])"),
        (["ann", 5], "record: 5 is neither a record nor an id"),
    ],
)
def test_what_cannot_be_merged_is_said(engine: Engine, ann: Any, records: Any, sentence: str) -> None:
    """In one sentence with the mend."""
    with pytest.raises(InputError) as caught:
        engine.plan_merge(records)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"rule": "oldest"}, "rule"),
        ({"survivor": "deal"}, "survivor"),
        ({"fields": "name"}, "fields"),
        ({"fields": {"name": ""}}, "name"),
        ({"fields": {"custom.x": object()}}, "custom.x"),
        ({"fields": {"custom": 5}}, "custom"),
    ],
)
def test_other_arguments_are_checked(engine: Engine, ann: Any, arguments: Any, argument: str) -> None:
    """Each is named."""
    with pytest.raises(InputError) as caught:
        engine.plan_merge([ann, "again"], **arguments)
    assert caught.value.argument == argument


def test_a_field_that_a_record_does_not_have_is_refused(engine: Engine, ann: Any) -> None:
    """The right name is suggested."""
    with pytest.raises(InputError, match="did you mean 'email'"):
        engine.plan_merge([ann, "again"], fields={"emial": "x"})


def test_an_amount_without_a_currency_is_refused(engine: Engine) -> None:
    """As everywhere."""
    deals = [engine.create("A", pipeline="care") for _ in range(2)]
    with pytest.raises(MoneyError):
        engine.plan_merge(deals, fields={"value": 5})


def test_a_company_that_is_given_must_exist(engine: Engine, ann: Any) -> None:
    """As in an edit."""
    with pytest.raises(NotFoundError):
        engine.plan_merge([ann, "again"], fields={"company": "nobody"})


def test_a_record_that_has_changed_is_not_planned(engine: Engine, ann: Any) -> None:
    """It was read before somebody edited it."""
    engine.edit("ann", source="fair")
    with pytest.raises(ConflictError):
        engine.plan_merge([ann, "again"])


def test_what_an_undone_conversion_made_is_not_merged(engine: Engine) -> None:
    """A lead stands for it, which is no deal."""
    made = engine.convert(engine.capture("Ann"), pipeline="care")
    engine.undo(made)
    with pytest.raises(InputError, match="its conversion was undone"):
        engine.plan_merge([made.deal.id, engine.create("A", pipeline="care")])  # type: ignore[union-attr]


# -- who stands for others ---------------------------------------------------------------------


def test_a_tombstone_leads_to_its_survivor(engine: Engine, ann: Any) -> None:
    """Given as an id or as the record that it was."""
    engine.apply(engine.plan_merge([ann, "again"]))
    third = engine.create_contact("Third", id="third")
    for ref in ("again", engine.store.get("contact", "again")):
        assert engine.plan_merge([ref, third]).survivor.id == "ann"


def test_a_tombstone_and_its_survivor_are_one(engine: Engine, ann: Any) -> None:
    """There is nothing to merge."""
    engine.apply(engine.plan_merge([ann, "again"]))
    with pytest.raises(InputError, match="'ann' stands for two of them"):
        engine.plan_merge(["ann", "again"])


# -- what speaks against it --------------------------------------------------------------------


def test_two_won_deals_are_two_sales(engine: Engine) -> None:
    """They are not merged."""
    deals = [engine.win(engine.create(name, pipeline="care")) for name in ("A", "B")]
    plan = engine.plan_merge(deals)
    assert (codes(plan), bool(plan)) == (["two_sales"], False)


def test_a_won_deal_is_no_loser(engine: Engine) -> None:
    """A sale would be void; the mend names it."""
    won = engine.win(engine.create("A", id="won", pipeline="care"))
    (refusal,) = engine.plan_merge([won, engine.create("B", pipeline="care", id="b")], survivor="b").refusals
    assert (refusal.code, refusal.fix) == ("won", "let won survive")


def test_a_converted_lead_is_no_loser(engine: Engine) -> None:
    """What it became would be the deal of nobody."""
    one = engine.convert(engine.capture("A", id="one"), pipeline="care").lead
    two = engine.convert(engine.capture("B", id="two"), pipeline="care").lead
    assert codes(engine.plan_merge([one, two])) == ["converted"]


def test_a_converted_lead_absorbs_one_that_is_open(engine: Engine) -> None:
    """It survives by default."""
    one = engine.convert(engine.capture("A", id="b"), pipeline="care").lead
    plan = engine.plan_merge([engine.capture("B", id="a"), one])
    assert (plan.survivor.id, codes(plan)) == ("b", [])


def test_leads_that_became_one_deal_are_merged(engine: Engine) -> None:
    """Both were converted into it."""
    made = engine.convert(engine.capture("A"), pipeline="care")
    other = engine.apply(engine.plan_conversion(engine.capture("B"), deal=made.deal))
    assert codes(engine.plan_merge([made.lead, other.lead])) == []


def test_leads_that_became_contacts_only_are_not(engine: Engine) -> None:
    """They have no deal in common."""
    leads = [engine.convert(engine.capture(name), deal=False, contact=True).lead for name in ("A", "B")]  # type: ignore[arg-type]
    assert codes(engine.plan_merge(leads)) == ["converted"]


def test_a_catalogue_without_duplicate_is_a_refusal_with_its_reasons() -> None:
    """The mend lists what it has; the reason is given with ``apply``."""
    pipeline = Pipeline("sales", [Stage("new")], close_reasons={"void": ["test", "twin"]})
    engine = Engine(pipeline)
    plan = engine.plan_merge([engine.create("A"), engine.create("B")])
    (refusal,) = plan.refusals
    assert (refusal.code, refusal.fix) == ("reason_unknown", "one of: test, twin")
    (loser,) = engine.apply(plan, reason="twin").losers
    assert loser.close.reason == "twin"


@rule(on=("edit", "assign", "void"))
def nothing_of_big_deals(deal: Any, verb: str) -> Refusal | None:
    """Big deals are left alone."""
    if deal.value is None or deal.value.amount < 100:
        return None
    return Refusal(f"big_{verb}", "ask a manager", field="value")


def test_every_refusal_of_every_part_is_told() -> None:
    """Of the survivor's fields and owner, of the loser, and of a dependant."""
    engine = Engine(Pipeline("sales", [Stage("new")], rules=nothing_of_big_deals), templates.lead_intake())
    value = money(100, "EUR")
    one = engine.create("A", value=value)
    two = engine.create("B", value=value, campaign="fair", owner="sam")
    plan = engine.plan_merge([one, two], survivor=one)
    assert sorted(codes(plan)) == ["big_edit", "big_void"]
    three = engine.create("C", value=value, contact=engine.create_contact("Ann", id="z"))
    contacts = engine.plan_merge([engine.create_contact("Bo", id="a"), "z"], survivor="a")
    assert (codes(contacts), [each.id for each in contacts.dependants]) == (["big_edit"], [three.id])


def test_every_page_of_dependants_is_found(engine: Engine) -> None:
    """More than the store gives at once."""
    ann, bob = engine.create_contact("Ann", id="a"), engine.create_contact("Bo", id="b")
    for _ in range(501):
        engine.create("A", pipeline="care", contact=bob)
    assert len(engine.plan_merge([ann, bob]).dependants) == 501


def test_a_converted_lead_does_not_lose_to_one_that_was_reopened(engine: Engine) -> None:
    """Both are linked to one deal, but only the loser has become it."""
    made = engine.convert(engine.capture("A", id="a"), pipeline="care")
    engine.apply(engine.plan_conversion(engine.capture("B", id="b"), deal=made.deal))
    engine.reopen("a")
    assert codes(engine.plan_merge(["a", "b"], survivor="a")) == ["converted"]


def test_true_is_no_one(engine: Engine, ann: Any) -> None:
    """JSON tells them apart, and so does a plan."""
    engine.edit("ann", custom={"vip": 1})
    plan = engine.plan_merge(["ann", "again"], fields={"custom.vip": True})
    assert [item.after for item in plan.fields if item.field == "custom.vip"] == [True]


def test_of_joined_texts_nothing_is_left(engine: Engine, ann: Any) -> None:
    """Both are told."""
    plan = engine.plan_merge([ann, "again"], rule=MergeRule(fields={"name": "joined"}))
    assert [item.field for item in plan.left] == []
    assert [item.after for item in plan.fields if item.field == "name"] == ["Ann\nAnn B."]
