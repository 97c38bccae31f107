"""The metrics once more: slow, plain, over bare histories, and without a line of the package.

A cell is the set of the records behind it, so that counts and lists of ids are checked alike.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from tests.analytics.histories import OUTCOMES, PIPELINES, Edit, Place, Record


class Step(NamedTuple):
    """The record on a place, with what was known then."""

    t: float
    pipeline: str
    place: str
    reason: str
    owner: str
    value: tuple[str, int]


class Life(NamedTuple):
    """One record, as far as it was known at an instant."""

    record: Record
    steps: list[Step]
    owner: str
    value: tuple[str, int]
    custom: dict[str, Any]


class Asked(NamedTuple):
    """What is asked for."""

    pipeline: str = "sales"
    as_of: float = 10_000
    created: tuple[float, float] = (-1e9, 1e9)
    closed: tuple[float, float] = (-1e9, 1e9)
    owner: str | None = None
    source: str | None = None
    repeat: str | None = None
    custom: tuple[str, Any] | None = None
    by: str | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """The stages of the pipeline."""
        return PIPELINES[self.pipeline]


def lives(records: list[Record], asked: Asked) -> list[Life]:
    """Return the records that were ever in the pipeline, cut off at the instant, and asked for."""
    found = []
    for record in records:
        owner, value, custom = record.owner, record.value, dict(record.custom)
        steps: list[Step] = []
        for event in record.events:
            if event.t > asked.as_of:
                break
            if isinstance(event, Place):
                steps.append(Step(event.t, event.pipeline, event.place, event.reason, owner, value))
            elif isinstance(event, Edit) and event.field == "owner":
                owner = event.value
            elif event.field == "value":
                value = event.value
            else:
                custom[event.field.removeprefix("custom.")] = event.value
        if not any(step.pipeline == asked.pipeline for step in steps):
            continue
        if not asked.created[0] <= record.created < asked.created[1]:
            continue
        if asked.custom and custom.get(asked.custom[0]) != asked.custom[1]:
            continue
        found.append(Life(record, steps, owner, value, custom))
    return found


def is_void(life: Life) -> bool:
    """Whether the record is void, wherever it is."""
    return life.steps[-1].place == "void"


def here(life: Life, asked: Asked) -> list[Step]:
    """Return the steps in the pipeline."""
    return [step for step in life.steps if step.pipeline == asked.pipeline]


def last_stage(life: Life, asked: Asked) -> str:
    """Return the last stage of the pipeline that the record was on."""
    return next(step.place for step in reversed(here(life, asked)) if step.place not in OUTCOMES)


def status(life: Life, asked: Asked) -> str:
    """Return where the record is, seen from the pipeline."""
    last = life.steps[-1]
    if last.place == "void":
        return "void"
    if last.pipeline != asked.pipeline:
        return "moved_away"
    return last.place if last.place in OUTCOMES else "open"


def last_touch(life: Life, asked: Asked) -> Step:
    """Return the last step into, within or out of the pipeline; of an open record with today's edits."""
    touching = [
        step
        for n, step in enumerate(life.steps)
        if asked.pipeline in (step.pipeline, life.steps[n - 1].pipeline if n else "")
    ]
    if status(life, asked) == "open":
        return touching[-1]._replace(owner=life.owner, value=life.value)
    return touching[-1]


def group(life: Life, step: Step, asked: Asked) -> Any:
    """Return the group of a step, or the marker of one that is not asked for."""
    if asked.owner is not None and step.owner != asked.owner:
        return NOT_ASKED
    if asked.source is not None and life.record.source != asked.source:
        return NOT_ASKED
    if asked.repeat is not None and life.record.repeat != asked.repeat:
        return NOT_ASKED
    if asked.by and asked.by.startswith("custom."):
        return life.custom.get(asked.by.removeprefix("custom."))
    keys = {
        "owner": step.owner,
        "source": life.record.source,
        "campaign": life.record.campaign,
        "repeat": life.record.repeat,
    }
    return keys[asked.by] if asked.by else None


NOT_ASKED = object()

Credits = dict[int, Step]
"""Number of the row → the step that put the record into it; row 0 is the population of ``closed``."""


