"""Files of rows: CSV, TSV and XLSX, read as a stream with the line every row starts on.

What a file does not say itself is found out by rules that always give the same answer:

- Encoding: a byte order mark decides. Else a file that is valid UTF-8 is UTF-8. Else it is UTF-8 with
  damaged rows where more letters are valid UTF-8 than bytes are not; anything else is cp1251, where
  every byte but one is a letter. A file in another one-byte encoding needs ``encoding=``.
- Delimiter: the semicolon, tab or comma that splits the header, and the most of the first rows into
  as many cells; of equals, the one that makes more columns.

A row that cannot be used is handed on with its reason; none is left out but empty ones, which are
counted.
"""

from __future__ import annotations

import codecs
import io
import re
import shutil
import tempfile
import unicodedata
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import IO, Self

from funnelkit.errors import InputError, shown
from funnelkit.tables.lines import DELIMITERS, Lines, records, sniffed
from funnelkit.tables.rows import Row

__all__ = ["Row", "Table", "column_key", "read_table"]

_CHUNK = 1 << 20
_DELIMITER = re.compile(r'[^\r\n"]')
_XLSX = b"PK\x03\x04"
_XLS = b"\xd0\xcf\x11\xe0"
_PAGES = (b"<html", b"<meta", b"<table", b"<!doctype")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

Source = str | PathLike[str] | IO[bytes]
Opener = Callable[[], AbstractContextManager[IO[bytes]]]


