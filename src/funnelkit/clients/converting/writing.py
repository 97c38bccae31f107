"""From a plan to one commit: the records, through the gate, and the journal to take it back by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import attrs

from funnelkit.clients.converting.plan import SIDES, ConversionPlan, Part
from funnelkit.clients.fields import has, value_of
from funnelkit.errors import RefusedError
from funnelkit.gate.decide import amended
from funnelkit.gate.request import Decision, Request
from funnelkit.inputs import custom_values
from funnelkit.records import Activity, Company, Contact, Deal, Lead, Repeat
from funnelkit.storage.base import Commit, Kind, kind_of
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked
from funnelkit.verbs.amending import edit_of, let_through
from funnelkit.verbs.creation import born
from funnelkit.verbs.journal import encoded, noted
from funnelkit.verbs.repeat import repeat_of
from funnelkit.verbs.shell import Prepared, Shell

__all__ = [
    "amended_deal",
    "clients_of",
    "deal_of",
    "drawn",
    "known_repeat",
    "lead_closed",
]

NOTHING = Commit()
LINKS = ("contact", "company", "lead")
"""Fields that hold the id of another record of the conversion."""


async def drawn(
    shell: Shell, plan: ConversionPlan, said: Asked, closing: tuple[Request, Decision]
) -> Prepared:
    """Return the commit of a plan, and the records to answer with, the journal the last.

    Args:
        shell: Where to read.
        plan: What to make.
        said: The common arguments.
        closing: What the gate has said to the lead; see `lead_closed`.

    Raises:
        RefusedError: The gate refuses the new deal, or the edit of an existing one.
    """
    request, decision = closing
    company, contact, clients = clients_of(shell, plan, request.at, said)
    repeat = await known_repeat(shell, plan, request.at)
    deal, deal_commit = await deal_of(
        shell, plan, said, at=request.at, contact=contact, company=company, repeat=repeat
    )
    converted = attrs.evolve(
        cast("Lead", decision.record),
        contact=contact.id if contact else plan.lead.contact,  # a link it came with is not lost
        company=company.id if company else plan.lead.company,
        deal=deal.id if deal else "",
    )
    made: dict[Kind, Any] = {"deal": deal, "contact": contact, "company": company}
    entry, entry_commit = journal(shell, plan, converted, made, said)
    lead_commit = recording.placement(attrs.evolve(decision, record=converted), plan.lead.version)
    records = (converted, *(record for record in made.values() if record), entry)
    return recording.merged((*clients, deal_commit, entry_commit, lead_commit)), records


async def lead_closed(shell: Shell, lead: Lead, said: Asked) -> tuple[Request, Decision]:
    """Ask the gate about the lead.

    Raises:
        RefusedError: It says no.
    """
    request = shell.request("convert", lead, said)
    decision = await shell.decision(lead, request)
    if decision.record is None:
        raise RefusedError(lead.id, decision.verdict)
    return request, decision


# -- contact and company -----------------------------------------------------------------------


def clients_of(
    shell: Shell, plan: ConversionPlan, at: datetime, said: Asked
) -> tuple[Company | None, Contact | None, tuple[Commit, Commit]]:
    """Return the company and the contact of a plan, and their commits."""
    company, company_commit = _party(shell, plan.company, at, said, {})
    links = {"company": company.id} if company else {}
    contact, contact_commit = _party(shell, plan.contact, at, said, links)
    return company, contact, (company_commit, contact_commit)


def _party(
    shell: Shell, part: Part, at: datetime, said: Asked, links: Mapping[str, str]
) -> tuple[Any, Commit]:
    if part.how == "none":
        return None, NOTHING
    if part.how == "new":
        make = Contact if part.kind == "contact" else Company
        fields = {**part.fields, **links, "custom": custom_values(part.fields.get("custom"))}
        party = make(id=shell.ids(part.kind), created_at=at, updated_at=at, **fields)
        return party, recording.birth(party, said.actor.id)
    known = part.record
    party = amended(known, edit_of(known, _fills(part, links)), max(at, known.updated_at))
    if party is known:
        return known, NOTHING
    commit = recording.amendment(known, party, actor=said.actor.id, reason="conversion", overruled="")
    return party, commit


def _fills(part: Part, links: Mapping[str, str]) -> dict[str, Any]:
    """Return field → value of the blanks to fill, the links with the ids that their records have got."""
    own = {field: value for field, value in part.fields.items() if field not in LINKS}
    return {**own, **{field: id for field, id in links.items() if not getattr(part.record, field)}}


# -- the deal ----------------------------------------------------------------------------------


async def deal_of(
    shell: Shell,
    plan: ConversionPlan,
    said: Asked,
    *,
    at: datetime,
    contact: Contact | None,
    company: Company | None,
    repeat: Repeat,
) -> tuple[Deal | None, Commit]:
    """Return the deal of a plan, new or with its blanks filled, and its commit.

    Raises:
        RefusedError: The gate refuses its creation, or its edit.
    """
    part = plan.deal
    if part.how == "none":
        return None, NOTHING
    if part.how == "existing":
        ids = {"contact": contact and contact.id, "company": company and company.id, "lead": plan.lead.id}
        fields = _fills(part, {link: id for link, id in ids.items() if id})
        return await amended_deal(shell, part.record, fields, said, at=at, cause="convert")
    deal, commit = await born(
        shell,
        "deal",
        part.fields,
        said,
        verb="create",
        at=at,
        cause="convert",
        contact=contact,
        company=company,
        lead=plan.lead.id,
        repeat=repeat,
    )
    return cast("Deal", deal), commit


async def known_repeat(shell: Shell, plan: ConversionPlan, at: datetime) -> Repeat:
    """Return the mark of the new deal of a plan; who is only just made has never come before."""
    if plan.deal.how != "new":
        return ""
    client: dict[str, str] = {kind: record.id for kind, record in plan.matched.items() if kind != "deal"}
    return await repeat_of(shell.store, at, client)


async def amended_deal(
    shell: Shell, deal: Deal, fields: Mapping[str, Any], said: Asked, *, at: datetime, cause: str
) -> tuple[Deal, Commit]:
    """Return a deal with new fields, as the gate lets them be edited, and the commit.

    Raises:
        RefusedError: A rule on ``edit`` refuses, or on ``assign`` where the owner is new.
    """
    if not fields:
        return deal, NOTHING
    said.instant(shell.clock, deal.updated_at)  # it is not edited before its latest act
    at = max(at, deal.updated_at)
    after, codes = await let_through(shell, deal, fields, said, at=at, cause=cause)
    reason = said.reason or "conversion"
    commit = recording.amendment(deal, after, actor=said.actor.id, reason=reason, overruled=codes)
    return cast("Deal", after), commit


# -- the journal -------------------------------------------------------------------------------


def journal(
    shell: Shell, plan: ConversionPlan, lead: Lead, made: Mapping[Kind, Any], said: Asked
) -> tuple[Activity, Commit]:
    """Return the activity on the lead that says what was made and filled, and its commit."""
    parts = {part.kind: part for part in plan.parts}
    told = [
        f"{parts[kind].how} {kind} {made[kind].name}" for kind in reversed(SIDES) if parts[kind].how != "none"
    ]
    custom = {
        "scheme": plan.scheme,
        "created": {kind: made[kind].id for kind in plan.created},
        "links": {link: getattr(plan.lead, link) for link in SIDES},
        "became": {link: getattr(lead, link) for link in SIDES},
        "filled": [
            {
                "kind": kind_of(before),
                "id": before.id,
                "field": field,
                **({"from": encoded(value_of(before, field))} if has(before, field) else {}),
                "to": encoded(value_of(made[kind], field)),
            }
            for kind, before in plan.matched.items()
            for field in parts[kind].fields
        ],
    }
    return noted(shell, lead, said, kind="conversion", text="; ".join(told), custom=custom)
