"""A commit as what PostgreSQL is to be told: folded, sorted, and checked against itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import attrs

from funnelkit.errors import AlreadyExistsError, ConflictError, FunnelkitError, KeyReusedError
from funnelkit.storage import rows
from funnelkit.storage.base import KIND_OF, KINDS, Commit, Kind, Part, widest
from funnelkit.storage.rows import Row

__all__ = ["KEYS", "Found", "Plan", "plan_of", "refusal"]

Ref = tuple[Kind, str]
T = TypeVar("T")

KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*KINDS, "activity"), ("id",)),
    "move": ("record_id", "seq"),
    "idempotency": ("act_key",),
}
"""Table → what must be unique in it; these are its first columns."""


@attrs.frozen
class Plan:
    """The rows of a commit.

    Attributes:
        commit: What was to be written.
        changed: Kind → rows of records that are there, each with the version it replaces, by id.
        new: Table → rows that must not be there yet.
        added: Table → rows that are simply added, in the order they were written.
        once: Table → rows that are added where they are not there; by key.
        sound: False when the commit contradicts itself; the store need not be asked.
        part: How much of the records that change can have changed.
    """

    commit: Commit
    changed: Mapping[Kind, list[tuple[Row, int]]]
    new: Mapping[str, list[Row]]
    added: Mapping[str, list[Row]]
    once: Mapping[str, list[Row]]
    sound: bool
    part: Part

    @property
    def guarded(self) -> bool:
        """Whether a second go would be seen by the store as a second go."""
        return bool(self.changed or self.new)


def plan_of(commit: Commit) -> Plan:
    """Turn a commit into rows.

    A record that is written twice is written once, as it is in the end. Rows that others may wait
    for are sorted, so that two commits never wait for each other.
    """
    versions: dict[Ref, int] = {}
    first: dict[Ref, int] = {}
    last: dict[Ref, Row] = {}
    sound = True
    for write in commit.writes:
        kind = KIND_OF[type(write.record)]
        ref = (kind, write.record.id)
        first.setdefault(ref, write.expected)
        sound = sound and versions.get(ref, write.expected) == write.expected
        versions[ref] = write.record.version
        last[ref] = rows.record_row(kind, write.record)
    changed: defaultdict[Kind, list[tuple[Row, int]]] = defaultdict(list)
    new: defaultdict[str, list[Row]] = defaultdict(list)
    for ref in sorted(last) if len(last) > 1 else last:
        kind = ref[0]
        if first[ref]:
            changed[kind].append((last[ref], first[ref]))
        else:
            new[kind].append(last[ref])
    if commit.moves:
        new["move"] = [rows.move_row(move) for move in commit.moves]
    if commit.activities:
        new["activity"] = sorted(rows.activity_row(activity) for activity in commit.activities)
    if commit.answers:
        new["idempotency"] = sorted(rows.answer_row(answer) for answer in commit.answers)
    added: dict[str, list[Row]] = {}
    if commit.attributes:
        added["attribute"] = [rows.attribute_row(attribute) for attribute in commit.attributes]
    if commit.changes:
        added["change"] = [rows.change_row(change) for change in commit.changes]
    sound = sound and all(_unlike(new[table], KEYS[table]) for table in new if table in KEYS)
    return Plan(commit, changed, new, added, _once(commit), sound, widest(commit.writes))


def _once(commit: Commit) -> dict[str, list[Row]]:
    once: dict[str, list[Row]] = {}
    if commit.definitions:
        once["definition"] = sorted((fingerprint, *said) for fingerprint, said in commit.definitions.items())
    if commit.keys:
        once["match_key"] = sorted({rows.match_key_row(key) for key in commit.keys})
    return once


def _unlike(items: list[Row], key: tuple[str, ...]) -> bool:
    """Whether no two rows have the same key, which stands in their first columns."""
    return len(items) == 1 or len({row[: len(key)] for row in items}) == len(items)


@attrs.frozen
class Found:
    """What of a commit's keys is in the store."""

    versions: Mapping[Ref, int]
    numbers: Collection[tuple[str, int]]
    activities: Collection[str]
    keys: Collection[str]


def refusal(commit: Commit, found: Found) -> FunnelkitError | None:
    """Say why a commit cannot be written over what was found: its first reason, in its own order."""
    versions = dict(found.versions)
    for write in commit.writes:
        kind, id = KIND_OF[type(write.record)], write.record.id
        actual = versions.get((kind, id), 0)
        if actual != write.expected:
            if write.expected == 0:
                return AlreadyExistsError(kind, id)
            return ConflictError(kind, id, write.expected, actual)
        versions[kind, id] = write.record.version
    numbers = _repeated([(move.record, move.seq) for move in commit.moves], found.numbers)
    if numbers is not None:
        return AlreadyExistsError("move", f"{numbers[0]}/{numbers[1]}")
    activity = _repeated([activity.id for activity in commit.activities], found.activities)
    if activity is not None:
        return AlreadyExistsError("activity", activity)
    key = _repeated([answer.key for answer in commit.answers], found.keys)
    return KeyReusedError(key) if key is not None else None


def _repeated(keys: Iterable[T], taken: Iterable[T]) -> T | None:
    """Return the first key that is taken, or stands there twice."""
    seen = set(taken)
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None
