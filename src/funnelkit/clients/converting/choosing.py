"""What a lead becomes: given, linked, matched by its keys, or new. Reads, decides nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from funnelkit.clients.converting.plan import NEW, ConversionPlan, Left, Part
from funnelkit.clients.fields import FieldMap, Offer, blank, value_of
from funnelkit.clients.finding import known_by
from funnelkit.clients.matching import Candidate, candidates
from funnelkit.clients.schemes import Becomes, Scheme
from funnelkit.clients.sure import sure_match
from funnelkit.errors import InputError, shown
from funnelkit.inputs import custom_values, text
from funnelkit.keys.normal import company_key, email_key
from funnelkit.keys.phones import phone_key
from funnelkit.keys.policy import KeyPolicy, family_of, keys_of
from funnelkit.records import Contact, Deal, Lead, Record
from funnelkit.storage.base import Kind, kind_of
from funnelkit.verbs.acts import no_unknown
from funnelkit.verbs.amending import nested
from funnelkit.verbs.drafts import DealDetails, checked
from funnelkit.verbs.finding import kind_made_for, standing
from funnelkit.verbs.shell import Shell

__all__ = ["chosen"]

_WORTH_ASKING = 0.6
"""The score of `MatchRule` from which a candidate is asked about."""


async def chosen(
    shell: Shell, lead: Lead, scheme: Scheme, targets: Mapping[str, Any], details: Mapping[str, Any]
) -> ConversionPlan:
    """Return the plan for an open lead, without what the gate says to it.

    Args:
        shell: Where to read.
        lead: As it is in the store.
        scheme: What it becomes where ``targets`` do not say.
        targets: ``deal``, ``contact`` and ``company`` as `Engine.plan_conversion` takes them.
        details: `DealDetails`, without the common arguments.
    """
    no_unknown(details, DealDetails.__annotations__)
    clients = _Clients(shell, lead, scheme)
    contact = await clients.contact(targets["contact"])
    company = await clients.company(targets["company"], contact.record)
    deal = await _deal(shell, lead, scheme, targets["deal"], details)
    links = {"company": company}
    contact = _filled(contact, lead, scheme.fields, links)
    company = _filled(company, lead, scheme.fields, {})
    deal = _filled(deal, lead, scheme.fields, {"contact": contact, **links})
    plan = ConversionPlan(lead=lead, contact=contact, company=company, deal=deal, scheme=scheme.id)
    if all(part.how == "none" for part in plan.parts):
        raise InputError("convert", "a lead must become something", "make a deal, a contact or a company")
    return attrs.evolve(plan, left=_left(plan, scheme.fields, details, shell.business.keys))


class _Clients:
    """Who the lead is: asks the store for its keys when it has to, once."""

    def __init__(self, shell: Shell, lead: Lead, scheme: Scheme) -> None:
        self.shell, self.lead, self.scheme = shell, lead, scheme
        self._found: dict[str, list[Record]] | None = None

    async def contact(self, target: Any) -> Part:
        """Return the part of the contact; of a new one without its fields."""
        part, becomes = await self._given("contact", target, self.scheme.contact)
        return part or (Part(kind="contact", how="new") if becomes == "new" else Part(kind="contact"))

    async def company(self, target: Any, contact: Contact | None) -> Part:
        """Return the part of the company, which may be the one that the contact works for."""
        part, becomes = await self._given("company", target, self.scheme.company)
        searched = target is None and self.scheme.company in {"match", "known"}
        if searched and (part is None or part.how != "existing") and contact is not None and contact.company:
            works_at = await self.shell.store.get("company", contact.company)
            named = company_key(self.lead.company_name)
            if not named or named == company_key(works_at.name):
                return Part(kind="company", how="existing", why="where the contact works", record=works_at)
        if part is not None:
            return part
        new = becomes == "new" and (target is True or bool(self.lead.company_name))
        return Part(kind="company", how="new" if new else "none")

    async def _given(self, kind: Kind, target: Any, scheme: Becomes) -> tuple[Part | None, str]:
        """Return the part where it is clear; else what to do: ``"new"`` or ``"none"``."""
        if target is False:
            return Part(kind=kind), "none"
        if target is not None and target is not True:
            return Part(
                kind=kind, how="existing", why="given", record=await _standing(self.shell, kind, target)
            ), ""
        becomes = scheme if target is None else "new"
        if becomes == "none":
            return Part(kind=kind), "none"
        if linked := getattr(self.lead, kind):
            record = await _standing(self.shell, kind, linked)
            return Part(kind=kind, how="existing", why="the lead is linked to it", record=record), ""
        if becomes == "new":
            return None, "new"
        return await self._matched(kind, becomes)

    async def _matched(self, kind: Kind, becomes: str) -> tuple[Part | None, str]:
        known, found = await self._known(kind)
        if sure := sure_match(keys_of(self.lead, self.shell.business.keys), known, self.shell.business.keys):
            others = {record.id for record in sure.others}
            asked = tuple(one for one in found if one.record.id in others)
            why = next(str(why) for one in found if one.record.id == sure.record.id for why in one.reasons)
            return Part(kind=kind, how="existing", why=why, record=sure.record, open=asked), ""
        can_be_new = becomes == "match" and (kind == "contact" or bool(self.lead.company_name))
        asked = tuple(one for one in found if one.score >= _WORTH_ASKING)
        how: Literal["new", "none"] = "new" if can_be_new else "none"
        return (Part(kind=kind, how=how, open=asked) if asked else None), how

    async def _known(self, kind: Kind) -> tuple[dict[str, list[Record]], list[Candidate]]:
        """Return the records of a kind by the lead's keys, and what rules make of them, the surest first."""
        policy = self.shell.business.keys
        if self._found is None:
            keys = [key for key in keys_of(self.lead, policy) if family_of(key) != "word"]
            self._found = await known_by(self.shell.store, keys, ("contact", "company"))
        known = {key: [one for one in few if kind_of(one) == kind] for key, few in self._found.items()}
        return known, list(candidates(self.lead, known, policy=policy))


