"""Duplicates of a whole store: keys that several records share, what the rules make of them, groups.

The store groups its keys itself, page by page in their order: what is known by a key alone never
leaves it. What is kept meanwhile are the keys shared, never the records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, Literal, cast

import attrs

from funnelkit.clients.matching import NOISE, Noise, Reason, checked_rules, plural, top
from funnelkit.clients.rules import CLIENT_KINDS, DEFAULT_RULES, FuzzyNames, MatchRule
from funnelkit.errors import InputError, shown
from funnelkit.progress import Progress, shower
from funnelkit.serial import did_you_mean
from funnelkit.sql import in_list, in_parts
from funnelkit.storage.base import AsyncStore, Kind
from funnelkit.verbs.shell import Shell

__all__ = ["LIKELY", "Duplicates", "Group", "found_duplicates"]

LIKELY = 0.5
"""Of `DEFAULT_RULES` those count here that are as sure as this: a mail domain alone is no duplicate."""

_PAGE = 500
_SHOWN = 20
_FEW = 6


@attrs.frozen
class Group:
    """Records of one kind that may be one. Iterating gives their ids, for `Engine.plan_merge`.

    Attributes:
        ids: Ids of the records, sorted.
        names: Their names, in that order.
        score: How sure it is that all of them are one: the score of the weakest reason that it takes
            to hold them together.
        reasons: Why, the surest first.

    >>> why = Reason("same phone", 0.95, ("phone:+442079460000",))
    >>> print(Group(("c1", "c2"), ("Ada Lovelace", "A. L."), 0.95, (why,)))
    0.95 'Ada Lovelace' (c1), 'A. L.' (c2): same phone: +442079460000 (0.95)
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    score: float
    reasons: tuple[Reason, ...]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __str__(self) -> str:
        pairs = zip(self.ids[:_FEW], self.names, strict=False)
        who = [f"{shown(name)} ({id})" for id, name in pairs]
        why = [str(reason) for reason in self.reasons[:_FEW]]
        who += [f"{len(self.ids) - _FEW} more"] * (len(self.ids) > _FEW)
        why += [f"{len(self.reasons) - _FEW} more reasons"] * (len(self.reasons) > _FEW)
        return f"{self.score:.2f} {', '.join(who)}: {'; '.join(why)}"


@attrs.frozen
class Duplicates:
    """The groups of records of a kind that may be one: the surest first, then by their first id.

    Attributes:
        kind: ``"lead"``, ``"contact"`` or ``"company"``.
        groups: Who may be one.
        noise: Keys that too many records share to mean anything; they were not used.

    >>> from funnelkit import Engine
    >>> engine = Engine()
    >>> for id, name in (("c1", "Ada Lovelace"), ("c2", "Ada"), ("c3", "Grace Hopper")):
    ...     contact = engine.create_contact(name, id=id, email=f"{name[:3]}@example.org")
    >>> print(engine.duplicates())
    2 contacts may be 1:
      1.00 'Ada Lovelace' (c1), 'Ada' (c2): same e-mail: ada@example.org (1.00)
    >>> [list(group) for group in engine.duplicates()]
    [['c1', 'c2']]
    """

    kind: str
    groups: tuple[Group, ...] = ()
    noise: tuple[Noise, ...] = ()

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    def __str__(self) -> str:
        many = plural(self.kind)
        records = sum(map(len, self.groups))
        head = f"{records:,} {many} may be {len(self):,}:" if self.groups else f"no two {many} may be one"
        return "\n".join((head, *_some(self.groups), *_some(self.noise)))


def _some(items: Sequence[Group | Noise]) -> Iterator[str]:
    yield from (f"  {item}" for item in items[:_SHOWN])
    if len(items) > _SHOWN:
        what = "groups" if isinstance(items[0], Group) else "such keys"
        yield f"  … and {len(items) - _SHOWN:,} more {what}"


async def found_duplicates(
    shell: Shell,
    kind: str,
    rules: Sequence[MatchRule | FuzzyNames] | None,
    progress: Progress | Literal[True] | None,
) -> Duplicates:
    """Do `Engine.duplicates`; of leads the open ones only."""
    if not isinstance(kind, str) or kind not in CLIENT_KINDS:
        problem = f"{shown(kind)} has no duplicates to look for"
        raise InputError("kind", problem, did_you_mean(kind, CLIENT_KINDS))
    used = [rule for rule in DEFAULT_RULES if rule.score >= LIKELY] if rules is None else checked_rules(rules)
    search = _Search(shell.store, kind, [rule for rule in used if kind in rule.kinds])
    await search.run(shower(progress))
    return Duplicates(kind, await search.groups(), tuple(Noise(key, NOISE, kind) for key in search.noise))


