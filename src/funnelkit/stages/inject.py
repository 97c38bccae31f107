"""What a rule may ask for by parameter name, looked up once when the rule is declared."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from funnelkit.errors import DefinitionError
from funnelkit.records import NOTHING, SYSTEM, Activity, Actor, Company, Contact, Move
from funnelkit.serial import Problem, did_you_mean

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline
    from funnelkit.stages.rules import Refusal

__all__ = ["LOADED", "PARAMETERS", "Check", "Scene", "asked", "values_of"]


@attrs.frozen(kw_only=True)
class Scene:
    """Everything that is known at the moment a rule is asked: the facts of one act.

    Attributes:
        record: The lead or deal, as it is before the act (for a creation: as it would be).
        actor: Who does the act.
        at: When.
        verb: What is done: ``"move"``, ``"win"``, ``"assign"``, …
        source, target: The stages or outcomes left and entered. A new record leaves none; where
            the act leaves the record in its place, that is the source and the target is empty.
        reason, note: As given by the caller.
        owner: The new owner, in an ``assign``.
        edits: Field → new value, in an ``edit``.
        pipeline: The pipeline in force.
        activities, history, contact, company: Loaded from the store only for rules that ask.

    >>> Scene(verb="assign", owner="sam").actor
    Actor('system')
    """

    record: Any = None
    actor: Actor = SYSTEM
    at: datetime | None = None
    verb: str = ""
    source: str = ""
    target: str = ""
    reason: str = ""
    note: str = ""
    owner: str = ""
    edits: Mapping[str, Any] = NOTHING
    pipeline: Pipeline | None = None
    activities: tuple[Activity, ...] = ()
    history: tuple[Move, ...] = ()
    contact: Contact | None = None
    company: Company | None = None


Check: TypeAlias = "Callable[[Scene], Refusal | None]"
"""A rule as the gate asks it."""

PARAMETERS: Mapping[str, str] = {
    **{field.name: field.name for field in attrs.fields(Scene)},
    "deal": "record",
    "lead": "record",
}
"""Parameter name → attribute of the `Scene`. ``deal`` and ``lead`` say which kind is meant."""

LOADED = frozenset({"activities", "history", "contact", "company"})
"""Parameters whose values must be read from the store first."""


def asked(function: Callable[..., Any], subject: str) -> tuple[str, ...]:
    """Return the names of the parameters that ``function`` asks for, in its order.

    Raises:
        DefinitionError: It asks for something nobody supplies, takes ``*args`` or ``**kwargs``,
            is asynchronous or a generator, or cannot be looked into. All problems are listed.

    >>> asked(lambda deal, actor: None, "rule 'example'")
    ('deal', 'actor')
    """
    if not callable(function):
        raise DefinitionError(subject, [Problem("", f"{function!r} is not a function")])
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise DefinitionError(
            subject, [Problem("", f"the parameters of {function!r} cannot be seen", "wrap it in a def")]
        ) from None
    problems = [problem for parameter in parameters if (problem := _problem(parameter))]
    if _waits(function) or _waits(type(function).__call__):
        problems.append(Problem("", "a rule answers at once", "use a plain def: no async, no yield"))
    if problems:
        raise DefinitionError(subject, problems)
    return tuple(parameter.name for parameter in parameters)


def _problem(parameter: inspect.Parameter) -> Problem | None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return Problem(parameter.name, f"{parameter} asks for nothing by name", "name each parameter")
    if parameter.name not in PARAMETERS:
        fix = did_you_mean(parameter.name, PARAMETERS)
        return Problem(parameter.name, "is nothing that a rule can ask for", fix)
    return None


def _waits(function: Callable[..., Any]) -> bool:
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    )


def values_of(names: tuple[str, ...]) -> Callable[[Scene], tuple[Any, ...]]:
    """Return what reads the values of the parameters ``names`` out of a scene, as a tuple.

    >>> values_of(("verb", "owner"))(Scene(verb="assign", owner="sam"))
    ('assign', 'sam')
    """
    attributes = [PARAMETERS[name] for name in names]
    if not attributes:
        return lambda _: ()
    if len(attributes) == 1:
        get = attrgetter(attributes[0])
        return lambda scene: (get(scene),)
    return attrgetter(*attributes)
