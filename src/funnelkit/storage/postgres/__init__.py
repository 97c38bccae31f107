"""Stores in PostgreSQL, blocking and awaited. Importing this needs no driver; opening a store does."""

from funnelkit.storage.postgres.store import AsyncPostgresStore, PostgresStore

__all__ = ["AsyncPostgresStore", "PostgresStore"]
