"""Leaks against a slow count over bare histories, a planted one, and a world without any."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.histories import PIPELINES, Place, Record, analytics, histories, hour
from tests.analytics.reference import Asked
from tests.analytics.test_against_reference import questions, said

from funnelkit.errors import InputError

STAGES = PIPELINES["sales"]
few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def furthest(places: list[str]) -> int:
    """How far a record got, 1 being the first stage; a win is further than all, until it is taken back."""
    top = 0
    for n, place in enumerate(places):
        if place == "won" and n == len(places) - 1:
            return len(STAGES) + 1
        if place in STAGES:
            top = max(top, STAGES.index(place) + 1)
    return top


def counted(records: list[Record], as_of: float) -> dict[tuple[str, str], set[str]]:
    """Who passed and who failed on each stage of sales by then, walked event by event."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        places = [event for event in record.events if isinstance(event, Place) and event.t <= as_of]
        here = [event.place for event in places if event.pipeline == "sales"]
        if not here or places[-1].place == "void":
            continue
        top = furthest(here)
        for stage in STAGES[: top - 1]:
            found[stage, "passed"].add(record.id)
        if places[-1].pipeline == "sales" and here[-1] == "lost":
            found[STAGES[top - 1], "failed"].add(record.id)
    return found


@few
@given(records=histories(), as_of=st.sampled_from([10_000, 6, 12, 18]))
def test_who_passed_and_failed_is_counted_from_bare_histories(records: list[Record], as_of: float) -> None:
    """Counts, and the records behind them, are those of a slow walk."""
    want = counted(records, as_of)
    leaks = analytics(records).leaks("sales", as_of=hour(as_of))
    for row in leaks.rows:
        for column in ("passed", "failed"):
            ids = want[row.stage, column]
            assert (getattr(row, column), set(leaks.ids(row.stage, column))) == (len(ids), ids)


@few
@given(records=histories())
def test_groups_add_up(records: list[Record]) -> None:
    """Passed and failed of all owners are those of everybody."""
    metrics = analytics(records)
    whole = {row.stage: (row.passed, row.failed) for row in metrics.leaks("sales").rows}
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in metrics.leaks("sales", by="owner").rows:
        sums[row.stage][0] += row.passed
        sums[row.stage][1] += row.failed
    for stage, (passed, failed) in whole.items():
        assert (passed, failed) == tuple(sums[stage])


@few
@given(records=histories(), asked=questions())
def test_groups_and_filters_are_those_of_the_funnel_and_of_the_losses(
    records: list[Record], asked: Asked
) -> None:
    """Who passed is in the next row of the reached funnel; who failed is lost, that stage the furthest."""
    asked = asked._replace(closed=(-1e9, 1e9))
    order, want = asked.order, defaultdict[Any, set[str]](set)
    for (key, row, column), ids in ref.funnel(records, asked, "reached").ids.items():
        if column == "count" and row > 1:
            want[key, order[row - 2], "passed"] |= ids
    for (key, outcome), found in ref.endings(records, asked).items():
        for life in found if outcome == "lost" else ():
            top = max(order.index(step.place) for step in ref.here(life, asked) if step.place in order)
            want[key, order[top], "failed"].add(life.record.id)
    leaks = analytics(records).leaks(asked.pipeline, **said(asked))
    cells = {(row.group, row.stage, column): getattr(row, column) for row in leaks.rows for column in COLUMNS}
    assert {cell: n for cell, n in cells.items() if n} == {
        cell: len(ids) for cell, ids in want.items() if ids
    }
    for (key, stage, column), ids in want.items():
        assert set(leaks.ids(stage, column, group=key)) == ids


COLUMNS = ("passed", "failed")


def office(seed: int, chances: dict[tuple[str, str], float], size: int = 900) -> list[Record]:
    """Deals of three sources that pass each stage by chance: 0.7, or what is given for (source, stage)."""
    draw = random.Random(seed)
    records = []
    for n in range(size):
        source = draw.choice(["web", "call", "fair"])
        places = []
        for stage in STAGES:
            places.append(stage)
            if draw.random() > chances.get((source, stage), 0.7):
                places.append("lost")
                break
        else:
            places.append("won")
        events = tuple(Place(t, "sales", place) for t, place in enumerate(places))
        records.append(Record(f"d{n}", 0, "", ("", 0), source, "", {}, events))
    return records


