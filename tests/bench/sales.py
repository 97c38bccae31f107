"""The pipeline that is measured, and stores full of its deals."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from funnelkit import Engine, Pipeline, Stage, money
from funnelkit.storage.sqlite import SQLiteStore

SALES = Pipeline(
    "sales",
    [
        Stage("new", probability=0.05),
        Stage("qualified", probability=0.2),
        Stage("proposal", probability=0.5),
        Stage("contract", probability=0.8),
    ],
    moves="ordered",
)
STEPS = ("qualified", "proposal", "contract")

Durability = Literal["full", "fast"]


def made(engine: Engine, deals: int) -> list[str]:
    """Create deals on the first stage; return their ids."""
    return [engine.create(f"deal {n}", value=money(1000 + n, "EUR"), owner="sam").id for n in range(deals)]


def filled(path: Path, durability: Durability, deals: int) -> tuple[Engine, list[str]]:
    """Return an engine over a new file with deals on the first stage, and their ids."""
    engine = Engine(SALES, store=SQLiteStore(path, durability=durability))
    return engine, made(engine, deals)


def moved(move: Callable[..., object], ids: Iterable[str], target: str) -> None:
    """Move one deal after the other."""
    for id in ids:
        move(id, target, actor="sam")


def moved_once(move: Callable[..., object], ids: Iterable[str], target: str) -> None:
    """Move one deal after the other, each under a key of its own."""
    for id in ids:
        move(id, target, actor="sam", key=f"{target}-{id}")


# -- a file that has grown ---------------------------------------------------------------------

_STARTED = 1_600_000_000_000_000
_DAY = 86_400_000_000

# Deal n has as many moves as it has places: 1, 2, 3, 4, 4 in turn, so 14 moves for 5 deals.
_DEALS = """
INSERT INTO deal (id, version, pipeline, stage, visited, moves, name, owner, amount, currency,
    expected_close, lead_source, campaign, created_us, entered_us, updated_us, outcome, close_reason,
    close_reason_text, close_note, closed_by, custom, contact, company, lead)
WITH RECURSIVE number (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :deals),
place (n, steps) AS (SELECT n, MIN(n % 5, 3) + 1 FROM number)
SELECT printf('deal_%026d', n), steps, 'sales', CASE steps WHEN 1 THEN 'new' WHEN 2 THEN 'qualified'
    WHEN 3 THEN 'proposal' ELSE 'contract' END,
    substr('new qualified proposal contract', 1, CASE steps WHEN 1 THEN 3 WHEN 2 THEN 13 WHEN 3 THEN 22
    ELSE 31 END), steps, 'deal ' || n, 'p' || (n % 30), 1000 + n, 'EUR', '', 'web', '',
    :started + n * 1000, :started + n * 1000 + (steps - 1) * :day,
    :started + n * 1000 + (steps - 1) * :day, '', '', '', '', '', '{}', '', '', ''
FROM place
"""
_MOVES = """
INSERT INTO move (record_id, seq, pipeline, source_pipeline, fingerprint, moved_us, source, target,
    direction, since_us, first_visit, furthest_before, furthest_after, created_us, actor, cause, reason,
    reason_text, note, overruled, owner, amount, currency, lead_source, campaign, act_key)
SELECT d.id, s.seq, 'sales', 'sales', :fingerprint, d.created_us + (s.seq - 1) * :day, s.source, s.target,
    s.direction, CASE WHEN s.seq > 1 THEN d.created_us + (s.seq - 2) * :day END, 1, s.source, s.target,
    d.created_us, d.owner, 'import', '', '', '', '', d.owner, d.amount, d.currency, 'web', '', ''
FROM (SELECT 1 AS seq, '' AS source, 'new' AS target, 'create' AS direction
    UNION ALL SELECT 2, 'new', 'qualified', 'forward'
    UNION ALL SELECT 3, 'qualified', 'proposal', 'forward'
    UNION ALL SELECT 4, 'proposal', 'contract', 'forward') AS s
CROSS JOIN deal AS d WHERE d.moves >= s.seq
"""
_CHANGES = """
INSERT INTO change (change_type, record_id, version, happened_us, actor, body)
SELECT CASE seq WHEN 1 THEN 'DealCreated' ELSE 'DealMoved' END, record_id, seq, moved_us, actor,
    '{"source":"' || source || '","target":"' || target || '","reason":""}'
FROM move ORDER BY position
"""


def grown(path: Path, deals: int) -> None:
    """Fill a new file by SQL with deals, their ledger and its changes; 14 moves for 5 deals.

    Every fifth deal, from the first on, stands on the first stage. The ledger is written stage by
    stage, as months of work on all deals would have left it. Indexes are made at the end.
    """
    SQLiteStore(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -1000000")
    sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    indexes: list[tuple[str, str]] = connection.execute(sql).fetchall()
    parts: dict[str, Any] = {
        "deals": deals,
        "started": _STARTED,
        "day": _DAY,
        "fingerprint": SALES.fingerprint,
    }
    connection.execute("BEGIN")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    for statement in (_DEALS, _MOVES, _CHANGES):
        connection.execute(statement, {name: part for name, part in parts.items() if f":{name}" in statement})
    connection.execute("INSERT INTO definition VALUES (?, 'sales', ?)", (SALES.fingerprint, SALES.to_json()))
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    os.sync()  # or the system goes on writing while we measure


def on_first_stage(deals: int, number: int) -> list[str]:
    """Return ids of deals of a grown file that stand on the first stage, from all over the file."""
    step = deals // 5 // number * 5
    return [f"deal_{n * step:026d}" for n in range(number)]


def newest_on_first_stage(deals: int, number: int, but: Collection[str]) -> list[str]:
    """Return ids of the newest deals that stand on the first stage, but not these."""
    ids = (f"deal_{n:026d}" for n in range((deals - 1) // 5 * 5, -1, -5))
    return list(islice((id for id in ids if id not in but), number))
