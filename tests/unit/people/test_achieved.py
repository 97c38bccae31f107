"""Plan against fact over random lives, beside a count by hand over the ledgers of single records."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelkit import AsyncEngine, Engine, FrozenClock, Pipeline, Stage, money
from funnelkit.errors import FunnelkitError, InputError, TimeError
from funnelkit.people import Group, Organisation, Person, Target
from funnelkit.records import Move
from funnelkit.testing import sequential_ids

ZONE = ZoneInfo("Asia/Kamchatka")
FIRST = date(2026, 3, 2)
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
PEOPLE = Organisation(
    [Person(id) for id in ("ann", "bob", "eva")],
    [
        Group("north", members=["ann", "bob"], within="all"),
        Group("south", members=["eva"], within="all"),
        Group("all"),
    ],
)
TARGETS = {
    "count": Target("count", "sales", FIRST, FIRST + timedelta(6), amount=7),
    "sum": Target("sum", "sales", FIRST, FIRST + timedelta(6), measure="sum", amount=money(1000, "EUR")),
    "passage": Target(
        "passage", "sales", FIRST, FIRST + timedelta(6), measure="passage", stage="call", amount=9
    ),
}
acts = st.tuples(
    st.sampled_from(["create", "create", "call", "win", "win", "lose", "void", "reopen", "assign"]),
    st.integers(0, 20),
    st.sampled_from(["", "ann", "bob", "eva", "zoe"]),
    st.integers(1, 30),
)


def lived(life: list[Any]) -> Engine:
    """Return an engine after a life; what is refused is left out."""
    clock = FrozenClock(START)
    pipeline = Pipeline("sales", [Stage("new"), Stage("call"), Stage("offer")])
    engine = Engine(pipeline, clock=clock, zone=ZONE, organisation=PEOPLE, ids=sequential_ids())
    ids: list[str] = []
    for verb, number, owner, hours in life:
        clock.tick(timedelta(hours=hours))
        id = ids[number % len(ids)] if ids else ""
        try:
            if verb == "create":
                ids.append(
                    engine.create("deal", owner=owner, value=money(number, "EUR" if number % 3 else "USD")).id
                )
            elif verb == "call":
                engine.move(id, "call")
            elif verb == "assign":
                engine.assign(id, owner)
            else:
                getattr(engine, verb)(id, **({"reason": "x"} if verb in {"lose", "void"} else {}))
        except FunnelkitError:
            continue
    clock.tick("20d")
    return engine


def by_hand(engine: Engine, target: Target, day: date) -> dict[str, int]:
    """Return owner → what they reached by the end of a day, told from each record's moves."""
    end = datetime.combine(min(day + timedelta(1), target.until), time(), ZONE)
    seen = datetime.combine(day + timedelta(1), time(), ZONE)
    start = datetime.combine(target.since, time(), ZONE)
    facts: dict[str, int] = {}
    for deal in engine.find("deal", limit=1000):
        moves = [move for move in engine.history(deal) if move.at < seen]
        if not moves:
            continue
        for move in _counted(moves, target):
            if start <= move.at < end:
                facts[move.owner] = facts.get(move.owner, 0) + _worth(move, target)
    return facts


def _counted(moves: list[Move], target: Target) -> list[Move]:
    last = moves[-1]
    if target.measure != "passage":
        return [last] if last.target == "won" else []
    if last.target == "void":
        return []
    return [
        move for move in moves if move.target == target.stage and move.direction not in {"close", "reopen"}
    ][:1]


def _worth(move: Move, target: Target) -> int:
    if target.measure != "sum":
        return 1
    return move.value.minor if move.value is not None and move.value.currency == "EUR" else 0


def units(amount: Any) -> int:
    """Return a number, or the minor units of money."""
    return amount if isinstance(amount, int) else int(amount.minor)


@pytest.mark.parametrize("measure", TARGETS)
@given(life=st.lists(acts, max_size=40), day=st.integers(-2, 9))
@settings(deadline=None)
def test_facts_are_those_of_the_ledgers(measure: str, life: list[Any], day: int) -> None:
    """For any life and any day, the whole, the groups and the people have what a count by hand says."""
    engine, target = lived(life), TARGETS[measure]
    plan = target.split({"north": 3, "south": 2}).split({"ann": 1, "bob": 1}, "north")
    on = FIRST + timedelta(day)
    facts = by_hand(engine, target, on)
    told = {row.names: units(row.fact) for row in engine.achieved(plan, on).rows}
    assert told == {
        (): sum(facts.values()),
        ("north",): facts.get("ann", 0) + facts.get("bob", 0),
        ("north", "ann"): facts.get("ann", 0),
        ("north", "bob"): facts.get("bob", 0),
        ("south",): facts.get("eva", 0),
    }


@pytest.mark.parametrize("measure", TARGETS)
@given(weights=st.lists(st.integers(0, 9), min_size=2, max_size=2).filter(any), day=st.integers(-2, 9))
def test_parts_add_up_on_every_day_however_split(measure: str, weights: list[int], day: int) -> None:
    """After a split, and split anew, targets and plans of the parts add up to the whole."""
    target = TARGETS[measure]
    plan = target.split({"north": 3, "south": 2}).resplit(dict(zip(("north", "south"), weights, strict=True)))
    rows = lived([]).achieved(plan, FIRST + timedelta(day)).rows
    assert sum(units(row.target) for row in rows[1:]) == units(rows[0].target)
    assert sum(units(row.plan) for row in rows[1:]) == units(rows[0].plan)


