"""The hand-written twin: what somebody would write without funnelkit, over the same tables.

It writes exactly the rows that the engine writes (record, ledger row, change, key) in the same
transactions, with the same pragmas, indexes and checks; it knows one pipeline and no rules.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

ORDER = ("new", "qualified", "proposal", "contract")
NEXT = dict(pairwise(ORDER))
POSITION = {stage: index for index, stage in enumerate(ORDER)}
PROBABILITY = {"new": 0.05, "qualified": 0.2, "proposal": 0.5, "contract": 0.8}

COLUMNS = {
    "deal": (
        "id, version, pipeline, stage, visited, moves, name, owner, amount, currency, probability, "
        "expected_close, lead_source, campaign, created_us, entered_us, updated_us, outcome, close_reason, "
        "close_reason_text, close_note, closed_us, closed_by, custom, contact, company, lead"
    ),
    "move": (
        "record_id, seq, pipeline, source_pipeline, fingerprint, moved_us, source, target, direction, "
        "since_us, first_visit, furthest_before, furthest_after, created_us, actor, cause, reason, "
        "reason_text, note, overruled, owner, amount, currency, probability, lead_source, campaign, act_key"
    ),
    "change": "change_type, record_id, version, happened_us, actor, body",
    "idempotency": "act_key, request, answer",
}
_INSERT = {
    table: f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * (columns.count(',') + 1))})"
    for table, columns in COLUMNS.items()
}
_READ = f"SELECT {COLUMNS['deal']} FROM deal WHERE id = ?"
_READ_KEY = "SELECT request, answer FROM idempotency WHERE act_key = ?"
_UPDATE = (
    "UPDATE deal SET version = ?, stage = ?, visited = ?, moves = ?, entered_us = ?, updated_us = ? "
    "WHERE id = ? AND version = ?"
)

PLACES = {
    "Inquiry": "new",
    "Talked": "qualified",
    "Quote sent": "proposal",
    "Contract sent": "contract",
    "Paid": "won",
}
"""What a log calls things, and what they are here."""

Row = tuple[object, ...]


class Twin:
    """Deals in a file that `SQLiteStore` has made and filled."""

    def __init__(self, path: Path, durability: str, fingerprint: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        self.connection.execute("PRAGMA cache_size = -65536")
        self.fingerprint = fingerprint

    def move(self, deal: str, target: str, actor: str, key: str) -> Row:
        """Move one deal to ``target``, once for ``key``, in one transaction."""
        run = self.connection.execute
        mark = digest(deal, target, actor)
        answered = run(_READ_KEY, (key,)).fetchall()
        if answered:
            if answered[0][0] != mark:
                raise ValueError(key)
            return tuple(json.loads(answered[0][1]))
        row, after, move, change = rows_of_move(
            run(_READ, (deal,)).fetchall()[0], target, actor, key, self.fingerprint
        )
        run("BEGIN IMMEDIATE")
        try:
            _check(run(_UPDATE, after).rowcount == 1, deal)
            run(_INSERT["move"], move)
            run(_INSERT["change"], change)
            run(_INSERT["idempotency"], (key, mark, json.dumps([["deal", row]])))
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise
        return row

    def read(self, deal: str) -> Row:
        """Return the row of one deal."""
        row: Row = self.connection.execute(_READ, (deal,)).fetchone()
        return row

    def bulk(self, deals: Sequence[str], target: str, actor: str) -> None:
        """Move many deals in one transaction, set-based, without keys."""
        rows = []
        for start in range(0, len(deals), 500):
            part = deals[start : start + 500]
            marks = ", ".join("?" * len(part))
            rows += self.connection.execute(
                f"SELECT {COLUMNS['deal']} FROM deal WHERE id IN ({marks})", part
            ).fetchall()
        made = [rows_of_move(row, target, actor, "", self.fingerprint) for row in rows]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(_UPDATE, [each[1] for each in made])
        self.connection.executemany(_INSERT["move"], [each[2] for each in made])
        self.connection.executemany(_INSERT["change"], [each[3] for each in made])
        self.connection.execute("COMMIT")

    def load(self, log: Iterable[Mapping[str, str]], batch: int = 1000) -> None:
        """Import a log: the cases by the batch in one transaction each, all rows of a case in order."""
        cases: dict[str, list[Mapping[str, str]]] = {}
        for row in log:
            cases.setdefault(row["case"], []).append(row)
        ids = list(cases)
        for start in range(0, len(ids), batch):
            deals, moves, changes = [], [], []
            for id in ids[start : start + batch]:
                deal, its_moves, its_changes = self._case(id, cases[id])
                deals.append(deal)
                moves += its_moves
                changes += its_changes
            self.insert(deals, moves, changes)

    def insert(self, deals: Sequence[Row], moves: Sequence[Row], changes: Sequence[Row]) -> None:
        """Write rows that are ready, in one transaction."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(_INSERT["deal"], deals)
        self.connection.executemany(_INSERT["move"], moves)
        self.connection.executemany(_INSERT["change"], changes)
        self.connection.execute("COMMIT")

    def _case(self, id: str, events: list[Mapping[str, str]]) -> tuple[Row, list[Row], list[Row]]:
        """Return the rows of one case: the deal, its moves and its changes."""
        moves: list[Row] = []
        changes: list[Row] = []
        first = events[0]
        owner, amount, source = first["owner"], round(float(first["amount"]) * 100), first["source"]
        created = _us(min(event["when"] for event in events))
        stage, before, outcome, places, since = "", "", "", [], None
        for seq, event in enumerate(sorted(events, key=_when), 1):
            target, actor = PLACES[event["what"]], event["who"]
            now = _us(event["when"])
            closes = target == "won"
            if seq > 1 and not closes and NEXT.get(stage) != target:
                raise ValueError(target)
            places.append(target)
            direction = "create" if seq == 1 else "close" if closes else "forward"
            probability = PROBABILITY[stage] if stage else None
            moves.append(
                (
                    id, seq, "sales", "sales", self.fingerprint, now, stage, target, direction, since, 1,
                    before, target, created, actor, "import", "", "", "", "", owner, amount, "EUR",
                    probability, source, "", "",
                )
            )  # fmt: skip
            body = json.dumps({"source": stage, "target": target, "reason": ""}, separators=(",", ":"))
            change = {"create": "DealCreated", "close": "DealWon"}.get(direction, "DealMoved")
            changes.append((change, id, seq, now, actor, body))
            since, before = now, target
            if closes:
                outcome = target
            else:
                stage = target
        closed = (outcome, "", "", "", now, actor) if outcome else ("", "", "", "", None, "")
        deal = (
            id, len(moves), "sales", stage, " ".join(places), len(moves), id, owner, amount, "EUR", None, "",
            source, "", created, now, now, *closed, "{}", "", "", "",
        )  # fmt: skip
        return deal, moves, changes


def _check(done: bool, deal: str) -> None:
    if not done:
        raise ValueError(deal)


def _when(event: Mapping[str, str]) -> str:
    return event["when"]


def _us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def rows_of_move(row: Row, target: str, actor: str, key: str, fingerprint: str) -> tuple[Row, Row, Row, Row]:
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
        id, moves + 1, pipeline, pipeline, fingerprint, now, stage, target, "forward", row[15],
        int(first), before, after, row[14], actor, "user", "", "", "", "", owner, amount, currency,
        probability, row[12], row[13], key,
    )  # fmt: skip
    body = json.dumps({"source": stage, "target": target, "reason": ""}, separators=(",", ":"))
    change = ("DealMoved", id, version + 1, now, actor, body)
    return new, (version + 1, target, seen, moves + 1, now, now, id, version), move, change


def digest(deal: str, target: str, actor: str) -> str:
    """Return a short digest of a request, to tell a repeated one from another one under its key."""
    request = json.dumps(["move", deal, {"target": target}, actor, "", "", None, False])
    return hashlib.blake2b(request.encode(), digest_size=16).hexdigest()
