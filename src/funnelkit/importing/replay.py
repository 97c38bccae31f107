"""The events of one record, one after the other through the gate. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

import attrs

from funnelkit.errors import RefusedError
from funnelkit.gate.decide import decide, facts_needed, resolved
from funnelkit.gate.request import NO_FACTS, Decision, Facts, Request
from funnelkit.importing.reading import Event
from funnelkit.importing.report import BadRow
from funnelkit.records import NOTHING, OUTCOMES, Deal, Lead, Placed
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
    return sorted(events, key=attrgetter("at"))


def replay(
    pipeline: Pipeline, id: str, events: Iterable[Event], *, sealed: bool = False
) -> tuple[History, Commit | None]:
    """Make a new record and take it through all of its events; its moves are ``sealed`` or not.

    What the gate refuses is a bad row, and the next one is tried from where the record is.

    Returns:
        What became of the events, and the one commit that writes the record with all of its past.
    """
    rest, bad = in_order(events), list[BadRow]()
    born = _born(pipeline, id, rest, bad, sealed=sealed)
    if born is None:
        bad += [BadRow(event.line, id, "no row says on which stage this record began") for event in rest]
        return History(record=id, bad=bad), None
    return onward(pipeline, born[1].record, rest, born=born, bad=bad)


def onward(
    pipeline: Pipeline,
    record: Placed,
    events: Iterable[Event],
    *,
    born: Yes | None = None,
    bad: Sequence[BadRow] = (),
    facts: Facts = NO_FACTS,
    sealed: bool = False,
) -> tuple[History, Commit | None]:
    """Take a record through more events, from where it is.

    Args:
        pipeline: Where it is.
        record: As it is in the store, or as ``born`` makes it.
        events: In order, none of them before the record's latest act.
        born: The act that makes it, where it is new.
        bad: The rows that were not taken before.
        facts: What rules may ask about it, where it is not new.
        sealed: Whether its moves shall be sealed from now on; one that was born sealed goes on so.

    Returns:
        What became of the events, and one commit of everything; None when there is nothing to write.
    """
    before, acts, refused = record, [born] if born else [], list(bad)
    used, repeats, reopened = len(acts), 0, 0
    said: Mapping[str, Any] = NOTHING
    for event in events:
        if event.place == record.place:
            repeats += 1
            continue
        try:
            after, done = _taken(pipeline, record, _requests(record, event, said, sealed=sealed), acts, facts)
        except RefusedError as error:
            refused.append(_refused(event, record.id, error))
            continue
        used += 1
        reopened += record.close is not None
        record, said = after, event.fields
        acts += done
    history = History(
        record=record.id,
        begun=born is not None,
        used=used,
        repeats=repeats,
        reopened=reopened,
        bad=refused,
        early=before.updated_at < before.created_at,
    )
    if not acts:
        return history, None
    # Each act gave the record a version; the store is given the last one.
    return history, together(acts, (Write(record, 0 if born else before.version),))


def _refused(event: Event, id: str, error: RefusedError) -> BadRow:
    return BadRow(event.line, id, "refused: " + "; ".join(map(str, error.verdict.refusals)))


def _born(pipeline: Pipeline, id: str, rest: list[Event], bad: list[BadRow], *, sealed: bool) -> Yes | None:
    """Return the act of the first acceptable stage event, which makes the record; take it from the others.

    An outcome may be dated before that event. Then the record is created at the outcome's instant,
    so that its ledger runs forward in time, and keeps the later one as its ``created_at``.
    """
    for event in [event for event in rest if event.place not in OUTCOMES]:
        at = rest[0].at
        rest.remove(event)
        request = Request(
            verb="create" if pipeline.kind == "deal" else "capture",
            actor=event.actor,
            at=at,
            cause="import",
            sealed=sealed,
        )
        try:
            decision, request = _decided(pipeline, _draft(pipeline, id, event, at), request, (), NO_FACTS)
        except RefusedError as error:
            bad.append(_refused(event, id, error))
            continue
        return None, decision, request
    return None


def _draft(pipeline: Pipeline, id: str, event: Event, at: datetime) -> Placed:
    """Return the record as an event makes it, entered into the ledger at an instant of its own."""
    return (Deal if pipeline.kind == "deal" else Lead)(
        id=id,
        pipeline=pipeline.id,
        stage=event.place,
        created_at=event.created or event.at,
        entered_at=at,
        updated_at=at,
        **{"name": id, **event.fields},
    )


def _taken(
    pipeline: Pipeline, record: Placed, requests: Iterable[Request], before: Sequence[Yes], facts: Facts
) -> tuple[Placed, list[Yes]]:
    """Return the record after all acts of an event, and the acts that leave a trace.

    Raises:
        RefusedError: The gate refuses one of the acts that the event amounts to.
    """
    acts: list[Yes] = []
    for asked in requests:
        decision, request = _decided(pipeline, record, asked, (before, acts), facts)
        if decision.record is not record:
            acts.append((record, decision, request))
            record = decision.record
    return record, acts


def _requests(record: Placed, event: Event, said: Mapping[str, Any], *, sealed: bool) -> Iterator[Request]:
    """Yield the acts that an event amounts to: what it says about the record, then where it goes.

    Most events say what the one before them has ``said``.
    """
    request = partial(Request, actor=event.actor, at=event.at, cause="import", sealed=sealed)
    if event.fields is not said and not _says(record, event.fields):
        fields = dict(event.fields)
        owner = fields.pop("owner", record.owner)
        if owner != record.owner:
            yield request(verb="assign", owner=owner)
        if not _says(record, fields):
            yield request(verb="edit", edits=edited(kind_of(record), record, fields))
    if event.place in OUTCOMES:
        converting = event.place == "won" and isinstance(record, Lead)
        yield request(verb="convert" if converting else _CLOSE[event.place], reason=event.reason)
        return
    if record.close is not None:
        yield request(verb="reopen")
    if event.place != record.stage:
        yield request(verb="move", target=event.place)


def _says(record: Placed, fields: Mapping[str, Any]) -> bool:
    """Whether a record says already what an event says of it; custom fields are merged."""
    for field, value in fields.items():
        if field == "custom":
            if not value.items() <= record.custom.items():
                return False
        elif getattr(record, field) != value:
            return False
    return True


def _decided(
    pipeline: Pipeline, record: Placed, request: Request, before: Iterable[Iterable[Yes]], facts: Facts
) -> tuple[Decision, Request]:
    """Ask the gate; return its yes, and the request in plain words.

    Rules are told the history so far: that of ``facts``, and what the acts ``before`` add to it. A
    record that is imported as a whole has no activities and no client.

    Raises:
        RefusedError: The gate refuses.
    """
    request = resolved(pipeline, record, request)
    if pipeline.table.asks and facts_needed(pipeline, record, request):
        acts = chain.from_iterable(before)
        more = tuple(decision.move for _, decision, _ in acts if decision.move is not None)
        facts = attrs.evolve(facts, history=facts.history + more)
    decision = decide(pipeline, record, request, facts)
    if decision.record is None:
        raise RefusedError(record.id, decision.verdict)
    return decision, request
