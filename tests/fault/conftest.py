"""The table of what was injected and what came of it, printed at the end of the run.

Where FUNNELKIT_FAULTS_TABLE names a file, the table is written there too, for the documentation.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Tell = Callable[[str, int, str], None]

_LINES: list[str] = []


@pytest.fixture
def tell() -> Tell:
    """Return the function that adds "what | count | result" to the table."""
    return lambda what, count, result: _LINES.append(f"| {what} | {count:,} | {result} |")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, and write it where it is wanted."""
    if not _LINES:
        return
    table = ["| fault | count | result |", "| --- | ---: | --- |", *_LINES]
    terminalreporter.section("faults injected")
    for line in table:
        terminalreporter.line(line)
    if wanted := os.environ.get("FUNNELKIT_FAULTS_TABLE"):
        Path(wanted).write_text("\n".join([*table, ""]), encoding="utf-8")
