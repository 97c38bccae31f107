"""The one gate: what may happen to a record, and what follows from it. Pure.

Whoever wants to write a stage — a person, a bulk, an import, a conversion — makes a `Request`;
`decide` answers with a `Decision`: the verdict and, when it is a yes, the record as it will be and
the row for the ledger. There is no clock, no store and no randomness here; the engine brings those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import attrs

from funnelkit.gate import ledger
from funnelkit.gate.refusals import (
    close_refusals,
    closed,
    entry_refusals,
    merged,
    named,
    no_way,
    override_refusals,
    state_refusals,
)
from funnelkit.gate.request import CLOSING, NO_FACTS, Decision, Facts, Request
from funnelkit.records import NOTHING, OUTCOMES, Company, Contact, FrozenMapping, Lead, Placed, replaced
from funnelkit.stages import Pipeline, Refusal, Verdict
from funnelkit.stages.inject import Check, Scene
from funnelkit.stages.table import Edge

R = TypeVar("R", bound=Placed | Contact | Company)

__all__ = ["amended", "decide", "facts_needed", "resolved"]

_NONE: frozenset[str] = frozenset()


def resolved(pipeline: Pipeline, record: Placed, request: Request) -> Request:
    """Return a request in plain words: an ``advance`` as the ``move`` it means.

    An advance that means no stage, or several, stays one, and is refused. A reason to close that is
    given by its label becomes the reason's id.
    """
    if request.verb in CLOSING:
        return _by_id(pipeline, request, CLOSING[request.verb])
    if request.verb == "move":  # by a name, which may be that of a close
        if request.target in pipeline.table.position:
            return request
        ends = [edge.target for edge in _edges(pipeline, record, request) if edge.target in OUTCOMES]
        return _by_id(pipeline, request, ends[0]) if ends else request
    if request.verb != "advance":
        return request
    targets = pipeline.table.forward(record.stage)
    return attrs.evolve(request, verb="move", target=targets[0]) if len(targets) == 1 else request


def _by_id(pipeline: Pipeline, request: Request, outcome: str) -> Request:
    for item in pipeline.close_reasons.get(outcome, ()):
        if request.reason == item.label != item.id:
            return attrs.evolve(request, reason=item.id)
    return request


def facts_needed(pipeline: Pipeline, record: Placed, request: Request) -> frozenset[str]:
    """Return which fields of `Facts` must be filled before `decide` is called."""
    if request.verb == "move" or request.verb in _BY_EDGE:
        return _NONE.union(*(edge.needs for edge in _edges(pipeline, record, request)))
    needs = pipeline.table.needs_of(request.verb)
    if request.destination is not None:
        needs = needs | request.destination.table.needs_of("transfer") | {"history"}
    return needs


def decide(pipeline: Pipeline, record: Placed, request: Request, facts: Facts = NO_FACTS) -> Decision:
    """Decide one request.

    Args:
        pipeline: The definition in force where the record is.
        record: The record as it is; for ``create`` and ``capture`` the draft of the new one.
        request: What is wanted.
        facts: What `facts_needed` named.

    Returns:
        A `Decision`. A refusal is a value here, never an exception.
    """
    verb = request.verb
    if record.replaced_by:
        return _refused(request, (merged(record),), request.target)
    if verb == "move" or verb in _BY_EDGE:
        return _go(pipeline, record, request, facts)
    if verb in {"create", "capture"}:
        return _create(pipeline, record, request, facts)
    if verb == "transfer":
        return _transfer(pipeline, record, request, facts)
    return _amend(pipeline, record, request, facts)


@lru_cache(maxsize=1024)
def _yes(verb: str, target: str) -> Verdict:
    """Return the verdict on an act that nobody refuses; thousands of a bulk share one."""
    return Verdict(verb, (), target)


def _refused(request: Request, refusals: Sequence[Refusal], target: str = "") -> Decision:
    return Decision(verdict=Verdict(request.verb, tuple(refusals), target))


# -- from place to place -----------------------------------------------------------------------


_ALWAYS = ("lost", "void")
_BY_EDGE = frozenset((*CLOSING, "reopen", "advance"))
"""The verbs besides ``move`` that go along an edge of the pipeline's table."""


def _edges(pipeline: Pipeline, record: Placed, request: Request) -> tuple[Edge, ...]:
    """Return the edges that lead where a request wants to go, in the order they are tried."""
    verb, close = request.verb, record.close
    word = request.target if verb == "move" else record.stage if verb == "reopen" else CLOSING.get(verb, "")
    place = close.outcome if close else record.stage
    if word in _ALWAYS and place not in pipeline.table.position:
        place = pipeline.first  # the stage is gone from the definition; giving up is possible all the same
    return pipeline.table.edges.get((place, word), ())


