"""Memory while rows are worked on by the ten thousand."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Let Python's collector of cycles rest for a while, if it is on.

    The values of rows make no cycles: what is done with is freed at once all the same. But the collector
    looks through all rows of a batch again and again while it grows, which is a sixth of the time of an
    import.

    >>> import gc
    >>> with uncollected():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
