"""Who went from where to where: the transition matrix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial

import attrs

from funnelkit.analytics import rolled
from funnelkit.analytics.carried import CELLS, born, cells, filtered, kept_apart
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["Transition", "Transitions", "transitions"]


@attrs.frozen(kw_only=True)
class Transition(Row):
    """A pair of places.

    Attributes:
        source: The place left; empty for a creation, ``pipeline/stage`` for a place elsewhere.
        target: The place entered, written the same way.
        count: Moves, repeated ones too.
        records: Distinct records that made them. Read on first use.
        share: Of all moves out of ``source``. Moves of one record hang together, so with many
            repeats the interval is narrower than it should be.
    """

    source: str
    target: str
    count: int
    share: Rate
    _records: Callable[[], int] = attrs.field(alias="records", eq=False, repr=False)

    @property
    def records(self) -> int:
        """Distinct records that made these moves."""
        return self._records()

    def values(self) -> dict[str, object]:
        """Return the columns in the order in which they are shown."""
        names = ("group", "source", "target", "count", "records", "share")
        return {name: getattr(self, name) for name in names}


class Transitions(Result[Transition]):
    """The matrix, one row a pair. A cell for `ids`: ``ids("new", "proposal")``."""


def transitions(source: Source, scope: Scope) -> Transitions:
    """Count the moves of every pair of places."""
    counted = _counted(source, scope)
    records = cache(partial(_records, source, scope))
    out: dict[tuple[str, str], int] = defaultdict(int)
    for (key, start, _), moves in counted.items():
        out[key, start] += moves
    order = {place: n for n, place in enumerate(("", *scope.shape.places, "lost"))}
    behind = len(order)
    rows = [
        Transition(
            group=scope.group_of(key),
            source=start,
            target=end,
            count=moves,
            records=partial(_record_count, records, (key, start, end)),
            share=Rate.of(moves, out[key, start]),
        )
        for (key, start, end), moves in sorted(
            counted.items(),
            key=lambda cell: (
                cell[0][0],
                *((order.get(place, behind), place) for place in cell[0][1:]),
            ),
        )
    ]
    about = scope.about(
        "transitions",
        "every move",
        sentence="moves from one place to another, creations, closings and reopenings too, each time they "
        "happened; grouped by owner, a record can be among the records of several",
        population="records that were ever in the pipeline by then, without void ones",
        time_axis="the creation of the record",
        formula="share = n_jk / sum over k of n_jk",
    )
    return Transitions(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


Cell = tuple[str, str, str]
"""Key of the group, and the two places."""


def _counted(source: Source, scope: Scope) -> dict[Cell, int]:
    """Return how many moves each pair of places has."""
    if scope.custom or scope.column not in (None, *CELLS):
        return {cell: moves for cell, (moves, _) in _matrix(source, scope).items()}
    said = scope.slots()
    slots = {"group": said["group"], "born": born(scope) + filtered(scope), "cells": cells(scope)}
    slots |= kept_apart(source)
    own, found = scope.shape.pipeline, rolled.moves(source, scope)
    if found is None:
        found = rows_of(source, compose("flow/moves", **slots), scope.params())
    return {
        (key, _place(own, from_pipeline, left), _place(own, to_pipeline, entered)): moves
        for key, from_pipeline, left, to_pipeline, entered, moves in found
        if moves
    }


def _records(source: Source, scope: Scope) -> dict[Cell, int]:
    return {cell: records for cell, (_, records) in _matrix(source, scope).items()}


def _record_count(records: Callable[[], dict[Cell, int]], cell: Cell) -> int:
    return records()[cell]


def _matrix(source: Source, scope: Scope) -> dict[Cell, tuple[int, int]]:
    """Return moves and distinct records of each pair of places: many times slower than moves alone."""
    own = scope.shape.pipeline
    sql = compose("flow/transitions", **scope.slots(), tail="{matrix}")
    return {
        (key, _place(own, from_pipeline, left), _place(own, to_pipeline, entered)): (moves, records)
        for key, from_pipeline, left, to_pipeline, entered, moves, records in rows_of(
            source, sql, scope.params()
        )
    }


def _place(own: str, pipeline: str, place: str) -> str:
    return place if pipeline == own or not place else f"{pipeline}/{place}"


def _ids(source: Source, scope: Scope, left: str, entered: str, *, group: Group = None) -> list[str]:
    own = scope.shape.pipeline
    from_pipeline, _, from_place = left.rpartition("/")
    to_pipeline, _, to_place = entered.rpartition("/")
    params = scope.params() | {
        "from_pipeline": from_pipeline or own,
        "from_place": from_place,
        "to_pipeline": to_pipeline or own,
        "to_place": to_place,
        "key": scope.key_of(group),
    }
    where = (
        "source_pipeline = :from_pipeline AND source = :from_place "
        "AND pipeline = :to_pipeline AND target = :to_place AND grp = :key"
    )
    sql = compose("flow/transitions", **scope.slots(), tail="{ids}", cell="pairs", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
