"""Who it surely is: one decision for inquiries, conversions and tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from funnelkit.clients.matching import NOISE
from funnelkit.keys.normal import words_of
from funnelkit.keys.policy import KeyPolicy, keys_of
from funnelkit.records import Deal, Record

__all__ = ["SURE", "Sure", "may_be_one", "sure_match", "who_fits"]

SURE = ("email:", "id:", "phone:")
"""Families of keys that belong to one person, or to one company, the surest first.

An e-mail address says more than an identifier, which a whole firm may have, and that more than a phone
number, which a family may share.
"""


@attrs.frozen
class Sure:
    """Who it surely is.

    Attributes:
        record: The one that is meant.
        key: The key that says so.
        others: Who has the same e-mail address and is younger: they are the same person once more.
    """

    record: Record
    key: str
    others: tuple[Record, ...] = ()


def sure_match(
    keys: Sequence[str],
    known: Mapping[str, Sequence[Record]],
    policy: KeyPolicy,
    *,
    families: Sequence[str] = SURE,
) -> Sure | None:
    """Return the one record that somebody surely is; None for nobody, or if it is open.

    The surest family that finds anybody decides. What says less only chooses among those that are
    found by what says more. Of several with one e-mail address the oldest is taken: they are one and
    the same, and a new one would be one more. Of several with one number nobody is.

    Args:
        keys: What somebody is known by, as from `keys_of`, the name among it.
        known: Key → the standing records of one kind that have it; of more than `NOISE` it is noise.
        policy: How keys are made.
        families: Which keys are sure, the surest first.

    >>> from funnelkit import Engine
    >>> engine, policy = Engine(), KeyPolicy()
    >>> ada = engine.create_contact("Ada", email="ada@acme.example", phone="+442079460000")
    >>> known = {key: [ada] for key in keys_of(ada, policy)}
    >>> sure_match(["phone:+442079460000", "name:ada lovelace"], known, policy)
    Sure(record=Contact('Ada', v1), key='phone:+442079460000', others=())
    >>> sure_match(["phone:+442079460000", "email:bob@acme.example"], known, policy) is None
    True
    """
    key, fitting = who_fits(keys, known, policy, families=families)
    if len(fitting) == 1 or key.startswith("email:"):
        return Sure(fitting[0], key, fitting[1:])
    return None


def who_fits(
    keys: Sequence[str],
    known: Mapping[str, Sequence[Record]],
    policy: KeyPolicy,
    *,
    families: Sequence[str] = SURE,
) -> tuple[str, tuple[Record, ...]]:
    """Return the key that decides, and whom it leaves, the oldest first; arguments as `sure_match`."""
    told = [key for key in keys if len(known.get(key, ())) <= NOISE]
    mine = _grouped(told)
    chosen: dict[str, tuple[str, Record]] = {}
    for rank, family in enumerate(families):
        found: dict[str, tuple[str, Record]] = {}
        for key in told:
            for record in known.get(key, ()) if key.startswith(family) else ():
                if not _somebody_else(record, mine, known, policy, families[:rank]):
                    found.setdefault(record.id, (key, record))
        if not chosen and family == "phone:":
            chosen = {id: one for id, one in found.items() if _named_alike(mine, one[1])}
        else:
            chosen = {id: one for id, one in chosen.items() if id in found} or chosen or found
    first = sorted(chosen.values(), key=lambda one: (one[1].created_at, one[1].id))
    return first[0][0] if first else "", tuple(record for _, record in first)


def _somebody_else(
    record: Record,
    mine: Mapping[str, set[str]],
    known: Mapping[str, Sequence[Record]],
    policy: KeyPolicy,
    surer: Sequence[str],
) -> bool:
    """Whether a record has other keys than mine where those say more than the one that found it."""
    said = {group: keys for group, keys in mine.items() if f"{group}:".startswith(tuple(surer))}
    if not said or isinstance(record, Deal):
        return False
    theirs = _grouped(keys_of(record, policy))
    for group, keys in said.items():
        # who was merged into the record may have had mine: then it is known by them
        had = {key for key in keys for one in known.get(key, ()) if one.id == record.id}
        if group in theirs and theirs[group].isdisjoint(keys) and not had:
            return True
    return False


def _named_alike(mine: Mapping[str, set[str]], record: Record) -> bool:
    said = " ".join(key.partition(":")[2] for key in mine.get("name", ()))
    return may_be_one(said, record.name)


def may_be_one(one: str, other: str) -> bool:
    """Whether two names have a word in common, or one of them has none: many may call from one number.

    >>> may_be_one("Ada Lovelace", "LOVELACE A."), may_be_one("Ada", "Bob"), may_be_one("?", "Bob")
    (True, False, True)
    """
    words, others = set(words_of(one)), set(words_of(other))
    return not words or not others or not words.isdisjoint(others)


def _grouped(keys: Iterable[str]) -> dict[str, set[str]]:
    """Return what keys are keys of, ``"email"`` or ``"id:vat"`` → the keys."""
    groups: dict[str, set[str]] = {}
    for key in keys:
        group = ":".join(key.split(":")[: 2 if key.startswith("id:") else 1])
        groups.setdefault(group, set()).add(key)
    return groups
