"""Stays as trials: of those begun in each span of time, how many went forward, or stayed too long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import attrs

from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.analytics.times.survival import Lasted, kaplan_meier
from funnelkit.clock import from_us

__all__ = ["Asked", "Span", "What", "begin", "instant", "limits_of", "spans_of", "trial_ids"]

What = Literal["rate", "time"]


@attrs.frozen
class Asked:
    """What is watched.

    Attributes:
        what: ``"rate"``: gone forward within a time; ``"time"``: still there after a time.
        every: Length of a span in microseconds.
        since: Where the reference ends and the watch begins, in microseconds.
        limits: Stage → the time of its trials, in microseconds; stages without one are not watched.
    """

    what: What
    every: int
    since: int
    limits: Mapping[str, int]


@attrs.frozen
class Span:
    """Trials that began in one span: ``hits`` of ``trials``; ``start`` in microseconds."""

    start: int
    hits: int
    trials: int


def begin(source: Source, scope: Scope) -> int:
    """Return the middle between the first creation and ``as_of``: where the watch begins by default."""
    ((low, _),) = rows_of(source, compose("spans/created"), scope.params())
    return scope.as_of_us - (scope.as_of_us - max(low, 0)) // 2 if low >= 0 else scope.as_of_us


def limits_of(source: Source, scope: Scope, what: What, within: timedelta, since: int) -> dict[str, int]:
    """Return the time of each stage's trials; a stage of which it is not known has none.

    For rates it is ``within``. For times it is the median time on the stage by Kaplan-Meier, of all
    groups and as it was known at ``since``, rounded down to seconds, minutes, hours or days: about half
    of the trials will be over it, until it changes.
    """
    stages = scope.shape.places[:-1]
    if what == "rate":
        return dict.fromkeys(stages, within // timedelta(microseconds=1))
    then = attrs.evolve(scope, as_of_us=since, present=False)
    stays: dict[str, list[Lasted]] = defaultdict(list)
    for _, stage, lasted, closed, running in rows_of(
        source, compose("times/stays", **then.slots(), span="lasted_us", tail="{waits}"), then.params()
    ):
        stays[stage].append(Lasted(lasted, closed, running))
    medians = {stage: kaplan_meier(stays[stage]).quantile(50) for stage in stages}
    return {stage: median for stage, median in medians.items() if median is not None}


def spans_of(source: Source, scope: Scope, asked: Asked) -> tuple[dict[tuple[str, str], list[Span]], int]:
    """Return (key, stage) → its spans in order, empty ones too; and how many trials are in the last span.

    Only whole spans are returned: every trial that could begin in them is over.
    """
    if not asked.limits:
        return {}, 0
    text, params = _asked(scope, asked)
    found: dict[tuple[str, str], dict[int, Span]] = defaultdict(dict)
    young = 0
    sql = compose("drift/trials", **scope.slots(), limits=text, tail="{spans}")
    for key, stage, start, trials, ahead, behind in rows_of(source, sql, params):
        if start + asked.every + asked.limits[stage] > scope.as_of_us:
            young += trials
        else:
            found[key, stage][start] = Span(start, ahead if asked.what == "rate" else behind, trials)
    ends = {stage: scope.as_of_us - limit for stage, limit in asked.limits.items()}
    return {cell: _filled(spans, asked, ends[cell[1]]) for cell, spans in found.items()}, young


def trial_ids(source: Source, scope: Scope, asked: Asked, where: str, params: Params) -> list[str]:
    """Return the records behind trials."""
    text, known = _asked(scope, asked)
    sql = compose("drift/trials", **scope.slots(), limits=text, tail="{ids}", cell="trial", where=where)
    return [record for (record,) in rows_of(source, sql, known | params)]


def instant(scope: Scope, us: int) -> datetime:
    """Return an instant in the zone."""
    return from_us(us).astimezone(scope.zone)


def _filled(spans: Mapping[int, Span], asked: Asked, last: int) -> list[Span]:
    starts = range(min(spans), last - asked.every + 1, asked.every)
    return [spans.get(start, Span(start, 0, 0)) for start in starts]


def _asked(scope: Scope, asked: Asked) -> tuple[str, Params]:
    """Return the limits as a relation, and all parameters; one of the spans begins at ``since``."""
    places = {place: n for n, place in enumerate(scope.shape.places, 1)}
    parts = [compose("parts/limit", n=str(places[stage])) for stage in asked.limits]
    params = scope.params() | {f"within_{places[stage]}": us for stage, us in asked.limits.items()}
    return (
        f"limits AS ({' UNION ALL '.join(parts)})",
        params | {"every": asked.every, "origin": asked.since % asked.every},
    )
