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
from functools import partial
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


class Recording(MemoryStore):
    """A store that remembers what was committed."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Commit] = []

    def commit(self, commit: Commit) -> None:
        """Write it down, then do it."""
        self.commits.append(commit)
        super().commit(commit)


def memory(_: Path) -> None:
    """A move in memory, and what of it is the engine's own."""
    costs = [_in_memory(5_000) for _ in range(ROUNDS)]
    engine, store = (statistics.median(each) for each in zip(*costs, strict=True))
    row("move in memory", f"engine {engine:.1f} µs", f"store {store:.1f} µs", "at most 20 µs of engine")


def _in_memory(deals: int) -> tuple[float, float]:
    """Return the µs a move of the engine alone, and of the store alone doing the same again."""
    engine, recorder = Engine(SALES), Recording()
    ids = _move_all(engine, _made(engine, deals))
    recorded = Engine(SALES, store=recorder)
    made = _made(recorded, deals)
    again = MemoryStore()
    for commit in recorder.commits:
        again.commit(commit)
    recorder.commits.clear()
    _move_all(recorded, made)
    moves = recorder.commits
    whole = timed(partial(_move_all, engine, ids, "proposal"))
    alone = timed(lambda: [(again.get("deal", each.moves[0].record), again.commit(each)) for each in moves])
    return (whole - alone) / deals * 1e6, alone / deals * 1e6


def _made(engine: Engine, deals: int) -> list[str]:
    return [engine.create(f"deal {n}", value=money(1000 + n, "EUR"), owner="sam").id for n in range(deals)]


def _move_all(engine: Engine, ids: list[str], target: str = "qualified") -> list[str]:
    for id in ids:
        engine.move(id, target, actor="sam")
    return ids


Cost = tuple[float, float, float]
"""µs a move of ours, of the twin's, and the ratio."""


def compared(ours: Callable[[], object], theirs: Callable[[], object], moves: int) -> Cost:
    """Time the two in turn."""
    mine, his = timed(ours), timed(theirs)
    return mine / moves * 1e6, his / moves * 1e6, mine / his


def pair(path: Path, durability: Durability, deals: int) -> tuple[Engine, list[str], Twin, list[str]]:
    """Return an engine and a twin, each over a file of its own, and the ids of their deals."""
    engine, ids = filled(path.with_suffix(".engine"), durability, deals)
    other, theirs = filled(path.with_suffix(".twin"), durability, deals)
    other.close()
    return engine, ids, Twin(path.with_suffix(".twin"), durability, SALES.fingerprint), theirs


def moves(folder: Path) -> None:
    """A single keyed move on a file, against the twin."""
    counts: dict[Durability, int] = {"fast": 2_500, "full": 1_000}
    for durability, deals in counts.items():
        costs = [
            each for n in range(ROUNDS) for each in _single(folder / f"{durability}{n}", durability, deals)
        ]
        ours, theirs, ratio = (statistics.median(each) for each in zip(*costs, strict=True))
        what = f'single move, SQLite, durability="{durability}"'
        row(what, f"{ours:.0f} µs", f"twin {theirs:.0f} µs", f"× {ratio:.2f} (at most 1.5)")


def _single(path: Path, durability: Durability, deals: int) -> Iterator[Cost]:
    engine, ids, twin, theirs = pair(path, durability, deals)
    part = deals // ROUNDS
    for target in STEPS:
        for start in range(0, deals, part):
            yield compared(
                partial(_each, engine.move, ids[start : start + part], target),
                partial(_each, twin.move, theirs[start : start + part], target),
                part,
            )
    engine.close()
    twin.connection.close()


def _each(move: Callable[..., object], ids: list[str], target: str) -> None:
    for id in ids:
        move(id, target, actor="sam", key=f"{target}-{id}")


