"""What importing the package costs, as whole processes; run it on an installed package."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

from measure import Cost, timed, told

_CODES = {
    "nothing": "pass",
    "attrs and cattrs": "import attrs, cattrs",
    "import funnelkit": "import funnelkit",
    "from funnelkit import Engine, Pipeline, Stage": "from funnelkit import Engine, Pipeline, Stage",
}


def startup(_: Path) -> None:
    """Each import less an empty program, beside the import of attrs and cattrs."""
    rounds = []
    for _ in range(11):
        costs = {
            name: timed(partial(subprocess.run, [sys.executable, "-c", code], check=True)).wall
            for name, code in _CODES.items()
        }
        bare = costs.pop("nothing")
        # Other processes do the work; their processor time is not ours to see.
        rounds.append({name: Cost(wall - bare, wall - bare) for name, wall in costs.items()})
    for name in list(_CODES)[2:]:
        of_name = [{**each, "funnelkit": each[name]} for each in rounds]
        told(f"`{name}`", of_name, 1, "at most × 1.5", "attrs and cattrs")
