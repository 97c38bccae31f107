"""Sheets of workbooks, read row by row through openpyxl."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any

from funnelkit.errors import InputError, MissingExtraError, shown
from funnelkit.serial import did_you_mean
from funnelkit.tables.files import Table, checked_header, misfit
from funnelkit.tables.rows import Row

__all__ = ["sheet_table"]

Opener = Callable[[], AbstractContextManager[IO[bytes]]]
Cells = Iterator[tuple[int, tuple[Any, ...]]]


def sheet_table(opener: Opener, sheet: str | None) -> Table:
    """Open a sheet of a workbook as a table; called by `read_table`."""
    with _cells(opener, sheet) as (name, rows):
        header_line, head = next(((line, cells) for line, cells in rows if not _blank(cells)), (0, ()))
    if not head:
        raise InputError("file", f"sheet {name!r} is empty", "give one with a header row")
    columns = checked_header(_trimmed(head))

    def passes(table: Table) -> Iterator[Row]:
        width = len(columns)
        with _cells(opener, name) as (_, rows):
            for line, cells in rows:
                if _blank(cells):
                    table.empty += 1
                elif line > header_line:
                    yield _row(line, cells, width)

    return Table(columns, passes, sheet=name)


def _row(line: int, cells: tuple[Any, ...], width: int) -> Row:
    """Return a row; cells that a sheet leaves out at its end are empty, as one sees them."""
    if len(cells) < width:
        return Row(line, cells + (None,) * (width - len(cells)))
    if _blank(cells[width:]):
        return Row(line, cells[:width])
    return Row(line, cells, misfit(len(cells), width).split(":")[0])


def _blank(cells: tuple[Any, ...]) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


def _trimmed(cells: tuple[Any, ...]) -> tuple[str, ...]:
    names = ["" if cell is None else str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


@contextmanager
def _cells(opener: Opener, sheet: str | None) -> Iterator[tuple[str, Cells]]:
    """Open a sheet; whatever a damaged workbook does to its reader becomes an `InputError`."""
    try:
        from openpyxl import load_workbook  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("Reading .xlsx files", "xlsx") from None
    with opener() as file:
        try:
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # (zip, XML and key errors of every kind)
            raise _unreadable(error) from error
        try:
            yield _sheet(book, sheet)
        finally:
            book.close()


def _sheet(book: Any, sheet: str | None) -> tuple[str, Cells]:
    if sheet is not None and sheet not in book.sheetnames:
        raise InputError("sheet", f"there is no sheet {shown(sheet)}", did_you_mean(sheet, book.sheetnames))
    pages = [page for page in book.worksheets if sheet is None or page.title == sheet]
    if not pages:
        raise InputError("sheet", "there is no sheet of cells", "add one")
    return pages[0].title, _read(pages[0])


def _read(page: Any) -> Cells:
    try:
        page.reset_dimensions()  # some programs write a size that is wrong
        for line, cells in enumerate(page.iter_rows(values_only=True), 1):
            yield line, tuple(cells)
    except Exception as error:  # (zip, XML and value errors of every kind)
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> InputError:
    return InputError("file", f"is no workbook that can be read: {shown(str(error), 120)}", "save it anew")
