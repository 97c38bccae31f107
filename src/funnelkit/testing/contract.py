"""The contract of a store: all of it, and what holds after its end."""

from __future__ import annotations

from funnelkit.errors import StoreClosedError, StoreReadOnlyError
from funnelkit.testing.all_or_nothing import AllOrNothing
from funnelkit.testing.capabilities import Declared
from funnelkit.testing.hooks import raises
from funnelkit.testing.in_use import READS, write_everything
from funnelkit.testing.life import Lives
from funnelkit.testing.lists import Lists
from funnelkit.testing.queries import Queries
from funnelkit.testing.round_trips import RoundTrips
from funnelkit.testing.samples import a_deal, new
from funnelkit.testing.together import Together

__all__ = ["StoreContract"]


class StoreContract(RoundTrips, AllOrNothing, Lists, Queries, Together, Declared, Lives):
    """What every store must do, as tests: one that passes works with everything above it.

    Subclass it in a test module and give it ``make_store()``, which returns a new, empty store. What a
    store declares in its `Capabilities` must be proved, each with a hook more:

    - ``durable``: ``reopen(store)`` returns a store over the data of one that was closed.
    - ``shared``: ``second(store)`` returns another store over the data of one that is open.
    - ``writable=False``: ``writer(store)`` returns a store that writes what this one reads.
    - ``threads`` needs no hook.

    The names of your subclasses should begin with ``Test``, so that pytest finds them. Every test
    makes a store of its own and closes it. Tests of what a store does not declare are skipped.

    >>> from funnelkit import MemoryStore
    >>> class TestMemoryStore(StoreContract):
    ...     def make_store(self):
    ...         return MemoryStore()
    >>> TestMemoryStore().test_an_absent_record_is_not_found()
    """

    def test_a_closed_store_says_so(self) -> None:
        """Everything but closing again is refused after ``close``."""
        with self.using() as (store, write):
            write_everything(write)
            for read in READS.values():
                read(store)
            writable = store.capabilities.writable
            store.close()
            store.close()
            for read in READS.values():
                with raises(StoreClosedError):
                    read(store)
            with raises(StoreClosedError if writable else (StoreClosedError, StoreReadOnlyError)):
                store.commit(new(a_deal("d2")))
