"""What a set of open deals may bring, in one currency: totals drawn by chance, with a stated error.

Many small deals add up to a normal number, and the theorem of Berry and Esseen says how nearly. They are
drawn at once; whoever is too large for that is drawn one by one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from random import Random

import attrs

from funnelkit.analytics.forecasts.distribution import Counts

__all__ = ["NewTotals", "OpenTotals", "Sample", "Worths", "effort", "nothing"]

LIMITS = (0.0, 0.005, 0.02)
"""So far from normal may the sum of the small ones be, in probability; the first that is quick is taken."""

_ESSEEN = 0.56
_PICKS = 4_000_000
_FEWEST = 1_000
Worths = Sequence[tuple[int, int]]
"""``(minor units, how many wins were worth that)``."""


@attrs.frozen(eq=False)
class Sample:
    """Totals as they were drawn.

    Attributes:
        totals: In minor units, in the order of the draws.
        mean: What they are expected to be, calculated, not drawn.
        bound: How far a probability may be off because small deals are drawn as one normal number.
    """

    totals: Sequence[int]
    mean: float
    bound: float = 0.0

    def __add__(self, other: Sample) -> Sample:
        totals = [left + right for left, right in zip(self.totals, other.totals, strict=True)]
        return Sample(totals, self.mean + other.mean, self.bound + other.bound)

    def plus(self, amount: int) -> Sample:
        """Return the same with an amount that is certain."""
        return Sample([total + amount for total in self.totals], self.mean + amount, self.bound)

    def quantiles(self, percents: Iterable[int]) -> list[int]:
        """Return nearest-rank quantiles of the totals."""
        order = sorted(self.totals)
        return [order[max(-(-percent * len(order) // 100) - 1, 0)] for percent in percents]

    def place(self, total: float) -> float:
        """Return where a total falls: the share of less, and half the share of equal."""
        less = sum(each < total for each in self.totals)
        return (less + sum(each == total for each in self.totals) / 2) / len(self.totals)


def nothing(draws: int) -> Sample:
    """Return the sample of who has nothing to bring."""
    return Sample([0] * draws, 0.0)


@attrs.frozen
class OpenTotals:
    """Totals of open deals, each ``(chance, minor units)``; ask `of` for it.

    Sums of independent numbers are normal to within 0.56 · Σ E|x − Ex|³ / (Σ var x)^1.5 in any probability.
    The deals are taken from the smallest on while that stays below a limit, and drawn as one.

    Source: I. Shevtsova, An improvement of convergence rate estimates in the Lyapunov theorem, 2010.
    """

    order: Sequence[tuple[float, int]]
    cuts: Sequence[tuple[int, float, float, float]]
    """By limit: how many of the smallest are drawn as one, their mean and variance, and the error."""

    @classmethod
    def of(cls, deals: Iterable[tuple[float, int]]) -> OpenTotals:
        """Sort the deals by size, and see how many are small."""
        order = sorted(deals, key=lambda deal: (abs(deal[1]), deal))
        cuts = [(0, 0.0, 0.0, 0.0)] * len(LIMITS)
        mean = variance = third = 0.0
        for n, (chance, amount) in enumerate(order, 1):
            spread = chance * (1 - chance) * amount * amount
            mean += chance * amount
            variance += spread
            third += spread * abs(amount) * (chance * chance + (1 - chance) * (1 - chance))
            error = _ESSEEN * third / variance**1.5 if variance else 1.0
            for level, limit in enumerate(LIMITS):
                if error <= limit:
                    cuts[level] = (n, mean, variance, error)
        return cls(order, cuts)

    def picks(self, level: int) -> float:
        """Return how many are picked in a draw."""
        return math.fsum(min(chance, 1 - chance) for chance, _ in self.order[self.cuts[level][0] :])

    def draw(self, level: int, draws: int, random: Random) -> Sample:
        """Draw totals."""
        cut, mean, variance, bound = self.cuts[level]
        totals = [0.0] * draws
        if cut:
            deviation = math.sqrt(variance)
            totals = [random.gauss(mean, deviation) for _ in range(draws)]
        cells: dict[float, list[int]] = defaultdict(list)
        for chance, amount in self.order[cut:]:
            cells[chance].append(amount)
        for chance in sorted(cells):
            _pick(totals, chance, cells[chance], random)
        expected = math.fsum(chance * amount for chance, amount in self.order)
        return Sample([round(total) for total in totals], expected, bound)


@attrs.frozen
class NewTotals:
    """Totals of a random number of wins, each worth what some win was worth before; ask `of` for it.

    Where there are many, the smaller worths add up to a normal number, as for `OpenTotals`.
    """

    number: Counts
    order: Worths
    cuts: Sequence[int]
    """By limit: how many of the smallest worths are drawn as one."""

    @classmethod
    def of(cls, number: Counts, worths: Worths) -> NewTotals:
        """Sort the worths by size, and see how many are small."""
        order = sorted(((a, n) for a, n in worths if n), key=lambda worth: (abs(worth[0]), worth))
        wins = sum(count for _, count in order)
        fewest = number.quantile(1)
        cuts = [0] * len(LIMITS)
        for n in range(2, len(order) + 1):
            _, _, near = _moments(order[:n])
            expected = fewest * sum(count for _, count in order[:n]) / wins
            for level, limit in enumerate(LIMITS):
                if expected and near / math.sqrt(expected) <= limit:
                    cuts[level] = n
        return cls(number, order, cuts)

    def picks(self, level: int) -> float:
        """Return how many are picked in a draw."""
        wins = sum(count for _, count in self.order)
        large = sum(count for _, count in self.order[self.cuts[level] :])
        return self.number.mean * large / wins if wins else 0.0

    def draw(self, level: int, draws: int, random: Random) -> Sample:
        """Draw totals."""
        wins = sum(count for _, count in self.order)
        if not wins or not self.number.mean:
            return nothing(draws)
        small, large = self.order[: self.cuts[level]], self.order[self.cuts[level] :]
        mean, variance, near = _moments(small)
        share = sum(count for _, count in large) / wins
        amounts = [amount for amount, _ in large]
        weights = list(accumulate(count for _, count in large))
        ranks = range(self.number.first, self.number.last + 1)
        totals, bound = [], 0.0
        for count in random.choices(ranks, [mass / 2**96 for mass in self.number.masses], k=draws):
            many = _share_of(count, share, random)
            total = float(sum(random.choices(amounts, cum_weights=weights, k=many))) if many else 0.0
            if rest := count - many:
                total += random.gauss(rest * mean, math.sqrt(rest * variance))
                bound = max(bound, near / math.sqrt(rest))
            totals.append(round(total))
        expected = self.number.mean * math.fsum(a * n for a, n in self.order) / wins
        return Sample(totals, expected, min(bound, 1.0))


def effort(books: Sequence[OpenTotals | NewTotals], draws: int) -> tuple[int, int]:
    """Return which limit is taken, and how many draws: fewer than asked for if all take too long."""
    picks = 0.0
    for level in range(len(LIMITS)):
        picks = math.fsum(book.picks(level) for book in books)
        if picks * draws <= _PICKS:
            return level, draws
    return len(LIMITS) - 1, max(min(draws, _FEWEST), int(_PICKS / picks))


def _moments(worths: Worths) -> tuple[float, float, float]:
    """Return mean, variance, and how far one is from normal: 0.56 · E|x − Ex|³ / var^1.5."""
    wins = sum(count for _, count in worths)
    if not wins:
        return 0.0, 0.0, 0.0
    mean = math.fsum(amount * count for amount, count in worths) / wins
    variance, third = (math.fsum(abs(a - mean) ** power * n for a, n in worths) / wins for power in (2, 3))
    return mean, variance, _ESSEEN * third / variance**1.5 if variance else 0.0


def _share_of(count: int, share: float, random: Random) -> int:
    """Return how many of so many do what each does with a chance."""
    if share >= 1 or not share:
        return count if share else 0
    scale, found, trial = 1 / math.log1p(-share), 0, -1
    while True:
        trial += 1 + int(math.log(1 - random.random()) * scale)
        if trial >= count:
            return found
        found += 1


def _pick(totals: list[float], chance: float, amounts: Sequence[int], random: Random) -> None:
    """Add to every total what those of one chance bring, going from one winner to the next.

    All draws are one row of trials; between two winners there are as many losers as a geometric number.
    Where a win is likelier than not the losers are taken away.
    """
    many, sign = len(amounts), 1
    if chance > 0.5:  # noqa: PLR2004 (likelier than not)
        chance, sign, whole = 1 - chance, -1, sum(amounts)
        totals[:] = [total + whole for total in totals]
    if chance <= 0:
        return
    scale, last, draw, log = 1 / math.log1p(-chance), many * len(totals), random.random, math.log
    trial = int(log(1 - draw()) * scale)
    while trial < last:
        totals[trial // many] += sign * amounts[trial % many]
        trial += 1 + int(log(1 - draw()) * scale)
