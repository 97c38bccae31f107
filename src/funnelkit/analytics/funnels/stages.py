"""Two more ways to look at stages: how often records came there, and who went on to the very next one.

The first is a ratio of entries and can be above one, so it is no rate and has no interval.
"""

from __future__ import annotations

from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["DirectMove", "DirectMoves", "Entries", "EntriesRow", "direct_moves", "entries"]

_LIVING = "records created in or moved into the pipeline by then, without void ones"


@attrs.frozen(kw_only=True)
class EntriesRow(Row):
    """How often records came to one place.

    Attributes:
        entries: Every time, creations and returns too.
        records: Distinct records.
        ratio: Entries by those of the place before: above 1 where records come back. None for the first
            place, and after a place without entries.
    """

    stage: str
    label: str
    entries: int
    records: int
    ratio: float | None


class Entries(Result[EntriesRow]):
    """Entries by place. A cell for `ids`: ``ids("offer")``."""


@attrs.frozen(kw_only=True)
class DirectMove(Row):
    """Who went from a stage straight to the next.

    Attributes:
        visited: Records that were ever on the stage.
        direct: Those of them that ever went from it to the very next stage of its time; from the last
            stage, those that won there.
        rate: The one of the other; who skipped a stage counts against.
    """

    stage: str
    label: str
    visited: int
    direct: int
    rate: Rate


class DirectMoves(Result[DirectMove]):
    """Direct moves by stage. Cells for `ids`: ``ids("offer", "visited")``, ``ids("offer", "direct")``."""


def entries(source: Source, scope: Scope) -> Entries:
    """Count the entries into every place."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    text = compose("funnels/entries", **_slots(scope), tail="{entered}")
    for key, stage, times, records in rows_of(source, text, scope.params()):
        found[key, stage] = times, records
    rows = []
    for key in sorted({key for key, _ in found}) if scope.column else [""]:
        before = 0
        for stage in scope.shape.places:
            times, records = found.get((key, stage), (0, 0))
            rows.append(
                EntriesRow(
                    group=scope.group_of(key),
                    stage=stage,
                    label=scope.shape.label(stage),
                    entries=times,
                    records=records,
                    ratio=times / before if before else None,
                )
            )
            before = times
    about = scope.about(
        "funnel",
        "entries",
        sentence="every time that a record came to a stage counts; a win counts while it stands; the ratio "
        "is to the entries of the place before, and can be above one",
        population=_LIVING,
        time_axis="the creation of the record",
        formula="ratio = entries / entries of the place before",
    )
    return Entries(about=about, rows=tuple(rows), ids=partial(_entries_ids, source, scope))


def _entries_ids(source: Source, scope: Scope, stage: str, *, group: Group = None) -> list[str]:
    check_cell("stage", stage, scope.shape.places)
    params = scope.params() | {"stage": stage, "key": scope.key_of(group)}
    where = "stage = :stage AND grp = :key"
    sql = compose("funnels/entries", **_slots(scope), tail="{ids}", cell="visits", where=where)
    return [record for (record,) in rows_of(source, sql, params)]


def direct_moves(source: Source, scope: Scope) -> DirectMoves:
    """Count who went from each stage straight to the next."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    params = scope.params() | {"last_stage": scope.shape.places[-2]}
    for key, stage, visited, direct in rows_of(
        source, compose("funnels/direct", **_slots(scope), tail="{went}"), params
    ):
        found[key, stage] = visited, direct
    rows = [
        DirectMove(
            group=scope.group_of(key),
            stage=stage,
            label=scope.shape.label(stage),
            visited=visited,
            direct=direct,
            rate=Rate.of(direct, visited, "nobody was here"),
        )
        for key in (sorted({key for key, _ in found}) if scope.column else [""])
        for stage in scope.shape.places[:-1]
        for visited, direct in [found.get((key, stage), (0, 0))]
    ]
    about = scope.about(
        "funnel",
        "direct moves",
        sentence="of the records that were ever on a stage, those that ever went from it to the very next "
        "one; grouped by the value with which they first came there",
        population=_LIVING,
        time_axis="the creation of the record",
        formula="rate = direct / visited; interval: Wilson 1927",
    )
    return DirectMoves(about=about, rows=tuple(rows), ids=partial(_direct_ids, source, scope))


def _direct_ids(source: Source, scope: Scope, stage: str, which: str, *, group: Group = None) -> list[str]:
    columns = {"visited": "went >= 0", "direct": "went = 1"}
    check_cell("stage", stage, scope.shape.places[:-1])
    check_cell("column", which, columns)
    params = scope.params() | {
        "stage": stage,
        "key": scope.key_of(group),
        "last_stage": scope.shape.places[-2],
    }
    where = f"stage = :stage AND grp = :key AND {columns[which]}"
    sql = compose("funnels/direct", **_slots(scope), tail="{ids}", cell="visitors", where=where)
    return [record for (record,) in rows_of(source, sql, params)]


def _slots(scope: Scope) -> dict[str, str]:
    return scope.slots() | {"unit": "''"}
