"""Nearest rank in engines that find quantiles by themselves: the text around a SELECT, and its answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["cells", "decimals", "levels", "mirrored", "ranking"]

_AROUND = "SELECT grp, stage, {quantiles} AS found FROM ({sql}) AS ended GROUP BY grp, stage"

_HAIR = 1e-12
"""Above what a fraction lacks to its decimal number, below what it is to the next rank of a billion."""


def ranking(sql: str, quantiles: str) -> str:
    """Return the text that asks for ``quantiles`` of the third column of ``sql``, by the first two."""
    return _AROUND.format(quantiles=quantiles, sql=sql)


def decimals(percents: Sequence[int]) -> str:
    """Return percents as decimal numbers, for an engine that does not make them binary.

    >>> decimals([50, 7, 100])
    '0.50, 0.07, 1.00'
    """
    return ", ".join(f"{percent // 100}.{percent % 100:02}" for percent in percents)


def levels(percents: Sequence[int]) -> str:
    """Return percents as fractions, for an engine that takes the first rank at or above its part.

    >>> levels([50, 7])
    '0.499999999999, 0.069999999999'
    """
    return ", ".join(f"{percent / 100 - _HAIR:.12f}" for percent in percents)


def mirrored(percents: Sequence[int]) -> str:
    """Return the fractions of the numbers with their signs turned, for one that takes the rank below.

    >>> mirrored([50, 7])
    '0.500000000001, 0.930000000001'
    """
    return ", ".join(f"{1 - percent / 100 + _HAIR:.12f}" for percent in percents)


def cells(rows: Iterable[tuple[Any, ...]], sign: int = 1) -> list[tuple[Any, ...]]:
    """Return ``(key, stage, number, number, …)`` from rows whose third column is a list."""
    return [(key, stage, *(sign * number for number in found)) for key, stage, found in rows]
