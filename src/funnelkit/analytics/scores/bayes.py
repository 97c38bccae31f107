"""Naive Bayes over what records have in common, for records that got equally far.

Only records that were on the same stage are compared, so no stage stands for "all records", and what
is looked at is what was known when they came to that stage: what a deal learned on its way to being
won cannot help to foretell it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import attrs

__all__ = ["Bayes", "Example", "Weighed", "bayes"]


@attrs.frozen
class Example:
    """So many records (their weight; old ones may weigh less) with these values that ended so."""

    values: tuple[str, ...]
    won: float
    lost: float


@attrs.frozen
class Weighed:
    """One value of one feature.

    Attributes:
        feature, value: Which.
        won, lost: Weights of the closed records that had it.
        bits: How much it speaks for a win: +1 doubles the odds, -1 halves them.
    """

    feature: str
    value: str
    won: float
    lost: float
    bits: float


@attrs.frozen
class Bayes:
    """Odds of a win, and what each value multiplies them by.

    Attributes:
        features: Their names.
        won, lost: All weights.
        table: (feature, value) → won and lost.
    """

    features: tuple[str, ...]
    won: float
    lost: float
    table: Mapping[tuple[str, str], tuple[float, float]]

    def weigh(self, values: Sequence[str]) -> list[Weighed]:
        """Return what each value of a record says.

        The ratio is of (won + 1) / (all won + k) to the same of lost, k being the number of values of the
        feature (Laplace's rule), so a value that was never seen says nothing of itself.
        """
        said = []
        for feature, value in zip(self.features, values, strict=True):
            kinds = max(1, sum(name == feature for name, _ in self.table))
            won, lost = self.table.get((feature, value), (0.0, 0.0))
            if won + lost:
                ratio = (won + 1) / (self.won + kinds) / ((lost + 1) / (self.lost + kinds))
                said.append(Weighed(feature, value, won, lost, math.log2(ratio)))
            else:
                said.append(Weighed(feature, value, 0.0, 0.0, 0.0))
        return said

    def chance(self, values: Sequence[str]) -> float:
        """Return the chance of a win, strictly between 0 and 1."""
        bits = math.log2((self.won + 1) / (self.lost + 1)) + math.fsum(one.bits for one in self.weigh(values))
        return 1 / (1 + 2 ** -min(max(bits, -50), 50))


def bayes(features: tuple[str, ...], examples: Iterable[Example]) -> Bayes:
    """Count examples.

    >>> past = [Example(("web",), 30, 10), Example(("fair",), 10, 30)]
    >>> model = bayes(("source",), past)
    >>> round(model.chance(("web",)), 3), round(model.chance(("fair",)), 3), model.chance(("mail",))
    (0.738, 0.262, 0.5)
    """
    won = lost = 0.0
    table: dict[tuple[str, str], tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for example in examples:
        won += example.won
        lost += example.lost
        for pair in zip(features, example.values, strict=True):
            before = table[pair]
            table[pair] = before[0] + example.won, before[1] + example.lost
    return Bayes(features, won, lost, dict(table))
