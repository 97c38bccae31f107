"""One file: single moves, bulks, point reads and an import, beside the twin."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from measure import Round, in_turn, told
from sales import SALES, STEPS, Durability, filled, moved_once
from twin import COLUMNS, PLACES, Twin

from funnelkit import Engine, EventLog, import_log
from funnelkit.storage.sqlite import SQLiteStore

ROUNDS = 5


def pair(path: Path, durability: Durability, deals: int) -> tuple[Engine, list[str], Twin, list[str]]:
    """Return an engine and a twin, each over a file of its own, and the ids of their deals."""
    engine, ids = filled(path.with_suffix(".engine"), durability, deals)
    other, theirs = filled(path.with_suffix(".twin"), durability, deals)
    other.close()
    return engine, ids, Twin(path.with_suffix(".twin"), durability, SALES.fingerprint), theirs


def moves(folder: Path) -> None:
    """A single keyed move on a file."""
    counts: dict[Durability, int] = {"fast": 2_500, "full": 1_000}
    for durability, deals in counts.items():
        rounds = [
            each for n in range(ROUNDS) for each in _single(folder / f"{durability}{n}", durability, deals)
        ]
        what = f'single move, SQLite, durability="{durability}"'
        told(what, rounds, deals // ROUNDS, "at most × 1.4")


def _single(path: Path, durability: Durability, deals: int) -> Iterator[Round]:
    engine, ids, twin, theirs = pair(path, durability, deals)
    part = deals // ROUNDS
    for target in STEPS:
        for start in range(0, deals, part):
            yield in_turn(
                funnelkit=partial(moved_once, engine.move, ids[start : start + part], target),
                twin=partial(moved_once, twin.move, theirs[start : start + part], target),
            )
    engine.close()
    twin.connection.close()


def bulk(folder: Path) -> None:
    """Many moves in one transaction."""
    deals, rounds = 5_000, []
    for number in range(ROUNDS):
        engine, ids, twin, theirs = pair(folder / f"bulk{number}", "fast", deals)
        for target in STEPS:
            ours = partial(engine.bulk, "move", ids, to=target, actor="sam")
            rounds.append(in_turn(funnelkit=ours, twin=partial(twin.bulk, theirs, target, actor="sam")))
        engine.close()
        twin.connection.close()
    told(f"bulk of {deals:,} moves, SQLite, a move", rounds, deals, "at most × 1.6")


def reads(folder: Path) -> None:
    """A deal by its id, as a record and as a raw row."""
    deals = 5_000
    engine, ids, twin, theirs = pair(folder / "reads", "fast", deals)
    rounds = [
        in_turn(
            funnelkit=lambda: [engine.get(id) for id in ids],
            twin=lambda: [twin.read(id) for id in theirs],
        )
        for _ in range(3 * ROUNDS)
    ]
    engine.close()
    twin.connection.close()
    told("point read of a deal, SQLite", rounds, deals, "at most × 2")


LOG = EventLog(
    record="case",
    activity="what",
    time="when",
    zone="UTC",
    stages={name: place for name, place in PLACES.items() if place != "won"},
    outcomes={"Paid": "won"},
    actor="who",
    owner="owner",
    source="source",
    value="amount",
    currency="EUR",
)


def log_rows(cases: int) -> list[dict[str, str]]:
    """Return a log as `csv.DictReader` would read it, by time: 1 to 5 rows a case, 3 on average."""
    rows = []
    for n in range(cases):
        begun = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
        common = {"owner": f"p{n % 30}", "amount": f"{1000 + n}.50", "source": "web" if n % 3 else "fair"}
        for day, what in enumerate(list(PLACES)[: n % 5 + 1]):
            when = (begun + timedelta(days=day)).strftime("%Y-%m-%d %H:%M:%S")
            rows.append({"case": f"A-{n:06d}", "what": what, "when": when, "who": f"p{n % 30}", **common})
    return sorted(rows, key=lambda row: row["when"])


def imports(folder: Path) -> None:
    """A log into an empty file: through the gate, by hand, and by hand from rows that are ready."""
    rows, rounds = log_rows(10_000), []
    for number in range(ROUNDS):
        paths = [folder / f"import{number}.{who}" for who in ("engine", "twin", "rows")]
        engine = Engine(SALES, store=SQLiteStore(paths[0], durability="fast"))
        for path in paths[1:]:
            SQLiteStore(path).close()
        twin, ready = (Twin(path, "fast", SALES.fingerprint) for path in paths[1:])
        first = in_turn(
            funnelkit=partial(import_log, engine, rows, LOG, pipeline="sales"), twin=partial(twin.load, rows)
        )
        parts = list(_batches(twin.connection))
        second = in_turn(rows=lambda ready=ready, parts=parts: [ready.insert(*part) for part in parts])
        rounds.append({**first, **second})
        if not number:
            _same(paths[0], twin.connection)
        engine.close()
        twin.connection.close()
        ready.connection.close()
    what = f"import of a log of {len(rows):,} rows, SQLite, a row"
    told(what, rounds, len(rows), "at most × 2.5")
    told("the same, beside `executemany` of rows that are ready", rounds, len(rows), "", "rows")


def _batches(connection: sqlite3.Connection, batch: int = 1000) -> Iterator[list[list[tuple[object, ...]]]]:
    """Yield the rows of a file as they were written: (deals, moves, changes) of a batch of cases."""
    ids = [row[0] for row in connection.execute("SELECT record_id FROM move WHERE seq = 1 ORDER BY position")]
    for start in range(0, len(ids), batch):
        part = ids[start : start + batch]
        marks = ", ".join("?" * len(part))
        yield [
            connection.execute(
                f"SELECT {COLUMNS[table]} FROM {table} WHERE {where.format(marks)}", part
            ).fetchall()
            for table, where in (
                ("deal", "id IN ({})"),
                ("move", "record_id IN ({}) ORDER BY position"),
                ("change", "record_id IN ({}) ORDER BY position"),
            )
        ]


def _same(ours: Path, theirs: sqlite3.Connection) -> None:
    """Stop unless both wrote the same rows: then the comparison is none."""
    mine = sqlite3.connect(ours)
    for table in ("deal", "move", "change"):
        pairs = [
            sorted(each.execute(f"SELECT {COLUMNS[table]} FROM {table}").fetchall())
            for each in (mine, theirs)
        ]
        if pairs[0] != pairs[1]:
            differing = [pair for pair in zip(*pairs, strict=False) if pair[0] != pair[1]][:1]
            raise SystemExit(f"the rows of {table} are not the same: {differing}")
    mine.close()
