"""How long it takes from one step to another: exact quantiles and a histogram, over those who came there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import attrs

from funnelkit.analytics.funnels.plans import Plan
from funnelkit.analytics.funnels.wording import converted_text, params_of
from funnelkit.analytics.result import Group, Result, Row, check_cell, no_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["Bin", "Conversion", "TimeToConvert", "time_to_convert"]

PERCENTS = (10, 25, 50, 75, 90, 100)
_SECOND = 1_000_000
_WIDTHS = tuple(
    _SECOND * seconds
    for seconds in (
        *(1, 5, 15, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600),
        *(86_400 * days for days in (1, 2, 7, 14, 28, 91, 182, 364, 3_640)),
    )
)
"""Widths of bins that a reader can name; the first that makes at most 20 bins is taken."""


@attrs.frozen
class Bin:
    """A bar of a histogram: ``count`` records took ``start`` or longer, and less than ``end``."""

    start: timedelta
    end: timedelta
    count: int


@attrs.frozen(kw_only=True)
class Conversion(Row):
    """How long it took those who came from one step to the other.

    Attributes:
        converted: Records that came there.
        p10, p25, p50, p75, p90: Quantiles by nearest rank, exact: each a time that really occurred.
        longest: The longest time.
        mean: The mean; one slow record moves it, so read the median first.
        bins: The histogram, empty bars in between too.
    """

    converted: int
    p10: timedelta | None
    p25: timedelta | None
    p50: timedelta | None
    p75: timedelta | None
    p90: timedelta | None
    longest: timedelta | None
    mean: timedelta | None
    bins: tuple[Bin, ...] = ()

    def values(self) -> dict[str, object]:
        """Return the columns; the histogram is not one of them."""
        return {name: value for name, value in super().values().items() if name != "bins"}


@attrs.frozen(kw_only=True)
class TimeToConvert(Result[Conversion]):
    """Times between two steps. Cells for `ids`: ``ids("converted")``, ``ids("bin", "0")`` (its number)."""

    def histogram(self, group: Group = None) -> tuple[Bin, ...]:
        """Return the bars of a group."""
        for row in self.rows:
            if row.group == group:
                return row.bins
        raise no_cell("group", group, [str(row.group) for row in self.rows])


def time_to_convert(
    source: Source, scope: Scope, plan: Plan, *, between: tuple[int, int], width_us: int | None
) -> TimeToConvert:
    """Measure the times: one query for the ranks that are asked for, one for the bars."""
    params = params_of(scope, plan)
    wanted = " OR ".join(compose("parts/wanted", percent=str(percent)) for percent in PERCENTS)
    text = converted_text(scope, plan, between, tail="{ranks}", wanted=wanted)
    ranks: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for key, lasted, nth, total in rows_of(source, text, params):
        ranks[key].append((nth, lasted, total))
    longest = max((lasted for found in ranks.values() for _, lasted, _ in found), default=0)
    width = width_us or next((w for w in _WIDTHS if longest < 20 * w), _WIDTHS[-1])
    bins: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    text = converted_text(scope, plan, between, tail="{bins}")
    for key, start, records, rest in rows_of(source, text, params | {"bin_us": width}):
        bins[key][start] = records, rest
    first, last = (plan.names[step - 1] for step in between)
    about = scope.about(
        "time to convert",
        f"{first} to {last}",
        sentence="from the one step to the other in the attempt that first came there, begun as late as it "
        "can have begun, inside the window; those who did not come there have no time",
        population=plan.definition.population,
        time_axis=plan.definition.time_axis,
        formula="time = entry into the last step - entry into the first; quantile q = "
        "the time of rank ceil(q n) of n",
        complete=None,
    )
    keys = sorted(ranks) if scope.column else [""]
    return TimeToConvert(
        about=about,
        rows=tuple(_row(scope.group_of(key), ranks[key], bins[key], width) for key in keys),
        ids=partial(_ids, source, scope, plan, between=between, width=width),
    )


def _row(
    group: Group, ranks: list[tuple[int, int, int]], bins: Mapping[int, tuple[int, int]], width: int
) -> Conversion:
    total = ranks[0][2] if ranks else 0
    p10, p25, p50, p75, p90, longest = (
        min((rank for rank in ranks if rank[0] * 100 >= percent * total), default=(0, None, 0))[1]
        for percent in PERCENTS
    )
    whole = sum(start * records + rest for start, (records, rest) in bins.items())
    starts = range(min(bins, default=0), max(bins, default=-1) + 1, width)
    return Conversion(
        group=group,
        converted=total,
        p10=_span(p10),
        p25=_span(p25),
        p50=_span(p50),
        p75=_span(p75),
        p90=_span(p90),
        longest=_span(longest),
        mean=timedelta(microseconds=whole / total) if total else None,
        bins=tuple(
            Bin(
                timedelta(microseconds=start),
                timedelta(microseconds=start + width),
                bins.get(start, (0, 0))[0],
            )
            for start in starts
        ),
    )


def _span(lasted: int | None) -> timedelta | None:
    return None if lasted is None else timedelta(microseconds=lasted)


def _ids(
    source: Source,
    scope: Scope,
    plan: Plan,
    which: str,
    number: str = "",
    *,
    between: tuple[int, int],
    width: int,
    group: Group = None,
) -> list[str]:
    check_cell("cell", which, ("converted", "bin"))
    params: dict[str, Any] = params_of(scope, plan) | {"key": scope.key_of(group)}
    where = "grp = :key"
    if which == "bin":
        found = time_to_convert(source, scope, plan, between=between, width_us=width)
        bars = found.histogram(group)
        check_cell("bin", number, [str(n) for n in range(len(bars))])
        params["bin_start"] = bars[int(number)].start // timedelta(microseconds=1)
        params["bin_us"] = width
        where += " AND lasted_us - lasted_us % :bin_us = :bin_start"
    sql = converted_text(scope, plan, between, tail="{ids}", cell="converted", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
