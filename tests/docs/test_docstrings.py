"""The examples in the docstrings run, and the reference says what the docstrings say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import funnelkit

DOCS = Path(__file__).parents[2] / "docs"
MODULES = ["funnelkit", *(found.name for found in pkgutil.walk_packages(funnelkit.__path__, "funnelkit."))]


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """Return the functions of the script that writes the reference."""
    return runpy.run_path(str(DOCS / "make_reference.py"))


NEEDED = {
    "funnelkit.tables.export": "pyarrow",
    "funnelkit.exporting.writing": "pyarrow",
    "funnelkit.exporting.attaching": "duckdb",
}
"""Module → the library that its examples need, though importing it does not."""


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ``>>>`` in the docstrings of a module gives what it says."""
    monkeypatch.chdir(tmp_path)
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in {"psycopg", "psycopg_pool"}:
            raise
        pytest.skip(f"{error.name} is not installed: pip install 'funnelkit[postgres]'")
    if module in NEEDED:
        pytest.importorskip(NEEDED[module])
    assert doctest.testmod(found, optionflags=doctest.ELLIPSIS).failed == 0


def test_the_reference_is_up_to_date(reference: dict[str, Any]) -> None:
    """docs/reference is what ``python docs/make_reference.py`` writes."""
    committed = {path.name: path.read_text("utf-8") for path in (DOCS / "reference").glob("*.md")}
    assert committed == {name: f"{text.rstrip()}\n" for name, text in reference["pages"]().items()}


@pytest.mark.parametrize("name", ["Engine", "AsyncEngine", "analytics.Analytics"])
def test_every_verb_and_metric_is_in_the_reference(reference: dict[str, Any], name: str) -> None:
    """What a class has of its families of methods is told with it, for nobody meets those by themselves."""
    *module, class_ = name.split(".")
    of = getattr(importlib.import_module(".".join(["funnelkit", *module])), class_)
    methods = [key for key in dir(of) if not key.startswith("_") and callable(getattr(of, key))]
    text = "\n".join(reference["pages"]().values())
    assert [key for key in methods if f"\n### `{name}.{key}`\n" not in text] == []


def test_every_public_name_is_in_the_reference(reference: dict[str, Any]) -> None:
    """Each public name has a heading of its own on some page; a public module, one for each of its names."""
    text = "\n".join(reference["pages"]().values())
    assert [
        name for name in funnelkit.__all__ if not re.search(rf"^## `{name}[.`]", text, re.MULTILINE)
    ] == []
