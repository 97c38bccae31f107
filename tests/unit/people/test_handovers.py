"""The report of who handed what to whom, when and why."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from tests.unit.people.test_assigning import MONDAY, shop, team

from funnelkit import AsyncEngine, Engine, FrozenClock
from funnelkit.changes import RecordAssigned
from funnelkit.errors import InputError, RefusedError, TimeError
from funnelkit.people import Handovers, async_handovers, handovers

PRINTED = """\
from    to      hand-overs  records  why
ann     bob              2        2  leave 1, no reason 1
nobody  ann              1        1  on duty 1
bob     nobody           1        1  no reason 1
bob     ann              1        1  back 1"""


def handed() -> Engine:
    """Return an engine where five records went from hand to hand, one a day."""
    clock = FrozenClock(MONDAY)
    engine = shop(clock=clock)
    ids = ["D1", "D2", "D3"]
    for id, owner in zip(ids, ("ann", "ann", ""), strict=True):
        engine.create(id, id=id, pipeline="strict", owner=owner)
    engine.transfer("D2", "sales")
    acts = [
        ("D1", "bob", "leave"),
        ("D2", "bob", ""),
        ("D1", "ann", "back"),
        ("D2", "", ""),
        ("D3", "ann", "on duty"),
    ]
    for id, owner, reason in acts:
        clock.tick("1d")
        engine.assign(id, owner, reason=reason, actor="eva")
    return engine


def test_it_prints_who_gave_how_many_to_whom() -> None:
    """A table by pairs, the most first, with the records and the reasons."""
    assert str(handovers(handed())) == PRINTED


def test_it_has_a_row_for_each() -> None:
    """Each row says when, by whom and why, in order."""
    rows = handovers(handed()).rows
    assert rows[0] == RecordAssigned(
        record="D1",
        version=2,
        at=datetime(2026, 3, 3, 9, tzinfo=UTC),
        actor="eva",
        source="ann",
        target="bob",
        reason="leave",
    )
    assert [row.record for row in rows] == ["D1", "D2", "D1", "D2", "D3"]


def test_it_is_of_a_time() -> None:
    """From the first day, up to before the last one."""
    found = handovers(handed(), since=date(2026, 3, 4), until=date(2026, 3, 6))
    assert [row.record for row in found.rows] == ["D2", "D1"]


def test_its_days_are_those_of_the_engine() -> None:
    """What happened at 20:00 in London happened on the next day in Auckland."""
    engine = shop(clock=FrozenClock(MONDAY.replace(hour=20)), zone=ZoneInfo("Pacific/Auckland"))
    engine.assign(engine.create("order", pipeline="sales"), "ann")
    assert len(handovers(engine, since=date(2026, 3, 3)).rows) == 1
    assert len(handovers(engine, until=date(2026, 3, 3)).rows) == 0


def test_it_names_the_records_behind_a_pair() -> None:
    """Each record once, the earliest first."""
    assert handovers(handed()).ids("ann", "bob") == ["D1", "D2"]


def test_somebody_sees_the_handovers_of_what_they_see() -> None:
    """Through one person's eyes it is about the records that they see."""
    found = handovers(handed().seen_by("ann"))
    assert {row.record for row in found.rows} == {"D1", "D3"}


def test_a_hand_over_without_a_reason_leaves_no_trace() -> None:
    """Where a reason is asked for, a hand-over without one does not happen."""
    engine = handed()
    before = handovers(engine)
    with pytest.raises(RefusedError):
        engine.assign("D1", "eva")
    assert handovers(engine) == before


def test_a_bound_is_a_date() -> None:
    """An instant is refused, for it may be of another zone."""
    with pytest.raises(TimeError, match="is not a date"):
        handovers(handed(), since=MONDAY)


def test_an_awaited_engine_is_refused_with_a_sentence() -> None:
    """What blocks takes an engine that blocks."""
    with pytest.raises(InputError, match="is no Engine"):
        handovers(AsyncEngine())  # type: ignore[arg-type]


def test_awaited_it_is_the_same_report() -> None:
    """An engine that is awaited tells the same of a time, and of what one person sees."""
    whole = handed()

    async def asked() -> list[Handovers]:
        engine = AsyncEngine(store=whole.store, organisation=team())
        some = await async_handovers(engine, since=date(2026, 3, 4), until=date(2026, 3, 6))
        return [await async_handovers(engine), some, await async_handovers(engine.seen_by("ann"))]

    some = handovers(whole, since=date(2026, 3, 4), until=date(2026, 3, 6))
    assert asyncio.run(asked()) == [handovers(whole), some, handovers(whole.seen_by("ann"))]
