"""Eight deals, one answer for each definition; and short histories where definitions easily go wrong."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.analytics.histories import Edit, Place, Record, analytics, feed, hour

from funnelkit.analytics import Analytics, Shape
from funnelkit.clock import FrozenClock

STAGES = ("n", "q", "p", "c")
PATHS = {
    "d1": "n q p c won",
    "d2": "n p won",
    "d3": "n q n q p",
    "d4": "n q lost",
    "d5": "n c lost",
    "d6": "n",
    "d7": "n q p lost p c won",
    "d8": "n c lost",
}


def record(name: str, path: str, *edits: Edit, **given: Any) -> Record:
    """Return a record that took a path, one hour a step; edits come in where their time says."""
    places = [Place(float(t), "sales", place) for t, place in enumerate(path.split())]
    events = sorted([*places, *edits], key=lambda event: event.t)
    blank = {
        "created": 0.0,
        "owner": "ann",
        "value": ("EUR", 100),
        "source": "",
        "campaign": "",
        "custom": {},
    }
    return Record(id=name, events=tuple(events), **(blank | given))


def sales(*records: Record, **given: Any) -> Analytics:
    """Return the metrics over records of one pipeline."""
    return analytics(list(records), {"sales": STAGES}, **given)


@pytest.fixture(scope="module")
def eight() -> Analytics:
    """The eight deals."""
    return sales(*(record(name, path) for name, path in PATHS.items()))


@pytest.mark.parametrize(
    ("definition", "counts"),
    [
        ("reached", [8, 7, 6, 5, 3]),
        ("visited", [8, 4, 4, 4, 3]),
        ("bitrix24", [8, 5, 4, 5, 3]),
        ("ordered", [8, 4, 3, 2, 2]),
        ("closed", [6, 5, 5, 3, 3]),
    ],
)
def test_eight_deals_give_the_known_counts(eight: Analytics, definition: Any, counts: list[int]) -> None:
    """Each definition gives its own five numbers for the same eight deals."""
    assert list(eight.funnel(definition=definition).counts().values()) == counts


def test_lost_deals_stay_on_the_stage_they_died_on(eight: Analytics) -> None:
    """One was lost on q and two on c; the reopened one is no loss any more."""
    funnel = eight.funnel()
    assert {row.stage: row.fate.lost for row in funnel.rows} == {"n": 0, "q": 1, "p": 0, "c": 2, "won": 0}
    assert funnel.ids("c", "lost") == ["d5", "d8"]


def test_deals_that_jumped_are_listed_where_they_skipped(eight: Analytics) -> None:
    """Two lost deals went from n to c: they count in q and p without having been there; so does d2 in q."""
    assert eight.funnel().ids("q", "skipped") == ["d2", "d5", "d8"]


def test_the_win_rate_sees_six_closed_deals(eight: Analytics) -> None:
    """Three of the six closed deals were won."""
    (row,) = eight.win_rate().rows
    assert (row.rate.numerator, row.rate.denominator) == (3, 6)


def test_the_cohort_sees_two_open_deals_and_is_incomplete(eight: Analytics) -> None:
    """Three of eight were won so far, while two are open."""
    result = eight.cohort_win_rate()
    (row,) = result.rows
    assert (row.so_far.numerator, row.so_far.denominator, row.open) == (3, 8, 2)
    assert result.about.complete is False


def test_before_anything_happened_there_is_nothing(eight: Analytics) -> None:
    """As of an hour before the first deal every count is zero and no rate has a value."""
    row = eight.funnel(as_of=hour(-1)).rows[1]
    assert (row.count, row.of_first.value, row.of_first.reason) == (0, None, "nobody is in the first row")


def test_a_record_that_is_void_after_a_taken_back_win_counts_nowhere() -> None:
    """Neither the win nor the stages before it stay behind."""
    funnel = sales(record("d", "n won n void")).funnel()
    assert set(funnel.counts().values()) == {0}
    assert funnel.void == 1


def test_a_void_record_counts_again_as_of_an_earlier_instant() -> None:
    """What was voided later had not been void then."""
    funnel = sales(record("d", "n q void")).funnel(as_of=hour(1))
    assert funnel.counts() == {"n": 1, "q": 1, "p": 0, "c": 0, "won": 0}


@pytest.mark.parametrize("definition", ["reached", "visited", "bitrix24", "ordered", "closed"])
def test_a_second_win_is_a_win(definition: Any) -> None:
    """Won, reopened and won again is one win, though it is no first visit."""
    assert sales(record("d", "n q p c won c won")).funnel(definition=definition)["won"].count == 1


def test_a_taken_back_win_takes_its_credit_along() -> None:
    """After the reopening the record has reached what it was on, and nothing behind."""
    assert sales(record("d", "n won n")).funnel().counts() == {"n": 1, "q": 0, "p": 0, "c": 0, "won": 0}


def test_a_record_void_in_another_pipeline_leaves_both() -> None:
    """A duplicate is a duplicate everywhere."""
    places = (Place(0, "sales", "new"), Place(1, "care", "start"), Place(2, "care", "void"))
    twice = Record("d", 0, "", ("", 0), "", "", {}, places)
    funnel = analytics([twice]).funnel("sales")
    assert (funnel["new"].count, funnel["new"].fate.void) == (0, 1)


def test_an_open_record_belongs_to_whom_it_was_handed_at_that_instant() -> None:
    """A hand-over at the instant of the last move holds for the open record; the move keeps its owner."""
    funnel = sales(record("d", "n q", Edit(1, "owner", "bob"))).funnel(by="owner")
    rows = {(row.group, row.stage): row for row in funnel.rows}
    assert (rows["ann", "q"].count, rows["ann", "q"].fate.open, rows["bob", "q"].fate.open) == (1, 0, 1)


def test_a_hand_over_keeps_rates_below_one() -> None:
    """Bob got q and p of a record that Ann brought in: he has no first row, Ann's record went on."""
    funnel = sales(record("d", "n q p", Edit(0.5, "owner", "bob"))).funnel(by="owner")
    rows = {(row.group, row.stage): row for row in funnel.rows}
    assert (rows["bob", "q"].count, rows["bob", "q"].of_first.denominator) == (1, 0)
    assert (rows["ann", "q"].count, rows["ann", "q"].of_previous) == (0, rows["ann", "p"].of_first)