Link = tuple[float, str, tuple[str, ...], tuple[str, ...]]
"""Minus the score, the rule, the keys, the sorted ids: links sort by how sure they are."""


class _Search:
    """One search: what was linked, and which keys are noise, as far as it has come."""

    def __init__(self, store: AsyncStore, kind: str, rules: Sequence[MatchRule | FuzzyNames]) -> None:
        self.store = store
        self.kind: Kind = cast("Kind", kind)
        self.by_family: defaultdict[str, list[MatchRule | FuzzyNames]] = defaultdict(list)
        for rule in rules:
            self.by_family["word" if isinstance(rule, FuzzyNames) else rule.keys[0]].append(rule)
        self.links: set[Link] = set()
        self._loud: dict[str, bool] = {}

    @property
    def noise(self) -> list[str]:
        """The keys that too many records share, sorted."""
        return sorted(key for key, loud in self._loud.items() if loud)

    async def run(self, show: Progress) -> None:
        """Look at every key that several records share."""
        total, done = await self._count(), 0
        show(0, total)
        for family, rules in self.by_family.items():
            async for counts in self._shared(family):
                known = await self._known_by(counts)
                for rule in rules:
                    if isinstance(rule, FuzzyNames):
                        await self._similar(rule, known)
                    elif len(rule.keys) == 1:
                        self._link(rule, (((key,), ids) for key, ids in known.items()))
                    else:
                        await self._agreeing(rule, known)
                done += len(counts)
                show(min(done, total), total)

    async def _count(self) -> int:
        total = 0
        for family in self.by_family:
            rows = await self.store.query(_HOW_MANY, {"kind": self.kind, **_range(family)})
            total += int(rows[0][0])
        return total

    async def _shared(self, family: str) -> AsyncIterator[dict[str, int]]:
        """Yield pages of the keys of a family that several records have, with how many."""
        params: dict[str, Any] = {"kind": self.kind, "page": _PAGE, **_range(family)}
        while page := await self.store.query(_SHARED, params):
            yield dict(page)
            params["after"] = page[-1][0]

    async def _known_by(self, counts: dict[str, int]) -> dict[str, tuple[str, ...]]:
        """Return key → the records it is of, merged ones left out; for keys that are no noise."""
        few = [key for key in counts if not await self._is_loud(key, counts[key])]
        if not few:
            return {}
        names, params = in_list(few)
        found: defaultdict[str, list[str]] = defaultdict(list)
        sql = _KNOWN.format(table=self.kind, keys=names, open=_OPEN.get(self.kind, ""))
        for key, id in await self.store.query(sql, {"kind": self.kind, **params}):
            found[key].append(id)
        return {key: tuple(sorted(ids)) for key, ids in sorted(found.items()) if len(ids) > 1}

    async def _is_loud(self, key: str, count: int | None = None) -> bool:
        """Whether more records than `NOISE` stand behind a key, the merged ones not counted."""
        if key not in self._loud:
            if count is not None and count <= NOISE:
                return False
            sql = _STANDING.format(table=self.kind, open=_OPEN.get(self.kind, ""))
            rows = await self.store.query(sql, {"kind": self.kind, "key": key})
            self._loud[key] = int(rows[0][0]) > NOISE
        return self._loud[key]

    def _link(
        self, rule: MatchRule | FuzzyNames, found: Iterable[tuple[tuple[str, ...], tuple[str, ...]]]
    ) -> None:
        self.links.update((-rule.score, rule.name, by, ids) for by, ids in found)

    async def _agreeing(self, rule: MatchRule, known: dict[str, tuple[str, ...]]) -> None:
        """Link those that share, besides the first key, one of each other family of a rule."""
        others = await self._keys({id for ids in known.values() for id in ids}, rule.keys[1:])
        for first, ids in known.items():
            together: dict[tuple[str, ...], tuple[str, ...]] = {(first,): ids}
            for family in rule.keys[1:]:
                split: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
                for by, members in together.items():
                    for id in members:
                        for key in others.get((id, family), ()):
                            split[(*by, key)].append(id)
                together = {by: tuple(members) for by, members in split.items() if len(members) > 1}
            for by, members in together.items():
                if not [key for key in by[1:] if await self._is_loud(key)]:
                    self._link(rule, [(by, members)])

    async def _keys(self, ids: set[str], families: Sequence[str]) -> dict[tuple[str, str], list[str]]:
        """Return (id, family) → the keys of a record."""
        found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for part in in_parts(sorted(ids)):
            names, params = in_list(part)
            for family in dict.fromkeys(families):
                sql = _KEYS.format(ids=names)
                for id, key in await self.store.query(sql, {"kind": self.kind, **_range(family), **params}):
                    found[id, family].append(key)
        return found

    async def _similar(self, rule: FuzzyNames, known: dict[str, tuple[str, ...]]) -> None:
        """Link those whose names are similar, among those that share a word."""
        records = await self.store.get_many(self.kind, sorted({id for ids in known.values() for id in ids}))
        texts = {id: rule.text_of(record) for id, record in records.items()}
        for ids in known.values():
            for pair in combinations(ids, 2):
                one, other = (texts.get(id, "") for id in pair)
                if similar := rule.similarity(one, other):
                    by = " ~ ".join(sorted((one, other)))
                    self.links.add((-rule.score * similar, rule.name, (by,), pair))

    # -- what it comes to ---------------------------------------------------------------------

    async def groups(self) -> tuple[Group, ...]:
        """Return the groups that the links make up, the surest first."""
        above: dict[str, str] = {}
        links = sorted(self.links)
        weakest: dict[str, float] = {}
        for score, _, _, ids in links:
            tops = {top(above, id) for id in ids}
            if len(tops) > 1:
                first = min(tops)
                above.update((each, first) for each in tops if each != first)
                weakest[first] = -score
        members: defaultdict[str, list[str]] = defaultdict(list)
        for id in sorted({*above, *above.values()}):
            members[top(above, id)].append(id)
        reasons: defaultdict[str, list[Reason]] = defaultdict(list)
        for score, rule, by, ids in links:
            reasons[top(above, ids[0])].append(Reason(rule, -score, by))
        names = await self._names([id for ids in members.values() for id in ids])
        found = [
            Group(tuple(ids), tuple(names[id] for id in ids), weakest[first], tuple(reasons[first]))
            for first, ids in members.items()
        ]
        return tuple(sorted(found, key=lambda group: (-group.score, group.ids)))

    async def _names(self, ids: Sequence[str]) -> dict[str, str]:
        names = dict.fromkeys(ids, "")
        for part in in_parts(ids):
            marks, params = in_list(part)
            names.update(await self.store.query(_NAMES.format(table=self.kind, ids=marks), params))
        return names


