"""Control limits of a funnel plot: how far chance alone takes a share away from the middle."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["binomial_limits", "overdispersion"]


def binomial_limits(n: int, target: float, level: float) -> tuple[float, float]:
    """Return the exact limits of a share of ``n`` trials around ``target``.

    The quantile of the binomial distribution is interpolated, so that limits fall smoothly with ``n``.

    Args:
        n: Trials, at least 1.
        target: The share in the middle, 0 to 1.
        level: Coverage: 0.95 or 0.998.

    Source: D. J. Spiegelhalter, Funnel plots for comparing institutional performance, 2005, A.1.1.

    >>> low, high = binomial_limits(100, 0.5, 0.95)
    >>> round(low, 3), round(high, 3)
    (0.397, 0.593)
    """
    tail = (1 - level) / 2
    low, high = (_quantile(n, target, share) / n for share in (tail, 1 - tail))
    return max(0.0, low), min(1.0, high)


def overdispersion(measures: Sequence[tuple[float, float]], middle: float = 1.0) -> tuple[float, float]:
    """Return how much more units differ than chance explains: the factor phi, and tau squared.

    Both are of z-scores of which the outer tenths were pulled in, so that the units that are looked
    for do not hide themselves. Tau squared is what to add to each unit's variance, 0 when phi says that
    chance is enough.

    Args:
        measures: ``(value, standard error)`` of each unit, errors above 0.
        middle: What a unit in control is around.

    Source: D. J. Spiegelhalter, Handling over-dispersion of performance indicators, 2005.

    >>> overdispersion([(1.0, 0.1), (1.05, 0.1), (0.97, 0.1)])[1]
    0.0
    """
    scores = sorted((value - middle) / error for value, error in measures)
    units = len(scores)
    if units < 2:  # noqa: PLR2004 (one unit differs from nobody)
        return 1.0, 0.0
    cut = int(units * 0.1)
    low, high = scores[cut], scores[units - 1 - cut]
    phi = sum(min(max(score, low), high) ** 2 for score in scores) / units
    weights = [1 / error**2 for _, error in measures]
    if units * phi <= units - 1:
        return phi, 0.0
    whole = sum(weights)
    return phi, (units * phi - (units - 1)) / (whole - sum(w * w for w in weights) / whole)


def _quantile(n: int, p: float, share: float) -> float:
    """Return the interpolated number of successes that ``share`` of all repeats do not exceed."""
    if p in (0, 1):
        return n * p
    up_to = 0.0
    for successes in range(n + 1):
        before, up_to = up_to, up_to + _chance(successes, n, p)
        if up_to >= share:
            return successes - (up_to - share) / (up_to - before)
    return float(n)


def _chance(x: int, n: int, p: float) -> float:
    log = math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
    return math.exp(log + x * math.log(p) + (n - x) * math.log1p(-p))
