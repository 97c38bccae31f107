"""What every test may use: Hypothesis profiles and the way to the shared data sets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from tests.servers import postgres, schemas  # noqa: F401 (fixtures that any test may ask for)

ROOT = Path(__file__).parents[1]

# Where a change is judged, the same examples are tried each time; at a desk, new ones.
settings.register_profile("default", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.register_profile("ci", parent=settings.get_profile("default"), max_examples=20)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the data sets: FUNNELKIT_DATA, else ../shared/data; skip when absent."""
    folder = Path(os.environ.get("FUNNELKIT_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the data sets are not there: {folder} (set FUNNELKIT_DATA)")
    return folder
