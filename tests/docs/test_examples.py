"""Every script in examples runs from start to end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA_SETS = {
    "crm_snapshot.py": "maven_crm",
    "loan_applications.py": "bpic2012",
    "marketplace_leads.py": "olist_funnel",
}


def run(script: Path, folder: Path, *arguments: str) -> None:
    """Run a script in a folder of its own, warnings being errors, and show what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", script, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", sorted(path.name for path in EXAMPLES.glob("*.py") if path.name not in DATA_SETS)
)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    """An example needs nothing but the package, and ends well."""
    run(EXAMPLES / name, tmp_path)


@pytest.mark.data
@pytest.mark.parametrize(("name", "data_set"), DATA_SETS.items())
def test_a_data_example_runs(name: str, data_set: str, tmp_path: Path, shared_data: Path) -> None:
    """An example over a foreign data set runs on that data set."""
    run(EXAMPLES / name, tmp_path, str(shared_data / data_set))