async def _standing(shell: Shell, kind: Kind, ref: Any) -> Any:
    """Return the record that was given, or the one that stands for it since it was merged."""
    given = await shell.store.get(kind, text(getattr(ref, "id", ref), kind, required=True))
    record = await standing(shell.store, given)
    if kind_of(record) != kind:
        problem = f"{shown(given)} is no more, for its conversion was undone"
        raise InputError(kind, problem, f"give another {kind}")
    return record


async def _deal(shell: Shell, lead: Lead, scheme: Scheme, target: Any, details: Mapping[str, Any]) -> Part:
    """Return the part of the deal: an existing one that was given or is linked, a new one, or none."""
    given = isinstance(target, Deal) or (isinstance(target, str) and kind_made_for(target) == "deal")
    if given or lead.deal:  # a linked one: the lead was converted, reopened, and is converted again
        if stray := next(
            (name for name in ("pipeline", "stage") if details.get(name) is not None and given), None
        ):
            raise InputError(stray, "an existing deal stays where it is", "leave it out, or move the deal")
        record = await (_standing(shell, "deal", target) if given else shell.store.get("deal", lead.deal))
        if given and record.outcome == "void":
            raise InputError("deal", f"{shown(record)} is void", "give another deal, or make a new one")
        offers = {name: ("", value) for name, value in _flat(details).items()} if given else {}
        return Part(
            kind="deal",
            how="existing",
            why="given" if given else "the lead is linked to it",
            record=record,
            fields={field: value for field, (_, value) in _blanks(record, offers).items()},
        )
    if target is False or (target is None and scheme.deal == "none"):
        return Part(kind="deal")
    name = "" if target is None or target is True else text(target, "deal", required=True)
    return Part(kind="deal", how="new", fields=_new_deal(shell, lead, name, details, scheme.fields))


