"""Rules: what they may ask for, where they act, and what the stock ones say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from funnelkit.errors import DefinitionError
from funnelkit.money import money
from funnelkit.records import Activity, Actor, Contact, Deal, FrozenMapping
from funnelkit.stages import (
    Pipeline,
    Refusal,
    Rule,
    Stage,
    Transition,
    Verdict,
    approved_by,
    at_least,
    only_roles,
    reason_required,
    requires,
    rule,
    steps_done,
)
from funnelkit.stages.inject import Scene

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEAL = Deal(
    id="deal_1",
    pipeline="sales",
    stage="offer",
    name="Acme",
    created_at=NOON,
    entered_at=NOON,
    updated_at=NOON,
)


def refusal() -> Refusal:
    """Return any refusal."""
    return Refusal("no", "no")


def deal(**fields: Any) -> Deal:
    """Return a deal with some fields changed; ``custom`` as a plain dict."""
    if "custom" in fields:
        fields["custom"] = FrozenMapping(fields["custom"])
    return attrs.evolve(DEAL, **fields)


def activity(**fields: Any) -> Activity:
    """Return an activity of the deal."""
    return Activity(**{"id": "a", "record": "deal_1", "kind": "call", "at": NOON, "by": "sam"} | fields)


def asked(guard: Rule, **facts: Any) -> str:
    """Return the code with which a rule refuses, or ``""``."""
    answer = guard.check(Scene(**({"record": DEAL} | facts)))
    return answer.code if answer else ""


# Injection


def test_a_rule_gets_what_its_parameters_name() -> None:
    """Each parameter is filled with the attribute of the scene that it names."""
    seen: list[Any] = []

    @rule
    def watch(deal: Deal, actor: Actor, source: str, *, note: str) -> None:
        seen.append((deal, actor, source, note))

    sam = Actor("sam")
    watch.check(Scene(record=DEAL, actor=sam, source="new", note="so"))
    assert seen == [(DEAL, sam, "new", "so")]


def test_a_rule_may_ask_for_nothing() -> None:
    """A rule without parameters is asked all the same."""

    @rule
    def always() -> Refusal:
        return refusal()

    assert always.check(Scene()) == refusal()


def test_a_rule_may_ask_by_keyword_alone() -> None:
    """A single keyword-only parameter is filled too."""

    @rule
    def watch(*, note: str) -> Refusal:
        return Refusal("noted", note)

    assert watch.check(Scene(note="so")) == Refusal("noted", "so")


def test_a_rule_is_called_like_its_function() -> None:
    """Decorating does not change how the function is tested."""

    @rule
    def needs_value(deal: Deal) -> Refusal | None:
        return None if deal.value else refusal()

    assert needs_value(deal=DEAL) == refusal()
    assert needs_value(deal(value=money(1, "EUR"))) is None


def test_needs_are_the_parameters_that_must_be_loaded() -> None:
    """Only activities, history, contact and company come from the store."""

    @rule
    def watch(deal: Deal, actor: Actor, history: tuple[Any, ...], company: Any) -> None: ...

    assert watch.needs == {"history", "company"}


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda activites: None, "did you mean 'activities'"),
        (lambda record, **facts: None, "name each parameter"),
        (lambda *facts: None, "name each parameter"),
        (5, "is not a function"),
    ],
)
def test_an_impossible_parameter_is_told_at_declaration(function: Any, problem: str) -> None:
    """A rule that cannot be asked is refused before any record exists."""
    with pytest.raises(DefinitionError, match=problem):
        rule(name="odd")(function)


def test_all_impossible_parameters_are_told_at_once() -> None:
    """Two typos are two problems."""
    with pytest.raises(DefinitionError) as caught:
        rule(name="odd")(lambda dael, acter: None)
    assert [problem.path for problem in caught.value.problems] == ["dael", "acter"]


def test_an_asynchronous_rule_is_refused() -> None:
    """A rule answers at once."""

    async def later(deal: Deal) -> None: ...

    with pytest.raises(DefinitionError, match="at once"):
        rule(later)  # type: ignore[arg-type]


def test_an_unknown_verb_is_told_with_a_suggestion() -> None:
    """``on=`` takes the verbs of the engine."""
    with pytest.raises(DefinitionError, match="did you mean 'reopen'"):
        rule(on="reopens", name="odd")(lambda: None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: rule(on=5, name="x")(lambda: None),  # type: ignore[arg-type]
        lambda: rule(name=5)(lambda: None),  # type: ignore[arg-type]
        lambda: only_roles(5),  # type: ignore[arg-type]
        lambda: only_roles(""),
        lambda: steps_done([]),  # type: ignore[arg-type]
        lambda: at_least(1, []),  # type: ignore[arg-type]
    ],
)
def test_a_rule_is_made_of_names(make: Any) -> None:
    """A verb, a name, a role, a step or a path that is no text is told where the rule is declared."""
    with pytest.raises(DefinitionError):
        make()


def test_a_lambda_needs_a_name() -> None:
    """Documents and diagrams call a rule by name."""
    with pytest.raises(DefinitionError, match="needs a name"):
        rule(lambda deal: None)


@pytest.mark.parametrize("answer", [True, False, "no", 0])
def test_any_other_answer_is_an_error_that_names_the_rule(answer: object) -> None:
    """A rule that returns neither None nor a Refusal is a bug, not a yes."""

    @rule
    def truthful(deal: Deal) -> Any:
        return answer

    with pytest.raises(DefinitionError, match=r"truthful.*return None or a Refusal"):
        truthful.check(Scene(record=DEAL))


def test_filters_hold_wherever_the_rule_is_asked() -> None:
    """A rule limited to a source says nothing elsewhere."""

    @rule(on="assign", source="contract")
    def stays(owner: str) -> Refusal:
        return refusal()

    assert asked(stays, source="contract") == "no"
    assert asked(stays, source="new") == ""


# Where they act


def acting(pipeline: Pipeline, place: str, word: str) -> int:
    """Return how many rules guard the first way from a place."""
    return len(pipeline.table.edges[place, word][0].rules)


@rule
def on_move(deal: Deal) -> None:
    """Act on moves."""


@rule(on="win")
def on_win(deal: Deal) -> None:
    """Act on wins."""


def test_a_pipelines_rule_on_move_acts_on_every_move_between_stages() -> None:
    """Forward and back, but on no close and no reopening."""
    made = Pipeline("s", [Stage("a"), Stage("b")], rules=on_move)
    ways = [("a", "b"), ("b", "a"), ("a", "won"), ("a", "lost"), ("lost", "a")]
    assert [acting(made, *way) for way in ways] == [1, 1, 0, 0, 0]


def test_a_pipelines_rule_keeps_to_its_filters() -> None:
    """``source`` and ``target`` limit it to those places."""

    @rule(source="a", target={"b", "c"})
    def limited(deal: Deal) -> None: ...

    made = Pipeline("s", [Stage("a"), Stage("b"), Stage("c")], rules=limited)
    ways = [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c")]
    assert [acting(made, *way) for way in ways] == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("verb", "way"),
    [("win", ("a", "won")), ("lose", ("a", "lost")), ("void", ("b", "void")), ("reopen", ("lost", "b"))],
)
def test_a_pipelines_rule_acts_on_its_verb(verb: str, way: tuple[str, str]) -> None:
    """Closing and reopening have verbs of their own."""
    guard = rule(on=verb, name="guard")(lambda record: None)
    made = Pipeline("s", [Stage("a"), Stage("b")], rules=guard)
    assert acting(made, *way) == 1
    assert acting(made, "a", "b") == 0


def test_a_stages_demands_hold_when_it_is_left_forward_or_won() -> None:
    """Fields, steps and rules of a stage never stop a step back, a loss or a void."""
    demanding = Stage("b", requires="value", steps="call", rules=on_move)
    made = Pipeline("s", [Stage("a"), demanding, Stage("c"), Stage("d")])
    ways = [("b", "c"), ("b", "d"), ("b", "won"), ("b", "a"), ("b", "lost"), ("b", "void"), ("a", "c")]
    assert [acting(made, *way) for way in ways] == [3, 3, 3, 0, 0, 0, 0]


def test_a_stages_rule_on_win_acts_on_wins_only() -> None:
    """A stage's own rule can be narrowed to the win."""
    made = Pipeline("s", [Stage("a", rules=on_win), Stage("b")])
    assert [acting(made, "a", "b"), acting(made, "a", "won")] == [0, 1]


