"""What becomes of a lead: planned, done in one commit, and taken back.

Nothing that somebody has written is ever overwritten: blanks are filled, from the lead.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.errors import ConflictError, InputError, RefusedError, shown
from funnelkit.gate.refusals import merged
from funnelkit.records import Activity, Company, Contact, Deal, FrozenMapping, Lead, Record
from funnelkit.stages import Refusal, Verdict
from funnelkit.storage.base import Kind
from funnelkit.verbs.acts import Asked, asked, no_unknown, split
from funnelkit.verbs.drafts import DealDetails
from funnelkit.verbs.shell import Prepared, Shell, id_of, kind_made_for

if TYPE_CHECKING:  # the parts of a conversion are loaded with the first one
    from funnelkit.clients.schemes import Scheme
    from funnelkit.verbs.converting.plan import ConversionPlan

__all__ = ["Conversion", "apply_conversion", "convert", "plan_conversion", "undo_conversion"]


@attrs.frozen(kw_only=True)
class Conversion:
    """What a conversion made of a lead, or found made already.

    ``deal``, ``contact`` and ``company`` are None where the lead did not become one. ``id`` is that
    of the entry in the lead's activities by which `Engine.undo` takes it back.

    >>> from funnelkit import Engine, Pipeline, Stage, templates
    >>> engine = Engine(templates.lead_intake(), Pipeline("sales", [Stage("new")]))
    >>> made = engine.convert(engine.capture("Ada Lovelace", company_name="Acme"))
    >>> made.deal, made.contact, made.company
    (Deal('Ada Lovelace, Acme', new, v1), Contact('Ada Lovelace', v1), Company('Acme', v1))
    >>> print(made)
    lead 'Ada Lovelace' became contact 'Ada Lovelace', company 'Acme' and deal 'Ada Lovelace, Acme'
    """

    lead: Lead
    deal: Deal | None = None
    contact: Contact | None = None
    company: Company | None = None
    id: str = ""

    def __str__(self) -> str:
        parties = {"contact": self.contact, "company": self.company, "deal": self.deal}
        told = [f"{kind} {shown(record.name)}" for kind, record in parties.items() if record is not None]
        became = " and ".join(filter(None, (", ".join(told[:-1]), *told[-1:]))) or "nothing"
        return f"lead {shown(self.lead.name)} became {became}"


# -- planned -----------------------------------------------------------------------------------


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
    from funnelkit.clients.schemes import USUAL, Scheme
    from funnelkit.verbs.converting.choosing import chosen
    from funnelkit.verbs.converting.writing import known_repeat

    if not isinstance(scheme, Scheme | None):
        raise InputError("scheme", f"{shown(scheme)} is no Scheme", "give one of funnelkit.schemes")
    act, details = split(arguments)
    no_unknown(details, DealDetails.__annotations__)
    _no_strangers(targets)
    said = asked(act)
    lead = await _lead(shell, ref, said)
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


def _no_strangers(targets: Mapping[str, Any]) -> None:
    """Raise InputError for an id of another kind of record: no deal is meant to be called that."""
    for kind, target in targets.items():
        made_for = kind_made_for(target) if isinstance(target, str) else None
        if made_for not in {None, kind}:
            problem = f"{shown(target)} looks like the id of a {made_for}"
            raise InputError(kind, problem, f"give a {kind}, or the id of one")


async def _lead(shell: Shell, ref: Lead | str, said: Asked) -> Lead:
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
    from funnelkit.verbs.converting.writing import clients_of, deal_of, lead_closed

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
    from funnelkit.verbs.converting.plan import ConversionPlan, Part

    became = {type(record).__name__.lower(): record for record in await _became(shell, lead)}
    kinds: tuple[Kind, ...] = ("contact", "company", "deal")
    parts = {
        kind: Part(kind=kind, how="existing", why="it became this", record=became[kind])
        if kind in became
        else Part(kind=kind)
        for kind in kinds
    }
    return ConversionPlan(lead=lead, done=True, **parts)  # type: ignore[arg-type]


# -- done --------------------------------------------------------------------------------------


async def apply_conversion(shell: Shell, plan: ConversionPlan, act: Mapping[str, Any]) -> Conversion:
    """Do what a plan says, if all is as it was; under a key, once.

    Args:
        shell: Where to read and write.
        plan: What `plan_conversion` returned.
        act: The common arguments; they come before those that the plan was made with.
    """
    from funnelkit.verbs.converting.writing import drawn, lead_closed

    said = asked({**plan.act, **act})

    async def prepare() -> Prepared:
        await _unchanged(shell, plan)
        if plan.done:
            return None, await _became(shell, plan.lead)
        await _nobody_since(shell, plan)
        if stopping := [refusal for refusal in plan.refusals if refusal.code == "unknown_client"]:
            raise RefusedError(plan.lead.id, Verdict("convert", tuple(stopping)))
        return await drawn(shell, plan, said, await lead_closed(shell, plan.lead, said))

    what: dict[str, Any] = {part.kind: [part.how, part.record, part.fields] for part in plan.parts}
    return _conversion(await shell.once("apply", plan.lead.id, what, said, prepare))


async def _unchanged(shell: Shell, plan: ConversionPlan) -> None:
    """Raise ConflictError if the lead or an existing record is not as the plan was made on."""
    records: dict[Kind, Any] = {"lead": plan.lead, **plan.matched}
    for kind, seen in records.items():
        now = await shell.store.get(kind, seen.id)
        if now.version != seen.version:
            raise ConflictError(kind, seen.id, seen.version, now.version)


async def _nobody_since(shell: Shell, plan: ConversionPlan) -> None:
    """Raise ConflictError if it is known by now who the lead is, and the plan makes a new one."""
    from funnelkit.clients.finding import the_client

    for kind in plan.searched:
        if known := await the_client(shell, plan.lead, kind):
            raise ConflictError(kind, known.id, 0, known.version)


async def convert(
    shell: Shell,
    ref: Lead | str,
    targets: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> Conversion:
    """Do ``convert``: plan and apply at once, looking for nobody.

    Args:
        shell: Where to read and write.
        ref: The lead, or its id.
        targets: ``deal``, ``contact`` and ``company`` as `Engine.convert` takes them.
        arguments: `DealDetails` and the common arguments.
    """
    from funnelkit.clients.schemes import UNSEARCHED
    from funnelkit.verbs.converting.choosing import chosen
    from funnelkit.verbs.converting.writing import drawn, lead_closed

    act, details = split(arguments)
    no_unknown(details, DealDetails.__annotations__)
    _no_strangers(targets)
    said = asked(act)

    async def prepare() -> Prepared:
        lead = await _lead(shell, ref, said)
        if lead.outcome == "won":
            return None, await _became(shell, lead)
        closing = await lead_closed(shell, lead, said)
        plan = await chosen(shell, lead, UNSEARCHED, targets, details)
        return await drawn(shell, plan, said, closing)

    return _conversion(await shell.once("convert", id_of(ref), {**targets, **details}, said, prepare))


async def _became(shell: Shell, lead: Lead) -> tuple[Record | Activity, ...]:
    """Return a converted lead and what it became, as they are now, with the entry in its journal."""
    ids: dict[Kind, str] = {"deal": lead.deal, "contact": lead.contact, "company": lead.company}
    records = [await shell.store.get(kind, id) for kind, id in ids.items() if id]
    entries = [entry for entry in await shell.store.activities(lead.id) if entry.kind == "conversion"]
    return (lead, *records, *entries[-1:])


def _conversion(records: tuple[Record | Activity, ...]) -> Conversion:
    made: dict[str, Any] = {type(record).__name__.lower(): record for record in records}
    entry = made.pop("activity", None)
    return Conversion(**made, id=entry.id if entry else "")


# -- taken back --------------------------------------------------------------------------------


async def undo_conversion(shell: Shell, id: str, act: Mapping[str, Any]) -> Lead:
    """Do ``undo`` for a conversion; return the lead, open again.

    Args:
        shell: Where to read and write.
        id: That of the `Conversion`.
        act: The common arguments; ``reason`` closes the deal if its catalogue has it.
    """
    from funnelkit.verbs.converting.undoing import taken_back

    said = asked(act)

    async def prepare() -> Prepared:
        return await taken_back(shell, id, said)

    lead: Lead = (await shell.once("undo", id, {}, said, prepare))[0]
    return lead
