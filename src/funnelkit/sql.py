"""Many values in one question to a store: `SELECT … WHERE id IN (…)` with named parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["in_list", "in_parts"]

_PART = 500
"""Values in one question; old SQLite libraries take 999 parameters."""


def in_list(values: Iterable[str], prefix: str = "p") -> tuple[str, dict[str, str]]:
    """Return what stands in the brackets of an ``IN (…)``, and its parameters by name.

    >>> in_list(["a", "b"])
    (':p1, :p2', {'p1': 'a', 'p2': 'b'})
    """
    params = {f"{prefix}{number}": value for number, value in enumerate(values, 1)}
    return ", ".join(f":{name}" for name in params), params


def in_parts(values: Sequence[str], most: int = _PART) -> Iterator[Sequence[str]]:
    """Yield values in parts that one question can hold.

    >>> list(in_parts("abcde", 2))
    ['ab', 'cd', 'e']
    """
    for start in range(0, len(values), most):
        yield values[start : start + most]
