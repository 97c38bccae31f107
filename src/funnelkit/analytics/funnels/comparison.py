"""Two funnels side by side: the difference of their rates, with an interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.errors import InputError

if TYPE_CHECKING:
    from funnelkit.analytics.funnels.funnel import Funnel

__all__ = ["Compared", "Difference", "compare"]


@attrs.frozen
class Difference:
    """One rate less another one, with Newcombe's 95 % interval. Make one with `Difference.of`.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions,
    1998, method 10. The groups must be of different records.

    >>> print(Difference.of(Rate.of(56, 70), Rate.of(48, 80)))
    +20.0 points (+5.2 to +33.4)
    """

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, one: Rate, other: Rate) -> Difference:
        """Return ``one`` less ``other``; nothing where one of them has no value."""
        p, q = one.value, other.value
        if p is None or q is None or one.low is None or one.high is None:
            return cls(None, None, None)
        if other.low is None or other.high is None:
            return cls(None, None, None)
        return cls(
            p - q,
            p - q - math.hypot(p - one.low, other.high - q),
            p - q + math.hypot(one.high - p, q - other.low),
        )

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "–"
        return f"{100 * self.value:+.1f} points ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


@attrs.frozen(kw_only=True)
class Compared:
    """A row of two funnels: the counts of both, and the differences of their rates."""

    stage: str
    count: int
    other: int
    of_previous: Difference | None
    of_first: Difference


def compare(one: Funnel, other: Funnel) -> tuple[Compared, ...]:
    """Return the rows of ``one`` less those of ``other``: two periods, two groups, two sources.

    The records of the two must not be the same ones, else the interval is too wide.

    Raises:
        InputError: They have different rows or definitions, or are grouped.
    """
    ours, theirs = one.about, other.about
    if ours.by or theirs.by:
        raise InputError("funnel", "is grouped", "compare funnels without by, filtered to one group each")
    stages = [row.stage for row in one.rows]
    if ours.definition != theirs.definition or stages != [row.stage for row in other.rows]:
        raise InputError("funnel", "is of another definition or of other steps", "count both the same way")
    return tuple(
        Compared(
            stage=row.stage,
            count=row.count,
            other=twin.count,
            of_previous=Difference.of(row.of_previous, twin.of_previous)
            if row.of_previous and twin.of_previous
            else None,
            of_first=Difference.of(row.of_first, twin.of_first),
        )
        for row, twin in zip(one.rows, other.rows, strict=True)
    )
