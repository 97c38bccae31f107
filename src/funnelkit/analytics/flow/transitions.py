"""Who went from where to where: the transition matrix."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import attrs

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
        records: Distinct records that made them.
        share: Of all moves out of ``source``. Moves of one record hang together, so with many
            repeats the interval is narrower than it should be.
    """

    source: str
    target: str
    count: int
    records: int
    share: Rate


class Transitions(Result[Transition]):
    """The matrix, one row a pair. A cell for `ids`: ``ids("new", "proposal")``."""


def transitions(source: Source, scope: Scope) -> Transitions:
    """Count the moves of every pair of places."""
    own = scope.shape.pipeline
    cells: dict[tuple[str, str, str], tuple[int, int]] = {}
    out: dict[tuple[str, str], int] = defaultdict(int)
    sql = compose("flow/transitions", **scope.slots(), tail="{matrix}")
    for key, from_pipeline, left, to_pipeline, entered, moves, records in rows_of(
        source, sql, scope.params()
    ):
        start, end = _place(own, from_pipeline, left), _place(own, to_pipeline, entered)
        cells[key, start, end] = moves, records
        out[key, start] += moves
    order = {place: n for n, place in enumerate(("", *scope.shape.places, "lost"))}
    behind = len(order)
    rows = [
        Transition(
            group=scope.group_of(key),
            source=start,
            target=end,
            count=moves,
            records=records,
            share=Rate.of(moves, out[key, start]),
        )
        for (key, start, end), (moves, records) in sorted(
            cells.items(),
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
    )
    return Transitions(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


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
