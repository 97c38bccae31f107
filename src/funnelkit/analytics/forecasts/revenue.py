"""What a set of open deals may bring, in one currency: totals drawn by chance, with a stated error.

Many small deals add up to a normal number, and the theorem of Berry and Esseen says how nearly. They are
drawn at once; whoever is too large for that is drawn one by one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random

import attrs

from funnelkit.analytics.forecasts.distribution import Counts

__all__ = ["Sample", "Worths", "new_totals", "nothing", "open_totals", "rounds"]

NORMAL = 0.005
"""So far from normal, in probability, may the sum of the small deals be."""

_ESSEEN = 0.56
_PICKS = 3_000_000
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


def rounds(wins: float, draws: int) -> int:
    """Return how many draws are made where each has so many wins: fewer than asked for if it is too many."""
    return draws if wins * draws <= _PICKS else max(min(draws, _FEWEST), int(_PICKS / wins))


def open_totals(deals: Iterable[tuple[float, int]], draws: int, random: Random) -> Sample:
    """Draw totals of ``(chance, minor units)``.

    Sums of independent numbers are normal to within 0.56 · Σ E|x − Ex|³ / (Σ var x)^1.5 in any probability.
    The deals are taken from the smallest on while that stays below `NORMAL`, and drawn as one.

    Source: I. Shevtsova, An improvement of convergence rate estimates in the Lyapunov theorem, 2010.
    """
    order = sorted(deals, key=lambda deal: (abs(deal[1]), deal))
    cut, mean, variance, bound = _small(order)
    totals = [0.0] * draws
    if cut:
        deviation = math.sqrt(variance)
        totals = [random.gauss(mean, deviation) for _ in range(draws)]
    cells: dict[float, list[int]] = defaultdict(list)
    for chance, amount in order[cut:]:
        cells[chance].append(amount)
    for chance in sorted(cells):
        _pick(totals, chance, cells[chance], random)
    expected = math.fsum(chance * amount for chance, amount in order)
    return Sample([round(total) for total in totals], expected, bound)


def new_totals(number: Counts, worths: Worths, draws: int, random: Random) -> Sample:
    """Draw totals of a random number of wins, each worth what some win was worth before."""
    wins = sum(count for _, count in worths)
    if not wins or not number.mean:
        return nothing(draws)
    mean = math.fsum(amount * count for amount, count in worths) / wins
    moments = [math.fsum(abs(a - mean) ** power * n for a, n in worths) / wins for power in (2, 3)]
    near = _ESSEEN * moments[1] / moments[0] ** 1.5 if moments[0] else 0.0
    amounts = [amount for amount, _ in worths]
    weights = [count for _, count in worths]
    ranks = range(number.first, number.last + 1)
    totals, worst = [], 0.0
    for count in random.choices(ranks, [mass / 2**96 for mass in number.masses], k=draws):
        if count and near / math.sqrt(count) <= NORMAL:
            totals.append(round(random.gauss(count * mean, math.sqrt(count * moments[0]))))
            worst = max(worst, near / math.sqrt(count))
        else:
            totals.append(sum(random.choices(amounts, weights, k=count)))
    return Sample(totals, number.mean * mean, worst)


def _small(order: Sequence[tuple[float, int]]) -> tuple[int, float, float, float]:
    """Return how many of the smallest deals are drawn as one, their mean and variance, and the error."""
    best = (0, 0.0, 0.0, 0.0)
    mean = variance = third = 0.0
    for n, (chance, amount) in enumerate(order, 1):
        spread = chance * (1 - chance) * amount * amount
        mean += chance * amount
        variance += spread
        third += spread * abs(amount) * (chance * chance + (1 - chance) * (1 - chance))
        if variance and _ESSEEN * third <= NORMAL * variance**1.5:
            best = (n, mean, variance, _ESSEEN * third / variance**1.5)
    return best


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