def reached(life: Life, asked: Asked) -> Credits:
    """The furthest stage and all before it."""
    credits: Credits = {}
    for step in here(life, asked):
        if step.place in asked.order:
            for n in range(1, asked.order.index(step.place) + 2):
                credits.setdefault(n, step)
    if status(life, asked) == "won":
        for n in range(1, len(asked.order) + 2):
            credits.setdefault(n, life.steps[-1])
    return credits


def visited(life: Life, asked: Asked) -> Credits:
    """The stages it was ever on."""
    credits: Credits = {}
    for step in here(life, asked):
        if step.place in asked.order:
            credits.setdefault(asked.order.index(step.place) + 1, step)
    if status(life, asked) == "won":
        credits[len(asked.order) + 1] = life.steps[-1]
    return credits


def bitrix24(life: Life, asked: Asked) -> Credits:
    """All up to where it is while live or won, where it was otherwise."""
    where = status(life, asked)
    if where not in ("open", "won"):
        return visited(life, asked)
    top = len(asked.order) + 1 if where == "won" else asked.order.index(last_stage(life, asked)) + 1
    return {n: step for n, step in reached(life, asked).items() if n <= top}


def closed(life: Life, asked: Asked) -> Credits:
    """The population and the stages that it left alive."""
    last = life.steps[-1]
    if status(life, asked) not in ("won", "lost") or not asked.closed[0] <= last.t < asked.closed[1]:
        return {}
    lost_on = asked.order.index(last_stage(life, asked)) + 1
    top = len(asked.order) + 2 if last.place == "won" else lost_on
    return dict.fromkeys(range(top), last)


def ordered(
    life: Life, asked: Asked, steps: tuple[str, ...], window: float = 1e9, anchor: str = "any"
) -> Credits:
    """Every chain of entries is tried."""
    entries = [
        step
        for step in here(life, asked)
        if step.place in asked.order or (step.place == "won" and step is life.steps[-1])
    ]
    credits: dict[int, int] = {}
    starts = [n for n, entry in enumerate(entries) if entry.place == steps[0]]

    def follow(start: int, at: int, done: int) -> None:
        credits[done] = min(at, credits.get(done, at))
        for n in range(at + 1, len(entries)) if done < len(steps) else ():
            if entries[n].place == steps[done] and entries[n].t - entries[start].t <= window:
                follow(start, n, done + 1)

    for start in starts[:1] if anchor == "first" else starts:
        follow(start, start, 1)
    return {row: entries[at] for row, at in credits.items()}


class Cells(NamedTuple):
    """(group, row number, column) → records; (group, row number, currency) → minor units."""

    ids: dict[tuple[Any, int, str], set[str]]
    sums: dict[tuple[Any, int, str], int]


def funnel(records: list[Record], asked: Asked, definition: str, **how: Any) -> Cells:
    """Count a funnel."""
    rule = {
        "reached": reached,
        "visited": visited,
        "bitrix24": bitrix24,
        "closed": closed,
        "ordered": ordered,
    }
    ids: dict[tuple[Any, int, str], set[str]] = defaultdict(set)
    sums: dict[tuple[Any, int, str], int] = defaultdict(int)
    start = 0 if definition == "closed" else 1
    for life in lives(records, asked):
        if is_void(life):
            continue
        name = life.record.id
        credits = rule[definition](life, asked, **how)
        groups = {row: group(life, step, asked) for row, step in credits.items()}
        seen = {step.place for step in here(life, asked)}
        for row, key in groups.items():
            if key is not NOT_ASKED:
                ids[key, row, "count"].add(name)
                currency, amount = credits[row].value
                sums[key, row, currency] += amount
                stage = row <= len(asked.order) and asked.order[row - 1]
                if definition != "ordered" and row and stage and stage not in seen:
                    ids[key, row, "skipped"].add(name)
            if groups.get(row - 1, NOT_ASKED) is not NOT_ASKED:
                ids[groups[row - 1], row, "of_previous"].add(name)
            if groups.get(start, NOT_ASKED) is not NOT_ASKED:
                ids[groups[start], row, "of_first"].add(name)
    for (key, stage, column), found in fates(records, asked, closed_only=definition == "closed").items():
        ids[key, asked.order.index(stage) + 1, column] |= found
    return Cells(ids, sums)


