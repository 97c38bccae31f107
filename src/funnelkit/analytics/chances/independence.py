"""Whether the rows of a table of counts differ by more than chance: Pearson's test, without a library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs

__all__ = ["Independence", "chi_square_tail", "independence"]

EXPECTED = 5.0
"""What has to be expected in every cell, else rows and columns are put together."""


def chi_square_tail(x: float, df: int) -> float:
    """Return the chance that a chi-square variable of ``df`` degrees of freedom is above ``x``.

    Closed form: for even df, e^(−x/2) Σ (x/2)^i / i!; for odd df the same sum over halves beside the tail
    of the normal distribution.

    Source: M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 26.4.4 and 26.4.5.

    >>> round(chi_square_tail(3.841458820694124, 1), 6), round(chi_square_tail(9.487729036781154, 4), 6)
    (0.05, 0.05)
    """
    if df <= 0 or x / 2 <= 0:  # half of the least number there is, is none
        return 1.0
    half = x / 2
    if df % 2:
        tail = math.erfc(math.sqrt(half))
        first, count = 0.5, (df - 1) // 2
    else:
        tail, first, count = 0.0, 0.0, df // 2
    logs = [(first + n) * math.log(half) - half - math.lgamma(first + n + 1) for n in range(count)]
    return min(1.0, tail + sum(map(math.exp, logs)))


@attrs.frozen
class Independence:
    """What the test found.

    Attributes:
        count: What is counted in the table.
        statistic: Pearson's, Σ (observed − expected)² / expected.
        df: Its degrees of freedom; 0 where there is not enough to compare.
    """

    count: int
    statistic: float
    df: int

    @property
    def p(self) -> float | None:
        """The chance of such a difference or a larger one if there is none; None without one to see."""
        return chi_square_tail(self.statistic, self.df) if self.df else None


def independence(table: Mapping[str, Mapping[str, int]]) -> Independence:
    """Return Pearson's test of a table, row → column → count.

    The smallest rows and columns are put together until at least 5 are expected in every cell.

    >>> found = independence({"a": {"x": 30, "y": 10}, "b": {"x": 20, "y": 20}})
    >>> round(found.statistic, 4), found.df, round(found.p, 4)
    (5.3333, 1, 0.0209)
    """
    columns = sorted({column for cells in table.values() for column in cells})
    grid = [[cells.get(column, 0) for column in columns] for cells in table.values()]
    total = sum(map(sum, grid))
    while total and min(len(grid), len(grid[0])) > 1:
        rows, cols = [sum(row) for row in grid], [sum(column) for column in zip(*grid, strict=True)]
        if min(rows) * min(cols) >= EXPECTED * total:
            statistic = sum(
                (seen - rows[r] * cols[c] / total) ** 2 / (rows[r] * cols[c] / total)
                for r, row in enumerate(grid)
                for c, seen in enumerate(row)
            )
            return Independence(total, statistic, (len(rows) - 1) * (len(cols) - 1))
        grid = _merged(grid) if min(rows) <= min(cols) else _turned(_merged(_turned(grid)))
    return Independence(total, 0.0, 0)


def _merged(grid: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the grid with its two smallest rows as one."""
    first, second, *rest = sorted(grid, key=sum)
    return [[a + b for a, b in zip(first, second, strict=True)], *map(list, rest)]


def _turned(grid: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(column) for column in zip(*grid, strict=True)]
