"""What becomes of an inquiry: one card, of the right person, where its source sends it.

Whether somebody asks for the second time is looked up, then written: two inquiries of one person that
arrive at the very same moment under different keys can still become two cards, which
`Engine.duplicates` finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from funnelkit.changes import ActivityLogged
from funnelkit.clients.finding import named, the_client
from funnelkit.clients.keys import keys_of
from funnelkit.clients.sure import may_be_one
from funnelkit.clock import to_us
from funnelkit.errors import InputError, shown
from funnelkit.inputs import custom_values
from funnelkit.intake.source import Source
from funnelkit.people.holding import due
from funnelkit.records import NOTHING, Activity, Company, Contact, Lead, Placed
from funnelkit.storage.base import Commit, Kind
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked
from funnelkit.verbs.converting.writing import encoded
from funnelkit.verbs.creation import born
from funnelkit.verbs.drafts import checked
from funnelkit.verbs.shell import Prepared, Shell

__all__ = ["arrived"]

_PERSONAL = ("email:", "phone:")
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
    if contact is None:
        found = await the_client(shell, who, "contact")
        contact = found if isinstance(found, Contact) else None
    pipeline = shell.only(kind, own.get("pipeline")).id
    if again := await _same(shell, inquiry, pipeline, contact):
        checked(kind, {name: value for name, value in own.items() if name not in _NO_FIELDS[kind]})
        kept = {name: encoded(value) for name, value in own.items() if name not in _KEPT and value}
        return _touch(shell, inquiry, again, why="the same inquiry as before", said=kept), (again,)
    commits: list[Commit] = []
    if kind == "deal":
        contact, company, commits = await _client(shell, inquiry, contact, company)
        own = {name: value for name, value in own.items() if name not in _SAID}
    why = ""
    if not own.get("owner"):
        own["owner"], why = await _owner(shell, inquiry, contact, company)
    record, commit = await born(
        shell, kind, own, said, verb=_VERB[kind], at=who.created_at, contact=contact, company=company
    )
    return recording.merged((*commits, commit, _touch(shell, inquiry, record, why=why))), (record,)


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


async def _same(shell: Shell, inquiry: _Inquiry, pipeline: str, contact: Contact | None) -> Placed | None:
    """Return the open card of the same inquiry, the newest one; None when there is none.

    It is of the same person in the same pipeline: of the client, or of somebody with the same e-mail
    address, or with the same phone number, unless the two have given different addresses, or names
    that have no word in common: many may call from one number.
    """
    kind, who = inquiry.kind, inquiry.who
    if inquiry.source is None or not inquiry.source.same_within:
        return None
    now = to_us(who.created_at)
    since = max(0, now - inquiry.source.same_within // _MICROSECOND)
    asked, fresh = {"pipeline": pipeline, "since": since, "now": now}, _FRESH.format(kind=kind)
    found: set[str] = set()
    if contact is not None:
        sql = _OF_CLIENT.format(kind=kind, fresh=fresh)
        rows = await shell.store.query(sql, {**asked, "contact": contact.id})
        found.update(id for (id,) in rows)
    keys = [key for key in keys_of(who, shell.business.keys) if key.startswith(_PERSONAL)]
    if keys:
        names, params = named(keys)
        rows = await shell.store.query(_OF_KEYS[kind].format(keys=names, fresh=fresh), {**asked, **params})
        mailed = {id for id, key, _, _ in rows if key.startswith("email:")}
        found |= {
            id
            for id, _, email, name in rows
            if id in mailed or (not (email and who.email) and may_be_one(name, who.name))
        }
    cards: dict[str, Any] = await shell.store.get_many(kind, sorted(found)) if found else {}
    return max(cards.values(), key=lambda card: (card.created_at, card.id), default=None)


_MICROSECOND = timedelta(microseconds=1)
_FRESH = """{kind}.pipeline = :pipeline AND {kind}.outcome = '' AND {kind}.replaced_by = ''
    AND {kind}.created_us > :since AND {kind}.created_us <= :now"""
_OF_CLIENT = "SELECT id FROM {kind} WHERE contact = :contact AND {fresh}"
_OF_KEYS: dict[Kind, str] = {
    "lead": """
  SELECT lead.id, match_key, lead.email, lead.name FROM match_key JOIN lead ON lead.id = match_key.record_id
  WHERE match_key IN ({keys}) AND match_key.kind = 'lead' AND {fresh}""",
    "deal": """
  SELECT deal.id, match_key, contact.email, contact.name FROM match_key
  JOIN contact ON contact.id = match_key.record_id JOIN deal ON deal.contact = contact.id
  WHERE match_key IN ({keys}) AND match_key.kind = 'contact' AND {fresh}""",
}


async def _client(
    shell: Shell, inquiry: _Inquiry, contact: Contact | None, company: Company | None
) -> tuple[Contact | None, Company | None, list[Commit]]:
    """Return the client of a deal, made if nobody knows them, and the commits that make them."""
    commits: list[Commit] = []
    who, actor = inquiry.who, inquiry.said.actor.id
    new: dict[str, Any] = {"created_at": who.created_at, "updated_at": who.created_at}
    if contact is None and (who.email or who.phone):
        if company is None and who.company_name:
            company = Company(id=shell.ids("company"), name=who.company_name, **new)
            commits.append(recording.birth(company, actor))
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
    source, who, actor = inquiry.source, inquiry.who, inquiry.said.actor
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
    activity = Activity(
        id=shell.ids("activity"),
        record=record.id,
        kind="inquiry",
        text=who.name,
        pipeline=record.pipeline,
        stage=record.stage,
        at=who.created_at,
        by=actor.id,
        roles=tuple(sorted(actor.roles)),
        custom=custom_values({name: value for name, value in kept.items() if value}) or NOTHING,
    )
    change = ActivityLogged(
        record=record.id,
        version=record.version,
        at=activity.at,
        actor=actor.id,
        activity=activity.id,
        kind=activity.kind,
    )
    return Commit(activities=(activity,), changes=(change,))
