"""What a long history costs: single moves in a large file, and the counting funnel."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path

from measure import OURS, Round, duration, row, timed, told
from sales import SALES, Durability, grown, moved, newest_on_first_stage, on_first_stage

from funnelkit import Engine
from funnelkit.storage.sqlite import SQLiteStore

SMALL, LARGE = 100_000, 10_000_000
DEALS_TO_MOVES = 14 / 5
PART, ROUNDS = 200, 8


def growth(folder: Path) -> None:
    """A single move where there are a hundred thousand, and where there are ten million.

    Once the deals to move lie all over the large file, which is the hardest case: nothing is in a
    cache. Once they are its newest ones, as it is where people work.
    """
    for moves in (SMALL, LARGE):
        grown(folder / f"grown{moves}", round(moves / DEALS_TO_MOVES))
    number = 2 * PART * ROUNDS
    small = on_first_stage(round(SMALL / DEALS_TO_MOVES), 2 * number)
    spread = on_first_stage(round(LARGE / DEALS_TO_MOVES), number)
    newest = newest_on_first_stage(round(LARGE / DEALS_TO_MOVES), number, set(spread))
    for large, where in ((spread, "all over the file"), (newest, "the newest deals")):
        mine, small = small[:number], small[number:]
        _moves(folder, mine, large, where)


def _moves(folder: Path, small: list[str], large: list[str], where: str) -> None:
    durabilities: tuple[Durability, ...] = ("fast", "full")
    ids = {SMALL: small, LARGE: large}
    for number, durability in enumerate(durabilities):
        engines = {
            moves: Engine(SALES, store=SQLiteStore(folder / f"grown{moves}", durability=durability))
            for moves in ids
        }
        rounds: list[Round] = []
        for start in range(number, 2 * ROUNDS, 2):
            parts = {moves: ids[moves][start :: 2 * ROUNDS] for moves in ids}
            rounds.append(
                {
                    who: timed(partial(moved, engines[moves].move, parts[moves], "qualified"))
                    for who, moves in ((OURS, LARGE), (f"among {SMALL:,}", SMALL))
                }
            )
        # The first round warms the caches.
        what = f'single move among {LARGE:,}, {where}, SQLite, durability="{durability}"'
        told(what, rounds[1:], PART, "at most × 1.3", f"among {SMALL:,}")
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
