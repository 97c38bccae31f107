"""Who gets the next record: rules as data, and an answer that says who and why.

A rule looks at frozen `Facts` and answers with an `Assignment`. It never raises because nobody can be
found, or because a group does not exist any more: an inquiry is not lost for that. Whoever is not
available is left out before anybody's turn is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import attrs

from funnelkit.clock import aware
from funnelkit.errors import InputError, shown
from funnelkit.inputs import text
from funnelkit.people.organisation import Organisation
from funnelkit.records import FrozenMapping

__all__ = [
    "Assignment",
    "Facts",
    "FirstOf",
    "LeastBusy",
    "PersonalManager",
    "Quota",
    "RoundRobin",
    "SharingRule",
    "daily_quota",
    "deal_out",
    "groups_of",
    "is_rule",
]

_DAYS = 30
"""A capacity is given for so many days."""


@attrs.frozen
class Assignment:
    """Who gets a record, by which rule, and why; ``owner`` is empty when nobody does.

    >>> print(Assignment("ann", "round robin", "next after 'bob'"))
    'ann' by round robin: next after 'bob'
    """

    owner: str
    rule: str
    why: str

    def __str__(self) -> str:
        return f"{shown(self.owner) if self.owner else 'nobody'} by {self.rule}: {self.why}"


def _instant(value: datetime) -> datetime:
    aware(value)  # but kept in the zone it is given in, because that tells the day
    return value


def _latest(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _counts(value: Mapping[str, int]) -> Mapping[str, int]:
    for owner, number in value.items():
        if type(number) is not int or number < 0:
            raise InputError(f"a count of {shown(owner)}", f"{shown(number)} is not a whole number from 0 on")
    return FrozenMapping(value)


_count = attrs.field(default=FrozenMapping(), converter=_counts)


@attrs.frozen(kw_only=True)
class Facts:
    """What the rules look at. Who is not counted has 0.

    Attributes:
        organisation: Who there is.
        at: The instant of the assignment, in the zone that people's days away are told in.
        manager: The client's manager, or empty.
        source_owner: Who answers for the source of the record, or empty.
        creator: Who made the record, or empty.
        last: Who got the latest records by this rule, the latest first. The first of them who is
            still in the group tells whose turn it is, so that it is not lost when somebody leaves.
        open: Person → records that they hold and that are open.
        received: Person → records that they were given in the 24 hours before this run.
        given: Person → records that they were given in this run.

    >>> from datetime import UTC, datetime
    >>> from funnelkit.people.organisation import Organisation, Person
    >>> facts = Facts(organisation=Organisation([Person("ann")]), at=datetime(2026, 3, 2, tzinfo=UTC))
    >>> after = facts.after("ann")
    >>> after.last, after.open, after.given
    (('ann',), {'ann': 1}, {'ann': 1})
    """

    organisation: Organisation
    at: datetime = attrs.field(converter=_instant)
    manager: str = ""
    source_owner: str = ""
    creator: str = ""
    last: tuple[str, ...] = attrs.field(default=(), converter=_latest)
    open: Mapping[str, int] = _count
    received: Mapping[str, int] = _count
    given: Mapping[str, int] = _count

    def after(self, owner: str) -> Facts:
        """Return what is known once somebody has been given a record in this run; nobody is ``""``."""
        if not owner:
            return self
        others = tuple(each for each in self.last if each != owner)
        return attrs.evolve(
            self,
            last=(owner, *others),
            open={**self.open, owner: self.open.get(owner, 0) + 1},
            given={**self.given, owner: self.given.get(owner, 0) + 1},
        )


class SharingRule(Protocol):
    """Anything that can say who gets the next record.

    >>> rule: SharingRule = RoundRobin("north")
    >>> rule
    RoundRobin(group='north')
    """

    def assign(self, facts: Facts) -> Assignment:
        """Return who gets the next record, and why."""
        ...


@attrs.frozen
class PersonalManager:
    """The client's manager, else who answers for the source, else the creator.

    Whoever is not available, or not of the organisation any more, is passed over; the answer says so.

    >>> from datetime import UTC, datetime
    >>> from funnelkit.people.organisation import Organisation, Person
    >>> people = Organisation([Person("ann", available=False), Person("bob")])
    >>> facts = Facts(
    ...     organisation=people, at=datetime(2026, 3, 2, tzinfo=UTC), manager="ann", source_owner="bob"
    ... )
    >>> print(PersonalManager().assign(facts))
    'bob' by personal manager: answers for the source; the client's manager 'ann' is not available
    """

    def assign(self, facts: Facts) -> Assignment:
        """Return the first of the three who is available."""
        passed = []
        for person, part, is_it in (
            (facts.manager, "the client's manager", "is the client's manager"),
            (facts.source_owner, "who answers for the source,", "answers for the source"),
            (facts.creator, "the creator", "made the record"),
        ):
            if not person:
                continue
            if person not in facts.organisation.ids:
                passed.append(f"{part} {shown(person)} is nobody of the organisation")
            elif not facts.organisation.person(person).is_available(facts.at):
                passed.append(f"{part} {shown(person)} is not available")
            else:
                return Assignment(person, "personal manager", "; ".join([is_it, *passed]))
        nobody = "no manager of the client, nobody who answers for the source, no creator"
        return Assignment("", "personal manager", "; ".join(passed) or nobody)


def _group(value: str) -> str:
    return text(value, "group", required=True)


@attrs.frozen
class RoundRobin:
    """The members of a group take turns in their order.

    The turn goes to the next one available after whoever got the last record. So nobody gets two in
    a row while another is available, and whoever stands in for somebody away does not lose their turn.

    >>> from datetime import UTC, datetime
    >>> from funnelkit.people.organisation import Group, Organisation, Person
    >>> shop = Organisation(
    ...     [Person("ann"), Person("bob", available=False), Person("eva")],
    ...     [Group("north", members=["ann", "bob", "eva"])],
    ... )
    >>> facts = Facts(organisation=shop, at=datetime(2026, 3, 2, tzinfo=UTC), last="ann")
    >>> print(RoundRobin("north").assign(facts))
    'eva' by round robin: next after 'ann' of the 2 available in group 'north'
    """

    group: str = attrs.field(converter=_group)

    def assign(self, facts: Facts) -> Assignment:
        """Return whose turn it is."""
        return _among(self.group, facts, "round robin", self._next)

    def _next(self, free: tuple[str, ...], facts: Facts) -> tuple[str, str]:
        order = facts.organisation.members(self.group)
        last = next((each for each in facts.last if each in order), None)
        if last is None:
            return free[0], f"first of {_free(free, self.group)}"
        start, able = order.index(last) + 1, set(free)
        turn = next(each for each in (*order[start:], *order[:start]) if each in able)
        if turn == last:
            return turn, f"again, as the only one available in group {shown(self.group)}"
        return turn, f"next after {shown(last)} of {_free(free, self.group)}"


@attrs.frozen
class LeastBusy:
    """The member of a group who holds the fewest open records; of several, the first in their order.

    >>> from datetime import UTC, datetime
    >>> from funnelkit.people.organisation import Group, Organisation, Person
    >>> shop = Organisation([Person("ann"), Person("bob")], [Group("north", members=["ann", "bob"])])
    >>> facts = Facts(organisation=shop, at=datetime(2026, 3, 2, tzinfo=UTC), open={"ann": 4, "bob": 3})
    >>> print(LeastBusy("north").assign(facts))
    'bob' by least busy: 3 open, the fewest of the 2 available in group 'north'
    """

    group: str = attrs.field(converter=_group)

    def assign(self, facts: Facts) -> Assignment:
        """Return who has the least to do."""
        return _among(self.group, facts, "least busy", self._fewest)

    def _fewest(self, free: tuple[str, ...], facts: Facts) -> tuple[str, str]:
        owner = min(free, key=lambda each: facts.open.get(each, 0))  # the first of equals
        return owner, f"{facts.open.get(owner, 0)} open, the fewest of {_free(free, self.group)}"


def daily_quota(capacity: int) -> int:
    """Return how many records a day a capacity for 30 days comes to: the nearest whole number, half up.

    >>> [daily_quota(capacity) for capacity in (0, 15, 30, 45, 60)]
    [0, 1, 1, 2, 2]
    """
    return (2 * capacity + _DAYS) // (2 * _DAYS)


@attrs.frozen
class Quota:
    """As many a day as capacities allow: `daily_quota`, less what was received in the last 24 hours.

    In one run the members take turns, those with the most left first, each until nothing is left.
    Somebody of capacity 0 gets none.

    Attributes:
        group: Id of the group.
        forced: Do not count what was received before this run.

    >>> from datetime import UTC, datetime
    >>> from funnelkit.people.organisation import Group, Organisation, Person
    >>> shop = Organisation(
    ...     [Person("ann", capacity=15), Person("bob", capacity=60)], [Group("north", members=["ann", "bob"])]
    ... )
    >>> facts = Facts(organisation=shop, at=datetime(2026, 3, 2, tzinfo=UTC))
    >>> [answer.owner for answer in deal_out(Quota("north"), facts, 4)]
    ['bob', 'ann', 'bob', '']
    """

    group: str = attrs.field(converter=_group)
    forced: bool = attrs.field(default=False, kw_only=True)

    def assign(self, facts: Facts) -> Assignment:
        """Return who is next of those with something left."""
        return _among(self.group, facts, "quota", self._most)

    def _most(self, free: tuple[str, ...], facts: Facts) -> tuple[str, str]:
        quotas = {each: daily_quota(facts.organisation.person(each).capacity) for each in free}
        before = {each: 0 if self.forced else facts.received.get(each, 0) for each in free}
        left = {each: quotas[each] - before[each] for each in free}
        given = {each: facts.given.get(each, 0) for each in free}
        open_to = [each for each in free if left[each] > given[each]]
        if not open_to:
            return "", f"the quota of the day is used up by {_free(free, self.group)}"
        owner = min(open_to, key=lambda each: (given[each], -left[each]))
        had = before[owner] + given[owner]
        return owner, f"{had} of {quotas[owner]} in 24 hours, next of {_free(free, self.group)}"


def _rules(value: Iterable[SharingRule]) -> tuple[SharingRule, ...]:
    fix = 'give [PersonalManager(), RoundRobin("north")]'
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InputError("rules", f"{shown(value)} is no list of rules", fix)
    rules = tuple(value)
    if not rules:
        raise InputError("rules", "there is none", fix)
    for rule in rules:
        if not is_rule(rule):
            raise InputError("rules", f"{shown(rule)} is no sharing rule", fix)
    return rules


def is_rule(value: object) -> bool:
    """Whether something can say who gets the next record.

    >>> is_rule(RoundRobin("north")), is_rule(RoundRobin), is_rule("north")
    (True, False, False)
    """
    return callable(getattr(value, "assign", None)) and not isinstance(value, type)


@attrs.frozen
class FirstOf:
    """The answer of the first rule that finds somebody.

    >>> from datetime import UTC, datetime
    >>> from funnelkit.people.organisation import Group, Organisation, Person
    >>> shop = Organisation([Person("ann")], [Group("north", members=["ann"])])
    >>> facts = Facts(organisation=shop, at=datetime(2026, 3, 2, tzinfo=UTC), manager="bob")
    >>> print(FirstOf([PersonalManager(), RoundRobin("north")]).assign(facts))
    'ann' by round robin: first of the 1 available in group 'north'
    """

    rules: tuple[SharingRule, ...] = attrs.field(converter=_rules)

    def assign(self, facts: Facts) -> Assignment:
        """Return the first answer that is not "nobody", else every reason why there is none."""
        answers = []
        for rule in self.rules:
            answers.append(rule.assign(facts))
            if answers[-1].owner:
                return answers[-1]
        why = "; ".join(f"{answer.rule}: {answer.why}" for answer in answers)
        return Assignment("", ", ".join(answer.rule for answer in answers), why)


def groups_of(rule: SharingRule | None) -> tuple[str, ...]:
    """Return the ids of the groups that a rule of this library shares out to.

    >>> groups_of(FirstOf([PersonalManager(), RoundRobin("north"), Quota("south")]))
    ('north', 'south')
    """
    if isinstance(rule, FirstOf):
        return tuple(group for each in rule.rules for group in groups_of(each))
    return (rule.group,) if isinstance(rule, RoundRobin | LeastBusy | Quota) else ()


def deal_out(rule: SharingRule, facts: Facts, count: int) -> tuple[Assignment, ...]:
    """Return who gets each of several records, one after the other; each answer counts for the next.

    >>> from datetime import UTC, datetime
    >>> from funnelkit.people.organisation import Group, Organisation, Person
    >>> shop = Organisation([Person("ann"), Person("bob")], [Group("north", members=["ann", "bob"])])
    >>> facts = Facts(organisation=shop, at=datetime(2026, 3, 2, tzinfo=UTC), last="ann")
    >>> [answer.owner for answer in deal_out(RoundRobin("north"), facts, 3)]
    ['bob', 'ann', 'bob']
    """
    answers = []
    for _ in range(count):
        answers.append(rule.assign(facts))
        facts = facts.after(answers[-1].owner)
    return tuple(answers)


Choice = Callable[[tuple[str, ...], Facts], tuple[str, str]]


def _among(group: str, facts: Facts, name: str, choose: Choice) -> Assignment:
    """Return the choice among the members of a group who are available."""
    organisation = facts.organisation
    try:
        members = organisation.members(group)
    except InputError as error:
        return Assignment("", name, f"{error.problem}{f', {error.fix}' * bool(error.fix)}")
    free = tuple(each for each in members if organisation.person(each).is_available(facts.at))
    if not free:
        told = f"none of the {len(members)} in" if members else "there is nobody in"
        return Assignment("", name, f"{told} group {shown(group)}{' is available' * bool(members)}")
    owner, why = choose(free, facts)
    return Assignment(owner, name, why)


def _free(free: tuple[str, ...], group: str) -> str:
    return f"the {len(free)} available in group {shown(group)}"
