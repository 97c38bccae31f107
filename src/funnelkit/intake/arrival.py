"""What becomes of an inquiry: one card, of the right person, where its source sends it.

Whether somebody asks for the second time is looked up, then written; see `funnelkit.intake.turns` for
those who ask twice at the very same moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from funnelkit.clients.finding import the_client
from funnelkit.errors import InputError, shown
from funnelkit.inputs import custom_values, text
from funnelkit.intake.same_inquiry import Again, filled, same_card
from funnelkit.intake.source import Source
from funnelkit.intake.turns import next_turns, taking
from funnelkit.people.assigning import due
from funnelkit.records import NOTHING, Company, Contact, Lead, Placed
from funnelkit.storage.base import Commit, Kind
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked
from funnelkit.verbs.creation import born
from funnelkit.verbs.drafts import checked
from funnelkit.verbs.journal import encoded, noted
from funnelkit.verbs.shell import Prepared, Shell

__all__ = ["arrived"]

_SAID = ("person", "email", "phone", "company_name")
_PLACE = ("id", "pipeline", "stage")
_NO_FIELDS: dict[Kind, tuple[str, ...]] = {"lead": _PLACE, "deal": (*_PLACE, *_SAID)}
"""What is said of an inquiry and is no field of its card."""


@attrs.frozen(kw_only=True)
class _Inquiry:
    """Somebody who asks.

    Attributes:
        kind: What becomes of it: ``"lead"`` or ``"deal"``.
        source: Where it comes from; None where the engine has no sources.
        who: What they said of themselves, as a lead that is in no pipeline.
        told: What they agreed to and how they came.
        said: The common arguments of the verb.
    """

    kind: Kind
    source: Source | None
    who: Lead
    told: Mapping[str, Any]
    said: Asked


async def arrived(
    shell: Shell,
    kind: Kind,
    fields: Mapping[str, Any],
    said: Asked,
    *,
    contact: Contact | None,
    company: Company | None,
) -> Prepared:
    """Return the commit and the card of an inquiry.

    Args:
        shell: Where to read.
        kind: ``"lead"`` or ``"deal"``.
        fields: What the caller gave, ``name`` and ``source`` among it.
        said: The common arguments.
        contact: The person who asks, where the caller knows them.
        company: Their company, likewise.
    """
    own = dict(fields)
    told = {name: own.pop(name, None) for name in ("consent", "origin")}
    source = _source(shell, own)
    if source is not None:
        own = _settled(shell, source, kind, own)
    who = _who(own, contact, said.instant(shell.clock, None))
    inquiry = _Inquiry(kind=kind, source=source, who=who, told=told, said=said)
    known = contact
    turns: tuple[str, ...] = ()
    if kind == "deal" or (source is not None and source.same_within):
        turns = await next_turns(shell, who, contact.id if contact else "")
    if contact is None:
        found = await the_client(shell, who, "contact")
        contact = found if isinstance(found, Contact) else None
    if card := await same_card(shell, _compared(shell, inquiry, own, contact, told=known is not None)):
        return await _once_more(shell, inquiry, card, own, contact)
    commits: list[Commit] = []
    if kind == "deal":
        contact, company, commits = await _client(shell, inquiry, own, contact, company)
        own = {name: value for name, value in own.items() if name not in _SAID}
    why = ""
    if not own.get("owner"):
        own["owner"], why = await _owner(shell, inquiry, contact, company)
    record, commit = await born(
        shell, kind, own, said, verb=_VERB[kind], at=who.created_at, contact=contact, company=company
    )
    touch, turn = _touch(shell, inquiry, record, why=why), taking(turns, record.id)
    return recording.merged((*commits, commit, touch, turn)), (record,)


def _compared(
    shell: Shell, inquiry: _Inquiry, own: Mapping[str, Any], contact: Contact | None, *, told: bool
) -> Again:
    source, kind = inquiry.source, inquiry.kind
    return Again(
        kind=kind,
        name=text(own["name"], "name", required=True),
        pipeline=shell.only(kind, own.get("pipeline")).id,
        within=source.same_within if source else timedelta(),
        who=inquiry.who,
        contact=contact,
        told=told,
    )


async def _once_more(
    shell: Shell, inquiry: _Inquiry, card: Placed, own: Mapping[str, Any], contact: Contact | None
) -> Prepared:
    """Return the commit and the card of the same inquiry, which leaves what it says, and fills blanks."""
    kind = inquiry.kind
    checked(kind, {name: value for name, value in own.items() if name not in _NO_FIELDS[kind]})
    kept = {name: encoded(value) for name, value in own.items() if name not in _KEPT and value}
    if own["name"] != card.name:
        kept["name"] = own["name"]
    card, commits = await filled(shell, card, inquiry.who, contact, inquiry.said)
    touch = _touch(shell, inquiry, card, why="the same inquiry as before", said=kept)
    return recording.merged((*commits, touch)), (card,)


_KEPT = ("name", "person", "email", "phone", "company_name", "source", "pipeline", "stage")
"""What of a repeated inquiry is in its activity anyway, or decides nothing any more."""

_VERB: dict[Kind, str] = {"lead": "capture", "deal": "create"}


def _source(shell: Shell, own: Mapping[str, Any]) -> Source | None:
    """Return the source that an inquiry names; an engine that has sources knows no others."""
    if not shell.business.sources or not own.get("source"):
        return None
    return shell.business.source(own["source"])


def _settled(shell: Shell, source: Source, kind: Kind, own: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with what the source decides where the caller said nothing."""
    if source.pipeline:
        pipeline = shell.pipeline(source.pipeline)
        if pipeline.kind != kind and not own.get("pipeline"):
            verb = "create" if pipeline.kind == "deal" else "capture"
            problem = f"{shown(source.id)} brings {pipeline.kind}s"
            raise InputError("source", problem, f"use {verb}, or name a pipeline for {kind}s")
    decided = {"campaign": source.campaign}
    if not own.get("pipeline"):
        decided |= {"pipeline": source.pipeline}
        if not own.get("stage"):
            decided |= {"stage": source.stage}
    return {**own, **{name: value for name, value in decided.items() if value and not own.get(name)}}


