"""Chances of ends by an age once more: one record at a time, in exact fractions, without the package."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tests.analytics import reference as ref
from tests.analytics.histories import Record
from tests.analytics.reference import Asked

Life = tuple[float, str]
"""How old a record was when it ended, and how; "" when it was last seen open."""


def shares(lives: list[Life], age: float) -> dict[str, Fraction] | None:
    """Return the share of every end by an age, and of "": none yet. None where nobody was watched so long.

    Every record starts with the same weight. Who was last seen open hands its weight on, in equal parts,
    to those that were watched longer (Efron's way to the same estimate).
    """
    weights = [Fraction(1, len(lives)) for _ in lives]
    for n, (t, end) in sorted(enumerate(lives), key=lambda item: item[1][0]):
        later = [m for m, (u, other) in enumerate(lives) if u > t or (u == t and not other and m > n)]
        if end == "" and t < age:
            if not later:
                return None
            for m in later:
                weights[m] += weights[n] / len(later)
            weights[n] = Fraction(0)
    found: dict[str, Fraction] = {"": Fraction(0)}
    for (t, end), weight in zip(lives, weights, strict=True):
        by_then = end if t <= age else ""
        found[by_then] = found.get(by_then, Fraction(0)) + weight
    return found


def cohorts(
    records: list[Record], asked: Asked, *, void: bool, reasons: bool = False
) -> dict[Any, list[tuple[float, str, str, float]]]:
    """Return group → (age, end, record, how long it could be watched), negative ages too."""
    found: dict[Any, list[tuple[float, str, str, float]]] = {}
    for life in ref.lives(records, asked):
        touch, status = ref.last_touch(life, asked), ref.status(life, asked)
        key = ref.group(life, touch, asked)
        if key is ref.NOT_ASKED or (status == "void" and not void):
            continue
        created = life.record.created
        age = (asked.as_of if status == "open" else touch.t) - created
        end = "" if status == "open" else status
        if status == "lost" and reasons:
            end = f"lost {touch.reason}"
        found.setdefault(key, []).append((age, end, life.record.id, asked.as_of - created))
    return found
