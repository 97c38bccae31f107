"""What the distribution promises to pip and to type checkers."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_runtime_dependencies_are_three() -> None:
    """attrs, cattrs and python-statemachine, nothing else; everything else is an extra."""
    names = [requirement.split(">")[0] for requirement in PROJECT["dependencies"]]
    assert names == ["attrs", "cattrs", "python-statemachine"]
    assert "python-statemachine>=3.2.2,<4" in PROJECT["dependencies"]


def test_the_package_says_that_it_is_typed() -> None:
    """py.typed is there, so checkers believe the annotations."""
    assert files("funnelkit").joinpath("py.typed").is_file()
