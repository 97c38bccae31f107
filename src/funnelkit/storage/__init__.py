"""Where funnelkit keeps what it knows: the store port, the stores, and how to open one."""

from funnelkit.storage.base import Answer, Attribute, Commit, Store, Write
from funnelkit.storage.memory import MemoryStore
from funnelkit.storage.opening import open_store

__all__ = ["Answer", "Attribute", "Commit", "MemoryStore", "Store", "Write", "open_store"]
