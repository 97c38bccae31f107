"""The trend of a funnel: conversion by the day, week, month or quarter in which records took the first step.

A period is complete when it is over and its last entrant has had the whole window. Before that its
rate still moves, and is not to be compared with the others.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Literal

import attrs

from funnelkit.analytics.funnels import funnel
from funnelkit.analytics.funnels.plans import FORMULAS, Plan
from funnelkit.analytics.funnels.wording import credit_text, params_of
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, rows_of
from funnelkit.clock import from_us, to_us

__all__ = ["Every", "FunnelTrend", "TrendRow", "funnel_trend"]

Every = Literal["day", "week", "month", "quarter"]

_DAY = 86_400_000_000
_QUARTER_HOUR = 900_000_000
"""Every time zone of today is so many quarters of an hour from UTC, so its days begin with one."""


@attrs.frozen(kw_only=True)
class TrendRow(Row):
    """Those who took the first step in one period.

    Attributes:
        period: Its name: ``"2026-03-02"``, ``"2026-W10"``, ``"2026-03"``, ``"2026-Q1"``.
        entered: Records that took the first step then.
        converted: Those of them that did all steps within the window.
        rate: The one of the other.
        complete: Whether the period is over and the last of them has had the whole window.
        counts: Step → those of them that came so far.
    """

    period: str
    entered: int
    converted: int
    rate: Rate
    complete: bool
    counts: dict[str, int] = attrs.field(hash=False)

    def values(self) -> dict[str, object]:
        """Return the columns; the counts of the steps in between are not among them."""
        return {name: value for name, value in super().values().items() if name != "counts"}


class FunnelTrend(Result[TrendRow]):
    """Conversion by period of entry. Cells for `ids`: ``ids("2026-03")``, ``ids("2026-03", "offer")``."""


def funnel_trend(source: Source, scope: Scope, plan: Plan, *, every: Every) -> FunnelTrend:
    """Count by period of entry: SQL counts by day or quarter of an hour, here they become periods."""
    found: dict[tuple[str, date], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    latest: dict[tuple[str, date], int] = defaultdict(int)
    params = params_of(scope, plan) | {"bin_us": _DAY if scope.zone is UTC else _QUARTER_HOUR}
    text = credit_text(scope, plan, tail="{trend}", mask="0", masked="")
    for key, start, level, records, last in rows_of(source, text, params):
        period = key, _period(from_us(start).astimezone(scope.zone).date(), every)
        latest[period] = max(latest[period], last)
        for step in range(1, level + 1):
            found[period][step] += records
    rows = []
    for (key, day), counts in sorted(found.items()):
        entered, converted = counts[1], counts.get(len(plan.places), 0)
        rows.append(
            TrendRow(
                group=scope.group_of(key),
                period=_name(day, every),
                entered=entered,
                converted=converted,
                rate=Rate.of(converted, entered),
                complete=max(latest[key, day] + plan.within_us, _midnight(_after(day, every), scope))
                <= scope.as_of_us,
                counts={name: counts.get(n, 0) for n, name in enumerate(plan.names, 1)},
            )
        )
    about = scope.about(
        "funnel trend",
        plan.definition.name,
        sentence=f"{plan.definition.sentence}; the window of {plan.within_us / 3.6e9:g} h opens with the "
        f"first entry; a {every} is complete when it is over and its last entrant has had all of it; one in "
        "which nobody entered has no row",
        population=plan.definition.population,
        time_axis="the first step of the record",
        formula=FORMULAS[plan.definition.name],
        complete=all(row.complete for row in rows),
    )
    return FunnelTrend(about=about, rows=tuple(rows), ids=partial(_ids, source, scope, plan, every=every))


def _ids(
    source: Source,
    scope: Scope,
    plan: Plan,
    period: str,
    step: str = "",
    *,
    every: Every,
    group: Group = None,
) -> list[str]:
    rows = funnel_trend(source, scope, plan, every=every).rows
    check_cell("period", period, list(dict.fromkeys(row.period for row in rows)))
    start = _day(period, every)
    entered = (_midnight(start, scope), _midnight(_after(start, every), scope))
    chosen = attrs.evolve(plan, entered=entered, attribution="first")
    return funnel.cell_ids(source, scope, chosen, step or plan.names[0], group=group)


def _midnight(day: date, scope: Scope) -> int:
    return to_us(datetime.combine(day, time(), scope.zone))


def _period(day: date, every: Every) -> date:
    """Return the first day of the period that a day lies in."""
    if every == "week":
        return day - timedelta(days=day.weekday())
    if every == "month":
        return day.replace(day=1)
    return day.replace(day=1, month=day.month - (day.month - 1) % 3) if every == "quarter" else day


def _after(day: date, every: Every) -> date:
    """Return the first day of the next period."""
    return _period(day + timedelta(days={"day": 1, "week": 7, "month": 31, "quarter": 92}[every]), every)


def _name(day: date, every: Every) -> str:
    if every == "week":
        return f"{day:%G-W%V}"
    if every == "quarter":
        return f"{day.year}-Q{(day.month + 2) // 3}"
    return f"{day:%Y-%m}" if every == "month" else day.isoformat()


def _day(period: str, every: Every) -> date:
    """Return the first day of the period of a name."""
    if every == "week":
        return datetime.strptime(f"{period}-1", "%G-W%V-%u").date()  # noqa: DTZ007 (a date has no zone)
    if every == "quarter":
        return date(int(period[:4]), 3 * int(period[-1]) - 2, 1)
    return date.fromisoformat(period if every == "day" else f"{period}-01")
