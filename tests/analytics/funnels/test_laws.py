"""What has to hold for any funnel, whatever its numbers are."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.analytics.histories import PIPELINES, Place, Record, analytics, histories, hour

from funnelkit.analytics import Analytics, Exclusion, Funnel
from funnelkit.errors import InputError

few = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
windows = st.sampled_from([None, "1h", "4h"])
MORE = ("all_previous", "strict", "unordered", "attempts")
STEPPED = ("ordered", "strict", "unordered", "attempts")


def counts(metrics: Analytics, definition: Any, **how: Any) -> list[int]:
    """Return the counts of the rows."""
    return [row.count for row in metrics.funnel("sales", definition=definition, **how).rows]


def table(funnel: Funnel) -> list[dict[str, Any]]:
    """Return every column of every row."""
    return [row.values() | {"worth": row.of_previous_value} for row in funnel.rows]


@few
@given(records=histories(), window=windows)
def test_a_looser_order_never_loses_anybody(records: list[Record], window: str | None) -> None:
    """Strict is at most ordered, ordered at most unordered; and all of them fall from row to row."""
    metrics = analytics(records)
    found = [counts(metrics, name, window=window) for name in ("strict", "ordered", "unordered")]
    for tight, loose in pairwise(found):
        assert all(a <= b for a, b in zip(tight, loose, strict=True))
    for rows in [*found, counts(metrics, "all_previous"), counts(metrics, "attempts", window=window)]:
        assert rows == sorted(rows, reverse=True)


@few
@given(histories())
def test_without_a_window_any_order_is_how_many_stages_were_visited(records: list[Record]) -> None:
    """Row n of the funnel of any order counts the records with at least n places visited."""
    metrics = analytics(records)
    visited = metrics.funnel("sales", definition="visited")
    times: dict[str, int] = {}
    for row in visited.rows:
        for name in visited.ids(row.stage):
            times[name] = times.get(name, 0) + 1
    found = counts(metrics, "unordered")
    assert found == [sum(n >= row for n in times.values()) for row in range(1, len(found) + 1)]


@few
@given(histories())
def test_all_previous_lies_between_ordered_and_reached(records: list[Record]) -> None:
    """Who did all stages in order has been on all of them; who has been on all of them has come so far."""
    metrics = analytics(records)
    ordered, whole, reached = (counts(metrics, name) for name in ("ordered", "all_previous", "reached"))
    assert all(a <= b <= c for a, b, c in zip(ordered, whole, reached, strict=True))


@pytest.mark.parametrize("definition", STEPPED)
@few
@given(records=histories(), hours=st.sampled_from([1, 2, 5]))
def test_a_longer_window_never_loses_anybody(definition: str, records: list[Record], hours: int) -> None:
    """Counts of records grow with the window, up to those without one; attempts may merge instead."""
    metrics = analytics(records)
    short, long, endless = (counts(metrics, definition, window=w) for w in (f"{hours}h", "20h", None))
    if definition == "attempts":
        assert long[0] <= short[0]
    else:
        assert all(a <= b <= c for a, b, c in zip(short, long, endless, strict=True))


@few
@given(histories(), windows)
def test_every_record_in_the_funnel_made_an_attempt(records: list[Record], window: str | None) -> None:
    """The distinct records of attempts are those of the ordered funnel that starts anywhere, in row one."""
    metrics = analytics(records)
    attempts = metrics.funnel("sales", definition="attempts", window=window)
    ordered = metrics.funnel("sales", definition="ordered", window=window)
    assert attempts.ids("new") == ordered.ids("new")
    assert all({*attempts.ids(row.stage)} <= {*ordered.ids(row.stage)} for row in attempts.rows)


@pytest.mark.parametrize("definition", MORE)
@few
@given(records=histories(), cut=st.integers(0, 6))
def test_parts_of_the_records_add_up_to_all_of_them(definition: str, records: list[Record], cut: int) -> None:
    """The funnel of some records and that of the others add up, cell by cell."""
    parts = [
        counts(analytics(some), definition, window="4h")
        if definition != "all_previous"
        else counts(analytics(some), definition)
        for some in (records[:cut], records[cut:], records)
    ]
    assert [a + b for a, b in zip(parts[0], parts[1], strict=True)] == parts[2]


@pytest.mark.parametrize("definition", MORE)
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


@pytest.mark.parametrize("definition", MORE)
@pytest.mark.parametrize(
    ("attribution", "adds_up"), [("each", True), ("first", True), ("last", True), ("all", False)]
)
@settings(few, max_examples=8)
@given(records=histories())
def test_groups_add_up_but_where_a_record_is_in_several(
    definition: Any, attribution: str, *, adds_up: bool, records: list[Record]
) -> None:
    """Rows by owner add up to the whole for one value a record; with all values they can be more."""
    metrics = analytics(records)
    whole = metrics.funnel("sales", definition=definition)
    parts = metrics.funnel("sales", definition=definition, by="owner", attribution=attribution)
    for row in whole.rows:
        total = sum(part.count for part in parts.rows if part.stage == row.stage)
        assert total == row.count if adds_up else total >= row.count


@few
@given(histories(), st.integers(0, 12), st.integers(0, 12))
def test_periods_of_entry_add_up(records: list[Record], start: int, length: int) -> None:
    """Who entered before, in and after a period is everybody who entered."""
    metrics = analytics(records)
    for definition in ("reached", "visited", "all_previous", "attempts"):
        bounds = [(None, hour(start)), (hour(start), hour(start + length)), (hour(start + length), None)]
        parts = [counts(metrics, definition, entered=period) for period in bounds]
        whole = metrics.funnel("sales", definition=definition)
        first = {*whole.ids("new")}
        for row, total in zip(whole.rows, map(sum, zip(*parts, strict=True)), strict=True):
            if definition == "attempts":
                assert total == row.count
            else:
                assert total == len(first & {*whole.ids(row.stage)})


@few
@given(histories())
def test_what_is_held_splits_records_and_loses_none(records: list[Record]) -> None:
    """Records under one owner count once for each owner in row one, and never further than without."""
    metrics = analytics(records)
    held = metrics.funnel("sales", definition="ordered", held="owner")
    free = metrics.funnel("sales", definition="ordered")
    assert held.rows[0].count >= free.rows[0].count
    assert held.ids("new") == free.ids("new")
    assert all({*held.ids(row.stage)} <= {*free.ids(row.stage)} for row in free.rows)


@few
@given(histories())
def test_an_exclusion_takes_away_and_discarding_takes_more(records: list[Record]) -> None:
    """No exclusion, ended attempts, discarded records: fewer each time; who is ended stays in row one."""
    metrics = analytics(records)
    how: dict[str, Any] = {"steps": ("new", "offer", "won"), "exclusions": [Exclusion("call")]}
    free = counts(metrics, "ordered", steps=how["steps"])
    ended, gone = (counts(metrics, "ordered", policy=p, **how) for p in ("end_attempt", "discard_entity"))
    assert ended[0] == free[0]
    assert all(a >= b >= c for a, b, c in zip(free, ended, gone, strict=True))
    assert gone[-1] == ended[-1]


@few
@given(histories())
def test_a_share_of_value_is_of_the_value_at_entry(records: list[Record]) -> None:
    """What entered a row is its sum; a record's value edited later changes neither side."""
    funnel = analytics(records).funnel("sales", definition="visited")
    for before, row in pairwise(funnel.rows):
        assert {code: share.entered for code, share in row.of_previous_value.items()} == before.sums


