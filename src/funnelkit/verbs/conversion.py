"""What becomes of a lead: which contact, company and deal a conversion makes, and with what.

Nothing that somebody has written is ever overwritten: blanks are filled, from the lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import attrs

from funnelkit.errors import InputError, RefusedError, shown
from funnelkit.gate.decide import amended
from funnelkit.inputs import custom_values, text
from funnelkit.records import Activity, Company, Contact, Deal, FrozenMapping, Lead, Record
from funnelkit.storage.base import Commit, Kind
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked, asked, no_unknown, split
from funnelkit.verbs.creation import born
from funnelkit.verbs.drafts import DealDetails
from funnelkit.verbs.shell import Prepared, Shell, id_of

__all__ = ["Conversion", "convert"]


@attrs.frozen(kw_only=True)
class Conversion:
    """What a conversion made of a lead, or found made already.

    ``deal``, ``contact`` and ``company`` are None where the lead did not become one.

    >>> from funnelkit import Engine, Pipeline, Stage, templates
    >>> engine = Engine(templates.lead_intake(), Pipeline("sales", [Stage("new")]))
    >>> made = engine.convert(engine.capture("Ada Lovelace", company_name="Acme"))
    >>> made.deal, made.contact, made.company
    (Deal('Ada Lovelace, Acme', new, v1), Contact('Ada Lovelace', v1), Company('Acme', v1))
    """

    lead: Lead
    deal: Deal | None = None
    contact: Contact | None = None
    company: Company | None = None


def company_of(lead: Lead, id: str, at: datetime) -> Company:
    """Return the company that a lead speaks of, as a new record."""
    return Company(
        id=id,
        name=lead.company_name or lead.name,
        owner=lead.owner,
        source=lead.source,
        created_at=at,
        updated_at=at,
    )


def contact_of(lead: Lead, company: str, id: str, at: datetime) -> Contact:
    """Return the person that a lead speaks of, as a new record."""
    return Contact(
        id=id,
        name=lead.name,
        owner=lead.owner,
        source=lead.source,
        email=lead.email,
        phone=lead.phone,
        company=company,
        created_at=at,
        updated_at=at,
    )


def filled(contact: Contact, lead: Lead, company: str, at: datetime) -> Contact:
    """Return a known contact with its blanks filled from a lead; the same one if it has none."""
    offers = {
        "email": lead.email,
        "phone": lead.phone,
        "company": company,
        "owner": lead.owner,
        "source": lead.source,
    }
    return amended(contact, {name: value for name, value in offers.items() if not getattr(contact, name)}, at)


def deal_fields(lead: Lead, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the deal: what was given first, then what the lead knows.

    A deal without a name of its own carries the names of the person and the company.
    """
    named = f"{lead.name}, {lead.company_name}" if lead.company_name else lead.name
    known = {
        "owner": lead.owner,
        "value": lead.value,
        "probability": lead.probability,
        "expected_close": lead.expected_close,
        "source": lead.source,
        "campaign": lead.campaign,
    }
    fields = {field: value for field, value in given.items() if value not in ("", None)}
    return {
        **known,
        **fields,
        "name": name or named,
        "custom": FrozenMapping({**lead.custom, **custom_values(given.get("custom"))}),
    }


