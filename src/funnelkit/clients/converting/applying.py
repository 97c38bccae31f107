"""A conversion that is done: one commit, and a journal by which it is taken back.

Nothing that somebody has written is ever overwritten: blanks are filled, from the lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from funnelkit.clients.converting.choosing import chosen
from funnelkit.clients.converting.plan import ConversionPlan
from funnelkit.clients.converting.planning import no_strangers, the_lead, what_became
from funnelkit.clients.converting.writing import drawn, lead_closed
from funnelkit.clients.finding import the_client
from funnelkit.clients.schemes import UNSEARCHED
from funnelkit.errors import ConflictError, RefusedError, shown
from funnelkit.records import Activity, Company, Contact, Deal, Lead, Record
from funnelkit.stages import Verdict
from funnelkit.storage.base import Kind
from funnelkit.verbs.acts import asked, no_unknown, split
from funnelkit.verbs.drafts import DealDetails
from funnelkit.verbs.finding import id_of
from funnelkit.verbs.shell import Prepared, Shell

__all__ = ["Conversion", "apply_conversion", "convert"]


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


async def apply_conversion(shell: Shell, plan: ConversionPlan, act: Mapping[str, Any]) -> Conversion:
    """Do what a plan says, if all is as it was; under a key, once.

    Args:
        shell: Where to read and write.
        plan: What `plan_conversion` returned.
        act: The common arguments; they come before those that the plan was made with.
    """
    said = asked({**plan.act, **act})

    async def prepare() -> Prepared:
        await _unchanged(shell, plan)
        if plan.done:
            return None, await what_became(shell, plan.lead)
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
    act, details = split(arguments)
    no_unknown(details, DealDetails.__annotations__)
    no_strangers(targets)
    said = asked(act)

    async def prepare() -> Prepared:
        lead = await the_lead(shell, ref, said)
        if lead.outcome == "won":
            return None, await what_became(shell, lead)
        closing = await lead_closed(shell, lead, said)
        plan = await chosen(shell, lead, UNSEARCHED, targets, details)
        return await drawn(shell, plan, said, closing)

    return _conversion(await shell.once("convert", id_of(ref), {**targets, **details}, said, prepare))


def _conversion(records: tuple[Record | Activity, ...]) -> Conversion:
    made: dict[str, Any] = {type(record).__name__.lower(): record for record in records}
    entry = made.pop("activity", None)
    return Conversion(**made, id=entry.id if entry else "")
