"""`JoinedEngine`: the verbs inside a transaction of the program around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from funnelkit.engine import Engine
from funnelkit.joining.hosts import host_of
from funnelkit.joining.shell import JoinedShell
from funnelkit.storage.immediate import Immediate, run

if TYPE_CHECKING:
    from funnelkit.storage import Store

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
    >>> connection.close()
    """

    def __init__(self, engine: Engine, connection: Any, schema: str) -> None:
        self._zone = engine._zone  # noqa: SLF001 (the same engine, elsewhere)
        self._host = host_of(connection, schema)
        self._joined = JoinedShell(engine._shell, self._host.store, self._host)  # noqa: SLF001

    @property
    def _shell(self) -> JoinedShell:  # type: ignore[override]  # every verb asks
        self._host.check()
        return self._joined

    @property
    def _store(self) -> Store:  # type: ignore[override]
        self._host.check()
        return cast("Immediate", self._host.store).store

    def close(self) -> None:
        """Tell the subscribers of what the program has committed meanwhile, and let go.

        A Session and Django tell by themselves when they have committed; there it does nothing.

        Raises:
            InputError: The transaction is still open, so nobody knows how that will end.
        """
        run(self._host.leave(failed=False))

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        run(self._host.leave(failed=kind is not None))

    def __repr__(self) -> str:
        return f"JoinedEngine({', '.join(self._joined.pipelines)}; {self._host.bare!r})"
