"""What is wrong with a definition: everything at once, each problem with its path."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit.errors import DefinitionError
from funnelkit.stages import Pipeline, Stage, Transition, only_roles, requires, rule

A, B = Stage("a"), Stage("b")
lose = rule(on="lose", name="lose")(lambda record: None)
assign = rule(on="assign", name="assign")(lambda record: None)
for_leads = rule(name="for_leads")(lambda lead: None)
converting = rule(on="convert", name="converting")(lambda record: None)
elsewhere = rule(source="c", name="elsewhere")(lambda record: None)


def problems(*args: Any, **fields: Any) -> list[tuple[str, str]]:
    """Return path and sentence of everything that is wrong with a pipeline."""
    try:
        Pipeline(*args, **fields)
    except DefinitionError as error:
        return [(problem.path, problem.sentence) for problem in error.problems]
    return []


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "bad pipeline id": ({"id": "My sales"}, "id", "'My sales' is not a slug"),
    "long pipeline id": ({"id": "a" * 64}, "id", "is not a slug"),
    "bad label": ({"label": "a\x07"}, "label", "a label cannot hold the character U+0007"),
    "surrogate": ({"label": "\ud800"}, "label", "cannot hold the character U+D800"),
    "long label": ({"stages": [Stage("a", "x" * 201)]}, "stages[0].label", "201 characters are too long"),
    "kind": ({"kind": "order"}, "kind", "'order' is not a kind"),
    "no stage": ({"stages": []}, "stages", "there is no stage"),
    "not a stage": ({"stages": ["a"]}, "stages[0]", "'a' is not a Stage"),
    "an id of anything": ({"stages": [A, Stage([])]}, "stages[1].id", "[] is not a slug"),  # type: ignore[arg-type]
    "a step of anything": (
        {"stages": [Stage("a", steps=[["x"]])]},
        "stages[0].steps[0]",
        "['x'] is not text",
    ),
    "all archived": ({"stages": [Stage("a", archived=True)]}, "stages", "every stage is archived"),
    "stage id": ({"stages": [Stage("Новая")]}, "stages[0].id", "'Новая' is not a slug"),
    "outcome as stage": ({"stages": [A, Stage("lost")]}, "stages[1].id", "'lost' is an outcome, not a stage"),
    "duplicate stage": ({"stages": [A, B, A]}, "stages[2].id", "stage 'a' is there already"),
    "probability": (
        {"stages": [Stage("a", probability=50)]},
        "stages[0].probability",
        "50.0 is not a number",
    ),
    "not a number": (
        {"stages": [Stage("a", probability=float("nan"))]},
        "stages[0].probability",
        "nan is not",
    ),
    "limit": ({"stages": [Stage("a", limit="2 weeks")]}, "stages[0].limit", "'2 weeks' is not a duration"),
    "kept field": (
        {"stages": [Stage("a", requires=("value", "version"))]},
        "stages[0].requires[1]",
        "nobody",
    ),
    "field path": (
        {"stages": [Stage("a", requires="a..b")]},
        "stages[0].requires[0]",
        "'a..b' is not a path",
    ),
    "field twice": (
        {"stages": [Stage("a", requires=("x", "x"))]},
        "stages[0].requires[1]",
        "field 'x' is there already",
    ),
    "step twice": (
        {"stages": [Stage("a", steps=("call", "mail", "call"))]},
        "stages[0].steps[2]",
        "step 'call' is there already",
    ),
    "empty step": ({"stages": [Stage("a", steps="")]}, "stages[0].steps[0]", "a step needs a name"),
    "can_win": ({"stages": [Stage("a", can_win="no")]}, "stages[0].can_win", "'no' is not True or False"),
    "topology": ({"moves": "orderd"}, "moves", "'orderd' is not a topology"),
    "not a transition": ({"moves": [("a", "b")]}, "moves[0]", "('a', 'b') is not a Transition"),
    "unknown source": ({"moves": [Transition("x", "b")]}, "moves[0].source", "'x' is not a stage"),
    "unknown target": ({"moves": [Transition("a", "x")]}, "moves[0].target", "'x' is not a stage"),
    "outcome as source": ({"moves": [Transition("lost", "b")]}, "moves[0].source", "'lost' is an outcome"),
    "no source": ({"moves": [Transition((), "b")]}, "moves[0].source", "names no stage"),
    "to itself": ({"moves": [Transition(("a", "b"), "b")]}, "moves[0]", "leads from 'b' to itself"),
    "into the archive": (
        {"stages": [A, Stage("b", archived=True)], "moves": [Transition("a", "b")]},
        "moves[0].target",
        "stage 'b' is archived",
    ),
    "name of a stage": (
        {"moves": [Transition("a", "b", name="b")]},
        "moves[0].name",
        "'b' is the name of a stage",
    ),
    "bad name": ({"moves": [Transition("a", "b", name="Go!")]}, "moves[0].name", "'Go!' is not a slug"),
    "guarded loss": (
        {"moves": [Transition("a", "b"), Transition("a", "lost", rules=requires("value"))]},
        "moves[1].rules",
        "letting go is always possible",
    ),
    "won from a stage that cannot": (
        {"stages": [Stage("a", can_win=False), B], "moves": [Transition("*", "b"), Transition("a", "won")]},
        "moves[1]",
        "which says can_win=False",
    ),
    "unreachable": ({"moves": [Transition("b", "a")]}, "stages[1]", "no way leads from 'a' to 'b'"),
    "dead end": (
        {"stages": [A, Stage("b", can_win=False)], "moves": [Transition("a", "b")]},
        "stages[1]",
        "'b' is a dead end",
    ),
    "unknown outcome": ({"close_reasons": {"loss": ["x"]}}, "close_reasons.loss", "'loss' is not an outcome"),
    "reason twice": (
        {"close_reasons": {"lost": ["x", "X"]}},
        "close_reasons.lost[1].id",
        "reason 'x' is there",
    ),
    "reason id": ({"close_reasons": {"lost": ["Цена"]}}, "close_reasons.lost[0].id", "'цена' is not a slug"),
    "no mapping": ({"close_reasons": ["price"]}, "close_reasons", "['price'] is not a mapping"),
    "function as rule": ({"rules": [print]}, "rules[0]", "is not a Rule"),
    "rule names": (
        {"rules": [only_roles("boss"), only_roles("boss", on="win")]},
        "rules[1]",
        "another rule is called 'only_roles(boss)' already",
    ),
    "rule filter": (
        {"rules": elsewhere},
        "rules[0]",
        "rule 'elsewhere' is limited to 'c', which is not a stage",
    ),
    "rule of the other kind": ({"rules": for_leads}, "rules[0]", "rule 'for_leads' asks for a lead"),
    "verb of the other kind": ({"rules": converting}, "rules[0]", "rule 'converting' is on convert"),
    "idle rule": (
        {"stages": [Stage("a", rules=assign), B]},
        "stages[0].rules[0]",
        "is on assign and never acts",
    ),
    "idle rule of a move": (
        {"moves": [Transition("a", "b", rules=lose)]},
        "moves[0].rules[0]",
        "is on lose and never acts",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_problem_is_told_with_its_path(case: str) -> None:
    """Each mistake alone gives exactly one problem, on its own path."""
    fields, path, sentence = CASES[case]
    given = {"id": "sales", "stages": [A, B]} | fields
    found = problems(given.pop("id"), given.pop("stages"), **given)
    assert [where for where, _ in found] == [path]
    assert sentence in found[0][1]


def test_all_problems_are_told_at_once() -> None:
    """A definition with several mistakes is mended in one go."""
    found = problems(
        "My sales",
        [Stage("a", probability=2), Stage("won"), Stage("b", requires="close")],
        moves=[Transition("a", "c")],
        close_reasons={"gone": ["x"]},
        rules=elsewhere,
    )
    assert [path for path, _ in found] == [
        "id",
        "stages[0].probability",
        "stages[1].id",
        "stages[2].requires[0]",
        "moves[0].target",
        "close_reasons.gone",
        "rules[0]",
    ]


def test_a_warning_does_not_stop_a_pipeline() -> None:
    """Falling probabilities are told by check() and nothing more."""
    odd = Pipeline("s", [Stage("a", probability=0.5), Stage("b"), Stage("c", probability=0.4)])
    assert [(problem.path, problem.severity) for problem in odd.check()] == [
        ("stages[2].probability", "warning")
    ]


def test_a_sound_pipeline_has_nothing_to_tell() -> None:
    """check() of a good definition is empty."""
    assert Pipeline("s", [Stage("a", probability=0.5), Stage("b", probability=0.5)]).check() == ()


def test_a_named_loss_is_a_good_transition() -> None:
    """Losing may be given a name; that is no mistake."""
    assert problems("s", [A], moves=[Transition("*", "lost", name="give_up")]) == []


def test_ids_need_not_be_english_to_have_labels_in_any_language() -> None:
    """Labels take Cyrillic, emoji and right-to-left text."""
    assert problems("s", [Stage("a", "Новая заявка 🚀 עברית")], label="Продажи «опт»") == []


def test_the_error_reads_as_a_list() -> None:
    """Its text names the pipeline and gives a line to each problem, with the mend."""
    with pytest.raises(DefinitionError) as caught:
        Pipeline("sales", [Stage("a", probability=50), Stage("a")])
    assert str(caught.value) == (
        "pipeline 'sales' has 2 problems:\n"
        "  - stages[0].probability: 50.0 is not a number from 0 to 1 (write 0.5)\n"
        "  - stages[1].id: stage 'a' is there already (as stages[0])"
    )
