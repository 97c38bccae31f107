"""Exits, previous stages, times and landmarks once more: slow, plain, over bare histories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from tests.analytics.histories import OUTCOMES, Record
from tests.analytics.reference import (
    NOT_ASKED,
    Asked,
    Life,
    Step,
    group,
    is_void,
    last_stage,
    last_touch,
    lives,
    status,
)

__all__ = ["Exit", "exits", "followed", "incidence", "open_there", "spent"]


class Exit(NamedTuple):
    """A stay that ended for good."""

    group: Any
    record: str
    stage: str
    target: str
    lasted: float
    previous: str


def exits(records: list[Record], asked: Asked) -> list[Exit]:
    """Return every exit; a closing after which the record came back to the stage is none."""
    found = []
    for life in _known(records, asked):
        previous = ""
        for n, step in enumerate(life.steps[:-1]):
            after = life.steps[n + 1]
            if step.pipeline != asked.pipeline or step.place in OUTCOMES:
                continue
            row = after
            if after.place in OUTCOMES and n + 2 < len(life.steps):
                row = life.steps[n + 2]
                if row.place == step.place:
                    continue
            key = group(life, row, asked)
            target = row.place if row.pipeline == asked.pipeline else "moved_away"
            if key is not NOT_ASKED:
                found.append(Exit(key, life.record.id, step.place, target, after.t - step.t, previous))
            previous = step.place
    return found


def spent(records: list[Record], asked: Asked) -> dict[tuple[Any, str], float]:
    """Return (group, stage) → hours on it, of finished stays and of open ones."""
    hours: dict[tuple[Any, str], float] = defaultdict(float)
    for life in _known(records, asked):
        for step, leaves in _stays(life, asked):
            key = group(life, leaves or last_touch(life, asked), asked)
            if key is not NOT_ASKED:
                hours[key, step.place] += (leaves.t if leaves else asked.as_of) - step.t
    return hours


def open_there(records: list[Record], asked: Asked) -> dict[tuple[Any, str], list[Life]]:
    """Return (group, stage) → open records."""
    found: dict[tuple[Any, str], list[Life]] = defaultdict(list)
    for life in _known(records, asked):
        key = group(life, last_touch(life, asked), asked)
        if key is not NOT_ASKED and status(life, asked) == "open":
            found[key, last_stage(life, asked)].append(life)
    return found


def followed(
    records: list[Record], asked: Asked, stage: str, age: float
) -> dict[Any, list[tuple[float, str, str]]]:
    """Return group → (hours from the age on, end or nothing, record) of each stay that lasted so long."""
    found: dict[Any, list[tuple[float, str, str]]] = defaultdict(list)
    for life in _known(records, asked):
        key = group(life, last_touch(life, asked), asked)
        where = status(life, asked)
        for step, leaves in _stays(life, asked) if key is not NOT_ASKED else ():
            lasted = (leaves.t if leaves else asked.as_of) - step.t
            if step.place == stage and lasted >= age:
                end = asked.as_of if where == "open" else _touch(life, asked).t
                rest = end - step.t - age
                rest -= rest % 24 if rest >= 720 else 0  # from 30 days on, whole days
                found[key].append((rest, "" if where == "open" else where, life.record.id))
    return found


def incidence(ends: list[tuple[float, str]], end: str) -> Fraction:
    """Return the share that ends so, of all that ever will be seen to end, in exact fractions."""
    alive = share = Fraction(0)
    alive += 1
    for t in sorted({t for t, what in ends if what}):
        at_risk = sum(other >= t for other, _ in ends)
        share += alive * Fraction(sum((other, what) == (t, end) for other, what in ends), at_risk)
        alive *= 1 - Fraction(sum(other == t and bool(what) for other, what in ends), at_risk)
    return share


def _known(records: list[Record], asked: Asked) -> Iterator[Life]:
    yield from (life for life in lives(records, asked) if not is_void(life))


def _touch(life: Life, asked: Asked) -> Step:
    return last_touch(life, asked)


def _stays(life: Life, asked: Asked) -> Iterator[tuple[Step, Step | None]]:
    for n, step in enumerate(life.steps):
        if step.pipeline == asked.pipeline and step.place not in OUTCOMES:
            yield step, life.steps[n + 1] if n + 1 < len(life.steps) else None
