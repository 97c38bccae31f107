"""A record that an earlier import made: which rows its ledger has already, and the rest on top. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

import attrs

from funnelkit.gate.request import Facts
from funnelkit.importing.reading import Event
from funnelkit.importing.replay import History, in_order, onward, replay
from funnelkit.importing.report import BadRow
from funnelkit.records import OUTCOMES, Move, Placed
from funnelkit.stages import Pipeline
from funnelkit.storage.base import Commit, kind_of

__all__ = ["is_ours", "resume"]


def is_ours(pipeline: Pipeline, ledger: Sequence[Move]) -> bool:
    """Whether a record came into a pipeline by an import; else it is a stranger that has the same id."""
    return bool(ledger) and ledger[0].cause == "import" and ledger[0].pipeline == pipeline.id


def resume(
    pipeline: Pipeline, record: Placed, facts: Facts, events: Iterable[Event], *, sealed: bool = False
) -> tuple[History, Commit | None]:
    """Tell the rows that a stored record has from those that are new, and take it through the new ones.

    A row is known by its instant and its place. New rows are those after the last known one, as long
    as nothing was recorded later than they happened. Every other row was a repeat or was refused
    when the record was imported, or it comes too late: the ledger only runs forward.

    Args:
        pipeline: Where the record was imported.
        record: As it is now.
        facts: Its whole ledger, and what else rules ask about it.
        events: Its rows in the log of today, all of them or those of some time.
        sealed: Whether its moves shall be sealed from now on.
    """
    ordered, ledger = in_order(events), facts.history
    known = _known(ordered, ledger)
    last = max(known, default=-1)
    new = [event for index, event in enumerate(ordered) if index > last and event.at >= record.updated_at]
    old = [
        event
        for index, event in enumerate(ordered)
        if index not in known and (index < last or event.at < record.updated_at)
    ]
    if not known and _of_another(old, ledger):
        reason = f"a {kind_of(record)} with this id exists already, and has another past"
        return History(record=record.id, bad=_bad(record, ordered, reason)), None
    whole = 0 in known.values()
    before = _before(pipeline, record, ordered if whole and old else (), old, ledger)
    if record.pipeline != pipeline.id:
        now = History(record=record.id, bad=_bad(record, new, f"the record is in {record.pipeline} by now"))
        commit = None
    else:
        now, commit = onward(pipeline, record, new, facts=facts, sealed=sealed)
    return attrs.evolve(
        now,
        present=len(known),
        repeats=before.repeats + now.repeats,
        bad=[*before.bad, *now.bad],
        early=ledger[0].at < record.created_at,
    ), commit


def _before(
    pipeline: Pipeline,
    record: Placed,
    everything: Sequence[Event],
    old: Iterable[Event],
    ledger: Sequence[Move],
) -> History:
    """Return what became of rows that were there before the record's latest act, and left no move.

    Where the whole log of the record is given, replaying it tells what the gate had against them.
    """
    refused = {bad.line: bad for bad in replay(pipeline, record.id, everything)[0].bad} if everything else {}
    late = f"too late: what is recorded of this {kind_of(record)} goes up to {record.updated_at.isoformat()}"
    repeats, bad = 0, []
    for event in old:
        if event.line in refused:
            bad.append(refused[event.line])
        elif event.place in _places(ledger, event.at):
            repeats += 1
        else:
            bad += _bad(record, [event], late)
    return History(record=record.id, repeats=repeats, bad=bad)


def _bad(record: Placed, events: Iterable[Event], reason: str) -> list[BadRow]:
    return [BadRow(event.line, record.id, reason) for event in events]


def _of_another(old: Iterable[Event], ledger: Sequence[Move]) -> bool:
    """Whether a log tells of the time of a ledger, and of nothing that is in it."""
    until = max(move.at for move in ledger if move.cause == "import")
    told = [event for event in old if event.at <= until]
    return bool(told) and not any(event.place in _places(ledger, event.at) for event in told)


def _places(ledger: Sequence[Move], at: datetime) -> set[str]:
    """Return where a record was at an instant: one place, or several if it moved just then."""
    return {
        *[move.target for move in ledger if move.at < at][-1:],
        *[move.target for move in ledger if move.at == at],
    }


def _known(events: Sequence[Event], ledger: Sequence[Move]) -> dict[int, int]:
    """Return index of an event → index of the move that an earlier import made of it."""
    known = dict.fromkeys(_origin(events, ledger), 0)
    # Before the row that created the record, rows of stages were refused; outcomes waited for it.
    refused = {index for index in range(max(known, default=0)) if events[index].place not in OUTCOMES}
    moves = {
        at: [index for index, _ in group]
        for at, group in groupby(enumerate(ledger), key=lambda item: item[1].at)
    }
    for at, group in groupby(enumerate(events), key=lambda item: item[1].at):
        told = [index for index, _ in group if index not in known and index not in refused]
        made = [index for index in moves.get(at, ()) if index and ledger[index].cause == "import"]
        pairs = _common([events[index].place for index in told], [ledger[index].target for index in made])
        known |= {told[one]: made[other] for one, other in pairs}
    return known


def _origin(events: Sequence[Event], ledger: Sequence[Move]) -> list[int]:
    """Return the index of the event that created a record.

    That may be dated after the ledger begins, namely with an outcome. Then it is known by the creation
    that it claims; in a log of a later time, other rows may claim the same.
    """
    creation, *rest = ledger
    early = creation.created > creation.at and any(
        move.target in OUTCOMES for move in rest if move.at == creation.at
    )
    whole = any(event.at <= creation.at for event in events)
    return [
        index
        for index, event in enumerate(events)
        if event.place == creation.target
        and (
            event.at == creation.at or ((early or whole) and (event.created or event.at) == creation.created)
        )
    ][:1]


def _common(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of indexes of a longest common subsequence.

    >>> _common(["offer", "contract", "offer"], ["contract", "offer"])
    [(1, 0), (2, 1)]
    """
    if len(one) == len(other) == 1:
        return [(0, 0)] if one[0] == other[0] else []
    length = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in reversed(range(len(one))):
        for j in reversed(range(len(other))):
            length[i][j] = (
                length[i + 1][j + 1] + 1 if one[i] == other[j] else max(length[i + 1][j], length[i][j + 1])
            )
    i, j, pairs = 0, 0, []
    while i < len(one) and j < len(other):
        if one[i] == other[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs
