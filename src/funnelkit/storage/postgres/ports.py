"""What a store needs of a server, blocking or awaited: a line to it, and sessions on that line.

What a store does is written once, over these. Those that block answer at once, so what is written
over them never waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from funnelkit.storage.columns import Row
from funnelkit.storage.postgres.texts import Statement

__all__ = ["Line", "Session"]


class Session(Protocol):
    """A connection, for as long as one piece of work takes.

    Attributes:
        begin: What begins a transaction; nothing where one is open already.
        begin_reading: What begins one that only reads.
        commit: What ends it.
    """

    begin: tuple[Statement, ...]
    begin_reading: tuple[Statement, ...]
    commit: tuple[Statement, ...]

    async def rows(self, statement: Statement) -> list[Row]:
        """Run one statement and return its rows: one round trip."""
        ...

    async def together(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run statements one after the other and return the rows of each: one round trip."""
        ...

    async def copy(self, sql: str, data: bytes) -> None:
        """Send rows in bulk, written as COPY reads them."""
        ...

    async def end(self) -> None:
        """Take back what `begin` began, if the connection still stands."""
        ...


class Line(Protocol):
    """A way to the server: one session at a time for each piece of work."""

    async def take(self, *, writing: bool) -> Any:
        """Return a session to work with, and perhaps to write.

        Raises:
            StoreBusyError: All connections are in use, and stayed so.
            StoreUnavailableError: The server cannot be reached.
        """
        ...

    async def give(self, session: Any, *, keep: bool) -> None:
        """Take a session back; say whether what was done with it shall stay."""
        ...

    async def mend(self) -> None:
        """Replace the connections that are broken."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait."""
        ...

    async def close(self) -> None:
        """Close all connections. Closing twice is fine."""
        ...

    def usage(self) -> Mapping[str, int]:
        """Return what the pool says of itself."""
        ...
