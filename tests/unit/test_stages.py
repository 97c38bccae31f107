"""Stages, transitions and the table of a pipeline: what leads where."""

from __future__ import annotations

from datetime import timedelta

import pytest

from funnelkit.errors import DefinitionError, InputError
from funnelkit.stages import CloseReason, Pipeline, Refusal, Stage, Transition, rule
from funnelkit.stages.inject import Scene

FOUR = ["new", "call", "offer", "contract"]


def pipeline(*ids: str, **fields: object) -> Pipeline:
    """Return a pipeline of plain stages."""
    return Pipeline("sales", [Stage(id) for id in ids or FOUR], **fields)  # type: ignore[arg-type]


def targets(made: Pipeline, place: str) -> set[str]:
    """Return the places that can be reached in one step."""
    return {
        edge.target for (source, _), edges in made.table.edges.items() if source == place for edge in edges
    }


@rule
def never(record: object) -> Refusal | None:
    """Refuse always."""
    return Refusal("never", "no")


def test_free_leads_from_any_stage_to_any_other() -> None:
    """In a free pipeline every other stage and every outcome is one step away."""
    assert targets(pipeline(), "call") == {"new", "offer", "contract", "won", "lost", "void"}


def test_ordered_leads_one_step_forward_and_any_step_back() -> None:
    """In an ordered pipeline the next stage and all earlier ones are one step away."""
    made = pipeline(moves="ordered")
    assert targets(made, "offer") == {"contract", "new", "call", "won", "lost", "void"}
    assert targets(made, "new") == {"call", "won", "lost", "void"}


def test_explicit_leads_only_where_a_transition_does() -> None:
    """With listed transitions nothing else is allowed between stages."""
    made = pipeline("a", "b", "c", moves=[Transition("a", "b"), Transition(("a", "b"), "c")])
    assert targets(made, "a") == {"b", "c", "won", "lost", "void"}
    assert targets(made, "c") == {"won", "lost", "void"}


def test_any_source_is_every_stage_but_the_target() -> None:
    """``"*"`` stands for all stages, and never makes a way from a stage to itself."""
    made = pipeline("a", "b", "c", moves=[Transition("*", "b"), Transition("b", "c")])
    assert {place for (place, word) in made.table.edges if word == "b"} == {"a", "c", "won", "lost", "void"}


def test_a_listed_win_is_the_only_win() -> None:
    """A transition to won takes the implied wins from all other stages."""
    made = pipeline("a", "b", moves=[Transition("a", "b"), Transition("b", "won", name="sign")])
    assert ("a", "won") not in made.table.edges
    assert [edge.target for edge in made.table.edges["b", "sign"]] == ["won"]


def test_can_win_closes_the_way_to_won_only() -> None:
    """A stage that cannot win can still lose."""
    made = Pipeline("s", [Stage("a", can_win=False), Stage("b")])
    assert targets(made, "a") == {"b", "lost", "void"}


def test_nothing_enters_an_archived_stage_except_by_reopening() -> None:
    """An archived stage can be left, and be reopened on, but not moved to."""
    made = Pipeline("s", [Stage("a"), Stage("old", archived=True), Stage("b")], moves="ordered")
    assert {place for (place, word) in made.table.edges if word == "old"} == {"won", "lost", "void"}
    assert targets(made, "old") == {"a", "b", "won", "lost", "void"}


def test_every_outcome_reopens_on_every_stage() -> None:
    """Reopening returns to the stage a record died on, whichever that was."""
    made = pipeline(moves="ordered")
    for outcome in ("won", "lost", "void"):
        assert targets(made, outcome) == set(FOUR)


def test_a_named_transition_is_found_by_name_and_by_target() -> None:
    """``"send_offer"`` and ``"offer"`` are two words for one edge."""
    made = pipeline("new", "offer", moves=[Transition("new", "offer", name="send_offer")])
    assert made.table.edges["new", "send_offer"] == made.table.edges["new", "offer"]
    assert made.table.edges["new", "offer"][0].event == "send_offer"


def test_edges_keep_the_order_of_declaration() -> None:
    """Two transitions for one word are tried in the order they were written."""
    moves = [
        Transition("a", "c", name="go", rules=never),
        Transition("a", "b", name="go"),
        Transition("b", "c"),
    ]
    made = pipeline("a", "b", "c", moves=moves)
    assert [edge.target for edge in made.table.edges["a", "go"]] == ["c", "b"]


def test_words_are_told_in_order() -> None:
    """The words of a place start with the moves and end with the outcomes."""
    made = pipeline("a", "b", moves=[Transition("a", "b", name="go"), Transition("b", "a", name="back")])
    assert made.table.words("a") == ("go", "b", "won", "lost", "void")
    assert made.table.words("nowhere") == ()


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ("free", ("call",)),
        ("ordered", ("call",)),
        ([Transition("new", "offer"), Transition("new", "call"), Transition("*", "contract")], None),
    ],
)
def test_forward_names_what_advancing_may_mean(moves: object, expected: tuple[str, ...] | None) -> None:
    """Advancing means the next stage, or any listed way ahead, in the order written."""
    found = pipeline(moves=moves).table.forward("new")
    assert found == (expected or ("offer", "call", "contract"))