def test_a_planted_leak_is_found() -> None:
    """Half of the chance on one stage of one source is the first row, and the only leak there is."""
    leaks = analytics(office(7, {("fair", "call"): 0.35})).leaks("sales", by="source")
    assert [(row.group, row.stage) for row in leaks.rows if row.is_leak] == [("fair", "call")]
    assert (leaks.rows[0].group, leaks.rows[0].stage) == ("fair", "call")


def test_lost_wins_are_what_the_rates_say() -> None:
    """Two sources, one stage that matters: 40 decided at a quarter below the others, who then win at 0.5."""
    records = []
    for source, passed, failed in (("web", 30, 10), ("fair", 20, 20)):
        for n in range(passed + failed):
            end = "lost" if n >= passed or n % 2 else "won"
            path = ["new", "deal", end] if n < passed else ["new", end]
            events = tuple(Place(t, "sales", place) for t, place in enumerate(path))
            records.append(Record(f"{source}{n}", 0, "", ("", 0), source, "", {}, events))
    (fair,) = (
        row
        for row in analytics(records).leaks("sales", by="source", minimum=1).rows
        if (row.group, row.stage) == ("fair", "new")
    )
    assert (fair.rate.value, fair.others and fair.others.value) == (0.5, 0.75)
    assert fair.lost_wins == pytest.approx(40 * 0.25 * 0.5)


def paths(counts: dict[tuple[str, ...], int]) -> list[Record]:
    """So many records of a source that went a path: (source, place, place, …) → number."""
    return [
        Record(
            f"{n}-{'-'.join(path)}",
            0,
            "",
            ("", 0),
            path[0],
            "",
            {},
            tuple(Place(t, "sales", place) for t, place in enumerate(path[1:])),
        )
        for path, number in counts.items()
        for n in range(number)
    ]


@pytest.mark.parametrize(("end", "costs"), [(("call",), None), (("deal", "lost"), 0)])
def test_a_leak_is_one_before_anybody_has_won(end: tuple[str, ...], costs: float | None) -> None:
    """What it costs is unknown while all others are open, and nothing where they are all lost later."""
    passing, failing = ("new", *end), ("new", "lost")
    leaks = analytics(
        paths({("web", *passing): 90, ("web", *failing): 10, ("fair", *passing): 40, ("fair", *failing): 60})
    ).leaks("sales", by="source")
    (leak,) = (row for row in leaks.rows if row.is_leak)
    assert (leak.group, leak.stage, leak.rate.value) == ("fair", "new", 0.4)
    assert leak.lost_wins == costs


def test_where_nothing_leaks_little_is_found() -> None:
    """In 40 worlds without any leak at most five claim a difference (5 % of them are asked for)."""
    worlds = (analytics(office(seed, {}, 240)).leaks("sales", by="source") for seed in range(40))
    assert sum(any(row.q is not None and row.q <= 0.05 for row in world.rows) for world in worlds) <= 5


def test_with_too_few_nothing_is_claimed() -> None:
    """Below the minimum a row has its counts, no q, and says why."""
    leaks = analytics(office(1, {("fair", "new"): 0.0}, 30)).leaks("sales", by="source", minimum=500)
    assert {(row.q, row.is_leak, row.reason) for row in leaks.rows} == {
        (None, False, "fewer than 500 were decided")
    }


@pytest.mark.parametrize("wrong", [{"level": 0}, {"level": 1}, {"minimum": 0}, {"by": "month"}])
def test_what_cannot_be_asked_is_refused(wrong: dict[str, object]) -> None:
    """Levels and minima out of range, and periods as groups, are named."""
    with pytest.raises(InputError, match=next(iter(wrong))):
        analytics([]).leaks("sales", **wrong)  # type: ignore[arg-type]
