"""How a PostgreSQL store is doing, as a value one can read."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from funnelkit.storage.columns import COLUMNS
from funnelkit.storage.postgres.ports import Session
from funnelkit.storage.postgres.texts import Statement

__all__ = ["PostgresHealth", "examined"]


@attrs.frozen(kw_only=True)
class PostgresHealth:
    """What `PostgresStore.health` found. Print it.

    Attributes:
        store: Where the store is, without the password.
        schema: The schema of its tables.
        server: Version of the server.
        schema_version: Version of the tables.
        synchronous: ``"on"`` where a commit waits for the disk, ``"off"`` where it does not; as the
            connection has it.
        open_connections, idle_connections, most_connections: Of this store's pool: how many there
            are, how many of them nobody uses now, and how many there may be.
        waiting: Calls that wait for a connection now.
        table_bytes: Size of the tables, indexes included.
        unnumbered: Committed changes that nobody has read from the feed yet.
    """

    store: str
    schema: str
    server: str
    schema_version: int
    synchronous: str
    open_connections: int
    idle_connections: int
    most_connections: int
    waiting: int
    table_bytes: int
    unnumbered: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be known or mended, as sentences; empty when there is nothing."""
        if self.waiting:
            calls = "1 call waits" if self.waiting == 1 else f"{self.waiting:,} calls wait"
            return (f"{calls} for a connection: give the store more than {self.most_connections}",)
        return ()

    def __str__(self) -> str:
        pool = f"{self.open_connections} open, {self.idle_connections} idle, at most {self.most_connections}"
        lines = [
            f"{self.store}, schema {self.schema}",
            f"  server       PostgreSQL {self.server}, synchronous_commit {self.synchronous}",
            f"  schema       version {self.schema_version}",
            f"  tables       {self.table_bytes:,} bytes",
            f"  connections  {pool}",
            f"  feed         {self.unnumbered:,} changes not numbered yet",
            *(f"  warning      {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)


_FACTS = Statement(
    "SELECT current_setting('server_version'), current_setting('synchronous_commit'), current_schema(), "
    "(SELECT version FROM funnelkit_schema), (SELECT COUNT(*) FROM change WHERE position IS NULL)"
)
_SIZES = Statement("SELECT " + " + ".join(f"pg_total_relation_size('{table}')" for table in COLUMNS))


async def examined(session: Session, store: str, pool: Mapping[str, int]) -> PostgresHealth:
    """Ask a server how it is: one round trip."""
    facts, sizes = await session.together([_FACTS, _SIZES])
    server, synchronous, schema, version, unnumbered = facts[0]
    return PostgresHealth(
        store=store,
        schema=schema,
        server=server,
        schema_version=version,
        synchronous=synchronous,
        open_connections=pool.get("pool_size", 0),
        idle_connections=pool.get("pool_available", 0),
        most_connections=pool.get("pool_max", 0),
        waiting=pool.get("requests_waiting", 0),
        table_bytes=sizes[0][0],
        unnumbered=unnumbered,
    )
