"""Plan against fact as of a day: a row for the whole and for every part of a split target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

import attrs

from funnelkit.errors import InputError, MoneyError, shown
from funnelkit.people.apportion import Amount, currency, like, told, units
from funnelkit.people.targets import SplitTarget

__all__ = ["PlanFact", "PlanFacts", "plan_facts"]


@attrs.frozen
class PlanFact:
    """What was planned by the end of a day, and what came of it.

    Attributes:
        names: The names that lead to the part; empty for the whole.
        target: The whole of what is to be reached.
        plan: What should be reached by the day.
        fact: What was reached.

    >>> row = PlanFact(("north",), 60, 40, 30)
    >>> row.share, print(row)
    north: 30 of 40 planned (75.0%), 60 in all
    (Fraction(3, 4), None)
    """

    names: tuple[str, ...]
    target: Amount
    plan: Amount
    fact: Amount

    def __attrs_post_init__(self) -> None:
        if len(set(map(currency, self._amounts))) > 1:
            problem = f"{', '.join(map(told, self._amounts))} cannot be compared"
            raise MoneyError("fact", problem, "count records, or sum one currency")

    @property
    def share(self) -> Fraction | None:
        """The fact as an exact share of the plan; None while nothing is planned.

        >>> PlanFact((), 60, 0, 30).share is None
        True
        """
        return Fraction(units(self.fact), units(self.plan)) if units(self.plan) else None

    @property
    def _amounts(self) -> tuple[Amount, ...]:
        return (self.target, self.plan, self.fact)

    def __str__(self) -> str:
        name = " / ".join(self.names) or "all"
        done = f"{told(self.fact)} of {told(self.plan)} planned ({_percent(self)})"
        return f"{name}: {done}, {told(self.target)} in all"


def _rows(value: Iterable[PlanFact]) -> tuple[PlanFact, ...]:
    return tuple(value)


@attrs.frozen
class PlanFacts:
    """The rows of one day; it prints as a table.

    Attributes:
        title: What the whole is called.
        day: The day by the end of which this was so.
        rows: The whole first, each part before its own parts.

    >>> rows = [PlanFact((), 100, 40, 30), PlanFact(("ann",), 100, 40, 30)]
    >>> print(PlanFacts("spring", date(2026, 3, 31), rows))
    spring by the end of 2026-03-31
    <BLANKLINE>
            target  plan  fact  share
    spring     100    40    30  75.0%
      ann      100    40    30  75.0%
    """

    title: str
    day: date
    rows: tuple[PlanFact, ...] = attrs.field(converter=_rows)

    def __str__(self) -> str:
        lines = [["", "target", "plan", "fact", "share"]]
        for row in self.rows:
            name = "  " * len(row.names) + (row.names[-1] if row.names else self.title)
            lines.append([name, told(row.target), told(row.plan), told(row.fact), _percent(row)])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join([line[0].ljust(widths[0]), *(map(str.rjust, line[1:], widths[1:]))]) for line in lines
        ]
        return "\n".join([f"{self.title} by the end of {self.day}", "", *table])


def plan_facts(split: SplitTarget, day: date, facts: Mapping[tuple[str, ...], Amount]) -> PlanFacts:
    """Return plan against fact for the whole and for every part.

    Args:
        split: The target and its parts; ``SplitTarget(target)`` for one without parts.
        day: The day by the end of which.
        facts: The names that lead to a part, ``()`` for the whole → what it reached. Who is not there
            has reached nothing. They need not add up: people leave, records change hands.

    Raises:
        InputError: A fact of a part that there is not.
        MoneyError: A fact in another currency than the target, or a number beside an amount.
        TimeError: ``day`` is not a date.

    >>> from funnelkit.people.targets import Target
    >>> may = Target("may", "sales", date(2026, 5, 1), date(2026, 6, 1), amount=62)
    >>> split = may.split({"ann": 1, "bob": 1})
    >>> print(plan_facts(split, date(2026, 5, 10), {(): 18, ("ann",): 12, ("bob",): 6}))
    may by the end of 2026-05-10
    <BLANKLINE>
           target  plan  fact   share
    may        62    20    18   90.0%
      ann      31    10    12  120.0%
      bob      31    10     6   60.0%
    """
    plans = split.plan_at(day)
    if unknown := [names for names in facts if names not in plans]:
        raise InputError("facts", f"{shown(unknown[0])} leads to no part", "give the names that lead to one")
    whole = split.target.amount
    none = like(0, whole)
    rows = [
        PlanFact(names, part.target.amount, plans[names], facts.get(names, none))
        for names, part in split.walk()
    ]
    return PlanFacts(split.target.id, day, rows)


def _percent(row: PlanFact) -> str:
    return "–" if row.share is None else f"{float(row.share):.1%}"
