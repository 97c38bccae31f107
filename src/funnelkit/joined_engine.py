"""`JoinedEngine`: the verbs inside a transaction of the program around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from funnelkit.engine import Engine
from funnelkit.joining import JoinedShell
from funnelkit.storage.immediate import Immediate, run

if TYPE_CHECKING:
    from funnelkit.joining import Host

__all__ = ["JoinedEngine"]


class JoinedEngine(Engine):
    """An `Engine` inside a transaction of the program around it; made by `Engine.using`.

    It has the same verbs and belongs to one transaction. It never commits, rolls back or closes the
    program's connection.

    >>> import sqlite3
    >>> from funnelkit import Engine, Pipeline, SQLiteStore, Stage
    >>> connection = sqlite3.connect(":memory:")
    >>> SQLiteStore.create_tables(connection)
    >>> with Engine(Pipeline("sales", [Stage("new")])).using(connection) as crm:
    ...     deal = crm.create("Acme")
    ...     connection.rollback()
    >>> connection.execute("SELECT COUNT(*) FROM deal").fetchall()
    [(0,)]
    """

    def __init__(self, engine: Engine, host: Host, schema: str) -> None:
        self._zone = engine._zone  # noqa: SLF001 (the same engine, elsewhere)
        self._store = host.store(schema)
        self._joined = JoinedShell(engine._shell, Immediate(self._store))  # noqa: SLF001
        self._shell = self._joined
        self._host = host
        self._told = host.tells(self._joined)

    def close(self) -> None:
        """Tell the subscribers of what the program has committed meanwhile, and let go.

        Where the program tells by itself, there is nothing to do.

        Raises:
            InputError: Its transaction is still open, so nobody knows how that will end.
        """
        if self._told:
            return
        try:
            if self._joined.waiting:
                self._host.check_over()
                landed = run(self._joined.landed())
                if self._host.in_transaction:  # of our own reading
                    self._host.bare.rollback()
                run(self._joined.tell(landed))
        finally:
            self._store.close()

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        if kind is not None and self._host.in_transaction:
            self._joined.waiting.clear()  # the program is about to roll back
        self.close()
