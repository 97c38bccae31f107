"""How long things last: nearest-rank quantiles of what ended, Kaplan-Meier when some has not ended yet.

Both read one small form: `Lasted`, how many stays ended and how many still ran at each duration.
Looking at finished stays alone makes a process look faster than it is, the more so the younger the
stays are; Kaplan-Meier counts a running stay as "at least this long".
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Lasted", "Survival", "kaplan_meier", "nearest_rank", "span"]

_EXACT = Context(prec=60)
_ROUNDING = Decimal("1e-40")  # far above the error of a million steps, far below one record


@attrs.frozen
class Lasted:
    """At ``duration``: how many were ``closed`` (ended) and how many still ``open`` (censored)."""

    duration: int
    closed: int
    open: int


def nearest_rank(lasted: Iterable[Lasted], percents: Iterable[int]) -> tuple[int | None, ...]:
    """Return quantiles of what ended: each a duration that really occurred, nothing interpolated.

    The q-th is the smallest duration that at least q percent of the ended ones did not exceed.

    Args:
        lasted: In any order; open counts are not looked at.
        percents: Whole percents, 1 to 100.

    Returns:
        One duration for each of ``percents``; None for all when nothing ended.

    >>> nearest_rank([Lasted(2, 1, 0), Lasted(5, 2, 0), Lasted(9, 1, 7)], [25, 50, 90])
    (2, 5, 9)
    """
    ended = sorted((item.duration, item.closed) for item in lasted if item.closed)
    total = sum(count for _, count in ended)
    found: list[int | None] = []
    for percent in percents:
        rank = 0
        for duration, count in ended:
            rank += count
            if rank * 100 >= percent * total:
                found.append(duration)
                break
        else:
            found.append(None)
    return tuple(found)


@attrs.frozen
class Survival:
    """A survival curve: the share that lasts longer than each duration at which something ended.

    Attributes:
        steps: ``(duration, share still going after it)``, durations ascending.
        closed, open: How many ended, how many were still going.
    """

    steps: tuple[tuple[int, Decimal], ...]
    closed: int
    open: int

    def after(self, duration: int) -> float:
        """Return the share that lasts longer than ``duration``, 1.0 before the first end."""
        share = Decimal(1)
        for at, survivors in self.steps:
            if at > duration:
                break
            share = survivors
        return float(share)

    def quantile(self, percent: int) -> int | None:
        """Return the duration by which ``percent`` percent have ended; None while that is not known."""
        level = _EXACT.add(Decimal(100 - percent) / 100, _ROUNDING)
        return next((at for at, survivors in self.steps if survivors <= level), None)


def kaplan_meier(lasted: Iterable[Lasted]) -> Survival:
    """Return the Kaplan-Meier estimate of how long things last, open ones censored.

    At equal durations ends come before censorings. Shares are kept to 60 digits, so a share that is
    exactly one half in fractions is found to be one half.

    Source: E. L. Kaplan and P. Meier, Nonparametric estimation from incomplete observations, 1958.

    >>> curve = kaplan_meier([Lasted(1, 0, 1), Lasted(2, 1, 0), Lasted(3, 1, 0), Lasted(4, 1, 0),
    ...                       Lasted(5, 1, 0), Lasted(6, 0, 1)])
    >>> curve.after(3), curve.quantile(50), curve.quantile(90)
    (0.6, 4, None)
    """
    at_risk = 0
    grouped: dict[int, list[int]] = {}
    for item in lasted:
        counts = grouped.setdefault(item.duration, [0, 0])
        counts[0] += item.closed
        counts[1] += item.open
        at_risk += item.closed + item.open
    closed = sum(counts[0] for counts in grouped.values())
    total = at_risk
    share, steps = Decimal(1), []
    for duration in sorted(grouped):
        ended, censored = grouped[duration]
        if ended:
            share = _EXACT.divide(_EXACT.multiply(share, Decimal(at_risk - ended)), Decimal(at_risk))
            steps.append((duration, share))
        at_risk -= ended + censored
    return Survival(tuple(steps), closed, total - closed)


def span(microseconds: int | None) -> timedelta | None:
    """Return a number of microseconds as a timedelta."""
    return None if microseconds is None else timedelta(microseconds=microseconds)
