"""New records and new activities: checked, decided, committed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import attrs

from funnelkit import recording
from funnelkit.acts import Act, Asked, asked, digest
from funnelkit.changes import ActivityLogged
from funnelkit.decide import Facts, decide
from funnelkit.drafts import checked
from funnelkit.errors import InputError, RefusedError
from funnelkit.inputs import TEXT_LIMIT, custom_values, text
from funnelkit.records import NOTHING, Activity, Company, Contact, Deal, Lead, Placed, Record
from funnelkit.serial import did_you_mean
from funnelkit.shell import Shell
from funnelkit.storage.base import Commit, Kind

__all__ = ["born", "log", "new_party", "new_placed", "split"]

_ACT = frozenset(Act.__annotations__)


def split(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the common arguments of a verb, and its own."""
    common = {name: value for name, value in arguments.items() if name in _ACT}
    return common, {name: value for name, value in arguments.items() if name not in _ACT}


def new_placed(shell: Shell, verb: str, name: str, details: Mapping[str, Any]) -> Lead | Deal:
    """Do ``create`` or ``capture``."""
    kind: Kind = "deal" if verb == "create" else "lead"
    act, fields = split(details)
    said = asked(act)
    mark = digest(verb, name, fields, said) if said.key else ""
    if said.key and (answered := shell.answered(said.key, mark)):
        return cast("Lead | Deal", answered[0])
    contact = _referred(shell, "contact", fields.pop("contact", ""))
    company = _referred(shell, "company", fields.pop("company", ""))
    record, commit = born(
        shell, kind, {**fields, "name": name}, said, verb=verb, contact=contact, company=company
    )
    return cast("Lead | Deal", shell.write(commit, said.key, mark, (record,))[0])


def _referred(shell: Shell, kind: Kind, ref: Any) -> Any:
    """Return the contact or company that was meant, read from the store; None for nobody."""
    id = getattr(ref, "id", ref)
    return shell.store.get(kind, text(id, kind)) if id else None


def born(
    shell: Shell,
    kind: Kind,
    fields: Mapping[str, Any],
    said: Asked,
    *,
    verb: str,
    at: datetime | None = None,
    cause: str = "user",
    contact: Contact | None = None,
    company: Company | None = None,
    lead: str = "",
) -> tuple[Placed, Commit]:
    """Return a new lead or deal as the gate lets it in, and the commit that makes it.

    Args:
        shell: Where to read.
        kind: ``"lead"`` or ``"deal"``.
        fields: What the caller gave, with ``id``, ``pipeline`` and ``stage``; checked here.
        said: The common arguments.
        verb: ``"create"`` or ``"capture"``.
        at: The instant it counts from, where the caller has found it already.
        cause: Through what it comes, for the ledger.
        contact, company: The client it belongs to; may be part of the same commit.
        lead: Id of the lead it comes from.
    """
    own = dict(fields)
    given, pipeline_id, stage = own.pop("id", None), own.pop("pipeline", None), own.pop("stage", None)
    pipeline = shell.only(kind, pipeline_id)
    values = checked(kind, own)
    request = shell.request(verb, None, said, cause=cause)
    if at is not None:
        request = attrs.evolve(request, at=at)
    if kind == "deal":
        values["lead"] = lead
    draft = (Deal if kind == "deal" else Lead)(
        id=shell.new_id(kind, given),
        pipeline=pipeline.id,
        stage=pipeline.first if stage is None else pipeline.stage(stage).id,
        created_at=request.at,
        entered_at=request.at,
        updated_at=request.at,
        contact=contact.id if contact else "",
        company=company.id if company else "",
        **values,
    )
    # A new record has no activities and no history; its client may not be in the store yet.
    decision = decide(pipeline, draft, request, Facts(contact=contact, company=company))
    if decision.record is None:
        raise RefusedError("", decision.verdict)
    return decision.record, recording.step(decision, 0)


def new_party(shell: Shell, kind: Kind, name: str, details: Mapping[str, Any]) -> Contact | Company:
    """Do ``create_contact`` or ``create_company``."""
    act, fields = split(details)
    said = asked(act)
    mark = digest(f"create_{kind}", name, fields, said) if said.key else ""
    if said.key and (answered := shell.answered(said.key, mark)):
        return cast("Contact | Company", answered[0])
    given = fields.pop("id", None)
    if fields.get("company"):
        fields["company"] = _referred(shell, "company", fields["company"]).id
    values = checked(kind, {**fields, "name": name})
    at = said.instant(shell.clock, None)
    party = (Contact if kind == "contact" else Company)(
        id=shell.new_id(kind, given), created_at=at, updated_at=at, **values
    )
    commit = recording.birth(party, said.actor.id)
    return cast("Contact | Company", shell.write(commit, said.key, mark, (party,))[0])


def log(shell: Shell, ref: Record | str, said_of_it: Mapping[str, Any], act: Mapping[str, Any]) -> Activity:
    """Do ``log``."""
    said = asked(act)
    mark = ""
    if said.key:
        mark = digest("log", ref if isinstance(ref, str) else ref.id, said_of_it, said)
        if answered := shell.answered(said.key, mark):
            return cast("Activity", answered[0])
    # An activity belongs to the record whatever its version; only an explicit expect= is checked.
    record = shell.current(ref if isinstance(ref, str) else ref.id, said.expect)
    step = text(said_of_it["step"], "step")
    at = said.instant(shell.clock, None)
    if isinstance(record, Lead | Deal):
        at = _logged(shell, record, said, step)
    activity = Activity(
        id=shell.ids("activity"),
        record=record.id,
        kind=text(said_of_it["kind"], "kind", required=True),
        text=text(said_of_it["text"], "text", limit=TEXT_LIMIT),
        stage=record.stage if isinstance(record, Lead | Deal) else "",
        step=step,
        at=at,
        by=said.actor.id,
        roles=tuple(sorted(said.actor.roles)),
        custom=custom_values(said_of_it["custom"]) or NOTHING,
    )
    change = ActivityLogged(
        record=record.id,
        version=record.version,
        at=at,
        actor=said.actor.id,
        activity=activity.id,
        kind=activity.kind,
    )
    commit = Commit(activities=(activity,), changes=(change,))
    return cast("Activity", shell.write(commit, said.key, mark, (activity,))[0])


def _logged(shell: Shell, record: Placed, said: Asked, step: str) -> datetime:
    """Let the gate decide a log; return the instant it counts from. Activities may be dated freely."""
    stage = shell.pipeline(record.pipeline).stage(record.stage)
    if step and step not in stage.steps:
        raise InputError("step", f"stage {stage.id} has no step {step!r}", did_you_mean(step, stage.steps))
    at = said.instant(shell.clock, None)
    decision = shell.decision(record, shell.request("log", None, said))
    if not decision.verdict:
        raise RefusedError(record.id, decision.verdict)
    return at
