"""Adopt a hand-written python-statemachine class as a pipeline, or say all reasons why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from inspect import Signature, getdoc, signature
from typing import Any

import attrs

from funnelkit.errors import DefinitionError, shown
from funnelkit.records import OUTCOMES
from funnelkit.serial import Problem, did_you_mean
from funnelkit.stages.chart import is_machine, is_own
from funnelkit.stages.inject import asked
from funnelkit.stages.rules import Refusal, Rule
from funnelkit.stages.stage import Stage
from funnelkit.stages.transition import Transition

__all__ = ["adopted"]

_EVENT = re.compile(r"[a-z][a-z0-9_]{0,62}")
_GUARDS = {"COND", "VALIDATOR"}
_DIFFERENT = {"source", "target"}
"""Parameters that mean stage ids to a rule and State objects to a machine."""


@attrs.frozen
class _Condition:
    """A ``cond`` or ``unless`` as a rule: a truth value turned into None or a refusal."""

    function: Callable[..., Any]
    expected: bool
    name: str

    @property
    def __signature__(self) -> Signature:
        return signature(self.function)

    def __call__(self, *args: Any, **kwargs: Any) -> Refusal | None:
        if bool(self.function(*args, **kwargs)) is self.expected:
            return None
        return Refusal(_code(self.name), _sentence(self.function, f"{self.name} says no"))


@attrs.frozen
class _Validator:
    """A ``validators`` function as a rule: what it raises is the refusal."""

    function: Callable[..., Any]
    name: str

    @property
    def __signature__(self) -> Signature:
        return signature(self.function)

    def __call__(self, *args: Any, **kwargs: Any) -> Refusal | None:
        try:
            self.function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 (raising is how a validator refuses)
            return Refusal(_code(self.name), str(error) or _sentence(self.function, type(error).__name__))
        return None


def _code(name: str) -> str:
    return name.replace(" ", "_")


def _sentence(function: Callable[..., Any], otherwise: str) -> str:
    return (getdoc(function) or "").partition("\n")[0] or otherwise


def adopted(machine: Any, id: str, outcomes: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of the `Pipeline` that means the same as ``machine``.

    Raises:
        DefinitionError: With everything that a flat table of transitions cannot honour.
    """
    subject = f"machine {getattr(machine, '__name__', shown(machine))}"
    if not is_machine(machine):
        raise DefinitionError(subject, [Problem("", "is not a python-statemachine class with states")])
    closing = {outcome: outcome for outcome in OUTCOMES} | dict(outcomes)
    problems = [*_whole(machine, outcomes), *_states(machine, closing), *_transitions(machine, closing)]
    if problems:
        raise DefinitionError(subject, problems)
    open_states = [state for state in machine.states if state.id not in closing]
    return {
        "id": id or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", machine.__name__).lower(),
        "stages": [Stage(state.id, _label(state)) for state in open_states],
        "moves": [
            Transition(
                state.id,
                closing.get(transition.target.id) or transition.target.id,
                name=event.id,
                rules=_rules(transition),
            )
            for state in open_states
            for transition in state.transitions
            for event in transition.events
        ],
    }


def _label(state: Any) -> str:
    """Return the name of a state, if it has one besides what the library makes of the id."""
    return "" if state.name == state.id.replace("_", " ").strip().capitalize() else state.name


# What a table cannot honour


def _whole(machine: Any, outcomes: Mapping[str, str]) -> Iterator[Problem]:
    if machine.allow_event_without_transition or machine.catch_errors_as_events:
        yield Problem("", "swallows unknown events or errors", "derive it from StateMachine, not StateChart")
    if machine._class_listeners:  # noqa: SLF001 (there is no public way to ask)
        yield Problem("listeners", "are called with every event", "subscribe to the engine's changes")
    yield from _actions(machine, machine, "")
    ids = [state.id for state in machine.states]
    for state, outcome in outcomes.items():
        if state not in ids:
            yield Problem(f"outcomes.{state}", "is not a state of the machine", did_you_mean(state, ids))
        if outcome not in OUTCOMES:
            fix = did_you_mean(outcome, OUTCOMES)
            yield Problem(f"outcomes.{state}", f"{shown(outcome)} is not an outcome", fix)


