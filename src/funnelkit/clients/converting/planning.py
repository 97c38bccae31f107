"""From a lead to the plan of its conversion: reads, asks the gate, writes nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import attrs

from funnelkit.clients.converting.choosing import chosen
from funnelkit.clients.converting.plan import ConversionPlan, Part
from funnelkit.clients.converting.writing import clients_of, deal_of, known_repeat, lead_closed
from funnelkit.clients.schemes import USUAL, Scheme
from funnelkit.errors import ConflictError, InputError, RefusedError, shown
from funnelkit.gate.refusals import merged
from funnelkit.records import Activity, FrozenMapping, Lead, Record
from funnelkit.stages import Refusal, Verdict
from funnelkit.storage.base import Kind
from funnelkit.verbs.acts import Asked, asked, no_unknown, split
from funnelkit.verbs.drafts import DealDetails
from funnelkit.verbs.finding import id_of, kind_made_for
from funnelkit.verbs.shell import Shell

__all__ = ["no_strangers", "plan_conversion", "the_lead", "what_became"]


async def plan_conversion(
    shell: Shell,
    ref: Lead | str,
    scheme: Scheme | None,
    targets: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> ConversionPlan:
    """Do ``plan_conversion``: look, ask the gate, write nothing.

    Args:
        shell: Where to read.
        ref: The lead, or its id.
        scheme: What it becomes where ``targets`` do not say; `schemes.USUAL` when left out.
        targets: ``deal``, ``contact`` and ``company`` as `Engine.plan_conversion` takes them.
        arguments: `DealDetails` and the common arguments.
    """
    if not isinstance(scheme, Scheme | None):
        raise InputError("scheme", f"{shown(scheme)} is no Scheme", "give one of funnelkit.schemes")
    act, details = split(arguments)
    no_unknown(details, DealDetails.__annotations__)
    no_strangers(targets)
    said = asked(act)
    lead = await the_lead(shell, ref, said)
    scheme = scheme or USUAL
    if lead.outcome == "won":
        plan = await _converted_already(shell, lead)
    else:
        plan = await chosen(shell, lead, scheme, targets, details)
        plan = attrs.evolve(plan, searched=_searched(plan, scheme, targets))
        plan = attrs.evolve(plan, repeat=await known_repeat(shell, plan, _now(shell, lead, said)))
        plan = attrs.evolve(plan, refusals=(*_nobody(plan, scheme), *await _verdict(shell, plan, said)))
    given = {name: value for name, value in act.items() if name not in {"expect", "key"}}
    return attrs.evolve(plan, act=FrozenMapping(given))


def no_strangers(targets: Mapping[str, Any]) -> None:
    """Raise InputError for an id of another kind of record: no deal is meant to be called that."""
    for kind, target in targets.items():
        made_for = kind_made_for(target) if isinstance(target, str) else None
        if made_for not in {None, kind}:
            problem = f"{shown(target)} looks like the id of a {made_for}"
            raise InputError(kind, problem, f"give a {kind}, or the id of one")


async def the_lead(shell: Shell, ref: Lead | str, said: Asked) -> Lead:
    """Return the lead that is meant. A converted one may be named by the record of before."""
    lead = await shell.current(id_of(ref), None)
    if not isinstance(lead, Lead):
        raise InputError("lead", f"{shown(lead)} is not a lead")
    if isinstance(ref, Lead) and ref.id != lead.id:
        refusal = merged(attrs.evolve(ref, replaced_by=lead.id))
        raise RefusedError(ref.id, Verdict("convert", (refusal,)))
    expected = said.expect or (ref.version if isinstance(ref, Lead) else None)
    if lead.outcome != "won" and expected is not None and expected != lead.version:
        raise ConflictError("lead", lead.id, expected, lead.version)
    return lead


def _searched(plan: ConversionPlan, scheme: Scheme, targets: Mapping[str, Any]) -> tuple[Kind, ...]:
    """Return the kinds of which somebody known was looked for, and there will be a new one."""
    becomes = {"contact": scheme.contact, "company": scheme.company}
    return tuple(
        part.kind
        for part in plan.parts
        if part.how == "new" and becomes.get(part.kind) == "match" and targets[part.kind] is None
    )


def _now(shell: Shell, lead: Lead, said: Asked) -> Any:
    return said.instant(shell.clock, lead.updated_at)


def _nobody(plan: ConversionPlan, scheme: Scheme) -> tuple[Refusal, ...]:
    if not scheme.client or "new" in (plan.contact.how, plan.company.how) or _has_client(plan):
        return ()
    fix = "say which one" if plan.open else "take another scheme"
    return (Refusal("unknown_client", f"nobody is known who would be {plan.lead.name!r}", fix=fix),)


def _has_client(plan: ConversionPlan) -> bool:
    return not plan.matched.keys().isdisjoint({"contact", "company"})


async def _verdict(shell: Shell, plan: ConversionPlan, said: Asked) -> tuple[Refusal, ...]:
    """Return what the gate says to the lead and to the deal, both of them asked."""
    dry = copy.copy(shell)
    dry.ids = lambda kind: f"{kind}_new"  # the ids of records that are never written
    refusals: tuple[Refusal, ...] = ()
    try:
        await lead_closed(dry, plan.lead, said)
    except RefusedError as error:
        refusals += error.verdict.refusals
    at = _now(shell, plan.lead, said)
    company, contact, _ = clients_of(dry, plan, at, said)
    try:
        await deal_of(dry, plan, said, at=at, contact=contact, company=company, repeat=plan.repeat)
    except RefusedError as error:
        refusals += error.verdict.refusals
    return refusals


async def _converted_already(shell: Shell, lead: Lead) -> ConversionPlan:
    became = {type(record).__name__.lower(): record for record in await what_became(shell, lead)}
    kinds: tuple[Kind, ...] = ("contact", "company", "deal")
    parts = {
        kind: Part(kind=kind, how="existing", why="it became this", record=became[kind])
        if kind in became
        else Part(kind=kind)
        for kind in kinds
    }
    return ConversionPlan(lead=lead, done=True, **parts)  # type: ignore[arg-type]


async def what_became(shell: Shell, lead: Lead) -> tuple[Record | Activity, ...]:
    """Return a converted lead and what it became, as they are now, with the entry in its journal."""
    ids: dict[Kind, str] = {"deal": lead.deal, "contact": lead.contact, "company": lead.company}
    records = [await shell.store.get(kind, id) for kind, id in ids.items() if id]
    entries = [entry for entry in await shell.store.activities(lead.id) if entry.kind == "conversion"]
    return (lead, *records, *entries[-1:])
