"""Roll-ups over a long ledger: what they answer, how fast, and what a move pays for them.

The ledger is that of the reports, copied; see there how to keep it from one run to the next.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ledger import NOW, STAGES, START
from measure import OURS, Cost, Round, duration, row, timed, told
from reports import file
from sales import STEPS, Durability, filled, moved_once

from funnelkit.analytics import Analytics, Shape
from funnelkit.clock import FrozenClock, from_us
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.rollups import folding

ROUNDS = 5
WANTED = "at most 5 ms"
_TABLES = "SELECT SUM(pgsize) FROM dbstat WHERE name LIKE 'funnelkit_rollup%'"

_DAY = from_us(START).date()
MONTH = (date(_DAY.year + 1, 9, 1), date(_DAY.year + 1, 10, 1))
SOME_DAYS = (MONTH[0] + timedelta(days=13), MONTH[1] + timedelta(days=13))
QUARTER = (SOME_DAYS[0], SOME_DAYS[0] + timedelta(days=90))
OWNER, SOURCE = {"owner": "person07"}, {"source": "web"}

OF_RECORDS: dict[str, dict[str, Any]] = {
    "": {},
    " by owner": {"by": "owner"},
    " by source": {"by": "source"},
    " of one owner": OWNER,
    " of one owner and source": OWNER | SOURCE,
    " of 30 days": {"created": SOME_DAYS},
    " of 30 days and one owner": {"created": SOME_DAYS} | OWNER,
    " of 30 days and one source": {"created": SOME_DAYS} | SOURCE,
    " of 30 days, one owner and source": {"created": SOME_DAYS} | OWNER | SOURCE,
    " of a month by owner": {"created": MONTH, "by": "owner"},
    " of 30 days by owner": {"created": SOME_DAYS, "by": "owner"},
    " of one source by owner": SOURCE | {"by": "owner"},
}
ASKED: dict[str, dict[str, dict[str, Any]]] = {
    "funnel": OF_RECORDS,
    "transitions": OF_RECORDS,
    "stock": {
        "": {},
        " by owner": {"by": "owner"},
        " of one owner": OWNER,
        " of one owner and source": OWNER | SOURCE,
    },
    "win_rate": {
        "": {},
        " by owner": {"by": "owner"},
        " of 90 days": {"closed": QUARTER},
        " of 90 days by owner": {"closed": QUARTER, "by": "owner"},
    },
}


def rollups(folder: Path) -> None:
    """Make them, fold the last tail, and ask everything with a tail that is as long as it gets."""
    path = folder / "ledger"
    shutil.copyfile(file(), path)
    with SQLiteStore(path, durability="fast") as store:
        making = timed(lambda: _made(store))
        row("making roll-ups", duration(making.wall), "", "", "", "minutes")
        row("their tables", _size(path), f"of {path.stat().st_size / 1e6:,.0f} MB")
        shapes = [Shape(pipeline="sales", stages=tuple((stage, "") for stage in STAGES))]
        clock = FrozenClock(from_us(NOW))
        kept, scanned = (Analytics(source, shapes, clock) for source in (store, _Scanned(store)))
        for report, ways in ASKED.items():
            for way, how in ways.items():
                _compared(
                    f"{report}{way}", *(partial(getattr(asked, report), **how) for asked in (kept, scanned))
                )
        folds = timed(lambda: _folded(store, folding.EVERY))
        share = folds.wall / folding.EVERY
        row(f"fold of {folding.EVERY:,} moves", duration(folds.wall), f"{duration(share)} a move")


class _Scanned:
    """The same store without its roll-ups."""

    def __init__(self, store: SQLiteStore) -> None:
        self.query = store.query


def _made(store: SQLiteStore) -> None:
    """Make roll-ups of all but the last moves, which stay a tail."""

    class Enough(Exception):  # noqa: N818
        pass

    def near(done: int, all: int) -> None:
        if done and all - done <= 100_000:
            raise Enough

    with suppress(Enough):
        store.keep_rollups(progress=near)
    _folded(store, store.health().rollups - folding.EVERY)  # type: ignore[operator]


def _folded(store: SQLiteStore, moves: int) -> None:
    with sqlite3.connect(store.path, isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("BEGIN IMMEDIATE")
        folding.fold(connection.cursor(), moves)
        connection.execute("COMMIT")
    connection.close()


def _size(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        try:
            ((size,),) = connection.execute(_TABLES)
        except sqlite3.Error:  # a library without the table of sizes
            return "?"
    return f"{size / 1e6:,.0f} MB"


def _compared(what: str, ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
    """Tell the best of some rounds beside one scan, which has to say the same."""
    answers: list[Any] = []
    scan = timed(lambda: answers.append(theirs()))
    best = min((timed(lambda: answers.append(ours())) for _ in range(ROUNDS)), key=_processor)
    if len({tuple(map(str, each.rows)) for each in answers}) != 1:
        raise ValueError(what)
    ratios = (f"× {best.wall / scan.wall:.4f}", f"× {best.processor / scan.processor:.4f}")
    row(f"`{what}`", duration(best.wall), f"scan {duration(scan.wall)}", *ratios, WANTED)


def _processor(cost: Cost) -> float:
    return cost.processor


# -- the price ---------------------------------------------------------------------------------


def rollup_price(folder: Path) -> None:
    """Single keyed moves of a store with roll-ups, one fold a round, beside those of one without.

    All deals are of one day and one owner, so the fold is a cheap one: see `rollups` for that of a ledger.
    """
    counts: dict[Durability, int] = {"fast": 2 * folding.EVERY, "full": folding.EVERY}
    for durability, deals in counts.items():
        rounds = list(_priced(folder / durability, durability, deals))
        told(
            f'single move, SQLite, durability="{durability}"',
            rounds,
            folding.EVERY,
            "at most × 1.10",
            "no roll-ups",
        )


def _priced(path: Path, durability: Durability, deals: int) -> Iterator[Round]:
    engines = {}
    for name in ("with", "without"):
        with SQLiteStore(path.with_suffix(f".{name}")) as store:
            if name == "with":
                store.keep_rollups()
        engines[name] = filled(path.with_suffix(f".{name}"), durability, deals)
    (ours, ids), (bare, others) = engines.values()
    for target in STEPS:
        for start in range(0, deals, folding.EVERY):
            span = slice(start, start + folding.EVERY)
            yield {
                OURS: timed(partial(moved_once, ours.move, ids[span], target)),
                "no roll-ups": timed(partial(moved_once, bare.move, others[span], target)),
            }
