"""Forecasts, categories, coverage and velocity against brute force, and an office worked out by hand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.forecasts import reference_forecasts as ref
from tests.analytics.histories import Place, Record, analytics, histories, hour
from tests.analytics.reference import Asked
from tests.analytics.test_against_reference import questions, said

from funnelkit import Engine, FrozenClock, Pipeline, Stage
from funnelkit.analytics import Analytics
from funnelkit.errors import InputError, TimeError
from funnelkit.money import Money, money

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
EUR = ("EUR", 10_000)


@settings(few, max_examples=120)
@given(histories(most=12), questions(), st.sampled_from([1, 2, 4, 96]), st.integers(6, 30))
def test_chances_are_those_of_brute_force(
    records: list[Record], asked: Asked, ahead: int, as_of: int
) -> None:
    """Every open record has the chance of those who had been there as long, counted stay by stay."""
    asked = asked._replace(as_of=as_of, created=(-1e9, 1e9), by=None)
    found = analytics(records).forecast(asked.pipeline, within=f"{ahead}h", least=1, draws=100, **said(asked))
    want = {deal.record: ref.chance(records, asked, deal, ahead) for deal in ref.open_now(records, asked)}
    if len(want) <= 10:  # with more not every age is looked at by itself
        assert {deal.record: deal.chance for deal in found.deals} == pytest.approx(want)
    assert {deal.record for deal in found.deals} == set(want)


@few
@given(histories(most=12), questions())
def test_the_parts_rest_on_their_records(records: list[Record], asked: Asked) -> None:
    """Expected wins and value are sums over the open records, and what is booked is what was won."""
    asked = asked._replace(by=None, closed=(3, asked.as_of + 1e-6))
    found = analytics(records).forecast(
        asked.pipeline, within="96h", since=hour(3), least=1, draws=100, **said(asked)
    )
    known = [deal for deal in found.deals if deal.chance is not None]
    row = found.row("open")
    assert row.records == len(found.deals) == len(found.ids("open"))
    assert len(found.ids("nothing")) == len(found.deals) - len(known)
    if known or not found.deals:
        assert row.wins == pytest.approx(sum(deal.chance or 0 for deal in known))
        for code, amount in row.sums.items():
            worth = sum(
                (d.chance or 0) * d.value.minor for d in known if d.value and d.value.currency == code
            )
            assert amount.minor == pytest.approx(worth, abs=0.6)
    won = ref.wins(records, asked)
    assert found.ids("booked") == sorted(life.record.id for life in won)
    assert found.row("booked").wins == len(won)


@few
@given(histories(most=12), questions())
def test_categories_contain_each_other_and_velocity_is_one_cohort(
    records: list[Record], asked: Asked
) -> None:
    """Closed is in commit, that in best case, that in pipeline; velocity's wins are the cohort's."""
    metrics = analytics(records)
    rows = metrics.forecast_categories(
        asked.pipeline, since=hour(0), commit=0.25, best=0.2, **said(asked)
    ).rows
    counts: dict[object, list[int]] = {}
    for row in rows:
        counts.setdefault(row.group, []).append(row.count)
    assert all(many == sorted(many) for many in counts.values())
    cohort = {row.group: row for row in metrics.cohort_win_rate(asked.pipeline, **said(asked)).rows}
    for speed in metrics.velocity(asked.pipeline, **said(asked)).rows:
        same = cohort[speed.group]
        assert (speed.records, speed.open, speed.win_rate) == (same.created, same.open, same.rate)


def office(*more: Record) -> Analytics:
    """Ten deals that are over, won at 48 h or lost at 24 h, and four open ones of 12, 12, 30 and 30 h."""
    over = [
        Record(f"w{n}", 0, "ann", EUR, "", "", {}, (Place(0, "p", "new"), Place(48, "p", "won")))
        for n in range(4)
    ]
    over += [
        Record(f"l{n}", 0, "ann", EUR, "", "", {}, (Place(0, "p", "new"), Place(24, "p", "lost")))
        for n in range(6)
    ]
    still = [
        Record(f"o{n}", 1000 - age, "ann", EUR, "", "", {}, (Place(1000 - age, "p", "new"),))
        for n, age in enumerate((12, 12, 30, 30))
    ]
    return analytics([*over, *still, *more], {"p": ("new",)}, now=1000)


def test_an_office_worked_out_by_hand() -> None:
    """At 24 h 6 of the 12 who are watched so long are lost, at 48 h all who are left are won.

    So at 12 h half of the deals will be won; at 30 h the losses are past, and each is won for sure.
    """
    found = office().forecast(within="48h", least=1)
    assert [(deal.record, deal.chance) for deal in found.deals] == [
        ("o0", 0.5),
        ("o1", 0.5),
        ("o2", 1.0),
        ("o3", 1.0),
    ]
    row = found.row("open")
    assert row.wins == 3
    assert (row.wins_p10, row.wins_p50, row.wins_p90) == (2, 3, 4)
    assert row.sums == {"EUR": Money(30_000, "EUR")}
    masses = [found.parts[None, "open"].wins.mass(n) for n in (2, 3, 4)]
    assert masses == [0.25, 0.5, 0.25]
    soon = office().forecast(within="12h", least=1).row("open")
    assert soon.wins == pytest.approx(0)


def test_new_business_is_the_rate_times_what_is_won_in_the_time_left() -> None:
    """Fourteen came in 1000 h; a win takes 48 h of the 96 and has one chance in two: 14 / 1000 · 0.5 · 48."""
    new = office().forecast(within="96h", least=1, recent="2000h").row("new")
    assert new.records == pytest.approx(14 * 96 / 1000)
    assert new.wins == pytest.approx(14 / 1000 * 0.5 * 48, rel=0.02)
    assert new.sums["EUR"].minor == pytest.approx(14 / 1000 * 0.5 * 48 * 10_000, rel=0.02)


def test_void_records_are_no_history() -> None:
    """Records that were void change no chance, and are no arrivals."""
    places = (Place(0, "p", "new"), Place(36, "p", "void"))
    void = [Record(f"v{n}", 0, "ann", EUR, "", "", {}, places) for n in range(6)]
    plain, more = (each.forecast(within="48h", least=1) for each in (office(), office(*void)))
    assert plain.rows == more.rows


def test_with_too_little_history_the_pipeline_speaks_and_then_nobody() -> None:
    """Of 14 stays 20 are too many to ask for; nothing is made up then."""
    found = office().forecast(within="48h", least=20)
    assert {deal.said_by for deal in found.deals} == {"nothing"}
    assert found.row("open").wins is None
    assert found.row("total").reason
    assert found.ids("nothing") == ["o0", "o1", "o2", "o3"]


def test_an_age_that_nobody_reached_is_told_by_a_younger_one() -> None:
    """The stage's younger age is used where the older one has too few stays, and the result says so."""
    found = office().forecast(within="48h", least=8)
    assert {deal.record: deal.said_by for deal in found.deals} == {
        "o0": "stage and age",
        "o1": "stage and age",
        "o2": "stage, at a younger age",
        "o3": "stage, at a younger age",
    }
    assert any("younger" in what for what in found.about.quality)


