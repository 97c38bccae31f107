"""`SQLiteStore`: one file, the standard library, durable by default."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NoReturn, Self, TypeVar

from funnelkit.errors import (
    InputError,
    NotAStoreError,
    SchemaVersionError,
    StoreClosedError,
    StoreUnavailableError,
    shown,
)
from funnelkit.storage.asks import Ask
from funnelkit.storage.base import Capabilities, Commit
from funnelkit.storage.failing import translated
from funnelkit.storage.identity import APPLICATION_ID, version_of
from funnelkit.storage.joined import JoinedStore, create_tables
from funnelkit.storage.migrations import migrate, versions
from funnelkit.storage.reading import Reader
from funnelkit.storage.selecting import select
from funnelkit.storage.writing import write

__all__ = ["SQLiteStore"]

_CHECKPOINT_ROWS = {"full": 400, "fast": 4_000}

T = TypeVar("T")


class SQLiteStore(Reader):
    """Keep everything in one SQLite file, in write-ahead-log mode.

    The file is made when it does not exist. Several threads and several processes may use it at
    once: writers take turns, readers never wait.

    Args:
        path: Where the file is.
        durability: ``"full"`` (default): what a verb returned survives a power cut.
            ``"fast"``: it survives the death of the process; a power cut may take back the last
            moments, never break the file.
        timeout: Seconds to wait for another writer.

    Raises:
        NotAStoreError: The file is empty, damaged or another program's.
        SchemaVersionError: The file was written by a newer funnelkit.
        StoreUnavailableError: The folder does not exist or may not be used.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from funnelkit import Engine, Pipeline, Stage
    >>> with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "crm.db"), durability="fast") as store:
    ...     deal = Engine(Pipeline("sales", [Stage("new")]), store=store).create("Acme")
    ...     store.get("deal", deal.id) == deal
    True
    """

    capabilities = Capabilities(durable=True, shared=True)

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Literal["full", "fast"] = "full",
        timeout: float = 30.0,
    ) -> None:
        if durability not in {"full", "fast"}:
            raise InputError("durability", f"{durability!r} is unknown", 'write "full" or "fast"')
        try:
            name = os.fsdecode(path)
            os.fsencode(name)
        except (TypeError, UnicodeEncodeError):
            name = ""
        if not name or "\0" in name or ":memory:" in name:
            raise InputError("path", f"{shown(path)} is not a file", "use MemoryStore() to keep nothing")
        self.path = Path(name).absolute()  # the same file for threads that come after a change of folder
        self.durability = durability
        self._timeout = timeout
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, sqlite3.Connection] = {}
        self._closed = False
        self._rows_since_checkpoint = 0
        self._checkpoint_after = _CHECKPOINT_ROWS[durability]
        self._open_file()

    # -- opening ------------------------------------------------------------------------------

    def _open_file(self) -> None:
        try:
            if not self.path.exists():
                self._make_file()
            some_file = self.path.is_file() and self.path.stat().st_size > 0
        except OSError as error:
            raise StoreUnavailableError(str(self.path), f"cannot be reached: {error.strerror}") from error
        if not some_file:
            raise NotAStoreError(str(self.path), "is not a funnelkit store (not a file, or an empty one)")
        try:
            connection = self._connect()
            found, known = version_of(connection), len(versions())
            if not found:
                self.close()
                raise NotAStoreError(str(self.path), "is a database of another program")
            ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
            if found > known or (found < known and not ours):  # a host's file is not changed unasked
                self.close()
                raise SchemaVersionError(str(self.path), found, known)
            if found < known:
                migrate(connection)
        except sqlite3.Error as error:
            self.close()
            self._fail(error)

    def _make_file(self) -> None:
        """Build the file aside and link it into place, so that nobody ever sees half of one."""
        handle, draft = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        os.close(handle)
        try:
            connection = self._open(Path(draft))
            try:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                migrate(connection)
                connection.execute("PRAGMA journal_mode = WAL")
            finally:
                connection.close()
            with suppress(FileExistsError):  # somebody else made it in the meantime; theirs is as good
                os.link(draft, self.path)
        except sqlite3.Error as error:
            self._fail(error)
        finally:
            Path(draft).unlink(missing_ok=True)

    def _connect(self) -> sqlite3.Connection:
        """Open this thread's own connection; sharing one is slower and less safe."""
        if self._closed:
            raise StoreClosedError(str(self.path), "closed")
        connection = self._open(self.path)
        with self._lock:
            for thread in [thread for thread in self._connections if not thread.is_alive()]:
                self._connections.pop(thread).close()
            self._connections[threading.current_thread()] = connection
        connection.execute(f"PRAGMA synchronous = {'FULL' if self.durability == 'full' else 'NORMAL'}")
        connection.execute("PRAGMA cache_size = -65536")
        # The automatic checkpoint retries on every commit while a reader holds it back; ours backs off.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._local.connection = connection
        return connection

    def _open(self, path: Path) -> sqlite3.Connection:
        """Open a file that is there; every connection of a store comes from here."""
        return sqlite3.connect(
            f"{path.as_uri()}?mode=rw",  # a file that was taken away is not made anew, empty
            uri=True,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
        )

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreClosedError(str(self.path), "closed")
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        return connection if connection is not None else self._connect()

    @staticmethod
    def on(connection: sqlite3.Connection) -> JoinedStore:
        """Return a store over a connection of yours, which writes inside your transaction.

        What it writes is kept by your commit and taken back by your rollback. A commit of ours that
        fails leaves nothing, and your transaction as it was. When none is open, one is begun
        (``BEGIN IMMEDIATE``); in autocommit mode begin it yourself. The connection is never
        committed, rolled back, closed or set otherwise, and how it is set does not matter.

        Raises:
            InputError: It is not a ``sqlite3.Connection``.
            NotAStoreError: The tables are not there: see `SQLiteStore.create_tables`.
            SchemaVersionError: They are of another version of funnelkit.

        >>> import sqlite3
        >>> from funnelkit import Engine, Pipeline, Stage
        >>> connection = sqlite3.connect(":memory:")
        >>> SQLiteStore.create_tables(connection)
        >>> with Engine(Pipeline("sales", [Stage("new")]), store=SQLiteStore.on(connection)) as engine:
        ...     deal = engine.create("Acme")
        ...     connection.rollback()
        ...     engine.find("deal")
        []
        >>> connection.close()
        """
        return JoinedStore(connection)

    @staticmethod
    def create_tables(connection: sqlite3.Connection) -> None:
        """Make funnelkit's tables beside those of your own, or bring them up to date.

        Does nothing when they are there. In an open transaction they are part of it; else they are
        made at once. ``SQLiteStore`` opens a database that has them, too.

        Raises:
            InputError: It is not a ``sqlite3.Connection``.
            NotAStoreError: A table of yours has the name of one of ours.
            SchemaVersionError: The tables were made by a newer funnelkit.

        >>> import sqlite3
        >>> connection = sqlite3.connect(":memory:")
        >>> SQLiteStore.create_tables(connection)
        >>> connection.execute("SELECT COUNT(*) FROM deal").fetchone()
        (0,)
        >>> connection.close()
        """
        create_tables(connection)

    # -- writing ------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """Write everything or nothing; see `Store.commit`."""
        try:
            connection = self._connection()
            written = write(connection.cursor(), commit)
        except sqlite3.Error as error:
            self._fail(error)
        self._rows_since_checkpoint += written
        if self._rows_since_checkpoint >= self._checkpoint_after:
            self._checkpoint(connection)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        """Copy the log into the file; when a reader holds it back, wait twice as long next time.

        A durable log is copied often: writing over a short one is cheaper to make safe than making
        a long one longer. Without the wait for the disk, seldom is cheaper.
        """
        try:
            _, logged, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            copied, logged = 0, 1  # what was committed is safe in the log; try again later
        self._rows_since_checkpoint = 0
        usual = _CHECKPOINT_ROWS[self.durability]
        self._checkpoint_after = usual if copied == logged else self._checkpoint_after * 2

    # -- reading ------------------------------------------------------------------------------

    def _ask(self, ask: Ask[T]) -> T:
        try:
            found = self._connection().execute(ask.sql, ask.params).fetchall()
        except UnicodeEncodeError:
            found = []  # text that cannot be written was never written
        except sqlite3.Error as error:
            self._fail(error)
        return ask.read(found)

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT; anything that would write is refused by the database itself."""
        try:
            return select(self._connection(), sql, params)
        except sqlite3.Error as error:
            self._fail(error)

    def close(self) -> None:
        """Close every thread's connection. Closing twice is fine."""
        with self._lock:
            self._closed = True
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        """Raise our own error for the driver's; the driver's stays as the cause."""
        if self._closed and isinstance(error, sqlite3.ProgrammingError):
            raise StoreClosedError(str(self.path), "closed") from error
        raise translated(error, str(self.path)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r}, durability={self.durability!r})"
