"""A store from a URL."""

from __future__ import annotations

from funnelkit.errors import InputError, shown
from funnelkit.storage.base import Store
from funnelkit.storage.memory import MemoryStore

__all__ = ["open_store"]

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def open_store(url: str) -> Store:
    """Open the store that a URL names.

    Args:
        url: ``"memory:"``, ``"sqlite:///crm.db"`` (relative), ``"sqlite:////var/lib/crm.db"``
            (absolute), either with ``?mode=ro`` behind it to read only, or
            ``"postgresql://user:password@host/database?schema=crm"`` with whatever else libpq
            understands.

    Raises:
        InputError: The URL names no store that is known.
        StoreError: The store cannot be opened; see `SQLiteStore` and `PostgresStore`.

    >>> open_store("memory:")
    MemoryStore(empty)
    """
    if url == "memory:":
        return MemoryStore()
    if isinstance(url, str) and url.startswith(_SQLITE):
        from funnelkit.storage.sqlite import SQLiteStore

        path, mark, setting = url.removeprefix(_SQLITE).partition("?")
        if mark and setting != "mode=ro":
            mend = "write ?mode=ro to read only; open a file with ? in its name by SQLiteStore(path)"
            raise InputError("store", f"{shown(url)} has an unknown setting", mend)
        return SQLiteStore(path, read_only=bool(mark))
    if isinstance(url, str) and url.startswith(_POSTGRES):
        from funnelkit.storage.postgres import PostgresStore

        return PostgresStore(url)
    mend = 'write "sqlite:///crm.db", "postgresql://host/database" or "memory:"'
    raise InputError("store", f"{shown(url)} names no known store", mend)