def test_a_seed_gives_the_same_numbers_again() -> None:
    """Two forecasts with one seed are equal; with another the draws differ."""
    one, two, other = (office().forecast(within="48h", least=1, seed=seed) for seed in (1, 1, 2))
    totals = [each.parts[None, "open"].sums["EUR"].totals for each in (one, two, other)]
    assert one.rows == two.rows
    assert totals[0] == totals[1] != totals[2]


def test_a_filter_leaves_the_history_whole() -> None:
    """Somebody without a past of their own has the chances of the pipeline."""
    found = office().forecast(within="48h", least=1, owner="bob")
    assert found.row("open").records == 0
    assert found.row("new").wins == 0


def test_booked_wins_are_in_the_total() -> None:
    """What was won since a date is certain: the total has it at every probability."""
    found = office().forecast(within="48h", least=1, since=hour(0))
    booked, there, new = (found.row(part) for part in ("booked", "open", "new"))
    total = found.row("total")
    assert booked.wins_p10 == booked.wins_p90 == 4
    assert total.wins == pytest.approx((booked.wins or 0) + (there.wins or 0) + (new.wins or 0))
    assert total.sums["EUR"].minor == pytest.approx(
        sum(row.sums["EUR"].minor for row in (booked, there, new)), abs=2
    )


