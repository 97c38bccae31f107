"""Whose transaction can be joined, and how each of them lets us know that it is over.

- Django tells us, by ``transaction.on_commit``.
- A SQLAlchemy ``Session`` tells us, by its events.
- A ``sqlite3`` or ``psycopg`` connection, or a SQLAlchemy Core one, cannot tell. There it has to be
  over when the block ``with engine.using(connection) as crm, …`` ends.
"""

from __future__ import annotations

import logging
from importlib import import_module
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from funnelkit.errors import InputError, StoreClosedError, shown
from funnelkit.joining.shell import JoinedShell, Waiting, tell
from funnelkit.storage.base import AsyncStore, Commit
from funnelkit.storage.host_state import has_begun, state_of
from funnelkit.storage.immediate import Immediate, run

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session, SessionTransaction

__all__ = ["Host", "async_host_of", "host_of"]


class Host:
    """A connection that cannot tell what becomes of its transaction.

    Attributes:
        bare: The connection of the driver.
        store: A store over it.
    """

    def __init__(self, bare: Any, store: AsyncStore) -> None:
        self.bare = bare
        self.store = store
        self._waiting = Waiting()

    def check(self) -> None:
        """Make sure that the connection is still the host's, and in its transaction.

        Raises:
            StoreClosedError: It is not.
        """

    def keep(self, shell: JoinedShell, commit: Commit) -> None:
        """Keep a commit back until the transaction is over."""
        self._waiting.keep(shell, commit)

    async def leave(self, *, failed: bool) -> None:
        """Tell of what the host has kept, and let go, at the end of the block.

        Args:
            failed: An exception ends the block: that one is what the program is to see.

        Raises:
            InputError: The transaction is still open, or the connection is closed.
        """
        kept: list[tuple[JoinedShell, Commit]] = []
        try:
            if self._waiting:
                state = self._state()
                if state == "idle":
                    kept = await look(self._waiting, self.bare)
                elif not failed:
                    problem = f"is {'closed' if state == 'closed' else 'still in its transaction'}"
                    fix = "end the block after the transaction and before the connection is closed"
                    raise InputError("connection", f"{problem}, so nobody is told what became of it", fix)
        finally:
            await self.store.close()  # what a subscriber did here would begin a transaction that nobody ends
        await tell(kept)

    def _state(self) -> str:
        return state_of(self.bare)


class CoreHost(Host):
    """A ``Connection`` of SQLAlchemy; the driver's belongs to a pool."""

    def __init__(self, connection: Connection, schema: str) -> None:
        bare = connection.connection.driver_connection
        super().__init__(bare, _store_on(bare, schema))
        self._connection = connection

    def check(self) -> None:
        """See `Host.check`; begins a transaction if there is none, as every other use of it does."""
        if self._connection.closed:
            raise StoreClosedError("connection", "was given back to its pool")
        if not self._connection.in_transaction():
            self._connection.begin()

    def _state(self) -> str:
        return "closed" if self._connection.closed else super()._state()


class SessionHost(Host):
    """A ``Session`` of SQLAlchemy, until the end of its transaction."""

    def __init__(self, session: Session, schema: str) -> None:
        bare = session.connection().connection.driver_connection
        super().__init__(bare, _store_on(bare, schema))
        self.over = False
        self._session = session
        ends = session.info.get(_ENDS)
        if ends is None:
            ends = session.info[_ENDS] = _SessionEnds(session)
        ends.hosts.append(self)
        self._waiting = ends.waiting

    def check(self) -> None:
        """See `Host.check`; makes a savepoint of the session's real, which waits for its first use."""
        if self.over:
            raise StoreClosedError("session", "has ended the transaction that was joined")
        self._session.connection()

    async def leave(self, *, failed: bool) -> None:
        """Do nothing: the session tells when its transaction is over."""


_ENDS = "funnelkit"


class _SessionEnds:
    """Listens for the ends of a session's transactions; savepoints and flushes have ends, too."""

    def __init__(self, session: Session) -> None:
        from sqlalchemy import event

        self.waiting = Waiting()
        self.hosts: list[SessionHost] = []
        self._kept: list[tuple[JoinedShell, Commit]] = []
        event.listen(session, "after_commit", self._after_commit)
        event.listen(session, "after_transaction_end", self._after_end)

    def _after_commit(self, session: Session) -> None:
        """Look while the connection is still the session's."""
        if self.waiting and not session.in_nested_transaction():
            try:
                self._kept = run(look(self.waiting, self.hosts[-1].bare))
            except Exception:  # what is committed is committed
                logging.getLogger("funnelkit").exception("what was committed is not known, nobody was told")

    def _after_end(self, _: Session, transaction: SessionTransaction) -> None:
        """Tell once the session can be used again."""
        if transaction.parent is not None:
            return
        kept, self._kept = self._kept, []
        self.waiting.forget()
        for host in self.hosts:
            host.over = True
            run(host.store.close())  # its connection goes back to the pool, for somebody else
        self.hosts.clear()
        run(tell(kept))


