"""What went wrong in SQLite, in our own words."""

from __future__ import annotations

import sqlite3

from funnelkit.errors import (
    NotAStoreError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

__all__ = ["translated", "undecodable"]

_ERRORS: dict[str, type[StoreError]] = {
    "SQLITE_BUSY": StoreBusyError,
    "SQLITE_LOCKED": StoreBusyError,
    "SQLITE_FULL": StoreFullError,
    "SQLITE_READONLY": StoreReadOnlyError,
    "SQLITE_CANTOPEN": StoreUnavailableError,
    "SQLITE_IOERR": StoreUnavailableError,
    "SQLITE_NOTADB": NotAStoreError,
    "SQLITE_CORRUPT": NotAStoreError,
}


def translated(error: sqlite3.Error, store: str, hint: str = "") -> StoreError:
    """Return our own error for the driver's; raise it ``from`` the driver's.

    Args:
        error: What the driver raised.
        store: What the store is called in messages.
        hint: What else there is to say, appended to the driver's words.
    """
    name: str = getattr(error, "sqlite_errorname", None) or ("SQLITE_CORRUPT" if undecodable(error) else "")
    for prefix, error_type in _ERRORS.items():
        if name.startswith(prefix):
            return error_type(store, f"{error} ({name}){hint}")
    return StoreError(f"{store}: {error}{hint}")


def undecodable(error: Exception) -> bool:
    """Return whether text in the file is no text any more; the driver has no name for that."""
    return str(error).startswith("Could not decode to UTF-8")
