"""The events of one record, one after the other through the gate. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import attrs

from funnelkit.decide import decide, facts_needed, resolved
from funnelkit.drafts import edited
from funnelkit.errors import RefusedError
from funnelkit.importing.reading import Event
from funnelkit.importing.report import BadRow
from funnelkit.recording import merged, recorded
from funnelkit.records import OUTCOMES, Deal, Lead, Placed
from funnelkit.request import NO_FACTS, Facts, Request
from funnelkit.stages import Pipeline
from funnelkit.storage.base import Commit, Write, kind_of

__all__ = ["History", "replay"]

_CLOSE = {"won": "win", "lost": "lose", "void": "void"}


@attrs.frozen(kw_only=True)
class History:
    """What became of the events of one record.

    Attributes:
        record: Its id.
        begun: Whether it was created; else every event is bad.
        used, repeats, reopened: Numbers of rows.
        bad: The rows that were not taken.
        early: Whether an event is dated before the creation.
    """

    record: str
    begun: bool = False
    used: int = 0
    repeats: int = 0
    reopened: int = 0
    bad: Sequence[BadRow] = ()
    early: bool = False


def replay(pipeline: Pipeline, id: str, events: Sequence[Event]) -> tuple[History, Commit | None]:
    """Take a record through its events by time; those of one instant keep the order of the log.

    What the gate refuses is a bad row, and the next one is tried from where the record is.

    Returns:
        What became of the events, and the one commit that writes the record with all of its past.
    """
    ordered = sorted(events, key=lambda event: event.at)
    bad: list[BadRow] = []
    record, commits, rest = _begun(pipeline, id, ordered, bad)
    if record is None:
        return History(record=id, bad=bad), None
    used, repeats, reopened = 1, 0, 0
    for event in rest:
        if event.place == record.place:
            repeats += 1
            continue
        try:
            after, done = _taken(pipeline, record, event, commits)
        except RefusedError as error:
            bad.append(_refused(event, id, error))
            continue
        used += 1
        reopened += record.close is not None
        record = after
        commits += done
    history = History(
        record=id,
        begun=True,
        used=used,
        repeats=repeats,
        reopened=reopened,
        bad=bad,
        early=commits[0].moves[0].at < record.created_at,
    )
    # Each act gave the record a version; the store is given the last one, as a new record.
    return history, attrs.evolve(merged(commits), writes=(Write(record, 0),))


def _refused(event: Event, id: str, error: RefusedError) -> BadRow:
    return BadRow(event.line, id, "refused: " + "; ".join(map(str, error.verdict.refusals)))


def _begun(
    pipeline: Pipeline, id: str, events: Sequence[Event], bad: list[BadRow]
) -> tuple[Placed | None, list[Commit], Sequence[Event]]:
    """Return the record that the first acceptable stage event makes, and the events that are left.

    An outcome may be dated before that event. Then the record is created at the outcome's instant,
    so that its ledger runs forward in time, and keeps the later one as its ``created_at``.
    """
    rest = list(events)
    for event in events:
        if event.place in OUTCOMES:
            continue
        at = rest[0].at
        rest.remove(event)
        try:
            record, commits = _born(pipeline, id, event, at)
        except RefusedError as error:
            bad.append(_refused(event, id, error))
            continue
        return record, commits, rest
    bad += [BadRow(event.line, id, "no row says on which stage this record began") for event in rest]
    return None, [], ()


def _born(pipeline: Pipeline, id: str, event: Event, at: datetime) -> tuple[Placed, list[Commit]]:
    """Return the record as an event makes it, entered into the ledger at an instant of its own."""
    record_type, verb = (Deal, "create") if pipeline.kind == "deal" else (Lead, "capture")
    draft = record_type(
        id=id,
        pipeline=pipeline.id,
        stage=event.place,
        created_at=event.created or event.at,
        entered_at=at,
        updated_at=at,
        **{"name": id, **event.fields},
    )
    request = Request(verb=verb, actor=event.actor, at=at, cause="import")
    return _done(pipeline, draft, request, (), new=True)


def _taken(
    pipeline: Pipeline, record: Placed, event: Event, before: Sequence[Commit]
) -> tuple[Placed, list[Commit]]:
    """Return the record after an event, and what has to be written: all of the event or nothing.

    Raises:
        RefusedError: The gate refuses one of the acts that the event amounts to.
    """
    commits: list[Commit] = []
    for request in _requests(record, event):
        record, done = _done(pipeline, record, request, chain(before, commits))
        commits += done
    return record, commits


def _requests(record: Placed, event: Event) -> Iterator[Request]:
    """Yield the acts that an event amounts to: what it says about the record, then where it goes."""

    def request(verb: str, **what: Any) -> Request:
        return Request(verb=verb, actor=event.actor, at=event.at, cause="import", **what)

    fields = dict(event.fields)
    owner = fields.pop("owner", record.owner)
    if owner != record.owner:
        yield request("assign", owner=owner)
    if fields and not _says(record, fields):
        yield request("edit", edits=edited(kind_of(record), record, fields))
    if event.place in OUTCOMES:
        converting = event.place == "won" and isinstance(record, Lead)
        yield request("convert" if converting else _CLOSE[event.place], reason=event.reason)
        return
    if record.close is not None:
        yield request("reopen")
    if event.place != record.stage:
        yield request("move", target=event.place)


def _says(record: Placed, fields: dict[str, Any]) -> bool:
    """Whether a record says already what an event says of it; custom fields are merged."""
    return all(
        value.items() <= record.custom.items() if field == "custom" else getattr(record, field) == value
        for field, value in fields.items()
    )


def _done(
    pipeline: Pipeline, record: Placed, request: Request, before: Iterable[Commit], *, new: bool = False
) -> tuple[Placed, list[Commit]]:
    """Ask the gate; return the record as it is then, and what has to be written.

    Rules are told the history so far. An imported record has no activities and no client.

    Raises:
        RefusedError: The gate refuses.
    """
    request = resolved(pipeline, record, request)
    facts = NO_FACTS
    if facts_needed(pipeline, record, request):
        facts = Facts(history=tuple(move for commit in before for move in commit.moves))
    decision = decide(pipeline, record, request, facts)
    if decision.record is None:
        raise RefusedError(record.id, decision.verdict)
    commit = recorded(None if new else record, decision, request)
    return decision.record, [] if commit is None else [commit]
