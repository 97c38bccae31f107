"""Leads, deals, contacts and companies as rows of their tables, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from funnelkit.clock import from_us, to_us
from funnelkit.money import Money
from funnelkit.records import (
    NOTHING,
    Close,
    Company,
    Contact,
    Deal,
    FrozenMapping,
    Lead,
    PipelineRecord,
    Record,
    whole,
)
from funnelkit.storage.base import Kind
from funnelkit.storage.columns import Row

__all__ = ["custom_of", "custom_text", "place_row", "record_of", "record_row", "step_row", "to_json"]

to_json: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=dict
).encode


def custom_text(value: FrozenMapping) -> str:
    """Return custom values as JSON text."""
    return to_json(value) if value else "{}"


def custom_of(document: str) -> FrozenMapping:
    """Return the custom values of JSON text."""
    return NOTHING if document == "{}" else FrozenMapping(json.loads(document))


def _ids_text(ids: tuple[str, ...]) -> str:
    return to_json(ids) if ids else ""


def _ids_of(document: str) -> tuple[str, ...]:
    return tuple(json.loads(document)) if document else ()


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
        *(_close_row(close) if close else _OPEN),
        custom_text(record.custom),
    )


def step_row(record: PipelineRecord) -> Row:
    """Return on which stage a record is as values of ``STEP``."""
    return (
        record.version,
        record.stage,
        " ".join(record.visited),
        record.moves,
        to_us(record.entered_at),
        to_us(record.updated_at),
    )


def place_row(record: PipelineRecord) -> Row:
    """Return where a record is as values of ``PLACE``."""
    return (
        record.version,
        record.pipeline,
        record.stage,
        " ".join(record.visited),
        record.moves,
        to_us(record.entered_at),
        to_us(record.updated_at),
        *(_close_row(record.close) if record.close else _OPEN),
        record.seal,
    )


def _close_row(close: Close) -> Row:
    return (close.outcome, close.reason, close.reason_text, close.note, to_us(close.at), close.by)


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
        "custom": custom_of(row[23]),
    }


def _deal_row(deal: Deal) -> Row:
    return (
        *_placed_row(deal),
        deal.contact,
        deal.company,
        deal.lead,
        deal.seal,
        deal.repeat,
        deal.replaced_by,
        _ids_text(deal.absorbed),
    )


def _deal(row: Row) -> Deal:
    fields = _placed_fields(row)
    fields["contact"], fields["company"], fields["lead"] = row[24:27]
    fields["seal"], fields["repeat"], fields["replaced_by"] = row[27:30]
    fields["absorbed"] = _ids_of(row[30])
    return whole(Deal, fields)


def _lead_row(lead: Lead) -> Row:
    return (
        *_placed_row(lead),
        lead.company_name,
        lead.email,
        lead.phone,
        lead.contact,
        lead.company,
        lead.deal,
        lead.seal,
        lead.repeat,
        lead.replaced_by,
        _ids_text(lead.absorbed),
    )


def _lead(row: Row) -> Lead:
    fields = _placed_fields(row)
    fields["company_name"], fields["email"], fields["phone"] = row[24:27]
    fields["contact"], fields["company"], fields["deal"] = row[27:30]
    fields["seal"], fields["repeat"], fields["replaced_by"] = row[30:33]
    fields["absorbed"] = _ids_of(row[33])
    return whole(Lead, fields)


def _party_row(party: Contact | Company) -> Row:
    return (
        party.id,
        party.version,
        party.name,
        party.owner,
        party.source,
        to_us(party.created_at),
        to_us(party.updated_at),
        custom_text(party.custom),
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
        "custom": custom_of(row[7]),
    }


def _one_of_many(party: Contact | Company) -> Row:
    return (party.replaced_by, _ids_text(party.absorbed))


def _contact_row(contact: Contact) -> Row:
    return (
        *_party_row(contact),
        contact.email,
        contact.phone,
        contact.company,
        *_one_of_many(contact),
        contact.role,
    )


def _contact(row: Row) -> Contact:
    fields = _party_fields(row)
    fields["email"], fields["phone"], fields["company"], fields["replaced_by"] = row[8:12]
    fields["absorbed"], fields["role"] = _ids_of(row[12]), row[13]
    return whole(Contact, fields)


def _company_row(company: Company) -> Row:
    return (*_party_row(company), *_one_of_many(company))


def _company(row: Row) -> Company:
    fields = _party_fields(row)
    fields["replaced_by"], fields["absorbed"] = row[8], _ids_of(row[9])
    return whole(Company, fields)


_TO_ROW: dict[str, Callable[[Any], Row]] = {
    "deal": _deal_row,
    "lead": _lead_row,
    "contact": _contact_row,
    "company": _company_row,
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
