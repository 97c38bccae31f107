"""New records of rows: clients as they are said, leads and deals through the gate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from funnelkit.errors import shown
from funnelkit.gate.decide import decide, resolved
from funnelkit.gate.request import NO_FACTS, Decision, Facts, Request
from funnelkit.inputs import custom_values
from funnelkit.records import NOTHING, Actor, Company, Contact, Deal, Lead, Placed
from funnelkit.stages import Pipeline, Verdict
from funnelkit.storage.base import Commit, Write
from funnelkit.tables.compared import HISTORY
from funnelkit.tables.drafts import Reason
from funnelkit.tables.known_records import Known, Run
from funnelkit.verbs import recording

__all__ = ["BadRowError", "new_party", "new_placed", "refused"]

_CLOSE = {"won": "win", "lost": "lose", "void": "void"}
_DAY = timedelta(days=1)


class BadRowError(Exception):
    """A row cannot be used: what its record says against it."""

    def __init__(self, field: str, *sentences: str) -> None:
        self.field = field
        self.sentences = sentences

    def reasons(self, run: Run) -> tuple[Reason, ...]:
        """Return the reasons, each with the column that feeds the field."""
        column = run.columns.get(self.field, self.field)
        return tuple(Reason(column, sentence) for sentence in self.sentences)


def refused(verdict: Verdict) -> BadRowError:
    """Return what to raise where the gate says no."""
    field = next((refusal.field for refusal in verdict.refusals if refusal.field), "")
    return BadRowError(field, *(f"refused: {refusal}" for refusal in verdict.refusals))


def new_party(run: Run, id: str, fields: Mapping[str, Any]) -> Contact | Company:
    """Return the contact or company that a row makes.

    Raises:
        BadRowError: It has no name.
    """
    at = fields.get("created_at", run.at)
    own = _plain(fields)
    party_type = Contact if run.kind == "contact" else Company
    return party_type(id=id, created_at=at, updated_at=at, **own)


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what goes into a new record as it stands."""
    own = {field: value for field, value in fields.items() if field not in HISTORY}
    if not own.get("name", "").strip():
        raise BadRowError("name", "empty, and the record is not there yet")
    if "custom" in own:
        own["custom"] = custom_values(own["custom"]) or NOTHING
    return own


def new_placed(
    run: Run, known: Known, id: str, fields: Mapping[str, Any], notes: list[str]
) -> tuple[Placed, Commit]:
    """Return the lead or deal that a row makes, with its outcome if it has one, and the commit.

    Raises:
        BadRowError: The gate refuses, or what the row says of its past cannot be.
    """
    pipeline = _pipeline(run, fields)
    created = fields.get("created_at", run.at)
    at = max(fields.get("entered_at", created), created)
    outcome = fields.get("outcome", "")
    request = Request(
        verb="create" if run.kind == "deal" else "capture",
        actor=run.actor,
        at=at,
        note="" if outcome else fields.get("note", ""),
        cause="import",
        sealed=run.shell.sealed,
    )
    draft = (Deal if run.kind == "deal" else Lead)(
        id=id,
        pipeline=pipeline.id,
        stage=_stage(pipeline, fields),
        created_at=created,
        entered_at=at,
        updated_at=at,
        **_plain(fields),
    )
    facts = _facts(known, draft) if pipeline.table.asks else NO_FACTS
    decision, request = _decided(run, pipeline, draft, request, facts)
    acts: list[recording.Yes] = [(None, decision, request)]
    if outcome:
        acts.append(_closed(run, pipeline, fields, decision, facts=facts, notes=notes))
    elif aside := [field for field in ("reason", "closed_at") if field in fields]:
        notes.append(f"{', '.join(aside)} left aside, as the record is open")
    record: Placed = acts[-1][1].record
    return record, recording.together(acts, (Write(record, 0),))


def _pipeline(run: Run, fields: Mapping[str, Any]) -> Pipeline:
    if "pipeline" in fields:
        return run.shell.pipeline(fields["pipeline"])
    assert run.pipeline is not None  # noqa: S101 (leads and deals have one)
    return run.pipeline


def _stage(pipeline: Pipeline, fields: Mapping[str, Any]) -> str:
    stage = fields.get("stage") or pipeline.first
    if stage not in pipeline.table.position:
        raise BadRowError("place", f"pipeline {pipeline.id!r} has no stage {shown(stage)}")
    return stage


def _closed(
    run: Run,
    pipeline: Pipeline,
    fields: Mapping[str, Any],
    born: Decision,
    *,
    facts: Facts,
    notes: list[str],
) -> recording.Yes:
    """Return the act by which a new record is closed."""
    record, outcome = born.record, fields["outcome"]
    at = fields.get("closed_at", run.at)
    if at < record.updated_at:
        if record.updated_at - at >= _DAY:
            raise BadRowError("closed_at", f"{at.isoformat()} is before it was created")
        notes.append("closed earlier on the day it was created: taken for the same instant")
        at = record.updated_at
    converting = outcome == "won" and isinstance(record, Lead)
    request = Request(
        verb="convert" if converting else _CLOSE[outcome],
        actor=Actor(fields["closed_by"]) if fields.get("closed_by") else run.actor,
        at=at,
        reason=fields.get("reason", ""),
        note=fields.get("note", ""),
        cause="import",
        sealed=run.shell.sealed,
    )
    if pipeline.table.asks and born.move is not None:
        facts = attrs.evolve(facts, history=(born.move,))
    return (record, *_decided(run, pipeline, record, request, facts))


def _decided(
    run: Run, pipeline: Pipeline, record: Placed, request: Request, facts: Facts
) -> tuple[Decision, Request]:
    """Ask the gate; where it says no and may be overruled, ask again with that."""
    request = resolved(pipeline, record, request)
    decision = decide(pipeline, record, request, facts)
    if decision.record is None and run.override:
        request = attrs.evolve(
            request, override=True, reason=request.reason or f"import of {run.source or 'records'}"
        )
        decision = decide(pipeline, record, request, facts)
    if decision.record is None:
        raise refused(decision.verdict)
    return decision, request


def _facts(known: Known, draft: Placed) -> Facts:
    contact, company = known.records.get(draft.contact), known.records.get(draft.company)
    return Facts(
        contact=contact if isinstance(contact, Contact) else None,
        company=company if isinstance(company, Company) else None,
    )
