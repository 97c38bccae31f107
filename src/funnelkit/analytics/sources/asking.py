"""What the engines have in common: how parameters are named, and what is said when one refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from funnelkit.errors import StoreError

__all__ = ["answered_by", "renamed"]

_PARTS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|::|:(?P<name>[A-Za-z_]\w*)""")
_NO_TABLE = re.compile(r"does not exist|unknown table|TABLE_OR_VIEW_NOT_FOUND|cannot be found", re.IGNORECASE)


def renamed(sql: str, mark: Callable[[str], str]) -> str:
    """Write each ``:name`` as ``mark(name)``, outside of text, quoted names, comments and casts.

    >>> renamed("SELECT ':a', x::TEXT FROM deal WHERE id = :id", "${}".format)
    "SELECT ':a', x::TEXT FROM deal WHERE id = $id"
    """
    return _PARTS.sub(lambda found: mark(found["name"]) if found["name"] else found[0], sql)


@contextmanager
def answered_by(engine: str, *errors: type[Exception]) -> Iterator[None]:
    """Say in words of ours which engine refused and why; its own error is the cause.

    Raises:
        StoreError: The engine raised one of ``errors``.

    >>> with answered_by("DuckDB", ZeroDivisionError):
    ...     1 / 0
    Traceback (most recent call last):
        ...
    funnelkit.errors.StoreError: DuckDB cannot answer: division by zero
    """
    try:
        yield
    except errors as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        fix = " (funnelkit.attach shows it the tables of an export)" if _NO_TABLE.search(said) else ""
        raise StoreError(f"{engine} cannot answer: {said}{fix}") from error
