"""kill -9 at random instants: nothing acknowledged is lost, nothing is half there, nothing is done twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.running import run

pytestmark = pytest.mark.fault

_KILLS = 20  # on one file


@pytest.mark.parametrize("mostly", ["single", "bulk", "migration"])
@pytest.mark.parametrize("durability", ["full", "fast"])
def test_a_killed_process_loses_nothing_it_was_told(
    mostly: str, durability: str, tmp_path: Path, tell: Tell
) -> None:
    """Whenever a process dies, the store holds every answered call once, and the last one or not at all."""
    files = times(100) // _KILLS or 1
    how = {
        "urls": [f"sqlite:///{tmp_path}/{number}.db" for number in range(files)],
        "journals": [f"{tmp_path}/{number}.journal" for number in range(files)],
        "kills": min(_KILLS, times(100)),
        "seed": 1,
        "mostly": mostly,
        "durability": durability,
    }
    told = json.loads(run("-m", "tests.fault.killing", json.dumps(how)))
    assert told["kills"] == times(100)
    assert told["acknowledged"] > 0
    assert told["lost"] == 0
    tell(
        f"kill -9, SQLite, durability {durability}, {mostly} calls",
        told["kills"],
        f"{told['acknowledged']:,} acknowledged calls, 0 lost; {told['in flight']} in flight, of these "
        f"{told['late']} had been done; all repeated under their keys, done once",
    )
