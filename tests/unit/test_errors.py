"""Errors: data first, a short message, pickled, compared by value, drawn as the tree they are."""

from __future__ import annotations

import inspect
import pickle
import re
from typing import Any

import pytest

from funnelkit import Refusal, Verdict, errors
from funnelkit.errors import FunnelkitError, shown

ARGUMENTS: dict[str, Any] = {
    "subject": "pipeline 'sales'",
    "problems": ("stages[0].id: 'New' is not a slug",),
    "argument": "name",
    "problem": "empty",
    "fix": "give some text",
    "record": "deal_1",
    "verdict": Verdict("win", (Refusal("no", "not today"),)),
    "kind": "deal",
    "id": "deal_1",
    "expected": 1,
    "actual": 2,
    "key": "form 7",
    "store": "crm.db",
    "found": 9,
    "supported": 1,
    "purpose": "a table",
    "extra": "pandas",
}
CLASSES = [getattr(errors, name) for name in errors.__all__]


def made(error_type: type[FunnelkitError], **other: Any) -> FunnelkitError:
    """Return an error of a type with an argument for each parameter of its constructor."""
    names = inspect.signature(error_type.__init__).parameters.keys() - {"self", "args", "kwargs"}
    values = {name: {**ARGUMENTS, **other}[name] for name in names}
    return error_type(**values)


@pytest.mark.parametrize("error_type", CLASSES)
def test_an_error_is_its_data(error_type: type[FunnelkitError]) -> None:
    """Every argument of the constructor is an attribute."""
    error = made(error_type)
    for name in inspect.signature(error_type.__init__).parameters.keys() - {"self", "args", "kwargs"}:
        assert getattr(error, name) == ARGUMENTS[name]


@pytest.mark.parametrize("error_type", CLASSES)
def test_an_error_survives_pickling(error_type: type[FunnelkitError]) -> None:
    """It comes back equal, with the same message and hash."""
    error = made(error_type)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert copy == error
    assert (str(copy), hash(copy), vars(copy)) == (str(error), hash(error), vars(error))


@pytest.mark.parametrize("error_type", [each for each in CLASSES if each.__init__ is not Exception.__init__])
def test_errors_of_other_data_differ(error_type: type[FunnelkitError]) -> None:
    """Two errors are equal when type and data are."""
    names = inspect.signature(error_type.__init__).parameters.keys() - {"self", "args", "kwargs"}
    for name in names:
        assert made(error_type, **{name: ("another",)}) != made(error_type)
    assert made(error_type) != FunnelkitError()


@pytest.mark.parametrize("error_type", CLASSES)
def test_a_message_does_not_drown_in_its_data(error_type: type[FunnelkitError]) -> None:
    """An id, key or path of ten thousand characters is cut where the message quotes it."""
    error = made(error_type, id="x" * 10_000, key="x" * 10_000)
    assert len(str(error)) < 200


@pytest.mark.parametrize("error_type", CLASSES)
def test_an_error_says_what_happened(error_type: type[FunnelkitError]) -> None:
    """Each has a docstring; those of a user's own making name common causes."""
    assert error_type.__doc__
    assert str(made(error_type)) or error_type in {FunnelkitError, errors.StoreError}


@pytest.mark.parametrize(
    "value", ["x" * 10_000, ["x"] * 10_000, pytest.param(10**5_000, id="int"), {"a": "b" * 500}, b"\0" * 500]
)
def test_shown_is_short(value: object) -> None:
    """What a message quotes has at most sixty characters."""
    assert 0 < len(shown(value)) <= 60


def test_what_cannot_be_shown_is_named_by_its_type() -> None:
    """An object whose ``repr`` fails does not take the place of the error that is about it."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert shown(Broken()) == "<Broken>"


@pytest.mark.parametrize(
    ("name", "built_in"),
    [
        ("DefinitionError", ValueError),
        ("InputError", ValueError),
        ("NotFoundError", LookupError),
        ("MissingExtraError", ImportError),
    ],
)
def test_an_error_is_a_built_in_too(name: str, built_in: type[Exception]) -> None:
    """Who catches ValueError, LookupError or ImportError catches these."""
    assert issubclass(getattr(errors, name), built_in)


def test_what_may_be_tried_again_says_so() -> None:
    """Busy and unavailable stores may do the same call later; nothing else may."""
    retriable = {error_type.__name__ for error_type in CLASSES if error_type.retriable}
    assert retriable == {"StoreBusyError", "StoreUnavailableError"}


def drawn() -> dict[str, tuple[str, set[str]]]:
    """Return the tree of the module's docstring: class → parent, and the built-ins in brackets."""
    tree: dict[str, tuple[str, set[str]]] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ │├└─]*)(\w+Error)\b(?: \((\w+)\))?", line)
        if not found:
            continue
        indent, name, built_in = len(found[1]), found[2], found[3]
        while above and above[-1][0] >= indent:
            above.pop()
        tree[name] = (above[-1][1] if above else "Exception", {built_in} if built_in else set())
        above.append((indent, name))
    return tree


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    """Every class stands there below its parent, with the built-in it also is."""
    actual = {}
    for error_type in CLASSES:
        bases = [base for base in error_type.__mro__[1:] if not base.__name__.startswith("_")]
        parent = bases[0].__name__
        built_in = {base.__name__ for base in error_type.__bases__ if base.__module__ == "builtins"}
        actual[error_type.__name__] = (parent, built_in if error_type is not FunnelkitError else set())
    assert drawn() == actual
