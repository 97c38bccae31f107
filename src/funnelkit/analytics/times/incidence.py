"""How likely each end is by a given age, while some have not ended yet: Aalen-Johansen.

Ends compete: who is lost cannot be won any more. A share of those that have ended looks at the quick
ones; a share of all treats the young ones as if nothing could come of them. Aalen-Johansen counts a
record for as long as it was watched, and no longer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import gcd

import attrs

from funnelkit.analytics.intervals import Estimate

__all__ = ["Chances", "Incidence", "aalen_johansen"]

_LONGEST = 1 << 15
_FINE = 1 << 512
"""Shares are exact fractions until these would need more than 32,768 bits; then they are rounded to 512."""


@attrs.frozen
class Chances:
    """Where things stand at one age: F₁ + F₂ + … + S = 1, exactly.

    Attributes:
        shares: End → chance of having come to it by then (F).
        open: The chance that nothing has happened by then (S).
        variances: End → variance of its share.
        size: How many records there would have to be if none had been seen open too early, so that one
            weighs as much as one weighs then: n / S.
        known: Whether somebody was watched so long, or all have ended before; else nothing is known
            of this age.
    """

    shares: Mapping[str, Fraction]
    open: Fraction
    variances: Mapping[str, float]
    size: float
    known: bool

    def estimate(self, end: str | None, reason: str = "nobody has been watched so long") -> Estimate:
        """Return the share of one end, or of None: of those still open, with its 95 % interval."""
        if not self.known:
            return Estimate.unknown(reason)
        share = self.open if end is None else self.shares.get(end, Fraction(0))
        return Estimate.of(float(share), self.variances.get(end or "", 0.0), self.size)


@attrs.frozen
class Incidence:
    """Ends by age; ask it `at` an age.

    Attributes:
        steps: ``(age, {end: how many}, how many were last seen open)``, ages ascending.
    """

    steps: tuple[tuple[int, Mapping[str, int], int], ...]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(sum(ends.values()) + still for _, ends, still in self.steps)

    @property
    def ends(self) -> tuple[str, ...]:
        """The ends that occur, sorted."""
        return tuple(sorted({end for _, ends, _ in self.steps for end in ends}))

    def knows(self, age: int) -> bool:
        """Whether somebody was watched so long, or all have ended before."""
        return bool(self.steps) and (self.steps[-1][0] >= age or not self.steps[-1][2])

    def at(self, age: int) -> Chances:
        """Return the chances of every end by ``age``, included."""
        seen = _Walk(self.total)
        for at, ends, still in self.steps:
            if at > age:
                break
            seen.ended(ends)
            if at < age:
                seen.left(still)
        return Chances(
            shares={end: Fraction(seen.shares[end], seen.whole) for end in self.ends},
            open=Fraction(seen.open, seen.whole),
            variances={end: seen.variance(end) for end in self.ends} | {"": seen.variance("")},
            size=seen.whole / seen.weight if self.steps else 0.0,
            known=self.knows(age),
        )

    def steps_of(self, end: str) -> Iterator[tuple[int, float]]:
        """Yield ``(age, share of the end by then)`` where it grows: the curve."""
        seen = _Walk(self.total)
        for at, ends, still in self.steps:
            seen.ended(ends)
            seen.left(still)
            if ends.get(end):
                yield at, seen.shares[end] / seen.whole

    def when(self, percent: int) -> int | None:
        """Return the age by which ``percent`` percent have ended in any way; None while not known."""
        seen = _Walk(self.total)
        for at, ends, still in self.steps:
            seen.ended(ends)
            if ends and (seen.whole - seen.open) * 100 + (seen.whole >> 200) >= percent * seen.whole:
                return at
            seen.left(still)
        return None

    def mean_to(self, age: int) -> Fraction | None:
        """Return the mean of the time until the end or ``age``, whichever is first: the restricted mean.

        It is the area under the share that is open, from 0 to ``age``. None where that is not known.
        """
        seen, area, before = _Walk(self.total), Fraction(0), 0
        for at, ends, still in self.steps:
            if at > age:
                break
            area += Fraction(seen.open, seen.whole) * (at - before)
            before = at
            seen.ended(ends)
            seen.left(still)
        return area + Fraction(seen.open, seen.whole) * (age - before) if self.knows(age) else None


class _Walk:
    """Goes from age to age in whole numbers: every share is ``x / whole``.

    While nobody leaves unended, each end weighs the same, S / n; so a share only needs a new
    denominator where somebody was last seen open.
    """

    def __init__(self, total: int) -> None:
        self.at_risk = self.whole = self.open = max(total, 1)
        if total == 0:
            self.at_risk = 0
        self.weight = 1
        self.shares: dict[str, int] = defaultdict(int)
        self.trail: list[tuple[int, int, float, Mapping[str, int], dict[str, float]]] = []

    def ended(self, ends: Mapping[str, int]) -> None:
        """Go past the ends of one age."""
        gone = sum(ends.values())
        if not gone:
            return
        before = self.open / self.whole
        for end, count in ends.items():
            self.shares[end] += self.weight * count
        self.open -= self.weight * gone
        by_now = {end: share / self.whole for end, share in self.shares.items()}
        self.trail.append((self.at_risk, gone, before, ends, by_now))
        self.at_risk -= gone

    def left(self, still: int) -> None:
        """Go past those of one age who were last seen open."""
        rest = self.at_risk - still
        if still and rest:
            common = gcd(rest, self.at_risk)
            factor = rest // common
            self.weight *= self.at_risk // common
            self.whole *= factor
            self.open *= factor
            self.shares = defaultdict(int, {end: share * factor for end, share in self.shares.items()})
            if self.whole.bit_length() > _LONGEST:
                self._round()
        self.at_risk = rest

    def variance(self, end: str) -> float:
        """Return the variance of the share of an end by now, or of ``""``: of the open share."""

        def size(by_now: Mapping[str, float]) -> float:
            return by_now.get(end, 0.0) if end else sum(by_now.values())

        share = size(self.trail[-1][4]) if self.trail else 0.0
        total = 0.0
        for n, gone, before, ends, by_now in self.trail:
            ahead, count = share - size(by_now), ends.get(end, 0) if end else gone
            if gone < n:
                total += ahead * ahead * gone / (n * (n - gone))
            total += before * before * count * (n - count) / n**3 - 2 * ahead * before * count / n**2
        return max(total, 0.0)

    def _round(self) -> None:
        """Go on with denominators of a bounded size; the shares still add up to one."""
        self.shares = defaultdict(
            int, {end: share * _FINE // self.whole for end, share in self.shares.items()}
        )
        self.weight = self.weight * _FINE // self.whole
        self.whole = _FINE
        self.open = _FINE - sum(self.shares.values())


def aalen_johansen(ends: Iterable[tuple[int, str, int]]) -> Incidence:
    """Return the Aalen-Johansen estimate of how likely each end is by each age.

    F_k(t) = Σ S(t_i −) d_ki / n_i over the ages t_i ≤ t at which something ended: n_i were still open
    just before, d_ki of them ended in the way k then, and S is the all-cause Kaplan-Meier estimate. At
    equal ages ends come before who was last seen open. Shares are exact fractions.

    The variance is the delta method's (of Greenwood's kind); where nobody was last seen open before
    t it is F (1 − F) / n. Intervals are Wilson's at the effective size F (1 − F) / variance; a share of 0
    or 1 has no variance, and its size is n / S.

    Args:
        ends: ``(age, end, how many)``, where the end ``""`` is: last seen open at that age.

    Source: O. Aalen and S. Johansen, An empirical transition matrix, 1978; for the variance G. Dinse and
    M. Larson, A note on semi-Markov models for partially censored data, 1986; for the interval
    K. Rothman, Estimation of confidence limits for the cumulative probability of survival, 1978.

    >>> curve = aalen_johansen([(1, "", 1), (2, "won", 1), (3, "won", 1), (4, "lost", 2), (6, "", 1)])
    >>> then = curve.at(5)
    >>> then.shares["won"] + then.shares["lost"] + then.open
    Fraction(1, 1)
    >>> print(then.estimate("won"), "/", curve.at(7).estimate("won").reason)
    40 % (12-77) / nobody has been watched so long
    """
    grouped: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for age, end, count in ends:
        if count:
            grouped[age][end] += count
    steps = []
    for age in sorted(grouped):
        still = grouped[age].pop("", 0)
        steps.append((age, dict(grouped[age]), still))
    return Incidence(tuple(steps))
