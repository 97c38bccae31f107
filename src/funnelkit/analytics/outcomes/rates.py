"""Win rates, by date of closing and by date of creation: two questions with two answers."""

from __future__ import annotations

from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.outcomes.endings import BY_CLOSING, CLOSED, NOBODY, counted, ending_ids, number
from funnelkit.analytics.result import Group, Result, Row, check_cell, money_sums
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["Cohort", "CohortWinRates", "WinRate", "WinRates", "cohort_win_rates", "win_rates"]


@attrs.frozen(kw_only=True)
class WinRate(Row):
    """Wins of all that were closed. Open records are not seen.

    Attributes:
        won, lost: Records.
        rate: ``won`` of ``won + lost``.
        won_sums, lost_sums: Currency → sum of the values at the closing.
    """

    won: int
    lost: int
    rate: Rate
    won_sums: dict[str, Money] = attrs.field(hash=False)
    lost_sums: dict[str, Money] = attrs.field(hash=False)


class WinRates(Result[WinRate]):
    """Win rates by date of closing. Cells for `ids`: ``ids("won")``, ``ids("lost")``."""


@attrs.frozen(kw_only=True)
class Cohort(Row):
    """What became, so far, of the records created in a period.

    Attributes:
        created: All of them; ``won``, ``lost``, ``open`` and ``moved_away`` add up to it.
        so_far: ``won`` of ``created``; it can only be final once nothing is open.
        rate: ``won`` of ``won + lost``.
        complete: Whether nothing is open any more.
        won_sums: Currency → sum of the values at the win.
    """

    created: int
    won: int
    lost: int
    open: int
    moved_away: int
    so_far: Rate
    rate: Rate
    complete: bool
    won_sums: dict[str, Money] = attrs.field(hash=False)


class CohortWinRates(Result[Cohort]):
    """Win rates by date of creation. Cells for `ids`: won, lost, open, moved_away, created, void."""


def win_rates(source: Source, scope: Scope) -> WinRates:
    """Measure won of won and lost, by date of closing."""
    counts, sums = counted(source, scope, "outcomes/endings", "{outcomes}")
    rows = []
    for key in sorted(counts) if scope.column else [""]:
        won, lost = number(counts[key], "won"), number(counts[key], "lost")
        rows.append(
            WinRate(
                group=scope.group_of(key),
                won=won,
                lost=lost,
                rate=Rate.of(won, won + lost, NOBODY),
                won_sums=money_sums(sums[key]["won"]),
                lost_sums=money_sums(sums[key]["lost"]),
            )
        )
    about = scope.about(
        "win rate",
        "closed",
        sentence="won of won and lost, each record by its one closing that stands; open records are not seen",
        population=CLOSED,
        time_axis=BY_CLOSING,
        formula="rate = won / (won + lost); interval: Wilson 1927",
    )
    return WinRates(about=about, rows=tuple(rows), ids=partial(ending_ids, source, scope))


def cohort_win_rates(source: Source, scope: Scope) -> CohortWinRates:
    """Measure won of created, by date of creation."""
    counts, sums = counted(source, scope, "outcomes/state", "{standings}")
    rows = []
    for key in sorted(counts) if scope.column else [""]:
        won, lost, still, away = (
            number(counts[key], status) for status in ("won", "lost", "open", "moved_away")
        )
        created = won + lost + still + away
        rows.append(
            Cohort(
                group=scope.group_of(key),
                created=created,
                won=won,
                lost=lost,
                open=still,
                moved_away=away,
                so_far=Rate.of(won, created, "nobody was created"),
                rate=Rate.of(won, won + lost, NOBODY),
                complete=still == 0,
                won_sums=money_sums(sums[key]["won"]),
            )
        )
    void = sum(number(count, "void") for count in counts.values())
    about = scope.about(
        "win rate",
        "created",
        sentence="won so far of all created in the period, and won of won and lost among them",
        population="records created in or moved into the pipeline by then, without void ones",
        time_axis="the creation of the record",
        formula="so_far = won / created; of_closed = won / (won + lost); interval: Wilson 1927",
        complete=all(row.complete for row in rows),
        quality={"void records, outside of every count": void},
    )
    return CohortWinRates(about=about, rows=tuple(rows), ids=partial(_state_ids, source, scope))


def _state_ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    columns: dict[str, str] = dict.fromkeys(("won", "lost", "open", "moved_away", "void"), "status = :which")
    columns["created"] = "status <> 'void'"
    check_cell("column", which, columns)
    params = scope.params() | {"which": which, "key": scope.key_of(group)}
    sql = compose(
        "outcomes/state",
        **scope.slots(),
        tail="{ids}",
        cell="state",
        where=f"grp = :key AND {columns[which]}",
    )
    return [record for (record,) in rows_of(source, sql, params)]
