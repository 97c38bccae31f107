"""Conversion of cohorts against a plain reference, and by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.cohorts.reference_cohorts import cohorts, shares
from tests.analytics.histories import Place, Record, analytics, histories, hour
from tests.analytics.reference import Asked
from tests.analytics.test_against_reference import questions, said

from funnelkit.analytics import Rate
from funnelkit.errors import InputError

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
ENDS = ("won", "lost", "moved_away", "void")


@few
@given(histories(), questions(), st.sampled_from([1, 3, 8]), st.booleans())
def test_conversion_is_what_records_one_by_one_give(
    records: list[Record], asked: Asked, age: int, void: bool
) -> None:
    """Chances, counts, maturity and the ids of every cell equal those of the reference."""
    found = analytics(records).cohort_conversion(
        asked.pipeline,
        horizons=[f"{age}h"],
        void="competing" if void else "outside",
        **said(asked),
    )
    want = cohorts(records, asked, void=void)
    assert {row.group for row in found.rows} >= set(want)
    for row in found.rows:
        every = want.get(row.group, [])
        lives = [life for life in every if life[0] >= 0]
        cells = {end: {r for t, e, r, _ in lives if e == end and t <= age} for end in ENDS}
        cells["created"] = {r for _, _, r, _ in lives}
        cells["observed"] = {r for _, _, r, seen in lives if seen >= age}
        cells["left_out"] = {r for t, _, r, _ in every if t < 0}
        cells["unknown"] = {r for t, e, r, _ in lives if not e and t < age}
        cells["open"] = {r for t, e, r, _ in lives if (t >= age if not e else t > age)}
        for which, ids in cells.items():
            assert found.ids(f"{age}h", which, group=row.group) == sorted(ids), which
        assert (row.created, row.observed.numerator) == (len(lives), len(cells["observed"]))
        assert row.mature == (row.observed.numerator == len(lives))
        won, lost = (sum(e == end for _, e, _, _ in lives) for end in ("won", "lost"))
        assert row.so_far == Rate.of(won, len(lives), row.so_far.reason)
        assert row.of_closed == Rate.of(won, won + lost, row.of_closed.reason)
        chances = shares([(t, e) for t, e, _, _ in lives], age) if lives else None
        assert (row.reason == "") == (chances is not None)
        for end, name in (("won", "won"), ("lost", "lost"), ("", "open"), ("void", "void")):
            if (estimate := getattr(row, name)) is not None:
                assert estimate.value == (None if chances is None else float(chances.get(end, 0)))
                assert chances is None or estimate.low <= estimate.value <= estimate.high


@few
@given(histories(), questions(), st.sampled_from([2, 8]))
def test_losses_by_reason_are_what_records_one_by_one_give(
    records: list[Record], asked: Asked, age: int
) -> None:
    """The chance of each reason, and its ids, equal those of the reference."""
    found = analytics(records).cohort_losses(asked.pipeline, horizons=[f"{age}h"], **said(asked))
    want = cohorts(records, asked, void=False, reasons=True)
    for row in found.rows:
        lives = [life for life in want[row.group] if life[0] >= 0]
        end = f"lost {row.reason}"
        chances = shares([(t, e) for t, e, _, _ in lives], age)
        ids = sorted(r for t, e, r, _ in lives if e == end and t <= age)
        assert row.lost.value == (None if chances is None else float(chances.get(end, 0)))
        assert (row.count, found.ids(f"{age}h", row.reason, group=row.group)) == (len(ids), ids)
    rows = {(row.group, row.reason) for row in found.rows}
    assert rows == {
        (g, e[5:]) for g, many in want.items() for t, e, _, _ in many if t >= 0 and e[:4] == "lost"
    }


@few
@given(histories(), st.sampled_from(["month", "quarter"]))
def test_cohorts_by_month_are_those_asked_for_one_by_one(records: list[Record], by: Any) -> None:
    """A row of a month is the row of the records created in it."""
    spread = [record._replace(created=record.created - 700 * n) for n, record in enumerate(records)]
    metrics = analytics(spread)
    found = metrics.cohort_conversion("sales", horizons=["100h"], by=by)
    for row in found.rows:
        name = str(row.group)
        ids = found.ids("100h", "created", group=name)
        months = {f"{hour(r.created):%Y-%m}" for r in spread if r.id in ids}
        quarters = {f"{month[:4]}-Q{(int(month[5:]) + 2) // 3}" for month in months}
        assert (months if by == "month" else quarters) <= {name}
        lone = analytics([r for r in spread if r.id in ids]).cohort_conversion("sales", horizons=["100h"])
        assert lone.rows[0].won == (row.won if ids else lone.rows[0].won)
    whole = metrics.cohort_conversion("sales", horizons=["100h"]).rows[0]
    assert sum(row.created for row in found.rows) == whole.created


def sold(n: int, created: float, end: str = "", after: float = 0) -> Record:
    """Return a record that was created at an hour and, perhaps, ended some hours after."""
    places = [Place(created, "sales", "new")]
    if end:
        places.append(Place(created + after, "sales", end))
    return Record(f"d{n}", created, "", ("", 0), "", "", {}, tuple(places))


def test_a_young_cohort_is_not_a_losing_one() -> None:
    """Half end as wins at 10 hours, half are 5 hours old: 1 of 4 is won so far, the chance is 1/2."""
    records = [sold(1, 0, "won", 10), sold(2, 0, "lost", 10), sold(3, 95), sold(4, 95)]
    (row,) = analytics(records, now=100).cohort_conversion("sales", horizons=["20h"]).rows
    assert (row.so_far.value, row.won.value, row.lost.value, row.open.value) == (0.25, 0.5, 0.5, 0.0)
    assert (row.observed.numerator, row.mature) == (2, False)


def test_beyond_what_was_watched_there_is_no_number() -> None:
    """A cohort of 5 hours has no chance by 20 hours, and says why."""
    records = [sold(1, 95, "won", 1), sold(2, 95)]
    (row,) = analytics(records, now=100).cohort_conversion("sales", horizons=["20h"]).rows
    assert (row.won.value, row.won.low) == (None, None)
    assert row.reason == "not enough data: nobody of the cohort has been watched so long"


def test_a_horizon_includes_its_last_instant() -> None:
    """Won after exactly 10 hours is won by 10 hours; a second later is not, however ages are rounded."""
    records = [sold(1, 0, "won", 10), sold(2, 0, "won", 10 + 1 / 3600), sold(3, 0, "won", 9.5), sold(4, 0)]
    found = analytics(records, now=100).cohort_conversion("sales", horizons=["10h"], unit="5h")
    assert (found.rows[0].won.value, found.ids("10h", "won")) == (0.5, ["d1", "d3"])


def test_void_records_compete_only_when_asked_to() -> None:
    """Of a won, a lost and two void records 1/2 is won, or 1/4."""
    records = [sold(n, 0, end, 1) for n, end in enumerate(("won", "lost", "void", "void"))]
    metrics = analytics(records, now=100)
    outside = metrics.cohort_conversion("sales", horizons=["20h"])
    competing = metrics.cohort_conversion("sales", horizons=["20h"], void="competing")
    assert (outside.rows[0].won.value, competing.rows[0].won.value) == (0.5, 0.25)
    assert outside.about.quality["void records, outside of every count"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizons": []},
        {"horizons": "30d"},
        {"horizons": ["90m"]},
        {"horizons": ["30d"], "void": "perhaps"},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    """No horizons, one text for a list, no whole number of units, another word for void."""
    with pytest.raises(InputError):
        analytics([]).cohort_conversion("sales", **wrong)
