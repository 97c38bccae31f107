"""How it ended: win rates, reasons of losses, and people."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell, money_sums
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.survival import nearest_rank
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.analytics.times import sensible, span, win_times
from funnelkit.money import Money

__all__ = [
    "Cohort",
    "CohortWinRates",
    "LossReason",
    "LossReasons",
    "People",
    "Person",
    "WinRate",
    "WinRates",
    "cohort_win_rates",
    "loss_reasons",
    "people",
    "win_rates",
]

_NOBODY = "nobody was won or lost"
_CLOSED = "records won or lost in the period whose closing stands as of then"
_CLOSING = "the closing of the record"

Counts = dict[str, dict[str, int]]
"""Status → currency → number of records or minor units."""


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


@attrs.frozen(kw_only=True)
class LossReason(Row):
    """Why records were lost on a stage.

    Attributes:
        reason, text: The slug of the catalogue, and its text at the latest such loss.
        count: Records.
        share: Of the losses on that stage; ``of_all``: of all losses.
        sums: Currency → sum of the values at the loss.
    """

    stage: str
    label: str
    reason: str
    text: str
    count: int
    share: Rate
    of_all: Rate
    sums: dict[str, Money] = attrs.field(hash=False)


class LossReasons(Result[LossReason]):
    """Reasons by stage. A cell for `ids`: ``ids("proposal", "price")``."""


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


def win_rates(source: Source, scope: Scope) -> WinRates:
    """Measure won of won and lost, by date of closing."""
    counts, sums = _counted(source, scope, "endings", "{outcomes}")
    rows = []
    for key in sorted(counts) if scope.column else [""]:
        won, lost = _number(counts[key], "won"), _number(counts[key], "lost")
        rows.append(
            WinRate(
                group=scope.group_of(key),
                won=won,
                lost=lost,
                rate=Rate.of(won, won + lost, _NOBODY),
                won_sums=money_sums(sums[key]["won"]),
                lost_sums=money_sums(sums[key]["lost"]),
            )
        )
    about = scope.about(
        "win rate",
        "closed",
        sentence="won of won and lost, each record by its one closing that stands; open records are not seen",
        population=_CLOSED,
        time_axis=_CLOSING,
    )
    return WinRates(about=about, rows=tuple(rows), ids=partial(_ending_ids, source, scope))


def cohort_win_rates(source: Source, scope: Scope) -> CohortWinRates:
    """Measure won of created, by date of creation."""
    counts, sums = _counted(source, scope, "state", "{standings}")
    rows = []
    for key in sorted(counts) if scope.column else [""]:
        won, lost, still, away = (
            _number(counts[key], status) for status in ("won", "lost", "open", "moved_away")
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
                rate=Rate.of(won, won + lost, _NOBODY),
                complete=still == 0,
                won_sums=money_sums(sums[key]["won"]),
            )
        )
    void = sum(_number(count, "void") for count in counts.values())
    about = scope.about(
        "win rate",
        "created",
        sentence="won so far of all created in the period, and won of won and lost among them",
        population="records created in or moved into the pipeline by then, without void ones",
        time_axis="the creation of the record",
        complete=all(row.complete for row in rows),
        quality={"void records, outside of every count": void},
    )
    return CohortWinRates(about=about, rows=tuple(rows), ids=partial(_state_ids, source, scope))


def loss_reasons(source: Source, scope: Scope) -> LossReasons:
    """Count the reasons of losses, by stage."""
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    texts: dict[tuple[str, str, str], tuple[int, str]] = {}
    sql = compose("endings", **scope.slots(), tail="{reasons}")
    for key, stage, reason, text, code, n, total, last in rows_of(source, sql, scope.params()):
        cell = (key, stage, reason)
        counts[cell] += n
        sums[cell][code] += total
        texts[cell] = max(texts.get(cell, (-1, "")), (last, text))
    lost: dict[tuple[str, ...], int] = defaultdict(int)
    for (key, stage, _), n in counts.items():
        lost[key, stage] += n
        lost[(key,)] += n
    order = {stage: n for n, stage in enumerate(scope.shape.places)}
    rows = [
        LossReason(
            group=scope.group_of(key),
            stage=stage,
            label=scope.shape.label(stage),
            reason=reason,
            text=texts[key, stage, reason][1],
            count=n,
            share=Rate.of(n, lost[key, stage]),
            of_all=Rate.of(n, lost[(key,)]),
            sums=money_sums(sums[key, stage, reason]),
        )
        for (key, stage, reason), n in sorted(
            counts.items(),
            key=lambda cell: (cell[0][0], order.get(cell[0][1], len(order)), -cell[1], cell[0][2]),
        )
    ]
    about = scope.about(
        "loss reasons",
        "closed",
        sentence="records lost, by the stage they died on and the reason given then",
        population="records lost in the period whose loss stands as of then",
        time_axis=_CLOSING,
    )
    return LossReasons(about=about, rows=tuple(rows), ids=partial(_loss_ids, source, scope))


def people(source: Source, scope: Scope) -> People:
    """Measure what each owner closed. ``scope`` is grouped by owner."""
    counts, sums = _counted(source, scope, "endings", "{outcomes}")
    times = win_times(source, scope)
    rows = []
    for key in sorted(counts):
        won, lost = _number(counts[key], "won"), _number(counts[key], "lost")
        (median,) = nearest_rank(sensible(times.get(key, [])), [50])
        rows.append(
            Person(
                group=scope.group_of(key),
                closed=won + lost,
                won=won,
                lost=lost,
                win_rate=Rate.of(won, won + lost, _NOBODY),
                won_sums=money_sums(sums[key]["won"]),
                median_to_win=span(median),
            )
        )
    negative = sum(item.closed for many in times.values() for item in many if item.duration < 0)
    about = scope.about(
        "people",
        "closed",
        sentence="what each owner at the time of closing won and lost; who is listed first is no better",
        population=_CLOSED,
        time_axis=_CLOSING,
        quality={"wins dated before the creation, left out of the times and still wins": negative},
    )
    return People(about=about, rows=tuple(rows), ids=partial(_ending_ids, source, scope))


def _counted(
    source: Source, scope: Scope, text: str, tail: str
) -> tuple[defaultdict[str, Counts], defaultdict[str, defaultdict[str, dict[str, int]]]]:
    """Return key → status → currency → records, and the same for minor units."""
    counts: defaultdict[str, Counts] = defaultdict(dict)
    sums: defaultdict[str, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for key, status, code, records, total in rows_of(
        source, compose(text, **scope.slots(), tail=tail), scope.params()
    ):
        counts[key].setdefault(status, {})[code] = records
        sums[key][status][code] = total
    return counts, sums


def _number(counts: Counts, status: str) -> int:
    return sum(counts.get(status, {}).values())


def _ending_ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    check_cell("column", which, ("won", "lost"))
    params = scope.params() | {"which": which, "key": scope.key_of(group)}
    where = "outcome = :which AND grp = :key"
    sql = compose("endings", **scope.slots(), tail="{ids}", cell="ending", where=where)
    return [record for (record,) in rows_of(source, sql, params)]


def _loss_ids(source: Source, scope: Scope, stage: str, reason: str, *, group: Group = None) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    params = scope.params() | {"stage": stage, "why": reason, "key": scope.key_of(group)}
    where = "outcome = 'lost' AND stage = :stage AND reason = :why AND grp = :key"
    sql = compose("endings", **scope.slots(), tail="{ids}", cell="ending", where=where)
    return [record for (record,) in rows_of(source, sql, params)]


def _state_ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    columns: dict[str, str] = dict.fromkeys(("won", "lost", "open", "moved_away", "void"), "status = :which")
    columns["created"] = "status <> 'void'"
    check_cell("column", which, columns)
    params = scope.params() | {"which": which, "key": scope.key_of(group)}
    sql = compose(
        "state", **scope.slots(), tail="{ids}", cell="state", where=f"grp = :key AND {columns[which]}"
    )
    return [record for (record,) in rows_of(source, sql, params)]
