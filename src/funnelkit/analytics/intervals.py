"""Rates that carry their denominator and an interval that says how much they can be trusted."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import attrs

from funnelkit.errors import InputError, shown

__all__ = ["Estimate", "Rate", "wilson"]


def wilson(x: float, n: float, level: float = 0.95) -> tuple[float, float] | None:
    """Return the Wilson score interval of ``x`` successes in ``n`` trials.

    Args:
        x: Successes, 0 to ``n``.
        n: Trials; an effective number of them need not be whole.
        level: Coverage, between 0 and 1.

    Returns:
        ``(low, high)`` within 0 and 1, or None when there were no trials: nothing is known then.

    Raises:
        InputError: More successes than trials, a number below 0 or none at all, a level that is no coverage.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    >>> low, high = wilson(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4902, 0.9433)
    """
    if not 0 <= n < math.inf:
        raise InputError("n", f"{shown(n)} is no number of trials", "give 0 or more")
    if not 0 <= x <= n:
        raise InputError("x", f"{shown(x)} is not from 0 to {n}", "there are no more successes than trials")
    if not 0 < level < 1:
        raise InputError("level", f"{shown(level)} is not between 0 and 1", "0.95 is 95 %")
    if n == 0:
        return None
    z2 = _z_squared(level)
    centre = (x + z2 / 2) / (n + z2)
    half = math.sqrt(z2) / (n + z2) * math.sqrt(x * (n - x) / n + z2 / 4)
    low = 0.0 if x == 0 else max(0.0, centre - half)
    high = 1.0 if x == n else min(1.0, centre + half)
    return low, high


@lru_cache(maxsize=16)
def _z_squared(level: float) -> float:
    """Return the square of the normal quantile of an interval."""
    return NormalDist().inv_cdf((1 + level) / 2) ** 2


@attrs.frozen
class Rate:
    """A share of records: so many of so many, never a number alone. Make one with `Rate.of`.

    Attributes:
        numerator: Records of the denominator that did it.
        denominator: All that could have.
        low, high: The 95 % Wilson interval; None when the denominator is 0.
        reason: Why there is no value, or empty.

    >>> rate = Rate.of(3, 8)
    >>> rate.value, str(rate)
    (0.375, '38 % (14-69) of 8')
    >>> Rate.of(0, 0).value is None, Rate.of(0, 0).reason
    (True, 'there is nothing to divide by')
    """

    numerator: int
    denominator: int
    low: float | None
    high: float | None
    reason: str = ""

    @classmethod
    def of(cls, numerator: int, denominator: int, reason: str = "there is nothing to divide by") -> Rate:
        """Return the rate with its interval; ``reason`` is kept when the denominator is 0."""
        interval = wilson(numerator, denominator)
        if interval is None:
            return cls(numerator, denominator, None, None, reason)
        return cls(numerator, denominator, *interval)

    @property
    def value(self) -> float | None:
        """Numerator by denominator, 0 to 1; None, never 0 or 1, when there is nothing to divide by."""
        return self.numerator / self.denominator if self.denominator else None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return "– of 0"
        share = 100 * self.numerator / self.denominator
        return f"{share:.0f} % ({100 * self.low:.0f}-{100 * self.high:.0f}) of {self.denominator:,}"


@attrs.frozen
class Estimate:
    """A share that is estimated, not counted, because some of the records have not ended yet.

    Attributes:
        value: 0 to 1; None where there is not enough data.
        low, high: The 95 % interval; None beside no value.
        reason: Why there is no value, or empty.

    >>> str(Estimate.of(0.4, 0.024, 10)), str(Estimate.unknown("nobody has been watched so long"))
    ('40 % (17-69)', '–')
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""

    @classmethod
    def of(cls, share: float, variance: float, size: float) -> Estimate:
        """Return a share with Wilson's interval at its effective size, share × (1 − share) / variance.

        A share of 0 or 1 has no variance; then ``size`` is the size.
        """
        size = share * (1 - share) / variance if 0 < share < 1 and variance > 0 else size
        interval = wilson(share * size, size)
        return cls(share, *interval) if interval else cls.unknown("nobody was watched")

    @classmethod
    def unknown(cls, reason: str) -> Estimate:
        """Return what stands where nothing can be said."""
        return cls(None, None, None, reason)

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "–"
        return f"{100 * self.value:.0f} % ({100 * self.low:.0f}-{100 * self.high:.0f})"
