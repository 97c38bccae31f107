"""Where funnelkit keeps what it knows: the store port, the stores, and how to open one."""

from funnelkit.storage.base import (
    Answer,
    AsyncStore,
    Attribute,
    Capabilities,
    Commit,
    MatchKey,
    Store,
    Write,
)
from funnelkit.storage.memory import MemoryStore
from funnelkit.storage.opening import open_store

__all__ = [
    "Answer",
    "AsyncStore",
    "Attribute",
    "Capabilities",
    "Commit",
    "MatchKey",
    "MemoryStore",
    "Store",
    "Write",
    "open_store",
]
