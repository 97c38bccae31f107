"""Measure funnelkit against hand-written code over the same tables, in the same run.

    python tests/bench/run.py            # every section, as a Markdown table
    python tests/bench/run.py moves      # one section: moves, bulk, growth, funnel, imports

Each ratio is the median over rounds in which engine and twin take turns, so that a machine that
slows down slows both. Files are made in a temporary folder; nothing is asserted here.
"""

from __future__ import annotations

import gc
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from twin import Twin

from funnelkit import Engine, MemoryStore, Pipeline, Stage, money
from funnelkit.storage import Commit
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
ROUNDS = 5
Durability = Literal["full", "fast"]


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that ``act`` takes, with the garbage of before swept away."""
    gc.collect()
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def row(what: str, *cells: str) -> None:
    """Print one row of the table."""
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


def filled(path: Path, durability: Durability, deals: int) -> tuple[Engine, list[str]]:
    """Return an engine over a new file with deals on the first stage, and their ids."""
    engine = Engine(SALES, store=SQLiteStore(path, durability=durability))
    made = [engine.create(f"deal {n}", value=money(1000 + n, "EUR"), owner="sam").id for n in range(deals)]
    return engine, made


def memory(folder: Path) -> None:
    """A move in memory, and what of it is the engine's own."""
    del folder
    deals = 5_000
    engine_us, store_us = [], []
    for _ in range(ROUNDS):
        kept: list[Commit] = []

        class Recording(MemoryStore):
            def commit(self, commit: Commit) -> None:
                kept.append(commit)
                super().commit(commit)

        store = Recording()
        engine = Engine(SALES, store=store)
        made = [engine.create(f"deal {n}", value=money(1000 + n, "EUR"), owner="sam") for n in range(deals)]
        first = len(kept)
        again = MemoryStore()
        for commit in kept:
            again.commit(commit)
        whole = timed(lambda made=made, engine=engine: [engine.move(deal, "qualified", actor="sam") for deal in made])
        moves = kept[first:]
        alone = timed(
            lambda again=again, moves=moves: [
                (again.get("deal", commit.moves[0].record), again.commit(commit)) for commit in moves
            ]
        )
        engine_us.append((whole - alone) / deals * 1e6)
        store_us.append(alone / deals * 1e6)
    row(
        "move in memory",
        f"engine {statistics.median(engine_us):.1f} µs",
        f"store {statistics.median(store_us):.1f} µs",
        "at most 20 µs of engine",
    )


def moves(folder: Path) -> None:
    """A single keyed move on a file, against the twin."""
    for durability, deals in (("fast", 2_500), ("full", 1_000)):
        pairs = []
        for number in range(ROUNDS):
            pairs += list(_single(folder / f"{durability}{number}", durability, deals))  # type: ignore[arg-type]
        ours, theirs, ratio = (statistics.median(each) for each in zip(*pairs, strict=True))
        row(
            f'single move, SQLite, durability="{durability}"',
            f"{ours:.0f} µs",
            f"twin {theirs:.0f} µs",
            f"× {ratio:.2f} (at most 1.5)",
        )


def _single(path: Path, durability: Durability, deals: int) -> Iterator[tuple[float, float, float]]:
    engine, ids = filled(path.with_suffix(".engine"), durability, deals)
    other, theirs = filled(path.with_suffix(".twin"), durability, deals)
    other.close()
    twin = Twin(path.with_suffix(".twin"), durability, SALES.fingerprint)
    part = deals // ROUNDS
    for target in STEPS:
        for start in range(0, deals, part):
            mine, his = ids[start : start + part], theirs[start : start + part]
            a = timed(lambda: [engine.move(id, target, actor="sam", key=f"{target}-{id}") for id in mine])
            b = timed(lambda: [twin.advance(id, target, "sam", f"{target}-{id}") for id in his])
            yield a / part * 1e6, b / part * 1e6, a / b
    engine.close()
    twin.connection.close()


def bulk(folder: Path) -> None:
    """Many moves in one transaction, against the twin."""
    deals = 5_000
    pairs = []
    for number in range(ROUNDS):
        engine, ids = filled(folder / f"bulk{number}.engine", "fast", deals)
        other, theirs = filled(folder / f"bulk{number}.twin", "fast", deals)
        other.close()
        twin = Twin(folder / f"bulk{number}.twin", "fast", SALES.fingerprint)
        for target in STEPS:
            a = timed(lambda engine=engine, ids=ids, target=target: engine.bulk("move", ids, to=target, actor="sam"))
            b = timed(lambda twin=twin, theirs=theirs, target=target: twin.advance_many(theirs, target, "sam"))
            pairs.append((a / deals * 1e6, b / deals * 1e6, a / b))
        engine.close()
        twin.connection.close()
    ours, his, ratio = (statistics.median(each) for each in zip(*pairs, strict=True))
    row("bulk of 5,000 moves, SQLite, a move", f"{ours:.1f} µs", f"twin {his:.1f} µs", f"× {ratio:.2f} (at most 2)")


