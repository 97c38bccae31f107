"""Who survives and whose value counts: the rule is data, checked when it is made."""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs
import pytest

from funnelkit import Contact, Deal, Engine, FrozenClock, Lead, Pipeline, Stage, money
from funnelkit.clients.merging import DEPENDANTS, MergeRule
from funnelkit.clients.merging.rules import FIELDS, ranked
from funnelkit.errors import DefinitionError
from funnelkit.storage.base import KINDS
from funnelkit.verbs import drafts


def survivor_of(engine: Engine, records: list[Any], *criteria: str) -> str:
    """Return the id of the record that a rule lets survive."""
    return str(engine.plan_merge(records, rule=MergeRule(survivor=criteria)).survivor.id)


@pytest.fixture
def three(engine: Engine, clock: FrozenClock) -> list[Deal]:
    """Return three deals, the oldest last by its id, each an hour after the one before."""
    deals = []
    for id in ("c", "b", "a"):
        deals.append(engine.create(id, id=id, pipeline="care"))
        clock.tick("1h")
    return deals


# -- what is refused when it is made -----------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"survivor": ["oldst"]}, "survivor[0]: 'oldst' is no criterion (did you mean 'oldest'?)"),
        ({"survivor": "oldest"}, 'survivor: \'oldest\' is no list of words (write ("won", "oldest"))'),
        ({"survivor": 5}, 'survivor: 5 is no list of words (write ("won", "oldest"))'),
        ({"survivor": [["won"]]}, "survivor[0]: ['won'] is no criterion"),
        ({"fields": "value"}, 'fields: \'value\' is no mapping (write {"value": "largest"})'),
        ({"fields": {"valu": "largest"}}, "fields: 'valu' is no field (did you mean 'value'?)"),
        ({"fields": {"custom.": "newest"}}, "fields: 'custom.' is no field"),
        (
            {"fields": {"value": "lagest"}},
            "fields.value: 'lagest' is no precedence (did you mean 'largest'?)",
        ),
        ({"fields": {"name": "largest"}}, "fields.name: name is never largest"),
        ({"fields": {"owner": "joined"}}, "fields.owner: owner is never joined"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(arguments: dict[str, Any], problem: str) -> None:
    """The place, the mistake and the mend are named."""
    with pytest.raises(DefinitionError) as caught:
        MergeRule(**arguments)
    assert problem in str(caught.value)


def test_every_mistake_of_a_rule_is_named() -> None:
    """Two are told at once."""
    with pytest.raises(DefinitionError) as caught:
        MergeRule(survivor=["eldest!!"], fields={"nothing!": "newest"})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("field", ["name", "company_name", "custom.note"])
def test_texts_may_be_joined(field: str) -> None:
    """Names and custom fields are."""
    assert MergeRule(fields={field: "joined"}).of(field) == "joined"


def test_rules_are_values() -> None:
    """Two that say the same are equal, and fit into a set."""
    assert len({MergeRule(fields={"value": "largest"}), MergeRule(fields={"value": "largest"})}) == 1


# -- who survives ------------------------------------------------------------------------------


def test_without_criteria_the_lowest_id_survives(engine: Engine, three: list[Deal]) -> None:
    """It is the only thing that is never alike."""
    assert survivor_of(engine, three) == "a"


def test_the_oldest_survives(engine: Engine, three: list[Deal]) -> None:
    """It was made first, whatever its id."""
    assert survivor_of(engine, three, "oldest") == "c"


def test_the_newest_survives(engine: Engine, three: list[Deal]) -> None:
    """It was made last."""
    assert survivor_of(engine, three, "newest") == "a"


def test_of_two_of_one_instant_the_lower_id_survives(engine: Engine) -> None:
    """What the documentation of other products says otherwise than they do is decided here."""
    deals = [engine.create(id, id=id, pipeline="care") for id in ("z", "y")]
    assert survivor_of(engine, deals, "oldest") == survivor_of(engine, deals, "newest") == "y"


def test_the_open_one_survives(engine: Engine, three: list[Deal]) -> None:
    """A lost deal stands behind one that is open."""
    engine.lose("c")
    engine.lose("a")
    assert survivor_of(engine, ["c", "b", "a"], "open", "oldest") == "b"


def test_a_won_deal_survives_by_default(engine: Engine, three: list[Deal]) -> None:
    """Even the youngest."""
    engine.win("a")
    assert engine.plan_merge(["a", "b", "c"]).survivor.id == "a"


def test_the_furthest_survives_even_if_it_went_back(engine: Engine, three: list[Deal]) -> None:
    """The furthest stage ever reached counts, not the one it is on."""
    engine.move("b", "bill")
    engine.move("b", "ticket")
    engine.move("c", "visit")
    assert survivor_of(engine, ["a", "b", "c"], "furthest") == "b"


def test_stages_of_two_pipelines_are_not_compared(engine: Engine) -> None:
    """Further in one is not further in the other, so the next criterion decides."""
    far = engine.create("far", id="b", pipeline="care", stage="bill")
    near = engine.create("near", id="a", pipeline="sales")
    assert survivor_of(engine, [far, near], "furthest") == "a"


def test_the_likelier_survives(engine: Engine) -> None:
    """The owner's own estimate counts, else that of the stage: 0.1 on new."""
    low = engine.create("low", id="a", pipeline="sales", probability=0.05)
    stage = engine.create("stage", id="b", pipeline="sales")
    assert survivor_of(engine, [low, stage], "probability") == "b"


def test_the_fullest_survives(engine: Engine) -> None:
    """More fields that say something; blanks do not count."""
    few = engine.create_contact("A", id="a", email=" ", custom={"x": None})
    more = engine.create_contact("B", id="b", phone="1")
    assert survivor_of(engine, [few, more], "filled") == "b"


def test_what_a_kind_does_not_have_is_passed_over(engine: Engine) -> None:
    """Contacts are not won, have no stage and no probability."""
    ids = ["b", "a"]
    for id in ids:
        engine.create_contact(id, id=id)
    assert survivor_of(engine, ids, "won", "open", "furthest", "probability") == "a"


def test_the_one_that_is_named_survives(engine: Engine, three: list[Deal]) -> None:
    """Whatever the rule says; the others keep their order."""
    plan = engine.plan_merge(three, rule=MergeRule(survivor=["oldest"]), survivor="b")
    assert [record.id for record in plan.records] == ["b", "c", "a"]


# -- whose value -------------------------------------------------------------------------------


def contacts(engine: Engine, clock: FrozenClock, **notes: Any) -> list[Contact]:
    """Return contacts a, b, c with a note each, the later ones younger; then the first is edited."""
    made = []
    for id, note in notes.items():
        made.append(engine.create_contact(id, id=id, custom={"note": note}))
        clock.tick("1h")
    made[0] = engine.edit(made[0], source="fair")
    return made


def note_of(engine: Engine, records: list[Contact], precedence: str) -> Any:
    """Return the note that the survivor will have; None where it keeps its own."""
    plan = engine.plan_merge(
        records, rule=MergeRule(fields={"custom.note": precedence}), survivor=records[-1]
    )
    return next((item.after for item in plan.fields if item.field == "custom.note"), None)


def test_the_survivor_keeps_what_it_says(engine: Engine, clock: FrozenClock) -> None:
    """Its note stays."""
    assert note_of(engine, contacts(engine, clock, a="one", b="two"), "survivor") is None


def test_a_blank_is_filled_from_the_best_of_the_others(engine: Engine, clock: FrozenClock) -> None:
    """The best that says something: of two, the older."""
    assert note_of(engine, contacts(engine, clock, a="", b="two", c=" "), "survivor") == "two"


def test_the_newest_value_is_that_of_the_record_edited_last(engine: Engine, clock: FrozenClock) -> None:
    """The first was edited after the others were made."""
    assert note_of(engine, contacts(engine, clock, a="one", b="two", c="three"), "newest") == "one"


def test_a_blank_is_never_the_newest(engine: Engine, clock: FrozenClock) -> None:
    """The record edited last says nothing."""
    assert note_of(engine, contacts(engine, clock, a=None, b="two", c=""), "newest") == "two"


def test_the_largest_number_counts(engine: Engine, clock: FrozenClock) -> None:
    """Of 3, 12.5 and 7 it is 12.5."""
    assert note_of(engine, contacts(engine, clock, a=3, b=12.5, c=7), "largest") == 12.5


def test_texts_are_joined_each_line_once(engine: Engine, clock: FrozenClock) -> None:
    """The survivor's lines come first."""
    assert note_of(engine, contacts(engine, clock, a="x\ny", b="y\n\nz"), "joined") == "y\nz\nx"


@pytest.mark.parametrize(("one", "other"), [(1, "1"), (True, 2), ("a", "b"), ([1], [2])])
def test_what_cannot_be_compared_is_said(engine: Engine, clock: FrozenClock, one: Any, other: Any) -> None:
    """The plan is refused, with the field and the mend."""
    rule = MergeRule(fields={"custom.note": "largest"})
    (refusal,) = engine.plan_merge(contacts(engine, clock, a=one, b=other), rule=rule).refusals
    assert (refusal.code, refusal.field, refusal.fix) == (
        "unclear",
        "custom.note",
        'say fields={"custom.note": …}',
    )


def test_a_list_is_not_joined(engine: Engine, clock: FrozenClock) -> None:
    """Only texts are."""
    rule = MergeRule(fields={"custom.note": "joined"})
    plan = engine.plan_merge(contacts(engine, clock, a="x", b=["y"]), rule=rule)
    assert [refusal.code for refusal in plan.refusals] == ["unclear"]


def test_amounts_of_two_currencies_are_not_compared(engine: Engine) -> None:
    """Nothing is converted."""
    deals = [engine.create("A", pipeline="care", value=money(5, currency)) for currency in ("EUR", "USD")]
    plan = engine.plan_merge(deals, rule=MergeRule(fields={"value": "largest"}))
    assert [refusal.field for refusal in plan.refusals] == ["value"]


def test_the_largest_amount_and_the_latest_date_count(engine: Engine) -> None:
    """9 EUR of the one, May of the other."""
    one = engine.create("A", pipeline="care", value=money(9, "EUR"), expected_close=date(2026, 4, 1))
    two = engine.create("B", pipeline="care", value=money(7, "EUR"), expected_close=date(2026, 5, 1))
    rule = MergeRule(survivor=["newest"], fields={"value": "largest", "expected_close": "largest"})
    plan = engine.plan_merge([one, two], rule=rule, survivor=two)
    assert {item.field: item.after for item in plan.fields} == {"value": money(9, "EUR")}
    assert [(item.field, item.value) for item in plan.left] == [
        ("name", "A"),
        ("expected_close", date(2026, 4, 1)),
    ]


def test_a_value_that_was_given_counts_whatever_the_rule_says(engine: Engine, clock: FrozenClock) -> None:
    """Of a field, of a custom one, and of one that nobody has."""
    ann, bob = contacts(engine, clock, a="one", b="two")
    given = {"name": "Ann B.", "custom.note": "three", "custom": {"vip": True}}
    plan = engine.plan_merge([ann, bob], fields=given)
    assert {item.field: (item.after, item.whose) for item in plan.fields} == {
        "name": ("Ann B.", ""),
        "custom.note": ("three", ""),
        "custom.vip": (True, ""),
    }


def test_none_takes_a_custom_field_away(engine: Engine, clock: FrozenClock) -> None:
    """As in an edit."""
    merge = engine.apply(
        engine.plan_merge(contacts(engine, clock, a="one", b="two"), fields={"custom.note": None})
    )
    assert merge.survivor.custom == {}


# -- the registries ----------------------------------------------------------------------------

_NO_LINK = {
    *("id", "version", "pipeline", "stage", "visited", "moves", "name", "owner", "value", "probability"),
    *("expected_close", "source", "campaign", "created_at", "entered_at", "updated_at", "close", "custom"),
    *("seal", "repeat", "company_name", "email", "phone", "role"),
}
"""Fields that hold no id of a record."""


def test_every_link_between_records_is_registered() -> None:
    """A field of a record that is neither plain nor of the merge itself is a link, and known as one."""
    links = {
        (kind, field.name)
        for kind, record_type in KINDS.items()
        for field in attrs.fields(record_type)
        if field.name not in {*_NO_LINK, "replaced_by", "absorbed"}
    }
    assert {pair for pairs in DEPENDANTS.values() for pair in pairs} == links


def test_a_link_is_called_after_the_kind_it_leads_to() -> None:
    """So the registry needs no third column."""
    assert all(field == kind for kind, pairs in DEPENDANTS.items() for _, field in pairs)


def test_every_field_that_can_be_given_is_merged() -> None:
    """What an edit or a hand-over can write, and the links of a conversion."""
    for kind, fields in FIELDS.items():
        links = {"lead": {"deal"}, "deal": {"lead"}}.get(kind, set())
        assert {*fields, "custom"} - links == drafts.FIELDS[kind]


def test_leads_and_deals_only_have_the_links_that_the_test_knows() -> None:
    """The list of plain fields above names no field that is not there."""
    there = {field.name for record_type in (Lead, Deal, Contact) for field in attrs.fields(record_type)}
    assert there >= _NO_LINK


def test_of_a_pipeline_that_is_not_known_the_rest_decides() -> None:
    """Nobody knows the order of its stages, nor their probabilities."""
    engine = Engine(Pipeline("old", [Stage("a"), Stage("b", probability=0.9)]))
    far, near = engine.create("A", id="b", stage="b"), engine.create("B", id="a")
    rule = MergeRule(survivor=["furthest", "probability"])
    assert [ranked(rule, [far, near], known)[0].id for known in (engine.pipelines, {})] == ["b", "a"]
