"""`ReadOnlyStore`: a store that can be shown to anybody."""

from __future__ import annotations

from typing import NoReturn

import attrs

from funnelkit.errors import StoreReadOnlyError
from funnelkit.storage.base import Capabilities, Commit
from funnelkit.storage.wrappers.wrapping import Wrapped

__all__ = ["ReadOnlyStore"]


class ReadOnlyStore(Wrapped):
    """Read what another store holds, and write nothing.

    For reports, for a page that shows a board, for code one does not trust. What the store inside
    learns from elsewhere is seen at once. Closing it closes the store inside.

    Args:
        store: The store to read.

    Raises:
        InputError: It is no `Store`.

    >>> from funnelkit import Engine, MemoryStore, Pipeline, Stage
    >>> from funnelkit import ReadOnlyStore
    >>> sales, store = Pipeline("sales", [Stage("new")]), MemoryStore()
    >>> deal = Engine(sales, store=store).create("Acme")
    >>> shown = Engine(sales, store=ReadOnlyStore(store))
    >>> shown.get(deal.id)
    Deal('Acme', new, v1)
    >>> shown.win(deal)
    Traceback (most recent call last):
    funnelkit.errors.StoreReadOnlyError: ReadOnlyStore(MemoryStore(1 deal)): is for reading only
    """

    @property
    def capabilities(self) -> Capabilities:
        """Those of the store inside, but not ``writable``."""
        return attrs.evolve(self.store.capabilities, writable=False)

    def commit(self, commit: Commit) -> NoReturn:  # noqa: ARG002 (whatever it is)
        """Raise StoreReadOnlyError."""
        raise StoreReadOnlyError(repr(self), "is for reading only")
