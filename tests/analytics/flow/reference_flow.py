"""Stock, flow, paths and links once more: slow, plain, over bare histories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
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


class Moment(NamedTuple):
    """A record open on a stage at an instant, under a group."""

    group: Any
    stage: str
    value: tuple[str, int]


def known(records: list[Record], asked: Asked) -> Iterator[Life]:
    """Yield the records that count, as of then."""
    yield from (life for life in lives(records, asked) if not is_void(life))


def at(record: Record, then: Life, asked: Asked, instant: float) -> Moment | None:
    """Return where a record was at an instant; who it was asked for is as of then."""
    cut = asked._replace(as_of=instant, custom=None, created=(-1e9, 1e9))
    for life in lives([record], cut):
        if status(life, cut) == "open":
            touch = last_touch(life, cut)
            key = group(then._replace(custom=then.custom), touch, asked)
            return None if key is NOT_ASKED else Moment(key, last_stage(life, cut), touch.value)
    return None


def stock(records: list[Record], asked: Asked, instant: float) -> dict[tuple[Any, str], dict[str, Moment]]:
    """Return (group, stage) → record → how it stood."""
    found: dict[tuple[Any, str], dict[str, Moment]] = defaultdict(dict)
    for life in known(records, asked):
        moment = at(life.record, life, asked, min(instant, asked.as_of))
        if moment:
            found[moment.group, moment.stage][life.record.id] = moment
    return found


def turns(
    records: list[Record], asked: Asked, start: float, end: float
) -> dict[tuple[Any, str, str], list[tuple[str, tuple[str, int]]]]:
    """Return (group, stage, column) → record and value of each move from start (included) to end."""
    found: dict[tuple[Any, str, str], list[tuple[str, tuple[str, int]]]] = defaultdict(list)

    def note(life: Life, step: Step, stage: str, *columns: str) -> None:
        key = group(life, step, asked)
        for column in columns if key is not NOT_ASKED else ():
            found[key, stage, column].append((life.record.id, step.value))

    for life in known(records, asked):
        for n, step in enumerate(life.steps):
            before = life.steps[n - 1] if n else None
            if not start <= step.t < end:
                continue
            if step.pipeline == asked.pipeline and step.place not in OUTCOMES:
                back = before and before.place in OUTCOMES and before.pipeline == step.pipeline
                note(
                    life,
                    step,
                    step.place,
                    "entered",
                    *(["reopened"] if back else []),
                    *([] if before else ["created"]),
                )
            if before and before.pipeline == asked.pipeline and before.place not in OUTCOMES:
                ends = [step.place] if step.place in ("won", "lost") else []
                note(life, step, before.place, "left", *ends)
    return found


def handed(records: list[Record], asked: Asked, start: float, end: float) -> dict[tuple[Any, str], int]:
    """Return (group, stage) → who came under it while staying, less who left it so, edit by edit."""
    net: dict[tuple[Any, str], int] = defaultdict(int)
    for life in known(records, asked):
        for before, after in _waits(life, start, end, asked):
            for moment, sign in ((before, -1), (after, 1)):
                if moment:
                    net[moment.group, moment.stage] += sign
    return {cell: n for cell, n in net.items() if n}


def _waits(
    life: Life, start: float, end: float, asked: Asked
) -> Iterator[tuple[Moment | None, Moment | None]]:
    """Yield how a record stood at the beginning and at the end of each part of a stay."""
    steps = life.steps
    for n, step in enumerate(steps):
        if step.pipeline != asked.pipeline or step.place in OUTCOMES:
            continue
        last = n + 1 == len(steps)
        leaves = None if last else steps[n + 1]
        stop = min(end, asked.as_of + 1) if leaves is None else leaves.t
        if stop < start or step.t >= end:
            continue
        began = at(life.record, life, asked, start - 1) if step.t < start else _of(life, step, step, asked)
        if leaves is not None and leaves.t < end:
            ended = _of(life, step, leaves, asked)
        else:
            ended = at(life.record, life, asked, min(end - 1, asked.as_of))
        yield began, ended


def _of(life: Life, stay: Step, row: Step, asked: Asked) -> Moment | None:
    key = group(life, row, asked)
    return None if key is NOT_ASKED else Moment(key, stay.place, row.value)


def walks(records: list[Record], asked: Asked) -> Iterator[tuple[Any, Life, list[str]]]:
    """Yield group, record and the places it went to, with where it came from first."""
    for life in known(records, asked):
        key = group(life, last_touch(life, asked), asked)
        if key is NOT_ASKED:
            continue
        path: list[str] = []
        for n, step in enumerate(life.steps):
            before = life.steps[n - 1].pipeline if n else step.pipeline
            if asked.pipeline not in (before, step.pipeline):
                continue
            if not path:
                path.append("(start)" if n == 0 else "(elsewhere)")
            path.append(step.place if step.pipeline == asked.pipeline else "(elsewhere)")
        yield key, life, path


def links(
    records: list[Record], asked: Asked, steps: int | None
) -> dict[tuple[Any, int, str, str], list[str]]:
    """Return (group, step, source, target) → the record of each move."""
    found: dict[tuple[Any, int, str, str], list[str]] = defaultdict(list)
    for key, life, path in walks(records, asked):
        whole = [*path, "(open)"] if status(life, asked) == "open" else path
        for n, (left, entered) in enumerate(pairwise(whole), 1):
            if steps is None:
                found[key, 0, left, entered].append(life.record.id)
            elif n <= steps + 1:
                target = "(later)" if n > steps and entered != "(open)" else entered
                found[key, n, left, target].append(life.record.id)
    return found
