"""Recompute what the ledger carries, from the bare transitions alone, and compare.

A transition is bare when only its record, order, instant, pipeline, source and target are believed.
Everything else a move says about time and place, and everything a record says about its place,
follows from those. What a record says of its version, owner, value and custom fields was written
down apart from it, in the changes and the field values, and must agree with those.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from funnelkit.clock import from_us
from funnelkit.errors import shown
from funnelkit.ledger import furthest
from funnelkit.money import Money
from funnelkit.recording import as_json, flat
from funnelkit.records import OUTCOMES, Deal, Lead, Move, Placed, Record
from funnelkit.storage.base import KINDS, Kind, Store

__all__ = ["Finding", "verify"]

_PAGE = 500


@attrs.frozen(kw_only=True)
class Finding:
    """One difference between what is stored and what follows from the bare moves.

    Attributes:
        record: The record's id.
        seq: The move's number; 0 when the record itself differs.
        field: Which fact.
        stored, recomputed: The two values.

    >>> print(Finding(record="deal_1", seq=2, field="source", stored="new", recomputed="offer"))
    deal_1, move 2: source is 'new', the moves give 'offer'
    """

    record: str
    seq: int
    field: str
    stored: Any
    recomputed: Any

    def __str__(self) -> str:
        where = f"move {self.seq}" if self.seq else "record"
        return (
            f"{self.record}, {where}: {self.field} is {shown(self.stored)}, "
            f"the moves give {shown(self.recomputed)}"
        )


@attrs.frozen
class _Order:
    """What a stored definition says about the order of its stages."""

    position: Mapping[str, int]
    archived: frozenset[str]


def verify(store: Store) -> tuple[Finding, ...]:
    """Return every difference; empty when the store is sound. Reads everything once."""
    orders = {
        fingerprint: _order(json.loads(document))
        for fingerprint, (_, document) in store.definitions().items()
    }
    findings: list[Finding] = []
    known: set[str] = set()
    written = _written(store)
    for kind in KINDS:
        for record in _records(store, kind):
            told = written.get(record.id, {})
            findings += _differing(record.id, 0, _fields(record, told))
            if isinstance(record, Lead | Deal):
                known.add(record.id)
                moves = store.moves(record.id)
                findings += _of_record(record, moves, orders)
                findings += _differing(record.id, 0, _owner_and_value(record, moves, told))
    strays = store.query("SELECT record_id, COUNT(*) AS n FROM move GROUP BY record_id", {})
    findings += [
        Finding(record=id, seq=0, field="moves", stored=count, recomputed="no such record")
        for id, count in strays
        if id not in known
    ]
    return tuple(findings)


def _order(document: Mapping[str, Any]) -> _Order:
    stages = document["stages"]
    return _Order(
        {stage["id"]: index for index, stage in enumerate(stages)},
        frozenset(stage["id"] for stage in stages if stage.get("archived")),
    )


def _records(store: Store, kind: Kind) -> Iterator[Record]:
    after = ""
    while page := store.find(kind, {}, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


@attrs.frozen(kw_only=True)
class _State:
    """Where a record stands after the moves read so far, recomputed."""

    pipeline: str = ""
    place: str = ""
    stage: str = ""
    entered: datetime | None = None
    created: datetime | None = None
    visited: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    seq: int = 0


def _of_record(record: Lead | Deal, moves: Sequence[Move], orders: Mapping[str, _Order]) -> list[Finding]:
    state = _State()
    findings: list[Finding] = []
    for move in moves:
        order = orders.get(move.fingerprint)
        if order is None:
            unknown = {"fingerprint": (move.fingerprint, "no such definition")}
            return findings + _differing(record.id, move.seq, unknown)
        facts, state = _replayed(state, move, order)
        told = {field: (getattr(move, field), value) for field, value in facts.items()}
        findings += _differing(record.id, move.seq, told)
    close = record.close
    says = {
        "pipeline": (record.pipeline, state.pipeline),
        "place": (record.place, state.place),
        "stage": (record.stage, state.stage),
        "visited": (record.visited, state.visited.get(state.pipeline, ())),
        "moves": (record.moves, state.seq),
        "entered_at": (record.entered_at, state.entered),
        "created_at": (record.created_at, state.created),
    }
    if close is not None and moves:
        last = moves[-1]
        says["close"] = (
            (close.outcome, close.reason, close.reason_text, close.note, close.at, close.by),
            (last.target, last.reason, last.reason_text, last.note, last.at, last.actor),
        )
    return findings + _differing(record.id, 0, says)


def _written(store: Store) -> dict[str, dict[str, Any]]:
    """Return what the changes and the field values say last: record → field → value."""
    written: dict[str, dict[str, Any]] = {}
    sql = (
        "SELECT record_id, COUNT(DISTINCT version) AS version, MAX(happened_us) AS happened_us "
        "FROM change WHERE change_type <> 'ActivityLogged' GROUP BY record_id"
    )
    for id, version, happened_us in store.query(sql, {}):
        written[id] = {"version": version, "updated_at": from_us(happened_us)}
    sql = "SELECT record_id, field_name, field_value, amount FROM attribute ORDER BY position"
    for id, field, text, amount in store.query(sql, {}):
        value = (text, amount) if field == "value" else text
        written.setdefault(id, {})[field] = value
    return written


def _fields(record: Record, written: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """Return field → (stored, as written down apart from the record) of what every record has."""
    custom = {path: as_json(leaf) for path, leaf in flat(record.custom).items() if leaf is not None}
    told = {path: text for path, text in written.items() if path.startswith("custom.") and text != "null"}
    return {
        "version": (record.version, written.get("version")),
        "updated_at": (record.updated_at, written.get("updated_at")),
        "custom": (custom, told),
    }


def _owner_and_value(
    record: Placed, moves: Sequence[Move], written: Mapping[str, Any]
) -> dict[str, tuple[object, object]]:
    """Return the same of owner and value: those of the first move, unless they were edited since."""
    if not moves:
        return {}
    born = moves[0]
    return {
        "owner": (record.owner, written.get("owner", born.owner)),
        "value": (_parts(record.value), written.get("value", _parts(born.value))),
    }


def _parts(value: Money | None) -> tuple[str, int]:
    return (value.currency, value.minor) if value else ("", 0)


def _differing(record: str, seq: int, says: Mapping[str, tuple[object, object]]) -> list[Finding]:
    """Return a finding for each field → (stored, recomputed) of which the two differ."""
    return [
        Finding(record=record, seq=seq, field=field, stored=stored, recomputed=recomputed)
        for field, (stored, recomputed) in says.items()
        if stored != recomputed
    ]


def _replayed(state: _State, move: Move, order: _Order) -> tuple[dict[str, Any], _State]:
    """Return the facts that a move must carry after a state, and the state after it."""
    earlier = state.visited.get(move.pipeline, ())
    first = move.target not in earlier
    visited = (*earlier, move.target) if first else earlier
    before = furthest(earlier, order.position)
    after = "won" if move.target == "won" else furthest(visited, order.position)
    created = state.created or move.created  # given with the creation, the same ever after
    facts = {
        "seq": state.seq + 1,
        "source": state.place,
        "source_pipeline": state.pipeline or move.pipeline,
        "direction": _direction(state, move, order),
        "since": state.entered,
        "first": first,
        "furthest_before": before,
        "furthest_after": after,
        "created": created,
        "at": max(move.at, state.entered or move.at),
    }
    return facts, _State(
        pipeline=move.pipeline,
        place=move.target,
        stage=state.stage if move.target in OUTCOMES else move.target,
        entered=move.at,
        created=created,
        visited={**state.visited, move.pipeline: visited},
        seq=state.seq + 1,
    )


def _direction(state: _State, move: Move, order: _Order) -> str:
    """Return the direction from the two places and the order of the stages, nothing else."""
    if not state.place:
        return "create"
    if move.pipeline != state.pipeline:
        return "transfer"
    if move.target in OUTCOMES:
        return "close"
    if state.place in OUTCOMES:
        return "reopen"
    start, end = order.position.get(state.place, -1), order.position.get(move.target, -1)
    if end < start:
        return "back"
    between = [
        stage for stage, at in order.position.items() if start < at < end and stage not in order.archived
    ]
    return "skip" if start >= 0 and between else "forward"
