"""Pipelines as TOML and JSON, their fingerprints and their differences."""

from __future__ import annotations

import json
import string
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.errors import DefinitionError
from funnelkit.records import OUTCOMES
from funnelkit.serial import duration_text, to_toml
from funnelkit.stages import (
    CloseReason,
    Pipeline,
    Stage,
    Transition,
    at_least,
    only_roles,
    requires,
    rule,
)

RULES = [
    requires("value"),
    only_roles("manager", "директор", on="win"),
    at_least(3, "seats"),
    rule(on=("move", "assign"), name='odd "name" \\ 🚀')(lambda record: None),
]

SMALL_TOML = 'id = "s"\n[[stages]]\nid = "a"\n'
SMALL_JSON = '{"id": "s", "stages": [{"id": "a"}]}'
SLUGS = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=12).map("x{}".format)
LABELS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("'\"\\#=[]{},🚀Жё\u2028\u200b\ufeff"),
    max_size=20,
)
CHANCES = st.none() | st.floats(0, 1) | st.sampled_from([0, 1])
LIMITS = st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=9999)).map(
    lambda limit: limit - timedelta(microseconds=limit.microseconds)
)
PATHS = st.lists(st.sampled_from(["value", "owner", "terms.payment", "contact.email", "размер"]), unique=True)


@st.composite
def stages(draw: st.DrawFn, id: str) -> Stage:
    """Draw a stage that any pipeline can have."""
    return Stage(
        id,
        draw(LABELS),
        probability=draw(CHANCES),
        limit=draw(LIMITS),
        requires=draw(PATHS),
        steps=draw(st.lists(LABELS.filter(bool), unique=True, max_size=3)),
        rules=draw(st.lists(st.sampled_from(RULES), unique=True, max_size=2)),
    )


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    """Draw a sound pipeline of any topology."""
    ids = draw(st.lists(SLUGS, min_size=1, max_size=5, unique=True))
    some = st.lists(st.sampled_from(ids), min_size=1, unique=True)
    moves: Any = draw(st.sampled_from(["free", "ordered", None]))
    if moves is None:
        moves = [Transition("*", id, name=draw(st.sampled_from(["", "go", "step_on"]))) for id in ids]
        for sources in draw(st.lists(some, max_size=3)):
            outcome = draw(st.sampled_from(["lost", "void"]))
            moves.append(
                Transition(sources[0] if len(sources) == 1 else tuple(sources), outcome, name="let_go")
            )
    reasons = st.lists(st.builds(CloseReason, SLUGS, LABELS), unique_by=lambda reason: reason.id, max_size=3)
    return Pipeline(
        draw(SLUGS),
        [draw(stages(id)) for id in ids],
        kind=draw(st.sampled_from(["deal", "lead"])),
        label=draw(LABELS),
        moves=moves,
        close_reasons=draw(st.dictionaries(st.sampled_from(OUTCOMES), reasons)),
        rules=draw(st.lists(st.sampled_from(RULES), unique=True)),
    )


@given(pipelines())
def test_toml_comes_back_as_it_went(pipeline: Pipeline) -> None:
    """A pipeline written as TOML is read back equal, fingerprint and text included."""
    text = pipeline.to_toml()
    again = Pipeline.from_toml(text, rules=RULES)
    assert again == pipeline
    assert again.fingerprint == pipeline.fingerprint
    assert again.to_toml() == text


@given(pipelines())
def test_json_comes_back_as_it_went(pipeline: Pipeline) -> None:
    """A pipeline written as JSON is read back equal."""
    assert Pipeline.from_json(pipeline.to_json(), rules=RULES) == pipeline


@given(pipelines(), pipelines())
def test_differences_and_fingerprints_agree_with_equality(one: Pipeline, two: Pipeline) -> None:
    """Equal pipelines have no differences and one fingerprint; unlike ones have both."""
    assert one.diff(Pipeline.from_json(one.to_json(), rules=RULES)) == ()
    assert (one == two) == (one.diff(two) == ()) == (one.fingerprint == two.fingerprint)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), LABELS | st.lists(st.integers())))
def test_what_is_written_as_toml_tomllib_reads(document: dict[str, Any]) -> None:
    """Any key and any text survive the writer."""
    assert tomllib.loads(to_toml(document)) == document


@given(
    st.dictionaries(LABELS, st.dictionaries(LABELS, st.dictionaries(LABELS, LABELS, max_size=2), max_size=2))
)
def test_nested_tables_survive_the_writer(document: dict[str, Any]) -> None:
    """Tables in tables are read back, empty ones too."""
    assert tomllib.loads(to_toml(document)) == document


@given(LIMITS.filter(bool))
def test_durations_come_back_as_they_went(limit: timedelta) -> None:
    """Whole seconds are written in the units that are read."""
    assert Stage("a", limit=duration_text(limit)).limit == limit


