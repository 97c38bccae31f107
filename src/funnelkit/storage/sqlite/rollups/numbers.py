"""How a cell is numbered: whose it is, of which span of time, and what it counts, in one whole number.

A table of whole numbers under one whole number is the smallest and the fastest that SQLite has, and what
is asked for together lies together: a group's months, a group's days.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

__all__ = [
    "CUTS",
    "EACH",
    "GROUPS",
    "KINDS",
    "LEVELS",
    "SPANS",
    "WHATS",
    "WHATS_OF_KIND",
    "Cut",
    "Kind",
    "Level",
    "cut_of",
    "number_of",
    "spans",
    "spans_of",
]

Kind = Literal["moves", "lifts", "closings", "stock", "holders"]
Cut = Literal["all", "owner", "source", "both"]
Level = Literal["ever", "month", "day"]

KINDS: tuple[Kind, ...] = ("moves", "lifts", "closings", "stock", "holders")
CUTS: tuple[Cut, ...] = ("all", "owner", "source", "both")

EACH: tuple[Level, ...] = ("ever", "month", "day")
_SPARED: dict[Cut, tuple[Level, ...]] = {
    "all": EACH,
    "owner": EACH[:2],
    "source": EACH[:2],
    "both": (EACH[0], EACH[2]),
}
LEVELS: dict[Kind, dict[Cut, tuple[Level, ...]]] = {
    "moves": _SPARED,
    "lifts": _SPARED,
    "closings": dict.fromkeys(CUTS, EACH),
    "stock": dict.fromkeys(CUTS, EACH[:1]),
    "holders": dict.fromkeys(CUTS, EACH),
}
"""Of which spans there are sums. What is not here is added up from finer ones: to keep it, too, would cost
a move more than it is worth to a reader."""

_FINER: dict[Cut, tuple[Cut, ...]] = {
    "all": CUTS,
    "owner": ("owner", "both"),
    "source": ("source", "both"),
    "both": ("both",),
}

WHATS_OF_KIND = 1 << 20
WHATS = 1 << 23
SPANS = 1 << 16
GROUPS = 1 << 24
"""How many there may be of each; together they fill the 63 bits that a whole number has above zero."""

EVER = 0

_FIRST_DAY = 2_000  # months are numbered from 1 on, so up to the year 2136
_LAST_DAY = SPANS - _FIRST_DAY - 1
_EPOCH = date(1970, 1, 1)


def cut_of(*, owner: bool, source: bool) -> Cut:
    """Return of whom sums are that tell owners apart, sources, or both.

    >>> cut_of(owner=True, source=False)
    'owner'
    """
    if owner:
        return "both" if source else "owner"
    return "source" if source else "all"


def number_of(day: date) -> int:
    """Return the number of a day."""
    return (day - _EPOCH).days


@lru_cache(maxsize=4096)
def month_of(day: int) -> int:
    """Return the number of the month of a day.

    >>> month_of(0), month_of(31)
    (1, 2)
    """
    then = _EPOCH + timedelta(days=day)
    return (then.year - _EPOCH.year) * 12 + then.month


@lru_cache(maxsize=4096)
def spans_of(day: int) -> tuple[int, int, int]:
    """Return where the cells of the spans begin that a day is in: of all time, its month, itself."""
    return EVER * WHATS, month_of(day) * WHATS, (_FIRST_DAY + day) * WHATS


def spans(kind: Kind, cut: Cut, low: int | None, high: int | None) -> dict[Cut, list[tuple[int, int]]] | None:
    """Return which sums make up the days from ``low`` to before ``high``; None if there are none that do.

    Args:
        kind: Of what.
        cut: Of whom they have to be, or of fewer.
        low: The first day; None is the beginning of time.
        high: The day after the last one; None is its end.

    Returns:
        The first and the last of each row of spans, by whom they are of.

    >>> spans("moves", "owner", None, None)
    {'owner': [(0, 0)]}
    >>> spans("moves", "owner", 30, 60)
    {'both': [(2030, 2030), (2059, 2059)], 'owner': [(2, 2)]}
    """
    if low is None and high is None and "ever" in LEVELS[kind][cut]:
        return {cut: [(EVER, EVER)]}
    found: dict[Cut, list[tuple[int, int]]] = {}
    for level, first, last in _spans(low or 0, _LAST_DAY if high is None else high):
        kept: list[Cut] = [each for each in _FINER[cut] if level in LEVELS[kind][each]]
        if kept:
            found.setdefault(kept[0], []).append((first, last))
        elif level == "month" and "day" in LEVELS[kind][cut]:
            found.setdefault(cut, []).append(_days_of(first, last))
        else:
            return None
    return found


def _spans(start: int, end: int) -> Iterator[tuple[Level, int, int]]:
    """Yield days up to the first month that is whole, months, and days after the last one."""
    months = [month_of(start) + (not _begins(start)), month_of(end) - 1]
    if months[0] > months[1]:
        if start < end:
            yield "day", _FIRST_DAY + start, _FIRST_DAY + end - 1
        return
    first, last = _day_of(months[0]), _day_of(months[1] + 1)
    if start < first:
        yield "day", _FIRST_DAY + start, _FIRST_DAY + first - 1
    yield "month", months[0], months[1]
    if last < end:
        yield "day", _FIRST_DAY + last, _FIRST_DAY + end - 1


def _days_of(first: int, last: int) -> tuple[int, int]:
    """Return the spans of the days of a row of months."""
    return _FIRST_DAY + _day_of(first), _FIRST_DAY + _day_of(last + 1) - 1


def _begins(day: int) -> bool:
    return (_EPOCH + timedelta(days=day)).day == 1


def _day_of(month: int) -> int:
    """Return the number of the first day of a month."""
    return number_of(date(_EPOCH.year + (month - 1) // 12, (month - 1) % 12 + 1, 1))
