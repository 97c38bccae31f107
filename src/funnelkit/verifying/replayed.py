"""What the bare moves of a record give: the facts that each move must carry, and the record's place. Pure.

A move is bare when only its record, order, instant, pipeline, definition, source, target and reason
are believed. Everything else that it says about time and place follows from those and from the
definition it was made under.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from funnelkit.gate.ledger import furthest
from funnelkit.gate.seal import seal_of
from funnelkit.records import OUTCOMES, Move, Placed
from funnelkit.verifying.findings import Finding, differing

__all__ = ["Order", "chain", "order_of", "replayed"]


@attrs.frozen(kw_only=True)
class Order:
    """What a stored definition says: the order of its stages, their probabilities, the reasons to close."""

    position: Mapping[str, int]
    archived: frozenset[str]
    probabilities: Mapping[str, float | None]
    reasons: Mapping[str, Mapping[str, str]]


def order_of(document: Mapping[str, Any]) -> Order:
    """Return the order of a definition's document."""
    stages = document["stages"]
    return Order(
        position={stage["id"]: index for index, stage in enumerate(stages)},
        archived=frozenset(stage["id"] for stage in stages if stage.get("archived")),
        probabilities={stage["id"]: stage.get("probability") for stage in stages},
        reasons={outcome: dict(labels) for outcome, labels in document.get("close_reasons", {}).items()},
    )


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
    repeat: str = ""


def replayed(record: Placed, moves: Sequence[Move], orders: Mapping[str, Order]) -> list[Finding]:
    """Return where the moves differ from each other, and the record from them."""
    state = _State()
    findings: list[Finding] = []
    for move in moves:
        order = orders.get(move.fingerprint)
        if order is None:
            unknown = {"fingerprint": (move.fingerprint, "the fingerprint of a definition")}
            return findings + differing(record.id, move.seq, unknown)
        facts, state = _facts(state, move, order)
        told = {field: (getattr(move, field), value) for field, value in facts.items()}
        findings += differing(record.id, move.seq, told)
    says = {
        "pipeline": (record.pipeline, state.pipeline),
        "place": (record.place, state.place),
        "stage": (record.stage, state.stage),
        "visited": (record.visited, state.visited.get(state.pipeline, ())),
        "moves": (record.moves, state.seq),
        "entered_at": (record.entered_at, state.entered),
        "created_at": (record.created_at, state.created),
        "repeat": (record.repeat, state.repeat),
    }
    close = record.close
    if close is not None and moves:
        last = moves[-1]
        says["close"] = (
            (close.outcome, close.reason, close.reason_text, close.note, close.at, close.by),
            (last.target, last.reason, last.reason_text, last.note, last.at, last.actor),
        )
    return findings + differing(record.id, 0, says)


def chain(record: Placed, moves: Sequence[Move]) -> list[Finding]:
    """Return where the seals of the moves do not fit; see `funnelkit.gate.seal`."""
    findings: list[Finding] = []
    previous = ""
    for move in moves:
        if move.seal or previous:
            seal = seal_of(previous, move)
            findings += differing(record.id, move.seq, {"seal": (move.seal, seal)})
            previous = move.seal or seal
    return findings + differing(record.id, 0, {"seal": (record.seal, moves[-1].seal if moves else "")})


def _facts(state: _State, move: Move, order: Order) -> tuple[dict[str, Any], _State]:
    """Return the facts that a move must carry after a state, and the state after it."""
    earlier = state.visited.get(move.pipeline, ())
    first = move.target not in earlier
    visited = (*earlier, move.target) if first else earlier
    before = furthest(earlier, order.position)
    after = "won" if move.target == "won" else furthest(visited, order.position)
    created = state.created or move.created  # given with the creation, the same ever after
    repeat = state.repeat if state.place else move.repeat  # and so is this
    closes = move.target in OUTCOMES
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
        "repeat": repeat,
        "reason_text": order.reasons.get(move.target, {}).get(move.reason, move.reason) if closes else "",
    }
    return facts, _State(
        pipeline=move.pipeline,
        place=move.target,
        stage=state.stage if closes else move.target,
        entered=move.at,
        created=created,
        visited={**state.visited, move.pipeline: visited},
        seq=state.seq + 1,
        repeat=repeat,
    )


def _direction(state: _State, move: Move, order: Order) -> str:
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
