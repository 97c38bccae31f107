"""A move in memory, and what of it is the engine's own."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path

from measure import duration, row, timed
from sales import SALES, made, moved

from funnelkit import Engine, MemoryStore
from funnelkit.storage import Commit

ROUNDS = 5


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
    """The engine's own part is the whole move less what the store alone takes to do the same again."""
    costs = [_in_memory(5_000) for _ in range(ROUNDS)]
    engine, store = (statistics.median(each) for each in zip(*costs, strict=True))
    row(
        "move in memory, the engine's part",
        duration(engine),
        f"store {duration(store)}",
        "",
        "",
        "at most 20 µs",
    )


def _in_memory(deals: int) -> tuple[float, float]:
    """Return the seconds a move of the engine alone, and of the store alone doing the same again."""
    engine, recorder = Engine(SALES), Recording()
    ids = made(engine, deals)
    moved(engine.move, ids, "qualified")
    recorded = Engine(SALES, store=recorder)
    others = made(recorded, deals)
    again = MemoryStore()
    for commit in recorder.commits:
        again.commit(commit)
    recorder.commits.clear()
    moved(recorded.move, others, "qualified")
    moves = recorder.commits
    whole = timed(partial(moved, engine.move, ids, "proposal")).wall
    alone = timed(
        lambda: [(again.get("deal", each.moves[0].record), again.commit(each)) for each in moves]
    ).wall
    return (whole - alone) / deals, alone / deals
