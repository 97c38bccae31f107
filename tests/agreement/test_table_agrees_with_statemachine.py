"""The table that the gate looks up against live python-statemachines: they accept, refuse and land alike.

Random pipelines become machines, random machines become pipelines; both walk the same random way
under guards whose answers depend on everything a guard is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any
from zlib import crc32

import attrs
import pytest
from statemachine import State, StateMachine
from statemachine.exceptions import TransitionNotAllowed

from funnelkit.records import OUTCOMES, Close, Deal
from funnelkit.stages import Pipeline, Refusal, Rule, Stage, Transition, rule
from funnelkit.stages.inject import Scene
from funnelkit.stages.table import Table, verb_of

EVENTS = 12_000
WALK = 60
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEAL = Deal(id="d", pipeline="p", stage="", name="d", created_at=NOON, entered_at=NOON, updated_at=NOON)
VERBS = ["move", "win", "lose", "void", "reopen"]

Answer = tuple[str, str]
"""``("land", place)``, ``("refuse", place)`` or ``("error", place)``: what happened, and where it ended."""


class BoomError(Exception):
    """What a broken guard raises."""


class NoError(Exception):
    """What a validator raises."""


def chance(*facts: object) -> float:
    """Return a number from 0 to 1 that depends on the facts and on nothing else."""
    return crc32(repr(facts).encode()) / 2**32


def by_table(table: Table, place: str, word: str, note: str) -> Answer:
    """Take the first edge whose rules all pass."""
    try:
        for edge in table.edges.get((place, word), ()):
            verb = verb_of(place, edge.target)
            scene = Scene(record=DEAL, source=place, target=edge.target, verb=verb, note=note)
            if all(check(scene) is None for check in edge.rules):
                return "land", edge.target
    except BoomError:
        return "error", place
    return "refuse", place


def by_machine(live: Any, event: str, note: str, ids: Mapping[Any, str]) -> Answer:
    """Send the event to a live machine; ``ids`` names its states by their values."""
    answer = "land"
    try:
        live.send(event, note=note)
    except (TransitionNotAllowed, NoError):
        answer = "refuse"
    except BoomError:
        answer = "error"
    return answer, ids[live.model.state]


# Pipelines of our own


def random_rules(random: Random, count: int, places: list[str], **fixed: Any) -> list[Rule]:
    """Return rules with random verbs and filters; each answers by everything it is told."""
    return [random_rule(random, places, **fixed) for _ in range(random.randint(0, count))]


def random_rule(random: Random, places: list[str], **fixed: Any) -> Rule:
    """Return one rule under a name of its own."""
    name = f"rule {random.getrandbits(64)}"

    def answer(source: str, target: str, verb: str, note: str) -> Refusal | None:
        drawn = chance(name, source, target, verb, note)
        if drawn < 0.03:
            raise BoomError
        return Refusal("no", "no") if drawn < 0.3 else None

    some = {"source": random.sample(places, 2), "target": random.sample(places, 2)}
    filters = {key: value for key, value in some.items() if random.random() < 0.3}
    return rule(name=name, **({"on": random.sample(VERBS, 2)} | filters | fixed))(answer)


def random_pipeline(random: Random) -> Pipeline:
    """Return a sound pipeline of a random topology with rules in every possible place."""
    ids = random.sample(
        ["new", "call", "model", "send", "offer", "state_field", "contract", "s0"], random.randint(2, 6)
    )
    places = [*ids, *OUTCOMES]
    stages = [
        Stage(
            id,
            can_win=number == len(ids) - 1 or random.random() < 0.7,
            archived=0 < number < len(ids) - 1 and random.random() < 0.15,
            rules=random_rules(random, 2, places, on="move"),
        )
        for number, id in enumerate(ids)
    ]
    moves: Any = random.choice(["free", "ordered", "explicit"])
    if moves == "explicit":
        open_ids = [stage.id for stage in stages if not stage.archived]
        moves = [Transition("*", id) for id in open_ids]
        for _ in range(random.randint(0, 8)):
            target = random.choice(open_ids)
            sources = random.sample([id for id in ids if id != target], random.randint(1, len(ids) - 1))
            rules = random_rules(random, 2, places, on="move")
            moves.append(
                Transition(
                    tuple(sources), target, name=random.choice(["", "go", "to_go", "error_now"]), rules=rules
                )
            )
        moves.append(Transition(ids[0], "lost", name="give_up"))
        random.shuffle(moves)
    return Pipeline("p", stages, moves=moves, rules=random_rules(random, 6, places))


def walk_own(random: Random) -> Counter[str]:
    """Walk a random pipeline by table and by live machine; count what happened."""
    pipeline = random_pipeline(random)
    close = random.choice([None, None, Close(outcome="lost", at=NOON, by="sam")])
    record = attrs.evolve(DEAL, stage=pipeline.first, close=close)
    live = pipeline.bind(record)
    words = [*pipeline.stage_ids, *OUTCOMES, "go", "to_go", "error_now", "give_up", "nowhere"]
    ids = {place: place for place in (*pipeline.stage_ids, *OUTCOMES)}
    names = {"go", "to_go", "error_now", "give_up"}
    seen: Counter[str] = Counter()
    for step in range(WALK):
        place, note = live.model.state, str(step)
        likely = pipeline.table.words(place)
        word = random.choice(likely if random.random() < 0.8 else words)
        expected = by_machine(live, f"{'do' if word in names else 'to'}_{word}", note, ids)
        assert (place, word, by_table(pipeline.table, place, word, note)) == (place, word, expected)
        seen[expected[0]] += 1
    return seen


# Machines of other people


def random_guards(random: Random, names: list[str]) -> list[Callable[..., bool]]:
    """Return truth-valued guards; some break."""

    def make(name: str) -> Callable[..., bool]:
        def answer(note: str) -> bool:
            drawn = chance(name, note)
            if drawn < 0.03:
                raise BoomError
            return drawn < 0.7

        answer.__name__ = answer.__qualname__ = name
        return answer

    return [make(f"{name}_{random.getrandbits(32)}") for name in names]


def random_validator(random: Random) -> Callable[..., None]:
    """Return a validator that refuses by raising."""
    name = f"check_{random.getrandbits(32)}"

    def answer(note: str) -> None:
        if chance(name, note) < 0.3:
            raise NoError

    answer.__name__ = answer.__qualname__ = name
    return answer


def random_machine(random: Random) -> Any:
    """Return a flat machine with cond, unless and validators, as somebody might have written it."""
    count = random.randint(2, 6)
    stages = [State(f"Stage {number}", initial=number == 0, value=number + 7) for number in range(count)]
    outcomes = {outcome: State(final=True) for outcome in OUTCOMES}
    guards = random_guards(random, ["a", "b", "c", "d"])
    ways = [
        (number, stages[number + 1] if number + 1 < count else outcomes["won"], "on")
        for number in range(count)
    ]
    for _ in range(random.randint(0, 14)):
        number = random.randrange(count)
        target = random.choice([*(each for each in stages if each is not stages[number]), *outcomes.values()])
        ways.append((number, target, random.choice(["on", "jump", "drop"])))
    random.shuffle(ways)
    for at, (number, target, event) in enumerate(ways):
        closing = target in (outcomes["lost"], outcomes["void"])
        last = not any(other[0] == number and other[2] == event for other in ways[at + 1 :])
        stages[number].to(
            target,
            event=event,
            cond=None if closing else random.choices(guards, k=random.randint(0, 2)),
            unless=None if closing else random.choices(guards, k=random.randint(0, 2)),
            validators=random_validator(random) if last and not closing and random.random() < 0.5 else None,
        )
    reached = {id(target) for _, target, _ in ways}
    body: dict[str, Any] = {f"stage_{number}": state for number, state in enumerate(stages)}
    body |= {name: state for name, state in outcomes.items() if id(state) in reached}
    return type(StateMachine)("Random", (StateMachine,), body)


class Standing:
    """The least a machine can move."""

    state: Any = None


def walk_adopted(random: Random) -> Counter[str]:
    """Walk a random machine live and by the table of the pipeline adopted from it."""
    machine = random_machine(random)
    table = Pipeline.from_machine(machine).table
    ids = {state.value: state.id for state in machine.states}
    seen: Counter[str] = Counter()
    live = machine(Standing())
    for step in range(WALK):
        if ids[live.model.state] in OUTCOMES:
            live = machine(Standing())
        place, note = ids[live.model.state], str(step)
        word = random.choice(["on", "on", "jump", "drop", "nothing"])
        expected = by_machine(live, word, note, ids)
        assert (place, word, by_table(table, place, word, note)) == (place, word, expected)
        seen[expected[0]] += 1
    return seen


@pytest.mark.parametrize("walk", [walk_own, walk_adopted])
def test_table_and_machine_agree(walk: Callable[[Random], Counter[str]]) -> None:
    """Over more than ten thousand events, with each kind of answer many times, there is no disagreement."""
    seen: Counter[str] = Counter()
    for seed in range(EVENTS // WALK):
        try:
            seen += walk(Random(seed))
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
    assert seen.total() >= 10_000
    assert min(seen["land"], seen["refuse"], seen["error"]) >= 100
