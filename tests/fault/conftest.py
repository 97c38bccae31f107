"""The table of what was injected and what came of it, printed at the end of the run.

Where FUNNELKIT_FAULTS_TABLE names a file, the table is written there too, for the documentation.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

Tell = Callable[[str, int, str], None]

_LINES: Counter[tuple[str, str]] = Counter()


@pytest.fixture
def tell() -> Tell:
    """Return the function that adds "what | count | result" to the table; equal lines become one."""

    def told(what: str, count: int, result: str) -> None:
        _LINES[what, result] += count

    return told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, and write it where it is wanted."""
    if not _LINES:
        return
    lines = [f"| {what} | {count:,} | {result} |" for (what, result), count in _LINES.items()]
    table = ["| fault | count | result |", "| --- | ---: | --- |", *lines]
    terminalreporter.section("faults injected")
    for line in table:
        terminalreporter.line(line)
    if wanted := os.environ.get("FUNNELKIT_FAULTS_TABLE"):
        Path(wanted).write_text("\n".join([*table, ""]), encoding="utf-8")
