"""When the write-ahead log is copied into the file, and how that went."""

from __future__ import annotations

import sqlite3

__all__ = ["Checkpoints"]


_PATIENCE = 64
"""At most so many times the usual rows are waited for, so that the copying catches up when it can."""


class Checkpoints:
    """Copy the log after so many rows; while a reader holds that back, wait twice as long each time.

    SQLite's automatic checkpoint tries again at every commit, and reads the whole index of the log
    each time: one forgotten cursor makes it many times slower.

    Attributes:
        done: How often the whole log was copied.
        held_back: How often somebody was still reading, or another process was copying.
    """

    def __init__(self, usual: int) -> None:
        self._usual = self._after = usual
        self._rows = 0
        self.done = 0
        self.held_back = 0

    def wrote(self, rows: int, connection: sqlite3.Connection) -> None:
        """Count rows of a commit; copy the log when it is time."""
        self._rows += rows
        if self._rows >= self._after:
            self._copy(connection)

    def _copy(self, connection: sqlite3.Connection) -> None:
        self._rows = 0
        try:
            _, logged, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            copied, logged = 0, 1  # what was committed is safe in the log; try again later
        if copied == logged:
            self.done += 1
            self._after = self._usual
        else:
            self.held_back += 1
            self._after = min(self._after * 2, self._usual * _PATIENCE)
