"""Funnels of steps once more: each attempt is played through event by event, each chain is tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.analytics.histories import OUTCOMES, Edit
from tests.analytics.reference import NOT_ASKED, Asked, Life, Step, group, is_void, lives


class Event(NamedTuple):
    """A place that counts, by its number in the log."""

    seq: int
    step: Step

    @property
    def t(self) -> float:
        """The hour."""
        return self.step.t

    @property
    def place(self) -> str:
        """The place."""
        return self.step.place


class Ban(NamedTuple):
    """A place that must not come while so many steps are done."""

    place: str
    after: int
    before: int


class How(NamedTuple):
    """How a funnel is counted."""

    definition: str
    steps: tuple[str, ...]
    window: float = 1e9
    anchor: str = "any"
    ties: str = "log_order"
    bans: tuple[Ban, ...] = ()
    policy: str = "end_attempt"
    held: str = ""
    entered: tuple[float, float] = (-1e9, 1e9)
    attribution: str = "each"


Credits = dict[int, Event]
"""Number of the row → the event that put the unit into it."""


def events_of(life: Life, asked: Asked) -> list[Event]:
    """Return the places in the pipeline that count: closings that were taken back do not."""
    return [
        Event(n, step)
        for n, step in enumerate(life.steps)
        if step.pipeline == asked.pipeline and (step.place not in OUTCOMES or n + 1 == len(life.steps))
    ]


def value_then(life: Life, name: str, step: Step) -> Any:
    """Return what a property was at a step."""
    if not name.startswith("custom."):
        return group(life, step, Asked(by=name))
    value = life.record.custom.get(name.removeprefix("custom."))
    for event in life.record.events:
        if isinstance(event, Edit) and event.field == name and event.t <= step.t:
            value = event.value
    return value


def units_of(life: Life, asked: Asked, held: str) -> Iterator[tuple[Any, list[Event]]]:
    """Yield the units of a record: itself, or itself with each value that is held."""
    found: dict[Any, list[Event]] = defaultdict(list)
    for event in events_of(life, asked):
        found[value_then(life, held, event.step) if held else None].append(event)
    yield from found.items()


def key_of(event: Event, how: How) -> tuple[float, ...]:
    """Return what is compared to tell whether an event comes after another."""
    if how.ties == "log_order":
        return (event.seq,)
    if how.ties == "strict_increase":
        return (event.t,)
    return (event.t, how.steps.index(event.place) if event.place in how.steps else len(how.steps))


class Attempt(NamedTuple):
    """What an entry led to: the events of its steps, and the excluded event that ended it."""

    done: list[Event]
    struck: Event | None


def attempt(events: list[Event], start: Event, how: How) -> Attempt:
    """Play one attempt: each step at its first chance."""
    done = [start]
    while len(done) < len(how.steps):
        behind = [e for e in events if key_of(e, how) > key_of(done[-1], how) and e.t - start.t <= how.window]
        bans = {ban.place for ban in how.bans if ban.after <= len(done) < ban.before}
        may = next((e for e in behind if e.place == how.steps[len(done)]), None)
        out = next((e for e in behind if e.place in bans), None)
        if out and (may is None or key_of(out, how) < key_of(may, how)):
            return Attempt(done, out)
        if may is None:
            break
        done.append(may)
    return Attempt(done, None)


def ordered(events: list[Event], how: How) -> list[Credits]:
    """Every entry begins an attempt, or only the first one."""
    starts = [e for e in events if e.place == how.steps[0]]
    starts = starts[:1] if how.anchor == "first" else starts
    tries = [attempt(events, e, how) for e in starts if how.entered[0] <= e.t < how.entered[1]]
    if how.policy == "discard_entity":
        ends = [made.done[-1] for made in tries if len(made.done) == len(how.steps)]
        hits = [made.struck for made in tries if made.struck]
        first_hit = min((hit.seq if how.ties == "log_order" else hit.t for hit in hits), default=None)
        first_end = min((e.seq if how.ties == "log_order" else e.t for e in ends), default=None)
        if first_hit is not None and (
            first_end is None
            or (first_end >= first_hit if how.ties == "log_order" else first_end > first_hit)
        ):
            return []
    credits: Credits = {}
    for made in tries:
        for n, event in enumerate(made.done, 1):
            credits[n] = min(event, credits.get(n, event), key=lambda e: e.seq)
    return [credits]


def strict(events: list[Event], how: How) -> list[Credits]:
    """Every chain without a foreign place in between is tried."""
    credits: Credits = {}
    starts = [n for n, e in enumerate(events) if e.place == how.steps[0]]

    def follow(start: int, here: int, done: int) -> None:
        credits[done] = min(events[here], credits.get(done, events[here]), key=lambda e: e.seq)
        for n in range(here + 1, len(events)) if done < len(how.steps) else ():
            if events[n].place == how.steps[done] and events[n].t - events[start].t <= how.window:
                follow(start, n, done + 1)
            if events[n].place != how.steps[done - 1]:
                break

    for n in starts[:1] if how.anchor == "first" else starts:
        if how.entered[0] <= events[n].t < how.entered[1]:
            follow(n, n, 1)
    return [credits]


def unordered(events: list[Event], how: How) -> list[Credits]:
    """Of every window that ends with an event, the different steps in it."""
    credits: Credits = {}
    for n, last in enumerate(events):
        inside = {e.place for e in events[: n + 1] if last.t - e.t <= how.window}
        for row in range(1, len(inside & {*how.steps}) + 1):
            credits.setdefault(row, last)
    return [credits]


def attempts(events: list[Event], how: How) -> list[Credits]:
    """One attempt after the other."""
    found = []
    starts = [e for e in events if e.place == how.steps[0]]
    while starts:
        made = attempt(events, starts[0], how)
        found.append(dict(enumerate(made.done, 1)))
        end = made.struck or (made.done[-1] if len(made.done) == len(how.steps) else None)
        if end is None:
            starts = [e for e in starts if e.t > made.done[0].t + how.window]
        elif how.ties == "log_order":
            starts = [e for e in starts if e.seq > end.seq]
        else:
            starts = [e for e in starts if e.t > end.t]
    return found


def all_previous(events: list[Event], how: How) -> list[Credits]:
    """The event with which the set of the first n places is whole."""
    credits: Credits = {}
    seen: set[str] = set()
    for event in events:
        seen.add(event.place)
        for n in range(1, len(how.steps) + 1):
            if {*how.steps[:n]} <= seen:
                credits.setdefault(n, event)
    return [credits]


RULES = {
    "ordered": ordered, "strict": strict, "unordered": unordered, "attempts": attempts,
    "all_previous": all_previous,
}  # fmt: skip
BEGIN_LATER = ("unordered", "attempts", "all_previous")

Unit = tuple[Any, ...]


class Cells(NamedTuple):
    """(group, row, column) → units; (group, row, currency) → minor units; and the same of who went on."""

    units: dict[tuple[Any, int, str], set[Unit]]
    sums: dict[tuple[Any, int, str], int]
    passed: dict[tuple[Any, int, str], int]


def funnel(records: list[Any], asked: Asked, how: How) -> Cells:
    """Count a funnel."""
    cells = Cells(defaultdict(set), defaultdict(int), defaultdict(int))
    for life in lives(records, asked):
        if is_void(life):
            continue
        known = events_of(life, asked)
        arrival = _group(life, asked, how, known[0]) if known else NOT_ASKED
        if arrival is not NOT_ASKED:
            cells.units[arrival, 0, "of_all"].add((life.record.id,))
        for unit, events in units_of(life, asked, how.held):
            for number, credits in enumerate(RULES[how.definition](events, how)):
                first = credits.get(1)
                if how.definition in BEGIN_LATER and not (
                    first and how.entered[0] <= first.t < how.entered[1]
                ):
                    continue
                tables = _settled(life, asked, how, credits)
                for groups in tables:
                    _count(cells, groups, (life.record.id, str(unit), number), credits)
                for row in credits if arrival is not NOT_ASKED else ():
                    if tables:
                        cells.units[arrival, row, "of_all"].add((life.record.id,))
    return cells


def _settled(life: Life, asked: Asked, how: How, credits: Credits) -> list[dict[int, Any]]:
    """Return, for each row, whose group the unit is in; one such table for each group it is in."""
    by_time = sorted(credits, key=lambda row: (credits[row].seq, row))
    if not credits:
        return []
    if how.attribution == "each":
        return [{row: _group(life, asked, how, event) for row, event in credits.items()}]
    if how.attribution == "all":
        plain = asked._replace(owner=None, source=None, repeat=None)
        tables = []
        for key in {_group(life, plain, how, event) for event in credits.values()}:
            same = [event for event in credits.values() if _group(life, plain, how, event) == key]
            kept = any(_group(life, asked, how, event) is not NOT_ASKED for event in same)
            tables.append(dict.fromkeys(credits, key if kept else NOT_ASKED))
        return tables
    if how.attribution in ("first", "last"):
        row = by_time[0 if how.attribution == "first" else -1]
    else:
        row = int(how.attribution)
        if row not in credits:
            return []
    return [dict.fromkeys(credits, _group(life, asked, how, credits[row]))]


def _group(life: Life, asked: Asked, how: How, event: Event) -> Any:
    """Return the group of an event; with an attribution, custom fields are as they were then."""
    kept = group(life, event.step, asked)
    if kept is NOT_ASKED or how.attribution == "each" or not (asked.by or "").startswith("custom."):
        return kept
    return value_then(life, asked.by or "", event.step)


def _count(cells: Cells, groups: dict[int, Any], unit: Unit, credits: Credits) -> None:
    for row, key in groups.items():
        if key is not NOT_ASKED:
            cells.units[key, row, "count"].add(unit)
            currency, amount = credits[row].step.value
            cells.sums[key, row, currency] += amount
        before = groups.get(row - 1, NOT_ASKED)
        if before is not NOT_ASKED:
            cells.units[before, row, "of_previous"].add(unit)
            currency, amount = credits[row - 1].step.value
            cells.passed[before, row, currency] += amount
        if groups.get(1, NOT_ASKED) is not NOT_ASKED:
            cells.units[groups[1], row, "of_first"].add(unit)
