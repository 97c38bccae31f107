"""Where funnelkit keeps what it knows: the store port, the stores, and how to open one."""

from funnelkit.storage.base import (
    Answer,
    AsyncStore,
    Attribute,
    Capabilities,
    Commit,
    Store,
    Write,
)
from funnelkit.storage.cached import CachedStore
from funnelkit.storage.commit_json import commit_from_json, commit_to_json
from funnelkit.storage.copying import Copied, copy_store
from funnelkit.storage.memory import MemoryStore
from funnelkit.storage.mirrored import MirroredStore
from funnelkit.storage.opening import open_store
from funnelkit.storage.read_only import ReadOnlyStore

__all__ = [
    "Answer",
    "AsyncStore",
    "Attribute",
    "CachedStore",
    "Capabilities",
    "Commit",
    "Copied",
    "MemoryStore",
    "MirroredStore",
    "ReadOnlyStore",
    "Store",
    "Write",
    "commit_from_json",
    "commit_to_json",
    "copy_store",
    "open_store",
]