@pytest.mark.parametrize("every", ["day", "week", "month", "quarter"])
@few
@given(records=histories(), window=st.sampled_from(["2h", "2d"]))
def test_the_trend_adds_up_to_the_funnel(every: Any, records: list[Record], window: str) -> None:
    """Over all periods the trend counts what the funnel counts that starts with the first entry."""
    metrics = analytics(records)
    trend = metrics.funnel_trend("sales", window=window, every=every)
    funnel = metrics.funnel("sales", definition="ordered", anchor="first", window=window)
    for row in funnel.rows:
        assert sum(part.counts[row.stage] for part in trend.rows) == row.count
        ids = sorted(name for part in trend.rows for name in trend.ids(part.period, row.stage))
        assert ids == funnel.ids(row.stage)


@few
@given(histories(), st.integers(5, 40), st.sampled_from([1, 4, 8]))
def test_a_complete_period_stays_as_it_is(records: list[Record], as_of: int, hours: int) -> None:
    """Once the last entrant has had the window, its rate is the same ever after, while no win is undone."""
    events = [event for record in records for event in record.events]
    assume(not any(isinstance(event, Place) and event.place in ("void", "won") for event in events))
    metrics = analytics(records)
    steps = PIPELINES["sales"]
    how: dict[str, Any] = {"window": timedelta(hours=hours), "every": "day", "steps": steps}
    now = {row.period: row for row in metrics.funnel_trend("sales", **how).rows}
    for row in metrics.funnel_trend("sales", as_of=hour(as_of), **how).rows:
        if row.complete:
            assert (row.entered, row.counts) == (now[row.period].entered, now[row.period].counts)


@pytest.mark.parametrize(
    ("definition", "argument"),
    [
        ("reached", {"window": "1h"}),
        ("strict", {"ties": "step_order"}),
        ("unordered", {"anchor": "first"}),
        ("attempts", {"policy": "discard_entity"}),
        ("closed", {"attribution": "first"}),
        ("ordered", {"ties": "by_hand"}),
        ("ordered", {"held": "colour"}),
        ("ordered", {"attribution": "nobody"}),
        ("ordered", {"steps": []}),
        ("ordered", {"steps": ("new", "call", "new"), "ties": "step_order"}),
        ("unordered", {"steps": ("new", "new")}),
        ("ordered", {"exclusions": [Exclusion("call")]}),
        ("ordered", {"exclusions": [Exclusion("offer", "call", "new")]}),
        ("ordered", {"exclusions": [Exclusion("nowhere")]}),
    ],
)
def test_what_says_nothing_is_refused(definition: Any, argument: dict[str, Any]) -> None:
    """An argument of another definition, or one that nothing could be counted by, is told by name."""
    with pytest.raises(InputError) as caught:
        analytics([]).funnel("sales", definition=definition, **argument)
    assert caught.value.argument in argument


def test_two_wins_are_two_attempts() -> None:
    """A client who buys twice converts twice; as a record, once."""
    path = [Place(t, "sales", place) for t, place in enumerate(("new", "offer", "new", "offer"))]
    metrics = analytics([Record("d", 0, "", ("", 0), "", "", {}, tuple(path))])
    assert counts(metrics, "attempts", steps=("new", "offer")) == [2, 2]
    assert counts(metrics, "ordered", steps=("new", "offer")) == [1, 1]