def engine() -> Engine:
    """Four open deals with dates, one of them overdue, and one that was won."""
    clock = FrozenClock(datetime(2026, 3, 10, tzinfo=UTC))
    office = Engine(Pipeline("sales", [Stage("new", probability=0.2), Stage("offer")]), clock=clock)
    office.create("A", value=money(100, "EUR"), probability=0.9, expected_close=date(2026, 3, 20))
    office.create("B", value=money(200, "EUR"), probability=0.5, expected_close=date(2026, 3, 9))
    office.create("C", value=money(400, "EUR"), expected_close=date(2026, 5, 1))
    office.create("D")
    office.win(office.create("E", value=money(1000, "EUR")))
    return office


def test_categories_are_cumulative() -> None:
    """900 is won or nearly, best case adds 200, the pipeline the rest; closed deals count in each."""
    rows = engine().analytics.forecast_categories(since=date(2026, 3, 1)).rows
    assert [(row.category, row.count, row.sums["EUR"], row.weighted["EUR"]) for row in rows] == [
        ("closed", 1, money(1000, "EUR"), money(1000, "EUR")),
        ("commit", 2, money(1100, "EUR"), money(1090, "EUR")),
        ("best case", 3, money(1300, "EUR"), money(1190, "EUR")),
        ("pipeline", 5, money(1700, "EUR"), money(1270, "EUR")),
    ]


def test_expected_closings_have_overdue_and_undated_apart() -> None:
    """Overdue comes first, then months, then no date; today decides in the zone."""
    found = engine().analytics.expected_closings()
    assert [(row.month, row.count) for row in found.rows] == [
        ("overdue", 1),
        ("2026-03", 1),
        ("2026-05", 1),
        ("no date", 1),
    ]
    assert len(found.ids("overdue")) == 1


def test_what_is_due_today_is_not_overdue() -> None:
    """A date is over when its day is over: on the day itself it is in its month, a day later overdue."""
    clock = FrozenClock(datetime(2026, 3, 10, 23, tzinfo=UTC))
    office = Engine(Pipeline("sales", [Stage("new")]), clock=clock)
    office.create("A", expected_close=date(2026, 3, 10))
    today = office.analytics.expected_closings().rows[0].month
    clock.tick("1h")
    assert (today, office.analytics.expected_closings().rows[0].month) == ("2026-03", "overdue")


def test_coverage_is_open_by_what_is_missing() -> None:
    """Of 1,700 the 1,000 are booked: 700 open cover 700 once; a target that is met has no coverage."""
    (row,) = engine().analytics.coverage(target=money(1700, "EUR"), since=date(2026, 3, 1)).rows
    assert (row.coverage, row.weighted_coverage) == (1.0, pytest.approx(270 / 700))
    (met,) = engine().analytics.coverage(target=money(900, "EUR"), since=date(2026, 3, 1)).rows
    assert (met.coverage, met.reason) == (None, "the target is met")
    by = engine().analytics.coverage(target={"": 3, "ann": 1}, since=date(2026, 3, 1), by="owner").rows
    assert [(row.group, row.coverage) for row in by] == [("", 2.0), ("ann", 0.0)]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, InputError),
        ({"within": "1d", "until": date(2030, 1, 1)}, InputError),
        ({"until": date(2020, 1, 1)}, TimeError),
        ({"within": "1d", "draws": 99}, InputError),
        ({"within": "1d", "draws": "x"}, InputError),
        ({"within": "1d", "least": "x"}, InputError),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, object], error: type[Exception]) -> None:
    """No end, two ends, an end in the past, too few draws."""
    with pytest.raises(error):
        office().forecast(**asked)  # type: ignore[arg-type]


