"""Inside the host's transaction: its connection as a store, and how we hear that it has committed.

Our writes are kept or taken back by the host. Subscribers must not hear of what is taken back, so
each commit waits until the host has committed. How we learn that depends on whose connection it is:

- Django tells: ``transaction.on_commit``, which also knows about savepoints rolled back.
- A SQLAlchemy ``Session`` tells: its events, savepoints included.
- A bare ``sqlite3`` or ``psycopg`` connection, or a SQLAlchemy Core one, cannot. There the block of
  ``with engine.using(connection) as crm, …`` ends after the host's transaction; then each waiting
  commit is looked up, and told of if it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from funnelkit.clock import to_us
from funnelkit.errors import InputError, shown
from funnelkit.shell import Shell
from funnelkit.storage.base import AsyncStore, Commit, Store
from funnelkit.storage.immediate import run

__all__ = ["Host", "JoinedShell"]


class JoinedShell(Shell):
    """A `Shell` over a store in the host's transaction: who listens hears of a commit when that is over."""

    def __init__(self, shell: Shell, store: AsyncStore) -> None:
        super().__init__(shell.pipelines.values(), store, shell.clock, shell.ids, sealed=shell.sealed)
        self.subscribers = shell.subscribers
        self.waiting: list[Commit] = []
        self.on_commit: Callable[[Callable[[], object]], object] | None = None

    async def committed(self, commit: Commit) -> None:
        """Keep a commit back until the host has committed."""
        self.waiting.append(commit)
        if self.on_commit is not None:
            self.on_commit(lambda: run(self.tell([commit])))

    async def tell(self, commits: list[Commit]) -> None:
        """Tell of commits that the host has made good."""
        for commit in commits:
            self.waiting.remove(commit)
            await super().committed(commit)

    async def landed(self) -> list[Commit]:
        """Return those of the waiting commits that are in the database; forget the others."""
        self.waiting = [commit for commit in self.waiting if await self._is_there(commit)]
        return list(self.waiting)

    async def _is_there(self, commit: Commit) -> bool:
        change = commit.changes[0]  # a commit is there whole or not at all
        sql = (
            "SELECT COUNT(*) AS n FROM change WHERE record_id = :record AND version = :version "
            "AND change_type = :change_type AND happened_us = :happened_us AND actor = :actor"
        )
        params = {
            "record": change.record,
            "version": change.version,
            "change_type": type(change).__name__,
            "happened_us": to_us(change.at),
            "actor": change.actor,
        }
        return bool((await self.store.query(sql, params))[0][0])


@attrs.frozen
class Host:
    """A connection that belongs to the program around us, and the DB-API connection it stands for."""

    connection: Any
    bare: Any

    @classmethod
    def of(cls, connection: Any) -> Host:
        """Look inside a connection.

        Raises:
            InputError: It is none that is known, or a Django connection outside of ``atomic()``.
        """
        bare = connection
        if _is_django(connection):
            if not connection.in_atomic_block:
                raise InputError("connection", "no transaction is open", "wrap it in transaction.atomic()")
            connection.ensure_connection()
            bare = connection.connection
        elif _package(connection) == "sqlalchemy":
            core = connection.connection() if _is_session(connection) else connection
            bare = core.connection.driver_connection
        if _package(bare) not in {"sqlite3", "psycopg"}:
            fix = "give one of sqlite3 or psycopg, a Session or Connection of SQLAlchemy, or Django's"
            raise InputError("connection", f"{shown(connection)} cannot be joined", fix)
        return cls(connection, bare)

    def store(self, schema: str) -> Store:
        """Return a store over the connection."""
        if _package(self.bare) == "sqlite3":
            from funnelkit.storage.sqlite import SQLiteStore

            return SQLiteStore.on(self.bare)
        from funnelkit.storage.postgres import PostgresStore

        store: Store = PostgresStore.on(self.bare, schema=schema)
        return store

    def tells(self, shell: JoinedShell) -> bool:
        """Arrange that the host tells of its commits; return whether it can."""
        if _is_django(self.connection):
            shell.on_commit = self.connection.on_commit
        elif _package(self.connection) == "sqlalchemy" and _is_session(self.connection):
            _listen(self.connection, shell)
        else:
            return False
        return True

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        if _package(self.bare) == "sqlite3":
            return bool(self.bare.in_transaction)
        return not self.bare.closed and self.bare.info.transaction_status.name != "IDLE"

    def check_over(self) -> None:
        """Raise InputError when the transaction is still open, or the connection is closed."""
        closed = getattr(self.bare, "closed", False)
        if self.in_transaction or closed:
            state = "is closed" if closed else "is still in its transaction"
            fix = "end the block after the commit: with engine.using(connection) as crm, connection: …"
            raise InputError("connection", f"{state}, so nobody can tell what became of it", fix)


def _package(connection: object) -> str:
    """Return the package of the class of a connection, or of the one it is derived from."""
    known = {"sqlite3", "psycopg", "sqlalchemy"}
    packages = [each.__module__.partition(".")[0] for each in type(connection).__mro__]
    return next((package for package in packages if package in known), "")


def _is_django(connection: object) -> bool:
    return hasattr(connection, "on_commit") and hasattr(connection, "in_atomic_block")


def _is_session(connection: Any) -> bool:
    return callable(getattr(connection, "connection", None))


class _Ended(Protocol):
    @property
    def nested(self) -> bool: ...


def _listen(session: Any, shell: JoinedShell) -> None:
    """Follow a Session to the end of its transaction; what its savepoints take back is forgotten."""
    from sqlalchemy import event

    session = getattr(session, "registry", lambda: session)()  # of a scoped_session, today's
    begun: dict[_Ended, int] = {}  # savepoint → number of commits that waited when it began

    def create(_: object, transaction: _Ended) -> None:
        begun[transaction] = len(shell.waiting)

    def commit(_: object) -> None:
        if not session.in_nested_transaction():
            stop()
            run(shell.tell(list(shell.waiting)))

    def roll_back(_: object, transaction: _Ended) -> None:
        del shell.waiting[begun.pop(transaction, 0) :]
        if not transaction.nested:
            stop()

    def stop() -> None:
        """Let go: the connection goes back to its pool, and somebody else will have it."""
        for name, listener in listeners.items():
            event.remove(session, name, listener)
        run(shell.store.close())

    listeners: dict[str, Callable[..., None]] = {
        "after_transaction_create": create,
        "after_commit": commit,
        "after_soft_rollback": roll_back,
    }
    for name, listener in listeners.items():
        event.listen(session, name, listener)
