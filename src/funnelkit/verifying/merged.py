"""Records that stand for others: who was replaced and who absorbed must name each other.

A merge leaves a trace on both sides: ``replaced_by`` of the one names the survivor, whose ``absorbed``
lists it, and all that it had absorbed itself. An undone conversion leaves one side only: what it had
made is replaced by the lead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from funnelkit.records import Record
from funnelkit.sql import in_list, in_parts
from funnelkit.storage import scanning
from funnelkit.storage.base import AsyncStore, Kind
from funnelkit.verifying.findings import Finding, differing

__all__ = ["merged"]


class _Sides(NamedTuple):
    """What a record says of the records that it was merged with."""

    replaced_by: str
    absorbed: tuple[object, ...]


_NOBODY = _Sides("", ())


async def merged(store: AsyncStore, kind: Kind, records: Sequence[Record]) -> list[Finding]:
    """Return where records of a kind and those that they were merged with do not name each other."""
    if not any(record.replaced_by or record.absorbed for record in records):
        return []
    known = {record.id: _Sides(record.replaced_by, record.absorbed) for record in records}
    await _look_up(store, kind, {id for record in records for id in record.absorbed}, known)
    while ahead := {sides.replaced_by for sides in known.values()} - known.keys() - {""}:
        await _look_up(store, kind, ahead, known)
    leads: dict[str, _Sides] = {}
    if kind != "lead":
        await _look_up(store, "lead", {record.replaced_by for record in records} - {""}, leads)
    findings: list[Finding] = []
    for record in records:
        findings += differing(record.id, 0, dict(_says(record, known, leads)))
    return findings


def _says(
    record: Record, known: Mapping[str, _Sides], leads: Mapping[str, _Sides]
) -> Iterable[tuple[str, tuple[object, object]]]:
    """Yield what does not fit of a record: field, stored, recomputed."""
    by = record.replaced_by
    if by and record.id not in known[by].absorbed and leads.get(by, _NOBODY) is _NOBODY:
        yield "replaced_by", (by, "a record that absorbed it, or the lead that it came of")
    elif by and _in_a_circle(record.id, known):
        yield "replaced_by", (by, "a record that stands for itself in the end")
    for id in record.absorbed:
        if record.id not in _way_from(id, known):
            yield f"replaced_by of {id}, which it absorbed,", (known[id].replaced_by, record.id)
    through = {id for each in record.absorbed if isinstance(each, str) for id in known[each].absorbed}
    if missing := sorted(map(str, through - {*record.absorbed, record.id})):
        yield "absorbed", (record.absorbed, f"these, too: {', '.join(missing)}")


def _way_from(id: str, known: Mapping[str, _Sides]) -> list[str]:
    """Return who stands for a record, then who stands for that one, and so on."""
    way: list[str] = []
    while (id := known[id].replaced_by) and id not in way:
        way.append(id)
    return way


def _in_a_circle(id: str, known: Mapping[str, _Sides]) -> bool:
    return id in _way_from(id, known)


async def _look_up(store: AsyncStore, kind: Kind, ids: Iterable[str], known: dict[str, _Sides]) -> None:
    """Note what records say by their ids, where that is not known; nothing of those that are not there."""
    wanted = sorted({*ids} - known.keys())
    known.update(dict.fromkeys(wanted, _NOBODY))
    for part in in_parts(wanted):
        names, params = in_list(part)
        for id, replaced_by, absorbed in await store.query(scanning.sides_of(kind, names), params):
            known[id] = _Sides(replaced_by if isinstance(replaced_by, str) else "", _listed(absorbed))


def _listed(text: object) -> tuple[object, ...]:
    """Return the ids in a column; none where it cannot be read, which is a finding of its own."""
    try:
        return tuple(json.loads(text)) if text and isinstance(text, str) else ()
    except (ValueError, TypeError, RecursionError):
        return ()
