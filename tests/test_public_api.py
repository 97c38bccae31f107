"""What ``import funnelkit`` gives, and what it costs."""

from __future__ import annotations

import ast
import doctest
import inspect
import subprocess
import sys
import typing
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import funnelkit

LAZY = {
    "statemachine",
    "sqlite3",
    "pandas",
    "polars",
    "pyarrow",
    "sqlglot",
    "hypothesis",
    "pytest",
    "asyncio",
    "openpyxl",
    "phonenumbers",
    "email_validator",
    "rapidfuzz",
    "b24pysdk",
}


def test_all_is_sorted_and_complete() -> None:
    """``__all__`` lists every public name once, sorted, and every one of them can be had."""
    assert sorted(funnelkit.__all__) == sorted(set(funnelkit.__all__))
    assert {name for name in dir(funnelkit) if not name.startswith("_")} >= set(funnelkit.__all__)
    for name in funnelkit.__all__:
        assert getattr(funnelkit, name) is not None


def test_what_checkers_see_is_what_is_there() -> None:
    """The names that type checkers are shown are those of ``__all__``, from the modules they live in."""
    tree = ast.parse(Path(funnelkit.__file__).read_text(encoding="utf-8"))
    shown = {
        alias.name: node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("funnelkit")
        for alias in node.names
    }
    assert sorted(shown) == sorted(funnelkit.__all__)
    for name, module in shown.items():
        assert getattr(import_module(module), name) is getattr(funnelkit, name)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A misspelt name says so as any module does."""
    with pytest.raises(AttributeError, match="has no attribute 'Engin'"):
        funnelkit.Engin  # noqa: B018


def needs_an_example(value: Any) -> bool:
    """Whether a public name is something one calls: no protocol, set of keywords, constant or module."""
    if inspect.isclass(value):
        return not (getattr(value, "_is_protocol", False) or typing.is_typeddict(value))
    return inspect.isfunction(value)


@pytest.mark.parametrize("name", funnelkit.__all__)
def test_a_public_name_is_documented(name: str) -> None:
    """A public name has a docstring, and an example if one calls it."""
    value = getattr(funnelkit, name)
    if isinstance(value, ModuleType) or inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__
    if needs_an_example(value):
        assert any(found.examples for found in doctest.DocTestFinder().find(value, name))


def test_import_stays_light() -> None:
    """Importing funnelkit loads none of the libraries that only some calls need."""
    code = f"import sys, funnelkit; print(sorted({LAZY!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