class DjangoHost(Host):
    """A connection of Django inside ``transaction.atomic()``."""

    def __init__(self, connection: Any, schema: str) -> None:
        super().__init__(connection.connection, _store_on(connection.connection, schema))
        self._connection = connection

    def check(self) -> None:
        """See `Host.check`."""
        if not self._connection.in_atomic_block or self._connection.connection is not self.bare:
            raise StoreClosedError("connection", "has left the transaction that was joined")

    def keep(self, shell: JoinedShell, commit: Commit) -> None:
        """See `Host.keep`."""

        async def told() -> None:
            if await shell.kept(commit):
                await shell.tell(commit)

        self._connection.on_commit(lambda: run(told()), robust=True)

    async def leave(self, *, failed: bool) -> None:
        """Do nothing: Django tells when its transaction is over."""


async def look(waiting: Waiting, bare: Any) -> list[tuple[JoinedShell, Commit]]:
    """Return what the host has kept, and leave its connection as it was."""
    before = state_of(bare)
    try:
        return await waiting.over()
    finally:
        if before == "idle" and has_begun(bare):  # our reading began it
            done = bare.rollback()
            if isawaitable(done):
                await done


# -- which is which -------------------------------------------------------------------------------------


def host_of(connection: Any, schema: str) -> Host:
    """Look what a connection is.

    Args:
        connection: Anything.
        schema: Where funnelkit's tables are, in PostgreSQL.

    Raises:
        InputError: It is none that can be joined, or one of Django outside of ``atomic()``.
    """
    if hasattr(connection, "in_atomic_block"):
        if not connection.in_atomic_block:
            raise InputError("connection", "no transaction is open", "wrap it in transaction.atomic()")
        connections = import_module("django.db").connections
        return DjangoHost(connections[connection.alias], schema)  # what was given may be a proxy
    if "sqlalchemy" in _packages(connection):
        from sqlalchemy import Connection
        from sqlalchemy.orm import Session, scoped_session

        if isinstance(connection, scoped_session):
            connection = connection()
        if isinstance(connection, Session):
            return SessionHost(connection, schema)
        if isinstance(connection, Connection):
            return CoreHost(connection, schema)
    return Host(connection, _store_on(connection, schema))


def async_host_of(connection: Any, schema: str) -> Host:
    """Return an awaited connection as a host. Raises InputError for anything else."""
    if "psycopg" in _packages(connection):
        from psycopg import AsyncConnection

        if isinstance(connection, AsyncConnection):
            from funnelkit.storage.postgres import AsyncPostgresStore

            return Host(connection, AsyncPostgresStore.on(connection, schema=schema))
    raise InputError("connection", f"{shown(connection)} cannot be joined", "give a psycopg.AsyncConnection")


def _store_on(bare: Any, schema: str) -> AsyncStore:
    packages = _packages(bare)
    if "sqlite3" in packages:
        if schema != "public":
            fix = "leave it out: the tables are in the database that was opened"
            raise InputError("schema", f"{shown(schema)} is given, and SQLite has none", fix)
        from funnelkit.storage.sqlite import SQLiteStore

        return Immediate(SQLiteStore.on(bare))
    if "psycopg" in packages:
        from psycopg import AsyncConnection, Connection

        if isinstance(bare, Connection):
            from funnelkit.storage.postgres import PostgresStore

            return Immediate(PostgresStore.on(bare, schema=schema))
        if isinstance(bare, AsyncConnection):
            raise InputError("connection", f"{shown(bare)} is awaited", "give it to AsyncEngine.using")
    fix = "give one of sqlite3 or psycopg, a Session or Connection of SQLAlchemy, or Django's"
    raise InputError("connection", f"{shown(bare)} cannot be joined", fix)


def _packages(connection: object) -> set[str]:
    """Return the packages that the class of a connection and its parents come from."""
    return {each.__module__.partition(".")[0] for each in type(connection).__mro__}