def test_sums_are_of_the_value_at_the_time_of_the_credit() -> None:
    """The value was raised before q and paid in another currency from p on."""
    edits = (Edit(0.5, "value", ("EUR", 300)), Edit(1.5, "value", ("USD", 700)))
    funnel = sales(record("d", "n q p", *edits)).funnel()
    sums = [{code: money.minor for code, money in row.sums.items()} for row in funnel.rows[:3]]
    assert sums == [{"EUR": 100}, {"EUR": 300}, {"USD": 700}]


def test_a_win_before_the_creation_is_a_win_without_a_time() -> None:
    """It is counted and listed as bad data, and left out of the times only."""
    metrics = sales(record("early", "n won", created=5.0), record("d", "n q won"))
    result = metrics.days_to_win()
    (row,) = result.rows
    assert (row.won, row.timed, row.p50) == (2, 1, timedelta(hours=2))
    assert result.ids("negative") == ["early"]
    assert "data quality: 1" in str(result)


def test_the_time_after_a_closing_is_no_stay() -> None:
    """On n for an hour, lost for an hour, n for an hour, then q: two closed stays on n."""
    row = sales(record("d", "n lost n q"), now=3).time_in_stage().rows[0]
    assert (row.closed, row.p90, row.total_days) == (2, timedelta(hours=1), 2 / 24)


def test_a_stage_where_most_still_are_has_no_median() -> None:
    """One of three stays has ended, after two hours: when half will have, nobody knows."""
    metrics = sales(record("a", "n q"), record("b", "n"), record("c", "n"), now=9)
    row = metrics.time_in_stage().rows[0]
    assert (row.p50, row.km_p25, row.km_p50) == (timedelta(hours=1), timedelta(hours=1), None)
    assert row.reason.startswith("more than half")


def test_months_begin_at_midnight_of_the_zone() -> None:
    """22:30 UTC on January 31st is February in Moscow and January in UTC."""
    database = feed([record("d", "n", created=743 - 0.5)], {"sales": STAGES})
    shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in STAGES))
    clock = FrozenClock(hour(2000))
    moscow = Analytics(database, [shape], clock, ZoneInfo("Europe/Moscow")).funnel(by="month")
    plain = Analytics(database, [shape], clock).funnel(by="month")
    assert ({row.group for row in moscow.rows}, {row.group for row in plain.rows}) == (
        {"2026-02"},
        {"2026-01"},
    )


