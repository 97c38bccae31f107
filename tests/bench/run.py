"""Measure funnelkit against hand-written code over the same tables, in the same run.

    python tests/bench/run.py            # every section, as a Markdown table
    python tests/bench/run.py moves      # one section, or several

Files are made in a temporary folder; nothing is asserted here but that both sides did the same.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import clients
import engines
import growth
import memory
import peers
import postgres
import reports
import rollups
import seen
import sqlite
import startup
import tables
from measure import HEAD, machine

SECTIONS: dict[str, Callable[[Path], None]] = {
    section.__name__: section
    for section in (
        memory.memory,
        sqlite.moves,
        sqlite.bulk,
        sqlite.reads,
        sqlite.imports,
        postgres.postgres,
        postgres.workers,
        seen.seen,
        peers.peers,
        growth.growth,
        growth.funnel,
        startup.startup,
        clients.candidates,
        clients.duplicates,
        tables.tables,
        tables.million,
        reports.reports,
        reports.report_price,
        reports.report_memory,
        rollups.rollups,
        rollups.rollup_price,
        engines.engines,
    )
}


def main() -> None:
    """Run the sections named on the command line, or all."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"{machine(Path(folder))}\n\n{HEAD}")
    for name in sys.argv[1:] or SECTIONS:
        with tempfile.TemporaryDirectory() as folder:
            SECTIONS[name](Path(folder))


if __name__ == "__main__":
    main()
