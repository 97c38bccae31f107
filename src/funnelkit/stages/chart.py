"""Pipelines as python-statemachine classes: that library is the authority on the machine.

A class is built once for each pipeline. The gate does not run it (an event of a live machine costs
more than a hundred table look-ups); it reads the table that `read_table` takes from it.
State ids are generated, because ids become attributes and a stage may be called ``model`` or
``send``; the real id is the state's value. Outcomes are ordinary states, because records reopen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.records import OUTCOMES, PipelineRecord
from funnelkit.stages.inject import Scene
from funnelkit.stages.rules import Rule
from funnelkit.stages.stage import Stage
from funnelkit.stages.stock import requires, steps_done
from funnelkit.stages.table import verb_of
from funnelkit.stages.transition import ANY, Transition

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline

__all__ = ["Bound", "Way", "bound_machine", "is_machine", "is_own", "machine_class", "ways"]


@attrs.frozen
class Way:
    """One transition as the pipeline means it: what becomes an edge."""

    source: str
    target: str
    name: str
    rules: tuple[Rule, ...]


def ways(pipeline: Pipeline) -> Iterator[Way]:
    """Spell out every transition of a pipeline, in the order in which they are tried."""
    for stage in pipeline.stages:
        declared = [] if isinstance(pipeline.moves, str) else _declared(pipeline.moves, stage.id)
        implied = [Transition(stage.id, target) for target in _implied(pipeline, stage, declared)]
        for transition in (*declared, *implied):
            rules = _rules(pipeline, stage, transition)
            yield Way(stage.id, transition.target, transition.name, rules)
    for outcome in OUTCOMES:
        for stage in pipeline.stages:
            rules = tuple(rule for rule in pipeline.rules if rule.acts("reopen", outcome, stage.id))
            yield Way(outcome, stage.id, "", rules)


def _declared(moves: tuple[Transition, ...], stage: str) -> list[Transition]:
    return [
        transition
        for transition in moves
        if stage in transition.sources or (ANY in transition.sources and transition.target != stage)
    ]


def _implied(pipeline: Pipeline, stage: Stage, declared: list[Transition]) -> Iterator[str]:
    """Name the targets that need no declaration: by the topology, and the outcomes."""
    at = pipeline.stages.index(stage)
    ahead = [other.id for other in pipeline.stages[at + 1 :] if not other.archived]
    behind = [other.id for other in pipeline.stages[:at] if not other.archived]
    if pipeline.moves == "free":
        yield from ahead + behind
    elif pipeline.moves == "ordered":
        yield from ahead[:1] + behind
    if stage.can_win and not declares_wins(pipeline):
        yield "won"
    taken = {transition.target for transition in declared}
    yield from (outcome for outcome in OUTCOMES[1:] if outcome not in taken)


def declares_wins(pipeline: Pipeline) -> bool:
    """Whether the pipeline lists the transitions to a win, so that there are no others."""
    return not isinstance(pipeline.moves, str) and any(each.target == "won" for each in pipeline.moves)


def _rules(pipeline: Pipeline, stage: Stage, transition: Transition) -> tuple[Rule, ...]:
    """Return the rules that guard a way out of an open stage, in the order of asking."""
    source, target = stage.id, transition.target
    verb = verb_of(source, target)
    order = pipeline.stage_ids
    won = target == "won"
    rules: list[Rule] = []
    if won or (verb == "move" and order.index(target) > order.index(source)):
        rules += [requires(path) for path in stage.requires]
        rules += [steps_done(step) for step in stage.steps]
        rules += [rule for rule in stage.rules if acts_here(rule, verb, source, target)]
    rules += [rule for rule in transition.rules if acts_here(rule, verb, source, target)]
    rules += [rule for rule in pipeline.rules if rule.acts(verb, source, target)]
    if won and pipeline.kind == "lead":
        rules += [rule for rule in pipeline.rules if rule.acts("convert", source, target)]
    return tuple(rules)


def acts_here(rule: Rule, verb: str, source: str, target: str) -> bool:
    """Whether a stage's or transition's own rule acts there: for these, a win is a move forward."""
    return rule.acts(verb, source, target) or (verb == "win" and rule.acts("move", source, target))


# The class


def machine_class(pipeline: Pipeline) -> Any:
    """Build the python-statemachine class of a pipeline.

    Events are called ``to_<place>`` and, for named transitions, ``do_<name>`` as well.
    """
    from statemachine import Event, State, StateMachine

    labels = {stage.id: stage.label or stage.id for stage in pipeline.stages}
    labels |= {outcome: outcome for outcome in OUTCOMES}
    states = {
        place: State(label, value=place, initial=place == pipeline.first) for place, label in labels.items()
    }
    guards: dict[Rule, Callable[..., bool]] = {}
    for way in ways(pipeline):
        events = [Event(id=f"to_{way.target}", name=way.target)]
        if way.name:
            events.insert(0, Event(id=f"do_{way.name}", name=way.name))
        cond = [guards.setdefault(rule, _guard(rule, pipeline, len(guards))) for rule in way.rules]
        states[way.source].to(states[way.target], event=events, cond=cond)
    body: dict[str, Any] = {f"s{number}": state for number, state in enumerate(states.values())}
    # The library refuses to set an attribute named like the *value* of a state, its own included
    # ("model", "state_field"). With generated ids there is nothing left for it to guard.
    body["__setattr__"] = object.__setattr__
    # One constant name: the library keeps the latest class of each name for ever.
    build: Any = type(StateMachine)
    return build("PipelineMachine", (StateMachine,), body)


_FACTS = frozenset(field.name for field in attrs.fields(Scene)) - {"source", "target"}


def _guard(rule: Rule, pipeline: Pipeline, number: int) -> Callable[..., bool]:
    """Wrap a rule in a fresh function; the library writes to its guards and keys them by name."""

    def guard(model: Any, source: Any, target: Any, **facts: Any) -> bool:
        known = {
            "record": model.record,
            "pipeline": pipeline,
            "verb": verb_of(source.value, target.value),
            **{name: facts[name] for name in _FACTS & facts.keys()},
        }
        return rule.check(Scene(source=source.value, target=target.value, **known)) is None

    guard.__name__ = guard.__qualname__ = f"rule_{number}"
    guard.rule = rule  # type: ignore[attr-defined]
    return guard


@attrs.define
class Bound:
    """What a live machine moves: the record stays as it is, ``state`` is where the machine is."""

    record: PipelineRecord
    state: str


def bound_machine(pipeline: Pipeline, record: PipelineRecord) -> Any:
    """Return a live machine that stands where ``record`` is."""
    pipeline.stage(record.stage)
    return pipeline.machine(Bound(record, record.place))


# Classes of other people


def is_machine(value: object) -> bool:
    """Whether ``value`` is a python-statemachine class with states."""
    from statemachine import StateChart

    return isinstance(value, type) and issubclass(value, StateChart) and bool(value.states)


def is_own(machine: type, name: str) -> bool:
    """Whether a machine class defines ``name`` itself, and does not just inherit the library's."""
    from statemachine import StateMachine

    return getattr(machine, name, None) is not getattr(StateMachine, name, None)
