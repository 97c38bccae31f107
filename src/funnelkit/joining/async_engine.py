"""`AsyncJoinedEngine`: the awaited verbs inside a transaction of the program around them."""

from __future__ import annotations

from typing import Any

from funnelkit.async_engine import AsyncEngine
from funnelkit.joining.hosts import async_host_of
from funnelkit.joining.shell import JoinedShell

__all__ = ["AsyncJoinedEngine"]


class AsyncJoinedEngine(AsyncEngine):
    """An `AsyncEngine` inside a transaction of the program around it; made by `AsyncEngine.using`."""

    def __init__(self, engine: AsyncEngine, connection: Any, schema: str) -> None:
        self._zone = engine._zone  # noqa: SLF001 (the same engine, elsewhere)
        self._host = async_host_of(connection, schema)
        self._store = self._host.store
        self._shell = JoinedShell(engine._shell, self._store, self._host)  # noqa: SLF001

    async def close(self) -> None:
        """Tell the subscribers of what the program has committed meanwhile, and let go.

        Raises:
            InputError: The transaction is still open, so nobody knows how that will end.
        """
        await self._host.leave(failed=False)

    async def __aexit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        await self._host.leave(failed=kind is not None)

    def __repr__(self) -> str:
        return f"AsyncJoinedEngine({', '.join(self._shell.pipelines)}; {self._host.bare!r})"
