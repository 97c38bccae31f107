"""What wrappers take: stores that block, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from funnelkit import CachedStore, MemoryStore, MirroredStore, ReadOnlyStore
from funnelkit.errors import InputError
from funnelkit.storage.immediate import Immediate

WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "read only": ReadOnlyStore,
    "cached": CachedStore,
    "mirrored": MirroredStore,
    "copy": lambda store: MirroredStore(MemoryStore(), MemoryStore(), store),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("what", [None, "memory:", 5, MemoryStore, object()], ids=repr)
def test_what_is_no_store_is_refused(wrap: Callable[[Any], Any], what: Any) -> None:
    """A wrapper around anything but a store says so when it is made, and what to give instead."""
    with pytest.raises(InputError, match="is no store") as caught:
        wrap(what)
    assert caught.value.argument == "store"
    assert caught.value.fix == "give MemoryStore() or SQLiteStore(path)"


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_an_awaited_store_is_refused(wrap: Callable[[Any], Any]) -> None:
    """A wrapper blocks, so a store that is awaited cannot be inside."""
    with pytest.raises(InputError) as caught:
        wrap(Immediate(MemoryStore()))
    assert str(caught.value) == "store: MemoryStore(empty) is awaited (wrap one that blocks)"


def test_copies_stay_those_that_were_given() -> None:
    """A mirror keeps its copies in their order."""
    one, two = MemoryStore(), MemoryStore()
    copies = MirroredStore(MemoryStore(), one, two).copies
    assert len(copies) == 2
    assert copies[0] is one
    assert copies[1] is two
