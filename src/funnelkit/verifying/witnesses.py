"""What a record was told of apart from itself: changes, field values, activities. They must agree. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from funnelkit.changes import (
    ActivityLogged,
    Change,
    CompanyCreated,
    ContactCreated,
    RecordAssigned,
    RecordEdited,
)
from funnelkit.gate.request import Decision
from funnelkit.records import OUTCOMES, Activity, Deal, Lead, Move, Placed, Record
from funnelkit.stages import Verdict
from funnelkit.storage.base import Attribute
from funnelkit.verbs.recording import as_json, flat, placement
from funnelkit.verifying.findings import Finding, differing
from funnelkit.verifying.replayed import Order

__all__ = ["Life", "told"]


@attrs.frozen
class Life:
    """A record and every row about it, each list in the order of writing."""

    record: Record
    moves: Sequence[Move] = ()
    activities: Sequence[Activity] = ()
    attributes: Sequence[Attribute] = ()
    changes: Sequence[Change] = ()


def told(life: Life, orders: Mapping[str, Order]) -> list[Finding]:
    """Return where a record and its moves differ from what the changes and the field values say."""
    record = life.record
    says = {**_feed(life), **_values(life), **_activities(life)}
    findings = differing(record.id, 0, says)
    if isinstance(record, Lead | Deal):
        return findings + _placed(record, life, orders)
    names = [change.name for change in life.changes if isinstance(change, ContactCreated | CompanyCreated)]
    if names and not any("name" in fields for fields in _edits(life.changes)):
        findings += differing(record.id, 0, {"name": (record.name, names[0])})
    return findings


Says = dict[str, tuple[object, object]]
"""Field → (stored, recomputed)."""


def _feed(life: Life) -> Says:
    """The record's changes have each of its versions, in order; the last is the record's."""
    record = life.record
    changed = [change for change in life.changes if not isinstance(change, ActivityLogged)]
    versions = tuple(dict.fromkeys(change.version for change in changed))
    return {
        "version": (record.version, max(versions, default=None)),
        "updated_at": (record.updated_at, max((change.at for change in changed), default=None)),
        "versions in the changes": (versions, (*range(1, len(versions) + 1),)),
    }


def _values(life: Life) -> Says:
    """The last value of each custom field is the record's; each was given with a change."""
    instants = {change.at for change in life.changes}
    last: dict[str, str] = {}
    says: Says = {}
    for attribute in life.attributes:
        last[attribute.field] = attribute.value
        if attribute.since not in instants:
            says[f"since of {attribute.field}"] = (attribute.since, "the instant of a change")
        if attribute.field.startswith("custom.") and not _is_json(attribute.value):
            says[f"value of {attribute.field}"] = (attribute.value, "JSON")
    custom = {path: as_json(leaf) for path, leaf in flat(life.record.custom).items() if leaf is not None}
    kept = {path: text for path, text in last.items() if path.startswith("custom.") and text != "null"}
    owners = [attribute.value for attribute in life.attributes if attribute.field == "owner"]
    assigned = [change.target for change in life.changes if isinstance(change, RecordAssigned)]
    return {**says, "custom": (custom, kept), "owners in the field values": (owners, assigned)}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _activities(life: Life) -> Says:
    """Each activity was announced by a change that says the same of it."""
    done = {activity.id: (activity.kind, activity.at, activity.by) for activity in life.activities}
    logged = {
        change.activity: (change.kind, change.at, change.actor)
        for change in life.changes
        if isinstance(change, ActivityLogged)
    }
    return {f"activity {id}": (done.get(id), logged.get(id)) for id in {**done, **logged}}


def _edits(changes: Sequence[Change]) -> Iterator[tuple[str, ...]]:
    return (change.fields for change in changes if isinstance(change, RecordEdited))


_IN_PLACE = (ActivityLogged, ContactCreated, CompanyCreated, RecordAssigned, RecordEdited)
_CARRIED = {"owner": "owner", "value": "value", "source": "lead_source", "campaign": "campaign"}
"""Field of a record → the field of a move that carries it."""


def _placed(record: Placed, life: Life, orders: Mapping[str, Order]) -> list[Finding]:
    """Go through the changes with the moves beside them, knowing of each field what must hold."""
    announced = sum(not isinstance(change, _IN_PLACE) for change in life.changes)
    values = [each for each in life.attributes if each.field == "value"]
    valued = sum("value" in fields for fields in _edits(life.changes))
    counts: Says = {
        "changes of place": (announced, len(life.moves)),
        "values in the field values": (len(values), valued),
    }
    if findings := differing(record.id, 0, counts):
        return findings  # it cannot be said which belongs to which
    moves, given = iter(life.moves), iter(values)
    now: dict[str, Any] = {}  # what must hold; a field that was edited to nobody knows what is not here
    stage = ""
    for change in life.changes:
        if isinstance(change, RecordAssigned):
            before = {"source of an assignment": (change.source, now.get("owner", change.source))}
            findings += differing(record.id, 0, before)
            now["owner"] = change.target
        elif isinstance(change, RecordEdited):
            now = {field: value for field, value in now.items() if field not in change.fields}
            if "value" in change.fields:
                value = next(given)
                now["value"] = (value.value, value.amount)
        elif not isinstance(change, _IN_PLACE):
            move = next(moves)
            says = {**_announced(record, change, move), **_carried(now, move, stage, orders)}
            findings += differing(record.id, move.seq, says)
            stage = stage if move.target in OUTCOMES else move.target
    return findings + differing(record.id, 0, {name: (_plain(record, name), now[name]) for name in now})


def _plain(item: Placed | Move, name: str) -> Any:
    """Return a field; of money the currency and the minor units, as a field value has them."""
    value = getattr(item, name)
    if name != "value":
        return value
    return ("", 0) if value is None else (value.currency, value.minor)


def _announced(record: Placed, change: Change, move: Move) -> Says:
    """A move's change is of its type, and says the same."""
    told = placement(Decision(verdict=Verdict(""), record=record, move=move), expected=1).changes[0]
    fields = ("at", "actor", "source", "target", "reason")
    return {
        "type of the change": (type(change).__name__, type(told).__name__),
        **{f"{field} in the change": (getattr(change, field), getattr(told, field)) for field in fields},
    }


def _carried(now: dict[str, Any], move: Move, stage: str, orders: Mapping[str, Order]) -> Says:
    """What a move carries of the record is what must hold; what was not known is known from it."""
    says: Says = {
        name: (_plain(move, name), now.setdefault(field, _plain(move, name)))
        for field, name in _CARRIED.items()
    }
    order = orders.get(move.fingerprint)
    if move.direction == "create":
        now["probability"] = move.probability
    elif now.get("probability") is not None:
        says["probability"] = (move.probability, now["probability"])
    elif order is not None and move.direction != "transfer":
        of_stage = order.probabilities.get(stage)
        if "probability" in now:
            says["probability"] = (move.probability, of_stage)
        elif move.probability != of_stage:
            now["probability"] = move.probability
    return says