def _states(machine: Any, closing: Mapping[str, str]) -> Iterator[Problem]:
    if not any(closing.get(state.id) == "won" for state in machine.states):
        yield Problem("", "has no state that means won", 'say which: outcomes={"signed": "won"}')
    open_states = [state for state in machine.states if state.id not in closing]
    if machine.initial_state is not None and open_states[:1] != [machine.initial_state]:
        yield Problem(machine.initial_state.id, "is initial but not the first stage", "declare it first")
    for state in machine.states:
        if state.states or state.parallel or state.history:
            yield Problem(state.id, "holds other states", "a pipeline is flat")
        if state.final and state.id not in closing:
            fix = f'say which: outcomes={{"{state.id}": "won"}}'
            yield Problem(state.id, "is final, but no outcome", fix)
        if state.id in closing and state.transitions:
            yield Problem(state.id, "has a way out; a closed record reopens on the stage it was on")
        yield from _actions(machine, state, state.id)


def _actions(machine: Any, owner: Any, path: str) -> Iterator[Problem]:
    """Find the callbacks of a machine, state or transition that are no guards.

    The library lists conventional names (``on_enter_won``) whether or not anybody defined them.
    Its public ways to ask (``machine.prepare``, ``state.enter``) are shadowed by events and states
    of those names.
    """
    for spec in owner._specs:  # noqa: SLF001
        if spec.group.name not in _GUARDS and (not spec.is_convention or is_own(machine, spec.func)):
            yield Problem(path, f"{str(spec)!r} is an action", "subscribe to the engine's changes")


def _transitions(machine: Any, closing: Mapping[str, str]) -> Iterator[Problem]:
    for state in machine.states:
        seen: dict[str, str] = {}
        for number, transition in enumerate(state.transitions):
            path = f"{state.id}.transitions[{number}]"
            yield from _shape(machine, state, transition, path)
            yield from _guards(machine, transition, closing, path)
            for event in transition.events:
                if event.id in seen:
                    fix = "make it a cond"
                    yield Problem(seen[event.id], f"its validator stops {event.id!r} from trying {path}", fix)
                if list(transition.validators):
                    seen[event.id] = path


def _shape(machine: Any, state: Any, transition: Any, path: str) -> Iterator[Problem]:
    if len(transition.targets) != 1:
        yield Problem(path, "does not lead to exactly one state")
    elif transition.target is state:
        yield Problem(path, "leads to where it starts", "staying needs no transition")
    elif transition.target.parent is not None or getattr(transition.target, "is_history", False):
        yield Problem(path, "leads into another state", "a pipeline is flat")
    if transition.is_eventless:
        yield Problem(path, "fires without an event", "give it one")
    for event in transition.events:
        if not _EVENT.fullmatch(event.id):
            yield Problem(path, f"event {shown(event.id)} is not a slug")
        if event.delay or event.internal:
            yield Problem(path, f"event {event.id!r} is delayed or internal")
    yield from _actions(machine, transition, path)


def _guards(machine: Any, transition: Any, closing: Mapping[str, str], path: str) -> Iterator[Problem]:
    target = transition.target.id if transition.target else ""
    specs = [*transition.validators, *transition.cond]
    if specs and closing.get(target) in ("lost", "void"):
        yield Problem(path, "guards a loss: letting go is always possible")
    for spec in specs:
        name = str(spec)
        if not callable(spec.func) or isinstance(spec.func, property):
            yield Problem(path, f"guard {name!r} is given by name", "give the function itself")
            continue
        if getattr(machine, spec.attr_name, None) is spec.func:
            yield Problem(path, f"guard {name!r} is a method of the machine", "make it a plain function")
            continue
        try:
            names = asked(spec.func, name)
        except DefinitionError as error:
            yield from (Problem(f"{path} guard {name}", str(problem)) for problem in error.problems)
        else:
            for parameter in _DIFFERENT.intersection(names):
                sentence = f"asks for {parameter!r}, a State there and a stage id here"
                yield Problem(f"{path} guard {name}", sentence)


def _rules(transition: Any) -> list[Rule]:
    """Return the guards of a transition as rules, in the order in which the machine asks them."""
    rules = []
    for spec in transition.validators:
        name = _distinct(spec.func)
        rules.append(Rule(function=_Validator(spec.func, name), name=name, doc=getdoc(spec.func) or ""))
    for spec in transition.cond:
        name = _distinct(spec.func) if spec.expected_value else f"not {_distinct(spec.func)}"
        condition = _Condition(spec.func, spec.expected_value, name)
        rules.append(Rule(function=condition, name=name, doc=getdoc(spec.func) or ""))
    return rules


def _distinct(function: Any) -> str:
    return getattr(function, "__name__", "guard")
