"""What each owner closed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.outcomes.endings import BY_CLOSING, CLOSED, NOBODY, counted, ending_ids, number
from funnelkit.analytics.result import Result, Row, money_sums
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source
from funnelkit.analytics.times.survival import nearest_rank, span
from funnelkit.analytics.times.wins import sensible, win_times
from funnelkit.money import Money

__all__ = ["People", "Person", "people"]


@attrs.frozen(kw_only=True)
class Person(Row):
    """What one owner closed; ``group`` is the owner at the closing.

    Attributes:
        closed, won, lost: Records.
        win_rate: ``won`` of ``closed``. Look at the interval before you compare people.
        won_sums: Currency → sum of the values at the win.
        median_to_win: Nearest-rank median from creation to win; None without a win.
    """

    closed: int
    won: int
    lost: int
    win_rate: Rate
    won_sums: dict[str, Money] = attrs.field(hash=False)
    median_to_win: timedelta | None


class People(Result[Person]):
    """People by name, not by rank. Cells for `ids`: ``ids("won", group="ann")``, ``ids("lost", …)``."""


def people(source: Source, scope: Scope) -> People:
    """Measure what each owner closed. ``scope`` is grouped by owner."""
    counts, sums = counted(source, scope, "outcomes/endings", "{outcomes}")
    times = win_times(source, scope)
    rows = []
    for key in sorted(counts):
        won, lost = number(counts[key], "won"), number(counts[key], "lost")
        (median,) = nearest_rank(sensible(times.get(key, [])), [50])
        rows.append(
            Person(
                group=scope.group_of(key),
                closed=won + lost,
                won=won,
                lost=lost,
                win_rate=Rate.of(won, won + lost, NOBODY),
                won_sums=money_sums(sums[key]["won"]),
                median_to_win=span(median),
            )
        )
    negative = sum(item.closed for many in times.values() for item in many if item.duration < 0)
    about = scope.about(
        "people",
        "closed",
        sentence="what each owner at the time of closing won and lost; who is listed first is no better",
        population=CLOSED,
        time_axis=BY_CLOSING,
        quality={"wins dated before the creation, left out of the times and still wins": negative},
    )
    return People(about=about, rows=tuple(rows), ids=partial(ending_ids, source, scope))