def test_forward_passes_over_archived_stages() -> None:
    """The next stage is the next one that records can enter."""
    made = Pipeline("s", [Stage("a"), Stage("old", archived=True), Stage("b")])
    assert made.table.forward("a") == ("b",)
    assert made.table.forward("b") == ()


def test_position_counts_archived_stages() -> None:
    """Positions are those of the definition."""
    made = Pipeline("s", [Stage("a"), Stage("old", archived=True), Stage("b")])
    assert dict(made.table.position) == {"a": 0, "old": 1, "b": 2}
    assert made.table.stages == ("a", "old", "b")


def test_first_is_the_first_open_stage() -> None:
    """Records start on the first stage that is not archived."""
    assert Pipeline("s", [Stage("old", archived=True), Stage("a")]).first == "a"


def test_an_unknown_stage_comes_with_a_suggestion() -> None:
    """Asking for a stage that does not exist says which one was meant."""
    with pytest.raises(InputError, match="did you mean 'contract'"):
        pipeline().stage("contrakt")


# Values


def test_equal_definitions_are_equal_values() -> None:
    """Two pipelines of the same content are equal and hash alike, however they were written."""
    one = Pipeline("s", [Stage("a", limit="14d", requires="value")], close_reasons={"lost": ["no answer"]})
    two = Pipeline(
        "s",
        (Stage("a", limit=timedelta(days=14), requires=("value",)),),
        close_reasons={"lost": [CloseReason("no_answer", "no answer")]},
    )
    assert one == two
    assert hash(one) == hash(two)
    assert one.fingerprint == two.fingerprint


def test_a_pipeline_cannot_be_changed() -> None:
    """Its fields are frozen."""
    with pytest.raises(AttributeError):
        pipeline().id = "other"  # type: ignore[misc]


def test_with_rules_leaves_the_original_alone() -> None:
    """Adding rules makes another pipeline."""
    before = pipeline()
    after = before.with_rules(never)
    assert (before.rules, after.rules) == ((), (never,))
    assert before.table.edges["new", "call"][0].rules == ()
    assert len(after.table.edges["new", "call"][0].rules) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["price"], [("price", "price")]),
        (["No answer!"], [("no_answer", "No answer!")]),
        ({"price": "Цена"}, [("price", "Цена")]),
        ([CloseReason("price", "Цена")], [("price", "Цена")]),
        ("price", [("price", "price")]),
    ],
)
def test_close_reasons_are_read_in_every_form(given: object, expected: list[tuple[str, str]]) -> None:
    """Text, reasons and mappings of id to label all make the same catalogue."""
    made = pipeline(close_reasons={"lost": given})
    assert [(reason.id, reason.label) for reason in made.close_reasons["lost"]] == expected


@pytest.mark.parametrize("limit", ["14 days", 14, timedelta(0), timedelta(milliseconds=1), "0d"])
def test_a_limit_that_is_no_duration_is_refused(limit: object) -> None:
    """A limit is text such as 14d or a timedelta of whole seconds."""
    with pytest.raises(DefinitionError, match=r"stages\[0\].limit"):
        Pipeline("s", [Stage("a", limit=limit)])


# Live machines


@pytest.mark.parametrize("id", ["model", "send", "states", "state_field", "history_values", "configuration"])
def test_any_slug_may_name_a_stage(id: str) -> None:
    """A stage may be called like an attribute of python-statemachine's machines."""
    made = pipeline("new", id, moves=[Transition("new", id, name="go"), Transition(id, "new", name="raise_")])
    live = made.machine(Standing(id))
    live.send("do_raise_")
    live.send("do_go")
    assert live.model.state == id


class Standing:
    """The least a machine can move."""

    record = None

    def __init__(self, state: str) -> None:
        self.state = state


def test_a_rule_in_a_live_machine_sees_the_scene() -> None:
    """Guards of a live machine are asked with stage ids, verb, pipeline and what the caller gave."""
    seen: list[Scene] = []

    @rule(on=("move", "win"))
    def watch(source: str, target: str, verb: str, reason: str, pipeline: Pipeline) -> None:
        seen.append(Scene(source=source, target=target, verb=verb, reason=reason, pipeline=pipeline))

    made = pipeline("a", "b", rules=watch)
    live = made.machine(Standing("a"))
    live.send("to_b", reason="why not")
    live.send("to_won")
    assert seen == [
        Scene(source="a", target="b", verb="move", reason="why not", pipeline=made),
        Scene(source="b", target="won", verb="win", pipeline=made),
    ]
