"""A store of your own: a journal of JSON lines, one line a commit.

    python examples/json_lines_store.py [FILE]

A commit is written when its line is on the disk, with the line break at its end. Opening the file
plays the lines again, into a `MemoryStore` that answers every question. One process at a time.
Without FILE it shows itself in a temporary folder. With one, run it again: it goes on.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import tempfile
import threading
from pathlib import Path

from funnelkit import Engine, MemoryStore, Pipeline, Stage, commit_from_json, commit_to_json, money
from funnelkit.errors import (
    InputError,
    NotAStoreError,
    StoreBusyError,
    StoreClosedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from funnelkit.storage import Capabilities, Commit


class JsonLinesStore(MemoryStore):
    """Keep everything in memory, and every commit in a file of JSON lines.

    Args:
        path: Where the file is; it is made when it does not exist.
    """

    capabilities = Capabilities(durable=True)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = Path(path)
        self._turn = threading.Lock()
        try:
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._claim()
            os.truncate(self._file.fileno(), self._play())
        except BaseException:
            self._file.close()
            raise

    def _claim(self) -> None:
        """Keep others out for as long as the file is open, and make sure that its name is on the disk."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreBusyError(str(self.path), "is in use") from error
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _play(self) -> int:
        """Do again what the lines say; return where the last good one ends.

        Only the last line may be torn, or one that was refused: its commit never returned.
        """
        end = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    if not line.endswith(b"\n"):
                        break
                    super().commit(commit_from_json(line))
                except (InputError, StoreError) as error:
                    if lines.read(1):
                        raise NotAStoreError(str(self.path), f"line {number} is damaged") from error
                    break
                end += len(line)
        return end

    def commit(self, commit: Commit) -> None:
        """Write everything or nothing: first the line, then what is in memory."""
        line = commit_to_json(commit).encode() + b"\n"
        with self._turn:
            if self._file.closed:
                raise StoreClosedError(str(self.path), "closed")
            end = self._file.seek(0, os.SEEK_END)
            try:
                self._append(line)
                super().commit(commit)  # refuses what must not be written, before it changes anything
            except BaseException as error:
                self._file.truncate(end)
                if isinstance(error, OSError):
                    raise self._failed(error) from error
                raise

    def _append(self, line: bytes) -> None:
        """Return when a line is on the disk."""
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let others in."""
        with self._turn:
            self._file.close()
            super().close()

    def _failed(self, error: OSError) -> StoreError:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        return (StoreFullError if full else StoreUnavailableError)(str(self.path), str(error.strerror))

    def __repr__(self) -> str:
        return f"JsonLinesStore({str(self.path)!r})"


def main(path: Path) -> None:
    """Work for a day, close, open again, and look at what was kept."""
    sales = Pipeline("sales", [Stage("new"), Stage("offer"), Stage("contract")])
    with Engine(sales, store=JsonLinesStore(path)) as engine:
        deal = engine.create("Acme, 40 seats", value=money(12_000, "EUR"))
        engine.create("Bolt, 5 seats")
        engine.win(engine.advance(deal), actor="ann")
    with Engine(sales, store=JsonLinesStore(path)) as engine:
        print(engine.funnel())
        print(f"\n{len(engine.verify())} differences in {path.name}, {len(engine.changes())} changes")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder, "crm.jsonl"))
