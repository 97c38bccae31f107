"""When an open record has been left alone for too long: a policy, for one record and for all.

CRMs disagree about which clock runs, what sets it back, and whether a planned call counts. A policy
says it, and gives the same answer for one record (`Aging.is_overdue`) and in the report over all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.analytics.times.hours import WorkingHours
from funnelkit.clock import duration, from_us, to_us
from funnelkit.errors import InputError, shown

__all__ = ["Aging", "AgingFacts", "Overdue", "OverdueRecords", "overdue"]

Clock = Literal["stage", "activity", "update", "creation"]
Unit = Literal["calendar", "business"]
_CLOCKS = ("stage", "activity", "update", "creation")
_UNITS = ("calendar", "business")


@attrs.frozen(kw_only=True)
class AgingFacts:
    """What a policy looks at in one open record.

    Attributes:
        stage: Where it is.
        created, entered, updated: When it came to be, came to its stage, was last changed in any way.
        last_activity: When something was last done for it.
        next_activity: When something is planned for it.
    """

    stage: str
    created: datetime
    entered: datetime
    updated: datetime
    last_activity: datetime | None = None
    next_activity: datetime | None = None


def _limits(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {stage: duration(limit, f"limit.{stage}") for stage, limit in given.items()}
    return duration(given, "limit")


def _one_of(known: tuple[str, ...]) -> Any:
    def check(_: object, field: attrs.Attribute[str], given: str) -> None:
        if given not in known:
            raise InputError(field.name, f"{shown(given)} is not known", f"there are {', '.join(known)}")

    return check


@attrs.frozen(kw_only=True)
class Aging:
    """When a record has been left alone for too long.

    Attributes:
        limit: How long is allowed; or stage → how long, and the other stages have no limit. In working
            time when the unit is ``"business"``: ``"16h"`` are two days of eight hours.
        clock: What the clock runs from: ``"stage"``: when the record came to its stage; ``"activity"``:
            when something was last done for it, or its creation; ``"update"``: the last move, edit or
            activity; ``"creation"``.
        unit: ``"calendar"``: all time counts; ``"business"``: working hours alone.
        hours: The working hours of ``"business"``.
        respect_future_activity: Whether a record for which something is planned is never overdue.

    >>> from datetime import UTC, datetime
    >>> policy = Aging(limit="7d")
    >>> new = AgingFacts(stage="new", created=datetime(2026, 3, 1, tzinfo=UTC),
    ...             entered=datetime(2026, 3, 1, tzinfo=UTC), updated=datetime(2026, 3, 9, tzinfo=UTC))
    >>> policy.is_overdue(new, datetime(2026, 3, 8, tzinfo=UTC))
    False
    >>> policy.is_overdue(new, datetime(2026, 3, 8, 0, 0, 1, tzinfo=UTC))
    True
    """

    limit: timedelta | Mapping[str, timedelta] = attrs.field(converter=_limits)
    clock: Clock = attrs.field(default="stage", validator=_one_of(_CLOCKS))
    unit: Unit = attrs.field(default="calendar", validator=_one_of(_UNITS))
    hours: WorkingHours = attrs.field(factory=WorkingHours)
    respect_future_activity: bool = False

    def since(self, facts: AgingFacts) -> datetime:
        """Return when the clock of a record began to run."""
        return {
            "stage": facts.entered,
            "activity": facts.last_activity or facts.created,
            "update": facts.updated,
            "creation": facts.created,
        }[self.clock]

    def age(self, facts: AgingFacts, now: datetime) -> timedelta:
        """Return how long a record has been left alone."""
        since = self.since(facts)
        return now - since if self.unit == "calendar" else self.hours.between(since, now)

    def limit_of(self, stage: str) -> timedelta | None:
        """Return how long is allowed on a stage; None is no limit."""
        return self.limit.get(stage) if isinstance(self.limit, Mapping) else self.limit

    def is_overdue(self, facts: AgingFacts, now: datetime) -> bool:
        """Whether a record is older than its limit; at the limit it is not yet."""
        limit = self.limit_of(facts.stage)
        planned = facts.next_activity is not None and facts.next_activity > now
        if limit is None or (planned and self.respect_future_activity):
            return False
        return self.age(facts, now) > limit

    def threshold(self, stage: str, now: datetime) -> datetime | None:
        """Return the instant such that a record is overdue when its clock began before it."""
        limit = self.limit_of(stage)
        if limit is None:
            return None
        return now - limit if self.unit == "calendar" else self.hours.before(now, limit)

    @property
    def said(self) -> str:
        """The policy in words."""
        begins = {
            "stage": "came to its stage",
            "activity": "had something done for it, or was created",
            "update": "was last moved, edited or worked on",
            "creation": "was created",
        }[self.clock]
        unit = "working time" if self.unit == "business" else "time"
        return f"a record is overdue when more {unit} than its limit has passed since it {begins}"


@attrs.frozen(kw_only=True)
class Overdue(Row):
    """The open records of one stage, and those of them that are overdue.

    Attributes:
        open: Records that are there.
        limit: How long is allowed; None where there is no limit.
        overdue: Those that are older.
        oldest: The age of the oldest; None where nobody is.
    """

    stage: str
    label: str
    open: int
    limit: timedelta | None
    overdue: Rate
    oldest: timedelta | None


class OverdueRecords(Result[Overdue]):
    """Overdue records by stage. Cells for `ids`: ``ids("proposal")``, ``ids("proposal", "open")``."""


def overdue(source: Source, scope: Scope, policy: Aging) -> OverdueRecords:
    """Hold every open record against a policy."""
    if policy.respect_future_activity:
        problem = "the store has only what was done, not what is planned"
        raise InputError("policy", problem, "ask is_overdue for each record, with what you know of plans")
    now = from_us(scope.as_of_us)
    found = {
        (key, stage): (int(records), int(over), int(oldest))
        for key, stage, records, over, oldest in rows_of(
            source, _text(scope, policy, "{waited}"), _params(scope, policy)
        )
    }
    rows = []
    for key in sorted({key for key, _ in found}) if scope.column else [""]:
        for stage in scope.shape.places[:-1]:
            records, over, oldest = found.get((key, stage), (0, 0, 0))
            began = from_us(oldest)
            age = now - began if policy.unit == "calendar" else policy.hours.between(began, now)
            rows.append(
                Overdue(
                    group=scope.group_of(key),
                    stage=stage,
                    label=scope.shape.label(stage),
                    open=records,
                    limit=policy.limit_of(stage),
                    overdue=Rate.of(over, records, "nobody is here"),
                    oldest=age if records else None,
                )
            )
    about = scope.about(
        "overdue records",
        policy.clock,
        sentence=policy.said,
        population="records that are open on the pipeline's stages by then",
        time_axis="the creation of the record",
        formula="overdue when as_of - start of the clock > limit",
    )
    return OverdueRecords(about=about, rows=tuple(rows), ids=partial(_ids, source, scope, policy))


_SINCE = {
    "stage": "m.moved_us",
    "creation": "m.created_us",
    "activity": "COALESCE(d.last_us, m.created_us)",
    "update": (
        "CASE WHEN COALESCE(d.last_us, 0) > COALESCE(e.last_us, 0) AND COALESCE(d.last_us, 0) > m.moved_us "
        "THEN COALESCE(d.last_us, 0) "
        "WHEN COALESCE(e.last_us, 0) > m.moved_us THEN COALESCE(e.last_us, 0) ELSE m.moved_us END"
    ),
}


def _text(scope: Scope, policy: Aging, tail: str, **slots: str) -> str:
    stages = scope.shape.places[:-1]
    norms = (compose("parts/norm", n=str(n)) for n in range(1, len(stages) + 1))
    since = _SINCE[policy.clock]
    return compose(
        "times/waiting", **scope.slots(), since=since, norms=" UNION ALL ".join(norms), tail=tail, **slots
    )


def _params(scope: Scope, policy: Aging) -> Params:
    now, params = from_us(scope.as_of_us), scope.params()
    for n, stage in enumerate(scope.shape.places[:-1], 1):
        threshold = policy.threshold(stage, now)
        params[f"threshold_{n}"] = -1 if threshold is None else to_us(threshold)
    return params


def _ids(
    source: Source, scope: Scope, policy: Aging, stage: str, which: str = "overdue", *, group: Group = None
) -> list[str]:
    columns = {"overdue": " AND since_us < threshold_us", "open": ""}
    check_cell("stage", stage, scope.shape.places[:-1])
    check_cell("column", which, columns)
    where = f"stage = :stage AND grp = :key{columns[which]}"
    sql = _text(scope, policy, "{ids}", cell="waiting", where=where)
    params = _params(scope, policy) | {"stage": stage, "key": scope.key_of(group)}
    return [record for (record,) in rows_of(source, sql, params)]
