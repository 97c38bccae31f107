"""The pictures of the docs can be made anew."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def test_every_picture_of_the_page_is_made_and_kept(tmp_path: Path) -> None:
    """docs/make_pictures.py makes the pictures that the page shows; all of them are there and small."""
    pytest.importorskip("matplotlib")
    made = runpy.run_path(str(DOCS / "make_pictures.py"))["write"](tmp_path)
    shown = re.findall(r"\]\(pictures/([^)]+)\)", (DOCS / "howto" / "charts.md").read_text("utf-8"))
    kept = {path.name: path.stat().st_size for path in (DOCS / "howto" / "pictures").iterdir()}
    assert sorted(path.name for path in made) == sorted(shown) == sorted(kept)
    assert max(kept.values()) < 100_000