def simulated(deals: int, hours: int) -> list[Record]:
    """Two stages with constant hazards: half of the deals go on after 10 days, half of these are won."""
    random, found = Random(11), []
    for n in range(deals):
        created = random.uniform(0, hours)
        t = created + random.expovariate(1 / 240)
        places = [Place(created, "p", "a")]
        if random.random() < 0.5:
            places.append(Place(t, "p", "b"))
            t += random.expovariate(1 / 480)
            places.append(Place(t, "p", random.choice(("won", "lost"))))
        else:
            places.append(Place(t, "p", "lost"))
        value = ("EUR", random.randint(1_000, 500_000))
        kept = tuple(place for place in places if place.t <= hours)
        found.append(Record(f"d{n}", created, "", value, "", "", {}, kept))
    return found


def test_forecasts_of_a_known_process_are_right_as_often_as_they_say() -> None:
    """From P10 to P90 falls what should; places are spread evenly; it errs less than the last period."""
    metrics = analytics(simulated(2600, 9600), {"p": ("a", "b")}, now=9600)
    dates = [hour(24 * day) for day in range(140, 390, 10)]
    tried = metrics.backtest(dates=dates, within="10d", draws=400)
    for measure in ("wins", "EUR"):
        rate, places = tried.hit_rate(measure), tried.places(measure)
        assert rate.denominator == len(dates)
        spread = 4 * sqrt(0.8 * 0.2 / len(dates))
        assert 0.8 - spread <= (rate.value or 0) <= 1
        assert sum(places) / len(places) == pytest.approx(0.5, abs=4 * sqrt(1 / 12 / len(places)))
        ours, naive = tried.wape("expected", measure), tried.wape("last_period", measure)
        assert ours is not None
        assert naive is not None
        assert ours < naive
    assert tried.wape("weighted") is not None
    assert len(tried.ids(tried.rows[0].date.isoformat())) == tried.rows[0].actual


def test_a_chance_of_a_known_process_is_found() -> None:
    """On a stage of constant hazard the chance within 10 days is (1 - exp(-1/2)) / 2 at any age."""
    metrics = analytics(simulated(2600, 9600), {"p": ("a", "b")}, now=9600)
    chances = [
        deal.chance
        for deal in metrics.forecast(within="10d", draws=100).deals
        if deal.stage == "b" and deal.chance is not None and deal.count > 300
    ]
    assert len(chances) > 10
    assert sum(chances) / len(chances) == pytest.approx(0.1967, abs=0.04)


def test_a_backtest_uses_nothing_that_came_later() -> None:
    """The forecast of a date is the same whether or not the history goes on after it."""
    whole = analytics(simulated(400, 4800), {"p": ("a", "b")}, now=4800)
    tried = whole.backtest(dates=[hour(2400)], within="10d", draws=100).rows[0]
    then = whole.forecast(within="10d", draws=100, as_of=hour(2400)).row()
    assert (tried.expected, tried.p10, tried.p90) == (then.wins, then.wins_p10, then.wins_p90)
    counted = Counter(row.measure for row in whole.backtest(dates=[hour(2400)], within="10d").rows)
    assert counted == {"wins": 1, "EUR": 1}


def test_velocity_has_an_interval_that_holds_what_is_expected() -> None:
    """Of the known process: 2600 deals, 2,505 each, a quarter won, 30 days."""
    metrics = analytics(simulated(2600, 9600), {"p": ("a", "b")}, now=30_000)
    (row,) = metrics.velocity(created=(hour(0), hour(7200))).rows
    want = row.records * 2505 * 0.25 / 30
    assert row.cycle is not None
    assert abs(row.cycle - timedelta(days=30)) < timedelta(days=4)
    assert float(row.low["EUR"].amount) < want < float(row.high["EUR"].amount)


