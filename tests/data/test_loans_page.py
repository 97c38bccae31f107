"""docs/explanation/loan-applications.md holds what the ledger says of the real log."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.data


def test_the_page_of_the_loans_is_what_the_log_says(shared_data: Path) -> None:
    """Every figure by month, by person and by amount, as ``python docs/measure_loans.py`` writes it."""
    folder = shared_data / "bpic2012"
    if not folder.is_dir():
        pytest.skip(f"the data set is not there: {folder}")
    page = (DOCS / "explanation" / "loan-applications.md").read_text("utf-8")
    assert runpy.run_path(str(DOCS / "measure_loans.py"))["page"](folder) == page