def test_a_control_character_never_reaches_a_document() -> None:
    """Labels and steps with control characters are refused when the pipeline is made."""
    for mark in ("\0", "\n", "\x1b", "\x7f", "\x85"):
        with pytest.raises(DefinitionError, match="cannot hold the character"):
            Pipeline("s", [Stage("a", f"x{mark}")])
        with pytest.raises(DefinitionError, match="cannot hold the character"):
            Pipeline("s", [Stage("a", steps=f"x{mark}")])


@pytest.mark.parametrize(
    ("read", "text"), [(Pipeline.from_toml, SMALL_TOML), (Pipeline.from_json, SMALL_JSON)]
)
def test_a_byte_order_mark_says_nothing(read: Any, text: str) -> None:
    """Some editors put a mark before a text; the document is the same."""
    assert read(f"\ufeff{text}") == read(text) == Pipeline("s", [Stage("a")])


def test_a_number_that_is_too_large_is_told() -> None:
    """A probability that no float can hold is a problem with a path, in documents and in Python."""
    huge = 10**400
    with pytest.raises(DefinitionError, match=r"stages\[0\].probability: 1000+… is too large"):
        Pipeline.from_json(f'{{"id": "s", "stages": [{{"id": "a", "probability": {huge}}}]}}')
    with pytest.raises(DefinitionError, match=r"stages\[0\].probability: 1000+… is not a number from 0 to 1"):
        Pipeline("s", [Stage("a", probability=huge)])


# Written by hand

BY_HAND = """
id = "sales"
label = "Продажи"
rules = ["requires(value)"]

[close_reasons]
lost = ["price", "no answer"]
void = { duplicate = "Дубль" }

[[stages]]
id = "new"
probability = 0
limit = "1w2d"

[[stages]]
id = "offer"
requires = ["terms.payment"]

[[moves]]
source = "new"
target = "offer"
name = "send"

[[moves]]
source = ["new", "offer"]
target = "won"
rules = ["only_roles(manager, директор)"]
"""


def test_a_document_by_hand_says_what_it_seems_to() -> None:
    """The forms a person would write are read, rules by name."""
    assert Pipeline.from_toml(BY_HAND, rules=RULES) == Pipeline(
        "sales",
        [Stage("new", probability=0.0, limit=timedelta(days=9)), Stage("offer", requires=("terms.payment",))],
        label="Продажи",
        moves=[
            Transition("new", "offer", name="send"),
            Transition(("new", "offer"), "won", rules=RULES[1]),
        ],
        close_reasons={"lost": {"price": "price", "no_answer": "no answer"}, "void": {"duplicate": "Дубль"}},
        rules=[RULES[0]],
    )


STAGE = '[[stages]]\nid = "a"\n'
BAD: dict[str, tuple[str, str]] = {
    "unknown key": (f'id = "s"\nmovez = "free"\n{STAGE}', "movez: is not a key (did you mean 'moves'?)"),
    "unknown key of a stage": (
        f'id = "s"\n{STAGE}probabilty = 0.5',
        "stages[0].probabilty: is not a key (did you mean 'probability'?)",
    ),
    "unknown key of a move": (
        f'id = "s"\nmoves = [{{source = "a", target = "won", nam = "x"}}]\n{STAGE}',
        "moves[0].nam: is not a key (did you mean 'name'?)",
    ),
    "no id": (STAGE, "id: is missing"),
    "number as text": (f'id = "s"\n{STAGE}label = 5', "stages[0].label: 5 is not text"),
    "text as number": (
        f'id = "s"\n{STAGE}probability = "0.5"',
        "stages[0].probability: '0.5' is not a number",
    ),
    "truth as number": (
        f'id = "s"\n{STAGE}probability = true',
        "stages[0].probability: True is not a number",
    ),
    "number as truth": (f'id = "s"\n{STAGE}archived = 1', "stages[0].archived: 1 is not true or false"),
    "text as list": (f'id = "s"\n{STAGE}requires = "value"', "stages[0].requires: 'value' is not a list"),
    "text as table": ('id = "s"\nstages = ["a"]', "stages[0]: 'a' is not a table"),
    "duration": (f'id = "s"\n{STAGE}limit = "2 weeks"', "stages[0].limit: '2 weeks' is not a duration"),
    "kind": (f'id = "s"\nkind = "order"\n{STAGE}', "kind: 'order' is not possible (one of 'deal', 'lead')"),
    "unknown rule": (
        f'id = "s"\nrules = ["requires(valu)"]\n{STAGE}',
        "rules[0]: there is no rule 'requires(valu)' (did you mean 'requires(value)'?)",
    ),
    "rule of a stage": (f'id = "s"\n{STAGE}rules = [5]', "stages[0].rules[0]: 5 is not the name of a rule"),
    "no toml": ("id = s", "TOML document: Invalid value"),
    "definition": (
        f'id = "s"\n{STAGE}probability = 3',
        "stages[0].probability: 3.0 is not a number from 0 to 1",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_document_is_refused_with_the_path(case: str) -> None:
    """What cannot be read is told by path, with a suggestion where there is one."""
    text, told = BAD[case]
    with pytest.raises(DefinitionError) as caught:
        Pipeline.from_toml(text, rules=RULES)
    assert told in str(caught.value)


def test_all_problems_of_a_document_are_told_at_once() -> None:
    """Two stages and the top: three problems."""
    text = f'id = "s"\nmovez = 1\n{STAGE}labl = "x"\n{STAGE}steps = 5'
    with pytest.raises(DefinitionError) as caught:
        Pipeline.from_toml(text)
    assert {problem.path for problem in caught.value.problems} == {
        "stages[0].labl",
        "stages[1].steps",
        "movez",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "[1] is not an object"),
        ('{"id": "a", "id": "b"}', "key 'id' stands twice"),
        ('{"id":\n "a",,', "line 2"),
        ("[" * 100_000, "nested too deep"),
        ('{"id": "s", "stages": [{"id": "a", "probability": NaN}]}', "nan is not a number from 0 to 1"),
    ],
)
def test_bad_json_is_refused(text: str, told: str) -> None:
    """JSON that is none, or says two things, is told with its line."""
    with pytest.raises(DefinitionError) as caught:
        Pipeline.from_json(text)
    assert told in str(caught.value)


