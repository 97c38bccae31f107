"""Whether two rates differ, and how many of many such findings are to be believed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import NormalDist

from funnelkit.analytics.intervals import wilson
from funnelkit.errors import InputError, shown

__all__ = [
    "benjamini_hochberg",
    "check_findings",
    "fisher",
    "newcombe",
    "odds_ratio",
    "p_of_two_rates",
    "q_values",
]

_SMALL = 5.0
"""With a smaller expected count in any cell the exact test is used."""

_EVEN = 1e-7
"""Chances of two tables that differ by less, in relation, are the same chance, rounded otherwise."""


def newcombe(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of ``x1 / n1 - x2 / n2``; None when one of them had no trials.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions,
    1998, method 10 (two Wilson intervals).

    >>> low, high = newcombe(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    one, two = wilson(x1, n1, level), wilson(x2, n2, level)
    if one is None or two is None:
        return None
    p1, p2 = x1 / n1, x2 / n2
    below = math.hypot(p1 - one[0], two[1] - p2)
    above = math.hypot(one[1] - p1, p2 - two[0])
    return p1 - p2 - below, p1 - p2 + above


def odds_ratio(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> tuple[float, float, float]:
    """Return the odds of ``x1`` of ``n1`` by those of ``x2`` of ``n2``, and the interval of that.

    One is added to each of the four counts, as PostHog does for its correlations, so that there always is
    a ratio. That draws either side to even odds: by next to nothing where the counts are large; where
    a side is small and few succeed, its odds come out too high.

    Source of the interval: B. Woolf, On estimating the relation between blood group and disease, 1955;
    here of the counts with one added, so it is always finite. Where five or more successes and failures
    are to be expected on each side it covers 93 % to 99 %; where one or two are, about 90 %.

    >>> [round(part, 2) for part in odds_ratio(3, 4, 1, 5)]
    [5.0, 0.47, 52.96]
    """
    counts = x1 + 1, n1 - x1 + 1, x2 + 1, n2 - x2 + 1
    ratio = counts[0] * counts[3] / (counts[1] * counts[2])
    z = NormalDist().inv_cdf((1 + level) / 2)
    factor = math.exp(z * math.sqrt(sum(1 / count for count in counts)))
    return ratio, ratio / factor, ratio * factor


def fisher(x1: int, n1: int, x2: int, n2: int) -> float:
    """Return the two-sided p-value of Fisher's exact test: ``x1`` of ``n1`` against ``x2`` of ``n2``.

    All tables with the same margins that are no likelier than the one seen are added up.

    Source: R. A. Fisher, The logic of inductive inference, 1935 (a lady who tasted tea).

    >>> round(fisher(3, 4, 1, 4), 4)
    0.4857
    """
    hits = x1 + x2
    likeliest = (n1 + 1) * (hits + 1) // (n1 + n2 + 2)
    chances = {likeliest: 1.0}
    chances.update(_away(likeliest, n1, hits, n2))
    # Fewer hits of the first are more of the second.
    chances.update((hits - x, chance) for x, chance in _away(hits - likeliest, n2, hits, n1))
    seen = chances.get(x1, 0.0) * (1 + _EVEN)
    return math.fsum(chance for chance in chances.values() if chance <= seen) / math.fsum(chances.values())


def _away(start: int, n1: int, hits: int, n2: int) -> Iterator[tuple[int, float]]:
    """Yield how likely more than ``start`` hits of the first are, beside ``start``, until it is nothing."""
    chance = 1.0
    for x in range(start, min(hits, n1)):
        chance *= (n1 - x) * (hits - x) / ((x + 1) * (n2 - hits + x + 1))
        if not chance:
            return
        yield x + 1, chance


def p_of_two_rates(x1: int, n1: int, x2: int, n2: int) -> float | None:
    """Return the two-sided p-value of equal rates; None when one of them had no trials.

    Fisher's exact test where any expected count is under 5, else the score test with pooled variance
    (E. S. Pearson, 1947).

    >>> round(p_of_two_rates(30, 100, 45, 100), 4)
    0.0285
    """
    if n1 == 0 or n2 == 0:
        return None
    pooled = (x1 + x2) / (n1 + n2)
    if min(n1, n2) * min(pooled, 1 - pooled) < _SMALL:
        return fisher(x1, n1, x2, n2)
    z = (x1 / n1 - x2 / n2) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return math.erfc(abs(z) / math.sqrt(2))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the q-value of each p-value: the share of false findings if it and all smaller are believed.

    Source: Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, 1995.

    >>> [round(q, 4) for q in benjamini_hochberg([0.01, 0.04, 0.03, 0.005])]
    [0.02, 0.04, 0.04, 0.02]
    """
    q_values = [0.0] * len(p_values)
    least = 1.0
    for rank, n in reversed(list(enumerate(sorted(range(len(p_values)), key=p_values.__getitem__), 1))):
        least = min(least, p_values[n] * (len(p_values) / rank))
        q_values[n] = least
    return q_values


def q_values(p_values: Iterable[float | None]) -> list[float | None]:
    """Return the q-value of each p-value; None, a test that was not made, stays None and counts for nothing.

    >>> q_values([0.01, None, 0.5])
    [0.02, None, 0.5]
    """
    asked = list(p_values)
    found = iter(benjamini_hochberg([p for p in asked if p is not None]))
    return [None if p is None else next(found) for p in asked]


def check_findings(minimum: int, level: float) -> None:
    """Raise an InputError where a smallest sample, or an accepted share of false findings, is none."""
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise InputError("level", f"{shown(level)} is no share of false alarms", "give 0.05, or 0.1")
    if type(minimum) is not int or minimum < 1:
        raise InputError("minimum", f"{shown(minimum)} is no number of records", "give 30")
