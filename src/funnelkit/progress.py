"""How far long work has come: a callable of the caller's, or a bar of text on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable

from funnelkit.errors import InputError, shown

__all__ = ["Progress", "shower"]

Progress = Callable[[int, int], object]
"""Called with what is done and what there is in all."""

_WIDTH = 30


def shower(progress: object) -> Progress:
    """Return what to call: the caller's own, a bar for True if stderr is a terminal, else nothing.

    Raises:
        InputError: It cannot be called.

    >>> shower(5)
    Traceback (most recent call last):
    funnelkit.errors.InputError: progress: 5 cannot be called (give True, or a function of two numbers)
    """
    if progress is True:
        return _draw if sys.stderr.isatty() else _nothing
    if progress is None or progress is False:
        return _nothing
    if not callable(progress):
        mend = "give True, or a function of two numbers"
        raise InputError("progress", f"{shown(progress)} cannot be called", mend)
    return progress


def bar(done: int, total: int) -> str:
    """Return a line that shows how far work has come.

    >>> bar(30_000, 40_000)
    '[######################--------] 30,000 of 40,000'
    """
    full = _WIDTH * done // total if total else _WIDTH
    return f"[{'#' * full}{'-' * (_WIDTH - full)}] {done:,} of {total:,}"


def _nothing(_done: int, _total: int) -> None:
    pass


def _draw(done: int, total: int) -> None:
    sys.stderr.write(f"\r{bar(done, total)}{'' if done < total else chr(10)}")
    sys.stderr.flush()
