"""Data to text and back: the one cattrs converter, JSON and TOML, and "did you mean".

Documents are strict: an unknown key or a value of another type is a problem with a path, never a
guess. All problems of a document are told at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import ForbiddenExtraKeysError

from funnelkit.clock import duration
from funnelkit.errors import DefinitionError, InputError, shown

__all__ = [
    "Problem",
    "closest",
    "converter",
    "did_you_mean",
    "duration_text",
    "from_json",
    "from_toml",
    "structured",
    "to_json",
    "to_toml",
]

T = TypeVar("T")


@attrs.frozen
class Problem:
    """One thing that is wrong with a definition.

    Attributes:
        path: Where, for example ``"stages[2].requires[0]"``; ``""`` for the whole.
        sentence: What is wrong.
        fix: How to mend it, or ``""``.
        severity: ``"error"`` (cannot work) or ``"warning"`` (works, but is it meant?).

    >>> print(Problem("stages[0].id", "'New' is not a slug", "write 'new'"))
    stages[0].id: 'New' is not a slug (write 'new')
    """

    path: str
    sentence: str
    fix: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.sentence}" + (f" ({self.fix})" if self.fix else "")


def closest(word: object, options: Iterable[str]) -> str:
    """Return the option that ``word`` was most likely meant to be, or ``""``.

    >>> closest("propsal", ["new", "proposal"]), closest("zzz", ["new", "proposal"])
    ('proposal', '')
    """
    from difflib import get_close_matches

    told = word if isinstance(word, str) else shown(word)
    return next(iter(get_close_matches(told[:80], list(options), n=1)), "")


def did_you_mean(word: object, options: Iterable[str]) -> str:
    """Return the mend for an unknown word: the likeliest option, else all of them.

    >>> did_you_mean("propsal", ["new", "proposal"])
    "did you mean 'proposal'?"
    >>> did_you_mean("zzz", ["new", "proposal"])
    "one of 'new', 'proposal'"
    """
    options = list(options)
    if likely := closest(word, options):
        return f"did you mean {likely!r}?"
    return f"one of {', '.join(map(repr, options))}" if options else ""


def duration_text(value: timedelta) -> str:
    """Write whole seconds as `funnelkit.clock.duration` reads them.

    >>> from datetime import timedelta
    >>> duration_text(timedelta(days=14)), duration_text(timedelta(hours=36, seconds=5))
    ('14d', '1d12h5s')
    """
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = zip((value.days, hours, minutes, seconds), "dhms", strict=True)
    return "".join(f"{number}{unit}" for number, unit in parts if number)


# The converter


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise InputError("", f"{shown(value)} is not text")
    return value


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("", f"{shown(value)} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise InputError("", f"{shown(value)} is too large") from None


def _whole(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError("", f"{shown(value)} is not a whole number")
    return value


def _truth(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError("", f"{shown(value)} is not true or false")
    return value


def _choice(value: Any, cls: Any) -> Any:
    options = get_args(cls)
    if value not in options:
        raise InputError("", f"{shown(value)} is not possible", did_you_mean(value, options))
    return value


def _items(cls: Any, made: cattrs.Converter) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Make what reads ``tuple[X, ...]``; text is no list of letters."""
    many: Any = list.__class_getitem__(get_args(cls)[0])
    read = made.get_structure_hook(many)

    def items(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise InputError("", f"{shown(value)} is not a list")
        return tuple(read(value, many))

    return items


def _fields(cls: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """Make what reads an attrs class; only a table will do."""
    read = made.gen_structure_attrs_fromdict(cls)

    def fields(value: Any, cls: Any) -> Any:
        if not isinstance(value, Mapping):
            raise InputError("", f"{shown(value)} is not a table")
        return read(value, cls)

    return fields


def _is_choice(cls: Any) -> bool:
    origin: Any = get_origin(cls)
    return origin is Literal


def _is_items(cls: Any) -> bool:
    return get_origin(cls) is tuple and get_args(cls)[1:] == (...,)


def _made() -> cattrs.Converter:
    made = cattrs.Converter(forbid_extra_keys=True, omit_if_default=True)
    made.register_structure_hook(str, _text)
    made.register_structure_hook(float, _number)
    made.register_structure_hook(int, _whole)
    made.register_structure_hook(bool, _truth)
    made.register_structure_hook_func(_is_choice, _choice)
    made.register_structure_hook_factory(_is_items, _items)
    made.register_structure_hook_factory(attrs.has, _fields)
    made.register_unstructure_hook(tuple, lambda items: [made.unstructure(item) for item in items])
    made.register_unstructure_hook(timedelta, duration_text)
    made.register_structure_hook(timedelta, lambda text, _: duration(text))
    return made


converter = _made()
"""Turns definitions into plain values and back, strictly; what is left at its default is left out."""


def structured(data: object, cls: type[T], subject: str, using: cattrs.Converter) -> T:
    """Return ``data`` (dicts, lists, text, numbers) as a ``cls``.

    Args:
        data: What a JSON or TOML document holds.
        cls: An attrs class.
        subject: What is being read, for the error: ``"pipeline document"``.
        using: `converter`, or a copy of it that knows more types.

    Raises:
        DefinitionError: With every unknown key and every unacceptable value, each with its path.
    """
    try:
        return using.structure(data, cls)
    except Exception as error:  # noqa: BLE001 (cattrs groups whatever a hook or constructor raises)
        problems = tuple(_problems(error, ""))
        raise DefinitionError(subject, problems) from None


def _problems(error: BaseException, path: str) -> Iterable[Any]:
    """Flatten cattrs' tree of exceptions into problems, each with the path its notes tell."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _problems(inner, path + _step(inner, path))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            yield Problem(f"{path}.{key}".lstrip("."), "is not a key", did_you_mean(key, known))
    elif isinstance(error, DefinitionError):
        yield from error.problems
    elif isinstance(error, InputError):
        yield Problem(path, error.problem, error.fix)
    elif isinstance(error, KeyError):
        yield Problem(path, "is missing")
    else:
        yield Problem(path, f"cannot be read: {error}")


def _step(error: BaseException, path: str) -> str:
    for note in getattr(error, "__notes__", ()):
        if (name := getattr(note, "name", None)) is not None:
            return f".{name}" if path else str(name)
        if (index := getattr(note, "index", None)) is not None:
            return f"[{index!r}]" if isinstance(index, int) else f".{index}"
    return ""


# JSON and TOML


def to_json(document: Mapping[str, Any]) -> str:
    """Write a document as indented JSON, any language readable in it."""
    return json.dumps(document, ensure_ascii=False, indent=2)


def from_json(text: str, subject: str = "JSON document") -> dict[str, Any]:
    """Read a JSON document.

    Raises:
        DefinitionError: It is not JSON, has a key twice, or is no object; the path is the line.
    """
    text = _read_text(text, subject)
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise DefinitionError(subject, [Problem(f"line {error.lineno}", error.msg)]) from None
    except (ValueError, RecursionError) as error:
        raise DefinitionError(subject, [Problem("", _why(error))]) from None
    if not isinstance(document, dict):
        raise DefinitionError(subject, [Problem("", f"{shown(document)} is not an object")])
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    items = dict(pairs)
    if len(items) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise InputError("", f"key {twice[0]!r} stands twice in one object")
    return items


def from_toml(text: str, subject: str = "TOML document") -> dict[str, Any]:
    """Read a TOML document.

    Raises:
        DefinitionError: It is not TOML; the sentence names line and column.
    """
    import tomllib

    text = _read_text(text, subject)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise DefinitionError(subject, [Problem("", _why(error))]) from None


def _read_text(text: object, subject: str) -> str:
    """Return the text of a document, without the byte order mark that some editors put before it."""
    if not isinstance(text, str):
        fix = "give what stands in the file, not the file"
        raise DefinitionError(subject, [Problem("", f"{shown(text)} is not text", fix)])
    return text.removeprefix("\ufeff")


def _why(error: ValueError | RecursionError) -> str:
    """Return why a document cannot be read: our own words, else the reader's."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    return error.problem if isinstance(error, InputError) else str(error)


_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {ord(mark): f"\\{mark}" for mark in '"\\'} | {
    code: f"\\u{code:04X}" for code in (*range(0x20), 0x7F)
}


def to_toml(document: Mapping[str, Any]) -> str:
    """Write a document of text, numbers, booleans, lists and tables as TOML.

    Plain values come first, then tables, then arrays of tables, as TOML demands.

    >>> print(to_toml({"id": "shop", "limits": {"new": "2d"}, "stages": [{"id": "new"}]}))
    id = "shop"
    <BLANKLINE>
    [limits]
    new = "2d"
    <BLANKLINE>
    [[stages]]
    id = "new"
    <BLANKLINE>
    """
    return "\n".join(_table(document, ())).lstrip("\n") + "\n"


def _table(items: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[str]:
    nested = {key: value for key, value in items.items() if isinstance(value, Mapping) or _is_tables(value)}
    for key, value in items.items():
        if key not in nested:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in nested.items():
        name = ".".join(map(_key, (*path, key)))
        if isinstance(value, Mapping):
            lines = list(_table(value, (*path, key)))
            # A table that holds nothing but tables needs no line of its own.
            yield from lines if lines[:1] == [""] else ("", f"[{name}]", *lines)
        else:
            for item in value:
                yield from ("", f"[[{name}]]", *_table(item, (*path, key)))


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)
