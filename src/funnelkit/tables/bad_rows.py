"""The file of bad rows: each as it was, with its line, column and reason, ready to be mended."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from funnelkit.errors import InputError, shown
from funnelkit.tables.files import Table
from funnelkit.tables.readers import plain
from funnelkit.tables.report import RowPlan
from funnelkit.tables.rows import BAD_COLUMNS, Row

__all__ = ["BadRows", "bad_rows_file"]


class BadRows:
    """Writes bad rows as CSV with the columns of their table, and three more."""

    def __init__(self, file: Any, table: Table) -> None:
        self._own = [at for at, name in enumerate(table.columns) if name not in BAD_COLUMNS]
        self._width = len(table.columns)
        self._delimiter = table.delimiter or ";"
        self._writer = csv.writer(file, delimiter=self._delimiter, lineterminator="\r\n")
        self._writer.writerow([*(table.columns[at] for at in self._own), *BAD_COLUMNS])

    def write(self, row: Row, plan: RowPlan) -> None:
        """Write one row with every reason against it."""
        cells = ["" if cell is None else plain(cell) for cell in row.cells]
        cells = [cell.encode("utf-8", "replace").decode() for cell in cells]
        if len(cells) > self._width:  # cut too often: what is over stays in the last cell
            cells[self._width - 1 :] = [self._delimiter.join(cells[self._width - 1 :])]
        cells += [""] * (self._width - len(cells))
        columns = ", ".join(dict.fromkeys(reason.column for reason in plan.reasons if reason.column))
        told = "; ".join(map(str, plan.reasons))
        self._writer.writerow([*(cells[at] for at in self._own), plan.line, columns, told])


@contextmanager
def bad_rows_file(path: str | PathLike[str] | None, table: Table) -> Iterator[BadRows | None]:
    """Give what writes bad rows to a path; the file is there once all of it is written.

    Until then it is called ``<path>.part``, so a file of an earlier run can be read and replaced.
    """
    if path is None:
        yield None
        return
    if not isinstance(path, str | PathLike):
        raise InputError("bad_rows", f"{shown(path)} is no path", 'give "bad.csv"')
    whole = Path(fspath(path))
    draft = whole.with_name(whole.name + ".part")
    try:
        file = draft.open("w", encoding="utf-8-sig", newline="")
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise InputError("bad_rows", f"{shown(str(path))} cannot be written: {told}") from error
    with file:
        yield BadRows(file, table)
    draft.replace(whole)
