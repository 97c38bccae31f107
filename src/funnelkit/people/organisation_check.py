"""Everything that is wrong with an organisation, told at once, each with its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from funnelkit.errors import InputError, shown
from funnelkit.inputs import text
from funnelkit.people.organisation import Away, Group, Organisation, Person, mend
from funnelkit.serial import Problem

__all__ = ["problems_of"]

_MOST = 10
"""So many groups of a circle are told."""


def problems_of(organisation: Organisation) -> tuple[Problem, ...]:
    """Return every problem, in the order of the definition.

    What is no `Person` or `Group` at all is told alone: nothing else can be checked before it is mended.
    """
    return tuple(_shapes(organisation)) or tuple(_problems(organisation))


def _shapes(organisation: Organisation) -> Iterator[Problem]:
    for path, cls, items in (("people", Person, organisation.people), ("groups", Group, organisation.groups)):
        for number, item in enumerate(items):
            if not isinstance(item, cls):
                yield Problem(f"{path}[{number}]", f"{shown(item)} is not a {cls.__name__}")


def _problems(organisation: Organisation) -> Iterator[Problem]:
    people, groups = organisation.people, organisation.groups
    for number, person in enumerate(people):
        yield from _person(person, f"people[{number}]")
    yield from _twice([person.id for person in people], "people", "person", ".id")
    for number, group in enumerate(groups):
        yield from _text(group.id, f"groups[{number}].id", required=True)
    yield from _twice([group.id for group in groups], "groups", "group", ".id")
    known = {id: None for person in people if isinstance(id := person.id, str)}
    parents = {group.id: group.within for group in groups if isinstance(group.id, str)}
    for number, group in enumerate(groups):
        yield from _group(group, f"groups[{number}]", known, parents)
    yield from _cycles(groups, parents)


def _text(value: object, path: str, *, required: bool) -> Iterator[Problem]:
    try:
        text(value, path, required=required)
    except InputError as error:
        yield Problem(path, error.problem, error.fix)


def _twice(ids: list[Any], path: str, what: str, key: str = "") -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, id in enumerate(ids):
        if isinstance(id, str) and first.setdefault(id, number) != number:
            where = f"as {path}[{first[id]}]"
            yield Problem(f"{path}[{number}]{key}", f"{what} {shown(id)} is there already", where)


def _person(person: Person, path: str) -> Iterator[Problem]:
    yield from _text(person.id, f"{path}.id", required=True)
    yield from _text(person.name, f"{path}.name", required=False)
    if not isinstance(person.available, bool):
        yield Problem(f"{path}.available", f"{shown(person.available)} is not True or False")
    if type(person.capacity) is not int or person.capacity < 0:
        sentence = f"{shown(person.capacity)} is not a whole number from 0 on"
        yield Problem(f"{path}.capacity", sentence, "records in 30 days")
    for number, period in enumerate(person.away):
        yield from _away(period, f"{path}.away[{number}]")


def _away(period: object, path: str) -> Iterator[Problem]:
    if not isinstance(period, Away):
        yield Problem(path, f"{shown(period)} is not a time away", "give (from, to)")
        return
    bounds = [bound for bound in (period.since, period.until) if bound is not None]
    instants = [isinstance(bound, datetime) for bound in bounds]
    if not all(isinstance(bound, date) for bound in bounds) or len(set(instants)) > 1:
        yield Problem(path, "its bounds are not two dates or two instants", "leave one out as None")
    elif any(isinstance(bound, datetime) and bound.utcoffset() is None for bound in bounds):
        yield Problem(path, "an instant without a time zone", "write datetime(..., tzinfo=UTC)")
    elif len(bounds) > 1 and not bounds[0] < bounds[1]:
        yield Problem(path, f"it ends at {bounds[1]}, before it begins at {bounds[0]}", "give (from, to)")


def _group(
    group: Group, path: str, people: Mapping[str, None], groups: Mapping[str, str]
) -> Iterator[Problem]:
    named = [(f"{path}.members[{number}]", id) for number, id in enumerate(group.members)]
    for where, id in [(f"{path}.head", group.head)] * (group.head != "") + named:
        if not isinstance(id, str) or id not in people:
            yield Problem(where, f"there is no person {shown(id)}", mend(id, people))
    yield from _twice(list(group.members), f"{path}.members", "person")
    within: object = group.within
    if not isinstance(within, str) or (within and within not in groups):
        yield Problem(f"{path}.within", f"there is no group {shown(within)}", mend(within, groups))


def _cycles(groups: tuple[Group, ...], parents: Mapping[str, str]) -> Iterator[Problem]:
    """Find groups that are within themselves; each circle is told once."""
    cleared: set[object] = set()
    for group in groups:
        way: dict[str, None] = {}
        id: Any = group.id
        while isinstance(id, str) and id in parents and id not in cleared and id not in way:
            way[id] = None
            id = parents[id]
        if isinstance(id, str) and id in way:
            circle = [*list(way)[list(way).index(id) :], id]
            told = circle if len(circle) <= _MOST else [*circle[:_MOST], "…", id]
            sentence = f"{shown(id)} is within itself: {' → '.join(told)}"
            number = [each.id for each in groups].index(id)
            yield Problem(f"groups[{number}].within", sentence, "let one stand alone")
        cleared.update(way)
