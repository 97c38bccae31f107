"""Looking for who it is: the keys of a record, what a store knows by them, what the rules make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from funnelkit.clients.matching import NOISE, Candidates, candidates
from funnelkit.clients.rules import DEFAULT_RULES, FuzzyNames, MatchRule
from funnelkit.clients.sure import SURE, sure_match
from funnelkit.errors import InputError, shown
from funnelkit.keys.policy import keys_of
from funnelkit.records import Company, Contact, Deal, Lead, Record
from funnelkit.sql import in_list, in_parts
from funnelkit.storage.base import AsyncStore, Kind
from funnelkit.verbs.shell import Shell

__all__ = ["found_candidates", "known_by", "standing_by_id", "the_client"]

_ENOUGH = NOISE + 2
"""So many records of a kind tell that their key is noise."""

_FIRST = """
  SELECT match_key, '{kind}' AS kind, record_id, replaced_by FROM (
    SELECT match_key, record_id, replaced_by FROM match_key JOIN {kind} ON {kind}.id = match_key.record_id
    WHERE match_key = :{key} AND kind = '{kind}' ORDER BY record_id LIMIT {limit}
  ) AS {key}_{kind}"""
"""The first records of one kind that one key finds."""

_LOOKED_AT = 100
"""Records of a key that are looked at; of most that are more than `_ENOUGH` it is noise."""

_AT_ONCE = 400
"""Parts of a UNION; SQLite takes 500."""


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
    """Return key → the records of some kinds that a store knows by it.

    Who was merged into another leads there. Of each key and kind no more records are read than it
    takes to tell noise.
    """
    found = await _ids_by(store, keys, kinds)
    records: dict[Kind, dict[str, Record]] = {}
    for kind in kinds:
        wanted = {id for (_, of), ids in found.items() if of == kind for id in ids}
        records[kind] = await standing_by_id(store, kind, wanted)
    known: defaultdict[str, dict[str, Record]] = defaultdict(dict)
    for (key, kind), ids in found.items():
        stands = [records[kind][id] for id in ids if id in records[kind]]
        known[key].update((record.id, record) for record in stands)
    return {key: list(each.values()) for key, each in known.items() if each}


async def _ids_by(
    store: AsyncStore, keys: Sequence[str], kinds: Sequence[Kind]
) -> dict[tuple[str, Kind], list[str]]:
    """Return (key, kind) → ids of the first records, those of who was merged replaced."""
    found: defaultdict[tuple[str, Kind], dict[str, None]] = defaultdict(dict)
    for few in in_parts(keys, _AT_ONCE // max(len(kinds), 1)):
        _, params = in_list(few)
        parts = [_FIRST.format(key=name, kind=kind, limit=_LOOKED_AT) for name in params for kind in kinds]
        for key, kind, id, replaced_by in await store.query(" UNION ALL ".join(parts), params):
            found[key, kind][replaced_by or id] = None
    return {which: list(ids)[:_ENOUGH] for which, ids in found.items()}


async def standing_by_id(store: AsyncStore, kind: Kind, ids: set[str]) -> dict[str, Record]:
    """Return id → the record of a kind that stands for it; nothing for who is no more."""
    found = await store.get_many(kind, sorted(ids)) if ids else {}
    gone = {id: record.replaced_by for id, record in found.items() if record.replaced_by}
    if gone:
        above = await standing_by_id(store, kind, set(gone.values()))
        found = {id: found[id] for id in found if id not in gone} | {
            id: above[over] for id, over in gone.items() if over in above
        }
    return found


async def the_client(shell: Shell, inquiry: Record, kind: Kind) -> Record | None:
    """Return the contact or company that an inquiry is surely from, as `sure_match` says it."""
    if isinstance(inquiry, Deal):
        return None
    policy = shell.business.keys
    keys = keys_of(inquiry, policy)
    known = await known_by(shell.store, [key for key in keys if key.startswith(SURE)], (kind,))
    sure = sure_match(keys, known, policy)
    return sure.record if sure else None
