"""How far long work has come: a callable of the caller's, or a bar of text on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Literal

__all__ = ["Progress", "shower"]

Progress = Callable[[int, int], object]
"""Called with what is done and what there is in all."""

_WIDTH = 30


def shower(progress: Progress | Literal[True] | None) -> Progress:
    """Return what to call: the caller's own, a bar for True if stderr is a terminal, else nothing."""
    if progress is True:
        progress = _draw if sys.stderr.isatty() else None
    return progress or (lambda _done, _total: None)


def bar(done: int, total: int) -> str:
    """Return a line that shows how far work has come.

    >>> bar(30_000, 40_000)
    '[######################--------] 30,000 of 40,000'
    """
    full = _WIDTH * done // total if total else _WIDTH
    return f"[{'#' * full}{'-' * (_WIDTH - full)}] {done:,} of {total:,}"


def _draw(done: int, total: int) -> None:
    sys.stderr.write(f"\r{bar(done, total)}{'' if done < total else chr(10)}")
    sys.stderr.flush()