def bulk(folder: Path) -> None:
    """Many moves in one transaction, against the twin."""
    deals, costs = 5_000, []
    for number in range(ROUNDS):
        engine, ids, twin, theirs = pair(folder / f"bulk{number}", "fast", deals)
        for target in STEPS:
            ours = partial(engine.bulk, "move", ids, to=target, actor="sam")
            costs.append(compared(ours, partial(twin.bulk, theirs, target, actor="sam"), deals))
        engine.close()
        twin.connection.close()
    mine, his, ratio = (statistics.median(each) for each in zip(*costs, strict=True))
    what = f"bulk of {deals:,} moves, SQLite, a move"
    row(what, f"{mine:.1f} µs", f"twin {his:.1f} µs", f"× {ratio:.2f} (at most 2)")


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
                f"deal_{n:026d}", place + 1, "sales", stages[place], seen, place + 1, f"deal {n}",
                f"p{n % 30}", 1000 + n, "EUR", None, "", "web", "", at, at + place * day,
                at + place * day, "", "", "", "", None, "", "{}", "", "", "",
            )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        for n in range(deals):
            at = 1_600_000_000_000_000 + n * 1000
            for seq in range(1, min(n % 5, moves_each - 1, 3) + 2):
                source, target = "" if seq == 1 else stages[seq - 2], stages[seq - 1]
                now = at + (seq - 1) * day
                yield (
                    f"deal_{n:026d}", seq, "sales", "sales", SALES.fingerprint, now, source, target,
                    "create" if seq == 1 else "forward", None if seq == 1 else now - day, 1, source,
                    target, at, f"p{n % 30}", "import", "", "", "", "", f"p{n % 30}", 1000 + n, "EUR",
                    None, "web", "", "",
                )  # fmt: skip

    connection.executemany(f"INSERT INTO deal VALUES ({', '.join('?' * 27)})", records())
    connection.executemany(f"INSERT INTO move VALUES (NULL, {', '.join('?' * 27)})", rows())
    connection.execute("INSERT INTO definition VALUES (?, 'sales', ?)", (SALES.fingerprint, SALES.to_json()))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def growth(folder: Path) -> None:
    """A single move among ten thousand deals, and among a million."""
    durabilities: tuple[Durability, ...] = ("fast", "full")
    for durability in durabilities:
        engines = {}
        for deals in (10_000, 1_000_000):
            path = folder / f"grown{deals}{durability}"
            grown(path, deals, 3)
            engines[deals] = Engine(SALES, store=SQLiteStore(path, durability=durability))
        part, rounds = 300, 6
        costs: dict[int, list[float]] = {deals: [] for deals in engines}
        for number in range(rounds):
            for deals, engine in engines.items():
                # Every fifth deal stands on the first stage; the ones to move lie all over the file.
                step = deals // 5 // (part * rounds) * 5
                ids = [f"deal_{(number * part + n) * step:026d}" for n in range(part)]
                costs[deals].append(timed(partial(_move_all, engine, ids)) / part * 1e6)
            # the first round warms the caches
        small, large = (statistics.median(costs[deals][1:]) for deals in engines)
        what = f'move among 1,000,000 deals, durability="{durability}"'
        row(what, f"{large:.0f} µs", f"among 10,000: {small:.0f} µs", f"× {large / small:.2f} (at most 1.3)")
        for engine in engines.values():
            engine.close()


def funnel(folder: Path) -> None:
    """The counting funnel over a million moves."""
    path = folder / "funnel"
    grown(path, 357_143, 4)
    engine = Engine(SALES, store=f"sqlite:///{path}")
    count = engine.store.query("SELECT COUNT(*) FROM move", {})[0][0]
    engine.funnel()
    seconds = statistics.median(timed(engine.funnel) for _ in range(ROUNDS))
    row(f"counting funnel, {count:,} moves", f"{seconds:.3f} s", "", "at most 0.15 s")
    engine.close()


def imports(_: Path) -> None:
    """What importing costs, as whole processes; run it on an installed package."""
    codes = {
        "nothing": "pass",
        "attrs and cattrs": "import attrs, cattrs",
        "import funnelkit": "import funnelkit",
        "from funnelkit import Engine, Pipeline, Stage": "from funnelkit import Engine, Pipeline, Stage",
    }
    costs: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(11):
        for name, code in codes.items():
            costs[name].append(timed(partial(subprocess.run, [sys.executable, "-c", code], check=True)))
    bare, *rest = (statistics.median(each) for each in costs.values())
    base, *ours = (each - bare for each in rest)
    for name, mine in zip(list(codes)[2:], ours, strict=True):
        against = f"attrs and cattrs {base * 1e3:.0f} ms"
        row(f"`{name}`", f"{mine * 1e3:.0f} ms", against, f"× {mine / base:.2f} (at most 1.5)")


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
