"""Pipelines as python-statemachine classes: that library is the authority on the machine.

A class is built once for each pipeline. The gate does not run it (an event of a live machine costs
more than a hundred table look-ups); it reads the table that `read_table` takes from it.
State ids are generated, because ids become attributes and a stage may be called ``model`` or
``send``; the real id is the state's value. Outcomes are ordinary states, because records reopen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.records import OUTCOMES, PipelineRecord
from funnelkit.stages.inject import Scene
from funnelkit.stages.rules import Rule
from funnelkit.stages.table import verb_of
from funnelkit.stages.ways import ways

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline

__all__ = ["Bound", "bound_machine", "is_machine", "is_own", "machine_class"]


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