def test_a_store_of_an_hour_does_not_foretell_a_month() -> None:
    """Forty deals of one hour are no rate for thirty days: no new business is told, and why."""
    records = [
        Record(
            f"d{n}",
            n / 40,
            "",
            ("", 0),
            "",
            "",
            {},
            (Place(n / 40, "sales", "new"), Place(1, "sales", "won")),
        )
        for n in range(40)
    ]
    rows = analytics(records, now=1).forecast("sales", within="30d").rows
    new = next(row for row in rows if row.part == "new")
    assert new.wins is None
    assert new.reason == "records came in for less than a 10th of the time ahead, too short to go by"


def test_velocity_of_a_steady_process_is_its_revenue_a_day_times_period_by_cycle() -> None:
    """A win of 100 and a loss a day, 10 days a win: 100 a day, and 400 for a period of 40 days."""
    records = [
        Record(f"{end}{day}", 24 * day, "", ("EUR", 10_000), "", "", {}, places)
        for day in range(80)
        for end in ("won", "lost")
        for places in [(Place(24 * day, "sales", "new"), Place(24 * day + 240, "sales", end))]
    ]
    metrics = analytics(records, now=24 * 100)
    for days in (10, 20, 40):
        (row,) = metrics.velocity("sales", created=(hour(0), hour(24 * days))).rows
        assert row.per_day["EUR"] == money(10 * days, "EUR")
        assert "no revenue a day" in metrics.velocity("sales").about.sentence


def half_known() -> Analytics:
    """Return an office with 300 EUR of a chance of 0.5, 200 EUR and 7 USD of no known chance."""
    office = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
    office.create("A", value=money(300, "EUR"), probability=0.5)
    office.create("B", value=money(200, "EUR"))
    office.create("C", value=money(7, "USD"))
    return office.analytics


def test_how_many_records_have_no_chance_is_said() -> None:
    """In categories and in coverage, as in the potential: they are not in what is weighted."""
    metrics = half_known()
    pipeline = metrics.forecast_categories().rows[-1]
    assert (pipeline.count, pipeline.unweighted, pipeline.weighted) == (3, 2, {"EUR": money(150, "EUR")})
    assert metrics.forecast_categories().rows[0].unweighted == 0
    since = date(2020, 1, 1)
    (in_euros,) = metrics.coverage(target=money(1000, "EUR"), since=since).rows
    assert (in_euros.unweighted, in_euros.weighted) == (1, money(150, "EUR"))
    (in_wins,) = metrics.coverage(target=10, since=since).rows
    assert (in_wins.unweighted, in_wins.weighted) == (2, 0.5)


def test_where_nobody_has_a_chance_nothing_is_weighted() -> None:
    """A currency whose records have no chance has no weighted sum; 0.00 would be a forecast."""
    row = half_known().potential().rows[0]
    assert (row.unweighted, row.weighted) == (2, {"EUR": money(150, "EUR")})
    assert row.sums == {"EUR": money(500, "EUR"), "USD": money(7, "USD")}
    alone = Engine(Pipeline("sales", [Stage("new")]))
    alone.create("A", value=money(300, "EUR"))
    assert alone.analytics.potential().rows[0].weighted == {}
    assert alone.analytics.forecast_categories().rows[-1].weighted == {}
    assert alone.analytics.expected_closings().rows[0].weighted == {}


@pytest.mark.parametrize("dates", [date(2026, 1, 1), "2026-01-01", 3])
def test_dates_that_are_no_list_are_refused(dates: object) -> None:
    """One date, a text, a number: an InputError that names the argument."""
    with pytest.raises(InputError, match=r"dates: .* is no list of dates"):
        half_known().backtest(dates=dates, within="3d")  # type: ignore[arg-type]


def test_an_end_that_is_a_text_is_refused() -> None:
    """A date is wanted, and the error says so."""
    with pytest.raises(InputError, match="until: '2030-01-01' is neither a date nor a datetime"):
        half_known().forecast(until="2030-01-01")  # type: ignore[arg-type]


def test_a_level_that_is_a_text_is_refused() -> None:
    """Categories begin at chances."""
    with pytest.raises(InputError, match=r"commit: 'sure' and best 0\.4 are not in order"):
        half_known().forecast_categories(commit="sure")  # type: ignore[arg-type]
