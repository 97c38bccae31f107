"""The history of a share, cut where it changed: binary segmentation with the cost of trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import accumulate

import attrs

from funnelkit.analytics.drift.trials import Asked, Span, instant, spans_of, trial_ids
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell, no_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source

__all__ = ["Period", "Periods", "cuts", "periods"]

_PENALTY = 3.0
"""What a cut has to gain, in units of the logarithm of the number of spans, at least of 10."""


@attrs.frozen(kw_only=True)
class Period(Row):
    """A part of the history in which nothing can be seen to change.

    Attributes:
        start, end: From (included) to (excluded).
        share: Of the stays begun then: gone forward in time, or still there after the median time.
    """

    stage: str
    label: str
    start: datetime
    end: datetime
    share: Rate


class Periods(Result[Period]):
    """Periods by stage. A cell for `ids`: the stage and the number of the period, ``ids("offer", "0")``."""


def periods(source: Source, scope: Scope, asked: Asked) -> Periods:
    """Cut the history of every stage."""
    found, young = spans_of(source, scope, asked)
    order = {stage: n for n, stage in enumerate(scope.shape.places)}
    parts = {
        cell: [spans[a:b] for a, b in _between(cuts(spans), len(spans))]
        for cell, spans in sorted(found.items(), key=lambda item: (item[0][0], order[item[0][1]]))
        if spans
    }
    rows = [
        Period(
            group=scope.group_of(key),
            stage=stage,
            label=scope.shape.label(stage),
            start=instant(scope, part[0].start),
            end=instant(scope, part[-1].start + asked.every),
            share=Rate.of(sum(span.hits for span in part), sum(span.trials for span in part)),
        )
        for (key, stage), many in parts.items()
        for part in many
    ]
    about = scope.about(
        "periods",
        "step rate" if asked.what == "rate" else "stay time",
        sentence="the history of the share of stays, cut where two shares explain it better than one by more "
        f"than {_PENALTY:g} times the logarithm of the number of spans; intervals do not know of the search",
        population="stays on the pipeline's stages whose time is over, without those of void records",
        time_axis="the beginning of the stay",
        formula="binary segmentation with binomial cost: A. J. Scott and M. Knott 1974",
        quality={"stays in spans that are not over, left out": young},
    )
    bounds = {
        (key, stage): [(part[0].start, part[-1].start) for part in many]
        for (key, stage), many in parts.items()
    }
    return Periods(about=about, rows=tuple(rows), ids=partial(_ids, source, scope, asked, bounds))


def cuts(spans: Sequence[Span]) -> list[int]:
    """Return where the share changed: numbers of spans before which there is a cut, ascending.

    The best cut of the whole is made if the log likelihood ratio, twice, is above the penalty; then
    the best cut of each part, and so on.

    >>> cuts([Span(n, 30, 100) for n in range(20)] + [Span(n, 50, 100) for n in range(20, 40)])
    [20]
    """
    hits = [0, *accumulate(span.hits for span in spans)]
    sizes = [0, *accumulate(span.trials for span in spans)]
    penalty = _PENALTY * math.log(max(len(spans), 10))

    def fit(low: int, high: int) -> float:
        return _likelihood(hits[high] - hits[low], sizes[high] - sizes[low])

    found, waiting = [], [(0, len(spans))]
    while waiting:
        low, high = waiting.pop()
        gains = [(fit(low, cut) + fit(cut, high), cut) for cut in range(low + 1, high)]
        best, cut = max(gains, default=(-math.inf, low))
        if 2 * (best - fit(low, high)) > penalty:
            found.append(cut)
            waiting += [(low, cut), (cut, high)]
    return sorted(found)


def _likelihood(x: int, n: int) -> float:
    return sum(k * math.log(k / n) for k in (x, n - x) if k)


def _between(found: Sequence[int], size: int) -> list[tuple[int, int]]:
    return list(zip([0, *found], [*found, size], strict=True))


def _ids(
    source: Source,
    scope: Scope,
    asked: Asked,
    bounds: dict[tuple[str, str], list[tuple[int, int]]],
    *cell: str,
    group: Group = None,
) -> list[str]:
    stage, number = cell
    check_cell("stage", stage, scope.shape.places[:-1])
    known = dict(enumerate(bounds.get((scope.key_of(group), stage), [])))
    if not number.isdigit():
        raise no_cell("period", number, ["0, 1, 2 and so on"])
    if int(number) not in known:
        return []
    low, high = known[int(number)]
    params: Params = {"stage": stage, "key": scope.key_of(group), "low": low, "high": high}
    where = "stage = :stage AND grp = :key AND span_us >= :low AND span_us <= :high"
    return trial_ids(source, scope, asked, where, params)
