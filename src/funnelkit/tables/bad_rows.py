"""The file of bad rows: each as it was, with its line, column and reason, ready to be mended."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from secrets import token_hex
from typing import Any

from funnelkit.errors import InputError, shown
from funnelkit.tables.files import Table
from funnelkit.tables.readers import plain
from funnelkit.tables.report import RowPlan
from funnelkit.tables.rows import BAD_COLUMNS, Row

__all__ = ["BadRows", "bad_rows_file"]

_HEADER_LIMIT = 1 << 20


class BadRows:
    """Writes bad rows as CSV with the columns of their table, and three more.

    Attributes:
        written: How many.
    """

    def __init__(self, file: Any, table: Table) -> None:
        self.written = 0
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
        self.written += 1
        self._writer.writerow([*(cells[at] for at in self._own), plan.line, columns, told])


@contextmanager
def bad_rows_file(path: str | PathLike[str] | None, table: Table) -> Iterator[BadRows | None]:
    """Give what writes bad rows to a path; the file is there once all of it is written.

    Where no row is bad there is none, and that of an earlier run is removed. If the import fails it
    stays as it was.

    Raises:
        InputError: It cannot be written, or what is there is the table itself or no file of bad rows.
    """
    if path is None:
        yield None
        return
    whole = _checked(path, table)
    draft = whole.with_name(f"{whole.name}.{token_hex(4)}.part")
    try:
        file = draft.open("x", encoding="utf-8-sig", newline="")
    except (OSError, ValueError) as error:
        raise _unusable(path, "cannot be written", error) from error
    try:
        with file:
            rows = BadRows(file, table)
            yield rows
        if rows.written:
            draft.replace(whole)
        else:
            whole.unlink(missing_ok=True)
    finally:
        draft.unlink(missing_ok=True)


def _checked(path: Any, table: Table) -> Path:
    """Return where to write, links followed; nothing that is not a file of bad rows is written over."""
    if not isinstance(path, str | PathLike):
        raise InputError("bad_rows", f"{shown(path)} is no path", 'give "bad.csv"')
    try:
        whole = Path(fspath(path)).resolve()
        if not whole.exists():
            return whole
        if table.path is not None and table.path.exists() and whole.samefile(table.path):
            told = f"{shown(str(path))} is the file that is imported"
            raise InputError("bad_rows", told, "give the path of another one")
        ours = whole.is_file() and (not whole.stat().st_size or _is_ours(whole))
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise _unusable(path, "cannot be looked at", error) from error
    if not ours:
        told = f"{shown(str(path))} is there and is no file of bad rows, so it is not written over"
        raise InputError("bad_rows", told, "give the path of a new file")
    return whole


def _is_ours(path: Path) -> bool:
    """Whether the first line of a file has the columns that a file of bad rows has."""
    with path.open("rb") as file:
        header = file.readline(_HEADER_LIMIT)
    return all(name.encode() in header for name in BAD_COLUMNS)


def _unusable(path: Any, problem: str, error: Exception) -> InputError:
    told = getattr(error, "strerror", None) or str(error)
    return InputError("bad_rows", f"{shown(str(path))} {problem}: {told}")
