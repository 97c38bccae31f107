"""A disk that can lose its power: what was not synced is gone, or is there in part.

The library's own file system (VFS) is wrapped. Reads and writes go to the real file; beside it
stands the platter, which takes the writes over only when they are synced. An image is what a
machine would find after the power came back at this instant. Names of files are durable at once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, cast

import apsw
import attrs

from funnelkit import SQLiteStore

__all__ = ["Disk", "on_disk"]

_NUMBERS = count()


@attrs.define
class _Platter:
    """The bytes of a file that are safe, and the writes behind them: (offset, bytes), or a new length."""

    safe: bytearray
    waiting: list[tuple[int, bytes] | int] = attrs.field(factory=list)

    def sync(self) -> None:
        for change in self.waiting:
            _apply(self.safe, change)
        self.waiting.clear()

    def survivor(self, random: Random | None) -> bytes:
        """Return what is found after a power cut; with chance, each write may have got there, or a part."""
        found = bytearray(self.safe)
        for change in self.waiting if random else ():
            fate = random.random()  # type: ignore[union-attr]
            if fate < 0.4:
                _apply(found, change)
            elif fate < 0.6 and not isinstance(change, int):
                offset, data = change
                begin, end = sorted(random.randint(0, len(data)) for _ in range(2))  # type: ignore[union-attr]
                _apply(found, (offset + begin, data[begin:end]))
        return bytes(found)


def _apply(content: bytearray, change: tuple[int, bytes] | int) -> None:
    if isinstance(change, int):
        del content[change:]
        return
    offset, data = change
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


class Disk(apsw.VFS):
    """A file system over the real one, with a platter.

    Attributes:
        watch: Called with the name of an operation (``"write"``, ``"truncate"``, ``"sync"``) and the
            path before each one; what it raises is what the disk answers.
        honest: Whether the sync of a log reaches the platter; a disk that lies says so and waits.
    """

    honest = True

    def __init__(self) -> None:
        self.name = f"disk-{next(_NUMBERS)}"
        self.platters: dict[int, _Platter] = {}
        self.watch: Callable[[str, str], None] = lambda _operation, _path: None
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: N802 (the library's name)
        """Open a file of this disk."""
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """Delete a file; its number may be given to another one."""
        self.platters.pop(Path(filename).stat().st_ino, None)
        super().xDelete(filename, syncdir)

    def image(self, live: Path, found: Path, random: Random | None = None) -> None:
        """Write what a power cut at this instant would leave of a folder into another one."""
        found.mkdir()
        for path in live.iterdir():
            if path.name.endswith("-shm"):
                continue  # shared memory, not the disk
            platter = self.platters.get(path.stat().st_ino)
            content = platter.survivor(random) if platter else path.read_bytes()
            (found / path.name).write_bytes(content)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        self._platter = _Platter(bytearray())
        if self._path:
            path = Path(self._path)
            self._platter = disk.platters.setdefault(
                path.stat().st_ino, _Platter(bytearray(path.read_bytes()))
            )

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.watch("write", self._path)
        super().xWrite(data, offset)
        self._platter.waiting.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.watch("truncate", self._path)
        super().xTruncate(newsize)
        self._platter.waiting.append(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        self._disk.watch("sync", self._path)
        if self._disk.honest or not self._path.endswith("-wal"):
            self._platter.sync()  # the real disk is none of this


class _Rows(list[Any]):
    """A cursor whose rows are all there."""

    rowcount = 0

    def fetchone(self) -> Any:
        return self[0] if self else None

    def fetchall(self) -> list[Any]:
        return list(self)


class _Connection:
    """As much of `sqlite3.Connection` and its cursor as a store uses, over a connection to a disk."""

    def __init__(self, disk: Disk, path: Path) -> None:
        with _as_sqlite3():
            self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=disk.name)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    @property
    def connection(self) -> _Connection:
        return self

    def cursor(self) -> _Connection:
        """Be a cursor, too: a cursor's connection is all that a store asks of one besides."""
        return self

    def execute(self, sql: str, params: Any = ()) -> _Rows:
        with _as_sqlite3():
            return _Rows(self._connection.execute(sql, params or None))

    def executemany(self, sql: str, rows: Sequence[Any]) -> _Rows:
        before = self._connection.total_changes()
        with _as_sqlite3():
            found = _Rows(self._connection.executemany(sql, rows))
        found.rowcount = self._connection.total_changes() - before
        return found

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        code = getattr(error, "extendedresult", 0)
        name = apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes.get(code & 255)
        constraint = isinstance(error, apsw.ConstraintError)
        raised = (sqlite3.IntegrityError if constraint else sqlite3.OperationalError)(str(error))
        raised.sqlite_errorname = str(name)
        raise raised from error


def on_disk(disk: Disk, path: Path, durability: Any = "full") -> SQLiteStore:
    """Return the store on a file of a disk: our own code over connections to that disk."""

    class OnDisk(SQLiteStore):
        def _open(self, path: Path) -> sqlite3.Connection:
            return cast("sqlite3.Connection", _Connection(disk, path))

    assert os.name == "posix"
    return OnDisk(path, durability=durability)
