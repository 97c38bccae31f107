"""What ``import funnelkit`` gives, and what it costs."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
import typing
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
}


def test_all_is_what_is_public() -> None:
    """``__all__`` lists every name without an underscore, once; our modules only where they are listed."""
    names = {
        name
        for name, value in vars(funnelkit).items()
        if not name.startswith("_") and (name in funnelkit.__all__ or not isinstance(value, ModuleType))
    }
    assert sorted(funnelkit.__all__) == sorted(names - {"annotations"})


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
