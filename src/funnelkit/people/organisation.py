"""Who works here: people, the groups they are in, and who heads what.

All of it is data, made by hand, read from JSON or handed over by a host. An `Organisation` is checked
as a whole when it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, TypeVar

import attrs

from funnelkit.clock import aware
from funnelkit.errors import DefinitionError, InputError, shown
from funnelkit.serial import closest, converter, did_you_mean, from_json, structured, to_json

__all__ = ["Away", "Group", "Organisation", "Person"]

T = TypeVar("T")

_FEW = 20
"""Up to so many names are told when none of them is like the one that was asked for."""


def _several(value: Any) -> Any:
    many = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
    return tuple(value) if many else (value,)


def _bound(value: Any) -> Any:
    """Return an instant in UTC, where instants of one zone compare as instants; anything else as it is."""
    if isinstance(value, datetime) and value.utcoffset() is not None:
        try:
            return value.astimezone(UTC)
        except OverflowError:  # at the edge of the calendar
            return value
    return value


@attrs.frozen
class Away:
    """A time in which somebody is given nothing: from (included) to (excluded); None is no bound.

    Both are aware instants, or both are dates. A date is the day where the question is asked: give
    ``at`` in the zone that the people live in.

    >>> from datetime import UTC, date, datetime
    >>> summer = Away(date(2026, 8, 3), date(2026, 8, 17))
    >>> [summer.covers(datetime(2026, 8, day, 9, tzinfo=UTC)) for day in (2, 3, 16, 17)]
    [False, True, True, False]
    """

    since: date | None = attrs.field(default=None, converter=_bound)
    until: date | None = attrs.field(default=None, converter=_bound)

    def covers(self, at: datetime) -> bool:
        """Whether an instant is in this time."""
        began = self.since is None or _reached(self.since, at)
        return began and not (self.until is not None and _reached(self.until, at))


def _reached(bound: date, at: datetime) -> bool:
    return at >= bound if isinstance(bound, datetime) else at.date() >= bound


def _periods(value: Any) -> Any:
    return tuple(_period(item) for item in _several(value))


def _period(item: Any) -> Any:
    pair = isinstance(item, tuple | list) and len(item) == 2  # noqa: PLR2004 (from and to)
    return Away(*item) if pair else item


@attrs.frozen
class Person:
    """Somebody who can hold records.

    Attributes:
        id: What stands in ``owner`` of their records, and in `Actor.id`.
        name: What people call them.
        available: False for whoever is given nothing until further notice; they keep what they have.
        away: Times in which they are given nothing, as `Away` or ``(from, to)``.
        capacity: How many records they can take in 30 days.

    >>> from datetime import UTC, date, datetime
    >>> ann = Person("ann", "Ann Lee", away=[(date(2026, 8, 3), date(2026, 8, 17))])
    >>> ann.is_available(datetime(2026, 8, 10, 9, tzinfo=UTC))
    False
    """

    id: str
    name: str = ""
    available: bool = attrs.field(default=True, kw_only=True)
    away: tuple[Away, ...] = attrs.field(default=(), kw_only=True, converter=_periods)
    capacity: int = attrs.field(default=30, kw_only=True)

    def is_available(self, at: datetime) -> bool:
        """Whether they can be given something at an aware instant."""
        return self.available and not any(period.covers(at) for period in self.away)


@attrs.frozen
class Group:
    """People who work together: a team, a department, a branch.

    Attributes:
        id: Its name.
        head: Id of the person who heads it, or empty. They are a member only if listed as one.
        members: Ids of its people, in the order in which they take turns.
        within: Id of the group that it is a part of, or empty.

    >>> Group("north", head="eva", members=["ann", "bob"], within="sales").members
    ('ann', 'bob')
    """

    id: str
    head: str = attrs.field(default="", kw_only=True)
    members: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=_several)
    within: str = attrs.field(default="", kw_only=True)


@attrs.frozen
class Organisation:
    """People and groups; a value.

    Groups may be parts of groups, and a person may be in several. The head of a group sees the group
    and all groups within it.

    Raises:
        DefinitionError: With everything that is wrong, each with its path.

    >>> shop = Organisation(
    ...     [Person("ann"), Person("bob"), Person("eva")],
    ...     [Group("sales", head="eva"), Group("north", members=["ann", "bob"], within="sales")],
    ... )
    >>> shop.members("sales"), sorted(shop.seen_by_head("eva"))
    (('ann', 'bob'), ['ann', 'bob'])
    >>> Organisation([Person("ann"), Person("ann")])
    Traceback (most recent call last):
    funnelkit.errors.DefinitionError: organisation: people[1].id: person 'ann' is there already (as people[0])
    """

    people: tuple[Person, ...] = attrs.field(default=(), converter=_several)
    groups: tuple[Group, ...] = attrs.field(default=(), converter=_several)

    def __attrs_post_init__(self) -> None:
        from funnelkit.people.organisation_check import problems_of

        if problems := problems_of(self):
            raise DefinitionError("organisation", problems)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of all people. An owner who is none of these has left: the record is nobody's."""
        return frozenset(self._people)

    def person(self, id: str) -> Person:
        """Return one person.

        Raises:
            InputError: There is nobody of that id; the likeliest one is named.

        >>> Organisation([Person("ann", capacity=45)]).person("ann").capacity
        45
        """
        return _found("person", id, self._people)

    def group(self, id: str) -> Group:
        """Return one group.

        Raises:
            InputError: There is no group of that id; the likeliest one is named.

        >>> Organisation(groups=[Group("north")]).group("nort")
        Traceback (most recent call last):
        funnelkit.errors.InputError: group: there is no group 'nort' (did you mean 'north'?)
        """
        return _found("group", id, self._groups)

    def members(self, group: str) -> tuple[str, ...]:
        """Return the ids of the members of a group and of all groups within it, in the order given.

        Raises:
            InputError: There is no such group.
        """
        return tuple(dict.fromkeys(id for each in self._down(group) for id in each.members))

    def seen_by_head(self, person: str) -> frozenset[str]:
        """Return the ids of all who are below a person in a group that they head: members and heads.

        Raises:
            InputError: There is no such person.
        """
        self.person(person)
        below: set[str] = set()
        for group in self.groups:
            if group.head == person:
                for each in self._down(group.id):
                    below.update(_people_of(each))
        return frozenset(below - {person})

    def colleagues(self, person: str) -> frozenset[str]:
        """Return the ids of the other members, and the heads, of the groups that a person is a member of.

        Groups within these are not looked into: that is for heads.

        Raises:
            InputError: There is no such person.

        >>> Organisation(
        ...     [Person("ann"), Person("bob"), Person("eva")],
        ...     [Group("north", head="eva", members=["ann"]), Group("south", members=["bob"])],
        ... ).colleagues("ann")
        frozenset({'eva'})
        """
        self.person(person)
        groups = (group for group in self.groups if person in group.members)
        return frozenset(id for group in groups for id in _people_of(group)) - {person}

    def available(self, at: datetime) -> tuple[str, ...]:
        """Return the ids of all who can be given something at an instant, in the order given.

        Raises:
            TimeError: ``at`` is no aware datetime.

        >>> from datetime import UTC, datetime
        >>> Organisation([Person("ann"), Person("bob", available=False)]).available(
        ...     datetime(2026, 3, 2, tzinfo=UTC)
        ... )
        ('ann',)
        """
        aware(at)  # but in the zone it is given in, because that tells the day
        return tuple(person.id for person in self.people if person.is_available(at))

    def to_json(self) -> str:
        """Return the organisation as a JSON document.

        >>> Organisation.from_json(Organisation([Person("ann")]).to_json())
        Organisation(people=(Person(id='ann', name='', available=True, away=(), capacity=30),), groups=())
        """
        return to_json(_converter().unstructure(self))

    @classmethod
    def from_json(cls, text: str) -> Organisation:
        """Read what `to_json` wrote, or what somebody wrote by hand.

        Raises:
            DefinitionError: Everything that is wrong with it, each with its path.
        """
        subject = "organisation document"
        return structured(from_json(text, subject), cls, subject, _converter())

    @cached_property
    def _people(self) -> dict[str, Person]:
        return {person.id: person for person in self.people}

    @cached_property
    def _groups(self) -> dict[str, Group]:
        return {group.id: group for group in self.groups}

    @cached_property
    def _parts(self) -> dict[str, list[Group]]:
        parts: dict[str, list[Group]] = {}
        for group in self.groups:
            parts.setdefault(group.within, []).append(group)
        return parts

    def _down(self, id: str) -> Iterator[Group]:
        """Yield a group and all within it, each before its parts; groups may be nested at any depth."""
        waiting = [self.group(id)]
        while waiting:
            group = waiting.pop()
            yield group
            waiting.extend(reversed(self._parts.get(group.id, [])))


def _people_of(group: Group) -> set[str]:
    return {*group.members, group.head} - {""}


def mend(id: object, known: Iterable[str]) -> str:
    """Return the likeliest name, else all of them where they are few."""
    names = list(known)
    if len(names) <= _FEW:
        return did_you_mean(id, names)
    likely = closest(id, names)
    return f"did you mean {likely!r}?" if likely else ""


def _found(kind: str, id: object, known: Mapping[str, T]) -> T:
    if not isinstance(id, str) or id not in known:
        raise InputError(kind, f"there is no {kind} {shown(id)}", mend(id, known))
    return known[id]


# JSON


def _converter() -> Any:
    made = converter.copy()
    made.register_unstructure_hook(date, lambda bound: bound.isoformat())  # datetimes are dates as well
    made.register_structure_hook(date, _read_bound)
    return made


def _read_bound(value: Any, _: Any) -> date:
    try:
        return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    except (TypeError, ValueError):
        fix = 'write "2026-08-03" or "2026-08-03T09:00:00+02:00"'
        raise InputError("", f"{shown(value)} is neither a date nor an instant", fix) from None
