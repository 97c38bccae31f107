"""Whether two rates differ, and how many of many such findings are to be believed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from funnelkit.analytics.intervals import wilson

__all__ = ["benjamini_hochberg", "fisher", "newcombe", "p_of_two_rates"]

_SMALL = 5.0
"""With a smaller expected count in any cell the exact test is used."""


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


def fisher(x1: int, n1: int, x2: int, n2: int) -> float:
    """Return the two-sided p-value of Fisher's exact test: ``x1`` of ``n1`` against ``x2`` of ``n2``.

    All tables with the same margins that are no likelier than the one seen are added up.

    Source: R. A. Fisher, The logic of inductive inference, 1935 (a lady who tasted tea).

    >>> round(fisher(3, 4, 1, 4), 4)
    0.4857
    """
    hits, total = x1 + x2, n1 + n2
    whole = _log_choose(total, hits)
    logs = [
        _log_choose(n1, x) + _log_choose(n2, hits - x) - whole
        for x in range(max(0, hits - n2), min(hits, n1) + 1)
    ]
    seen = _log_choose(n1, x1) + _log_choose(n2, x2) - whole
    return min(1.0, math.fsum(math.exp(one) for one in logs if one <= seen + 1e-9))


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


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
