"""How often each fault is injected: everything in CI, a twentieth where FUNNELKIT_FAULTS is "few"."""

from __future__ import annotations

import os

__all__ = ["times"]


def times(full: int) -> int:
    """Return how often to do what the full run does ``full`` times."""
    return max(2, full // 20) if os.environ.get("FUNNELKIT_FAULTS") == "few" else full