def _go(pipeline: Pipeline, record: Placed, request: Request, facts: Facts) -> Decision:
    """Decide a move, a close or a reopening."""
    verb, target = request.verb, request.target
    moves = verb == "move" and record.close is None
    if moves and target == record.stage:
        return Decision(verdict=Verdict(verb, (), target), record=record)
    if verb == "convert" and isinstance(record, Lead) and record.outcome == "won":
        return Decision(verdict=Verdict(verb), record=record)  # what it became is the answer again
    if (not moves or request.override) and (refusals := state_refusals(pipeline, record, request)):
        return _refused(request, refusals, target)
    place, against = _first_passing(pipeline, record, request, facts)
    if moves and place in OUTCOMES and (refusals := close_refusals(pipeline, record, request, place)):
        return _refused(request, refusals, target)
    if against and not (request.override and (place in pipeline.table.position or place in OUTCOMES)):
        return _refused(request, against, target)
    after, move = ledger.moved(pipeline, record, request, place, against)
    return Decision(verdict=_yes(verb, target), record=after, move=move, overruled=against)


def _first_passing(
    pipeline: Pipeline, record: Placed, request: Request, facts: Facts
) -> tuple[str, tuple[Refusal, ...]]:
    """Return the target of the first edge whose rules all pass; else all refusals of all edges."""
    edges = _edges(pipeline, record, request)
    if not edges:
        return CLOSING.get(request.verb) or request.target, (no_way(pipeline, record, request),)
    against: dict[Refusal, None] = {}
    for edge in edges:
        if not edge.rules:
            return edge.target, ()
        found = _checked(edge.rules, pipeline, record, request, facts, target=edge.target)
        if not found:
            return edge.target, ()
        against.update(dict.fromkeys(found))
    return edges[0].target, tuple(against)


# -- into a pipeline ---------------------------------------------------------------------------


def _create(pipeline: Pipeline, draft: Placed, request: Request, facts: Facts) -> Decision:
    structural = entry_refusals(pipeline, draft, draft.stage)
    if request.override:
        structural += override_refusals(request)
    if structural:
        return _refused(request, structural, draft.stage)
    rules = pipeline.table.verb_rules.get(request.verb, ())
    against = _checked(rules, pipeline, draft, request, facts, target=draft.stage)
    if draft.stage != pipeline.first and pipeline.moves != "free":
        sentence = f"{pipeline.id} starts on {pipeline.first}, not on {draft.stage}"
        against += (Refusal("entry", sentence, field="stage", fix=f"start on {pipeline.first}"),)
    if against and not request.override:
        return _refused(request, against, draft.stage)
    record, move = ledger.created(pipeline, draft, request, against)
    return Decision(
        verdict=Verdict(request.verb, (), draft.stage), record=record, move=move, overruled=against
    )


def _transfer(pipeline: Pipeline, record: Placed, request: Request, facts: Facts) -> Decision:
    destination, stage = request.destination, request.target
    assert destination is not None  # noqa: S101 (the engine's promise, not the user's)
    structural = override_refusals(request) if request.override else []
    if record.close is not None:
        structural.append(closed(record))
    if destination.id == record.pipeline:
        sentence = f"{named(record)} is in {destination.id} already"
        structural.append(Refusal("same_pipeline", sentence, fix="use move"))
    structural += entry_refusals(destination, record, stage)
    if structural:
        return _refused(request, structural, stage)
    against: tuple[Refusal, ...] = ()
    for side in (pipeline, destination):
        rules = side.table.verb_rules.get("transfer", ())
        against += _checked(rules, side, record, request, facts, target=stage)
    if against and not request.override:
        return _refused(request, against, stage)
    after, move = ledger.transferred(pipeline, record, request, facts.history, against)
    return Decision(verdict=Verdict("transfer", (), stage), record=after, move=move, overruled=against)


# -- in place ----------------------------------------------------------------------------------


def _amend(pipeline: Pipeline, record: Placed, request: Request, facts: Facts) -> Decision:
    """Decide ``assign``, ``edit`` and ``log``: the record changes, or nothing, but not its place."""
    verb = request.verb
    if request.override and (structural := override_refusals(request)):
        return _refused(request, structural)
    rules = pipeline.table.verb_rules.get(verb, ())
    against = _checked(rules, pipeline, record, request, facts, target="")
    if against and not request.override:
        return _refused(request, against)
    fields = {"owner": request.owner} if verb == "assign" else request.edits
    return Decision(verdict=Verdict(verb, ()), record=amended(record, fields, request.at), overruled=against)


def amended(record: R, fields: Mapping[str, Any], at: datetime) -> R:
    """Return the record with new field values and the next version; the same one if none is new."""
    new = {name: value for name, value in fields.items() if getattr(record, name) != value}
    return replaced(record, **new, version=record.version + 1, updated_at=at) if new else record


def _checked(
    rules: Sequence[Check],
    pipeline: Pipeline,
    record: Placed,
    request: Request,
    facts: Facts,
    *,
    target: str,
) -> tuple[Refusal, ...]:
    """Ask every rule; return all refusals."""
    if not rules:
        return ()
    close = record.close
    scene = Scene(
        record=record,
        pipeline=pipeline,
        verb=request.verb,
        source="" if request.verb in {"create", "capture"} else close.outcome if close else record.stage,
        target=target,
        actor=request.actor,
        at=request.at,
        reason=request.reason,
        note=request.note,
        owner=request.owner,
        edits=FrozenMapping(request.edits) if request.edits else NOTHING,  # rules look, and cannot touch
        activities=facts.activities,
        history=facts.history,
        contact=facts.contact,
        company=facts.company,
    )
    return tuple([refusal for rule in rules if (refusal := rule(scene)) is not None])
