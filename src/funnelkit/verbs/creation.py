"""New records and new activities: checked, decided, committed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import attrs

from funnelkit.errors import InputError, RefusedError
from funnelkit.gate.decide import decide
from funnelkit.gate.request import Facts
from funnelkit.inputs import TEXT_LIMIT, custom_values, text
from funnelkit.records import Activity, Company, Contact, Deal, Lead, Placed, Record, Repeat
from funnelkit.serial import did_you_mean
from funnelkit.storage.base import Commit, Kind, kind_of
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked, asked, split
from funnelkit.verbs.drafts import checked
from funnelkit.verbs.finding import id_of
from funnelkit.verbs.journal import JOURNAL, noted
from funnelkit.verbs.repeat import repeat_of
from funnelkit.verbs.shell import Prepared, Shell

__all__ = ["born", "log", "new_party", "of_nothing", "referred"]


def of_nothing(said: Asked) -> Asked:
    """Return the common arguments of an act on no record; there is no version to expect."""
    if said.expect is not None:
        raise InputError("expect", "what is new has no version yet", "leave it out")
    return said


async def referred(shell: Shell, kind: Kind, ref: Any) -> Any:
    """Return the contact or company that was meant, read from the store; None for nobody."""
    id = "" if ref is None else text(getattr(ref, "id", ref), kind)
    return await shell.party(kind, id) if id else None


async def _repeat(shell: Shell, at: datetime, contact: Contact | None, company: Company | None) -> Repeat:
    """Return whether a client comes again."""
    if contact is None and company is None:
        return ""
    client = {"contact": contact, "company": company}
    return await repeat_of(shell.store, at, {kind: party.id for kind, party in client.items() if party})


async def born(
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
    repeat: Repeat | None = None,
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
        contact: The person it belongs to; may be part of the same commit.
        company: The legal entity it belongs to; likewise.
        lead: Id of the lead it comes from.
        repeat: The mark of a client who comes again, where the caller knows it; else it is looked up.
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
        id=await shell.new_id(kind, given),
        pipeline=pipeline.id,
        stage=pipeline.first if stage is None else pipeline.stage(stage).id,
        created_at=request.at,
        entered_at=request.at,
        updated_at=request.at,
        contact=contact.id if contact else "",
        company=company.id if company else "",
        repeat=await _repeat(shell, request.at, contact, company) if repeat is None else repeat,
        **values,
    )
    # A new record has no activities and no history; its client may not be in the store yet.
    decision = decide(pipeline, draft, request, Facts(contact=contact, company=company))
    if decision.record is None:
        raise RefusedError("", decision.verdict)
    return decision.record, recording.placement(decision, 0)


async def new_party(shell: Shell, kind: Kind, name: str, details: Mapping[str, Any]) -> Contact | Company:
    """Do ``create_contact`` or ``create_company``."""
    act, fields = split(details)
    said = of_nothing(asked(act))

    async def prepare() -> Prepared:
        own = {**fields, "name": name}
        given = own.pop("id", None)
        if own.get("company"):
            own["company"] = (await referred(shell, "company", own["company"])).id
        values = checked(kind, own)
        at = said.instant(shell.clock, None)
        party_type = Contact if kind == "contact" else Company
        party = party_type(id=await shell.new_id(kind, given), created_at=at, updated_at=at, **values)
        return recording.birth(party, said.actor.id), (party,)

    party: Contact | Company = (await shell.once(f"create_{kind}", name, fields, said, prepare))[0]
    return party


async def log(shell: Shell, ref: Record | str, told: Mapping[str, Any], act: Mapping[str, Any]) -> Activity:
    """Do ``log``; ``told`` holds the kind, text, step and custom values."""
    said = asked(act)
    prepare = partial(_logged, shell, ref, told, said)
    activity: Activity = (await shell.once("log", id_of(ref), told, said, prepare))[0]
    return activity


async def _logged(shell: Shell, ref: Record | str, told: Mapping[str, Any], said: Asked) -> Prepared:
    # An activity belongs to the record whatever its version; only an explicit expect= is checked.
    record = await shell.current(id_of(ref), said.expect)
    step = text(told["step"], "step")
    # Activities may be written down in any order: no rule of time but that they have happened.
    request = shell.request("log", None, said)
    if isinstance(record, Lead | Deal):
        _check_step(shell, record, step)
        decision = await shell.decision(record, request)
        if not decision.verdict:
            raise RefusedError(record.id, decision.verdict)
    elif step:
        raise InputError("step", f"a {kind_of(record)} has no steps", "log steps for leads and deals")
    activity, commit = noted(
        shell,
        record,
        said,
        kind=_kind(told["kind"]),
        text=text(told["text"], "text", limit=TEXT_LIMIT),
        custom=custom_values(told["custom"]),
        at=request.at,
        step=step,
    )
    return commit, (activity,)


def _kind(told: object) -> str:
    kind = text(told, "kind", required=True)
    if kind in JOURNAL:
        raise InputError("kind", f"{kind!r} is a word of the journal", 'choose another one, such as "note"')
    return kind


def _check_step(shell: Shell, record: Placed, step: str) -> None:
    if not step:
        return
    steps = shell.pipeline(record.pipeline).stage(record.stage).steps
    if step not in steps:
        raise InputError("step", f"stage {record.stage} has no step {step!r}", did_you_mean(step, steps))
