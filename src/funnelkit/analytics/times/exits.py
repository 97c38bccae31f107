"""Where stays lead to, and how soon: Aalen-Johansen over the ways out of a stage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.intervals import Estimate
from funnelkit.analytics.result import Group, Result, Row, check_cell, no_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source
from funnelkit.analytics.times.ages import Ages
from funnelkit.analytics.times.incidence import Incidence, aalen_johansen
from funnelkit.analytics.times.stays import Lasting, ids_where, lastings
from funnelkit.analytics.times.survival import span
from funnelkit.clock import duration
from funnelkit.errors import InputError

__all__ = ["Exit", "StageExits", "horizons_of", "stage_exits"]

WAYS = ("forward", "back", "won", "lost", "void", "moved_away")
FORMULA = (
    "F_k(t) = sum over t_i <= t of S(t_i-) d_ki / n_i, S the Kaplan-Meier estimate of staying (Aalen and "
    "Johansen 1978); mean = area under S up to the horizon"
)
_MICROSECOND = timedelta(microseconds=1)


@attrs.frozen(kw_only=True)
class Exit(Row):
    """Where the stays on one stage have led to by one age. The chances and ``still`` add up to 1.

    Attributes:
        horizon: The time since the stage was entered.
        stays: Stays on the stage, those that go on too.
        forward, back, won, lost: The chance of having left so by then; ``forward`` may skip stages.
        void, moved_away: The same of ends that were taken back, and of other pipelines; None where
            nobody left so.
        still: The chance of being there yet.
        mean: The restricted mean: how long a stay lasts on average, where what is beyond the horizon
            counts as the horizon.
        reason: Why there are no chances, or empty.
    """

    stage: str
    label: str
    horizon: timedelta
    stays: int
    forward: Estimate
    back: Estimate
    won: Estimate
    lost: Estimate
    void: Estimate | None
    moved_away: Estimate | None
    still: Estimate
    mean: timedelta | None
    reason: str

    def values(self) -> dict[str, object]:
        """Return the columns; ways that nobody went are not shown."""
        rare = ("void", "moved_away")
        return {name: v for name, v in super().values().items() if name not in rare or v is not None}


class StageExits(Result[Exit]):
    """Ways out by stage and horizon. A cell for `ids`: ``ids("proposal", "30d", "lost")``."""


def horizons_of(given: Sequence[timedelta | str], ages: Ages) -> tuple[int, ...]:
    """Return horizons in microseconds; they have to be whole units of the ages."""
    if isinstance(given, str) or not given:
        raise InputError("horizons", "are a list of durations", 'give ("7d", "30d")')
    found = [duration(horizon, "horizons") // _MICROSECOND for horizon in given]
    for us, horizon in zip(found, given, strict=True):
        if us % ages.width(us):
            raise InputError("horizons", f"{horizon} is no whole number of units", f"for {ages.said}")
    return tuple(sorted(set(found)))


def stage_exits(source: Source, scope: Scope, ages: Ages, horizons: tuple[int, ...]) -> StageExits:
    """Measure the ways out of every stage."""
    asked = Lasting(source, scope, ages)
    counted = lastings(asked, way=True)
    gone = {way for rows in counted.values() for way, *_ in rows}
    rows: list[Exit] = []
    for key in sorted({key for key, _ in counted}) if scope.column else [""]:
        for stage in scope.shape.places[:-1]:
            curve = aalen_johansen(
                (age, end, count)
                for way, age, ended, running, _ in counted.get((key, stage), [])
                for end, count in ((way, ended), ("", running))
            )
            rows += [_exit(curve, us, scope, (stage, scope.group_of(key)), gone) for us in horizons]
    about = scope.about(
        "stage exits",
        "cumulative incidence",
        sentence="the chance of having left a stage in each way by a time since it was entered, each stay by "
        f"itself, where stays that go on count for as long as they were watched; {ages.said}",
        population="stays on the pipeline's stages by then, without those of void records",
        time_axis="the creation of the record",
        complete=not any(running for rows_ in counted.values() for *_, running, _ in rows_),
        formula=FORMULA,
    )
    return StageExits(about=about, rows=tuple(rows), ids=partial(_ids, asked, horizons))


def _exit(curve: Incidence, us: int, scope: Scope, cell: tuple[str, Group], gone: set[str]) -> Exit:
    stage, group = cell
    then = curve.at(us)
    reason = "no stay has been watched so long" if curve.total else "nobody was here"
    chances = {way: then.estimate(way, reason) for way in WAYS}
    mean = curve.mean_to(us)
    return Exit(
        group=group,
        stage=stage,
        label=scope.shape.label(stage),
        horizon=timedelta(microseconds=us),
        stays=curve.total,
        forward=chances["forward"],
        back=chances["back"],
        won=chances["won"],
        lost=chances["lost"],
        void=chances["void"] if "void" in gone else None,
        moved_away=chances["moved_away"] if "moved_away" in gone else None,
        still=then.estimate(None, reason),
        mean=span(None if mean is None else round(mean)),
        reason="" if then.known else reason,
    )


def _ids(
    asked: Lasting, horizons: tuple[int, ...], stage: str, horizon: str, way: str, *, group: Group = None
) -> list[str]:
    check_cell("way", way, WAYS)
    us = duration(horizon, "horizon") // _MICROSECOND
    if us not in horizons:
        raise no_cell("horizon", horizon, (str(timedelta(microseconds=us)) for us in horizons))
    where = "ended = 1 AND went = :way AND lasted_us <= :horizon"
    return ids_where(asked, stage, where, {"way": way, "horizon": us}, group)
