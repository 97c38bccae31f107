"""Exact quantiles out of an index that keeps the stays on each stage in the order of how long they lasted.

Nothing is sorted, and no stay is looked up: one walk through the index counts the stays by bins that are
the wider the longer they lasted, and the bin in which the wanted rank lies is counted again by ever narrower
ones, until what is left is one duration. Stays of records that are void are in the index, too. They are
few: how long they lasted is read once, and taken off each count.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import attrs

from funnelkit.analytics.carried import born
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.analytics.times.ages import Ended

__all__ = ["ended_in_order", "keeps_order"]

_FIRST = "MAX(0, MIN(least_us / 64, 86400000000))"
"""How wide the first bins are: a 64th of how long the stays lasted, a day at most."""

_PARTS = 1000
"""Into how many a bin is taken apart."""

_ALL = (-(2**63), 2**63 - 1)


class Bin(NamedTuple):
    """How many stays count of those that lasted so long; somebody stayed as short and as long as that."""

    least_us: int
    most_us: int
    stays: int


@attrs.frozen
class InOrder:
    """What is read: all stays by stage, and how long those lasted that do not count."""

    source: Source
    scope: Scope
    void: Mapping[str, Sequence[int]]

    def bins(self, stage: str, width: str, limits: tuple[int, int], by: int = 0) -> list[Bin]:
        """Count the stays on a stage that lasted longer than one limit, up to the other."""
        above, upto = limits
        text = compose("times/bins", width=width, born=born(self.scope))
        params = self.scope.params() | {"stage": stage, "above": above, "upto": upto, "width": by}
        void, found = self.void.get(stage, ()), []
        for least, most, stays in rows_of(self.source, text, params):
            left = stays - (bisect_right(void, most) - bisect_left(void, least))
            if left > 0:
                found.append(Bin(least, most, left))
        return found


def keeps_order(source: Source, scope: Scope) -> bool:
    """Whether a source keeps in order just those stays that are asked for."""
    return scope.is_plain and getattr(source, "sorted_stays", False)


def ended_in_order(source: Source, scope: Scope) -> Ended:
    """Return what is known of the stays that ended; of each stage it is read when somebody asks.

    Args:
        source: One that is `SortedStays`.
        scope: A plain one.
    """
    read = cache(lambda: InOrder(source, scope, _void(source, scope)))
    first = cache(lambda stage: read().bins(stage, _FIRST, _ALL))
    return Ended(
        closed=lambda cell: sum(bin.stays for bin in first(cell[1])),
        quantile=cache(lambda cell, percent: _quantile(read(), cell[1], first(cell[1]), percent)),
    )


def _quantile(read: InOrder, stage: str, bins: Sequence[Bin], percent: int) -> int | None:
    """Return the duration of nearest rank, from the first bins of a stage."""
    rank = -(-percent * sum(bin.stays for bin in bins) // 100)
    bin = None
    while bins:
        bin, rank = _located(bins, rank)
        if bin.least_us == bin.most_us:
            break
        part = (bin.most_us - bin.least_us) // _PARTS
        bins = read.bins(stage, ":width", (bin.least_us - 1, bin.most_us), part)
    return None if bin is None else bin.most_us


def _located(bins: Sequence[Bin], rank: int) -> tuple[Bin, int]:
    """Return the bin in which a rank lies, and its rank there; the last bin for one that is beyond."""
    for bin in bins:
        if rank <= bin.stays:
            return bin, rank
        rank -= bin.stays
    return bins[-1], bins[-1].stays  # somebody has taken moves away meanwhile


def _void(source: Source, scope: Scope) -> dict[str, Sequence[int]]:
    """Return how long the stays of void records lasted, in order, by stage."""
    places = scope.shape.places
    found: dict[str, array[int]] = {place: array("q") for place in places}
    text = compose("times/void_stays", **scope.slots(), born=born(scope))
    for number, lasted in rows_of(source, text, scope.params()):
        found[places[number - 1]].append(lasted)
    return {stage: array("q", sorted(spans)) for stage, spans in found.items()}
