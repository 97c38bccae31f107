"""The gate's own noes: what lies in the record or the request itself, before any rule is asked."""

from __future__ import annotations

from funnelkit.gate.request import CLOSING, Request
from funnelkit.records import OUTCOMES, SYSTEM, Deal, Lead, Placed, Record
from funnelkit.stages import Pipeline, Refusal

__all__ = [
    "archived_refusals",
    "close_refusals",
    "closed",
    "entry_refusals",
    "merged",
    "named",
    "no_way",
    "override_refusals",
    "state_refusals",
]

_NAME_SHOWN = 40  # characters of a record's name in a sentence


def state_refusals(pipeline: Pipeline, record: Placed, request: Request) -> list[Refusal]:
    """Return the refusals that lie in the record or the request; no override passes over them."""
    refusals = override_refusals(request) if request.override else []
    if request.verb == "reopen":
        if record.close is None:
            refusals.append(Refusal("not_closed", f"{named(record)} is open already"))
        return refusals
    if record.close is not None:
        refusals.append(closed(record))
    if request.verb == "move" and request.target in pipeline.table.position:
        refusals += archived_refusals(pipeline, request.target)
    outcome = CLOSING.get(request.verb)
    return refusals if outcome is None else refusals + close_refusals(pipeline, record, request, outcome)


def close_refusals(pipeline: Pipeline, record: Placed, request: Request, outcome: str) -> list[Refusal]:
    """Return what speaks against closing in this way, by whatever word it was asked for."""
    refusals = _reason_refusals(pipeline, outcome, request.reason)
    if outcome == "won" and isinstance(record, Lead) and request.verb != "convert":
        refusals.append(Refusal("use_convert", "a lead is won by converting it", fix="use convert"))
    if request.verb == "convert" and not isinstance(record, Lead):
        refusals.append(Refusal("not_a_lead", f"{named(record)} is no lead", fix="use win"))
    return refusals


def override_refusals(request: Request) -> list[Refusal]:
    """Return what an override lacks: who does it, and why."""
    refusals = []
    if request.actor.id == SYSTEM.id:
        sentence = "an override needs a named actor"
        refusals.append(Refusal("override_actor", sentence, field="actor", fix="say who"))
    if not request.reason.strip():
        sentence = "an override needs a reason"
        refusals.append(Refusal("override_reason", sentence, field="reason", fix="say why"))
    return refusals


def _reason_refusals(pipeline: Pipeline, outcome: str, reason: str) -> list[Refusal]:
    catalogue = pipeline.close_reasons.get(outcome, ())
    if not catalogue or any(item.id == reason for item in catalogue):
        return []
    options = "one of: " + ", ".join(item.id for item in catalogue)
    code, sentence = "reason_unknown", f"{reason!r} is not a reason for {outcome}"
    if not reason:
        code, sentence = "reason_required", f"closing as {outcome} needs a reason"
    return [Refusal(code, sentence, field="reason", fix=options)]


def no_way(pipeline: Pipeline, record: Placed, request: Request) -> Refusal:
    """Return the refusal of a request for which the pipeline has no edge."""
    if record.stage not in pipeline.table.position:
        sentence = f"{named(record)} is on stage {record.stage}, which {pipeline.id} no longer has"
        fix = "migrate the pipeline, or archive stages instead of removing them"
        return Refusal("unknown_stage", sentence, fix=fix)
    if request.verb == "advance":
        return _no_advance(pipeline, record)
    sentence = f"there is no way from {record.place} to {CLOSING.get(request.verb) or request.target}"
    words = ", ".join(word for word in pipeline.table.words(record.place) if word not in OUTCOMES)
    return Refusal("no_transition", sentence, field="to", fix=f"possible: {words}" if words else "")


def _no_advance(pipeline: Pipeline, record: Placed) -> Refusal:
    targets = pipeline.table.forward(record.stage)
    if targets:
        sentence = f"from {record.stage} there are several ways forward"
        return Refusal("ambiguous", sentence, field="to", fix=f"move to one of: {', '.join(targets)}")
    return Refusal("last_stage", f"there is no stage after {record.stage}", fix="win it, or move elsewhere")


def closed(record: Placed) -> Refusal:
    """Return the refusal for a record that is closed."""
    return Refusal("closed", f"{named(record)} is closed ({record.outcome})", fix="reopen it first")


def merged(record: Record) -> Refusal:
    """Return the refusal for a record that another one stands for."""
    return Refusal("merged", f"{named(record)} was merged", fix=f"use {record.replaced_by}")


def named(record: Record) -> str:
    """Return how a sentence speaks of a record: its kind and its name, cut to a readable length."""
    name = record.name if len(record.name) <= _NAME_SHOWN else f"{record.name[: _NAME_SHOWN - 1]}…"
    return f"{type(record).__name__.lower()} {name!r}"


def entry_refusals(pipeline: Pipeline, record: Placed, stage: str) -> list[Refusal]:
    """Return what speaks against a record entering a pipeline on a stage."""
    refusals = []
    if not isinstance(record, Deal if pipeline.kind == "deal" else Lead):
        sentence = f"{pipeline.id} is a pipeline for {pipeline.kind}s"
        refusals.append(Refusal("wrong_kind", sentence, field="pipeline"))
    return refusals + archived_refusals(pipeline, stage)


def archived_refusals(pipeline: Pipeline, stage: str) -> list[Refusal]:
    """Return the refusal for a stage that nothing enters any more."""
    if not pipeline.stage(stage).archived:
        return []
    return [Refusal("archived", f"stage {stage} is archived", field="stage", fix="choose one that is in use")]
