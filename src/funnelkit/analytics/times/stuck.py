"""Open records that are longer on their stage than others needed who had been there as long."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.intervals import Estimate, Rate
from funnelkit.analytics.rendering import cell_text
from funnelkit.analytics.result import Group, Result, Row
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source
from funnelkit.analytics.times.ages import Ages
from funnelkit.analytics.times.incidence import aalen_johansen
from funnelkit.analytics.times.stays import Lasting, ids_where, lastings
from funnelkit.analytics.times.survival import Lasted, kaplan_meier, span

__all__ = ["Norm", "Stuck", "StuckRecords", "Usual", "norms", "stuck"]

_NEVER = 2**62


@attrs.frozen(kw_only=True)
class Usual:
    """What counts as usual.

    Attributes:
        percent: The share that has to have left; whoever is still there is stuck.
        after_us: Only stays that lasted longer than this are looked at.
        within_us: How far ahead one looks from there.
    """

    percent: int
    after_us: int
    within_us: int


@attrs.frozen
class Norm:
    """What is usual on one stage: the limit, and the chance of leaving once it is passed."""

    limit_us: int | None
    leave: Estimate
    stays: int


@attrs.frozen(kw_only=True)
class Stuck(Row):
    """The open records of one stage, beside what was usual there.

    Attributes:
        open: Records that are there.
        limit: By then so many percent of the stays that lasted longer than ``after`` were over; None
            while that is not known.
        stuck: Those of the open ones that are there for longer.
        leave: Of stays that lasted longer than the limit, the chance of leaving within the time ahead:
            the conditional tail, 1 − S(limit + ahead) / S(limit).
        reason: Why there is no limit, or empty.
    """

    stage: str
    label: str
    open: int
    limit: timedelta | None
    stuck: Rate
    leave: Estimate
    reason: str


class StuckRecords(Result[Stuck]):
    """Stuck records by stage. Cells for `ids`: ``ids("proposal")``, ``ids("proposal", "open")``."""


def norms(source: Source, scope: Scope, ages: Ages, usual: Usual) -> dict[str, Norm]:
    """Return what is usual on every stage, over all groups."""
    found: dict[str, list[Lasted]] = defaultdict(list)
    for (_, stage), rows in lastings(Lasting(source, attrs.evolve(scope, by=None), ages)).items():
        found[stage] += [Lasted(age, ended, running) for _, age, ended, running, _ in rows]
    return {stage: _norm(found[stage], usual) for stage in scope.shape.places[:-1]}


def _norm(lasted: list[Lasted], usual: Usual) -> Norm:
    longer = [item for item in lasted if item.duration > usual.after_us]
    limit = kaplan_meier(longer).quantile(usual.percent)
    if limit is None:
        return Norm(None, Estimate.unknown("there is no limit"), len(lasted))
    beyond = aalen_johansen(
        (item.duration - limit, end, count)
        for item in longer
        if item.duration > limit
        for end, count in (("left", item.closed), ("", item.open))
    )
    leave = beyond.at(usual.within_us).estimate("left", "no such stay has been watched so long")
    return Norm(limit, leave, len(lasted))


def stuck(source: Source, scope: Scope, ages: Ages, usual: Usual, norm: dict[str, Norm]) -> StuckRecords:
    """Hold the open records of every stage against what is usual there."""
    asked = Lasting(source, scope, ages)
    counted = lastings(asked)
    rows = []
    for key in sorted({key for key, _ in counted}) if scope.column else [""]:
        for stage in scope.shape.places[:-1]:
            limit = norm[stage].limit_us
            running = [(age, n) for _, age, _, n, _ in counted.get((key, stage), []) if n]
            still = sum(n for _, n in running)
            over = 0 if limit is None else sum(n for age, n in running if age > limit)
            why = "too few stays have ended" if norm[stage].stays else "nobody was here"
            rows.append(
                Stuck(
                    group=scope.group_of(key),
                    stage=stage,
                    label=scope.shape.label(stage),
                    open=still,
                    limit=span(limit),
                    stuck=Rate.of(over, still, "nobody is here"),
                    leave=norm[stage].leave,
                    reason="" if limit is not None else why,
                )
            )
    ahead = cell_text(span(usual.within_us), "ahead")
    about = scope.about(
        "stuck records",
        f"{usual.percent} % had left",
        sentence=f"open records that are on their stage for longer than {usual.percent} % of the stays "
        f"needed{_longer(usual)}; leave is the chance of leaving within {ahead} from the limit "
        f"on; Kaplan-Meier, over all groups; {ages.said}",
        population="stays on the pipeline's stages by then, without those of void records",
        time_axis="the creation of the record",
        formula="limit = least t with S(t) <= (1 - percent / 100) S(after); "
        "leave = 1 - S(limit + ahead) / S(limit)",
    )
    return StuckRecords(about=about, rows=tuple(rows), ids=partial(_ids, asked, norm))


def _longer(usual: Usual) -> str:
    after = cell_text(span(usual.after_us), "after")
    return f" that lasted longer than {after}" if usual.after_us >= 0 else ""


def _ids(
    asked: Lasting, norm: dict[str, Norm], stage: str, which: str = "stuck", *, group: Group = None
) -> list[str]:
    if which == "open":
        return ids_where(asked, stage, "running = 1", {}, group)
    limit = norm[stage].limit_us if stage in norm else None
    where = "running = 1 AND lasted_us > :limit_us"
    return ids_where(asked, stage, where, {"limit_us": _NEVER if limit is None else limit}, group)
