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
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import count, takewhile

import attrs

__all__ = ["Cusum", "designed"]

_OFF = 1 / 16
"""So far may the share at which nothing adds up be off, by the distance of the two shares."""

_WIDEST, _FINE = 200, 10
"""The two scores add up to at most this, if they can; so many sums a unit of the likelihood ratio."""

_LONGEST_RUN, _CLOSE = 100_000, 1e-9


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

    def run_length(self, size: int, share: float | None = None) -> float:
        """Return how many spans of ``size`` trials pass on average until it alarms.

        Args:
            size: Trials in each span.
            share: The share of bad trials; default: that while nothing changes, so that the alarm is false.

        Returns:
            To nine digits; where even a hundred thousand spans do not tell it, what it is at least.

        >>> round(Cusum(0.5, 1, 1, 2).run_length(1), 6)
        6.0
        """
        least = 0.0
        for least, greatest in self._bounds(size, self.share if share is None else share):
            if _are_close(least, greatest):
                break
        return least

    def runs(self, size: int, length: float) -> bool:
        """Return whether at least ``length`` spans pass on average before a false alarm."""
        for least, greatest in self._bounds(size, self.share):
            if least >= length or greatest < length or _are_close(least, greatest):
                return least >= length
        return False

    def false_alarm(self, sizes: Sequence[int]) -> float:
        """Return the chance of an alarm within spans of these sizes if nothing changes."""
        quiet = [1.0] * self.limit
        steps = {size: self._step(size, self.share) for size in set(sizes)}
        for size in filter(None, reversed(sizes)):
            quiet = _before(quiet, steps[size])
        return max(0.0, 1.0 - quiet[0])

    def _bounds(self, size: int, share: float) -> Iterator[tuple[float, float]]:
        """Yield what the run length is at least and at most, ever closer, a span a time.

        Of who is still without an alarm after n spans, the part that alarms in the next one depends on the
        sum it began with, and ever less so. The least and the greatest part bound how long the rest runs (L.
        Collatz 1942 and H. Wielandt 1950, on positive matrices). Nobody runs longer than from 0, which
        bounds it too. No number comes of a difference of nearly equal ones.
        """
        unit = math.gcd(self.up + self.down, size * self.down)  # from 0 only its multiples are come to
        limit = -(-self.limit // unit)
        step = self._step(size, share, unit)
        quiet, alarm = [1.0] * limit, _before([0.0] * limit, step, alarmed=1.0)
        passed = 0.0
        for _ in range(_LONGEST_RUN):
            left = quiet[0]
            parts = [now / still for now, still in zip(alarm, quiet, strict=True) if still]
            high, low = max(parts, default=1.0), min(parts, default=1.0)
            yield (
                passed + left / high if high else math.inf,
                min(passed + left / low if low else math.inf, passed / (1 - left) if left < 1 else math.inf),
            )
            passed += left
            quiet, alarm = _before(quiet, step), _before(alarm, step)

    def _step(self, size: int, share: float, unit: int = 1) -> list[tuple[int, float]]:
        """Return what a span adds to the sum, in units, and how likely; nothing is beyond the limit."""
        limit, steps = -(-self.limit // unit), defaultdict[int, float](float)
        for bad in _likely(size, share):
            added = (bad * self.up - (size - bad) * self.down) // unit
            steps[max(-limit, min(added, limit))] += _binomial(bad, size, share)
        return list(steps.items())


def _before(after: Sequence[float], step: Iterable[tuple[int, float]], alarmed: float = 0.0) -> list[float]:
    """Return what is expected one span earlier, sum by sum, of what is so after it; an alarm ends it."""
    found = [0.0] * len(after)
    for added, chance in step:
        if added >= 0:
            there = [*after[added:], *[alarmed] * added]
        else:
            there = [*[after[0]] * -added, *after[: len(after) + added]]
        found = [a + chance * b for a, b in zip(found, there, strict=True)]
    return found


def _are_close(least: float, greatest: float) -> bool:
    return least == math.inf or greatest - least <= _CLOSE * least


@lru_cache(maxsize=256)
def designed(share: float, odds: float, size: int, run_length: float) -> Cusum:
    """Return the chart for a share whose odds may rise ``odds`` times.

    The scores are the log likelihood ratios of the two shares, in small whole numbers; the limit is the
    least for which ``run_length`` spans of ``size`` trials pass on average before a false alarm, or more.

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
    level = -math.log1p((share - risen) / (1 - share)) / math.log(odds)  # at this share nothing adds up
    whole = _whole(level, _OFF * min(risen - share, 0.25), size, _FINE * math.log(odds))
    chart = Cusum(share, whole - round(whole * level), round(whole * level), 1)

    def enough(limit: int) -> bool:
        return attrs.evolve(chart, limit=limit).runs(size, run_length)

    low, high = 0, max(2, round(whole / math.log(odds) * math.log(run_length)))
    while not enough(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return attrs.evolve(chart, limit=high)


def _whole(level: float, off: float, size: int, fine: float) -> int:
    """Return what the two scores add up to, so that at about ``level`` nothing adds up.

    Spans of ``size`` trials come to some of the sums only, and fewer sums are sooner looked through. So it
    is one with which they come to ``fine`` sums for what a bad trial counts, or a little more.
    """

    def sums(whole: int) -> int:
        return whole // math.gcd(whole, size * round(whole * level))

    near = (n for n in count(2) if 0 < round(n * level) < n and abs(round(n * level) / n - level) <= off)
    some = [next(near), *takewhile(lambda n: n <= _WIDEST, near)]
    return min(some, key=lambda whole: (sums(whole) < fine, abs(sums(whole) - fine), whole))


def _likely(size: int, share: float) -> range:
    """Return the counts that are not out of the question."""
    far = 8 * math.sqrt(size * share * (1 - share)) + 8
    return range(max(0, math.floor(size * share - far)), min(size, math.ceil(size * share + far)) + 1)


def _binomial(x: int, n: int, p: float) -> float:
    if p in (0.0, 1.0):
        return float(x == n * p)
    logs = math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
    return math.exp(logs + x * math.log(p) + (n - x) * math.log1p(-p))
