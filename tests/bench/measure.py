"""Time several ways to do one thing in turn, and tell what came of it as a row of a table.

Whoever is compared takes turns, round by round, so that a machine that slows down slows all. A
ratio is the median of the ratios of the rounds. Beside the time on the wall stands the ratio of the
processor time of this process, which others on the machine disturb less.
"""

from __future__ import annotations

import gc
import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

OURS = "funnelkit"
HEAD = "| what | funnelkit | against | ratio | ratio of processor time | wanted |\n|" + " --- |" * 6


class Cost(NamedTuple):
    """Seconds on the wall, and of processor."""

    wall: float
    processor: float


Round = Mapping[str, Cost]
"""Who → what it cost him."""


def timed(act: Callable[[], object]) -> Cost:
    """Return what ``act`` costs, with the garbage of before swept away."""
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    act()
    return Cost(time.perf_counter() - wall, time.process_time() - processor)


def in_turn(**acts: Callable[[], object]) -> Round:
    """Time each act once."""
    return {name: timed(act) for name, act in acts.items()}


def median(rounds: Sequence[Round], who: str) -> float:
    """Return the median time on the wall that a round took somebody, in seconds."""
    return statistics.median(each[who].wall for each in rounds)


def ratio(rounds: Sequence[Round], ours: str, theirs: str) -> Cost:
    """Return how many times theirs ours costs."""
    return Cost(
        *(
            statistics.median(part / other for part, other in zip(parts, others, strict=True))
            for parts, others in zip(
                zip(*(each[ours] for each in rounds), strict=True),
                zip(*(each[theirs] for each in rounds), strict=True),
                strict=True,
            )
        )
    )


def told(what: str, rounds: Sequence[Round], acts: int, wanted: str, theirs: str = "twin") -> None:
    """Print one row: what an act costs us and somebody else, and the ratios.

    Args:
        what: What was done.
        rounds: What it cost whom.
        acts: How many acts a round has.
        wanted: The budget.
        theirs: Who is compared with us.
    """
    of = ratio(rounds, OURS, theirs)
    row(
        what,
        duration(median(rounds, OURS) / acts),
        f"{theirs} {duration(median(rounds, theirs) / acts)}",
        f"× {of.wall:.2f}",
        f"× {of.processor:.2f}",
        wanted,
    )


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def row(what: str, *cells: str) -> None:
    """Print one row of the table."""
    print(f"| {what} | {' | '.join((*cells, '', '', '', '')[:5])} |", flush=True)


def machine(folder: Path) -> str:
    """Return a line on what the measures were taken with."""
    parts = [
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        *_installed("SQLAlchemy", "Django", "django-fsm-2", "python-statemachine", "transitions", "psycopg"),
        f"{os.cpu_count()} cores {platform.machine()} at load {os.getloadavg()[0]:.1f}",
        f"fdatasync of 4 KB written over {duration(_sync(folder, append=False))}",
        f"fsync of 4 KB appended {duration(_sync(folder, append=True))} (medians)",
    ]
    return ", ".join(parts)


def _installed(*names: str) -> list[str]:
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def _sync(folder: Path, *, append: bool, times: int = 300) -> float:
    """Return the median seconds that it takes to write 4 KB so that they survive a power cut."""
    page, costs = os.urandom(4096), []
    handle = os.open(folder / f"sync{append}", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(handle, page, 0)
        os.fsync(handle)
        for number in range(times):
            start = time.perf_counter()
            os.pwrite(handle, page, (number + 1) * 4096 if append else 0)
            (os.fsync if append else os.fdatasync)(handle)
            costs.append(time.perf_counter() - start)
    finally:
        os.close(handle)
    return statistics.median(costs)
