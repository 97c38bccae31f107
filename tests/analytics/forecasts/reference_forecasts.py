"""Chances of open records once more: slow, plain, over bare histories, in whole hours and exact fractions."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from tests.analytics.histories import OUTCOMES, Record
from tests.analytics.reference import (
    NOT_ASKED,
    Asked,
    Life,
    group,
    here,
    is_void,
    last_stage,
    last_touch,
    lives,
    status,
)

__all__ = ["Open", "chance", "open_now", "wins"]

Stay = tuple[float, float, str]
"""How long it lasted, how long the record was followed from its beginning, and the end or nothing."""


class Open(NamedTuple):
    """An open record."""

    record: str
    stage: str
    age: float
    life: float


def open_now(records: list[Record], asked: Asked) -> list[Open]:
    """Return what is open."""
    found = []
    for life in lives(records, asked):
        touch = last_touch(life, asked)
        if status(life, asked) == "open" and group(life, touch, asked) is not NOT_ASKED:
            came = asked.as_of - here(life, asked)[0].t
            found.append(Open(life.record.id, last_stage(life, asked), asked.as_of - touch.t, came))
    return found


def chance(records: list[Record], asked: Asked, deal: Open, ahead: float) -> float | None:
    """Return the chance of a win within so many hours: from the nearest age of which something is known."""
    everybody = Asked(pipeline=asked.pipeline, as_of=asked.as_of)
    others = open_now(records, asked)
    on_stage = {0.0, *(other.age for other in others if other.stage == deal.stage)}
    in_pipeline = {0.0, *(other.life for other in others)}
    for place, marks, age in ((deal.stage, on_stage, deal.age), ("", in_pipeline, deal.life)):
        stays = list(_stays(records, everybody, place))
        for mark in sorted((mark for mark in marks if mark <= age), reverse=True):
            on = [(whole - mark, end) for lasted, whole, end in stays if lasted >= mark]
            on = [(rest, end) for rest, end in on if rest > 0 or mark == 0]
            if on and _known(on, ahead):
                return float(_won(on, ahead))
    return None


def wins(records: list[Record], asked: Asked) -> list[Life]:
    """Return what was won in the period that is asked for."""
    return [
        life
        for life in lives(records, asked)
        if status(life, asked) == "won"
        and asked.closed[0] <= life.steps[-1].t < asked.closed[1]
        and group(life, life.steps[-1], asked) is not NOT_ASKED
    ]


def _stays(records: list[Record], asked: Asked, place: str) -> Iterator[Stay]:
    for life in lives(records, asked):
        if is_void(life):
            continue
        where = status(life, asked)
        over = asked.as_of if where == "open" else last_touch(life, asked).t
        end = "" if where == "open" else where
        if not place:
            began = here(life, asked)[0].t
            yield over - began, over - began, end
            continue
        for n, step in enumerate(life.steps):
            if step.pipeline == asked.pipeline and step.place == place and step.place not in OUTCOMES:
                left = life.steps[n + 1].t if n + 1 < len(life.steps) else asked.as_of
                yield left - step.t, over - step.t, end


def _known(ends: list[tuple[float, str]], ahead: float) -> bool:
    longest = max(rest for rest, _ in ends)
    return longest >= ahead or all(end for rest, end in ends if rest == longest)


def _won(ends: list[tuple[float, str]], ahead: float) -> Fraction:
    alive, share = Fraction(1), Fraction(0)
    for t in sorted({rest for rest, end in ends if end and rest <= ahead}):
        at_risk = sum(rest >= t for rest, _ in ends)
        share += alive * Fraction(sum(end == "won" and rest == t for rest, end in ends), at_risk)
        alive *= 1 - Fraction(sum(bool(end) and rest == t for rest, end in ends), at_risk)
    return share
