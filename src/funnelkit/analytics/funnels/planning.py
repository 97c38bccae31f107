"""From what somebody asks for to a plan: every argument checked against the definition it is given to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, get_args

from funnelkit.analytics.funnels.plans import (
    DEFINITIONS,
    Anchor,
    Ban,
    Definition,
    Exclusion,
    Plan,
    Policy,
    Ties,
)
from funnelkit.analytics.scope import ALWAYS, Scope, bounds_of, refuse
from funnelkit.clock import duration
from funnelkit.errors import InputError, shown

__all__ = ["between_of", "planned"]

_WORDS = {"anchor": get_args(Anchor), "ties": get_args(Ties), "policy": get_args(Policy)}
_HELD = ("owner", "source", "campaign", "repeat")
_TOUCHES = ("each", "first", "last", "all")


def planned(definition: Definition, scope: Scope, given: Mapping[str, Any]) -> Plan:
    """Return the plan of what is given: an argument that is left out is None.

    Raises:
        InputError: An argument that belongs to another definition, or that says nothing.
    """
    said = {name: value for name, value in given.items() if value is not None}
    for name, value in said.items():
        if name not in definition.takes:
            others = [f'"{item.name}"' for item in DEFINITIONS.values() if name in item.takes]
            problem = f"does not belong to {definition.name!r}"
            raise InputError(name, problem, f"it is for {', '.join(others)}")
        if name in _WORDS and value not in _WORDS[name]:
            refuse(name, value, _WORDS[name], "is not known")
    places = _steps(scope, said.get("steps"))
    plan = Plan(definition=definition, places=places, **{n: said[n] for n in _WORDS if n in said})
    repeated = len(set(places)) < len(places)
    if repeated and (definition.name == "unordered" or plan.ties == "step_order"):
        raise InputError("steps", "come twice, and one row would do two of them", "name each step once")
    held = said.get("held", "")
    if held and held not in _HELD and not held.startswith("custom."):
        refuse("held", held, _HELD, "is nothing to hold")
    touch = said.get("attribution", "each")
    if touch not in (*_TOUCHES, *plan.names):
        refuse("attribution", touch, (*_TOUCHES, *plan.names), "is neither a step nor one of the words")
    return Plan(
        definition=definition,
        places=places,
        within_us=_microseconds(said.get("window"), "window"),
        anchor=plan.anchor,
        ties=plan.ties,
        bans=tuple(_ban(plan, scope, exclusion) for exclusion in said.get("exclusions", ())),
        policy=plan.policy,
        held=held,
        entered=bounds_of(said["entered"], "entered", scope.zone) if "entered" in said else ALWAYS,
        attribution=touch,
        horizon_us=_microseconds(said.get("within"), "within"),
    )


def between_of(plan: Plan, start: str | None, end: str | None) -> tuple[int, int]:
    """Return the numbers of two steps.

    Raises:
        InputError: No such steps, or the one is not before the other.
    """
    names = plan.names
    if len(names) < 2:  # noqa: PLR2004 (from one to another takes two)
        raise InputError("steps", "are fewer than two", "there is nothing in between")
    numbers = []
    for argument, name in (("start", start or names[0]), ("end", end or names[-1])):
        if name not in names:
            refuse(argument, name, names, "is not a step of the funnel")
        numbers.append(names.index(name) + 1)
    if numbers[0] >= numbers[1]:
        raise InputError("end", "is not behind the start", f"the steps are {', '.join(names)}")
    return numbers[0], numbers[1]


def _microseconds(given: timedelta | str | None, argument: str) -> int:
    """Return a duration; one beyond any life is no limit, like none."""
    return (
        ALWAYS[1] if given is None else min(duration(given, argument) // timedelta(microseconds=1), ALWAYS[1])
    )


def _steps(scope: Scope, steps: Sequence[str] | None) -> tuple[str, ...]:
    known = scope.shape.places
    if steps is None:
        return known
    if not steps:
        raise InputError("steps", "are empty", "leave them out for all stages")
    for step in steps:
        if step not in known:
            refuse("steps", step, known, f"is not a stage of {scope.shape.pipeline}")
    return tuple(steps)


def _ban(plan: Plan, scope: Scope, exclusion: Exclusion) -> Ban:
    """Return an exclusion with its steps found."""
    if not isinstance(exclusion, Exclusion):
        raise InputError("exclusions", f"{shown(exclusion)} is not an Exclusion", 'give [Exclusion("offer")]')
    known = (*scope.shape.places, "lost")
    if exclusion.stage not in known:
        refuse("exclusions", exclusion.stage, known, f"is not a stage of {scope.shape.pipeline}")
    numbers = []
    for step, usual in ((exclusion.after, plan.names[0]), (exclusion.before, plan.names[-1])):
        name = usual if step is None else step
        if name not in plan.names:
            refuse("exclusions", name, plan.names, "is not a step of the funnel")
        numbers.append(plan.names.index(name) + 1)
    after, before = numbers
    if after >= before:
        raise InputError(
            "exclusions", f"nothing lies between {plan.names[after - 1]!r} and the step before it"
        )
    if exclusion.stage in plan.places[after - 1 : before]:
        raise InputError("exclusions", f"{exclusion.stage!r} is one of the steps itself")
    return Ban(exclusion.stage, after, before)