def test_a_transitions_rules_act_on_it_alone() -> None:
    """Another way between the same stages is not guarded by them."""
    made = Pipeline(
        "s", [Stage("a"), Stage("b")], moves=[Transition("a", "b", rules=on_move), Transition("a", "b")]
    )
    assert [len(edge.rules) for edge in made.table.edges["a", "b"]] == [1, 0]


def test_the_same_rule_is_asked_once() -> None:
    """A rule that reaches a way through several doors guards it once."""
    made = Pipeline("s", [Stage("a", requires="value"), Stage("b")], rules=requires("value"))
    assert acting(made, "a", "b") == 1


def test_standing_verbs_have_their_rules_in_the_table() -> None:
    """Verbs that are no transition find their rules, and what those need, by verb."""
    made = Pipeline("s", [Stage("a")], rules=[reason_required(), steps_done("call", on=("assign", "log"))])
    assert len(made.table.verb_rules["assign"]) == 2
    assert made.table.verb_rules["edit"] == ()
    assert made.table.needs_of("log") == {"activities"}
    assert made.table.needs_of("edit") == frozenset()


def test_converting_a_lead_is_its_win() -> None:
    """Rules on convert guard the way of a lead to won."""
    guard = rule(on="convert", name="guard")(lambda lead: None)
    made = Pipeline("s", [Stage("a")], kind="lead", rules=guard)
    assert acting(made, "a", "won") == 1


