"""Stays counted, and exact quantiles found, through an index of stays in the order of how long they lasted.

Nothing is sorted, and no stay is looked up: one walk through the index counts the stays by bins. For a
quantile these are the wider the longer the stays lasted, and the bin in which the wanted rank lies is
counted again by ever narrower ones, until what is left is one duration. Stays of records that are void are
in the index, too. They are few: how long they lasted is read once, and taken off each count.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import attrs

from funnelkit.analytics.carried import born
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.analytics.times.ages import Ages, Ended

__all__ = ["ended_by_age", "ended_in_order", "keeps_order"]

_FIRST = "lasted_us + MAX(0, MIN(lasted_us / 64, 86400000000))"
"""How far the first bins go: a 64th of how long the shortest of their stays lasted, a day at most."""

_PARTS = 1000
"""Into how many a bin is taken apart."""

_ALL = {"above": -(2**63), "most": 2**63 - 1}


class Bin(NamedTuple):
    """The stays that lasted from as short to as long as some that did.

    Attributes:
        upto_us: How far the bin goes.
        measured: How many they are, or a sum over them; with those that are void as of then.
        void: How long those lasted.
    """

    shortest_us: int
    longest_us: int
    upto_us: int
    measured: int
    void: Sequence[int]

    @property
    def stays(self) -> int:
        """How many count, where they were counted."""
        return self.measured - len(self.void)


@attrs.frozen
class InOrder:
    """What is read: all stays by stage, and how long the void ones lasted."""

    source: Source
    scope: Scope
    void: Mapping[str, Sequence[int]]

    def bins(
        self, stage: str, upto: str, limits: Mapping[str, int | str], measure: str = "COUNT(*)"
    ) -> list[Bin]:
        """Return the bins on a stage that go ``upto`` there."""
        text = compose("times/bins", upto=upto, measure=measure, born=born(self.scope))
        void = self.void.get(stage, ())
        return [
            Bin(low, high, end, found or 0, void[bisect_left(void, low) : bisect_right(void, high)])
            for low, high, end, found in rows_of(
                self.source, text, {**self.scope.params(), **limits, "stage": stage}
            )
        ]


def keeps_order(source: Source, scope: Scope) -> bool:
    """Whether a source keeps in order just those stays that are asked for."""
    return scope.is_plain and getattr(source, "sorted_stays", False)


def ended_by_age(source: Source, scope: Scope, ages: Ages) -> Iterator[tuple[str, int, int, int]]:
    """Yield stage, age, how many stays ended at it, and by how much it is too long for all of them together.

    Args:
        source: One that is `SortedStays`.
        scope: A plain one.
        ages: How finely.
    """
    read = InOrder(source, scope, _void(source, scope))
    limits = {**_ALL, **ages.params()}
    for stage in scope.shape.places[:-1]:
        over = {
            bin.upto_us: bin.measured - sum(bin.upto_us - lasted for lasted in bin.void)
            for bin in read.bins(stage, "{age}", limits, "SUM({age} - (m.moved_us - m.since_us))")
        }
        for bin in read.bins(stage, "{age}", limits):
            if bin.stays > 0:
                yield stage, bin.upto_us, bin.stays, over.get(bin.upto_us, 0)


def ended_in_order(source: Source, scope: Scope) -> Ended:
    """Return what is known of the stays that ended; of each stage it is read when somebody asks.

    Args:
        source: One that is `SortedStays`.
        scope: A plain one.
    """
    read = cache(lambda: InOrder(source, scope, _void(source, scope)))
    first = cache(lambda stage: [bin for bin in read().bins(stage, _FIRST, _ALL) if bin.stays > 0])
    return Ended(
        closed=lambda cell: sum(bin.stays for bin in first(cell[1])),
        quantile=cache(lambda cell, percent: _quantile(read(), cell[1], first(cell[1]), percent)),
    )


def _quantile(read: InOrder, stage: str, bins: Sequence[Bin], percent: int) -> int | None:
    """Return the duration of nearest rank, from the first bins of a stage."""
    rank, found = -(-percent * sum(bin.stays for bin in bins) // 100), None
    while bins:
        bin, rank = _located(bins, rank)
        found, width = bin.longest_us, bin.longest_us - bin.shortest_us
        if not width:
            break
        within = {"above": bin.shortest_us - 1, "most": bin.longest_us, "width": width // _PARTS}
        bins = [bin for bin in read.bins(stage, "lasted_us + :width", within) if bin.stays > 0]
    return found


def _located(bins: Sequence[Bin], rank: int) -> tuple[Bin, int]:
    """Return the bin in which a rank lies, and its rank there; the last bin for one that is beyond."""
    for bin in bins:
        if rank <= bin.stays:
            return bin, rank
        rank -= bin.stays
    return bins[-1], bins[-1].stays  # somebody has taken moves away meanwhile


def _void(source: Source, scope: Scope) -> dict[str, Sequence[int]]:
    """Return how long the stays of void records lasted, in order, by stage."""
    stages = scope.shape.places[:-1]
    listed = ", ".join(compose("parts/listed", n=str(n)) for n in range(1, len(stages) + 1))
    text = compose("times/void_stays", listed=listed, born=born(scope))
    (row,) = rows_of(source, text, scope.params())
    return {
        stage: array("q", sorted(map(int, spans.split(",")))) if spans else array("q")
        for stage, spans in zip(stages, row, strict=True)
    }
