"""Whether step rates or stay times changed after an instant, and how often such an answer is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import attrs

from funnelkit.analytics.drift.cusum import Cusum, designed
from funnelkit.analytics.drift.trials import Asked, Span, instant, spans_of, trial_ids
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source

__all__ = ["Change", "Design", "Drift", "drift"]

_NO_MEDIAN = "the median time before is not known"
_WAYS = {"rate": ("worse", "better"), "time": ("slower", "faster")}


@attrs.frozen
class Design:
    """What the charts are made for.

    Attributes:
        odds: The change to find: how many times the odds rise.
        run_length: So many spans pass on average before a false alarm.
        least: So many trials are needed before the watch begins.
    """

    odds: float
    run_length: float
    least: int


@attrs.frozen(kw_only=True)
class Change(Row):
    """One chart: one stage, watched for a change one way.

    Attributes:
        way: ``"worse"`` or ``"better"`` for rates, ``"slower"`` or ``"faster"`` for times.
        before, after: The share in the reference, and since the watch began.
        alarm: The instant at which the change was known; None: no alarm.
        changed: Where it probably began: the span after the last at which nothing had added up.
        peak: The largest sum by the limit; an alarm is at 1.
        run_length: So many spans pass on average before a false alarm, at the size of the spans before.
        found_after: So many spans it takes on average to find the change it is made for.
        false_alarm: The chance of an alarm in the spans that were watched, if nothing changed.
        spans: How many were watched.
        reason: Why there is no chart, or empty.
    """

    stage: str
    label: str
    way: str
    before: Rate
    after: Rate
    alarm: datetime | None
    changed: datetime | None
    peak: float | None
    run_length: float | None
    found_after: float | None
    false_alarm: float | None
    spans: int
    reason: str


class Drift(Result[Change]):
    """Charts by stage and way. Cells for `ids`: ``ids("offer", "before")``, ``ids("offer", "after")``."""

    @property
    def alarms(self) -> tuple[Change, ...]:
        """The charts that alarmed, the earliest first."""
        return tuple(sorted((row for row in self.rows if row.alarm), key=lambda row: str(row.alarm)))


def drift(source: Source, scope: Scope, asked: Asked, design: Design) -> Drift:
    """Watch every stage for a change either way. Only the limits of ``asked`` may still be unknown."""
    found, young = spans_of(source, scope, asked)
    keys = sorted({key for key, _ in found}) if scope.column else [""]
    rows = [
        _change(scope, (scope.group_of(key), stage, way), found.get((key, stage), []), asked, design)
        for key in keys
        for stage in scope.shape.places[:-1]
        for way in _WAYS[asked.what]
    ]
    since = f"{instant(scope, asked.since):%Y-%m-%d %H:%M}"
    what = "gone forward within the time" if asked.what == "rate" else "still there after the median time"
    about = scope.about(
        "drift",
        "step rate" if asked.what == "rate" else "stay time",
        sentence=f"of the stays begun in a span, those {what}; before {since} is the reference, whose "
        "share is taken for exact; each row is a chart of its own, so with many rows one of them "
        "errs sooner",
        population="stays on the pipeline's stages whose time is over, without those of void records",
        time_axis="the beginning of the stay",
        formula="CUSUM of log likelihood ratios, its run length by the Markov chain of its sum; Page 1954, "
        "Brook and Evans 1972",
        quality={"stays in spans that are not over, left out": young},
    )
    return Drift(about=about, rows=tuple(rows), ids=partial(_ids, source, scope, asked))


def _change(
    scope: Scope, who: tuple[Group, str, str], spans: Sequence[Span], asked: Asked, design: Design
) -> Change:
    group, stage, way = who
    old, new = ([s for s in spans if (s.start < asked.since) is past] for past in (True, False))
    before, after = _rate(old), _rate(new)
    row = Change(
        group=group,
        stage=stage,
        label=scope.shape.label(stage),
        way=way,
        before=before,
        after=after,
        alarm=None,
        changed=None,
        peak=None,
        run_length=None,
        found_after=None,
        false_alarm=None,
        spans=len(new),
        reason=_reason(before, len(new), design) if stage in asked.limits else _NO_MEDIAN,
    )
    if row.reason:
        return row
    rises = way in ("better", "slower")
    trials = [(span.hits if rises else span.trials - span.hits, span.trials) for span in new]
    share = (before.numerator if rises else before.denominator - before.numerator) / before.denominator
    size = max(1, round(before.denominator / len(old)))
    chart = designed(share, design.odds, size, design.run_length)
    sums = chart.walk(trials)
    risen = design.odds * share / (1 - share + design.odds * share)
    alarm, changed = _alarm(scope, chart, sums, new, asked.every + asked.limits[stage])
    return attrs.evolve(
        row,
        peak=max(sums) / chart.limit,
        run_length=chart.run_length(size),
        found_after=chart.run_length(size, risen),
        false_alarm=chart.false_alarm([trial[1] for trial in trials]),
        alarm=alarm,
        changed=changed,
    )


def _alarm(
    scope: Scope, chart: Cusum, sums: Sequence[int], spans: Sequence[Span], known_after: int
) -> tuple[datetime | None, datetime | None]:
    """Return when the chart alarmed and since when things had added up; None, None if it did not."""
    at = next((n for n, total in enumerate(sums) if total >= chart.limit), None)
    if at is None:
        return None, None
    zeros = [n for n in range(at) if sums[n] == 0]
    first = zeros[-1] + 1 if zeros else 0
    return instant(scope, spans[at].start + known_after), instant(scope, spans[first].start)


def _rate(spans: Sequence[Span]) -> Rate:
    return Rate.of(sum(span.hits for span in spans), sum(span.trials for span in spans), "no stay is over")


def _reason(before: Rate, spans: int, design: Design) -> str:
    if before.denominator < design.least:
        return f"only {before.denominator} stays before, {design.least} are needed"
    if before.numerator in (0, before.denominator):
        return f"{before.numerator} of {before.denominator} before: there is no share to watch"
    return "" if spans else "no span is over since then"


def _ids(
    source: Source, scope: Scope, asked: Asked, stage: str, which: str, *, group: Group = None
) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    check_cell("column", which, ("before", "after"))
    if stage not in asked.limits:
        return []
    side = "span_us < :since" if which == "before" else "span_us >= :since"
    where = f"stage = :stage AND grp = :key AND {side} AND span_us + :whole <= :as_of"
    params: Params = {"stage": stage, "key": scope.key_of(group), "since": asked.since}
    return trial_ids(source, scope, asked, where, params | {"whole": asked.every + asked.limits[stage]})
