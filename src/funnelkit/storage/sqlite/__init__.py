"""The SQLite store: one file, or the database of a host."""

from funnelkit.storage.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
