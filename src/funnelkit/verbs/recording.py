"""From decisions to one commit: the changes and the field values that go with the records and moves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any

import attrs

from funnelkit import changes
from funnelkit.changes import Change
from funnelkit.gate.request import Decision, Request
from funnelkit.money import Money
from funnelkit.records import Company, Contact, Deal, Lead, Move, Placed, Record
from funnelkit.storage.base import Attribute, Commit, Write

__all__ = [
    "Yes",
    "amendment",
    "as_json",
    "birth",
    "flat",
    "merged",
    "placement",
    "recorded",
    "together",
]

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


Yes = tuple[Record | None, Decision, Request]
"""A record as it was (None for a new one), a yes of the gate, and what was decided."""


def recorded(before: Record | None, decision: Decision, request: Request) -> Commit | None:
    """Return the commit of a yes of the gate; None when there is nothing to write.

    Args:
        before: The record as it was; None for a new one.
        decision: A decision with a record.
        request: What was decided.
    """
    after = decision.record
    if decision.move is not None:
        return _of_move(decision, _placed(before, after))
    if after is None or before is None or after is before:
        return None
    overruled = ",".join(refusal.code for refusal in decision.overruled)
    return amendment(before, after, actor=request.actor.id, reason=request.reason, overruled=overruled)


def together(acts: Iterable[Yes], ends: Sequence[Write] = ()) -> Commit:
    """Return one commit of what `recorded` says to each of many acts, in their order.

    Moves are written down at once: a commit of its own would cost each of them as much as the move.

    Args:
        acts: One to a record; or any number, where ``ends`` are given.
        ends: The records as all of their acts have left them, each written once.
    """
    writes: list[Write] = []
    moves: list[Move] = []
    told: list[Change] = []
    attributes: list[Attribute] = []
    for before, decision, request in acts:
        record, move = decision.record, decision.move
        if move is not None:
            if not ends:
                writes.append(_placed(before, record))
            moves.append(move)
            told.append(_told(record, move))
            if before is None and record.custom:
                attributes += _custom_attributes(record, {}, move.at)
        elif (commit := recorded(before, decision, request)) is not None:
            writes += commit.writes
            told += commit.changes
            attributes += commit.attributes
    return Commit(
        writes=tuple(ends or writes),
        moves=tuple(moves),
        changes=tuple(told),
        attributes=tuple(attributes),
    )


def _placed(before: Record | None, after: Any) -> Write:
    """Return the write of a record as the gate has placed it."""
    if before is None:
        return Write(after, 0)
    was, now = before.__dict__, after.__dict__
    step = (
        was["close"] is None
        and now["close"] is None
        and was["pipeline"] == now["pipeline"]
        and was["seal"] == now["seal"]
    )
    return Write(after, before.version, "step" if step else "place")


def placement(decision: Decision, expected: int) -> Commit:
    """Return the commit of a decided move, creation or transfer, whose record may know more than its place.

    Args:
        decision: A decision with a move.
        expected: The version the record had; 0 for a new one.
    """
    assert decision.record is not None  # noqa: S101 (a decided yes)
    return _of_move(decision, Write(decision.record, expected))


def _of_move(decision: Decision, write: Write) -> Commit:
    record, move = decision.record, decision.move
    assert record is not None  # noqa: S101 (a decided yes)
    assert move is not None  # noqa: S101
    return Commit(
        writes=(write,),
        moves=(move,),
        changes=(_told(record, move),),
        attributes=() if write.expected else _custom_attributes(record, {}, move.at),
    )


def _told(record: Placed, move: Move) -> Change:
    word = move.target if move.direction == "close" else move.direction
    change_type = (
        _LEAD.get(word, changes.LeadMoved) if record.__class__ is Lead else _DEAL.get(word, changes.DealMoved)
    )
    return change_type(
        record=record.id,
        version=record.version,
        at=move.at,
        actor=move.actor,
        source=move.source,
        target=move.target,
        reason=move.reason,
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
        attributes=_custom_attributes(party, {}, party.created_at),
    )


def amendment(before: Record, after: Record, *, actor: str, reason: str, overruled: str) -> Commit:
    """Return the commit of an edit or a hand-over."""
    at = after.updated_at
    attributes = list(_custom_attributes(after, before.custom, at))
    common: dict[str, Any] = {
        "record": after.id,
        "version": after.version,
        "at": at,
        "actor": actor,
        "reason": reason,
        "overruled": overruled,
    }
    told: list[Change] = []
    if before.owner != after.owner:
        attributes.append(Attribute(record=after.id, field="owner", value=after.owner, since=at))
        told.append(changes.RecordAssigned(source=before.owner, target=after.owner, **common))
    fields = _changed_fields(before, after)
    if fields or not told:  # a null that is removed is an edit of no value
        if isinstance(before, Lead | Deal) and isinstance(after, Lead | Deal):
            attributes += _value_attribute(before.value, after, at)
            attributes += [
                Attribute(record=after.id, field=name, value=getattr(after, name), since=at)
                for name in ("source", "campaign")
                if getattr(before, name) != getattr(after, name)
            ]
        told.append(changes.RecordEdited(fields=fields, **common))
    return Commit(writes=(Write(after, before.version),), changes=tuple(told), attributes=tuple(attributes))


def _value_attribute(before: Money | None, after: Placed, at: datetime) -> list[Attribute]:
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
        for field in attrs.fields(type(after))
        if field.name not in {"version", "updated_at", "owner", "custom"}
        and getattr(before, field.name) != getattr(after, field.name)
    ]
    return (*fields, *_changed_custom(before.custom, after.custom))


def _custom_attributes(record: Record, before: Mapping[str, Any], at: datetime) -> tuple[Attribute, ...]:
    if not record.custom and not before:
        return ()
    return tuple(
        Attribute(record=record.id, field=path, value=value, since=at)
        for path, value in _changed_custom(before, record.custom).items()
    )


def _changed_custom(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """Return path → JSON of custom values that are not as they were; a removed one becomes null."""
    old, new = flat(before), flat(after)
    values = {path: as_json(new.get(path)) for path in {**old, **new}}
    return {path: value for path, value in values.items() if as_json(old.get(path)) != value}


def flat(values: Mapping[str, Any], prefix: str = "custom") -> dict[str, Any]:
    """Return nested values as dotted path → leaf.

    >>> flat({"terms": {"payment": "card"}, "size": 40})
    {'custom.terms.payment': 'card', 'custom.size': 40}
    """
    leaves: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}.{name}"
        if isinstance(value, Mapping) and value:
            leaves |= flat(value, path)
        else:
            leaves[path] = value
    return leaves


def as_json(value: Any) -> str:
    """Return a custom value as JSON, in which 1 and true are two things."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict)


def merged(commits: Sequence[Commit]) -> Commit:
    """Return one commit that does what all of these do."""

    def of_all(part: str) -> tuple[Any, ...]:
        return tuple(chain.from_iterable(map(attrgetter(part), commits)))

    return Commit(
        writes=of_all("writes"),
        moves=of_all("moves"),
        activities=of_all("activities"),
        attributes=of_all("attributes"),
        changes=of_all("changes"),
        answers=of_all("answers"),
        keys=of_all("keys"),
    )
