"""Chances by stage, the test of their assumption, landmarks, and what is in force for an open record."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.analytics.chances import reference_chances as ref
from tests.analytics.histories import PIPELINES, Place, Record, analytics, feed, histories, hour
from tests.analytics.reference import Asked
from tests.analytics.test_against_reference import minor, questions, said
from tests.analytics.test_eight_deals import STAGES, record, sales

from funnelkit.analytics import Analytics, Shape
from funnelkit.analytics.chances.chain import Chain
from funnelkit.analytics.chances.independence import independence
from funnelkit.clock import FrozenClock
from funnelkit.errors import InputError

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@few
@given(histories(most=12), questions())
def test_chances_rest_on_what_brute_force_counts(records: list[Record], asked: Asked) -> None:
    """Moves, chances, times, open records, their worth and all ids come from the reference's exits."""
    found = analytics(records).chances(asked.pipeline, least=1, **said(asked))
    moves: dict[Any, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    names: dict[Any, set[str]] = defaultdict(set)
    for gone in ref.exits(records, asked):
        moves[gone.group][gone.stage][gone.target] += 1
        names[gone.group, gone.stage].add(gone.record)
    spent, there = ref.spent(records, asked), ref.open_there(records, asked)
    assert set(moves) | {key for key, _ in there} <= {row.group for row in found.rows}
    for row in found.rows:
        chain = Chain(moves[row.group], PIPELINES[asked.pipeline])
        assert found.chains[row.group].moves == moves[row.group]
        assert (row.out, row.win, row.reason) == (
            chain.out_of(row.stage),
            chain.chance(row.stage, "won"),
            chain.reasons.get(row.stage, ""),
        )
        hours = spent.get((row.group, row.stage), 0.0)
        mean = timedelta(hours=hours) / row.out if row.out else None
        assert row.mean_stay == mean
        lives = there.get((row.group, row.stage), [])
        assert row.open == len(lives)
        assert row.unpriced == sum(not ref.last_touch(life, asked).value[0] for life in lives)
        worth: Counter[str] = Counter()
        for life in lives:
            code, amount = ref.last_touch(life, asked).value
            worth[code] += amount
        assert minor(row.sums) == {code: n for code, n in worth.items() if n and code}
        for code, money in row.expected.items():
            assert abs(money.minor - worth[code] * (row.win.value or 0)) <= 0.5 + 1e-9
        assert found.ids(row.stage, "out", group=row.group) == sorted(names[row.group, row.stage])
        assert found.ids(row.stage, "open", group=row.group) == sorted(life.record.id for life in lives)


@few
@given(histories(most=12), questions())
def test_the_tests_compare_what_brute_force_counts(records: list[Record], asked: Asked) -> None:
    """The tables of the stage before and of short and long waits are those of the reference."""
    found = analytics(records).markov(asked.pipeline, **said(asked))
    exits = ref.exits(records, asked)
    for row in found.rows:
        mine = [gone for gone in exits if (gone.group, gone.stage) == (row.group, row.stage)]
        waits = sorted(gone.lasted for gone in mine)
        middle = waits[(len(waits) - 1) // 2] if waits else 0
        table: dict[str, Counter[str]] = defaultdict(Counter)
        for gone in mine:
            long = str(int(gone.lasted > middle))
            table[gone.previous if row.against == "previous stage" else long][gone.target] += 1
        if row.stage != "(all)":
            want = independence(table)
            assert (row.moves, row.df) == (want.count, want.df)
            assert row.statistic == (pytest.approx(want.statistic) if want.df else None)
            assert found.ids(row.stage, group=row.group) == sorted({gone.record for gone in mine})


@few
@given(histories(most=12), questions())
def test_landmarks_are_what_brute_force_follows(records: list[Record], asked: Asked) -> None:
    """Who lasted so long and how they ended, in exact fractions, equal those of the reference."""
    found = analytics(records).landmarks(asked.pipeline, least=1, **said(asked))
    seen: Counter[tuple[Any, str]] = Counter()
    for row in found.rows:
        age = row.age / timedelta(hours=1)
        ends = ref.followed(records, asked, row.stage, age).get(row.group, [])
        assert row.count == len(ends)
        nth = seen[row.group, row.stage]
        seen[row.group, row.stage] += 1
        assert found.ids(row.stage, str(nth), group=row.group) == sorted({name for *_, name in ends})
        if ends:
            pairs = [(rest, end) for rest, end, _ in ends]
            assert row.win.value == pytest.approx(float(ref.incidence(pairs, "won")))
            assert row.lose.value == pytest.approx(float(ref.incidence(pairs, "lost")))
        else:
            assert row.win.value is None


def test_a_loss_that_was_taken_back_ended_nothing() -> None:
    """Lost on q, back on q, then won: one way out of q, and it was the win."""
    row = sales(record("d", "n q lost q won")).chances(least=1).rows[1]
    assert (row.out, row.win.value, row.lose.value) == (1, 1.0, 0.0)


def test_a_record_that_came_back_to_life_on_another_stage_went_there() -> None:
    """Lost on c and reopened on n, as imported logs have it: c was left for n."""
    chain = sales(record("d", "n c lost n won")).chances(least=1).chains[None]
    assert chain.moves == {"n": {"c": 1, "won": 1}, "c": {"n": 1}}


def test_visits_and_remaining_time_add_up() -> None:
    """Two hours on each stage and a straight way: two stays and four hours from the first."""
    found = sales(*(record(f"d{n}", "n n2 q q2 won".replace("n2 ", "").replace("q2 ", "")) for n in range(3)))
    row = found.chances(least=1).rows[0]
    assert (row.stays, row.mean_stay, row.remaining) == (2.0, timedelta(hours=1), timedelta(hours=2))
    assert found.chances(least=1).visits("n") == {"n": 1.0, "q": 1.0}


def test_open_stays_count_in_the_mean_stay() -> None:
    """One left after an hour, one is there for nine hours: ten hours for one way out."""
    row = sales(record("a", "n won"), record("b", "n"), now=9).chances(least=1).rows[0]
    assert row.mean_stay == timedelta(hours=10)


def walks(depends: bool, count: int = 400) -> list[Record]:
    """Return records that pass n, then q or p, then c, and win by chance, or by where they came from."""
    dice, records = Random(11), []
    for n in range(count):
        middle = dice.choice("qp")
        chance = (0.8 if middle == "q" else 0.2) if depends else 0.5
        path = f"n {middle} c {'won' if dice.random() < chance else 'lost'}"
        times = [0.0]
        for _ in range(3):
            times.append(times[-1] + dice.randint(1, 500))
        events = tuple(Place(t, "sales", place) for t, place in zip(times, path.split(), strict=True))
        records.append(record(f"d{n}", "n")._replace(events=events))
    return records


def test_a_process_with_a_memory_is_found_out() -> None:
    """Where the win depends on the stage before the last, the test says so; where not, it does not."""
    metrics = analytics(walks(depends=True), {"sales": STAGES})
    assert not metrics.markov().holds
    (row,) = (r for r in metrics.markov().rows if (r.stage, r.against) == ("c", "previous stage"))
    assert row.p is not None
    assert row.p < 1e-6
    assert analytics(walks(depends=False), {"sales": STAGES}).markov().holds


def test_estimates_use_the_chain_or_landmarks_and_say_which() -> None:
    """With a memory the model is landmarks, without it is the chain, each with its own number."""
    open_one = record("x", "n q c")
    chained = analytics([*walks(depends=False), open_one], {"sales": STAGES})
    found = chained.estimates()
    assert "the absorbing chain" in found.about.sentence
    assert found.rows[0].model == chained.chances().rows[3].win.value
    remembered = analytics([*walks(depends=True), open_one], {"sales": STAGES})
    found = remembered.estimates()
    assert "landmarks" in found.about.sentence
    assert found.rows[0].model == remembered.landmarks().at("c", found.rows[0].age).win.value  # type: ignore[union-attr]


def with_own_chances(chances: dict[str, float], *records: Record) -> Analytics:
    """Return metrics over records some of which say a chance of their own."""
    database = feed(list(records), {"sales": STAGES})
    columns = [row[1] for row in database.connection.execute("PRAGMA table_info(deal)")]
    marks = ", ".join(f":{name}" for name in columns)
    for name, chance in chances.items():
        blank = dict.fromkeys(columns, "") | {"id": name, "probability": chance}
        database.connection.execute(f"INSERT INTO deal VALUES ({marks})", blank)
    shape = Shape(pipeline="sales", stages=tuple((s, "") for s in STAGES), probabilities={"n": 0.1, "q": 0.3})
    return Analytics(database, [shape], FrozenClock(hour(10_000)))


def test_manual_comes_before_model_before_stage_and_all_of_them_under_the_cap() -> None:
    """Each row shows all that is said, what is in force and who says so."""
    past = [record(f"w{n}", "q won" if n % 2 else "q lost") for n in range(40)]
    now = [
        record("own", "n"),
        record("high", "q"),
        record("model", "q"),
        record("stage", "n"),
        record("no", "p"),
    ]
    metrics = with_own_chances({"own": 0.7, "high": 0.9}, *past, *now)
    found = metrics.estimates(caps={"q": 0.4})
    rows = {row.record: row for row in found.rows}
    assert {name: (row.chance, row.said_by, row.capped) for name, row in rows.items()} == {
        "own": (0.7, "manual", False),
        "high": (0.4, "manual", True),
        "model": (0.4, "model", True),
        "stage": (0.1, "stage", False),
        "no": (None, "none", False),
    }
    assert (rows["high"].manual, rows["high"].model, rows["high"].by_stage) == (0.9, 0.5, 0.3)
    assert rows["own"].expected is not None
    assert (rows["own"].expected.minor, rows["no"].expected) == (70, None)
    assert {who: found.ids(who) for who in ("manual", "model", "stage", "none")} == {
        "manual": ["high", "own"],
        "model": ["model"],
        "stage": ["stage"],
        "none": ["no"],
    }


def test_for_the_past_nobodys_own_estimate_is_known() -> None:
    """As of earlier, the estimate of now is not used."""
    metrics = with_own_chances({"own": 0.7}, record("own", "n"))
    assert [row.said_by for row in metrics.estimates(as_of=hour(5)).rows] == ["stage"]


@pytest.mark.parametrize("caps", [{"x": 0.5}, {"n": 1.5}])
def test_a_cap_that_is_none_is_refused(caps: dict[str, float]) -> None:
    """A cap is for a stage of the pipeline, from 0 to 1."""
    with pytest.raises(InputError):
        sales(record("d", "n")).estimates(caps=caps)


@few
@given(histories(most=12))
def test_the_model_of_then_knows_nothing_of_later(records: list[Record]) -> None:
    """Chances as of an hour are those of the log cut off there."""
    cut = [r._replace(events=tuple(e for e in r.events if e.t <= 8)) for r in records if r.events[0].t <= 8]
    then, now = (analytics(them).chances("sales", least=1, as_of=hour(8)) for them in (records, cut))
    assert then.rows == now.rows


@pytest.mark.parametrize("least", [-1, 0, "x", 2.5])
def test_fewer_than_one_record_is_no_least_number(least: Any) -> None:
    """Nothing can be said from no records."""
    metrics = analytics([], now=1000)
    for measure in (metrics.chances, metrics.landmarks, metrics.estimates):
        with pytest.raises(InputError, match=r"least: .* is no number of records"):
            measure("sales", least=least)