def fates(
    records: list[Record], asked: Asked, *, closed_only: bool = False
) -> dict[tuple[Any, str, str], set[str]]:
    """Return (group, stage, column) → records."""
    found: dict[tuple[Any, str, str], set[str]] = defaultdict(set)
    for life in lives(records, asked):
        touch, where = last_touch(life, asked), status(life, asked)
        in_period = touch.place in OUTCOMES and asked.closed[0] <= touch.t < asked.closed[1]
        if closed_only and not in_period:
            continue
        key = group(life, touch, asked)
        if key is not NOT_ASKED and where != "won":
            found[key, last_stage(life, asked), where].add(life.record.id)
        if where == "void":
            continue
        left: set[str] = set()
        for before, after in pairwise(life.steps):
            if _is_back(before, after, asked) and before.place not in left:
                left.add(before.place)
                key = group(life, after, asked)
                if key is not NOT_ASKED:
                    found[key, before.place, "went_back"].add(life.record.id)
    return found


def _is_back(before: Step, after: Step, asked: Asked) -> bool:
    order = asked.order
    if {before.pipeline, after.pipeline} != {asked.pipeline} or not {before.place, after.place} <= {*order}:
        return False
    return order.index(after.place) < order.index(before.place)


def transitions(records: list[Record], asked: Asked) -> dict[tuple[Any, str, str], list[str]]:
    """Return (group, source, target) → the record of each move."""
    found: dict[tuple[Any, str, str], list[str]] = defaultdict(list)

    def name(step: Step) -> str:
        return step.place if step.pipeline == asked.pipeline else f"{step.pipeline}/{step.place}"

    for life in lives(records, asked):
        for n, step in enumerate(life.steps):
            before = life.steps[n - 1] if n else None
            touches = asked.pipeline in (step.pipeline, before.pipeline if before else "")
            key = group(life, step, asked)
            if touches and not is_void(life) and key is not NOT_ASKED:
                found[key, name(before) if before else "", name(step)].append(life.record.id)
    return found


def stays(records: list[Record], asked: Asked) -> dict[tuple[Any, str, str], list[tuple[float, str]]]:
    """Return (group, stage, closed or open) → (hours, record) of each stay."""
    found: dict[tuple[Any, str, str], list[tuple[float, str]]] = defaultdict(list)
    for life in lives(records, asked):
        for n, step in enumerate(life.steps):
            if is_void(life) or step.pipeline != asked.pipeline or step.place in OUTCOMES:
                continue
            last = n + 1 == len(life.steps)
            end = asked.as_of if last else life.steps[n + 1].t
            key = group(life, last_touch(life, asked) if last else life.steps[n + 1], asked)
            if key is not NOT_ASKED:
                found[key, step.place, "open" if last else "closed"].append((end - step.t, life.record.id))
    return found


def standings(records: list[Record], asked: Asked) -> dict[tuple[Any, str], list[Life]]:
    """Return (group, status) → records."""
    found: dict[tuple[Any, str], list[Life]] = defaultdict(list)
    for life in lives(records, asked):
        key = group(life, last_touch(life, asked), asked)
        if key is not NOT_ASKED:
            found[key, status(life, asked)].append(life)
    return found


def endings(records: list[Record], asked: Asked) -> dict[tuple[Any, str], list[Life]]:
    """Return (group, won or lost) → records whose closing stands and lies in the period."""
    return {
        cell: kept
        for cell, found in standings(records, asked).items()
        if cell[1] in ("won", "lost")
        and (kept := [life for life in found if asked.closed[0] <= life.steps[-1].t < asked.closed[1]])
    }


def nearest_rank(values: list[float], percent: int) -> float | None:
    """Return the smallest value that at least so many percent do not exceed."""
    return next(
        (v for v in sorted(values) if sum(w <= v for w in values) * 100 >= percent * len(values)), None
    )


def kaplan_meier(closed_: list[float], open_: list[float], percent: int) -> float | None:
    """Return the first time at which so many percent have ended, in exact fractions."""
    share = Fraction(1)
    for t in sorted(set(closed_)):
        at_risk = sum(x >= t for x in closed_ + open_)
        share *= 1 - Fraction(closed_.count(t), at_risk)
        if share <= 1 - Fraction(percent, 100):
            return t
    return None
