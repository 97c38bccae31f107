"""How a SQLite store is doing, as a value one can read."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import attrs

__all__ = ["Health", "examined"]

_SAFE = (3, 51, 3)
"""The first SQLite library without the race between writers that start the log afresh."""

_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


@attrs.frozen(kw_only=True)
class Health:
    """What `SQLiteStore.health` found. Print it.

    Attributes:
        path: The file.
        file_bytes: Its size.
        pages, free_pages, page_bytes: Its pages, how many of them are unused, and the size of one.
        wal_bytes, wal_pages: The size of the write-ahead log beside it, and the pages in it. A log
            that keeps growing means that somebody keeps reading: an open cursor, a long transaction.
        checkpoints, held_back: How often this store has copied the log into the file, and how often
            it could not because somebody was reading.
        connections: Connections that this store has open now.
        schema_version: Version of the tables.
        library: Version of the SQLite library.
        journal: ``"wal"``, or what another program has set.
        synchronous: ``"FULL"`` or ``"NORMAL"``, as the connection has it.
        writable: Whether this store takes commits.
        rollups: Moves that the roll-ups have not taken in yet; None where none are kept.
    """

    path: Path
    file_bytes: int
    pages: int
    free_pages: int
    page_bytes: int
    wal_bytes: int
    wal_pages: int
    checkpoints: int
    held_back: int
    connections: int
    schema_version: int
    library: str
    journal: str
    synchronous: str
    writable: bool
    rollups: int | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be known or mended, as sentences; empty when there is nothing."""
        found = []
        if tuple(map(int, self.library.split("."))) < _SAFE:
            found.append(
                f"SQLite {self.library} has a rare race that can damage the file when several connections "
                f"write at once; it is gone from {'.'.join(map(str, _SAFE))} on"
            )
        if self.writable and self.journal != "wal":
            found.append(f"the journal is {self.journal!r}, not a write-ahead log: readers and writers wait")
        return tuple(found)

    def __str__(self) -> str:
        lines = [
            f"{self.path}{'' if self.writable else ' (read-only)'}",
            f"  file         {_size(self.file_bytes)}, {self.pages:,} pages, {self.free_pages:,} free",
            f"  log          {_size(self.wal_bytes)}, {self.wal_pages:,} pages",
            f"  copied       {_times(self.checkpoints)}, held back {_times(self.held_back)}",
            f"  connections  {self.connections}",
            f"  schema       version {self.schema_version}",
            f"  SQLite       {self.library}, journal {self.journal}, synchronous {self.synchronous}",
            *([] if self.rollups is None else [f"  roll-ups     {self.rollups:,} moves behind"]),
            *(f"  warning      {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)


def examined(connection: sqlite3.Connection, path: Path, **known: Any) -> Health:
    """Return the health of a file; what only the store can know is given to it."""

    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    log = path.with_name(f"{path.name}-wal")
    wal_bytes = log.stat().st_size if log.exists() else 0
    page_bytes = pragma("page_size")
    return Health(
        path=path,
        file_bytes=path.stat().st_size,
        pages=pragma("page_count"),
        free_pages=pragma("freelist_count"),
        page_bytes=page_bytes,
        wal_bytes=wal_bytes,
        wal_pages=max(wal_bytes - 32, 0) // (page_bytes + 24),  # a header, then a frame for each page
        library=sqlite3.sqlite_version,
        journal=connection.execute("PRAGMA journal_mode").fetchone()[0],
        synchronous=_SYNCHRONOUS[pragma("synchronous")],
        **known,
    )


def _size(number: int) -> str:
    for unit, size in (("MB", 1_000_000), ("kB", 1_000)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number} bytes"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"
