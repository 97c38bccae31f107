"""What is to be reached in a period, split over groups and people, with nothing lost in between.

Amounts are whole: wins, passages, or minor units of a currency. They are split by largest remainders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

import attrs

from funnelkit.errors import DefinitionError, InputError, TimeError, shown
from funnelkit.inputs import text
from funnelkit.money import Money
from funnelkit.people.apportion import Amount, Weight, apportion, currency, like, told, units, weighed
from funnelkit.serial import Problem, did_you_mean

__all__ = ["SplitTarget", "Target"]

Measure = Literal["count", "sum", "passage"]
_INT64 = 2**63
_MEASURES = ("count", "sum", "passage")
Names = str | tuple[str, ...]
"""The name of a part, or the names that lead to a part of a part."""


@attrs.frozen
class Target:
    """What is to be reached in a period.

    Attributes:
        id: Its name.
        pipeline: The pipeline that it is about.
        since, until: Dates, from (included) to (excluded).
        measure: ``"count"``: records won; ``"sum"``: the value of records won; ``"passage"``:
            records that reach ``stage``.
        stage: The stage of a passage.
        amount: A whole number, or Money for a sum.

    Raises:
        DefinitionError: With everything that is wrong, each with its path.

    >>> from funnelkit.money import money
    >>> spring = Target(
    ...     "spring", "sales", date(2026, 3, 1), date(2026, 6, 1), measure="sum", amount=money(10_000, "EUR")
    ... )
    >>> print(spring.split({"north": 2, "south": 1}))
    spring: 10,000.00 EUR
      north: 6,666.67 EUR
      south: 3,333.33 EUR
    """

    id: str
    pipeline: str
    since: date
    until: date
    measure: Measure = attrs.field(default="count", kw_only=True)
    stage: str = attrs.field(default="", kw_only=True)
    amount: Amount = attrs.field(kw_only=True)

    def __attrs_post_init__(self) -> None:
        if problems := tuple(_problems(self)):
            raise DefinitionError(f"target {shown(self.id)}", problems)

    @property
    def days(self) -> int:
        """How many days the period has.

        >>> Target("may", "sales", date(2026, 5, 1), date(2026, 6, 1), amount=10).days
        31
        """
        return (self.until - self.since).days

    def plan_at(self, day: date) -> Amount:
        """Return what should be reached by the end of a day: the amount in proportion to the days gone.

        The days add up to the whole. Before the period it is nothing, after it everything.

        Raises:
            TimeError: ``day`` is not a date.

        >>> may = Target("may", "sales", date(2026, 5, 1), date(2026, 6, 1), amount=10)
        >>> [may.plan_at(date(2026, 5, day)) for day in (1, 2, 16, 30, 31)]
        [0, 1, 5, 10, 10]
        """
        if isinstance(day, datetime) or not isinstance(day, date):
            raise TimeError("day", f"{shown(day)} is not a date", "give datetime.date(2026, 3, 1)")
        gone = min(max((day - self.since).days + 1, 0), self.days)
        parts = apportion(units(self.amount), {"gone": gone, "left": self.days - gone})
        return like(parts["gone"], self.amount)

    def split(self, weights: Mapping[str, Weight]) -> SplitTarget:
        """Return the target with its parts, in proportion to weights.

        Args:
            weights: Group or person → weight, 0 or more; the order decides who gets the odd unit.

        Raises:
            InputError: A weight that is a float, below 0, or not finite; no weight above 0.

        >>> spring = Target("spring", "sales", date(2026, 3, 1), date(2026, 6, 1), amount=100)
        >>> spring.split({"north": 3, "south": 2}).amount("south")
        40
        """
        return SplitTarget(self).split(weights)

    def __str__(self) -> str:
        return f"{self.id}: {told(self.amount)}"


def _problems(target: Target) -> Iterator[Problem]:
    for name in ("id", "pipeline"):
        yield from _text(getattr(target, name), name, required=True)
    yield from _text(target.stage, "stage", required=False)
    bounds = [target.since, target.until]
    odd = [bound for bound in bounds if isinstance(bound, datetime) or not isinstance(bound, date)]
    if odd:
        yield Problem("since", f"{shown(odd[0])} is not a date", "give datetime.date(2026, 3, 1)")
    elif target.since >= target.until:
        yield Problem("until", f"{target.until} is not after {target.since}", "it is the day after the last")
    if target.measure not in _MEASURES:
        fix = did_you_mean(target.measure, _MEASURES)
        yield Problem("measure", f"{shown(target.measure)} is nothing to measure", fix)
    elif (target.measure == "passage") is not bool(target.stage):
        sentence = "only a passage has a stage" if target.stage else "a passage needs a stage"
        yield Problem("stage", sentence)
    yield from _amount(target.amount, target.measure)


def _text(value: object, path: str, *, required: bool) -> Iterator[Problem]:
    try:
        text(value, path, required=required)
    except InputError as error:
        yield Problem(path, error.problem, error.fix)


def _amount(amount: object, measure: str) -> Iterator[Problem]:
    if measure == "sum" and not isinstance(amount, Money):
        yield Problem("amount", f"{shown(amount)} has no currency", 'write money("12000", "EUR")')
    elif measure != "sum" and type(amount) is not int:
        yield Problem("amount", f"{shown(amount)} is not a whole number", 'measure="sum" is for money')
    elif isinstance(amount, int | Money) and units(amount) < 0:
        yield Problem("amount", f"{told(amount)} is below 0")
    elif isinstance(amount, int | Money) and units(amount) >= _INT64:
        yield Problem("amount", f"{shown(amount)} does not fit into 64 bits")


def _kind(target: Target) -> tuple[object, ...]:
    """Return everything but how much: what a target and its parts have in common."""
    period = (target.since, target.until)
    return (target.id, target.pipeline, period, target.measure, target.stage, currency(target.amount))


def _parts(value: Iterable[SplitTarget]) -> tuple[SplitTarget, ...]:
    return tuple(value)


@attrs.frozen
class SplitTarget:
    """A target and its parts, which may have parts of their own: groups, then people.

    The amounts of the parts always add up to the amount of the whole.

    Attributes:
        target: What the whole of this part is to reach.
        name: Of the group or person; empty for the whole.
        weight: Its share beside the other parts.
        fixed: Whether it keeps its amount when the others are split anew.
        parts: In order.

    >>> spring = Target("spring", "sales", date(2026, 3, 1), date(2026, 6, 1), amount=100)
    >>> plan = spring.split({"north": 3, "south": 2}).split({"ann": 1, "bob": 1, "eva": 1}, "south")
    >>> print(plan)
    spring: 100
      north: 60
      south: 40
        ann: 14
        bob: 13
        eva: 13
    >>> print(plan.resplit({"ann": 1, "bob": 3}, "south", fixed={"eva": 20}))
    spring: 100
      north: 60
      south: 40
        ann: 5
        bob: 15
        eva: 20 (fixed)
    """

    target: Target
    name: str = ""
    weight: Fraction = attrs.field(default=Fraction(0), kw_only=True)
    fixed: bool = attrs.field(default=False, kw_only=True)
    parts: tuple[SplitTarget, ...] = attrs.field(default=(), kw_only=True, converter=_parts)

    def __attrs_post_init__(self) -> None:
        names = [part.name for part in self.parts]
        whole, shares = self.target.amount, [part.target.amount for part in self.parts]
        if len(set(names)) < len(names):
            raise InputError("parts", f"two parts of one name in {shown(names)}")
        if any(_kind(part.target) != _kind(self.target) for part in self.parts):
            raise InputError("parts", f"not all are parts of the target {shown(self.target.id)}")
        if shares and sum(map(units, shares)) != units(whole):
            raise InputError("parts", f"they do not add up to {told(whole)}", "split the target anew")

    def part(self, names: Names = ()) -> SplitTarget:
        """Return a part: by its name, or by the names that lead to it; by default the whole.

        Raises:
            InputError: There is no such part.

        >>> spring = Target("spring", "sales", date(2026, 3, 1), date(2026, 6, 1), amount=100)
        >>> plan = spring.split({"north": 1}).split({"ann": 1, "bob": 1}, "north")
        >>> plan.part(("north", "bob")).target.amount
        50
        """
        part = self
        for name in _way(names):
            part = part._named(name)
        return part

    def amount(self, names: Names = ()) -> Amount:
        """Return what a part is to reach; as `part`."""
        return self.part(names).target.amount

    def walk(self) -> Iterator[tuple[tuple[str, ...], SplitTarget]]:
        """Yield the whole and every part, each with the names that lead to it, before its own parts.

        >>> spring = Target("spring", "sales", date(2026, 3, 1), date(2026, 6, 1), amount=100)
        >>> [names for names, _ in spring.split({"north": 1, "south": 1}).walk()]
        [(), ('north',), ('south',)]
        """
        yield (), self
        for part in self.parts:
            for names, each in part.walk():
                yield (part.name, *names), each

    def split(self, weights: Mapping[str, Weight], within: Names = ()) -> SplitTarget:
        """Return the same with a part split over groups or people; parts that it had are forgotten.

        Args:
            weights: As `Target.split`.
            within: The part to split, as for `part`; by default the whole.

        Raises:
            InputError: There is no such part, or a weight is not acceptable.
        """
        return self._changed(_way(within), lambda part: attrs.evolve(part, parts=()).resplit(weights))

    def resplit(
        self,
        weights: Mapping[str, Weight] | None = None,
        within: Names = (),
        *,
        fixed: Mapping[str, Amount] | Iterable[str] = (),
    ) -> SplitTarget:
        """Return the same with what is not fixed split anew; parts of parts follow in proportion.

        A part that is fixed stays so until it is given a weight. A part that is neither fixed nor
        given a weight is taken out. Parts keep their order, new ones come last.

        Args:
            weights: Name → weight of all parts that are not fixed; by default as they are.
            within: The part whose parts these are, as for `part`; by default the whole.
            fixed: Names that keep what they have, or name → amount that they get.

        Raises:
            InputError: No such part; a weight or an amount that is not acceptable; the fixed amounts
                are more than there is, or leave something for nobody.

        >>> spring = Target("spring", "sales", date(2026, 3, 1), date(2026, 6, 1), amount=100)
        >>> plan = spring.split({"north": 1, "south": 1, "west": 2})
        >>> print(plan.resplit({"south": 1, "west": 1}, fixed=["north"]))
        spring: 100
          north: 25 (fixed)
          south: 38
          west: 37
        """
        return self._changed(_way(within), lambda part: part._resplit(weights, fixed))  # noqa: SLF001

    def with_amount(self, amount: Amount) -> SplitTarget:
        """Return the same with another amount of the whole: what is fixed stays, the rest follows.

        Raises:
            DefinitionError: The amount is not one of this target.
            InputError: The fixed amounts are more than there is, or leave something for nobody.

        >>> spring = Target("spring", "sales", date(2026, 3, 1), date(2026, 6, 1), amount=100)
        >>> spring.split({"north": 3, "south": 2}).with_amount(200).amount("north")
        120
        """
        target = attrs.evolve(self.target, amount=amount)
        moved = attrs.evolve(self, target=target, parts=())
        return moved._filled(self.parts) if self.parts else moved  # noqa: SLF001

    def plan_at(self, day: date) -> dict[tuple[str, ...], Amount]:
        """Return what should be reached by the end of a day, for the whole and for every part.

        The whole is `Target.plan_at`. The parts of each level add up to it exactly, so somebody's
        plan may be one unit off their own straight line.

        >>> may = Target("may", "sales", date(2026, 5, 1), date(2026, 6, 1), amount=10)
        >>> may.split({"north": 1, "south": 1}).plan_at(date(2026, 5, 16))
        {(): 5, ('north',): 3, ('south',): 2}
        """
        return dict(self._spread(self.target.plan_at(day)))

    def __str__(self) -> str:
        lines = [f"{self.name or self.target.id}: {told(self.target.amount)}{' (fixed)' * self.fixed}"]
        lines += [f"  {line}" for part in self.parts for line in str(part).splitlines()]
        return "\n".join(lines)

    # How it is done

    def _named(self, name: str) -> SplitTarget:
        for part in self.parts:
            if part.name == name:
                return part
        names = [part.name for part in self.parts]
        where = shown(self.name or self.target.id)
        raise InputError("part", f"{where} has no part {shown(name)}", did_you_mean(name, names))

    def _changed(self, way: tuple[str, ...], change: Callable[[SplitTarget], SplitTarget]) -> SplitTarget:
        """Return the same with one part changed in a way that leaves its amount."""
        if not way:
            return change(self)
        old = self._named(way[0])
        new = old._changed(way[1:], change)  # noqa: SLF001 (a part of the same class)
        return attrs.evolve(self, parts=[new if part is old else part for part in self.parts])

    def _resplit(
        self, weights: Mapping[str, Weight] | None, fixed: Mapping[str, Amount] | Iterable[str]
    ) -> SplitTarget:
        held = {part.name: part for part in self.parts}
        if weights is None:
            free = {name: part.weight for name, part in held.items() if not part.fixed}
        else:
            free = weighed(weights)
        amounts = _fixed(self, fixed)
        if weights is not None and (both := [name for name in amounts if name in free]):
            raise InputError("fixed", f"{shown(both[0])} is fixed and has a weight", "give one of them")
        kept = {name: part.target.amount for name, part in held.items() if part.fixed and name not in free}
        amounts = kept | amounts
        parts = []
        for name in dict.fromkeys((*held, *free, *amounts)):
            part = held.get(name) or SplitTarget(
                attrs.evolve(self.target, amount=like(0, self.target.amount)), name
            )
            if name in amounts:
                parts.append(attrs.evolve(part.with_amount(amounts[name]), fixed=True))
            elif name in free:
                parts.append(attrs.evolve(part, weight=free[name], fixed=False))
        return self._filled(parts)

    def _filled(self, parts: Iterable[SplitTarget]) -> SplitTarget:
        """Return the same with these parts: the fixed ones as they are, the others of what is left."""
        parts = tuple(parts)
        whole = self.target.amount
        taken = [part.target.amount for part in parts if part.fixed]
        if odd := next((each for each in taken if currency(each) != currency(whole)), None):
            raise InputError("fixed", f"{told(odd)} is in another currency than {told(whole)}")
        left = units(whole) - sum(map(units, taken))
        free = {part.name: part.weight for part in parts if not part.fixed}
        where = shown(self.name or self.target.id)
        if left < 0:
            over = told(like(-left, whole))
            raise InputError("fixed", f"the fixed parts of {where} are {over} more than its {told(whole)}")
        if left and not free:
            rest = told(like(left, whole))
            argument = "fixed" if parts else "weights"
            raise InputError(argument, f"{rest} of {where} are left for nobody", "give somebody a weight")
        shares = apportion(left, free) if left else dict.fromkeys(free, 0)
        shared = [part if part.fixed else part.with_amount(like(shares[part.name], whole)) for part in parts]
        return attrs.evolve(self, parts=shared)

    def _spread(self, amount: Amount) -> Iterator[tuple[tuple[str, ...], Amount]]:
        yield (), amount
        weights = {part.name: units(part.target.amount) for part in self.parts}
        shares = apportion(units(amount), weights) if any(weights.values()) else weights
        for part in self.parts:
            for names, each in part._spread(like(shares[part.name], amount)):  # noqa: SLF001 (as above)
                yield (part.name, *names), each


def _way(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _fixed(split: SplitTarget, fixed: Mapping[str, Amount] | Iterable[str]) -> dict[str, Amount]:
    if isinstance(fixed, Mapping):
        return dict(fixed)
    if isinstance(fixed, str):
        raise InputError("fixed", f"{shown(fixed)} is one name", f"give [{shown(fixed)}]")
    return {name: split.amount(name) for name in fixed}