def test_a_win_that_was_taken_back_counts_until_then() -> None:
    """A win of the 3rd that is reopened on the 5th counts by the end of the 4th, and not on the 5th."""
    engine = lived([("create", 1, "ann", 24), ("win", 0, "", 24), ("reopen", 0, "", 48)])
    facts = [engine.achieved(TARGETS["count"], date(2026, 3, day)).rows[0].fact for day in (2, 3, 4, 5)]
    assert facts == [0, 1, 1, 0]


def test_who_has_no_part_counts_for_the_whole_only() -> None:
    """What somebody reached who has no part is in the whole and in no part."""
    engine = lived([("create", 1, "zoe", 24), ("win", 0, "", 24)])
    rows = engine.achieved(TARGETS["count"].split({"north": 1, "south": 1}), date(2026, 3, 4)).rows
    assert [row.fact for row in rows] == [1, 0, 0]


async def awaited(store: str, seer: str) -> list[Any]:
    """Return the facts of one win of ann and one of bob, asked of an engine that is awaited."""
    async with AsyncEngine(
        Pipeline("sales", [Stage("new")]),
        store=store,
        clock=FrozenClock(START + timedelta(2)),
        organisation=PEOPLE,
    ) as engine:
        for owner in ("ann", "bob"):
            await engine.win(await engine.create("Acme", owner=owner))
        asked = engine.seen_by(seer) if seer else engine
        return [row.fact for row in (await asked.achieved(TARGETS["count"], date(2026, 3, 3))).rows]


@pytest.mark.parametrize(("seer", "fact"), [("", 2), ("ann", 1)])
@pytest.mark.parametrize("kind", ["memory", "file"])
def test_what_was_achieved_is_awaited(kind: str, seer: str, fact: int, tmp_path: Path) -> None:
    """An engine that is awaited, whole or as one person sees it, tells plan against fact."""
    store = "memory:" if kind == "memory" else f"sqlite:///{tmp_path}/crm.db"
    assert asyncio.run(awaited(store, seer)) == [fact]


def test_an_unknown_stage_is_refused() -> None:
    """A target for a stage that the pipeline has not is refused, with the stage that was meant."""
    target = Target("t", "sales", FIRST, FIRST + timedelta(6), measure="passage", stage="ofer", amount=1)
    with pytest.raises(InputError, match=r"has no stage 'ofer' \(did you mean 'offer'"):
        lived([]).achieved(target)


@pytest.mark.parametrize("measure", [{}, {"measure": "passage", "stage": "call"}])
def test_an_unknown_pipeline_is_refused(measure: dict[str, Any]) -> None:
    """A target for a pipeline that the engine has not is refused, with the one that was meant."""
    target = Target("t", "sals", FIRST, FIRST + timedelta(6), amount=1, **measure)
    with pytest.raises(InputError, match="did you mean 'sales'"):
        lived([]).achieved(target)


def test_a_part_of_nobody_is_refused() -> None:
    """A part that is neither a person nor a group is refused, with the name that was meant."""
    with pytest.raises(InputError, match=r"'nort' is neither a person nor a group .*\(did you mean 'north'"):
        lived([]).achieved(TARGETS["count"].split({"nort": 1, "south": 1}))


def test_a_part_within_a_part_may_be_of_nobody_just_as_little() -> None:
    """A part of a part that is nobody is refused, too; the name above is only a name."""
    with pytest.raises(InputError, match="'any'"):
        lived([]).achieved(TARGETS["count"].split({"both": 1}).split({"any": 1, "bob": 1}, "both"))


def test_a_name_over_several_parts_has_what_they_have() -> None:
    """A part that is nobody, but has parts, has what these have."""
    engine = lived([("create", 1, "ann", 24), ("win", 0, "", 24)])
    plan = TARGETS["count"].split({"both": 1}).split({"ann": 1, "eva": 1}, "both")
    assert [row.fact for row in engine.achieved(plan, date(2026, 3, 4)).rows] == [1, 1, 1, 0]


def test_who_has_left_may_have_a_part() -> None:
    """Somebody who is of the organisation no more, and held something once, keeps what they reached."""
    engine = lived([("create", 1, "zoe", 24), ("win", 0, "", 24), ("assign", 0, "ann", 24)])
    rows = engine.achieved(TARGETS["count"].split({"zoe": 1, "ann": 1}), date(2026, 3, 4)).rows
    assert [row.fact for row in rows] == [1, 1, 0]


def test_without_an_organisation_parts_are_whoever_they_are() -> None:
    """An engine that knows no people takes any name for a part."""
    rows = Engine(Pipeline("sales", [Stage("new")])).achieved(TARGETS["count"].split({"any": 1})).rows
    assert [row.fact for row in rows] == [0, 0]


@pytest.mark.parametrize("day", [date.min, date(1969, 12, 31), date.max])
def test_a_day_out_of_reach_is_refused(day: date) -> None:
    """A day whose end is no instant that can be told is refused."""
    with pytest.raises(TimeError, match="out of reach"):
        lived([]).achieved(TARGETS["count"], day)


@pytest.mark.parametrize("day", [date(1970, 1, 2), date(9999, 12, 30)])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_the_last_day_are_in_reach(day: date, zone: str) -> None:
    """The first and the last day that can be told are told in every time zone."""
    engine = Engine(Pipeline("sales", [Stage("new")]), zone=ZoneInfo(zone))
    assert [row.fact for row in engine.achieved(TARGETS["count"], day).rows] == [0]
