"""Time to convert: against attempts played through one by one, and by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.funnels.reference_steps import How, attempt, events_of
from tests.analytics.histories import Place, Record, analytics, histories, hour
from tests.analytics.reference import NOT_ASKED, Asked, group, is_void, lives, nearest_rank

from funnelkit.errors import InputError

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def wanted(
    records: list[Record], asked: Asked, how: How, between: tuple[int, int]
) -> dict[Any, dict[str, float]]:
    """Return group → record → hours from the one step to the other."""
    found: dict[Any, dict[str, float]] = {}
    for life in lives(records, asked):
        events = [] if is_void(life) else events_of(life, asked)
        starts = [event for event in events if event.place == how.steps[0]]
        tries = [attempt(events, e, how) for e in (starts[:1] if how.anchor == "first" else starts)]
        there = [made for made in tries if len(made.done) >= between[1]]
        if there:
            first = min(made.done[between[1] - 1].seq for made in there)
            same = [made for made in there if made.done[between[1] - 1].seq == first]
            latest = max(same, key=lambda made: made.done[0].seq)
            start, end = (latest.done[step - 1] for step in between)
            key = group(life, end.step, asked)
            if key is not NOT_ASKED:
                found.setdefault(key, {})[life.record.id] = end.t - start.t
    return found


@few
@given(data=st.data(), records=histories())
def test_times_are_those_of_the_attempt_that_came_there(data: st.DataObject, records: list[Record]) -> None:
    """Number, every quantile, mean, bars and ids equal those of the attempts of the reference."""
    places = st.sampled_from(["new", "call", "offer", "deal", "won"])
    steps = tuple(data.draw(st.lists(places, min_size=2, max_size=4, unique=True)))
    end = data.draw(st.integers(2, len(steps)))
    start = data.draw(st.integers(1, end - 1))
    window = data.draw(st.sampled_from([1e9, 1, 4, 9]))
    anchor = data.draw(st.sampled_from(["any", "first"]))
    asked = Asked(
        by=data.draw(st.sampled_from([None, "owner"])), owner=data.draw(st.sampled_from([None, "ann"]))
    )
    found = analytics(records).time_to_convert(
        "sales",
        start=steps[start - 1],
        end=steps[end - 1],
        steps=steps,
        window=None if window == 1e9 else timedelta(hours=window),
        anchor=anchor,  # type: ignore[arg-type]
        by=asked.by,
        owner=asked.owner,
    )
    want = wanted(records, asked, How("ordered", steps, window, anchor), (start, end))
    assert {row.group for row in found.rows} == {*want} | ({None} if asked.by is None else set())
    for row in found.rows:
        times = want.get(row.group, {})
        hours = list(times.values())
        assert row.converted == len(hours)
        assert [row.p10, row.p25, row.p50, row.p75, row.p90, row.longest] == [
            None if (q := nearest_rank(hours, percent)) is None else timedelta(hours=q)
            for percent in (10, 25, 50, 75, 90, 100)
        ]
        assert row.mean == (timedelta(hours=sum(hours)) / len(hours) if hours else None)
        assert found.ids("converted", group=row.group) == sorted(times)
        for n, bar in enumerate(row.bins):
            inside = [name for name, t in times.items() if bar.start <= timedelta(hours=t) < bar.end]
            assert bar.count == len(inside)
            assert found.ids("bin", str(n), group=row.group) == sorted(inside)
        assert sum(bar.count for bar in row.bins) == len(hours)


@pytest.fixture
def three() -> Any:
    """Three records: converted after one hour, after four hours on a second start, and not at all."""
    paths = {
        "a": [(0, "new"), (1, "offer")],
        "b": [(0, "new"), (1, "call"), (20, "new"), (24, "offer")],
        "c": [(0, "new"), (1, "call")],
    }
    return analytics(
        [
            Record(name, 0, "", ("", 0), "", "", {}, tuple(Place(t, "sales", place) for t, place in path))
            for name, path in paths.items()
        ]
    )


def test_a_second_start_begins_the_time_anew(three: Any) -> None:
    """From its second start b took four hours; from the first one it would be out of the window."""
    (row,) = three.time_to_convert("sales", steps=("new", "offer"), window="10h").rows
    assert (row.converted, row.p50, row.longest) == (2, timedelta(hours=1), timedelta(hours=4))
    (row,) = three.time_to_convert("sales", steps=("new", "offer"), window="10h", anchor="first").rows
    assert (row.converted, row.longest) == (1, timedelta(hours=1))


def test_bars_have_the_width_that_is_asked_for(three: Any) -> None:
    """Two hours a bar: one record in the first, none in the second, one in the third."""
    found = three.time_to_convert("sales", steps=("new", "offer"), width="2h")
    assert [bar.count for bar in found.histogram()] == [1, 0, 1]
    assert found.ids("bin", "2") == ["b"]


def test_a_trend_flags_who_still_has_time(three: Any) -> None:
    """Two days later all have had their window of a day; a day later they have not."""
    (row,) = three.funnel_trend("sales", steps=("new", "offer"), window="1d", every="day").rows
    assert (row.entered, row.converted, row.complete) == (3, 2, True)
    (row,) = three.funnel_trend(
        "sales", steps=("new", "offer"), window="1d", every="day", as_of=hour(23)
    ).rows
    assert (row.entered, row.converted, row.complete) == (3, 1, False)


def test_the_end_is_behind_the_start(three: Any) -> None:
    """From offer to new there is no time."""
    with pytest.raises(InputError, match="is not behind the start"):
        three.time_to_convert("sales", start="offer", end="new")
