"""A cumulative sum of spans of trials that says when a share has risen, and how often it errs.

In each span so many of so many trials were bad. A bad one adds ``up``, any other takes ``down``, and the
sum never falls below 0. At ``limit`` it alarms. While nothing changes the sum is a Markov chain on the
whole numbers below the limit, so how long it runs to a false alarm is computed, not looked up.

Source: E. S. Page, Continuous inspection schemes, 1954; D. Brook and D. A. Evans, An approach to the
probability distribution of cusum run length, 1972; for trials M. R. Reynolds and Z. G. Stoumbos, A CUSUM
chart for monitoring a proportion when inspecting continuously, 1999.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import attrs

__all__ = ["Cusum", "designed"]

_FINEST, _GRAIN = 400, 8
"""At most so many points a unit of the log likelihood ratio, and at least so many for the smaller score."""

_LONGEST_RUN = 20_000
_CERTAIN = 1e-9


@attrs.frozen
class Cusum:
    """A chart.

    Attributes:
        share: The share of bad trials while nothing changes.
        up, down: What a bad trial adds, what any other takes.
        limit: At this sum it alarms.
    """

    share: float
    up: int
    down: int
    limit: int

    def walk(self, spans: Iterable[tuple[int, int]]) -> list[int]:
        """Return the sum after each span of ``(bad, trials)``; it goes on after an alarm.

        >>> Cusum(0.5, 2, 1, 6).walk([(1, 4), (4, 5), (3, 3)])
        [0, 7, 13]
        """
        total, sums = 0, []
        for bad, size in spans:
            total = max(0, total + bad * self.up - (size - bad) * self.down)
            sums.append(total)
        return sums

    def run_length(self, size: int, share: float | None = None, most: float = math.inf) -> float:
        """Return how many spans of ``size`` trials pass on average until it alarms.

        Args:
            size: Trials in each span.
            share: The share of bad trials; default: that while nothing changes, so that the alarm is false.
            most: Do not count on beyond this.
        """
        step = self._step(size, self.share if share is None else share)
        where = [1.0] + [0.0] * (self.limit - 1)
        length, alive, ratio, kept = 0.0, 1.0, 0.0, -1.0
        for _ in range(_LONGEST_RUN):
            length += alive
            where = self._after(where, step)
            left = sum(where)
            if left < _CERTAIN or length >= most:
                return length
            ratio, kept, alive = min(left / alive, 1.0), ratio, left
            if ratio < 1 and abs(ratio - kept) <= 1e-6 * (1 - ratio):  # it goes on to decay at this rate
                break
        return length + alive / (1 - ratio) if ratio < 1 else math.inf

    def false_alarm(self, sizes: Sequence[int]) -> float:
        """Return the chance of an alarm within spans of these sizes if nothing changes."""
        where = [1.0] + [0.0] * (self.limit - 1)
        steps = {size: self._step(size, self.share) for size in set(sizes)}
        for size in filter(None, sizes):
            where = self._after(where, steps[size])
        return max(0.0, 1.0 - sum(where))

    def _step(self, size: int, share: float) -> list[tuple[int, float]]:
        """Return what a span adds to the sum, and how likely; alarms from anywhere are left out."""
        low, steps = 0.0, []
        for bad in _likely(size, share):
            added = bad * self.up - (size - bad) * self.down
            chance = _binomial(bad, size, share)
            if added <= -self.limit:
                low += chance
            elif added < self.limit:
                steps.append((added, chance))
        return [*steps, (-self.limit, low)]

    def _after(self, where: list[float], step: list[tuple[int, float]]) -> list[float]:
        """Return how likely each sum is after one more span without an alarm."""
        limit, found = self.limit, [0.0] * self.limit
        for added, chance in step:
            if added >= 0:
                moved = where[: limit - added]
                found[added:] = [a + chance * b for a, b in zip(found[added:], moved, strict=True)]
            else:
                found[0] += chance * sum(where[: 1 - added])
                moved = where[1 - added :]
                end = 1 + len(moved)
                found[1:end] = [a + chance * b for a, b in zip(found[1:end], moved, strict=True)]
        return found


@lru_cache(maxsize=256)
def designed(share: float, odds: float, size: int, run_length: float) -> Cusum:
    """Return the chart for a share whose odds may rise ``odds`` times.

    The scores are the log likelihood ratios of the two shares, in whole numbers; the limit is the least
    for which spans of ``size`` trials pass at least ``run_length`` times on average before a false alarm.

    Args:
        share: The share of bad trials while nothing changes, between 0 and 1.
        odds: More than 1.
        size: Trials in a span, at least 1.
        run_length: In spans, more than 1.

    >>> chart = designed(0.3, 2.0, 20, 100)
    >>> chart.run_length(20) >= 100 > attrs.evolve(chart, limit=chart.limit - 1).run_length(20)
    True
    """
    risen = odds * share / (1 - share + odds * share)
    bad, good = math.log(risen / share), math.log((1 - share) / (1 - risen))
    scale = min(_FINEST, max(8.0, _GRAIN / min(bad, good)))
    chart = Cusum(share, max(1, round(bad * scale)), max(1, round(good * scale)), 1)

    def enough(limit: int) -> bool:
        return attrs.evolve(chart, limit=limit).run_length(size, most=run_length) >= run_length

    low, high = 0, max(2, round(scale * math.log(run_length)))
    while not enough(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return attrs.evolve(chart, limit=high)


def _likely(size: int, share: float) -> range:
    """Return the counts that are not out of the question."""
    far = 8 * math.sqrt(size * share * (1 - share)) + 8
    return range(max(0, math.floor(size * share - far)), min(size, math.ceil(size * share + far)) + 1)


def _binomial(x: int, n: int, p: float) -> float:
    if p in (0.0, 1.0):
        return float(x == n * p)
    logs = math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
    return math.exp(logs + x * math.log(p) + (n - x) * math.log1p(-p))
