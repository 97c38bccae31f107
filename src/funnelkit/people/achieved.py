"""Plan against fact: what came of a target by the end of any day, credited to who held it then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo

from funnelkit.analytics import Analytics
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.clock import Clock, present, to_us
from funnelkit.errors import InputError, TimeError, shown
from funnelkit.people.apportion import Amount, currency, like
from funnelkit.people.organisation import Organisation, mend
from funnelkit.people.plan_fact import PlanFacts, plan_facts
from funnelkit.people.targets import SplitTarget, Target
from funnelkit.serial import did_you_mean

__all__ = ["achieved"]

Names = tuple[str, ...]

_FIRST, _LAST = date(1970, 1, 2), date(9999, 12, 30)
"""Days whose end is an instant in every time zone."""

_HELD = "SELECT record_id FROM move WHERE owner = :owner LIMIT 1"


def achieved(
    source: Source,
    analytics: Analytics,
    plan: SplitTarget | Target,
    day: date | None,
    *,
    organisation: Organisation,
    clock: Clock,
    zone: tzinfo,
) -> PlanFacts:
    """Do `Engine.achieved`.

    Args:
        source: Where the ledger is.
        analytics: Its reports.
        plan: The target, with or without parts.
        day: By the end of which day; today if left out.
        organisation: Whose groups the parts may be.
        clock: What time it is.
        zone: Where the days begin.
    """
    split = SplitTarget(plan) if isinstance(plan, Target) else plan
    if not isinstance(split, SplitTarget):
        raise InputError("plan", f"{shown(plan)} is no target", "give a Target, or what its split returned")
    now = present(clock)
    today = now.astimezone(zone).date()
    day = today if day is None else day
    if isinstance(day, datetime) or not isinstance(day, date):
        raise TimeError("day", f"{shown(day)} is not a date", "give datetime.date(2026, 3, 1)")
    if not _FIRST <= day <= _LAST:
        raise TimeError("day", f"{day} is out of reach", f"give a day from {_FIRST} to {_LAST}")
    target = split.target
    _check(source, analytics, split, organisation)
    end = min(max(day + timedelta(days=1), target.since), target.until)
    seen = min(now, datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(microseconds=1))
    if target.measure == "passage":
        by_owner = _passages(source, target, end, seen, zone)
    else:
        by_owner = _wins(analytics, target, end, seen)
    facts = {names: _sum(target, by_owner, _people(organisation, part)) for names, part in split.walk()}
    return plan_facts(split, day, facts)


def _check(source: Source, analytics: Analytics, split: SplitTarget, organisation: Organisation) -> None:
    """Raise InputError for a pipeline, stage or part that nothing could ever be reached for."""
    target = split.target
    stages = dict(analytics._scope(target.pipeline, {}).shape.stages)  # noqa: SLF001 (it knows its pipelines)
    if target.measure == "passage" and target.stage not in stages:
        problem = f"pipeline {shown(target.pipeline)} has no stage {shown(target.stage)}"
        raise InputError("stage", problem, did_you_mean(target.stage, stages))
    known = {*organisation.ids, *(group.id for group in organisation.groups)}
    for _, part in split.walk() if known else ():
        # who has left may have a part still; a name for several parts stands for these
        stranger = bool(part.name) and not part.parts and part.name not in known
        if stranger and not source.query(_HELD, {"owner": part.name}):
            problem = f"{shown(part.name)} is neither a person nor a group of the organisation"
            raise InputError("part", problem, mend(part.name, sorted(known)))


def _wins(analytics: Analytics, target: Target, end: date, seen: datetime) -> dict[str, int]:
    """Return owner at the win → records, or minor units, of wins before a day that stand as of an instant."""
    rows = analytics.people(target.pipeline, closed=(target.since, end), as_of=seen).rows
    if target.measure == "count":
        return {str(row.group): row.won for row in rows}
    wanted = currency(target.amount)
    return {str(row.group): row.won_sums[wanted].minor for row in rows if wanted in row.won_sums}


def _passages(source: Source, target: Target, end: date, seen: datetime, zone: tzinfo) -> dict[str, int]:
    """Return owner at the time → records that came to the stage for the first time before a day."""
    params: dict[str, int | str] = {
        "pipeline": target.pipeline,
        "stage": target.stage,
        "entered_from": to_us(datetime.combine(target.since, time(), zone)),
        "entered_to": to_us(datetime.combine(end, time(), zone)),
        "as_of": to_us(seen),
    }
    return {owner: int(count) for owner, count in rows_of(source, compose("people/passages"), params)}


def _people(organisation: Organisation, part: SplitTarget) -> frozenset[str] | None:
    """Return the people of a part: the members of its group, else itself; None for the whole."""
    if not part.name:
        return None
    if any(group.id == part.name for group in organisation.groups):
        return frozenset(organisation.members(part.name))
    below = [_people(organisation, each) or frozenset() for each in part.parts]
    return frozenset().union(*below) if below else frozenset((part.name,))


def _sum(target: Target, by_owner: Mapping[str, int], people: frozenset[str] | None) -> Amount:
    units = [count for owner, count in by_owner.items() if people is None or owner in people]
    return like(sum(units), target.amount)