def test_an_edge_needs_what_its_rules_need() -> None:
    """What must be loaded is known before a rule is asked."""
    made = Pipeline("s", [Stage("a", requires="contact.email", steps="call"), Stage("b")])
    assert made.table.edges["a", "b"][0].needs == {"contact", "activities"}
    assert made.table.edges["b", "a"][0].needs == frozenset()


def test_a_verb_needs_what_any_of_its_edges_needs() -> None:
    """Before it is known where a move goes, everything that some move needs can be named."""
    stages = [Stage("a", requires="contact.email"), Stage("b", requires="company.name"), Stage("c")]
    assert Pipeline("s", stages).table.needs_of("move") == {"contact", "company"}


# Stock rules


@pytest.mark.parametrize(
    ("path", "fields", "missing"),
    [
        ("value", {}, True),
        ("value", {"value": money(0, "EUR")}, False),
        ("owner", {"owner": "  "}, True),
        ("owner", {"owner": "sam"}, False),
        ("contact", {"contact": "contact_1"}, False),
        ("size", {"custom": {"size": 0}}, False),
        ("size", {"custom": {"size": ""}}, True),
        ("size", {"custom": {"size": False}}, False),
        ("custom.size", {"custom": {"size": 4}}, False),
        ("terms.payment", {"custom": {"terms": {"payment": "card"}}}, False),
        ("terms.payment", {"custom": {"terms": {"delivery": "post"}}}, True),
        ("terms.payment", {"custom": {"terms": "card"}}, True),
        ("tags", {"custom": {"tags": []}}, True),
        ("размер", {"custom": {"размер": "4 м"}}, False),
    ],
)
def test_requires_looks_at_the_end_of_a_path(path: str, fields: dict[str, Any], *, missing: bool) -> None:
    """Blank is empty; zero and False are not; unknown names are custom fields."""
    assert asked(requires(path), record=deal(**fields)) == ("missing_field" if missing else "")


def test_requires_looks_into_the_contact() -> None:
    """``contact.email`` is the e-mail of the contact itself."""
    ada = Contact(id="contact_1", name="Ada", email="ada@example.com", created_at=NOON, updated_at=NOON)
    assert asked(requires("contact.email"), contact=ada) == ""
    assert asked(requires("contact.phone"), contact=ada) == "missing_field"
    assert asked(requires("contact.email"), contact=None) == "missing_field"


def test_requires_names_all_empty_fields() -> None:
    """One refusal tells everything that is to be filled; its field is the first."""
    told = requires("value", "owner", "name").check(Scene(record=DEAL))
    assert told is not None
    assert (told.sentence, told.field) == ("value, owner are empty", "value")


