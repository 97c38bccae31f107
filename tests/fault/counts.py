"""How often each fault is injected: a twentieth of the full number unless FUNNELKIT_FAULTS is "full", as in CI."""

from __future__ import annotations

import os

__all__ = ["times"]


def times(full: int) -> int:
    """Return how often to do what the full run does ``full`` times."""
    return full if os.environ.get("FUNNELKIT_FAULTS") == "full" else max(2, full // 20)