def _range(family: str) -> dict[str, str]:
    """Return between which two texts all keys of a family lie."""
    return {"after": f"{family}:", "end": f"{family};"}


_SHARED = """
  SELECT match_key, COUNT(*) AS known FROM match_key
  WHERE match_key > :after AND match_key < :end AND kind = :kind
  GROUP BY match_key HAVING COUNT(*) > 1 ORDER BY match_key LIMIT :page"""
_HOW_MANY = """
  SELECT COUNT(*) FROM (
    SELECT match_key FROM match_key WHERE match_key > :after AND match_key < :end AND kind = :kind
    GROUP BY match_key HAVING COUNT(*) > 1
  ) AS shared"""
_KNOWN = """
  SELECT match_key, record_id FROM match_key JOIN {table} ON {table}.id = match_key.record_id
  WHERE match_key IN ({keys}) AND kind = :kind AND {table}.replaced_by = ''{open}"""
_STANDING = f"""
  SELECT COUNT(*) FROM (
    SELECT record_id FROM match_key JOIN {{table}} ON {{table}}.id = match_key.record_id
    WHERE match_key = :key AND kind = :kind AND {{table}}.replaced_by = ''{{open}} LIMIT {NOISE + 1}
  ) AS standing"""
_OPEN: dict[Kind, str] = {"lead": " AND lead.outcome = ''"}
"""A closed lead is history: who asks again next year is no duplicate."""
_KEYS = """
  SELECT record_id, match_key FROM match_key
  WHERE record_id IN ({ids}) AND kind = :kind AND match_key > :after AND match_key < :end
  ORDER BY record_id, match_key"""
_NAMES = "SELECT id, name FROM {table} WHERE id IN ({ids})"
