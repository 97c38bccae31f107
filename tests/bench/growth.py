"""What a long history costs: single moves in a large file, and the counting funnel."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path

from measure import OURS, Round, duration, row, timed, told
from sales import SALES, Durability, grown, moved, on_first_stage

from funnelkit import Engine
from funnelkit.storage.sqlite import SQLiteStore

SIZES = (100_000, 10_000_000)
DEALS_TO_MOVES = 14 / 5
PART, ROUNDS = 300, 8


def growth(folder: Path) -> None:
    """A single move where there are a hundred thousand, and where there are ten million.

    The deals to move lie all over the file, which is the hardest case: nothing is in the cache.
    """
    small, large = SIZES
    for moves in SIZES:
        grown(folder / f"grown{moves}", round(moves / DEALS_TO_MOVES))
    ids = {moves: on_first_stage(round(moves / DEALS_TO_MOVES), 2 * PART * ROUNDS) for moves in SIZES}
    durabilities: tuple[Durability, ...] = ("fast", "full")
    for number, durability in enumerate(durabilities):
        engines = {
            moves: Engine(SALES, store=SQLiteStore(folder / f"grown{moves}", durability=durability))
            for moves in SIZES
        }
        rounds: list[Round] = []
        for start in range(number, 2 * ROUNDS, 2):
            parts = {moves: ids[moves][start :: 2 * ROUNDS] for moves in SIZES}
            rounds.append(
                {
                    who: timed(partial(moved, engines[moves].move, parts[moves], "qualified"))
                    for who, moves in ((OURS, large), (f"among {small:,}", small))
                }
            )
        # The first round warms the caches.
        what = f'single move among {large:,}, SQLite, durability="{durability}"'
        told(what, rounds[1:], PART, "at most × 1.3", f"among {small:,}")
        for engine in engines.values():
            engine.close()


def funnel(folder: Path) -> None:
    """The counting funnel over a million moves."""
    path = folder / "funnel"
    grown(path, round(1_000_000 / DEALS_TO_MOVES))
    engine = Engine(SALES, store=f"sqlite:///{path}")
    count = engine.store.query("SELECT COUNT(*) FROM move", {})[0][0]
    engine.funnel()
    seconds = statistics.median(timed(engine.funnel).wall for _ in range(5))
    row(f"counting funnel, {count:,} moves", duration(seconds), "", "", "", "at most 0.15 s")
    engine.close()
