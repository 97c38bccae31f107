"""From an engine to its shell: for what works with engines and is no verb of them.

The one place below the engines that knows them, and only when it is asked.
"""

from __future__ import annotations

from typing import Any

from funnelkit.errors import InputError, shown
from funnelkit.verbs.shell import Shell

__all__ = ["awaited_shell_of", "shell_of"]


def shell_of(engine: Any) -> Shell:
    """Return the shell of an `Engine`.

    Raises:
        InputError: It is no engine, or one that is awaited.
    """
    from funnelkit.engine import Engine

    if not isinstance(engine, Engine):
        raise InputError("engine", f"{shown(engine)} is no Engine", "give an Engine over the same store")
    shell: Shell = engine._shell  # noqa: SLF001 (the one place that asks)
    return shell


def awaited_shell_of(engine: Any) -> Shell:
    """Return the shell of an `AsyncEngine`; see `shell_of`."""
    from funnelkit.async_engine import AsyncEngine

    if not isinstance(engine, AsyncEngine):
        raise InputError("engine", f"{shown(engine)} is no AsyncEngine", "give one over the same store")
    shell: Shell = engine._shell  # noqa: SLF001 (the one place that asks)
    return shell
