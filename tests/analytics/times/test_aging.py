"""Policies of aging: one record and all records get one answer; working hours minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.histories import Edit, Place, Record, feed, histories, hour, micros

from funnelkit.analytics import Aging, AgingFacts, Analytics, Shape, WorkingHours
from funnelkit.clock import FrozenClock
from funnelkit.errors import FunnelkitError, InputError

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = WorkingHours(zone=BERLIN, start="10:00", end="17:30", holidays={date(2026, 3, 30)})


def minutes(hours: WorkingHours, start: datetime, end: datetime) -> int:
    """Count the minutes in which somebody works, one by one."""
    found = 0
    while start < end:
        here = start.astimezone(hours.zone)
        works = here.weekday() in hours.days and here.date() not in hours.holidays
        found += works and hours.start <= here.time() < hours.end
        start += timedelta(minutes=1)
    return found


instants = st.integers(0, 6 * 24 * 60).map(
    lambda n: datetime(2026, 3, 26, 20, tzinfo=UTC) + timedelta(minutes=n)
)
offices = st.sampled_from(
    [
        OFFICE,
        WorkingHours(),
        WorkingHours(days={5, 6}, start=time(0), end=time(23, 59), zone=BERLIN),
        WorkingHours(days=range(7), start="01:00", end="04:00", zone=BERLIN),
    ]
)


@few
@given(offices, instants, instants)
def test_working_time_is_what_counting_minutes_gives(office: Any, start: datetime, end: datetime) -> None:
    """Over nights, a weekend, a holiday and a change of the clocks; nothing when the end is earlier."""
    assert office.between(start, end) == timedelta(minutes=minutes(office, start, end))


@few
@given(offices, instants, instants, st.integers(0, 2400))
def test_an_instant_before_divides_what_is_too_long_ago(
    office: Any, start: datetime, end: datetime, worked: int
) -> None:
    """More working time than given has passed since whatever is earlier, and no more since the rest."""
    limit = timedelta(minutes=worked)
    assert (start < office.before(end, limit)) == (
        office.between(start, max(start, end)) > limit
    ) or start > end


def test_there_is_an_end_to_looking_back() -> None:
    """A limit of more than a hundred years of working time is refused."""
    with pytest.raises(InputError):
        WorkingHours().before(hour(0), timedelta(days=36_000))


@pytest.mark.parametrize("wrong", [{"days": ()}, {"days": {7}}, {"start": "18:00", "end": "09:00"}])
def test_hours_that_nobody_works_are_refused(wrong: dict[str, Any]) -> None:
    """No day, a day that is none, an end before the start."""
    with pytest.raises(InputError):
        WorkingHours(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"limit": "7x"}, {"limit": "7d", "clock": "moon"}, {"limit": "7d", "unit": "ly"}]
)
def test_a_policy_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    """A limit, a clock and a unit that are none."""
    with pytest.raises(FunnelkitError):
        Aging(**wrong)


policies = st.builds(
    Aging,
    limit=st.sampled_from(["2h", "5h", "1d", {"new": "3h", "offer": "8h"}]),
    clock=st.sampled_from(["stage", "activity", "update", "creation"]),
    unit=st.sampled_from(["calendar", "business"]),
    hours=st.sampled_from([OFFICE, WorkingHours(days=range(7), start="02:00", end="05:00")]),
)


def facts_of(life: ref.Life, calls: dict[str, list[int]], as_of: float) -> AgingFacts:
    """Return what is known of a record, by looking at all that happened to it."""
    asked = ref.Asked(as_of=as_of)
    done = [t for t in calls.get(life.record.id, []) if t <= as_of]
    edits = [e.t for e in life.record.events if isinstance(e, Edit) and e.t <= as_of]
    moved = ref.last_touch(life, asked).t
    born = [life.record.events[0].t] if life.record.custom else []
    return AgingFacts(
        stage=ref.last_stage(life, asked),
        created=hour(life.record.created),
        entered=hour(moved),
        updated=hour(max([moved, *done, *edits, *born])),
        last_activity=hour(max(done)) if done else None,
    )


@few
@given(
    histories(),
    st.dictionaries(
        st.sampled_from(["deal_0", "deal_1", "deal_2"]), st.lists(st.integers(0, 40), max_size=3)
    ),
    policies,
    st.sampled_from([12, 30]),
)
def test_the_report_and_the_policy_give_one_answer(
    records: list[Record], calls: dict[str, list[int]], policy: Aging, as_of: int
) -> None:
    """Overdue in the report is whatever the policy says of each open record by itself."""
    database = feed(records)
    for record, hours in calls.items():
        for n, t in enumerate(hours):
            row = (f"{record}-{n}", record, "call", "", "", "", "", micros(t), "", "[]", "{}")
            database.connection.execute("INSERT INTO activity VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)
    shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in ("new", "call", "offer", "deal")))
    found = Analytics(database, [shape], FrozenClock(hour(99))).overdue(policy, as_of=hour(as_of))
    asked = ref.Asked(as_of=as_of)
    lives = {life.record.id: life for life in ref.lives(records, asked) if ref.status(life, asked) == "open"}
    facts = {name: facts_of(life, calls, as_of) for name, life in lives.items()}
    for row in found.rows:
        here = {name: fact for name, fact in facts.items() if fact.stage == row.stage}
        late = sorted(name for name, fact in here.items() if policy.is_overdue(fact, hour(as_of)))
        assert (row.open, row.overdue.numerator) == (len(here), len(late))
        assert found.ids(row.stage) == late
        assert found.ids(row.stage, "open") == sorted(here)
        oldest = min((policy.since(fact) for fact in here.values()), default=None)
        if oldest is not None:
            fact = next(fact for fact in here.values() if policy.since(fact) == oldest)
            assert row.oldest == policy.age(fact, hour(as_of))


def test_a_planned_activity_keeps_a_record_from_being_overdue() -> None:
    """With respect for plans a call of tomorrow excuses; a call of yesterday, or no respect, does not."""
    created, now = hour(0), hour(100)

    def late(policy: Aging, planned: datetime | None) -> bool:
        facts = AgingFacts(
            stage="new", created=created, entered=created, updated=created, next_activity=planned
        )
        return policy.is_overdue(facts, now)

    respects, ignores = Aging(limit="1d", respect_future_activity=True), Aging(limit="1d")
    assert not late(respects, hour(101))
    assert late(respects, hour(99))
    assert late(respects, None)
    assert late(ignores, hour(101))


def test_the_report_does_not_pretend_to_know_plans() -> None:
    """A policy that respects plans is refused where there are none."""
    database = feed([Record("d", 0, "", ("", 0), "", "", {}, (Place(0, "sales", "new"),))])
    metrics = Analytics(database, [Shape(pipeline="sales", stages=(("new", ""),))], FrozenClock(hour(99)))
    with pytest.raises(InputError):
        metrics.overdue(Aging(limit="1d", respect_future_activity=True))
