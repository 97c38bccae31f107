"""Looking for who it is: the keys of a record, what a store knows by them, what the rules make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from funnelkit.clients.keys import keys_of
from funnelkit.clients.matching import NOISE, Candidates, candidates
from funnelkit.clients.rules import DEFAULT_RULES, FuzzyNames, MatchRule
from funnelkit.errors import InputError, shown
from funnelkit.records import Company, Contact, Deal, Lead, Record
from funnelkit.storage.base import KINDS, AsyncStore, Kind
from funnelkit.verbs.shell import Shell

__all__ = ["found_candidates", "known_by", "standing", "the_client"]

_ENOUGH = NOISE + 2
"""So many records a key tell that it is noise."""

_FIRST = (
    "SELECT match_key, kind, record_id FROM (SELECT match_key, kind, record_id FROM match_key"
    f" WHERE match_key = :{{name}} ORDER BY record_id LIMIT {_ENOUGH}) AS {{name}}"
)
"""The first records of one key; its parameter and its subquery carry the key's name."""

_SURE = ("email:", "phone:", "id:")
"""Families of keys that belong to one person, or to one company."""


async def found_candidates(
    shell: Shell, inquiry: Lead | Contact | Company | str, rules: Sequence[MatchRule | FuzzyNames] | None
) -> Candidates:
    """Do `Engine.candidates`."""
    record: Record = await shell.current(inquiry, None) if isinstance(inquiry, str) else inquiry
    if not isinstance(record, Lead | Contact | Company):
        raise InputError("inquiry", f"{shown(record)} has no keys", "give a lead, a contact or a company")
    company = await _company_name(shell.store, record)
    keys = keys_of(record, shell.business.keys, company_name=company)
    used = DEFAULT_RULES if rules is None else tuple(rules)
    found = await known_by(shell.store, _asked_by(keys, used))
    return candidates(record, found, used, shell.business.keys, company_name=company)


def _asked_by(keys: Iterable[str], rules: Iterable[MatchRule | FuzzyNames]) -> list[str]:
    """Return the keys of the families that the rules look at."""
    families: set[str] = set()
    for rule in rules:
        families.update(("word",) if isinstance(rule, FuzzyNames) else rule.keys)
    return [key for key in keys if any(key.startswith(f"{family}:") for family in families)]


async def _company_name(store: AsyncStore, record: Record) -> str:
    if not isinstance(record, Contact) or not record.company:
        return ""
    company: Company = await store.get("company", record.company)
    return company.name


async def known_by(
    store: AsyncStore, keys: Sequence[str], kinds: Sequence[Kind] = ("lead", "contact", "company")
) -> dict[str, list[Record]]:
    """Return key → the records of some kinds that a store knows by it, tombstones left out.

    Who was merged into another leads there. Of each key no more are read than it takes to tell noise.
    """
    named = {f"k{number}": key for number, key in enumerate(keys)}
    if not named:
        return {}
    rows = await store.query(" UNION ALL ".join(_FIRST.format(name=name) for name in named), named)
    ids: defaultdict[Kind, set[str]] = defaultdict(set)
    for _, kind, id in rows:
        if kind in kinds:
            ids[kind].add(id)
    records = {kind: await store.get_many(kind, sorted(wanted)) for kind, wanted in ids.items()}
    found: defaultdict[str, dict[str, Record]] = defaultdict(dict)
    for key, kind, id in rows:
        if record := records.get(kind, {}).get(id):
            stands = await standing(store, record)
            if type(stands) is type(record):
                found[key][stands.id] = stands
    return {key: list(known.values()) for key, known in found.items()}


async def standing(store: AsyncStore, record: Record) -> Record:
    """Return the record that stands for one: itself, or whom it was merged into."""
    while record.replaced_by:
        for kind in KINDS:
            if above := await store.get_many(kind, [record.replaced_by]):
                record = above[record.replaced_by]
                break
        else:
            return record
    return record


async def the_client(shell: Shell, inquiry: Record, kind: Kind) -> Record | None:
    """Return the one contact or company that an inquiry is surely from; None for none, and for several.

    Sure are an e-mail address, a phone number, an identifier: whatever of these the inquiry names
    must lead to one and the same record.
    """
    if isinstance(inquiry, Deal):
        return None
    keys = [key for key in keys_of(inquiry, shell.business.keys) if key.startswith(_SURE)]
    found = await known_by(shell.store, keys, (kind,))
    known = {record.id: record for records in found.values() if len(records) <= NOISE for record in records}
    return next(iter(known.values())) if len(known) == 1 else None
