"""The hand-written twin: what somebody would write without funnelkit, over the same tables.

It writes exactly the rows that the engine writes for a move (record, ledger row, change, key) in
one transaction, with the same pragmas, indexes and checks; it knows one pipeline and no rules.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

ORDER = ("new", "qualified", "proposal", "contract")
NEXT = dict(pairwise(ORDER))
POSITION = {stage: index for index, stage in enumerate(ORDER)}
PROBABILITY = {"new": 0.05, "qualified": 0.2, "proposal": 0.5, "contract": 0.8}

_READ = "SELECT * FROM deal WHERE id = ?"
_READ_KEY = "SELECT request, answer FROM idempotency WHERE act_key = ?"
_UPDATE = (
    "UPDATE deal SET version = ?, stage = ?, visited = ?, moves = ?, entered_us = ?, updated_us = ? "
    "WHERE id = ? AND version = ?"
)
_MOVE = (
    "INSERT INTO move (record_id, seq, pipeline, source_pipeline, fingerprint, moved_us, source, target, "
    "direction, since_us, first_visit, furthest_before, furthest_after, created_us, actor, cause, reason, "
    "reason_text, note, overruled, owner, amount, currency, probability, lead_source, campaign, act_key) "
    f"VALUES ({', '.join('?' * 27)})"
)
_CHANGE = (
    "INSERT INTO change (change_type, record_id, version, happened_us, actor, body) VALUES (?, ?, ?, ?, ?, ?)"
)
_KEY = "INSERT INTO idempotency (act_key, request, answer) VALUES (?, ?, ?)"


class Twin:
    """Deals in a file that `SQLiteStore` has made and filled."""

    def __init__(self, path: Path, durability: str, fingerprint: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        self.connection.execute("PRAGMA cache_size = -65536")
        self.fingerprint = fingerprint

    def move(self, deal: str, target: str, actor: str, key: str) -> tuple[object, ...]:
        """Move one deal to ``target``, once for ``key``, in one transaction."""
        run = self.connection.execute
        request = json.dumps(["move", deal, {"target": target}, actor, "", "", None, False])
        mark = hashlib.blake2b(request.encode(), digest_size=16).hexdigest()
        answered = run(_READ_KEY, (key,)).fetchall()
        if answered:
            if answered[0][0] != mark:
                raise ValueError(key)
            return tuple(json.loads(answered[0][1]))
        row, after, move, change = self._rows(run(_READ, (deal,)).fetchall()[0], target, actor, key)
        run("BEGIN IMMEDIATE")
        try:
            _check(run(_UPDATE, after).rowcount == 1, deal)
            run(_MOVE, move)
            run(_CHANGE, change)
            run(_KEY, (key, mark, json.dumps([["deal", row]])))
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise
        return row

    def bulk(self, deals: Sequence[str], target: str, actor: str) -> None:
        """Move many deals in one transaction, set-based, without keys."""
        rows = []
        for start in range(0, len(deals), 500):
            part = deals[start : start + 500]
            marks = ", ".join("?" * len(part))
            rows += self.connection.execute(f"SELECT * FROM deal WHERE id IN ({marks})", part).fetchall()
        made = [self._rows(row, target, actor, "") for row in rows]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(_UPDATE, [each[1] for each in made])
        self.connection.executemany(_MOVE, [each[2] for each in made])
        self.connection.executemany(_CHANGE, [each[3] for each in made])
        self.connection.execute("COMMIT")

    def _rows(
        self, row: tuple[object, ...], target: str, actor: str, key: str
    ) -> tuple[tuple[object, ...], tuple[object, ...], tuple[object, ...], tuple[object, ...]]:
        """Return the new record row, and the parameters of update, ledger row and change."""
        now = time.time_ns() // 1000
        id, version, pipeline, stage, visited, moves, _, owner, amount, currency = row[:10]
        if NEXT.get(stage) != target:
            raise ValueError(target)
        places = visited.split()
        before = max((place for place in places if place in POSITION), key=POSITION.__getitem__)
        first = target not in places
        places = [*places, target] if first else places
        after = target if POSITION[target] > POSITION[before] else before
        seen = " ".join(places)
        new = (id, version + 1, pipeline, target, seen, moves + 1, *row[6:15], now, now, *row[17:])
        probability = row[10] if row[10] is not None else PROBABILITY[stage]
        move = (
            id, moves + 1, pipeline, pipeline, self.fingerprint, now, stage, target, "forward", row[15],
            int(first), before, after, row[14], actor, "user", "", "", "", "", owner, amount, currency,
            probability, row[12], row[13], key,
        )  # fmt: skip
        body = json.dumps({"source": stage, "target": target, "reason": ""})
        change = ("DealMoved", id, version + 1, now, actor, body)
        return new, (version + 1, target, seen, moves + 1, now, now, id, version), move, change


def _check(done: bool, deal: str) -> None:
    if not done:
        raise ValueError(deal)
