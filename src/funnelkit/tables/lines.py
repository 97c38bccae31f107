"""Lines to rows: quotes that close later, quotes that never do, and which delimiter it is."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from funnelkit.tables.rows import Row

__all__ = ["DELIMITERS", "Lines", "records", "sniffed"]

DELIMITERS = {";": "semicolon", "\t": "tab", ",": "comma"}
"""What may stand between cells, by itself found out; of equals the first wins."""

ROW_LIMIT = 1_000_000
"""Characters of one row. A quote that is never closed would make one row of the rest of the file."""

_RETRIES = 1000
"""How often broken quotes are read again line by line, so that no file takes forever."""
_SAMPLE_LINES = 60
_SAMPLE_CHARACTERS = 200_000
_SEP = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)


class Lines:
    """The lines of a text file, one at a time; the latest can be taken back.

    Attributes:
        number: How many lines have been handed out.
        damage: What is wrong with the lines since `begin`, or empty.
    """

    def __init__(self, file: IO[str], *, whole: bool) -> None:
        self.number = 0
        self.damage = ""
        self._file = file
        self._whole = whole
        self._back: deque[str] = deque()
        self._since: list[str] = []
        self._retries = 0

    def begin(self) -> None:
        """Forget what was handed out: a row is complete."""
        self._since.clear()
        self.damage = ""

    def feed(self) -> Iterator[str]:
        """Yield lines, until the file ends or a row is too long."""
        since, size = self._since, 0
        while line := self._next():
            size = size + len(line) if since else len(line)
            if size > ROW_LIMIT and since:
                self._back.appendleft(line)
                return
            self.number += 1
            since.append(line)
            if "\0" in line:
                self.damage = "holds a NUL character"
            elif not (self._whole or line.isascii()) and _damaged(line):
                self.damage = "holds bytes that are no text in the encoding of the file"
            elif len(line) >= ROW_LIMIT:
                self.damage = f"is longer than {ROW_LIMIT:,} characters"
            yield line

    def _next(self) -> str:
        if self._back:
            return self._back.popleft()
        line = self._file.readline(ROW_LIMIT)
        if len(line) == ROW_LIMIT and not line.endswith(("\n", "\r")):
            while (rest := self._file.readline(ROW_LIMIT)) and not rest.endswith(("\n", "\r")):
                pass
        return line

    def announced(self) -> str:
        """Take a first line such as ``sep=;``; return its delimiter, or empty where there is none."""
        line = self._next()
        if found := _SEP.fullmatch(line):
            self.number += 1
            return found[1]
        if line:
            self._back.appendleft(line)
        return ""

    def ahead(self) -> list[str]:
        """Return some of the lines that come next, without taking them."""
        taken: list[str] = []
        while len(taken) < _SAMPLE_LINES and sum(map(len, taken)) < _SAMPLE_CHARACTERS:
            if not (line := self._next()):
                break
            taken.append(line)
        self._back.extendleft(reversed(taken))
        return taken

    def broken(self, error: str) -> str:
        """Say what is wrong with the row since `begin`; all of its lines but the first are taken back."""
        first, last = self.number - len(self._since) + 1, self.number
        if self._retries < _RETRIES:
            self._retries += 1
            self._back.extendleft(reversed(self._since[1:]))
            self.number = last = first
        lines = f"; lines {first} to {last} were left out with it" if last > first else ""
        return f"{self.damage or _quote_trouble(error)}{lines}"


def _quote_trouble(error: str) -> str:
    if "end of data" in error:
        return "opens a quote that is never closed"
    if "expected after" in error:
        return 'has text after a closing quote: a quote inside a quoted cell is written ""'
    if "larger than" in error:
        return "has a cell that is too long, or a quote that is never closed"
    return f"cannot be read: {error}"


def _damaged(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return True
    return False


def records(lines: Lines, delimiter: str) -> Iterator[Row]:
    """Yield the rows of a text file, empty ones with no or only blank cells.

    After a row with broken quotes, reading goes on with the line after its first.
    """
    reader = csv.reader(lines.feed(), delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        start = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(start, (), lines.broken(str(error)))
            reader = csv.reader(lines.feed(), delimiter=delimiter, strict=True)
            continue
        yield Row(start, tuple(cells), lines.damage)


def sniffed(lines: Lines) -> tuple[str, str]:
    """Return the delimiter of a file, and why it is this one.

    A delimiter stands for itself by splitting the header, and as many of the first rows as possible
    into as many cells. Amounts and texts that hold another one split some rows, but not all alike.
    """
    sample = lines.ahead()
    best, why, score = ",", "no other one splits the header", (0, 0)
    for delimiter in DELIMITERS:
        rows: list[list[str]] = []
        with suppress(csv.Error):  # a cell too long to be read; what is before it tells enough
            for row in csv.reader(sample, delimiter=delimiter):
                rows += [row] if any(map(str.strip, row)) else []
        width = len(rows[0]) if rows else 1
        alike = sum(len(row) == width for row in rows[1:])
        if width > 1 and (alike, width) > score:
            best, score = delimiter, (alike, width)
            why = f"it makes {width} columns of the header and of {alike} of the first {len(rows) - 1} rows"
    return best, why
