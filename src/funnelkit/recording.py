"""From decisions to one commit: the changes, the field values and the definitions that go with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from funnelkit import changes
from funnelkit.changes import Change
from funnelkit.decide import Decision
from funnelkit.drafts import flat
from funnelkit.money import Money
from funnelkit.records import Company, Contact, Lead, Move, PipelineRecord, Record
from funnelkit.storage.base import Attribute, Commit, Write

__all__ = ["amendment", "birth", "merged", "step"]

_DEAL = {
    "create": changes.DealCreated,
    "won": changes.DealWon,
    "lost": changes.DealLost,
    "void": changes.DealVoided,
    "reopen": changes.DealReopened,
    "transfer": changes.DealTransferred,
}
_LEAD = {
    "create": changes.LeadCaptured,
    "won": changes.LeadConverted,
    "lost": changes.LeadDisqualified,
    "void": changes.LeadVoided,
    "reopen": changes.LeadReopened,
    "transfer": changes.LeadTransferred,
}


def step(decision: Decision, expected: int) -> Commit:
    """Return the commit of a decided move, creation or transfer.

    Args:
        decision: A decision with a move.
        expected: The version the record had; 0 for a new one.
    """
    record, move = decision.record, decision.move
    assert record is not None  # noqa: S101 (a decided yes)
    assert move is not None  # noqa: S101
    word = move.target if move.direction == "close" else move.direction
    change_type = _LEAD.get(word, changes.LeadMoved) if record.__class__ is Lead else _DEAL.get(word, changes.DealMoved)
    change = change_type(
        record=record.id,
        version=record.version,
        at=move.at,
        actor=move.actor,
        source=move.source,
        target=move.target,
        reason=move.reason,
    )
    return Commit(
        writes=(Write(record, expected),),
        moves=(move,),
        changes=(change,),
        attributes=() if expected else custom_attributes(record, {}, move.at),
    )


def birth(party: Contact | Company, actor: str) -> Commit:
    """Return the commit of a new contact or company."""
    change_type = changes.ContactCreated if isinstance(party, Contact) else changes.CompanyCreated
    return Commit(
        writes=(Write(party, 0),),
        changes=(
            change_type(
                record=party.id,
                version=party.version,
                at=party.created_at,
                actor=actor,
                name=party.name,
            ),
        ),
        attributes=custom_attributes(party, {}, party.created_at),
    )


def amendment(before: Record, after: Record, *, actor: str, reason: str, overruled: str) -> Commit:
    """Return the commit of an edit or a hand-over."""
    at = after.updated_at
    attributes = list(custom_attributes(after, before.custom, at))
    common: dict[str, Any] = {
        "record": after.id,
        "version": after.version,
        "at": at,
        "actor": actor,
        "reason": reason,
        "overruled": overruled,
    }
    change: Change
    if before.owner != after.owner:
        attributes.append(Attribute(record=after.id, field="owner", value=after.owner, since=at))
        change = changes.RecordAssigned(source=before.owner, target=after.owner, **common)
    else:
        if isinstance(before, PipelineRecord) and isinstance(after, PipelineRecord):
            attributes += _value_attribute(before.value, after, at)
        change = changes.RecordEdited(fields=_changed_fields(before, after), **common)
    return Commit(writes=(Write(after, before.version),), changes=(change,), attributes=tuple(attributes))


def _value_attribute(before: Money | None, after: PipelineRecord, at: datetime) -> list[Attribute]:
    value = after.value
    if value == before:
        return []
    return [
        Attribute(
            record=after.id,
            field="value",
            value=value.currency if value else "",
            amount=value.minor if value else 0,
            since=at,
        )
    ]


def _changed_fields(before: Record, after: Record) -> tuple[str, ...]:
    fields = [
        field.name
        for field in type(after).__attrs_attrs__  # type: ignore[attr-defined]
        if field.name not in {"version", "updated_at", "custom"}
        and getattr(before, field.name) != getattr(after, field.name)
    ]
    old, new = flat(before.custom), flat(after.custom)
    fields += [path for path in {**old, **new} if old.get(path) != new.get(path)]
    return tuple(fields)


def custom_attributes(record: Record, before: Mapping[str, Any], at: datetime) -> tuple[Attribute, ...]:
    """Return the rows for custom values that are not as they were; a removed one becomes null."""
    if not record.custom and not before:
        return ()
    old, new = flat(before), flat(record.custom)
    return tuple(
        Attribute(
            record=record.id,
            field=path,
            value=json.dumps(new.get(path), ensure_ascii=False, separators=(",", ":"), default=dict),
            since=at,
        )
        for path in {**old, **new}
        if old.get(path) != new.get(path)
    )


def merged(*commits: Commit) -> Commit:
    """Return one commit that does what all of these do."""
    return Commit(
        writes=tuple(write for commit in commits for write in commit.writes),
        moves=tuple(move for commit in commits for move in commit.moves),
        activities=tuple(item for commit in commits for item in commit.activities),
        attributes=tuple(item for commit in commits for item in commit.attributes),
        changes=tuple(change for commit in commits for change in commit.changes),
        answers=tuple(answer for commit in commits for answer in commit.answers),
        definitions={key: value for commit in commits for key, value in commit.definitions.items()},
    )
