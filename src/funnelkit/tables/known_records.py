"""What is known before a batch of rows is settled: read with a few queries for all of its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from funnelkit.clients.sure import SURE as OF_PEOPLE
from funnelkit.keys.policy import keys_of
from funnelkit.records import Actor, Company, Contact, Lead, Record
from funnelkit.sql import in_list, in_parts
from funnelkit.stages import Pipeline
from funnelkit.storage.base import KINDS, Kind, MatchKey
from funnelkit.verbs.shell import Shell

__all__ = ["SURE", "Known", "Run", "alias_of", "all_keys", "sure_keys"]

SURE: dict[str, tuple[str, ...]] = {"contact": OF_PEOPLE, "company": ("id:", "company:")}
"""Kind of client → families of keys by which one is surely known, the surest first."""

_LOOKED_AT = 100
"""Records of a key that are looked at, for some may be merged into one that was merged, too."""


@attrs.frozen(kw_only=True)
class Run:
    """What an import is told: where to, and how ids are made.

    Attributes:
        shell: Where to read and write.
        kind: Of the records.
        pipeline: Of leads and deals.
        source: The system the table is from: the first part of ids.
        actor: Who imports.
        override: Whether the gate may be overruled where it says no.
        at: When: one instant for all that the rows date not.
        columns: Field → the column that feeds it, for what is said about bad rows. A row that has a
            column of names and no name in it is bad.
    """

    shell: Shell
    kind: Kind
    pipeline: Pipeline | None
    source: str
    actor: Actor
    override: bool
    at: datetime
    columns: Mapping[str, str]

    def id_of(self, kind: Kind, key: str) -> str:
        """Return the id of the record to which another system has given a key."""
        return f"{self.source}-{kind}-{key}" if self.source else key


@attrs.define
class Known:
    """What a store and this run know. A plan keeps it over all rows, an import over a batch.

    Attributes:
        records: Id → record, of all kinds, as it is or as it will be.
        stands: Id that a row has → id of the record that it means, where that is another one.
        by_key: Sure key → ids of the clients of the kind that are known by it.
        noise: Keys of so many clients that nobody was looked at.
        companies: Key of a company's name → its id.
        lines: Id → the line of the first row about it.
        refused: Id that a row has → the line of the row that was bad, though it could be read.
    """

    records: dict[str, Record] = attrs.field(factory=dict)
    stands: dict[str, str] = attrs.field(factory=dict)
    by_key: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    noise: set[str] = attrs.field(factory=set)
    companies: dict[str, str] = attrs.field(factory=dict)
    lines: dict[str, int] = attrs.field(factory=dict)
    refused: dict[str, int] = attrs.field(factory=dict)

    def meant(self, id: str) -> Record | None:
        """Return the record that an id means."""
        return self.records.get(self.stands.get(id, id))

    def learn(self, record: Record, keys: Iterable[str]) -> None:
        """Take in a record as it will be, with the keys by which it is surely known."""
        self.records[record.id] = record
        for key in keys:
            ids = self.by_key.get(key, ())
            if record.id not in ids:
                self.by_key[key] = (*ids, record.id)

    # -- reading --------------------------------------------------------------------------------

    async def read_ids(self, run: Run, wanted: dict[Kind, set[str]]) -> None:
        """Read the records that ids of some kinds mean.

        Ids are one for all kinds, so what another kind has is looked for as well; but an id that
        begins with a source names its kind itself.
        """
        store = run.shell.store
        every = self._new({id for ids in wanted.values() for id in ids})
        for kind in KINDS:
            asked = every if not run.source else self._new(wanted.get(kind, ()))
            if asked:
                self.records |= await store.get_many(kind, asked)
        names = {_alias(kind, id): id for kind, ids in wanted.items() for id in ids if self._absent(id)}
        found = await _query(run.shell, _ALIASES, list(names))
        for kind, ids in _by_kind((kind, id) for _, kind, id in found).items():
            self.records |= await store.get_many(kind, [id for id in ids if id not in self.records])
        self.stands |= {names[key]: id for key, _, id in found}
        gone = {id: record.replaced_by for id in every if (record := self.meant(id)) and record.replaced_by}
        stands = await self._standing(run, KINDS, gone.values())
        self.stands |= {id: stands[over].id for id, over in gone.items() if over in stands}

    def _new(self, ids: Iterable[str]) -> list[str]:
        """Return those ids whose records are not read yet, in order; what is known may be a million."""
        return sorted([id for id in ids if id not in self.records])

    def _absent(self, id: str) -> bool:
        return id not in self.records and id not in self.stands

    async def _standing(self, run: Run, kinds: Collection[Kind], ids: Collection[str]) -> dict[str, Record]:
        """Return id → the record of some kinds that stands for it, nothing for who is no more.

        All are asked for at once, and once more for each time that they were merged further.
        """
        above = {id: id for id in ids}
        asked = set(ids)
        while asked:
            for kind in kinds:
                if new := self._new(asked):
                    self.records |= await run.shell.store.get_many(kind, new)
            asked = set()
            for id, over in above.items():
                record = self.records.get(over)
                if record is not None and record.replaced_by:
                    above[id] = record.replaced_by
                    asked.add(record.replaced_by)
        types = tuple(KINDS[kind] for kind in kinds)
        found = {id: self.records.get(over) for id, over in above.items()}
        return {id: record for id, record in found.items() if isinstance(record, types)}

    async def read_keys(self, run: Run, kind: Kind, keys: Iterable[str]) -> None:
        """Read the clients of a kind that are known by sure keys; a key of too many is noise."""
        told = await _query(run.shell, _COUNTED, sorted(set(keys)), kind)
        several = [key for key, count, _ in told if 1 < count <= _LOOKED_AT]
        rows = [(key, id) for key, count, id in told if count == 1]
        rows += await _query(run.shell, _EACH, several, kind)
        stands = await self._standing(run, (kind,), {id for _, id in rows})
        for key, id in rows:
            if id in stands:
                self.learn(stands[id], (key,))
        self.noise.update(key for key, count, _ in told if count > _LOOKED_AT)

    async def read_companies(self, run: Run, keys: Iterable[str]) -> None:
        """Read the companies that are known by their names; of several the one whose id is first."""
        kind: Kind = "company"
        rows = await _query(run.shell, _COUNTED, sorted(set(keys)), kind)
        stands = await self._standing(run, (kind,), {id for _, _, id in rows})
        self.companies |= {key: stands[id].id for key, _, id in rows if id in stands}


def _alias(kind: Kind, id: str) -> str:
    return f"import:{kind}:{id}"


def alias_of(id: str, record: str, kind: Kind) -> MatchKey:
    """Return the key by which a client is found again under the id that a row gave it."""
    return MatchKey(key=_alias(kind, id), kind=kind, record=record)


def _by_kind(pairs: Iterable[tuple[Kind, str]]) -> dict[Kind, list[str]]:
    found: defaultdict[Kind, list[str]] = defaultdict(list)
    for kind, id in pairs:
        found[kind].append(id)
    return found


_ALIASES = "SELECT match_key, kind, record_id FROM match_key WHERE match_key IN ({names})"
_STANDS = "CASE {kind}.replaced_by WHEN '' THEN {kind}.id ELSE {kind}.replaced_by END"
_KNOWN = (
    " FROM match_key JOIN {kind} ON {kind}.id = match_key.record_id"
    " WHERE match_key.kind = '{kind}' AND match_key IN ({names})"
)
_COUNTED = f"SELECT match_key, COUNT(DISTINCT {_STANDS}), MIN({_STANDS}){_KNOWN} GROUP BY match_key"
_EACH = f"SELECT DISTINCT match_key, {_STANDS}{_KNOWN} ORDER BY 1, 2"
"""Who was merged counts as the one that it was merged into."""


async def _query(shell: Shell, sql: str, keys: Sequence[str], kind: str = "") -> list[tuple[Any, ...]]:
    """Ask about many keys, some hundreds at once."""
    rows: list[tuple[Any, ...]] = []
    for part in in_parts(keys):
        names, params = in_list(part)
        rows += await shell.store.query(sql.format(names=names, kind=kind), params)
    return rows


# -- keys ----------------------------------------------------------------------------------------


def sure_keys(kind: Kind, keys: Iterable[str]) -> list[str]:
    """Return the keys by which a client is surely known."""
    families = SURE[kind]
    return [key for key in keys if key.startswith(families)]


def all_keys(run: Run, record: Lead | Contact | Company, company_name: str) -> tuple[str, ...]:
    """Return every key of a client, under the engine's policy."""
    return keys_of(record, run.shell.business.keys, company_name=company_name)
