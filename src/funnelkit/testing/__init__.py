"""For your tests: the contract of a store, a clock that stands still, ids that count, random values.

A store of your own is proved by a subclass of `StoreContract` with one method:

    class TestMyStore(StoreContract):
        def make_store(self):
            return MyStore()

What the store declares in its `Capabilities` is proved with a method more: see `StoreContract`.

Nothing of this is imported by funnelkit itself. Hypothesis is needed only by the strategies, and
pytest only to collect the contract.
"""

from funnelkit.clock import FrozenClock
from funnelkit.testing.contract import StoreContract
from funnelkit.testing.reading import readable, sequential_ids
from funnelkit.testing.strategies import amounts, names, pipelines

__all__ = ["FrozenClock", "StoreContract", "amounts", "names", "pipelines", "readable", "sequential_ids"]
