"""Ways out of a stage, restricted means and stuck records, against plain references and by hand."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.cohorts.reference_cohorts import shares
from tests.analytics.histories import OUTCOMES, PIPELINES, Place, Record, analytics, histories
from tests.analytics.reference import Asked
from tests.analytics.test_against_reference import questions, said

from funnelkit.errors import InputError

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
WAYS = ("forward", "back", "won", "lost", "void", "moved_away")


def stays(records: list[Record], asked: Asked) -> dict[tuple[Any, str], list[tuple[float, str, str]]]:
    """Return (group, stage) → (hours, where to, record) of each stay; "" is: still there."""
    found: dict[tuple[Any, str], list[tuple[float, str, str]]] = defaultdict(list)
    order = PIPELINES[asked.pipeline]
    for life in ref.lives(records, asked):
        for n, step in enumerate(life.steps):
            if ref.is_void(life) or step.pipeline != asked.pipeline or step.place in OUTCOMES:
                continue
            after = life.steps[n + 1] if n + 1 < len(life.steps) else None
            key = ref.group(life, after or ref.last_touch(life, asked), asked)
            if key is ref.NOT_ASKED:
                continue
            if after is None:
                way = ""
            elif after.pipeline != asked.pipeline:
                way = "moved_away"
            elif after.place in OUTCOMES:
                way = after.place
            else:
                way = "back" if order.index(after.place) < order.index(step.place) else "forward"
            found[key, step.place].append(((after.t if after else asked.as_of) - step.t, way, life.record.id))
    return found


@few
@given(histories(), questions(), st.sampled_from([1, 2, 8]))
def test_ways_out_are_what_stays_one_by_one_give(records: list[Record], asked: Asked, age: int) -> None:
    """The chance of every way, the mean and the ids equal those of the reference."""
    found = analytics(records).stage_exits(asked.pipeline, horizons=[f"{age}h"], **said(asked))
    want = stays(records, asked)
    assert {(row.group, row.stage) for row in found.rows} >= set(want)
    for row in found.rows:
        many = want.get((row.group, row.stage), [])
        chances = shares([(t, way) for t, way, _ in many], age) if many else None
        assert (row.stays, row.reason == "") == (len(many), chances is not None)
        for way in (*WAYS, "still"):
            if (estimate := getattr(row, way)) is not None:
                share = None if chances is None else chances.get("" if way == "still" else way, Fraction(0))
                assert estimate.value == (None if share is None else float(share)), way
        if chances is None:
            assert row.mean is None
        else:
            parts = [shares([(t, way) for t, way, _ in many], hour) for hour in range(age)]
            area = float(sum(part[""] for part in parts if part))
            assert row.mean is not None
            assert row.mean.total_seconds() / 3600 == pytest.approx(area)
        for way in WAYS:
            ids = sorted({name for t, w, name in many if w == way and t <= age})
            assert found.ids(row.stage, f"{age}h", way, group=row.group) == ids


@few
@given(histories(), st.sampled_from([None, "owner", "month"]), st.sampled_from([None, 1]))
def test_stuck_records_are_those_beyond_the_quantile(records: list[Record], by: Any, after: Any) -> None:
    """The limit is the Kaplan-Meier quantile of all stays that were long enough; ids are those beyond it."""
    asked = Asked(as_of=30)
    metrics = analytics(records, now=30)
    found = metrics.stuck("sales", percent=75, after=after and f"{after}h", by=by)
    want = stays(records, asked)
    for row in found.rows:
        many = want.get((None, row.stage), [])
        longer = [(t, way) for t, way, _ in many if after is None or t > after]
        limit = ref.kaplan_meier([t for t, w in longer if w], [t for t, w in longer if not w], 75)
        assert (row.limit.total_seconds() / 3600 if row.limit else None) == (limit or None)
        over = {name for t, way, name in many if not way and limit is not None and t > limit}
        if by is None:
            assert found.ids(row.stage) == sorted(over)
            assert (row.stuck.numerator, row.open) == (len(over), sum(not way for _, way, _ in many))
        else:
            assert set(found.ids(row.stage, group=row.group)) <= over
    for stage in PIPELINES["sales"] if by else ():
        rows = [row for row in found.rows if row.stage == stage]
        whole = next(
            row
            for row in metrics.stuck("sales", percent=75, after=after and f"{after}h").rows
            if row.stage == stage
        )
        assert sum(row.stuck.numerator for row in rows) == whole.stuck.numerator


def on_new(*stays_: tuple[float, str]) -> list[Record]:
    """Return records that left the first stage after so many hours, or are there for so many by hour 1000."""
    records = []
    for n, (t, way) in enumerate(stays_):
        start = 0 if way else 1000 - t
        places = [Place(start, "sales", "new")] + ([Place(t, "sales", way)] if way else [])
        records.append(Record(f"d{n}", start, "", ("", 0), "", "", {}, tuple(places)))
    return records


def test_the_chance_to_leave_from_the_limit_on_is_the_conditional_tail() -> None:
    """Of ten stays nine end by 9 h, so the limit is 9 h; the one that is open at 20 h is stuck."""
    records = on_new(*[(float(t), "call") for t in range(1, 10)], (20.0, ""))
    row = analytics(records, now=1000).stuck("sales", percent=90, ahead="5h").rows[0]
    assert (row.limit.total_seconds(), row.stuck.numerator, row.open) == (9 * 3600, 1, 1)  # type: ignore[union-attr]
    assert row.leave.value == 0.0


def test_a_limit_for_those_who_were_there_for_long() -> None:
    """Of four stays beyond 10 h (20, 30, 40 and one open at 35 h) half are over at 30 h."""
    records = on_new((1, "call"), (2, "call"), (20, "call"), (30, "call"), (40, "call"), (35, ""))
    row = analytics(records, now=1000).stuck("sales", percent=50, after="10h").rows[0]
    assert (row.limit.total_seconds() / 3600, row.stuck.numerator) == (30, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize("wrong", [{"percent": 0}, {"percent": 100}, {"after": "90m"}])
def test_what_cannot_be_usual_is_refused(wrong: dict[str, Any]) -> None:
    """Nobody, everybody, and a time that is no whole number of units."""
    with pytest.raises(InputError):
        analytics([]).stuck("sales", **wrong)


@pytest.mark.parametrize("horizons", [[], "7d", ["61d1h"]])
def test_horizons_are_whole_units(horizons: Any) -> None:
    """None, a text for a list, and beyond 60 days no whole day are refused."""
    with pytest.raises(InputError):
        analytics([]).stage_exits("sales", horizons=horizons)


def test_stuck_says_its_durations_in_words() -> None:
    """30 days are 30 days and 36 hours a day and a half, not what Python prints of a timedelta."""
    said = analytics([], now=1000).stuck("sales", ahead="30d", after="36h").about.sentence
    assert "longer than 1.50 d;" in said
    assert "within 30.00 d from the limit on" in said
    assert "0:00" not in said


@pytest.mark.parametrize("percent", ["x", 0, 100, None, 2.5])
def test_a_percent_that_is_none_is_refused(percent: object) -> None:
    """It is a whole number from 1 to 99."""
    with pytest.raises(InputError, match=r"percent: .* is not between 1 and 99"):
        analytics([], now=1000).stuck("sales", percent=percent)  # type: ignore[arg-type]


def test_a_policy_that_is_none_is_refused() -> None:
    """A number of days is no policy."""
    with pytest.raises(InputError, match="policy: 3 is no policy"):
        analytics([], now=1000).overdue(3, "sales")  # type: ignore[arg-type]
