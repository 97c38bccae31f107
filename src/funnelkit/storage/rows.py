"""Everything that is stored, as rows and back: what knows the order of `COLUMNS`."""

from __future__ import annotations

import json
from typing import Any, cast

import attrs

from funnelkit import changes as _changes
from funnelkit.changes import Change
from funnelkit.clock import from_us, to_us
from funnelkit.money import Money
from funnelkit.records import Activity, Move, Record
from funnelkit.storage.base import Answer, Attribute, Kind, MatchKey, kind_of
from funnelkit.storage.columns import COLUMNS, Row
from funnelkit.storage.record_rows import custom_of, custom_text, record_of, record_row, to_json

__all__ = [
    "COLUMNS",
    "Row",
    "activity_of",
    "activity_row",
    "answer_of",
    "answer_row",
    "attribute_of",
    "attribute_row",
    "change_of",
    "change_row",
    "match_key_of",
    "match_key_row",
    "move_of",
    "move_row",
    "record_of",
    "record_row",
]

_quoted = json.encoder.encode_basestring  # text as JSON, without the set-up of an encoder


def move_row(move: Move) -> Row:
    """Return a move as a row of ``COLUMNS["move"]``."""
    value, since = move.value, move.since
    return (
        move.record,
        move.seq,
        move.pipeline,
        move.source_pipeline,
        move.fingerprint,
        to_us(move.at),
        move.source,
        move.target,
        move.direction,
        to_us(since) if since is not None else None,
        1 if move.first else 0,
        move.furthest_before,
        move.furthest_after,
        to_us(move.created),
        move.actor,
        move.cause,
        move.reason,
        move.reason_text,
        move.note,
        move.overruled,
        move.owner,
        value.minor if value else 0,
        value.currency if value else "",
        move.probability,
        move.lead_source,
        move.campaign,
        move.key,
        move.seal,
        move.repeat,
    )


def move_of(row: Row) -> Move:
    """Return the move of a row of ``COLUMNS["move"]``."""
    return Move(
        record=row[0],
        seq=row[1],
        pipeline=row[2],
        source_pipeline=row[3],
        fingerprint=row[4],
        at=from_us(row[5]),
        source=row[6],
        target=row[7],
        direction=row[8],
        since=from_us(row[9]) if row[9] is not None else None,
        first=bool(row[10]),
        furthest_before=row[11],
        furthest_after=row[12],
        created=from_us(row[13]),
        actor=row[14],
        cause=row[15],
        reason=row[16],
        reason_text=row[17],
        note=row[18],
        overruled=row[19],
        owner=row[20],
        value=Money(row[21], row[22]) if row[22] else None,
        probability=row[23],
        lead_source=row[24],
        campaign=row[25],
        key=row[26],
        seal=row[27],
        repeat=row[28],
    )


def activity_row(activity: Activity) -> Row:
    """Return an activity as a row of ``COLUMNS["activity"]``."""
    return (
        activity.id,
        activity.record,
        activity.kind,
        activity.text,
        activity.pipeline,
        activity.stage,
        activity.step,
        to_us(activity.at),
        activity.by,
        to_json(activity.roles),
        custom_text(activity.custom),
    )


def activity_of(row: Row) -> Activity:
    """Return the activity of a row of ``COLUMNS["activity"]``."""
    return Activity(
        id=row[0],
        record=row[1],
        kind=row[2],
        text=row[3],
        pipeline=row[4],
        stage=row[5],
        step=row[6],
        at=from_us(row[7]),
        by=row[8],
        roles=tuple(json.loads(row[9])),
        custom=custom_of(row[10]),
    )


def attribute_row(attribute: Attribute) -> Row:
    """Return a field value as a row of ``COLUMNS["attribute"]``."""
    return (attribute.record, attribute.field, attribute.value, attribute.amount, to_us(attribute.since))


def attribute_of(row: Row) -> Attribute:
    """Return the field value of a row of ``COLUMNS["attribute"]``."""
    return Attribute(record=row[0], field=row[1], value=row[2], amount=row[3], since=from_us(row[4]))


def match_key_row(key: MatchKey) -> Row:
    """Return a key to find a client by as a row of ``COLUMNS["match_key"]``."""
    return (key.key, key.kind, key.record)


def match_key_of(row: Row) -> MatchKey:
    """Return the key of a row of ``COLUMNS["match_key"]``."""
    return MatchKey(key=row[0], kind=row[1], record=row[2])


_CHANGE_TYPES: dict[str, type[Change]] = {
    name: getattr(_changes, name) for name in _changes.__all__ if name not in {"Change", "Subscriber"}
}
_COMMON = {field.name for field in attrs.fields(Change)}
_OWN_FIELDS: dict[type[Change], tuple[str, ...]] = {
    change_type: tuple(field.name for field in attrs.fields(change_type) if field.name not in _COMMON)
    for change_type in _CHANGE_TYPES.values()
}


def change_row(change: Change) -> Row:
    """Return a change as a row of ``COLUMNS["change"]``."""
    # In here, for every move has three of them: a call for each costs as much as the text.
    body = [
        f'"{name}":{_quoted(value) if value.__class__ is str else to_json(value)}'
        for name in _OWN_FIELDS[change.__class__]
        for value in (getattr(change, name),)
    ]
    return (
        type(change).__name__,
        change.record,
        change.version,
        to_us(change.at),
        change.actor,
        f"{{{','.join(body)}}}",
    )


def change_of(position: int, row: Row) -> Change:
    """Return the change of a row of ``COLUMNS["change"]`` at a position of the feed."""
    body = json.loads(row[5])
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
    return _CHANGE_TYPES[row[0]](
        record=row[1], version=row[2], at=from_us(row[3]), actor=row[4], position=position, **fields
    )


def answer_row(answer: Answer) -> Row:
    """Return an answer as a row of ``COLUMNS["idempotency"]``; its records as JSON rows."""
    rows = [
        ("activity", activity_row(item)) if isinstance(item, Activity) else (kind_of(item), _row_of(item))
        for item in answer.records
    ]
    return (answer.key, answer.request, to_json(rows))


def _row_of(record: Record) -> Row:
    return record_row(kind_of(record), record)


def answer_of(row: Row) -> Answer:
    """Return the answer of a row of ``COLUMNS["idempotency"]``."""
    return Answer(key=row[0], request=row[1], records=tuple(_answered(*item) for item in json.loads(row[2])))


def _answered(kind: str, values: list[Any]) -> Record | Activity:
    if kind == "activity":
        return activity_of(tuple(values))
    later = COLUMNS[kind][len(values) :]  # columns that were added since the answer was given
    return record_of(cast("Kind", kind), (*values, *("" for _ in later)))
