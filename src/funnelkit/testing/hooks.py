"""What a contract is told about a store: how to make one, and how to prove what it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from unittest import SkipTest

from funnelkit.errors import FunnelkitError
from funnelkit.storage.base import Commit, Store

__all__ = ["Hooks", "Writer", "raises"]

Writer = Callable[[Commit], None]


class Hooks:
    """What a subclass supplies, and how the tests of the contract use it."""

    def make_store(self) -> Store:
        """Return a new, empty store."""
        raise NotImplementedError("give the contract make_store(): return a new, empty store")

    def reopen(self, store: Store) -> Store:
        """Return a new store over the data of one that was closed; for ``durable`` stores."""
        raise self._missing(store, "durable=True", "reopen(store): return a store over the data of this one")

    def second(self, store: Store) -> Store:
        """Return another store over the data of an open one; for ``shared`` stores."""
        raise self._missing(store, "shared=True", "second(store): return another store over the same data")

    def writer(self, store: Store) -> Store:
        """Return a store that writes what this one reads; for stores that are not ``writable``."""
        raise self._missing(
            store, "writable=False", "writer(store): return a store that writes what it reads"
        )

    @staticmethod
    def _missing(store: Store, declared: str, hook: str) -> NotImplementedError:
        return NotImplementedError(f"{store!r} declares {declared}: give the contract {hook}")

    def writable(self, store: Store) -> Store:
        """Return the store itself, or its writer where it takes no commits."""
        return store if store.capabilities.writable else self.writer(store)

    @contextmanager
    def using(self) -> Iterator[tuple[Store, Writer]]:
        """Give a new store, and what writes to it; all is closed at the end."""
        with closing(self.make_store()) as store, closing(self.writable(store)) as writer:
            yield store, writer.commit

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """Give a new store that takes commits; skip the test where the store is for reading only."""
        with closing(self.make_store()) as store:
            self.skip_unless(store.capabilities.writable, "writable=False")
            yield store

    @contextmanager
    def declaring(self, capability: str) -> Iterator[tuple[Store, Writer]]:
        """Give a new store that declares a capability, and what writes to it; skip the test otherwise."""
        with self.using() as (store, write):
            self.skip_unless(getattr(store.capabilities, capability), f"{capability}=False")
            yield store, write

    @contextmanager
    def writing_and(self, *capabilities: str) -> Iterator[Store]:
        """Give a new store that takes commits and declares capabilities; skip the test otherwise."""
        with self.writing() as store:
            for capability in capabilities:
                self.skip_unless(getattr(store.capabilities, capability), f"{capability}=False")
            yield store

    @staticmethod
    def skip_unless(proved: bool, declared: str) -> None:  # noqa: FBT001 (a condition is what it is)
        """Skip the test of a promise that the store does not make."""
        if not proved:
            raise SkipTest(f"the store declares {declared}")


@contextmanager
def raises(error: FunnelkitError | type[FunnelkitError] | tuple[type[FunnelkitError], ...]) -> Iterator[None]:
    """Demand an error: one equal to ``error``, or of that type."""
    raised: FunnelkitError | None = None
    try:
        yield
    except FunnelkitError as error_raised:
        raised = error_raised
    wanted = raised == error if isinstance(error, FunnelkitError) else isinstance(raised, error)
    assert wanted, f"{raised!r} was raised, not {error!r}"  # noqa: S101 (asserting is the point)