def _new_deal(
    shell: Shell, lead: Lead, name: str, details: Mapping[str, Any], fields: FieldMap
) -> dict[str, Any]:
    """Return the fields of a new deal: what was given first, then what the lead knows."""
    given = {field: value for field, value in details.items() if value not in ("", None)}
    pipeline = shell.only("deal", given.pop("pipeline", None))
    stage = given.pop("stage", None)
    told = nested({field: value for field, (_, value) in fields.offers("deal", lead).items()})
    custom = {**told.pop("custom", {}), **custom_values(given.pop("custom", None))}
    named = name or told.pop("name", "") or ", ".join(filter(None, (lead.name, lead.company_name)))
    return {
        **checked("deal", {**told, **given, "name": named, "custom": custom}),
        "pipeline": pipeline.id,
        "stage": pipeline.first if stage is None else pipeline.stage(stage).id,
    }


def _filled(part: Part, lead: Lead, fields: FieldMap, links: Mapping[str, Part]) -> Part:
    """Return a part with its fields: all of a new client, the blanks of what is there."""
    if part.how == "none" or (part.kind == "deal" and part.how == "new"):
        return part
    offers = fields.offers(part.kind, lead)
    if part.how == "new":
        told = nested({field: value for field, (_, value) in offers.items()})
        return attrs.evolve(part, fields=checked(part.kind, {**told, "name": told.get("name") or lead.name}))
    found = {field: value for field, (_, value) in _blanks(part.record, offers).items()}
    known = {kind: _id(link) for kind, link in links.items() if link.how != "none"}
    if part.kind == "deal":
        known["lead"] = lead.id
    found |= {kind: id for kind, id in known.items() if not getattr(part.record, kind)}
    found |= part.fields  # what was given comes before what the lead knows
    checked(part.kind, nested({name: value for name, value in found.items() if name not in known}))
    return attrs.evolve(part, fields=found)


def _blanks(record: Any, offers: Mapping[str, Offer]) -> dict[str, Offer]:
    return {field: offer for field, offer in offers.items() if blank(value_of(record, field))}


def _id(part: Part) -> str:
    return part.record.id if part.record is not None else NEW


def _flat(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details that say something, each custom field by its own name."""
    custom = custom_values(details.get("custom"))
    plain = {name: value for name, value in details.items() if name != "custom" and not blank(value)}
    return {**plain, **{f"custom.{name}": value for name, value in custom.items()}}


# -- what is left ------------------------------------------------------------------------------


def _left(
    plan: ConversionPlan, fields: FieldMap, details: Mapping[str, Any], policy: KeyPolicy
) -> tuple[Left, ...]:
    """Return what the lead says that goes nowhere, or that an existing record says otherwise."""
    lead, used, other = plan.lead, set[str](), []
    for part in plan.parts:
        if part.how == "none":
            continue
        if part.kind == "deal" and part.how == "new":
            used |= {name for name in ("name", "company_name") if getattr(lead, name) in part.fields["name"]}
        for field, (source, value) in fields.offers(part.kind, lead).items():
            if part.how == "new":
                overridden = part.kind == "deal" and not blank(details.get(field))
                used |= set() if overridden else {source}
            elif field in part.fields or _alike(policy, field, value_of(part.record, field), value):
                used.add(source)
            elif source == fields.sources(part.kind).get(field, (source,))[0]:
                other.append(Left(source, value, f"{part.kind}.{field}", value_of(part.record, field)))
    named = {item.field for item in other} | used
    named |= {name.rpartition(".")[0] for name in named if name.count(".") > 1}  # a part of a nested one
    nowhere = [Left(name, value) for name, value in _says(lead).items() if name not in named]
    return (*nowhere, *other)


def _alike(policy: KeyPolicy, field: str, one: Any, other: Any) -> bool:
    """Whether two values say the same, for e-mails and phones in whatever spelling."""
    if one == other:
        return True
    if field == "email":
        key = email_key(other, policy.aliases)
        return key != "" and key == email_key(one, policy.aliases)
    key = phone_key(other, policy.region) if field == "phone" else ""
    return key != "" and key == phone_key(one, policy.region)


_SAYS = (
    *("name", "company_name", "email", "phone", "owner"),
    *("value", "probability", "expected_close", "source", "campaign"),
)


def _says(lead: Lead) -> dict[str, Any]:
    said = {name: getattr(lead, name) for name in _SAYS}
    said |= {f"custom.{name}": value for name, value in lead.custom.items()}
    return {name: value for name, value in said.items() if not blank(value)}
