"""The row a move leaves in the ledger, with the facts it carries, and the record after it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from funnelkit.gate.seal import seal_of
from funnelkit.records import OUTCOMES, Close, Direction, Move, Outcome, Placed, replaced

if TYPE_CHECKING:
    from funnelkit.gate.request import Request
    from funnelkit.stages import Pipeline, Refusal

__all__ = ["created", "direction_of", "furthest", "moved", "transferred", "visits"]


def furthest(visited: Iterable[str], position: Mapping[str, int]) -> str:
    """Return the visited stage that is furthest along the pipeline; ``""`` when there is none.

    >>> furthest(("new", "proposal", "lost", "call"), {"new": 0, "call": 1, "proposal": 2})
    'proposal'
    """
    best, best_position = "", -1
    for place in visited:
        at = position.get(place, -1)
        if at > best_position:
            best, best_position = place, at
    return best


def direction_of(source: str, target: str, pipeline: Pipeline) -> Direction:
    """Return ``"forward"``, ``"skip"`` or ``"back"`` for a move between two stages.

    A step over archived stages only is no skip. From a stage that is not in the pipeline any more,
    every way is forward.
    """
    position = pipeline.table.position
    start, end = position.get(source, -1), position[target]
    if end < start:
        return "back"
    if start < 0 or end == start + 1 or all(stage.archived for stage in pipeline.stages[start + 1 : end]):
        return "forward"
    return "skip"


def visits(history: Sequence[Move], pipeline: str) -> tuple[str, ...]:
    """Return the places of one pipeline that a history went through, by first visit."""
    return tuple(dict.fromkeys(move.target for move in history if move.pipeline == pipeline))


def moved(
    pipeline: Pipeline, record: Placed, request: Request, place: str, overruled: Sequence[Refusal]
) -> tuple[Placed, Move]:
    """Return the record on its new place (a stage or an outcome) and the row that says so."""
    position, visited, close = pipeline.table.position, record.visited, record.close
    before = after = furthest(visited, position)
    first = place not in visited
    if first:
        visited = (*visited, place)
    stage, ended, text = record.stage, None, ""
    direction: Direction
    if place in OUTCOMES:
        direction, text = "close", reason_text(pipeline, place, request.reason)
        ended = _close(place, request, text)
        after = "won" if place == "won" else before
    else:
        stage, direction = place, "reopen" if close else direction_of(record.stage, place, pipeline)
        if first and position[place] > position.get(before, -1):
            after = place
    after_record = replaced(
        record,
        version=record.version + 1,
        stage=stage,
        visited=visited,
        moves=record.moves + 1,
        entered_at=request.at,
        updated_at=request.at,
        close=ended,
    )
    row = _row(
        pipeline,
        record,
        request,
        seq=record.moves + 1,
        source=close.outcome if close else record.stage,
        target=place,
        direction=direction,
        first=first,
        before=before,
        after=after,
        text=text,
        likely=pipeline.probabilities.get(record.stage),
        overruled=overruled,
    )
    return chained(after_record, row) if record.seal or request.sealed else (after_record, row)


def created(
    pipeline: Pipeline, draft: Placed, request: Request, overruled: Sequence[Refusal]
) -> tuple[Placed, Move]:
    """Return the new record on its first stage and the row of its creation."""
    record = replaced(draft, version=1, visited=(draft.stage,), moves=1)
    row = _row(
        pipeline,
        record,
        request,
        seq=1,
        source="",
        target=record.stage,
        direction="create",
        first=True,
        before="",
        after=record.stage,
        text="",
        likely=None,
        overruled=overruled,
    )
    return chained(record, row) if request.sealed else (record, row)


def transferred(
    pipeline: Pipeline,
    record: Placed,
    request: Request,
    history: Sequence[Move],
    overruled: Sequence[Refusal],
) -> tuple[Placed, Move]:
    """Return the record on a stage of the pipeline of its destination and the row of the transfer."""
    destination = request.destination
    assert destination is not None  # noqa: S101 (a decided transfer)
    stage, position = request.target, destination.table.position
    earlier = visits(history, destination.id)
    first = stage not in earlier
    visited = (*earlier, stage) if first else earlier
    after_record = replaced(
        record,
        version=record.version + 1,
        pipeline=destination.id,
        stage=stage,
        visited=visited,
        moves=record.moves + 1,
        entered_at=request.at,
        updated_at=request.at,
    )
    row = _row(
        destination,
        record,
        request,
        seq=record.moves + 1,
        source=record.stage,
        target=stage,
        direction="transfer",
        first=first,
        before=furthest(earlier, position),
        after=furthest(visited, position),
        text="",
        likely=pipeline.probabilities.get(record.stage),
        overruled=overruled,
    )
    return chained(after_record, row) if record.seal or request.sealed else (after_record, row)


def chained(record: Placed, row: Move) -> tuple[Placed, Move]:
    """Return a record and its new row with the seal that binds the row to the rows before it."""
    seal = seal_of(record.seal, row)
    return replaced(record, seal=seal), replaced(row, seal=seal)


def reason_text(pipeline: Pipeline, outcome: str, reason: str) -> str:
    """Return the label of a reason as it reads today; the reason itself when it is free text."""
    for item in pipeline.close_reasons.get(outcome, ()):
        if item.id == reason:
            return item.label
    return reason


def _close(outcome: Outcome, request: Request, text: str) -> Close:
    return Close(
        outcome=outcome,
        reason=request.reason,
        reason_text=text,
        note=request.note,
        at=request.at,
        by=request.actor.id,
    )


def _row(
    pipeline: Pipeline,
    record: Placed,
    request: Request,
    *,
    seq: int,
    source: str,
    target: str,
    direction: Direction,
    first: bool,
    before: str,
    after: str,
    text: str,
    likely: float | None,
    overruled: Sequence[Refusal],
) -> Move:
    return Move(
        record=record.id,
        seq=seq,
        pipeline=pipeline.id,
        source_pipeline=record.pipeline,
        fingerprint=pipeline.fingerprint,
        at=request.at,
        source=source,
        target=target,
        direction=direction,
        since=record.entered_at if source else None,
        first=first,
        furthest_before=before,
        furthest_after=after,
        created=record.created_at,
        actor=request.actor.id,
        cause=request.cause,
        reason=request.reason,
        reason_text=text,
        note=request.note,
        overruled=",".join([refusal.code for refusal in overruled]) if overruled else "",
        owner=record.owner,
        value=record.value,
        probability=likely if record.probability is None else record.probability,
        lead_source=record.source,
        campaign=record.campaign,
        key=request.key,
        repeat=record.repeat,
    )