# Fingerprints and differences


@pytest.mark.parametrize("read", [Pipeline.from_toml, Pipeline.from_json])
@pytest.mark.parametrize(
    "document", [None, 5, {}, b"id = 1", Path("sales.toml"), "id = " + "9" * 5_000, "a = " + "[" * 100_000]
)
def test_what_is_no_document_is_refused(read: Any, document: Any) -> None:
    """A path, bytes, a number that Python will not read, brackets without end: DefinitionError, short."""
    text = (
        document.partition("= ")[2] if read == Pipeline.from_json and isinstance(document, str) else document
    )
    with pytest.raises(DefinitionError) as caught:
        read(text)
    assert len(str(caught.value)) < 300


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    """It depends on the content alone: not on hash seeds, not on the order of sets."""
    code = (
        "from funnelkit.stages import *; print(Pipeline('s', [Stage('a', 'Я', probability=0.1)], "
        "rules=[only_roles('x', on=('win', 'lose', 'move'))]).fingerprint)"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed} | {"PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert len(runs.pop().strip()) == 16


def test_a_fingerprint_counts_rules_by_name_and_verbs() -> None:
    """Other code under the same name is the same definition; another verb is not."""
    one = rule(name="r")(lambda record: None)
    other_code = rule(name="r")(lambda actor: None)
    other_verb = rule(on="win", name="r")(lambda record: None)
    prints = [Pipeline("s", [Stage("a")], rules=each).fingerprint for each in (one, other_code, other_verb)]
    assert prints[0] == prints[1] != prints[2]


def test_a_difference_is_told_in_sentences() -> None:
    """Stages, fields, moves, reasons and rules, each in a line."""
    before = Pipeline(
        "s",
        [Stage("a", probability=0.1), Stage("b"), Stage("c", limit="2d")],
        close_reasons={"lost": {"price": "Price"}},
        rules=RULES[:1],
    )
    after = Pipeline(
        "s",
        [Stage("c", limit="3d"), Stage("a", probability=0.2), Stage("d")],
        moves="ordered",
        close_reasons={"lost": {"price": "Цена", "other": "Other"}},
    )
    assert before.diff(after) == (
        "stage 'b' is removed",
        "stage 'c': limit 2d → 3d",
        "stage 'a': probability 0.1 → 0.2",
        "stage 'd' is added after 'a'",
        "stages are reordered: a → c becomes c → a",
        "moves: free → ordered",
        "lost reason 'other' is added",
        "lost reason 'price': label 'Price' → 'Цена'",
        "rule 'requires(value)' is removed",
    )


def test_json_is_readable_in_any_language() -> None:
    """Cyrillic stands in it as it is."""
    assert '"Заявка"' in Pipeline("s", [Stage("a", "Заявка")]).to_json()
    assert json.loads(Pipeline("s", [Stage("a")]).to_json()) == {"id": "s", "stages": [{"id": "a"}]}


def test_a_rule_of_a_transition_stands_in_the_document_by_name() -> None:
    """A rule that guards one transition is written by its name and found again by it."""
    signed = rule(name="signed")(lambda deal: None)
    pipeline = Pipeline(
        "sales", [Stage("new"), Stage("offer")], moves=Transition("new", "offer", rules=signed)
    )
    assert Pipeline.from_json(pipeline.to_json(), rules=[signed]) == pipeline
    assert len(pipeline.fingerprint) == 16
