"""`SQLiteStore`: one file, the standard library, durable by default."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Literal, NoReturn, Self, TypeVar

from funnelkit.clock import named_zone
from funnelkit.errors import (
    InputError,
    NotAStoreError,
    SchemaVersionError,
    StoreClosedError,
    StoreReadOnlyError,
    StoreUnavailableError,
    shown,
)
from funnelkit.progress import Progress, shower
from funnelkit.storage.asks import Ask
from funnelkit.storage.base import Capabilities, Commit
from funnelkit.storage.reading import Reader
from funnelkit.storage.sqlite.backup import copy
from funnelkit.storage.sqlite.checking import problems
from funnelkit.storage.sqlite.checkpoints import Checkpoints
from funnelkit.storage.sqlite.connections import Connections
from funnelkit.storage.sqlite.failing import translated
from funnelkit.storage.sqlite.files import file_path, identity_of, placed
from funnelkit.storage.sqlite.health import Health, examined
from funnelkit.storage.sqlite.identity import APPLICATION_ID, version_of
from funnelkit.storage.sqlite.joined import JoinedStore, create_tables
from funnelkit.storage.sqlite.migrations import migrate, versions
from funnelkit.storage.sqlite.rollups.folding import Rollups, are_kept, tail
from funnelkit.storage.sqlite.rollups.making import drop, keep
from funnelkit.storage.sqlite.rollups.reading import Asked, rolled
from funnelkit.storage.sqlite.selecting import select
from funnelkit.storage.sqlite.writing import write

__all__ = ["SQLiteStore"]

_CHECKPOINT_ROWS = {"full": 400, "fast": 4_000}
"""A durable log is copied often: writing over a short one is cheaper to make safe than making a long
one longer. Without the wait for the disk, seldom is cheaper."""

_LOG_LIMIT = 64 << 20
"""To what a log is cut that has grown beyond it, in bytes; the usual ones stay below."""

_LONGEST = 1_000_000.0  # seconds; SQLite counts milliseconds in 32 bits

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
        read_only: Never write to the file, nor make it; a commit is a `StoreReadOnlyError`. Where
            not even SQLite's working files can be made beside it, as on a read-only file system, the
            file is taken to be at rest: nobody may write to it from elsewhere meanwhile.

    Raises:
        NotAStoreError: The file is empty, damaged or another program's.
        SchemaVersionError: The file was written by a newer funnelkit; or by an older one, and may
            only be read.
        StoreUnavailableError: The folder does not exist or may not be used.

    A store may be used after ``fork``: both processes go on with connections of their own.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from funnelkit import Engine, Pipeline, Stage
    >>> with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "crm.db"), durability="fast") as store:
    ...     deal = Engine(Pipeline("sales", [Stage("new")]), store=store).create("Acme")
    ...     store.get("deal", deal.id) == deal
    True
    """

    sorted_stays = True  # by the index `move_stay`: quantiles of stays are found there

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Literal["full", "fast"] = "full",
        timeout: float = 30.0,
        read_only: bool = False,
    ) -> None:
        if durability not in {"full", "fast"}:
            raise InputError("durability", f"{shown(durability)} is unknown", 'write "full" or "fast"')
        if type(timeout) not in {int, float} or not 0 <= timeout <= _LONGEST:
            raise InputError("timeout", f"{shown(timeout)} is not a number of seconds", "30.0 is usual")
        self.path = file_path(path)
        self._file = str(self.path)
        self.durability = durability
        self.capabilities = Capabilities(durable=True, shared=True, writable=not read_only)
        self._access = "mode=ro" if read_only else "mode=rw"  # none makes an empty file where there is none
        self._timeout = timeout
        self._connections = Connections(self._connect)
        self._checkpoints = Checkpoints(_CHECKPOINT_ROWS[durability])
        self._rollups = Rollups()
        try:
            self._open_file()
        except BaseException:
            self.close()
            raise

    # -- opening ------------------------------------------------------------------------------

    def _open_file(self) -> None:
        try:
            if self.capabilities.writable and not self.path.exists():
                self._make_file()
            some_file = self.path.is_file() and self.path.stat().st_size > 0
            missing = not some_file and not self.path.exists()
        except OSError as error:
            raise StoreUnavailableError(str(self.path), f"cannot be reached: {error.strerror}") from error
        if missing:
            raise StoreUnavailableError(str(self.path), "does not exist, and reading does not make it")
        if not some_file:
            raise NotAStoreError(str(self.path), "is not a funnelkit store (not a file, or an empty one)")
        self._identity = identity_of(self._file)
        try:
            try:
                self._recognise()
            except sqlite3.OperationalError as error:
                self._take_for_resting(error)
                self._recognise()
        except sqlite3.Error as error:
            self._fail(error)

    def _make_file(self) -> None:
        try:
            with suppress(FileExistsError), placed(self.path) as draft:
                connection = self._open(draft)
                try:
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    migrate(connection)
                    connection.execute("PRAGMA journal_mode = WAL")
                finally:
                    connection.close()
            # If somebody else made it in the meantime, theirs is as good.
        except sqlite3.Error as error:
            self._fail(error)

    def _recognise(self) -> None:
        """See that the file is ours, and of today's version."""
        connection = self._connection()
        found, known = version_of(connection), len(versions())
        if not found:
            raise NotAStoreError(str(self.path), "is a database of another program")
        if found == known:
            return
        ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        if found > known or not ours or not self.capabilities.writable:  # a host's is not changed unasked
            raise SchemaVersionError(str(self.path), found, known)
        migrate(connection)

    def _take_for_resting(self, error: sqlite3.OperationalError) -> None:
        """Read a file without its working files, if they cannot be made and are not needed."""
        cannot = str(error.sqlite_errorname).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY"))
        if self.capabilities.writable or not cannot:
            raise error
        log = self.path.with_name(f"{self.path.name}-wal")
        if log.exists() and log.stat().st_size:
            mend = "open it once where they can, or copy it there together with its log"
            problem = f"has commits in its log, and what reading them needs cannot be made beside it: {mend}"
            raise StoreUnavailableError(str(self.path), problem) from error
        self._access = "mode=ro&immutable=1"
        self._connections.renew()

    def _connection(self) -> sqlite3.Connection:
        return self._connections.mine().connection

    def _connect(self) -> sqlite3.Connection:
        """Open a connection and set it up; one for each thread is faster and safer than sharing one."""
        connection = self._open(self.path)
        try:
            connection.execute(f"PRAGMA synchronous = {'FULL' if self.durability == 'full' else 'NORMAL'}")
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # see Checkpoints
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self, path: Path) -> sqlite3.Connection:
        """Open a file that is there; every connection of a store comes from here."""
        return sqlite3.connect(
            f"{path.as_uri()}?{self._access}",
            uri=True,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
        )

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

        def write_it(connection: sqlite3.Connection) -> None:
            self._writable()
            self._see_that_it_is_there()
            self._checkpoints.wrote(write(connection.cursor(), commit, self._rollups), connection)

        try:
            self._connections.run(write_it)
        except sqlite3.Error as error:
            self._fail(error)

    def _see_that_it_is_there(self) -> None:
        """Notice before writing that the name leads nowhere, or to another file: it would be lost."""
        if identity_of(self._file) != self._identity:
            problem = "was deleted or replaced while it was open: close this store and open it again"
            raise StoreUnavailableError(str(self.path), problem)

    # -- reading ------------------------------------------------------------------------------

    def _ask(self, ask: Ask[T]) -> T:
        try:
            found = self._connections.run(lambda own: own.execute(ask.sql, ask.params).fetchall())
        except UnicodeEncodeError:
            found = []  # text that cannot be written was never written
        except sqlite3.Error as error:
            self._fail(error)
        return ask.answer(found, self._file)

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT; anything that would write is refused by the database itself."""
        try:
            return self._connections.ask(lambda connection: select(connection, sql, params))
        except sqlite3.Error as error:
            self._fail(error)

    def rolled(self, **asked: Any) -> list[tuple[Any, ...]] | None:
        """Answer a question of the reports out of the roll-ups; None where those cannot tell.

        The arguments are those of `Asked`. Reports ask by themselves, and scan where the answer is None.
        """
        return rolled(self._own_query, Asked(**asked))

    def _own_query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a SELECT of ours: nothing has to keep it from writing, and it stays prepared."""
        try:
            return self._connections.run(lambda own: own.execute(sql, params).fetchall())
        except sqlite3.Error as error:
            self._fail(error)

    # -- roll-ups -----------------------------------------------------------------------------

    def keep_rollups(self, *, zone: tzinfo = UTC, progress: Progress | Literal[True] | None = None) -> None:
        """Keep sums beside the ledger, so that dashboards are answered in milliseconds at any size.

        They are of the file: whoever opens it keeps them from then on. A commit pays for them once in
        about a thousand moves, within its transaction. Funnels as `reached`, transitions, the present
        stock and win rates, of any owner and source, of whole days, are read from them; the numbers
        are those of the ledger, always. Called again, it brings them up to date.

        The ledger is read once, part by part: minutes for ten million moves. Others may write
        meanwhile, each part holds them up for a second or so. Cut off, it goes on when it is called
        again, and reports read the ledger until then.

        Args:
            zone: Whose days periods begin and end with. Others are answered out of the ledger.
            progress: Called with the moves taken in so far and all there are; may raise to give up.
                True draws a bar.

        Raises:
            InputError: There are roll-ups by the days of another zone.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "crm.db")) as store:
        ...     store.keep_rollups()
        ...     store.health().rollups
        0
        """
        self._writable()
        with self._another() as connection:
            keep(
                connection,
                named_zone(zone),
                shower(progress),
                lambda rows: self._checkpoints.wrote(rows, connection),
            )

    def drop_rollups(self) -> None:
        """Keep no roll-ups any more: reports read the ledger again. Nothing happens where there are none.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "crm.db")) as store:
        ...     store.keep_rollups()
        ...     store.drop_rollups()
        ...     print(store.health().rollups)
        None
        """
        self._writable()
        with self._another() as connection:
            drop(connection)

    def _writable(self) -> None:
        if not self.capabilities.writable:
            raise StoreReadOnlyError(str(self.path), "was opened to be read only")

    # -- keeping ------------------------------------------------------------------------------

    def health(self) -> Health:
        """Return how the file and its log are doing; print it.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "crm.db")) as store:
        ...     health = store.health()
        >>> health.journal, health.synchronous, health.wal_bytes
        ('wal', 'FULL', 0)
        """
        with self._another() as connection:
            return examined(
                connection,
                self.path,
                connections=len(self._connections) - 1,  # without the one that asks
                checkpoints=self._checkpoints.done,
                held_back=self._checkpoints.held_back,
                schema_version=version_of(connection),
                writable=self.capabilities.writable,
                rollups=tail(connection)[1] if are_kept(connection) else None,
            )

    def backup(
        self, path: str | os.PathLike[str], *, progress: Progress | Literal[True] | None = None
    ) -> Path:
        """Copy the whole store into a new file while others write to it; return the file.

        The copy is what was committed when it began, and a store itself. It appears when it is whole
        and safe on the disk: after an error or a crash there is nothing at ``path``.

        Args:
            path: Where the copy shall be. Nothing may be there: no copy is ever written over.
            progress: Called with the pages copied so far and all there are; may raise to give up.
                True draws a bar.

        Raises:
            AlreadyExistsError: Something is at ``path``.
            StoreUnavailableError: The folder of ``path`` does not exist or may not be used.
            StoreFullError: There is no room for the copy.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "crm.db")) as store:
        ...     with SQLiteStore(store.backup(Path(folder, "monday.db")), read_only=True) as monday:
        ...         monday.check()
        ()
        """
        target, show = file_path(path), shower(progress)
        with self._another() as connection:
            copy(connection, target, show)
        return target

    def check(self) -> tuple[str, ...]:
        """Read the whole file and return what is damaged, as sentences; empty when it is sound.

        This finds broken pages, indexes that disagree with their tables, and tables or columns that
        are missing. ``engine.verify()`` finds what is whole but untrue: history that contradicts
        itself or the records. It takes some seconds a gigabyte; others may write meanwhile.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "crm.db")) as store:
        ...     store.check()
        ()
        """
        if identity_of(self._file) != self._identity:
            return ("the file was deleted or replaced while it was open",)
        try:
            with self._connections.another() as connection:
                return problems(connection)
        except sqlite3.DatabaseError as error:
            if self._connections.closed:
                self._fail(error)
            return (f"the file cannot be read: {error}",)

    @contextmanager
    def _another(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for one task, beside those of the threads."""
        try:
            with self._connections.another() as connection:
                yield connection
        except sqlite3.Error as error:
            self._fail(error)

    def close(self) -> None:
        """Close every thread's connection when it has done what it is doing. Closing twice is fine."""
        self._connections.close()

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        """Raise our own error for the driver's; the driver's stays as the cause."""
        if self._connections.closed and isinstance(error, sqlite3.ProgrammingError):
            raise StoreClosedError(str(self.path), "closed") from error
        raise translated(error, str(self.path)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r}, durability={self.durability!r})"
