"""What was asked and what was answered, kept outside of the store; and the store held against it."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
from base64 import b85decode, b85encode
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
from tests.fault.world import Call, keys_of

from funnelkit import Activity, SQLiteStore, Store, open_store
from funnelkit.records import Record
from funnelkit.storage.base import KINDS
from funnelkit.verifying import verify

__all__ = ["Entry", "Journal", "check", "opened", "sound"]


def opened(url: str, durability: Any = "full") -> Store:
    """Return the store that a URL names; only SQLite files have a durability of our choice."""
    file = url.removeprefix("sqlite:///")
    return SQLiteStore(file, durability=durability) if file != url else open_store(url)


@attrs.frozen
class Entry:
    """One call and what became of it: the records answered, the name of the error, or neither yet."""

    call: Call
    answer: tuple[Any, ...] | None = None
    error: str = ""

    @property
    def in_flight(self) -> bool:
        """Whether the caller has not heard of it any more."""
        return self.answer is None and not self.error


class Journal:
    """A file with a line before each call and one after it; what is in it survives the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.ftruncate(self._file, path.read_bytes().rfind(b"\n") + 1)  # a writer died within a line

    def asked(self, call: Call) -> None:
        """Write down that a call is about to be made."""
        self._write({"asked": attrs.asdict(call)})

    def answered(self, answer: tuple[Any, ...]) -> None:
        """Write down what it answered."""
        self._write({"answered": b85encode(pickle.dumps(answer)).decode()})

    def refused(self, error: Exception) -> None:
        """Write down that it raised."""
        self._write({"refused": type(error).__name__})

    def size(self) -> int:
        """Return how many bytes are written: where the journal ends at this instant."""
        return os.fstat(self._file).st_size

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")

    @staticmethod
    def read(path: Path, size: int | None = None) -> list[Entry]:
        """Return the calls in the order they were made, up to a size of the journal."""
        entries: list[Entry] = []
        lines = path.read_bytes()[:size].splitlines(keepends=True) if path.exists() else []
        for line in lines:
            if not line.endswith(b"\n"):
                break  # the writer died within the line
            said = json.loads(line)
            if "asked" in said:
                entries.append(Entry(Call(**said["asked"])))
            elif "answered" in said:
                answer = pickle.loads(b85decode(said["answered"]))  # noqa: S301 (written above)
                entries[-1] = attrs.evolve(entries[-1], answer=answer)
            else:
                entries[-1] = attrs.evolve(entries[-1], error=said["refused"])
        return entries


def sound(url: str) -> None:
    """Demand that a SQLite file passes the library's own check; other stores have none."""
    file = url.removeprefix("sqlite:///")
    if file != url:
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def check(store: Store, entries: list[Entry], *, may_lose: bool = False) -> tuple[int, int]:
    """Hold a store against the journal of the calls made on it, one after another.

    Every acknowledged call is there with exactly its answer and everything that is there belongs to
    an acknowledged call, or to one in flight, which is there as a whole or not at all.

    Args:
        store: The store, opened again.
        entries: The journal.
        may_lose: Whether the last acknowledged calls may be gone; those before them never.

    Returns:
        How many acknowledged calls are lost, and how many calls in flight are there.
    """
    assert verify(store) == ()
    keys = [key for (key,) in store.query("SELECT act_key FROM idempotency ORDER BY act_key", {})]
    answers = {key: store.answer(key) for key in keys}
    lost = late = 0
    known: set[str] = set()
    for entry in entries:
        expected = keys_of(entry.call)
        there = [answers[key] for key in expected if key in answers]
        if entry.error:
            assert not there, f"{entry.call} was refused and is there"
            continue
        assert len(there) in {0, len(expected)}, f"{entry.call} is there in part"
        known.update(expected)
        if entry.in_flight:
            late += bool(there)
        elif there and not lost:
            assert tuple(record for answer in there for record in answer.records) == entry.answer
        else:
            assert not there, f"{entry.call} is there, what came before it is lost"
            assert may_lose, f"{entry.call} was acknowledged and is lost"
            lost += 1
    assert keys == sorted(known & set(keys)), "there is what nobody asked for"
    _explained(store, answers)
    return lost, late


def _explained(store: Store, answers: dict[str, Any]) -> None:
    """Demand that each version, move and activity comes from exactly one call.

    A call that finds its work done answers with what it finds: who was interrupted in a conversion and
    asks for it again, under another key, is told of the one activity a second time.
    """
    told = [record for answer in answers.values() for record in answer.records]
    versions: defaultdict[str, dict[int, Record]] = defaultdict(dict)
    for record in told:
        if isinstance(record, Record):
            versions[record.id][record.version] = record
    for kind in KINDS:
        after = ""
        while page := store.find(kind, {}, after=after, limit=1000):
            for record in page:
                assert versions[record.id][record.version] == record
                assert versions[record.id].keys() == set(range(1, record.version + 1))
            after = page[-1].id
    moves = Counter(store.query("SELECT act_key, record_id, seq FROM move", {}))
    assert {key for key, _, _ in moves} <= answers.keys()
    assert set(Counter((key, id) for key, id, _ in moves).values()) <= {1}, "done twice under one key"
    activities: defaultdict[str, list[Activity]] = defaultdict(list)
    for record in told:
        if isinstance(record, Activity):
            activities[record.id].append(record)
    assert activities.keys() == {id for (id,) in store.query("SELECT id FROM activity", {})}
    assert all(activity == told_of[0] for told_of in activities.values() for activity in told_of)
