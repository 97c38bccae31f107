"""What each owner closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import timedelta
from fractions import Fraction
from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.outcomes.endings import (
    BY_CLOSING,
    CLOSED,
    NOBODY,
    Counts,
    counted,
    ending_ids,
    number,
)
from funnelkit.analytics.result import Group, Result, Row, money_sums, no_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.analytics.times.survival import span
from funnelkit.analytics.times.wins import Wins
from funnelkit.money import Money

__all__ = ["People", "Person", "Teams", "people"]


Teams = Mapping[str, Collection[str]]
"""Name of a team → owners; somebody may be in several."""


@attrs.frozen(kw_only=True)
class Person(Row):
    """What one owner, or one team, closed; ``group`` is the owner at the closing, or the team.

    Attributes:
        closed, won, lost: Records.
        win_rate: ``won`` of ``closed``. Look at the interval before you compare people.
        won_sums: Currency → sum of the values at the win.
        average: Currency → mean value of a won record that has one, rounded to its minor units.
        median_to_win: Nearest-rank median from creation to win; None without a win.
        taken_over: Of ``closed``, those that began with somebody else (outside of the team).
        handed_on: Records that began here and were closed by somebody else (outside of the team).
    """

    closed: int
    won: int
    lost: int
    win_rate: Rate
    won_sums: dict[str, Money] = attrs.field(hash=False)
    average: dict[str, Money] = attrs.field(hash=False)
    median_to_win: timedelta | None
    taken_over: Rate
    handed_on: int


class People(Result[Person]):
    """People by name, not by rank. Cells for `ids`: ``ids("won", group="ann")``, ``ids("lost", …)``."""


def people(source: Source, scope: Scope, teams: Teams | None = None) -> People:
    """Measure what each owner, or each team, closed. ``scope`` is grouped by owner."""
    counts, sums = counted(source, scope, "outcomes/endings", "{outcomes}")
    wins = Wins.of(source, scope)
    medians = wins.quantiles((50,), teams)
    sql = compose("outcomes/endings", **scope.slots(), tail="{handed}")
    handed = rows_of(source, sql, scope.params())
    members = {owner: (owner,) for owner in counts} if teams is None else teams
    rows = [
        _row(name, frozenset(members[name]), counts, sums, (medians.get(name, (None,)), handed))
        for name in sorted(members)
    ]
    by, whom = ("owner", "each owner") if teams is None else ("team", "the owners of each team")
    about = attrs.evolve(scope, by=by).about(
        "people",
        "closed",
        sentence=f"what {whom} at the time of closing won and lost; who is listed first is no better",
        population=CLOSED,
        time_axis=BY_CLOSING,
        formula="win_rate = won / (won + lost), interval: Wilson 1927; average = sum of the won / how many "
        "of them have a value",
        quality={"wins dated before the creation, left out of the times and still wins": wins.negative},
    )
    return People(about=about, rows=tuple(rows), ids=partial(_ids, source, scope, teams))


Handed = list[tuple[str, str, int]]
"""Who closed, who had it first, and how many records."""


def _row(
    name: str,
    owners: frozenset[str],
    counts: Mapping[str, Counts],
    sums: Mapping[str, Counts],
    more: tuple[tuple[int | None, ...], Handed],
) -> Person:
    (median,), handed = more
    here = sorted(owners & counts.keys())
    won, lost = (sum(number(counts[owner], status) for owner in here) for status in ("won", "lost"))
    minor: dict[str, int] = defaultdict(int)
    priced: dict[str, int] = defaultdict(int)
    for owner in here:
        for code, records in counts[owner].get("won", {}).items():
            priced[code] += records
            minor[code] += sums[owner]["won"][code]
    taken = sum(n for closer, opener, n in handed if closer in owners and opener not in owners)
    return Person(
        group=name,
        closed=won + lost,
        won=won,
        lost=lost,
        win_rate=Rate.of(won, won + lost, NOBODY),
        won_sums=money_sums(minor),
        average=money_sums({code: round(Fraction(minor[code], priced[code])) for code in minor}),
        median_to_win=span(median),
        taken_over=Rate.of(taken, won + lost, NOBODY),
        handed_on=sum(n for closer, opener, n in handed if opener in owners and closer not in owners),
    )


def _ids(source: Source, scope: Scope, teams: Teams | None, which: str, *, group: Group = None) -> list[str]:
    if teams is None:
        return ending_ids(source, scope, which, group=group)
    if group not in teams:
        raise no_cell("group", group, teams)
    return [record for owner in teams[str(group)] for record in ending_ids(source, scope, which, group=owner)]
