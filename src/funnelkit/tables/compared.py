"""What a row says of a record that is there: which blanks it fills, and what the record keeps. Pure."""

from __future__ import annotations

from typing import Any

from funnelkit.clients.fields import blank
from funnelkit.inputs import custom_values
from funnelkit.keys.normal import email_key
from funnelkit.keys.phones import phone_key
from funnelkit.records import Deal, FrozenMapping, Lead, Record
from funnelkit.tables.known_records import Run
from funnelkit.tables.report import Kept

__all__ = ["HISTORY", "compared"]

HISTORY = frozenset(
    ("stage", "outcome", "reason", "note", "closed_at", "closed_by", "created_at", "entered_at", "pipeline")
)
"""What a row says of a record's past. Once a record is there, its ledger knows better."""


def compared(run: Run, record: Record, fields: dict[str, Any]) -> tuple[dict[str, Any], list[Kept]]:
    """Return field → value for every blank that a row fills, and what it says otherwise."""
    new: dict[str, Any] = {}
    kept: list[Kept] = []
    for field, value in fields.items():
        if field == "custom":
            _custom(record, value, new, kept)
        elif field not in HISTORY and not blank(value):
            here = getattr(record, field)
            if blank(here):
                new[field] = value
            elif here != value and not _alike(run, field, here, value):
                kept.append(Kept(field, here, value))
    if isinstance(record, Lead | Deal):
        place = fields.get("outcome") or fields.get("stage")
        if place and place != record.place:
            kept.append(Kept("place", record.place, place))
    return new, kept


def _custom(record: Record, said: Any, new: dict[str, Any], kept: list[Kept]) -> None:
    filled = dict(record.custom)
    for name, value in custom_values(said).items():
        here = filled.get(name)
        if blank(here):
            if not blank(value):
                filled[name] = value
        elif FrozenMapping({"": here}) != FrozenMapping({"": value}):
            kept.append(Kept(f"custom.{name}", here, value))
    if filled != record.custom:
        new["custom"] = FrozenMapping(filled)


def _alike(run: Run, field: str, here: str, there: str) -> bool:
    """Whether two spellings of an address or a number are one."""
    policy = run.shell.business.keys
    if field == "email":
        return bool(key := email_key(here, policy.aliases)) and key == email_key(there, policy.aliases)
    if field == "phone":
        return bool(key := phone_key(here, policy.region)) and key == phone_key(there, policy.region)
    return False