def _who(own: Mapping[str, Any], contact: Contact | None, at: datetime) -> Lead:
    names = ("email", "phone", "company_name", "custom")
    said = {name: own[name] for name in names if own.get(name)}
    known = contact.name if contact else own["name"]
    values = checked("lead", {"name": own.get("person") or known, **said})
    return Lead(id="", pipeline="", stage="", created_at=at, entered_at=at, updated_at=at, **values)


async def _client(
    shell: Shell,
    inquiry: _Inquiry,
    own: Mapping[str, Any],
    contact: Contact | None,
    company: Company | None,
) -> tuple[Contact | None, Company | None, list[Commit]]:
    """Return the client of a deal, made if nobody knows them, and the commits that make them.

    The person is made where they are named, or can be reached; the company where it is named.
    """
    commits: list[Commit] = []
    who, actor = inquiry.who, inquiry.said.actor.id
    new: dict[str, Any] = {"created_at": who.created_at, "updated_at": who.created_at}
    if contact is None and company is None and who.company_name:
        company = Company(id=shell.ids("company"), name=who.company_name, **new)
        commits.append(recording.birth(company, actor))
    if contact is None and (who.email or who.phone or own.get("person")):
        works_at = company.id if company else ""
        contact = Contact(
            id=shell.ids("contact"), name=who.name, email=who.email, phone=who.phone, company=works_at, **new
        )
        commits.append(recording.birth(contact, actor))
    if company is None and contact is not None and contact.company:
        company = await shell.store.get("company", contact.company)
    return contact, company, commits


async def _owner(
    shell: Shell, inquiry: _Inquiry, contact: Contact | None, company: Company | None
) -> tuple[str, str]:
    """Return who gets what a source brings, and why."""
    source = inquiry.source
    if source is None or source.sharing is None:
        return (source.owner if source else ""), ""
    answer = await due(
        shell,
        source.sharing,
        inquiry.kind,
        contact=contact.id if contact else "",
        company=company.id if company else "",
        source_owner=source.owner,
        creator=inquiry.said.actor.id,
        at=inquiry.who.created_at,
    )
    return answer.owner, str(answer)


def _touch(
    shell: Shell, inquiry: _Inquiry, record: Placed, *, why: str, said: Mapping[str, Any] = NOTHING
) -> Commit:
    """Return the commit of the activity that keeps what was said, and how it came.

    Args:
        shell: Where ids come from.
        inquiry: What was asked, and by whom.
        record: The card that it is on.
        why: Why that one, or why its owner has it.
        said: What else was said that the card does not hold.
    """
    source, who = inquiry.source, inquiry.who
    kept: dict[str, Any] = {
        "name": who.name,
        "email": who.email,
        "phone": who.phone,
        "company_name": who.company_name,
        "source": source.id if source else "",
        "channel": source.channel if source else "",
        "campaign": source.campaign if source else "",
        "owner": why,
        "said": said,
        **inquiry.told,
    }
    custom = custom_values({name: value for name, value in kept.items() if value})
    _, commit = noted(
        shell, record, inquiry.said, kind="inquiry", text=who.name, custom=custom, at=who.created_at
    )
    return commit
