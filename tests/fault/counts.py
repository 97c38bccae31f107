"""How often each fault is injected: all the times where FUNNELKIT_FAULTS is "full", else a twentieth."""

from __future__ import annotations

import os

__all__ = ["times"]


def times(full: int) -> int:
    """Return how often to do what the full run does ``full`` times."""
    return full if os.environ.get("FUNNELKIT_FAULTS") == "full" else max(2, full // 20)
