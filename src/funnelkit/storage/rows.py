"""Records as rows and back: the one place that knows the columns of ``schema.sql``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any, cast

import attrs

from funnelkit import changes as _changes
from funnelkit.changes import Change
from funnelkit.clock import from_us, to_us
from funnelkit.money import Money
from funnelkit.records import (
    NOTHING,
    Activity,
    Close,
    Company,
    Contact,
    Deal,
    FrozenMapping,
    Lead,
    Move,
    PipelineRecord,
    Record,
)
from funnelkit.storage.base import Answer, Attribute, Kind, kind_of

Row = tuple[Any, ...]

_PLACED = (
    "id version pipeline stage visited moves name owner amount currency probability expected_close "
    "lead_source campaign created_us entered_us updated_us outcome close_reason close_reason_text "
    "close_note closed_us closed_by custom"
)
_PARTY = "id version name owner lead_source created_us updated_us custom"

COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(names.split())
    for table, names in {
        "deal": f"{_PLACED} contact company lead",
        "lead": f"{_PLACED} company_name email phone contact company deal",
        "contact": f"{_PARTY} email phone company",
        "company": _PARTY,
        "activity": "id record_id kind content pipeline stage step done_us done_by roles custom",
        "move": (
            "record_id seq pipeline source_pipeline fingerprint moved_us source target direction since_us "
            "first_visit furthest_before furthest_after created_us actor cause reason reason_text note "
            "overruled owner amount currency probability lead_source campaign act_key"
        ),
        "attribute": "record_id field_name field_value amount since_us",
        "change": "change_type record_id version happened_us actor body",
        "idempotency": "act_key request answer",
        "definition": "fingerprint pipeline document",
    }.items()
}
"""Table → its columns, in the order of the rows made here (``position`` columns are the store's own)."""


_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=dict).encode
_quoted = json.encoder.encode_basestring  # text as JSON, without the set-up of an encoder


def _custom(value: FrozenMapping) -> str:
    return _json(value) if value else "{}"


def _custom_back(document: str) -> FrozenMapping:
    return NOTHING if document == "{}" else FrozenMapping(json.loads(document))


def _placed_row(record: PipelineRecord) -> Row:
    value, close = record.value, record.close
    return (
        record.id,
        record.version,
        record.pipeline,
        record.stage,
        " ".join(record.visited),
        record.moves,
        record.name,
        record.owner,
        value.minor if value else 0,
        value.currency if value else "",
        record.probability,
        record.expected_close.isoformat() if record.expected_close else "",
        record.source,
        record.campaign,
        to_us(record.created_at),
        to_us(record.entered_at),
        to_us(record.updated_at),
        *(
            (close.outcome, close.reason, close.reason_text, close.note, to_us(close.at), close.by)
            if close
            else _OPEN
        ),
        _custom(record.custom),
    )


_OPEN: Row = ("", "", "", "", None, "")


def _placed_fields(row: Row) -> dict[str, Any]:
    return {
        "id": row[0],
        "version": row[1],
        "pipeline": row[2],
        "stage": row[3],
        "visited": tuple(row[4].split()),
        "moves": row[5],
        "name": row[6],
        "owner": row[7],
        "value": Money(row[8], row[9]) if row[9] else None,
        "probability": row[10],
        "expected_close": date.fromisoformat(row[11]) if row[11] else None,
        "source": row[12],
        "campaign": row[13],
        "created_at": from_us(row[14]),
        "entered_at": from_us(row[15]),
        "updated_at": from_us(row[16]),
        "close": Close(
            outcome=row[17],
            reason=row[18],
            reason_text=row[19],
            note=row[20],
            at=from_us(row[21]),
            by=row[22],
        )
        if row[17]
        else None,
        "custom": _custom_back(row[23]),
    }


def _deal_row(deal: Deal) -> Row:
    return (*_placed_row(deal), deal.contact, deal.company, deal.lead)


def _deal(row: Row) -> Deal:
    fields = _placed_fields(row)
    fields["contact"], fields["company"], fields["lead"] = row[24], row[25], row[26]
    return Deal(**fields)


def _lead_row(lead: Lead) -> Row:
    return (
        *_placed_row(lead),
        lead.company_name,
        lead.email,
        lead.phone,
        lead.contact,
        lead.company,
        lead.deal,
    )


def _lead(row: Row) -> Lead:
    names = COLUMNS["lead"][24:]
    return Lead(**_placed_fields(row), **dict(zip(names, row[24:], strict=True)))


def _party_row(party: Contact | Company) -> Row:
    return (
        party.id,
        party.version,
        party.name,
        party.owner,
        party.source,
        to_us(party.created_at),
        to_us(party.updated_at),
        _custom(party.custom),
    )


def _party_fields(row: Row) -> dict[str, Any]:
    return {
        "id": row[0],
        "version": row[1],
        "name": row[2],
        "owner": row[3],
        "source": row[4],
        "created_at": from_us(row[5]),
        "updated_at": from_us(row[6]),
        "custom": _custom_back(row[7]),
    }


def _contact_row(contact: Contact) -> Row:
    return (*_party_row(contact), contact.email, contact.phone, contact.company)


def _contact(row: Row) -> Contact:
    return Contact(**_party_fields(row), email=row[8], phone=row[9], company=row[10])


def _company(row: Row) -> Company:
    return Company(**_party_fields(row))


_TO_ROW: dict[str, Callable[[Any], Row]] = {
    "deal": _deal_row,
    "lead": _lead_row,
    "contact": _contact_row,
    "company": _party_row,
}
_FROM_ROW: dict[str, Callable[[Row], Record]] = {
    "deal": _deal,
    "lead": _lead,
    "contact": _contact,
    "company": _company,
}


def record_row(kind: Kind, record: Record) -> Row:
    """Return a record as a row of ``COLUMNS[kind]``."""
    return _TO_ROW[kind](record)


def record_of(kind: Kind, row: Row) -> Record:
    """Return the record of a row of ``COLUMNS[kind]``."""
    return _FROM_ROW[kind](row)


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
        _json(activity.roles),
        _custom(activity.custom),
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
        custom=_custom_back(row[10]),
    )


def attribute_row(attribute: Attribute) -> Row:
    """Return a field value as a row of ``COLUMNS["attribute"]``."""
    return (attribute.record, attribute.field, attribute.value, attribute.amount, to_us(attribute.since))


def attribute_of(row: Row) -> Attribute:
    """Return the field value of a row of ``COLUMNS["attribute"]``."""
    return Attribute(record=row[0], field=row[1], value=row[2], amount=row[3], since=from_us(row[4]))


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
    body = [f'"{name}":{_encoded(getattr(change, name))}' for name in _OWN_FIELDS[type(change)]]
    return (
        type(change).__name__,
        change.record,
        change.version,
        to_us(change.at),
        change.actor,
        f"{{{','.join(body)}}}",
    )


def _encoded(value: Any) -> str:
    return _quoted(value) if value.__class__ is str else _json(value)


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
    return (answer.key, answer.request, _json(rows))


def _row_of(record: Record) -> Row:
    return record_row(kind_of(record), record)


def answer_of(row: Row) -> Answer:
    """Return the answer of a row of ``COLUMNS["idempotency"]``."""
    return Answer(
        key=row[0],
        request=row[1],
        records=tuple(
            activity_of(tuple(values)) if kind == "activity" else record_of(cast("Kind", kind), tuple(values))
            for kind, values in json.loads(row[2])
        ),
    )
