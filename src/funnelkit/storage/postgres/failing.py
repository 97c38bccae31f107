"""Whose fault it is: what the server and the driver say, as our own errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from funnelkit.errors import (
    FunnelkitError,
    InputError,
    NotAStoreError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    import psycopg

__all__ = ["fail", "is_lost", "is_taken", "is_transient", "of_query", "ours", "unfit"]

_AGAIN = ("40001", "40P01")
"""SQLSTATEs after which nothing was written and the same may be done again."""

_LOST = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "40003")
"""Beginnings of SQLSTATEs that end a connection, or leave open what was written."""

_CALLERS = ("0A", "21", "22", "23", "25001", "25006", "26", "2F", "34", "38", "3F", "42", "54")
"""Beginnings of SQLSTATEs that are the fault of the SQL that was asked."""

_ERRORS: dict[
    str, type[StoreBusyError | StoreFullError | StoreReadOnlyError | StoreUnavailableError | NotAStoreError]
] = {
    "55P03": StoreBusyError,  # lock timeout
    "57014": StoreBusyError,  # statement timeout
    "40": StoreBusyError,
    "53300": StoreBusyError,  # too many connections
    "53": StoreFullError,  # disk, memory
    "25006": StoreReadOnlyError,  # read-only transaction, standby
    "42501": StoreReadOnlyError,  # privilege
    "42P01": NotAStoreError,  # a table has gone
    "42703": NotAStoreError,  # a column has gone
    "08": StoreUnavailableError,
    "57": StoreUnavailableError,
    "58": StoreUnavailableError,
    "XX": StoreUnavailableError,
    "3D": StoreUnavailableError,  # no such database
    "28": StoreUnavailableError,  # who you are
}


def is_lost(error: BaseException) -> bool:
    """Whether an error means that the connection is gone, and with it the answer."""
    import psycopg

    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is not None:
        return error.sqlstate.startswith(_LOST)
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def is_transient(error: BaseException) -> bool:
    """Whether an error means that nothing was written and that the same may be done again."""
    import psycopg

    return isinstance(error, psycopg.Error) and error.sqlstate in _AGAIN


def is_taken(error: BaseException) -> bool:
    """Whether an error means that a key was taken."""
    return getattr(error, "sqlstate", None) == "23505"


def of_query(error: BaseException) -> bool:
    """Whether an error is the fault of the SQL or the parameters that were asked."""
    import psycopg

    if isinstance(error, psycopg.Error) and error.sqlstate:
        return error.sqlstate.startswith(_CALLERS)
    kinds = (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError)
    return isinstance(error, (*kinds, *_UNFIT))


def unfit(error: BaseException) -> bool:
    """Whether a value is one that the server cannot hold: a NUL, half a sign, too large a number."""
    import psycopg

    if isinstance(error, psycopg.Error):
        return error.sqlstate.startswith("22") if error.sqlstate else isinstance(error, psycopg.DataError)
    return isinstance(error, _UNFIT)


_UNFIT = (UnicodeError, OverflowError)


def ours(store: str, error: psycopg.Error) -> FunnelkitError:
    """Return our own error for the driver's."""
    state = error.sqlstate or ""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    problem = f"{said} ({state})" if state else said
    for prefix, error_type in _ERRORS.items():
        if state.startswith(prefix):
            return error_type(store, problem)
    if not state and is_lost(error):
        return StoreUnavailableError(store, problem)
    return StoreError(f"{store}: {problem}")


def fail(store: str, error: Exception) -> NoReturn:
    """Raise our own error for the driver's; the driver's stays as the cause."""
    import psycopg

    if isinstance(error, FunnelkitError):
        raise error
    if unfit(error):
        raise InputError("commit", str(error)[:200]) from error
    if isinstance(error, psycopg.Error):
        raise ours(store, error) from error
    raise error