class Table:
    r"""A table of a file. Going through it again reads the file again.

    Attributes:
        columns: The names of the header.
        encoding: Of a text file: how its bytes were read; of a sheet empty.
        delimiter: Of a text file: what stands between cells; of a sheet empty.
        why: Why this delimiter and this encoding were taken, in a sentence.
        sheet: The name of the sheet, or empty.
        empty: How many empty rows the latest pass has skipped.
        path: Of the file, where it has one.

    >>> import io
    >>> table = read_table(io.BytesIO(b"id;name\n1;Acme\n\n2;Bolt\n"))
    >>> [(row.line, row.cells) for row in table], table.empty
    ([(2, ('1', 'Acme')), (4, ('2', 'Bolt'))], 1)
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        passes: Callable[[Table], Iterator[Row]],
        *,
        encoding: str = "",
        delimiter: str = "",
        why: str = "",
        sheet: str = "",
    ) -> None:
        self.columns = columns
        self.encoding = encoding
        self.delimiter = delimiter
        self.why = why
        self.sheet = sheet
        self.empty = 0
        self.path: Path | None = None
        self._passes = passes

    def __iter__(self) -> Iterator[Row]:
        self.empty = 0
        return self._passes(self)

    def __repr__(self) -> str:
        told = self.sheet or f"{self.encoding}, {self.delimiter!r}"
        return f"Table({len(self.columns)} columns, {told})"


def read_table(
    source: Source, *, encoding: str | None = None, delimiter: str | None = None, sheet: str | None = None
) -> Table:
    r"""Open a CSV, TSV or XLSX file.

    The header is read at once, the rows whenever the table is gone through; memory does not grow with
    the file. A first line such as ``sep=;`` is understood. A quoted cell may hold line breaks. Rows
    with too few or too many cells, a NUL character, bytes that are no text in this encoding, or broken
    quotes are handed on with a reason; after broken quotes reading goes on with the next line.

    Args:
        source: A path, or a file opened with ``"rb"``. One that cannot be rewound is copied into a
            temporary file first. It is not closed.
        encoding: Of a text file; left out, it is found out.
        delimiter: One character; left out, it is found out.
        sheet: Of a workbook; left out, the first one.

    Raises:
        InputError: There is no such file or sheet; it is empty, no text and no workbook; its header
            has an empty name or one name twice.
        MissingExtraError: A workbook, and openpyxl is not installed.

    >>> import io
    >>> table = read_table(io.BytesIO("Имя\tГород\nАда\tЛондон\n".encode("cp1251")))
    >>> table.columns, table.encoding, next(iter(table)).cells
    (('Имя', 'Город'), 'cp1251', ('Ада', 'Лондон'))
    """
    table = _opened_table(_opener(source), encoding, delimiter, sheet)
    named = source if isinstance(source, str | PathLike) else getattr(source, "name", None)
    table.path = Path(fspath(named)).absolute() if isinstance(named, str | PathLike) else None
    return table


def _opened_table(opener: Opener, encoding: str | None, delimiter: str | None, sheet: str | None) -> Table:
    with opener() as file:
        start = _read(file, 64)
    if start.startswith(_XLS):
        raise InputError("file", "is an .xls workbook of the time before 2007", "save it as .xlsx or CSV")
    if start.lstrip().lower().startswith(_PAGES):
        raise InputError("file", "is a web page, as some programs call .xls", "export it as CSV or .xlsx")
    if start.startswith(_XLSX):
        if encoding is not None or delimiter is not None:
            raise InputError("file", "is a workbook, which has no encoding or delimiter", "leave them out")
        from funnelkit.tables.sheets import sheet_table

        return sheet_table(opener, sheet)
    if sheet is not None:
        raise InputError("sheet", "the file is text, which has no sheets", "leave sheet= out")
    if delimiter is not None and (not isinstance(delimiter, str) or not _DELIMITER.fullmatch(delimiter)):
        raise InputError("delimiter", f"{shown(delimiter)} is not one character", 'give ";", "," or "\\t"')
    return _text_table(opener, encoding, delimiter)


def _text_table(opener: Opener, encoding: str | None, delimiter: str | None) -> Table:
    taken, whole, why = (encoding, False, "") if encoding is not None else _encoding(opener)
    taken = _codec(taken)
    codec = "utf-8-sig" if taken == "utf-8" else taken

    @contextmanager
    def text() -> Iterator[Lines]:
        with opener() as file:
            wrapper = io.TextIOWrapper(file, codec, errors="surrogateescape", newline="")
            try:
                yield Lines(wrapper, whole=whole)
            except UnicodeError as error:
                raise InputError("file", f"is not {taken}: {error}", "give encoding=") from None
            finally:
                wrapper.detach()

    with text() as lines:
        told = lines.announced()
        if delimiter is None:
            delimiter, reason = (told, "the first line says so") if told else sniffed(lines)
        else:
            reason = "it was given"
        rows = records(lines, delimiter)
        head = next((row for row in rows if row.reason or any(map(str.strip, row.cells))), None)
    if head is None:
        raise InputError("file", "is empty", "give a file with a header line")
    if head.reason:
        raise InputError("header", head.reason, f"mend line {head.line}")
    columns = checked_header(head.cells)
    header_line = head.line

    def passes(table: Table) -> Iterator[Row]:
        with text() as lines:
            lines.announced()
            yield from _rows(table, records(lines, delimiter), header_line)

    named = DELIMITERS.get(delimiter, repr(delimiter))
    sentence = f"{named}, because {reason}; {taken}, because {why or 'it was given'}"
    return Table(columns, passes, encoding=taken, delimiter=delimiter, why=sentence)


def _rows(table: Table, found: Iterator[Row], header_line: int) -> Iterator[Row]:
    width = len(table.columns)
    for row in found:
        cells = row.cells
        if row.reason:
            if row.line > header_line:
                yield row
        elif not any(map(str.strip, cells)):
            table.empty += 1
        elif row.line <= header_line:
            continue
        elif len(cells) != width:
            yield Row(row.line, cells, misfit(len(cells), width))
        else:
            yield row


def misfit(cells: int, width: int) -> str:
    """Say that a row has another number of cells than the header.

    >>> misfit(1, 2)
    'has 1 cell, the header has 2'
    """
    more = ": quote cells that hold the delimiter" if cells > width else ""
    return f"has {cells} cell{'s' * (cells != 1)}, the header has {width}{more}"


def column_key(name: str) -> str:
    """Return what columns are compared by: letters' case and the width of gaps do not count.

    >>> column_key(" Deal  Name ")
    'deal name'
    """
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def checked_header(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a header.

    Raises:
        InputError: One is empty, or there twice; all of them are named.
    """
    names = tuple(" ".join(cell.split()) for cell in cells)
    empty = [str(number) for number, name in enumerate(names, 1) if not name]
    if empty:
        told = f"column{'s' * (len(empty) > 1)} {', '.join(empty)} of {len(names)}"
        raise InputError("header", f"{told}: no name", "name every column, or delete it from the file")
    places: dict[str, list[int]] = {}
    for number, name in enumerate(names, 1):
        places.setdefault(column_key(name), []).append(number)
    twice = [numbers for numbers in places.values() if len(numbers) > 1]
    if twice:
        told = "; ".join(f"{names[at[0] - 1]!r} names columns {', '.join(map(str, at))}" for at in twice)
        raise InputError("header", told, "give every column a name of its own")
    return names