def test_quarters_add_up_to_the_whole() -> None:
    """Records of three quarters make three groups, and the ids of each are its own."""
    records = [record(f"d{n}", "n q", created=n * 2200.0) for n in range(3)]
    funnel = sales(*records).funnel(by="quarter")
    assert [(row.group, row.count) for row in funnel.rows if row.stage == "n"] == [
        ("2026-Q1", 1),
        ("2026-Q2", 1),
        ("2026-Q3", 1),
    ]
    assert funnel.ids("q", group="2026-Q2") == ["d1"]


def test_a_plain_date_is_midnight_in_the_zone() -> None:
    """A period given as dates includes its first day and excludes its last."""
    metrics = sales(record("d1", "n", created=0.0), record("d2", "n", created=24.0))
    assert metrics.funnel(created=(date(2026, 1, 1), date(2026, 1, 2))).ids("n") == ["d1"]


def test_a_stage_that_moved_in_the_order_counts_where_it_is_now() -> None:
    """A record that was on n, q and p has reached q wherever q stands; its row of that time knew less."""
    database = feed([record("d", "n q p"), record("e", "n q")], {"sales": STAGES})
    then = json.dumps({"stages": [{"id": stage} for stage in STAGES]})
    database.connection.execute("INSERT INTO definition VALUES ('f', 'sales', ?)", (then,))
    swapped = Shape(pipeline="sales", stages=tuple((stage, "") for stage in ("n", "p", "q", "c")))
    counts = Analytics(database, [swapped], FrozenClock(hour(99))).funnel().counts()
    assert counts == {"n": 2, "p": 2, "q": 2, "c": 0, "won": 0}


def test_a_stage_that_was_taken_out_keeps_nobody_from_what_comes_after() -> None:
    """Without q in the pipeline, a record that went n, q, p still reached p."""
    database = feed([record("d", "n q p"), record("e", "n q")], {"sales": STAGES})
    then = json.dumps({"stages": [{"id": stage} for stage in STAGES]})
    database.connection.execute("INSERT INTO definition VALUES ('f', 'sales', ?)", (then,))
    shorter = Shape(pipeline="sales", stages=tuple((stage, "") for stage in ("n", "p", "c")))
    counts = Analytics(database, [shorter], FrozenClock(hour(99))).funnel().counts()
    assert counts == {"n": 2, "p": 1, "c": 0, "won": 0}


def test_a_step_that_comes_twice_has_a_row_of_its_own() -> None:
    """n, q and n again: the second n is a row named after its place."""
    funnel = sales(record("d", "n q n"), record("e", "n q")).funnel(
        definition="ordered", steps=["n", "q", "n"]
    )
    assert funnel.counts() == {"n": 2, "q": 2, "n (2)": 1}
    assert funnel.ids("n (2)") == ["d"]


def test_the_owner_of_a_loss_is_the_one_at_the_loss() -> None:
    """A hand-over before the loss gives the loss to the new owner; one after it changes nothing."""
    metrics = sales(record("d", "n lost", Edit(0.5, "owner", "bob"), Edit(2, "owner", "eve")))
    assert [(row.group, row.lost) for row in metrics.people().rows] == [("bob", 1)]


def test_the_potential_of_now_uses_the_records_own_chance() -> None:
    """A record that says 0.5 weighs half, one that says nothing weighs what its stage says."""
    database = feed([record("a", "n"), record("b", "n")], {"sales": STAGES})
    columns = [row[1] for row in database.connection.execute("PRAGMA table_info(deal)")]
    blank = dict.fromkeys(columns, "") | {"id": "a", "probability": 0.5}
    marks = ", ".join(f":{name}" for name in columns)
    database.connection.execute(f"INSERT INTO deal VALUES ({marks})", blank)
    shape = Shape(pipeline="sales", stages=(("n", ""),), probabilities={"n": 0.1})
    metrics = Analytics(database, [shape], FrozenClock(hour(5)))
    assert metrics.potential().rows[0].weighted["EUR"].minor == 60
    assert metrics.potential(as_of=hour(4)).rows[0].weighted["EUR"].minor == 20