@pytest.mark.parametrize("path", ["version", "close.reason", "custom", "a b", "", ".value", "moves"])
def test_requires_refuses_what_nobody_can_fill(path: str) -> None:
    """A path is dotted names, and not of a field that funnelkit keeps."""
    with pytest.raises(DefinitionError, match=r"paths\[1\]"):
        requires("value", path)


def test_steps_are_done_on_their_stage() -> None:
    """A step done on another stage of the same record is not done on this one."""
    guard = steps_done("call", "budget")
    done = (activity(step="call", stage="offer"), activity(step="budget", stage="offer"))
    elsewhere = (*done[:1], activity(step="budget", stage="new"))
    assert asked(guard, activities=done, source="offer") == ""
    assert asked(guard, activities=elsewhere, source="offer") == "missing_step"
    assert asked(guard, activities=(), source="offer") == "missing_step"


def test_only_roles_wants_one_of_them() -> None:
    """An actor with any of the roles may act."""
    guard = only_roles("manager", "director")
    assert asked(guard, actor=Actor("sam", {"director"})) == ""
    assert asked(guard, actor=Actor("sam", {"seller"})) == "wrong_role"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (money("1000", "EUR"), ""),
        (money("999.99", "EUR"), "too_small"),
        (money("5000", "USD"), "wrong_currency"),
        (None, "too_small"),
    ],
)
def test_at_least_compares_within_one_currency(value: Any, code: str) -> None:
    """A value in another currency is not converted, it is refused."""
    assert asked(at_least("1000", "EUR"), record=deal(value=value)) == code


@pytest.mark.parametrize(
    ("seats", "code"), [(10, ""), (10.5, ""), (9, "too_small"), ("10", "too_small"), (True, "too_small")]
)
def test_at_least_compares_a_number_at_a_path(seats: object, code: str) -> None:
    """Only numbers count as numbers."""
    assert asked(at_least(10, "seats"), record=deal(custom={"seats": seats})) == code


def test_at_least_takes_no_truth_for_a_number() -> None:
    """True is not 1."""
    assert asked(at_least(1, "paid"), record=deal(custom={"paid": True})) == "too_small"
    assert asked(at_least(1, "paid"), record=deal(custom={"paid": 1})) == ""


@pytest.mark.parametrize(
    ("amount", "of"), [(1.5, "EUR"), ("1.555", "EUR"), (1.5, "seats"), ("x", "seats"), (1, "eur")]
)
def test_at_least_wants_an_exact_minimum(amount: Any, of: str) -> None:
    """Floats, stray decimals and misspelt currencies are refused at once."""
    with pytest.raises(DefinitionError):
        at_least(amount, of)


def test_an_approval_counts_by_person_or_by_role() -> None:
    """An approval is an activity by one of the people, or logged under one of the roles."""
    guard = approved_by("ann", "manager")
    assert asked(guard, activities=(activity(kind="approval", by="ann"),)) == ""
    under = activity(kind="approval", by="bob", roles=("manager",))
    assert asked(guard, activities=(under,)) == ""
    assert asked(guard, activities=(activity(kind="approval", by="bob"),)) == "not_approved"
    assert asked(guard, activities=(activity(kind="call", by="ann"),)) == "not_approved"


def test_reason_required_wants_more_than_blanks() -> None:
    """A blank reason is none."""
    assert asked(reason_required(), reason=" ") == "no_reason"
    assert asked(reason_required(), reason="on holiday") == ""


def test_stock_rules_of_the_same_arguments_are_equal() -> None:
    """So are the pipelines that use them."""
    assert requires("value") == requires("value")
    assert requires("value") != requires("owner")
    assert hash(at_least("1.00", "EUR")) == hash(at_least(1, "EUR"))


# Verdicts


def test_a_verdict_tells_every_refusal() -> None:
    """Each refusal has a line with sentence, mend and code."""
    verdict = Verdict("win", (Refusal("a", "first", fix="do it"), Refusal("b", "second")))
    assert not verdict
    assert str(verdict) == "win refused:\n  - first: do it (a)\n  - second (b)"


def test_a_verdict_without_refusals_is_a_yes() -> None:
    """It is truthy and says so."""
    verdict = Verdict("move", target="offer")
    assert verdict
    assert str(verdict) == "move to offer allowed"
