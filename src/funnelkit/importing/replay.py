"""The events of one record, one after the other through the gate. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import attrs

from funnelkit.errors import RefusedError
from funnelkit.gate.decide import decide, facts_needed, resolved
from funnelkit.gate.request import NO_FACTS, Facts, Request
from funnelkit.importing.reading import Event
from funnelkit.importing.report import BadRow
from funnelkit.records import OUTCOMES, Deal, Lead, Placed
from funnelkit.stages import Pipeline
from funnelkit.storage.base import Commit, Write, kind_of
from funnelkit.verbs.drafts import edited
from funnelkit.verbs.recording import Yes, together

__all__ = ["History", "in_order", "onward", "replay"]

_CLOSE = {"won": "win", "lost": "lose", "void": "void"}


@attrs.frozen(kw_only=True)
class History:
    """What became of the events of one record.

    Attributes:
        record: Its id.
        begun: Whether it was created just now.
        used, repeats, present, reopened: Numbers of rows; ``present`` are those that an earlier import used.
        bad: The rows that were not taken.
        early: Whether an event is dated before the creation.
    """

    record: str
    begun: bool = False
    used: int = 0
    repeats: int = 0
    present: int = 0
    reopened: int = 0
    bad: Sequence[BadRow] = ()
    early: bool = False


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return events by time; those of one instant keep the order of the log."""
    return sorted(events, key=lambda event: event.at)


def replay(
    pipeline: Pipeline, id: str, events: Sequence[Event], *, sealed: bool = False
) -> tuple[History, Commit | None]:
    """Make a new record and take it through all of its events; its moves are ``sealed`` or not.

    What the gate refuses is a bad row, and the next one is tried from where the record is.

    Returns:
        What became of the events, and the one commit that writes the record with all of its past.
    """
    bad: list[BadRow] = []
    record, born, rest = _begun(pipeline, id, in_order(events), bad, sealed=sealed)
    if record is None:
        return History(record=id, bad=bad), None
    early = record.updated_at < record.created_at
    history, commit = onward(pipeline, record, rest, born=born)
    return History(
        record=id,
        begun=True,
        used=history.used + 1,
        repeats=history.repeats,
        reopened=history.reopened,
        bad=[*bad, *history.bad],
        early=early,
    ), commit


def onward(
    pipeline: Pipeline,
    record: Placed,
    events: Iterable[Event],
    *,
    born: Sequence[Yes] = (),
    facts: Facts = NO_FACTS,
    sealed: bool = False,
) -> tuple[History, Commit | None]:
    """Take a record through more events, from where it is.

    Args:
        pipeline: Where it is.
        record: As it is in the store, or as ``born`` makes it.
        events: In order, none of them before the record's latest act.
        born: The act that makes it, where it is new.
        facts: What rules may ask about it, where it is not.
        sealed: Whether its moves shall be sealed from now on.

    Returns:
        What became of the events, and one commit of everything; None when there is nothing to write.
    """
    id, expected, acts = record.id, 0 if born else record.version, list(born)
    bad: list[BadRow] = []
    used, repeats, reopened = 0, 0, 0
    for event in events:
        if event.place == record.place:
            repeats += 1
            continue
        try:
            requests = _requests(record, event, sealed=sealed)
            after, done = _taken(pipeline, record, requests, acts, facts)
        except RefusedError as error:
            bad.append(_refused(event, id, error))
            continue
        used += 1
        reopened += record.close is not None
        record = after
        acts += done
    history = History(record=id, used=used, repeats=repeats, reopened=reopened, bad=bad)
    if not acts:
        return history, None
    said = together(acts)
    # Each act gave the record a version; the store is given the last one.
    return history, Commit(
        writes=(Write(record, expected),), moves=said.moves, changes=said.changes, attributes=said.attributes
    )


def _refused(event: Event, id: str, error: RefusedError) -> BadRow:
    return BadRow(event.line, id, "refused: " + "; ".join(map(str, error.verdict.refusals)))


def _begun(
    pipeline: Pipeline, id: str, events: Sequence[Event], bad: list[BadRow], *, sealed: bool
) -> tuple[Placed | None, list[Yes], Sequence[Event]]:
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
            record, acts = _born(pipeline, id, event, at, sealed=sealed)
        except RefusedError as error:
            bad.append(_refused(event, id, error))
            continue
        return record, acts, rest
    bad += [BadRow(event.line, id, "no row says on which stage this record began") for event in rest]
    return None, [], ()


def _born(
    pipeline: Pipeline, id: str, event: Event, at: datetime, *, sealed: bool
) -> tuple[Placed, list[Yes]]:
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
    request = Request(verb=verb, actor=event.actor, at=at, cause="import", sealed=sealed)
    return _done(pipeline, draft, request, (), NO_FACTS, new=True)


def _taken(
    pipeline: Pipeline, record: Placed, requests: Iterable[Request], before: Sequence[Yes], facts: Facts
) -> tuple[Placed, list[Yes]]:
    """Return the record after all acts of an event, and the acts that leave a trace.

    Raises:
        RefusedError: The gate refuses one of the acts that the event amounts to.
    """
    acts: list[Yes] = []
    for request in requests:
        record, done = _done(pipeline, record, request, chain(before, acts), facts)
        acts += done
    return record, acts


def _requests(record: Placed, event: Event, *, sealed: bool) -> Iterator[Request]:
    """Yield the acts that an event amounts to: what it says about the record, then where it goes."""

    def request(verb: str, **what: Any) -> Request:
        return Request(verb=verb, actor=event.actor, at=event.at, cause="import", sealed=sealed, **what)

    if not _says(record, event.fields):
        fields = dict(event.fields)
        owner = fields.pop("owner", record.owner)
        if owner != record.owner:
            yield request("assign", owner=owner)
        if not _says(record, fields):
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
    for field, value in fields.items():
        if field == "custom":
            if not value.items() <= record.custom.items():
                return False
        elif getattr(record, field) != value:
            return False
    return True


def _done(
    pipeline: Pipeline,
    record: Placed,
    request: Request,
    before: Iterable[Yes],
    facts: Facts,
    *,
    new: bool = False,
) -> tuple[Placed, list[Yes]]:
    """Ask the gate; return the record as it is then, and the act if it leaves a trace.

    Rules are told the history so far: that of ``facts``, and what ``before`` adds to it. A record that
    is imported as a whole has no activities and no client.

    Raises:
        RefusedError: The gate refuses.
    """
    request = resolved(pipeline, record, request)
    if pipeline.table.asks and facts_needed(pipeline, record, request):
        more = tuple(decision.move for _, decision, _ in before if decision.move is not None)
        facts = attrs.evolve(facts, history=facts.history + more)
    decision = decide(pipeline, record, request, facts)
    if decision.record is None:
        raise RefusedError(record.id, decision.verdict)
    return decision.record, [] if decision.record is record else [
        (None if new else record, decision, request)
    ]