def _opener(source: Source) -> Opener:
    """Return what opens a source anew at its start."""
    if isinstance(source, str | PathLike):
        return _path_opener(Path(fspath(source)))
    if not hasattr(source, "read") or isinstance(source, io.TextIOBase):
        raise InputError("file", f"{shown(source)} is no path and no binary file", 'open it with "rb"')
    file = source
    try:
        start = file.tell() if file.seekable() else None
    except (OSError, AttributeError, ValueError):
        start = None
    if start is None:
        file, start = _copied(file), 0

    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        try:
            file.seek(start)
        except (OSError, ValueError) as error:
            raise InputError("file", f"cannot be read: {error}") from error
        yield _Unclosed(file)  # type: ignore[misc]

    return opened


def _path_opener(path: Path) -> Opener:
    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        try:
            file = path.open("rb")
        except (OSError, ValueError) as error:
            told = getattr(error, "strerror", None) or str(error)
            raise InputError("file", f"{shown(str(path))} cannot be opened: {told}") from error
        with file:
            yield file

    return opened


def _copied(file: IO[bytes]) -> IO[bytes]:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the table)
    shutil.copyfileobj(_Unclosed(file), copy)
    weakref.finalize(copy, copy.close)
    return copy


class _Unclosed(io.BufferedIOBase):
    """A file of somebody else's, which a wrapper must not close."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1, /) -> bytes:
        return _read(self._file, -1 if size is None else size)

    read1 = read

    def __enter__(self) -> Self:
        return self


def _read(file: IO[bytes], size: int) -> bytes:
    try:
        data = file.read(size)
    except (OSError, EOFError, ValueError) as error:
        raise InputError("file", f"cannot be read: {error}") from error
    if not isinstance(data, bytes):
        raise InputError("file", f"gives {shown(data)}, no bytes", 'open it with "rb"')
    return data


def _codec(name: object) -> str:
    try:
        info = codecs.lookup(name)  # type: ignore[arg-type]
        io.TextIOWrapper(io.BytesIO(), info.name)
    except (LookupError, TypeError, ValueError):
        raise InputError("encoding", f"{shown(name)} is no encoding", 'give "utf-8" or "cp1251"') from None
    return info.name


def _encoding(opener: Opener) -> tuple[str, bool, str]:
    """Return the encoding of a file, whether all of it is valid, and why."""
    with opener() as file:
        start = _read(file, _CHUNK)
        for mark, name in _MARKS:
            if start.startswith(mark):
                return name, False, "it begins with a byte order mark"
        if _valid(file, start):
            return "utf-8", True, "it is valid UTF-8"
    with opener() as file:
        letters, broken = _census(file)
    if letters > broken:
        return "utf-8", False, f"most of it is valid UTF-8, though {broken:,} bytes are not"
    return "cp1251", False, "it is not UTF-8"


def _valid(file: IO[bytes], chunk: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk:
            decoder.decode(chunk)
            chunk = _read(file, _CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _census(file: IO[bytes]) -> tuple[int, int]:
    """Return how many letters beyond ASCII are valid UTF-8, and how many bytes are not."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    letters = broken = 0
    more = True
    while more:
        chunk = _read(file, _CHUNK)
        more = bool(chunk)
        foreign = [one for one in decoder.decode(chunk, final=not more) if one > "\x7f"]
        wrong = sum("\ud800" <= one <= "\udfff" for one in foreign)
        broken += wrong
        letters += len(foreign) - wrong
    return letters, broken
