"""What has to hold for any history, whatever the numbers are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.histories import PIPELINES, Edit, Place, Record, analytics, histories, hour

from funnelkit.analytics import Analytics, Funnel

few = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
definitions = pytest.mark.parametrize("definition", ["reached", "visited", "bitrix24", "ordered", "closed"])


def moved(event: Place | Edit, by: float) -> Place | Edit:
    """Return the event at another hour."""
    return event._replace(t=event.t + by)


def table(funnel: Funnel) -> list[dict[str, Any]]:
    """Return every column of every row."""
    return [row.values() for row in funnel.rows]


@pytest.mark.parametrize("definition", ["reached", "ordered", "closed"])
@few
@given(records=histories())
def test_counts_never_rise_from_one_row_to_the_next(definition: Any, records: list[Record]) -> None:
    """Nobody gets further without having come so far."""
    counts = [row.count for row in analytics(records).funnel("sales", definition=definition).rows]
    assert counts == sorted(counts, reverse=True)


@definitions
@pytest.mark.parametrize("by", ["owner", "source", "campaign", "repeat", "month", "custom.segment"])
@settings(few, max_examples=15)
@given(records=histories())
def test_groups_add_up_to_the_whole(definition: Any, by: str, records: list[Record]) -> None:
    """Every count and every fate of the whole is the sum of those of the groups."""
    metrics = analytics(records)
    whole = metrics.funnel("sales", definition=definition)
    parts = metrics.funnel("sales", definition=definition, by=by)
    for row in whole.rows:
        same = [part for part in parts.rows if part.stage == row.stage]
        assert sum(part.count for part in same) == row.count
        assert sum(part.of_first.numerator for part in same) == row.of_first.numerator
        for name in ("lost", "void", "open", "went_back", "skipped", "moved_away"):
            assert sum(getattr(part.fate, name) for part in same) == getattr(row.fate, name)


@definitions
@few
@given(records=histories(), as_of=st.integers(0, 25))
def test_as_of_is_the_log_cut_off_there(definition: Any, records: list[Record], as_of: int) -> None:
    """What happened later changes nothing in a report as of an instant."""
    cut = [
        record._replace(events=tuple(event for event in record.events if event.t <= as_of))
        for record in records
        if record.events[0].t <= as_of
    ]
    then = analytics(records).funnel("sales", definition=definition, as_of=hour(as_of))
    assert table(then) == table(analytics(cut).funnel("sales", definition=definition))


@definitions
@few
@given(records=histories(), by=st.integers(1, 500))
def test_names_and_the_calendar_do_not_matter(definition: Any, records: list[Record], by: int) -> None:
    """Other ids and another year give the same table."""
    other = [
        record._replace(
            id=f"x{len(records) - n}",
            created=record.created + by,
            events=tuple(moved(event, by) for event in record.events),
        )
        for n, record in enumerate(records)
    ]
    found = analytics(records).funnel("sales", definition=definition)
    assert table(found) == table(analytics(other).funnel("sales", definition=definition))


@few
@given(histories())
def test_every_record_is_won_lost_open_or_elsewhere(records: list[Record]) -> None:
    """The wins and the fates of all stages add up to the first row, void records apart."""
    funnel = analytics(records).funnel("sales")
    ends = sum(row.fate.lost + row.fate.open + row.fate.moved_away for row in funnel.rows)
    assert funnel["won"].count + ends == funnel.rows[0].count
    assert funnel.void == sum(row.fate.void for row in funnel.rows)


@few
@given(histories())
def test_what_reached_a_stage_is_never_less_than_what_visited_it(records: list[Record]) -> None:
    """The difference between the two funnels is the records that skipped the stage."""
    metrics = analytics(records)
    visited = metrics.funnel("sales", definition="visited").counts()
    for row in metrics.funnel("sales").rows[:-1]:
        assert row.count - visited[row.stage] == row.fate.skipped


@few
@given(histories(), st.sampled_from([1, 2, 5]))
def test_a_longer_window_and_a_freer_start_never_lose_anybody(records: list[Record], hours: int) -> None:
    """Counts grow with the window, and any start finds at least what the first one finds."""
    metrics: Analytics = analytics(records)

    def counts(window: str | None, anchor: Any) -> list[int]:
        found = metrics.funnel("sales", definition="ordered", window=window, anchor=anchor)
        return [row.count for row in found.rows]

    short, long, endless = (counts(window, "any") for window in (f"{hours}h", f"{hours + 2}h", None))
    first = counts(f"{hours}h", "first")
    assert all(a <= b <= c for a, b, c in zip(short, long, endless, strict=True))
    assert all(a <= b for a, b in zip(first, short, strict=True))
    assert counts("1000h", "any") == endless


@few
@given(histories(), st.integers(0, 12), st.integers(13, 30))
def test_stock_and_flow_agree(records: list[Record], start: int, end: int) -> None:
    """Who is on a stage later is who was there before, plus who came, less who left."""
    metrics = analytics([r for r in records if not any(getattr(e, "place", "") == "void" for e in r.events)])

    def stock(t: int) -> dict[str, int]:
        return {row.stage: row.count for row in metrics.potential("sales", as_of=hour(t)).rows}

    def flow(t: int) -> dict[str, int]:
        net = dict.fromkeys(PIPELINES["sales"], 0)
        for row in metrics.transitions("sales", as_of=hour(t)).rows:
            for place, sign in ((row.target, 1), (row.source, -1)):
                if place in net:
                    net[place] += sign * row.count
        return net

    before, after, early, late = stock(start), stock(end), flow(start), flow(end)
    assert {stage: before[stage] + late[stage] - early[stage] for stage in before} == after


@few
@given(histories())
def test_the_stays_of_a_record_fill_its_life(records: list[Record]) -> None:
    """Closed stays and open ones add up to the hours that records were open in a pipeline."""
    metrics = analytics(records, now=100)
    lived = 0.0
    for record in records:
        places = [event for event in record.events if isinstance(event, Place)]
        if places[-1].place == "void":
            continue
        ends = [place.t for place in places[1:]] + [100.0]
        lived += sum(
            end - place.t
            for place, end in zip(places, ends, strict=True)
            if place.place not in ("won", "lost", "void")
        )
    open_hours = closed_days = 0.0
    for name in PIPELINES:
        closed_days += sum(row.total_days for row in metrics.time_in_stage(name).rows)
        listed = [
            record
            for row in metrics.potential(name).rows
            for record in metrics.potential(name).ids(row.stage)
        ]
        last = {r.id: [e for e in r.events if isinstance(e, Place)][-1].t for r in records}
        open_hours += sum(100.0 - last[record] for record in listed)
    assert closed_days * 24 + open_hours == pytest.approx(lived)