def grown(path: Path, deals: int, moves_each: int) -> None:
    """Fill a file with deals and their ledger by SQL, as many imports would have left it."""
    SQLiteStore(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA synchronous = OFF; BEGIN;")
    stages = ("new", *STEPS)
    day = 86_400_000_000

    def records() -> Iterator[tuple[Any, ...]]:
        for n in range(deals):
            place = min(n % 5, moves_each - 1, 3)
            seen, at = " ".join(stages[: place + 1]), 1_600_000_000_000_000 + n * 1000
            yield (
                f"deal_{n:026d}", place + 1, "sales", stages[place], seen, place + 1, f"deal {n}", f"p{n % 30}",
                1000 + n, "EUR", None, "", "web", "", at, at + place * day, at + place * day, "", "", "", "", None, "",
                "{}", "", "", "",
            )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        for n in range(deals):
            at = 1_600_000_000_000_000 + n * 1000
            for seq in range(1, min(n % 5, moves_each - 1, 3) + 2):
                source, target = "" if seq == 1 else stages[seq - 2], stages[seq - 1]
                now = at + (seq - 1) * day
                yield (
                    f"deal_{n:026d}", seq, "sales", "sales", SALES.fingerprint, now, source, target,
                    "create" if seq == 1 else "forward", None if seq == 1 else now - day, 1, source, target, at,
                    f"p{n % 30}", "import", "", "", "", "", f"p{n % 30}", 1000 + n, "EUR", None, "web", "", "",
                )  # fmt: skip

    connection.executemany(f"INSERT INTO deal VALUES ({', '.join('?' * 27)})", records())
    connection.executemany(f"INSERT INTO move VALUES (NULL, {', '.join('?' * 27)})", rows())
    connection.execute(
        "INSERT INTO definition VALUES (?, 'sales', ?)", (SALES.fingerprint, SALES.to_json())
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def growth(folder: Path) -> None:
    """A single move among ten thousand deals, and among a million."""
    for durability in ("fast", "full"):
        medians = {}
        engines = {}
        for deals in (10_000, 1_000_000):
            path = folder / f"grown{deals}{durability}"
            grown(path, deals, 3)
            engines[deals] = Engine(SALES, store=SQLiteStore(path, durability=durability))  # type: ignore[arg-type]
        part = 300
        costs: dict[int, list[float]] = {deals: [] for deals in engines}
        for number in range(6):
            for deals, engine in engines.items():
                # spread over the whole file; every fifth deal stands on the first stage
                step = deals // 5 // (part * 6)
                ids = [f"deal_{(number * part + n) * step * 5:026d}" for n in range(part)]
                cost = timed(lambda engine=engine, ids=ids: [engine.move(id, "qualified") for id in ids]) / part
                costs[deals].append(cost * 1e6)
        medians = {deals: statistics.median(each[1:]) for deals, each in costs.items()}
        row(
            f'move among 1,000,000 deals, durability="{durability}"',
            f"{medians[1_000_000]:.0f} µs",
            f"among 10,000: {medians[10_000]:.0f} µs",
            f"× {medians[1_000_000] / medians[10_000]:.2f} (at most 1.3)",
        )
        for engine in engines.values():
            engine.close()


def funnel(folder: Path) -> None:
    """The counting funnel over a million moves."""
    path = folder / "funnel"
    grown(path, 455_000, 4)
    engine = Engine(SALES, store=f"sqlite:///{path}")
    count = engine.store.query("SELECT COUNT(*) FROM move", {})[0][0]
    engine.funnel()
    seconds = statistics.median(timed(engine.funnel) for _ in range(ROUNDS))
    row(f"counting funnel, {count:,} moves", f"{seconds:.3f} s", "", "at most 0.15 s")
    engine.close()


def imports(folder: Path) -> None:
    """What importing costs, as whole processes; run it on an installed package."""
    del folder
    bare, base, ours = [], [], []
    for _ in range(11):
        for code, times in (("pass", bare), ("import attrs, cattrs", base), ("import funnelkit", ours)):
            times.append(timed(lambda code=code: subprocess.run([sys.executable, "-c", code], check=True)))  # noqa: S603
    nothing, theirs, mine = (statistics.median(each) for each in (bare, base, ours))
    row(
        "import funnelkit",
        f"{(mine - nothing) * 1e3:.0f} ms",
        f"attrs and cattrs {(theirs - nothing) * 1e3:.0f} ms",
        f"× {(mine - nothing) / (theirs - nothing):.2f} (at most 1.5)",
    )


SECTIONS = {each.__name__: each for each in (memory, moves, bulk, growth, funnel, imports)}


def main() -> None:
    """Run the sections named on the command line, or all."""
    print(
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores, "
        f"{platform.machine()}\n\n| what | measured | against | ratio or budget |\n| --- | --- | --- | --- |"
    )
    for name in sys.argv[1:] or SECTIONS:
        with tempfile.TemporaryDirectory() as folder:
            SECTIONS[name](Path(folder))


if __name__ == "__main__":
    main()
