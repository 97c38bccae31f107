"""Whether somebody asks the same thing again, and what an open card learns of that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from funnelkit.clients.sure import may_be_one
from funnelkit.clock import to_us
from funnelkit.errors import RefusedError, TimeError
from funnelkit.keys.normal import words_of
from funnelkit.keys.policy import keys_of
from funnelkit.records import Contact, Deal, Lead, Placed, Record
from funnelkit.sql import in_list
from funnelkit.storage.base import Commit, Kind
from funnelkit.verbs.acting import amending
from funnelkit.verbs.acts import Asked
from funnelkit.verbs.shell import Shell

__all__ = ["Again", "filled", "same_card"]


@attrs.frozen(kw_only=True)
class Again:
    """What an inquiry is compared by.

    Attributes:
        kind: ``"lead"`` or ``"deal"``.
        name: The name of the card that it would become.
        pipeline: Where that card would be.
        within: How long an inquiry can be the same one.
        who: Who asks, as a lead that is in no pipeline.
        contact: The client, where they are known.
        told: The caller said who the client is.
    """

    kind: Kind
    name: str
    pipeline: str
    within: timedelta
    who: Lead
    contact: Contact | None
    told: bool


async def same_card(shell: Shell, asked: Again) -> Placed | None:
    """Return the open card of the same inquiry, the newest one; None when there is none.

    It is in the same pipeline, not older than ``within``, and of the same person; a deal has the same
    name as well, for one client may want two things. The same person is:

    - the client, where the caller names one;
    - the same e-mail address, or the same number unless both gave an address and these differ, or the
      same client found by what was said: each of these with names that have a word in common, unless
      one of the two has no name. Many may write from one address, and call from one number;
    - the same address and the same number, whatever the names.
    """
    if not asked.within:
        return None
    rows = await _rows(shell, asked)
    found: dict[str, set[str]] = {}
    for id, key in rows:
        found.setdefault(id, set()).add(key.partition(":")[0])
    cards: dict[str, Any] = await shell.store.get_many(asked.kind, sorted(found)) if found else {}
    holders = await _holders(shell, cards)
    same = [
        card
        for id, card in cards.items()
        if _one_person(asked, holders.get(id), found[id])
        and (asked.kind == "lead" or _spelt(card.name) == _spelt(asked.name))
    ]
    return max(same, key=lambda card: (card.created_at, card.id), default=None)


async def _rows(shell: Shell, asked: Again) -> list[tuple[str, str]]:
    """Return (id of an open card, the key that found it); the key is ``"client"`` for that of the client."""
    now = to_us(asked.who.created_at)
    since = max(0, now - asked.within // timedelta(microseconds=1))
    params: dict[str, Any] = {"pipeline": asked.pipeline, "since": since, "now": now}
    fresh, rows = _FRESH.format(kind=asked.kind), []
    if asked.contact is not None:
        sql = _OF_CLIENT.format(kind=asked.kind, fresh=fresh)
        of_client = await shell.store.query(sql, {**params, "contact": asked.contact.id})
        rows += [(id, "client") for (id,) in of_client]
    keys = [key for key in keys_of(asked.who, shell.business.keys) if key.startswith(_PERSONAL)]
    if keys:
        names, values = in_list(keys)
        sql = _OF_KEYS[asked.kind].format(keys=names, fresh=fresh)
        rows += [(id, key) for id, key in await shell.store.query(sql, {**params, **values})]
    return rows


async def _holders(shell: Shell, cards: dict[str, Any]) -> dict[str, Record]:
    """Return card → who says how to reach its person: a lead itself, a deal's contact."""
    wanted = sorted({card.contact for card in cards.values() if isinstance(card, Deal) and card.contact})
    contacts = await shell.store.get_many("contact", wanted) if wanted else {}
    return {
        id: card if isinstance(card, Lead) else contacts[card.contact]
        for id, card in cards.items()
        if isinstance(card, Lead) or card.contact in contacts
    }


def _one_person(asked: Again, holder: Any, by: set[str]) -> bool:
    if "client" in by and asked.told:
        return True
    if holder is None:
        return False
    if {"email", "phone"} <= by:
        return True
    alike = may_be_one(holder.name, asked.who.name)
    return alike and (bool(by & {"client", "email"}) or not (holder.email and asked.who.email))


def _spelt(name: str) -> list[str]:
    return words_of(name) or [name.casefold()]


_PERSONAL = ("email:", "phone:")
_FRESH = """{kind}.pipeline = :pipeline AND {kind}.outcome = '' AND {kind}.replaced_by = ''
    AND {kind}.created_us > :since AND {kind}.created_us <= :now"""
_OF_CLIENT = "SELECT id FROM {kind} WHERE contact = :contact AND {fresh}"
_OF_KEYS: dict[Kind, str] = {
    "lead": """
  SELECT lead.id, match_key FROM match_key JOIN lead ON lead.id = match_key.record_id
  WHERE match_key IN ({keys}) AND match_key.kind = 'lead' AND {fresh}""",
    "deal": """
  SELECT deal.id, match_key FROM match_key
  JOIN contact ON contact.id = match_key.record_id JOIN deal ON deal.contact = contact.id
  WHERE match_key IN ({keys}) AND match_key.kind = 'contact' AND {fresh}""",
}


async def filled(
    shell: Shell, card: Placed, who: Lead, contact: Contact | None, said: Asked
) -> tuple[Placed, tuple[Commit, ...]]:
    """Return a card with its blanks filled from the same inquiry, and the commits that fill them.

    E-mail, phone, name of the company and client of a lead; e-mail and phone of a deal's contact. What
    is there already stays. It is an ``edit``; where the gate refuses that, the blanks stay blank.

    Args:
        shell: Where to read.
        card: The open card.
        who: Who asks again.
        contact: The client, where they are known.
        said: The common arguments of the inquiry.
    """
    record: Any = card
    fields = ["email", "phone", "company_name"]
    if isinstance(card, Deal):
        record = (
            await shell.standing(await shell.store.get("contact", card.contact)) if card.contact else None
        )
        fields = ["email", "phone"]
    if record is None:
        return card, ()
    new = {name: getattr(who, name) for name in fields if getattr(who, name) and not getattr(record, name)}
    if isinstance(card, Lead) and contact is not None and not card.contact:
        new["contact"] = contact.id
    if not new:
        return card, ()
    at = None if said.at is None else max(said.at, record.updated_at)
    told = attrs.evolve(said, at=at, reason=said.reason or "the same inquiry as before")
    try:
        commit, (after,) = await amending(shell, "edit", record, told, new)
    except (RefusedError, TimeError):  # the inquiry itself is not lost for that
        return card, ()
    return (after if isinstance(card, Lead) else card), (commit,) if commit is not None else ()
