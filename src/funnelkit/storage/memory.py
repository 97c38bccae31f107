"""`MemoryStore`: the reference. Plain Python, nothing kept when the process ends."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import attrs

from funnelkit.changes import Change
from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    KeyReusedError,
    NotFoundError,
    StoreClosedError,
)
from funnelkit.records import Activity, Move, Record
from funnelkit.storage.base import (
    KIND_OF,
    KINDS,
    Answer,
    Attribute,
    Capabilities,
    Commit,
    Kind,
    MatchKey,
    check_findable,
    check_page,
)
from funnelkit.storage.rows import COLUMNS, record_row
from funnelkit.storage.shadow import Shadow

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keep everything in dictionaries; for tests, simulations, and as the model other stores must equal.

    Safe to share between threads. Metrics are SQL, so `query` reads from a private in-memory SQLite
    copy that is brought up to date only when it is asked.

    >>> store = MemoryStore()
    >>> store.find("deal", {})
    []
    """

    capabilities = Capabilities()
    sorted_stays = True  # by the index `move_stay`: quantiles of stays are found there

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._records: dict[Kind, dict[str, Record]] = {kind: {} for kind in KINDS}
        self._ledger: list[Move] = []
        self._moves: defaultdict[str, list[Move]] = defaultdict(list)
        self._numbers: set[tuple[str, int]] = set()
        self._activities: dict[str, Activity] = {}
        self._activities_of: defaultdict[str, list[Activity]] = defaultdict(list)
        self._attributes: list[Attribute] = []
        self._attributes_of: defaultdict[str, list[Attribute]] = defaultdict(list)
        self._changes: list[Change] = []
        self._answers: dict[str, Answer] = {}
        self._definitions: dict[str, tuple[str, str]] = {}
        self._keys: dict[MatchKey, None] = {}
        self._shadow: Shadow | None = None
        self._touched: set[tuple[Kind, str]] = set()
        self._closed = False

    def commit(self, commit: Commit) -> None:
        """Write everything or nothing; see `Store.commit`."""
        with self._lock:
            self._check(commit)
            # Nothing below may break off half-way: what was not walked through by the checks is, here.
            attributes, changes = tuple(commit.attributes), tuple(commit.changes)
            definitions = dict(commit.definitions)
            keys = dict.fromkeys(commit.keys)
            for write in commit.writes:
                record = write.record
                kind = KIND_OF[type(record)]
                self._records[kind][record.id] = record
                self._touched.add((kind, record.id))
            for move in commit.moves:
                self._moves[move.record].append(move)
                self._numbers.add((move.record, move.seq))
            self._ledger += commit.moves
            for activity in commit.activities:
                self._activities[activity.id] = activity
                self._activities_of[activity.record].append(activity)
            for attribute in attributes:
                self._attributes_of[attribute.record].append(attribute)
            self._attributes += attributes
            self._changes += changes
            for answer in commit.answers:
                self._answers[answer.key] = answer
            for fingerprint, definition in definitions.items():
                self._definitions.setdefault(fingerprint, definition)
            self._keys |= keys

    def _check(self, commit: Commit) -> None:
        """Raise before anything is written, so that a commit is all or nothing."""
        if self._closed:
            raise StoreClosedError("MemoryStore", "closed")
        versions: dict[tuple[Kind, str], int] = {}
        for write in commit.writes:
            kind, id = KIND_OF[type(write.record)], write.record.id
            stored = self._records[kind].get(id)
            actual = versions.get((kind, id), stored.version if stored is not None else 0)
            if actual != write.expected:
                if write.expected == 0:
                    raise AlreadyExistsError(kind, id)
                raise ConflictError(kind, id, write.expected, actual)
            versions[kind, id] = write.record.version
        numbers: set[tuple[str, int]] = set()
        for move in commit.moves:
            number = (move.record, move.seq)
            if number in self._numbers or number in numbers:
                raise AlreadyExistsError("move", f"{move.record}/{move.seq}")
            numbers.add(number)
        if commit.activities or commit.answers:
            self._check_names(commit)

    def _check_names(self, commit: Commit) -> None:
        names: set[str] = set()
        for activity in commit.activities:
            if activity.id in self._activities or activity.id in names:
                raise AlreadyExistsError("activity", activity.id)
            names.add(activity.id)
        keys: set[str] = set()
        for answer in commit.answers:
            if answer.key in self._answers or answer.key in keys:
                raise KeyReusedError(answer.key)
            keys.add(answer.key)

    def get(self, kind: Kind, id: str) -> Any:
        """Return one record; see `Store.get`."""
        record = None if self._closed else self._records[kind].get(id)
        if record is None:
            self._check_open()
            raise NotFoundError(kind, id)
        return record

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """Return those of the records that exist, by id."""
        self._check_open()
        records = self._records[kind]
        return {id: records[id] for id in ids if id in records}

    def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """Return records whose columns equal ``where``, in the order of their ids."""
        check_findable(kind, where, after)
        check_page(0, limit)
        wanted = [(COLUMNS[kind].index(column), value) for column, value in where.items()]
        with self._lock:
            self._check_open()
            records = self._records[kind]
            ids = sorted(records)
            found: list[Record] = []
            for id in ids[bisect_right(ids, after) :]:
                row = record_row(kind, records[id])
                if all(row[index] == value for index, value in wanted):
                    found.append(records[id])
                    if len(found) == limit:
                        break
            return found

    def moves(self, record: str) -> list[Move]:
        """Return the ledger of one record in the order of ``seq``."""
        self._check_open()
        return sorted(self._moves.get(record, ()), key=attrgetter("seq"))

    def activities(self, record: str) -> list[Activity]:
        """Return the activities of one record, oldest first."""
        with self._lock:
            self._check_open()
            of_record = list(self._activities_of.get(record, ()))
        return sorted(of_record, key=lambda activity: (activity.at, activity.id))

    def attributes(self, record: str) -> list[Attribute]:
        """Return the field values of one record in the order they were written."""
        with self._lock:
            self._check_open()
            return list(self._attributes_of.get(record, ()))

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """Return changes behind a position of the feed; of one record if it is named."""
        with self._lock:
            self._check_open()
            check_page(after, limit)
            behind = enumerate(self._changes[after:], after + 1)
        found = [item for item in behind if not record or item[1].record == record][:limit]
        return [attrs.evolve(change, position=position) for position, change in found]

    def answer(self, key: str) -> Answer | None:
        """Return what was answered under an idempotency key, or None."""
        self._check_open()
        return self._answers.get(key)

    def definitions(self) -> dict[str, tuple[str, str]]:
        """Return fingerprint → (pipeline id, JSON document) of every definition ever used."""
        self._check_open()
        return dict(self._definitions)

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT over a private SQLite copy of this store."""
        with self._lock:
            self._check_open()
            if self._shadow is None:
                self._shadow = Shadow()
            self._shadow.update(
                [(kind, self._records[kind][id]) for kind, id in self._touched],
                move=self._ledger,
                activity=self._activities.values(),
                attribute=self._attributes,
                change=self._changes,
                idempotency=self._answers.values(),
                definition=self._definitions.items(),
                match_key=self._keys,
            )
            self._touched.clear()
            return self._shadow.query(sql, params)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            if self._shadow is not None:
                self._shadow.close()
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError("MemoryStore", "closed")

    def __repr__(self) -> str:
        records = ", ".join(f"{len(items)} {kind}" for kind, items in self._records.items() if items)
        return f"MemoryStore({records or 'empty'})"