async def convert(
    shell: Shell,
    ref: Lead | str,
    targets: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> Conversion:
    """Do ``convert``: ask the gate about the lead and about the deal, commit all of it at once.

    Args:
        shell: Where to read and write.
        ref: The lead, or its id.
        targets: ``deal``, ``contact`` and ``company`` as `Engine.convert` takes them.
        arguments: `DealDetails` and the common arguments.
    """
    act, details = split(arguments)
    no_unknown(details, DealDetails.__annotations__)
    said = asked(act)

    async def prepare() -> Prepared:
        lead = await shell.current(id_of(ref), None)
        if not isinstance(lead, Lead):
            raise InputError("lead", f"{shown(lead)} is not a lead")
        if lead.outcome == "won":
            return None, await _became(shell, lead)
        await shell.current(ref, said.expect)
        return await _converted(shell, lead, targets, details, said=said)

    return _conversion(await shell.once("convert", id_of(ref), {**targets, **details}, said, prepare))


def _conversion(records: tuple[Record | Activity, ...]) -> Conversion:
    made: dict[str, Any] = {type(record).__name__.lower(): record for record in records}
    return Conversion(**made)


async def _became(shell: Shell, lead: Lead) -> tuple[Record, ...]:
    """Return a converted lead and what it became, as they are now."""
    ids: dict[Kind, str] = {"deal": lead.deal, "contact": lead.contact, "company": lead.company}
    return (lead, *[await shell.store.get(kind, id) for kind, id in ids.items() if id])


async def _converted(
    shell: Shell, lead: Lead, targets: Mapping[str, Any], details: Mapping[str, Any], *, said: Asked
) -> Prepared:
    request = shell.request("convert", lead, said)
    decision = await shell.decision(lead, request)
    if decision.record is None:
        raise RefusedError(lead.id, decision.verdict)
    at, actor = request.at, request.actor.id
    company, company_commit = await _company(shell, lead, target=targets["company"], at=at, actor=actor)
    works_at = company.id if company else ""
    contact, contact_commit = await _contact(
        shell, lead, works_at, target=targets["contact"], at=at, actor=actor
    )
    deal, deal_commit = await _deal(
        shell, lead, details, said, target=targets["deal"], at=at, contact=contact, company=company
    )
    if not (company or contact or deal):
        raise InputError("convert", "a lead must become something", "make a deal, a contact or a company")
    converted = attrs.evolve(
        cast("Lead", decision.record),
        contact=contact.id if contact else lead.contact,  # a link it came with is not lost
        company=company.id if company else lead.company,
        deal=deal.id if deal else "",
    )
    lead_commit = recording.placement(attrs.evolve(decision, record=converted), lead.version)
    records = (converted, *(item for item in (deal, contact, company) if item))
    return recording.merged((company_commit, contact_commit, deal_commit, lead_commit)), records


_NOTHING = Commit()


async def _company(
    shell: Shell, lead: Lead, *, target: bool | Company | str | None, at: datetime, actor: str
) -> tuple[Company | None, Commit]:
    if target is None or target is True:
        target = lead.company or bool(target or lead.company_name)
    if isinstance(target, bool):
        if not target:
            return None, _NOTHING
        company = company_of(lead, shell.ids("company"), at)
        return company, recording.birth(company, actor)
    return await shell.store.get("company", text(getattr(target, "id", target), "company")), _NOTHING


async def _contact(
    shell: Shell,
    lead: Lead,
    works_at: str,
    *,
    target: bool | Contact | str | None,
    at: datetime,
    actor: str,
) -> tuple[Contact | None, Commit]:
    if target is None or target is True:
        target = lead.contact or True
    if isinstance(target, bool):
        if not target:
            return None, _NOTHING
        contact = contact_of(lead, works_at, shell.ids("contact"), at)
        return contact, recording.birth(contact, actor)
    known = await shell.store.get("contact", text(getattr(target, "id", target), "contact"))
    contact = filled(known, lead, works_at, max(at, known.updated_at))
    if contact is known:
        return known, _NOTHING
    return contact, recording.amendment(known, contact, actor=actor, reason="conversion", overruled="")


async def _deal(
    shell: Shell,
    lead: Lead,
    details: Mapping[str, Any],
    said: Asked,
    *,
    target: bool | str,
    at: datetime,
    contact: Contact | None,
    company: Company | None,
) -> tuple[Deal | None, Commit]:
    if lead.deal:  # the lead was converted, reopened, and is converted again
        return await shell.store.get("deal", lead.deal), _NOTHING
    if target is False:
        return None, _NOTHING
    name = "" if target is True else text(target, "deal", required=True)
    deal, commit = await born(
        shell,
        "deal",
        deal_fields(lead, name, details),
        said,
        verb="create",
        at=at,
        cause="convert",
        contact=contact,
        company=company,
        lead=lead.id,
    )
    return cast("Deal", deal), commit
