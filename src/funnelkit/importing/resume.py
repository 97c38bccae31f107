"""A record that an earlier import made: which rows its ledger has already, and the rest on top. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import takewhile

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

    New rows are those after the last one that the record has, as long as nothing was recorded later
    than they happened. Every other row was a repeat or was refused when the record was imported, or it
    comes too late: the ledger only runs forward.

    Args:
        pipeline: Where the record was imported.
        record: As it is now.
        facts: Its whole ledger, and what else rules ask about it.
        events: Its rows in the log of today, all of them or those of some time.
        sealed: Whether its moves shall be sealed from now on.
    """
    ordered, ledger = in_order(events), facts.history
    known, doubtful, refused = _known(pipeline, record, ordered, ledger)
    last = max((index for index, event in enumerate(ordered) if event in known), default=-1)
    new: list[Event] = []
    old: list[Event] = []
    for index, event in enumerate(ordered):
        if event not in known and event not in doubtful:
            (new if index > last and event.at >= record.updated_at else old).append(event)
    if not known and _of_another(old, ledger):
        reason = f"a {kind_of(record)} with this id exists already, and has another past"
        return History(record=record.id, bad=_bad(record, ordered, reason)), None
    repeats, bad = _before(record, old, ledger, refused)
    bad += _bad(record, doubtful, "this may be what created the record: import the log from its start")
    if record.pipeline != pipeline.id:
        now = History(record=record.id, bad=_bad(record, new, f"the record is in {record.pipeline} by now"))
        commit = None
    else:
        now, commit = onward(pipeline, record, new, facts=facts, sealed=sealed)
    return attrs.evolve(
        now,
        present=len(known),
        repeats=repeats + now.repeats,
        bad=[*bad, *now.bad],
        early=ledger[0].at < record.created_at,
    ), commit


# -- which rows a record has -------------------------------------------------------------------


def _known(
    pipeline: Pipeline, record: Placed, events: Sequence[Event], ledger: Sequence[Move]
) -> tuple[set[Event], set[Event], Sequence[BadRow]]:
    """Return the rows that a record has, those in doubt, and those that a clean run refuses."""
    clean, commit = replay(pipeline, record.id, events)
    made = commit.moves if commit else ()
    refused = clean.bad if _steps(made[:1]) == _steps(ledger[:1]) else ()
    if known := _made_again(clean, made, events, ledger):
        return known, set(), refused
    return *_alike(events, ledger), refused


def _made_again(
    clean: History, made: Sequence[Move], events: Sequence[Event], ledger: Iterable[Move]
) -> set[Event]:
    """Return the rows of which a clean run makes what an import has written; none if it makes anything else.

    The clean run of a log that holds the whole past of a record, and more, begins as the earlier one did.
    """
    imported = [move for move in ledger if move.cause == "import"]
    used = _used(clean, events)
    if _steps(made[: len(imported)]) != _steps(imported) or len(used) != clean.used:
        return set()
    left = iter(imported)
    return set(takewhile(lambda event: any(move.target == event.place for move in left), used))


def _used(clean: History, events: Sequence[Event]) -> list[Event]:
    """Return the rows that a run used: those that were neither refused nor repeats."""
    refused = {bad.line for bad in clean.bad}
    taken = [event for event in events if event.line not in refused]
    used = [event for event in taken if event.place not in OUTCOMES][:1]  # it created the record
    for event in taken:
        if event is not used[0] and event.place != used[-1].place:
            used.append(event)
    return used


def _steps(moves: Iterable[Move]) -> list[tuple[datetime, str]]:
    return [(move.at, move.target) for move in moves]


def _alike(events: Sequence[Event], ledger: Sequence[Move]) -> tuple[set[Event], set[Event]]:
    """Return the rows of the instants and places that an import has written, and those in doubt.

    That is for want of a whole log.

    Of rows that are alike the last ones are meant. So what was refused once may be taken for what was
    used, and what comes too late for a repeat, but no row is used twice.
    """
    creation, *rest = ledger
    claimants = set(_claimants(events, ledger))
    whole = events[0].at <= creation.at
    known = {event for event in claimants if event.created is None or whole}
    left = Counter(_steps(move for move in rest if move.cause == "import"))
    for event in reversed(events):
        step = event.at, event.place
        if event not in known and left[step]:
            left[step] -= 1
            known.add(event)
    return known, claimants - known


def _claimants(events: Iterable[Event], ledger: Sequence[Move]) -> list[Event]:
    """Return the row that created a record, if it is there; none, one, or one of which that is in doubt.

    It is dated as the ledger begins. But where the ledger begins with an outcome, the row may be of any
    time up to the next move; then it is known by the creation that it claims. If the rows before it are
    not there, and it has a claim of its own that other rows may share, nothing tells them apart.
    """
    creation, *rest = ledger
    early = any(move.target in OUTCOMES for move in rest if move.at == creation.at)
    until = next((move.at for move in rest if move.at > creation.at), None)
    could = [
        event
        for event in events
        if event.place == creation.target
        and (
            event.at == creation.at
            or (
                early
                and (event.created or event.at) == creation.created
                and (until is None or event.at <= until)
            )
        )
    ]
    return [event for event in could if event.at == could[0].at][-1:]  # those before it were refused


# -- what became of the others -----------------------------------------------------------------


def _before(
    record: Placed, old: Iterable[Event], ledger: Sequence[Move], refused: Iterable[BadRow]
) -> tuple[int, list[BadRow]]:
    """Return the repeats and the bad ones of rows that came before the latest act, and left no move."""
    reasons = {bad.line: bad for bad in refused}
    late = f"too late: what is recorded of this {kind_of(record)} goes up to {record.updated_at.isoformat()}"
    repeats, found = 0, list[BadRow]()
    for event in old:
        if event.line in reasons:
            found.append(reasons[event.line])
        elif event.place in _places(ledger, event.at):
            repeats += 1
        else:
            found += _bad(record, [event], late)
    return repeats, found


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
