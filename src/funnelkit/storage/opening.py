"""A store from a URL."""

from __future__ import annotations

from funnelkit.errors import InputError, shown
from funnelkit.storage.base import Store
from funnelkit.storage.memory import MemoryStore

__all__ = ["open_store"]

_SQLITE = "sqlite:///"


def open_store(url: str) -> Store:
    """Open the store that a URL names.

    Args:
        url: ``"memory:"``, ``"sqlite:///crm.db"`` (relative) or ``"sqlite:////var/lib/crm.db"``
            (absolute).

    Raises:
        InputError: The URL names no store that is known.
        StoreError: The store cannot be opened; see `SQLiteStore`.

    >>> open_store("memory:")
    MemoryStore(empty)
    """
    if url == "memory:":
        return MemoryStore()
    if isinstance(url, str) and url.startswith(_SQLITE):
        from funnelkit.storage.sqlite import SQLiteStore

        return SQLiteStore(url.removeprefix(_SQLITE))
    raise InputError("store", f"{shown(url)} names no known store", 'write "sqlite:///crm.db" or "memory:"')
