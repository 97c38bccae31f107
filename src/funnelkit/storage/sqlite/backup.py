"""A consistent copy of a store while others write to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from funnelkit.errors import AlreadyExistsError, StoreUnavailableError
from funnelkit.progress import Progress
from funnelkit.storage.sqlite.failing import translated
from funnelkit.storage.sqlite.files import placed

__all__ = ["copy"]

_PAGES = 1_000  # a step: 4 MB, some milliseconds


def copy(source: sqlite3.Connection, target: Path, show: Progress) -> None:
    """Copy what one connection sees into a new file.

    Raises:
        AlreadyExistsError: Something is at ``target``; it was not touched.
        StoreUnavailableError: The folder does not exist or may not be used.
    """

    def told(_: int, remaining: int, total: int) -> None:
        show(total - remaining, total)

    if target.exists():
        raise AlreadyExistsError("file", str(target))
    try:
        with placed(target) as draft:
            # A snapshot: without one, a copy begins anew whenever another connection writes.
            source.execute("BEGIN")
            source.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
            copied = sqlite3.connect(draft, isolation_level=None)
            try:
                copied.execute("PRAGMA synchronous = OFF")  # the whole file is synced at the end
                source.backup(copied, pages=_PAGES, progress=told)
            finally:
                copied.close()
                source.execute("ROLLBACK")
    except FileExistsError:
        raise AlreadyExistsError("file", str(target)) from None
    except sqlite3.Error as error:
        raise translated(error, str(target)) from error
    except OSError as error:
        raise StoreUnavailableError(str(target), f"cannot be written: {error.strerror}") from error
