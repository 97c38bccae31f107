"""`Row`: what every reader of tables hands on."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["BAD_COLUMNS", "Row"]

BAD_COLUMNS = ("bad: line", "bad: column", "bad: reason")
"""The columns that a file of bad rows has beside those of the table. Importing it again ignores them."""


@attrs.frozen
class Row:
    """One row of a table.

    Attributes:
        line: Where it starts: the line of a text file, the row of a sheet; the first is 1.
        cells: Text; of a sheet also numbers, dates, yes and no, and None.
        reason: Why it cannot be used, or empty.

    >>> Row(7, ("a",), "has 1 cell, the header has 2").reason
    'has 1 cell, the header has 2'
    """

    line: int
    cells: tuple[Any, ...]
    reason: str = ""
