"""What a verb accepts: text, money, dates, custom values, actors. Each check names its argument."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from funnelkit.errors import InputError, MoneyError, TimeError, shown
from funnelkit.money import Money, money
from funnelkit.records import NOTHING, SYSTEM, Actor, FrozenMapping

__all__ = ["an_actor", "custom_values", "given_id", "money_value", "plan_date", "share", "text"]

NAME_LIMIT = 500
TEXT_LIMIT = 100_000
_ID_LIMIT = 200
_DEPTH_LIMIT = 16
_INT64 = 2**63
_UNSEEN = frozenset(("Cc", "Cf"))
"""Unicode categories of control characters, those that format text included: nobody sees them."""


def text(value: object, argument: str, *, limit: int = NAME_LIMIT, required: bool = False) -> str:
    """Return ``value`` if it is text that every store can hold.

    Raises:
        InputError: Not text, longer than ``limit`` characters, empty though required, or holding a
            NUL character or half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise InputError(argument, f"{shown(value)} is not text")
    if len(value) > limit:
        raise InputError(argument, f"{len(value):,} characters long", f"at most {limit:,}")
    if required and not value.strip():
        raise InputError(argument, "empty", "give some text")
    if not value.isascii() or "\0" in value:
        _storable(value, argument)
    return value


def _storable(value: str, argument: str) -> None:
    if "\0" in value:
        raise InputError(argument, "holds a NUL character", "remove it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(argument, "holds half of a surrogate pair", "decode the text properly") from None


def given_id(value: object, argument: str = "id") -> str:
    """Return an id of the caller's own: 1 to 200 visible characters.

    Raises:
        InputError: It is something else.
    """
    name = text(value, argument, limit=_ID_LIMIT, required=True)
    if name.isprintable() and " " not in name:
        return name
    if any(character.isspace() or unicodedata.category(character) in _UNSEEN for character in name):
        raise InputError(argument, f"{shown(name)} holds white space or a control character", "remove it")
    return name


def an_actor(value: Actor | str | None, argument: str = "actor") -> Actor:
    """Return the Actor for an Actor, for the id of one, or for nobody (`SYSTEM`)."""
    if value is None or value is SYSTEM:
        return SYSTEM
    if isinstance(value, str):
        return _person(value, argument)
    if not isinstance(value, Actor):
        raise InputError(argument, f"{shown(value)} is not text", "give an Actor, or the id of one")
    text(value.id, argument, required=True)
    for role in value.roles:
        text(role, f"{argument}.roles", required=True)
    return value


@lru_cache(maxsize=1024)
def _person(id: str, argument: str) -> Actor:
    """Return the actor without roles; the same few people act all day."""
    return Actor(text(id, argument, required=True))


def money_value(value: object, argument: str = "value") -> Money | None:
    """Return exact Money, or None.

    Raises:
        MoneyError: A bare number, or more than `money` allows.
    """
    if value is None:
        return None
    if not isinstance(value, Money):
        raise MoneyError(argument, f"{shown(value)} has no currency", 'write money("12000", "EUR")')
    return money(value.amount, value.currency, argument)


def share(value: object, argument: str = "probability") -> float | None:
    """Return a probability between 0 and 1, or None.

    Raises:
        InputError: It is not a number from 0 to 1; 20 for 20 % is the common mistake.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(argument, f"{shown(value)} is not between 0 and 1", "20 % is 0.2")
    return float(value)


def plan_date(value: object, argument: str = "expected_close") -> date | None:
    """Return a calendar date, or None.

    Raises:
        TimeError: It is not a ``datetime.date``; a plan is a day, not an instant.
    """
    if value is None:
        return None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TimeError(argument, f"{shown(value)} is not a date", "give datetime.date(2026, 3, 1)")
    return value


def custom_values(value: object, argument: str = "custom") -> FrozenMapping:
    """Return an immutable mapping of JSON values.

    Raises:
        InputError: A key that is not text, or a value that JSON cannot hold; the path is named.
    """
    if value is None or value == {}:
        return NOTHING
    if not isinstance(value, Mapping):
        raise InputError(argument, f"{shown(value)} is not a mapping", 'give {"size": 40}')
    return FrozenMapping(_json(value, argument, 0))


def _json(value: Any, path: str, depth: int) -> Any:
    if depth > _DEPTH_LIMIT:
        raise InputError(path, f"nested deeper than {_DEPTH_LIMIT} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value, path, limit=TEXT_LIMIT)
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise InputError(path, f"{shown(value)} does not fit into 64 bits", "store it as text")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(path, f"{value} is not a finite number")
        return value
    if isinstance(value, Mapping):
        return {_key(key, path): _json(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise InputError(path, f"{shown(value)} is not a JSON value", "use text, numbers, lists or mappings")


def _key(key: object, path: str) -> str:
    name = text(key, f"a key of {path}", required=True)
    if "." in name:
        raise InputError(f"{path}.{name}", "a key with a dot", "dots separate the levels of a path")
    return name
