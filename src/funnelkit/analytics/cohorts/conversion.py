"""Conversion of cohorts by a given age: Aalen-Johansen, with open records censored."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.cohorts.lives import Cohort, Horizons, cohorts, life_ids
from funnelkit.analytics.intervals import Estimate, Rate
from funnelkit.analytics.outcomes.endings import NOBODY
from funnelkit.analytics.result import About, Group, Result, Row, check_cell, no_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source
from funnelkit.clock import duration

__all__ = [
    "CohortConversion",
    "Conversion",
    "LossChance",
    "LossChances",
    "cohort_conversion",
    "loss_chances",
]

FORMULA = (
    "F_k(t) = sum over t_i <= t of S(t_i-) d_ki / n_i, S the all-cause Kaplan-Meier estimate (Aalen and "
    "Johansen 1978); variance by the delta method (Dinse and Larson 1986); 95 % interval of Wilson at the "
    "effective size F (1 - F) / variance (Rothman 1978)"
)


@attrs.frozen(kw_only=True)
class Conversion(Row):
    """What becomes of a cohort by one age. ``won`` + ``lost`` + ``open`` (+ the others) is 1.

    Attributes:
        horizon: The age.
        created: Records of the cohort.
        won, lost, open: The chance of each by that age; None with a reason where the cohort is too
            young for it.
        moved_away: The chance of having left for another pipeline; None where nobody did.
        void: The chance of being void; None where void records are outside.
        observed: The maturity: how many of the cohort were created that long ago.
        mature: Whether all of them were; then the chances are plain shares.
        so_far: Won of created, whatever their age: too low while the cohort is young.
        of_closed: Won of won and lost in this cohort: it favours what ends quickly.
        reason: Why there are no chances, or empty.
    """

    horizon: timedelta
    created: int
    won: Estimate
    lost: Estimate
    open: Estimate
    moved_away: Estimate | None
    void: Estimate | None
    observed: Rate
    mature: bool
    so_far: Rate
    of_closed: Rate
    reason: str

    def values(self) -> dict[str, object]:
        """Return the columns; ends that cannot happen here are not shown."""
        return {
            name: value
            for name, value in super().values().items()
            if name not in ("moved_away", "void") or value is not None
        }


class CohortConversion(Result[Conversion]):
    """Conversion by age. Cells for `ids`: ``ids("30d", "won")``.

    The second word is ``created``, ``observed``, ``left_out``, or, by that age, ``won``, ``lost``,
    ``moved_away``, ``void``, ``open`` (known to go on past it), ``unknown`` (open, and younger).
    """


@attrs.frozen(kw_only=True)
class LossChance(Row):
    """The chance of being lost for one reason by one age."""

    horizon: timedelta
    reason: str
    lost: Estimate
    count: int
    created: int
    mature: bool


class LossChances(Result[LossChance]):
    """Losses by age and reason. A cell for `ids`: ``ids("90d", "price")``."""


def cohort_conversion(source: Source, scope: Scope, horizons: Horizons) -> CohortConversion:
    """Estimate win and loss by age, cohort by cohort."""
    found = cohorts(source, scope, horizons)
    others = {status for cohort in found for _, status, _ in cohort.ends} & {"moved_away"}
    if horizons.void == "competing":
        others.add("void")
    rows = [row for cohort in found for row in _rows(cohort, horizons, others)]
    return CohortConversion(
        about=_about(scope, horizons, found, "cohort conversion"),
        rows=tuple(rows),
        ids=partial(_ids, source, scope, horizons),
        groups=tuple(cohort.group for cohort in found),
    )


def loss_chances(source: Source, scope: Scope, horizons: Horizons) -> LossChances:
    """Estimate losses by age and reason, cohort by cohort."""
    horizons = attrs.evolve(horizons, by_reason=True)
    found = cohorts(source, scope, horizons)
    rows = []
    for cohort in found:
        curve = cohort.curve
        for n, (us, span) in enumerate(zip(horizons.us, horizons.spans, strict=True)):
            then = curve.at(us)
            for end in [end for end in curve.ends if end.startswith("lost ")]:
                count = sum(records for age, cause, records in cohort.ends if cause == end and age <= us)
                rows.append(
                    LossChance(
                        group=cohort.group,
                        horizon=span,
                        reason=end.removeprefix("lost "),
                        lost=then.estimate(end, TOO_YOUNG),
                        count=count,
                        created=cohort.size,
                        mature=cohort.watched[n] == cohort.size,
                    )
                )
    return LossChances(
        about=_about(scope, horizons, found, "cohort losses"),
        rows=tuple(rows),
        ids=partial(_reason_ids, source, scope, horizons),
        groups=tuple(cohort.group for cohort in found),
    )


TOO_YOUNG = "not enough data: nobody of the cohort has been watched so long"


def _rows(cohort: Cohort, horizons: Horizons, others: set[str]) -> list[Conversion]:
    curve, rows = cohort.curve, []
    won, lost = (sum(n for _, end, n in cohort.ends if end == which) for which in ("won", "lost"))
    for n, (us, span) in enumerate(zip(horizons.us, horizons.spans, strict=True)):
        then = curve.at(us)
        reason = TOO_YOUNG if cohort.size else "nobody was created"
        rows.append(
            Conversion(
                group=cohort.group,
                horizon=span,
                created=cohort.size,
                won=then.estimate("won", reason),
                lost=then.estimate("lost", reason),
                open=then.estimate(None, reason),
                moved_away=then.estimate("moved_away", reason) if "moved_away" in others else None,
                void=then.estimate("void", reason) if "void" in others else None,
                observed=Rate.of(cohort.watched[n], cohort.size, "nobody was created"),
                mature=cohort.watched[n] == cohort.size,
                so_far=Rate.of(won, cohort.size, "nobody was created"),
                of_closed=Rate.of(won, won + lost, NOBODY),
                reason="" if then.known else reason,
            )
        )
    return rows


def _about(scope: Scope, horizons: Horizons, found: list[Cohort], metric: str) -> About:
    left = {"records that ended, or are seen, before they were created": sum(c.left_out for c in found)}
    if horizons.void == "outside":
        left["void records, outside of every count"] = sum(c.counts.get("void", 0) for c in found)
    void = ", void records are one more end" if horizons.void == "competing" else ""
    return scope.about(
        metric,
        "cumulative incidence",
        sentence="the chance of each end by an age, where ends compete and open records count for as long as "
        f"they were watched; an end that was taken back is none{void}; {horizons.said}, and ends come "
        "before who was last seen open",
        population="records created in or moved into the pipeline by then"
        + ("" if void else ", without void ones"),
        time_axis="the age of the record; cohorts are by creation",
        complete=all(watched == cohort.size for cohort in found for watched in cohort.watched),
        quality=left,
        formula=FORMULA,
        left_out="" if void else "void records",
    )


_ENDS = ("won", "lost", "moved_away", "void")


def _ids(
    source: Source, scope: Scope, horizons: Horizons, horizon: str, which: str, *, group: Group = None
) -> list[str]:
    params = horizons.params() | {"horizon": _known(horizons, horizon), "which": which}
    outside = " AND status <> 'void'" if horizons.void == "outside" else ""
    columns = dict.fromkeys(_ENDS, "status = :which AND lasted_us <= :horizon") | {
        "created": "lasted_us >= 0",
        "observed": "watched_us >= :horizon",
        "left_out": "lasted_us < 0",
        "open": "((status = 'open' AND lasted_us >= :horizon) OR lasted_us > :horizon)",
        "unknown": "status = 'open' AND lasted_us < :horizon",
    }
    check_cell("column", which, columns)
    counted = "" if which == "left_out" else " AND lasted_us >= 0"
    return life_ids(source, scope, params, columns[which] + counted + outside, group=group)


def _reason_ids(
    source: Source, scope: Scope, horizons: Horizons, horizon: str, why: str, *, group: Group = None
) -> list[str]:
    params = horizons.params() | {"horizon": _known(horizons, horizon), "why": why}
    where = "status = 'lost' AND reason = :why AND lasted_us >= 0 AND lasted_us <= :horizon"
    return life_ids(source, scope, params, where, group=group)


def _known(horizons: Horizons, given: str) -> int:
    us = duration(given, "horizon") // timedelta(microseconds=1)
    if us not in horizons.us:
        raise no_cell("horizon", given, map(str, horizons.spans))
    return us
