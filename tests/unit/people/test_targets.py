"""Targets: split with nothing lost, split anew, spread over days, and set against facts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from funnelkit import Money, money
from funnelkit.errors import DefinitionError, InputError, MoneyError, TimeError
from funnelkit.people import PlanFact, SplitTarget, Target, apportion, plan_facts
from funnelkit.people.apportion import Amount, units

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


def target(amount: Any = 100, **fields: Any) -> Target:
    """Return a target for March."""
    return Target("march", "sales", MARCH, APRIL, amount=amount, **fields)


def in_euros(amount: Any) -> Target:
    """Return a target for March in money."""
    return target(money(amount, "EUR"), measure="sum")


# Largest remainders


@pytest.mark.parametrize(
    ("whole", "weights", "expected"),
    [
        # Population and seats of the textbook example of Hamilton's method.
        (100, [47_000, 16_000, 15_800, 12_000, 6_100, 3_100], [47, 16, 16, 12, 6, 3]),
        (10, [1, 1, 1], [4, 3, 3]),
        (2, [1, 1, 1], [1, 1, 0]),
        (7, [0, 1], [0, 7]),
        (0, [1, 2], [0, 0]),
        (1, [Decimal("0.1"), Decimal("0.2")], [0, 1]),
        (10, [Fraction(1, 3), Fraction(2, 3)], [3, 7]),
        (10**16 + 1, [1, 1], [5 * 10**15 + 1, 5 * 10**15]),
    ],
)
def test_largest_remainders(whole: int, weights: list[Any], expected: list[int]) -> None:
    """What is left over after rounding down goes to the largest remainders, of equals to the first."""
    named = {str(number): weight for number, weight in enumerate(weights)}
    assert list(apportion(whole, named).values()) == expected


weight = (
    st.integers(0, 10**6)
    | st.fractions(0, 1000, max_denominator=97)
    | st.decimals(0, 1000, allow_nan=False, allow_infinity=False)
)
weights = st.dictionaries(
    st.sampled_from(["north", "south", "west", "ann", "bob", "eva", "Север"]), weight, min_size=1
).filter(lambda drawn: any(drawn.values()))


@given(st.integers(0, 10**16), weights)
def test_nothing_is_lost_and_nobody_is_a_unit_off(whole: int, weights: dict[str, Any]) -> None:
    """The parts add up to the whole; each is its exact share rounded down or up; no weight, no part."""
    parts = apportion(whole, weights)
    total = sum(map(Fraction, weights.values()))
    assert sum(parts.values()) == whole
    assert list(parts) == list(weights)
    for name, given_weight in weights.items():
        assert abs(parts[name] - whole * Fraction(given_weight) / total) < 1
        assert given_weight or not parts[name]


@given(st.integers(0, 10**9), weights)
def test_more_weight_is_never_less(whole: int, weights: dict[str, Any]) -> None:
    """Who weighs more gets no less."""
    parts = apportion(whole, weights)
    order = sorted(weights, key=lambda name: Fraction(weights[name]))
    got = [parts[name] for name in order]
    same = [Fraction(weights[one]) == Fraction(weights[two]) for one, two in pairwise(order)]
    assert all(
        one <= two or (equal and one - two == 1)
        for (one, two), equal in zip(pairwise(got), same, strict=True)
    )


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ({"a": 0.5}, "weights['a']: 0.5 is a float (write Decimal(\"0.5\") or whole numbers)"),
        ({"a": -1}, "weights['a']: -1 is below 0"),
        ({"a": Decimal("NaN")}, "weights['a']: NaN is not a finite number"),
        ({"a": Decimal("Infinity")}, "weights['a']: Infinity is not a finite number"),
        ({"a": Decimal("1E+999999999")}, "weights['a']: Decimal('1E+999999999') is out of range"),
        ({"a": Decimal("1E-999999999")}, "weights['a']: Decimal('1E-999999999') is out of range"),
        ({"a": True}, "weights['a']: True is not a number (give an int, a Decimal or a Fraction)"),
        ({"a": "3"}, "weights['a']: '3' is not a number (give an int, a Decimal or a Fraction)"),
        ({"a": 0, "b": 0}, "weights: every weight is 0 (give at least one weight above 0)"),
        ({}, "weights: there is nobody to share with (give at least one weight above 0)"),
        ({7: 1}, "weights: 7 is not text"),
        ({"": 1}, "weights: empty (give some text)"),
        (["a"], 'weights: [\'a\'] is not a mapping (give {"north": 3, "south": 2})'),
    ],
)
def test_what_is_no_weight_is_refused(weights: Any, sentence: str) -> None:
    """The message names the part and what would do."""
    with pytest.raises(InputError) as caught:
        apportion(10, weights)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("whole", [-1, 1.0, True, "10", None])
def test_what_is_shared_out_is_a_whole_number(whole: Any) -> None:
    """There is nothing to share of what is no number, or below 0."""
    with pytest.raises(InputError, match=r"whole: .* is not a whole number from 0 on"):
        apportion(whole, {"a": 1})


# Definition


def test_everything_wrong_with_a_target_is_told_at_once() -> None:
    """Each mistake has its path."""
    with pytest.raises(DefinitionError) as caught:
        Target("", 7, APRIL, MARCH, stage="offer", amount=-1)  # type: ignore[arg-type]
    assert [str(problem) for problem in caught.value.problems] == [
        "id: empty (give some text)",
        "pipeline: 7 is not text",
        "until: 2026-03-01 is not after 2026-04-01 (it is the day after the last)",
        "stage: only a passage has a stage",
        "amount: -1 is below 0",
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"since": datetime(2026, 3, 1)}, "since: datetime.datetime(2026, 3, 1, 0, 0) is not a date"),  # noqa: DTZ001
        ({"until": "2026-04-01"}, "since: '2026-04-01' is not a date"),
        ({"measure": "counts"}, "measure: 'counts' is nothing to measure (did you mean 'count'?)"),
        ({"measure": "passage"}, "stage: a passage needs a stage"),
        ({"measure": "sum"}, "amount: 100 has no currency"),
        ({"amount": money(5, "EUR")}, "amount: Money('5.00 EUR') is not a whole number"),
        ({"amount": True}, "amount: True is not a whole number"),
        ({"amount": 2**63}, "amount: 9223372036854775808 does not fit into 64 bits"),
        ({"amount": 1.5}, "amount: 1.5 is not a whole number"),
        ({"amount": money(-5, "EUR"), "measure": "sum"}, "amount: -5.00 EUR is below 0"),
        ({"stage": None}, "stage: None is not text"),
    ],
)
def test_what_is_no_target_is_refused(fields: dict[str, Any], sentence: str) -> None:
    """Wrong types, wrong measures, amounts of the wrong kind."""
    good: dict[str, Any] = {"id": "t", "pipeline": "sales", "since": MARCH, "until": APRIL, "amount": 100}
    with pytest.raises(DefinitionError) as caught:
        Target(**(good | fields))
    assert str(caught.value.problems[0]).startswith(sentence)


# Days


def test_a_plan_grows_by_the_day() -> None:
    """Nothing before, all after, half in the middle; a half of a unit is rounded up."""
    days = [date(2026, 2, 28), MARCH, date(2026, 3, 16), date(2026, 3, 31), APRIL, date(2027, 1, 1)]
    assert [target(62).plan_at(day) for day in days] == [0, 2, 32, 62, 62, 62]
    one = Target("t", "sales", MARCH, MARCH + timedelta(days=2), amount=1)
    assert one.plan_at(MARCH) == 1


def test_a_plan_in_money_is_money() -> None:
    """10,000.00 EUR over 31 days: 322.58 by the end of the first."""
    assert in_euros(10_000).plan_at(MARCH) == money("322.58", "EUR")


@given(st.integers(0, 10**9), st.integers(1, 400))
def test_the_days_add_up(amount: int, days: int) -> None:
    """No day is below 0, all are even to a unit, the last brings the plan to the whole."""
    until = MARCH + timedelta(days=days)
    plan = Target("t", "sales", MARCH, until, amount=amount)
    by = [units(plan.plan_at(MARCH + timedelta(days=day))) for day in range(-1, days)]
    each = [after - before for before, after in pairwise(by)]
    assert (by[0], by[-1], sum(each)) == (0, amount, amount)
    assert all(amount // days <= one <= -(-amount // days) for one in each)
    assert all(abs(at - Fraction(amount * day, days)) <= Fraction(1, 2) for day, at in enumerate(by))


@pytest.mark.parametrize("day", [datetime(2026, 3, 1), "2026-03-01", None])  # noqa: DTZ001 (a datetime is no date)
def test_a_day_is_a_date(day: Any) -> None:
    """An instant is no day without a zone."""
    with pytest.raises(TimeError, match="is not a date"):
        target().plan_at(day)


# Splitting


def test_not_a_cent_is_lost() -> None:
    """10,000.00 EUR in three: the odd cent goes to the first."""
    split = in_euros(10_000).split({"north": 1, "south": 1, "west": 1})
    amounts = [split.amount(name) for name in ("north", "south", "west")]
    assert amounts == [money("3333.34", "EUR"), money("3333.33", "EUR"), money("3333.33", "EUR")]


def test_groups_are_split_over_people() -> None:
    """A part has parts of its own; one person may stand in two groups."""
    split = target().split({"north": 3, "south": 2})
    split = split.split({"ann": 1, "bob": 1}, "north").split({"ann": 1, "eva": 3}, ("south",))
    assert split.amount(("north", "ann")) == 30
    assert split.amount(("south", "ann")) == 10
    assert split.part(("south", "eva")).target == target(30)


def test_splitting_again_forgets_the_parts() -> None:
    """Only those with a weight are there afterwards."""
    split = target().split({"north": 3, "south": 2}).split({"west": 1})
    assert [part.name for part in split.parts] == ["west"]


def test_what_is_fixed_stays_when_the_rest_is_split_anew() -> None:
    """By name it keeps what it has, by amount it gets that; the others share what is left."""
    split = target().split({"north": 3, "south": 2, "west": 5})
    kept = split.resplit({"south": 1, "west": 1}, fixed=["north"])
    assert [units(part.target.amount) for part in kept.parts] == [30, 35, 35]
    told = split.resplit({"south": 1, "west": 1}, fixed={"north": 40})
    assert [units(part.target.amount) for part in told.parts] == [40, 30, 30]


def test_the_rest_keeps_its_weights_when_none_are_given() -> None:
    """3 to 2 to 5, and west gets 60 instead of 50: 40 are left, 3 to 2."""
    split = target().split({"north": 3, "south": 2, "west": 5}).resplit(fixed={"west": 60})
    assert [units(part.target.amount) for part in split.parts] == [24, 16, 60]


def test_fixed_stays_fixed_until_a_weight_is_given() -> None:
    """Later splits and another whole leave it alone."""
    split = target().split({"north": 1, "south": 1}).resplit(fixed={"north": 70})
    assert split.with_amount(200).amount("north") == 70
    assert split.resplit({"south": 1, "west": 1}).amount("north") == 70
    assert split.resplit({"north": 1, "south": 1}).amount("north") == 50


def test_whoever_has_no_weight_is_taken_out() -> None:
    """A team that is given up leaves its part to the others."""
    split = target().split({"north": 1, "south": 1, "west": 2}).resplit({"west": 1, "north": 1})
    assert [(part.name, part.target.amount) for part in split.parts] == [("north", 50), ("west", 50)]


def test_parts_of_parts_follow() -> None:
    """When a group gets another amount, its people get theirs in proportion, what is fixed apart."""
    split = target().split({"north": 1, "south": 1}).split({"ann": 1, "bob": 1}, "north")
    split = split.resplit(None, "north", fixed={"ann": 30}).resplit(fixed={"north": 80})
    assert split.amount(("north", "ann")) == 30
    assert split.amount(("north", "bob")) == 50


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"fixed": {"north": 101}}, "fixed: the fixed parts of 'march' are 1 more than its 100"),
        (
            {"fixed": {"north": 1, "south": 1}},
            "fixed: 98 of 'march' are left for nobody (give somebody a weight)",
        ),
        ({"fixed": ["nort"]}, "part: 'march' has no part 'nort' (did you mean 'north'?)"),
        ({"fixed": "north"}, "fixed: 'north' is one name (give ['north'])"),
        (
            {"weights": {"north": 1}, "fixed": ["north"]},
            "fixed: 'north' is fixed and has a weight (give one of them)",
        ),
        ({"within": "nort"}, "part: 'march' has no part 'nort' (did you mean 'north'?)"),
        ({"weights": {"north": 0}}, "weights: every weight is 0 (give at least one weight above 0)"),
    ],
)
def test_what_cannot_be_split_is_told(change: dict[str, Any], sentence: str) -> None:
    """Too much, something for nobody, unknown names: a sentence that says how much and where."""
    split = target().split({"north": 1, "south": 1})
    with pytest.raises(InputError) as caught:
        split.resplit(**change)
    assert str(caught.value) == sentence


def test_all_parts_can_be_fixed() -> None:
    """When the fixed parts are the whole, nobody needs a weight."""
    split = target().split({"north": 1, "south": 1}).resplit(fixed={"north": 10, "south": 90})
    assert split.amount("south") == 90


def test_another_currency_cannot_be_fixed() -> None:
    """Nothing is converted."""
    split = in_euros(100).split({"north": 1, "south": 1})
    with pytest.raises(InputError, match=r"5\.00 USD is in another currency than 100\.00 EUR"):
        split.resplit(fixed={"north": money(5, "USD")})


def test_a_number_cannot_be_fixed_in_a_sum() -> None:
    """An amount without a currency is none."""
    with pytest.raises(DefinitionError, match="5 has no currency"):
        in_euros(100).split({"north": 1, "south": 1}).resplit(fixed={"north": 5})


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([SplitTarget(target(40), "a")], "do not add up to 100"),
        ([SplitTarget(target(50), "a"), SplitTarget(target(50), "a")], "two parts of one name"),
        ([SplitTarget(Target("may", "sales", MARCH, APRIL, amount=100), "a")], "parts of the target 'march'"),
        ([SplitTarget(in_euros(1), "a")], "parts of the target 'march'"),
    ],
)
def test_parts_made_by_hand_are_checked(parts: list[SplitTarget], sentence: str) -> None:
    """They are parts of that target, each once, and add up to it."""
    with pytest.raises(InputError, match=sentence):
        SplitTarget(target(), parts=parts)


def test_parts_in_another_currency_do_not_add_up() -> None:
    """A hundred dollars are no hundred euros."""
    dollars = SplitTarget(target(money(100, "USD"), measure="sum"), "a")
    with pytest.raises(InputError):
        SplitTarget(in_euros(100), parts=[dollars])


# Laws

amounts = st.integers(0, 10**12) | st.integers(0, 10**12).map(lambda minor: Money(minor, "EUR"))


@st.composite
def splits(draw: st.DrawFn) -> SplitTarget:
    """Draw a target that was split, split deeper and split anew a few times."""
    amount = draw(amounts)
    split = target(amount, measure="sum" if isinstance(amount, Money) else "count").split(draw(weights))
    for _ in range(draw(st.integers(0, 4))):
        way = draw(st.sampled_from([names for names, _ in split.walk()]))
        part = split.part(way)
        fixed = draw(st.sets(st.sampled_from([each.name for each in part.parts]))) if part.parts else set()
        new = {name: one for name, one in draw(weights).items() if name not in fixed}
        assume(any(new.values()))
        try:
            split = split.resplit(new, way, fixed=sorted(fixed))
        except InputError as error:  # what is fixed deeper down is more than what is left for its group
            assert error.argument == "fixed"  # noqa: PT017 (either way is right)
    return split


def check_sums(split: SplitTarget) -> None:
    """Assert that every part is the sum of its parts."""
    for _, part in split.walk():
        if part.parts:
            assert sum(units(each.target.amount) for each in part.parts) == units(part.target.amount)


@given(splits())
def test_every_level_adds_up(split: SplitTarget) -> None:
    """However a target was split and split anew, the parts of each level are the whole of it."""
    check_sums(split)


@given(splits(), st.integers(0, 10**12))
def test_another_whole_adds_up_or_says_why_not(split: SplitTarget, whole: int) -> None:
    """With another amount of the whole every level adds up, and what is fixed has not moved."""
    amount: Amount = Money(whole, "EUR") if isinstance(split.target.amount, Money) else whole
    try:
        moved = split.with_amount(amount)
    except InputError as error:
        assert error.argument in {"fixed", "weights"}  # noqa: PT017 (either way is right)
        return
    check_sums(moved)
    assert moved.target.amount == amount
    fixed = [(names, part.target.amount) for names, part in split.walk() if part.fixed]
    assert fixed == [(names, part.target.amount) for names, part in moved.walk() if part.fixed]


@given(splits())
def test_splitting_anew_by_nothing_new_changes_nothing(split: SplitTarget) -> None:
    """The same weights and the same fixed parts give the same amounts."""
    assert split.resplit() == split
    assert split.with_amount(split.target.amount) == split


@given(splits(), st.integers(-2, 33))
def test_the_plan_of_a_day_adds_up(split: SplitTarget, day: int) -> None:
    """On any day the parts of each level are the whole, none above its target; at the end they are it."""
    plan = split.plan_at(MARCH + timedelta(days=day))
    assert plan[()] == split.target.plan_at(MARCH + timedelta(days=day))
    for names, part in split.walk():
        if part.parts:
            assert sum(units(plan[(*names, each.name)]) for each in part.parts) == units(plan[names])
        assert 0 <= units(plan[names]) <= units(part.target.amount)
        if day >= 30:
            assert plan[names] == part.target.amount


# Plan against fact


def test_plan_against_fact_has_a_row_for_every_part() -> None:
    """10 of 31 days of 62: 20 are planned; who has done nothing has 0."""
    split = target(62).split({"north": 1, "south": 1}).split({"ann": 1}, "north")
    table = plan_facts(split, date(2026, 3, 10), {(): 15, ("north",): 15})
    assert table.rows == (
        PlanFact((), 62, 20, 15),
        PlanFact(("north",), 31, 10, 15),
        PlanFact(("north", "ann"), 31, 10, 0),
        PlanFact(("south",), 31, 10, 0),
    )
    assert [row.share for row in table.rows] == [Fraction(3, 4), Fraction(3, 2), 0, 0]


def test_plan_against_fact_prints_as_a_table() -> None:
    """Parts are set in below what they are parts of; numbers stand under each other."""
    split = in_euros(31_000).split({"north": 1, "south": 0})
    text = str(plan_facts(split, date(2026, 3, 10), {("north",): money("2500.50", "EUR")}))
    assert text.splitlines() == [
        "march by the end of 2026-03-10",
        "",
        "                target           plan          fact  share",
        "march    31,000.00 EUR  10,000.00 EUR      0.00 EUR   0.0%",
        "  north  31,000.00 EUR  10,000.00 EUR  2,500.50 EUR  25.0%",
        "  south       0.00 EUR       0.00 EUR      0.00 EUR      –",
    ]


def test_facts_of_no_part_are_refused() -> None:
    """A fact that would be shown nowhere is a mistake."""
    with pytest.raises(InputError, match="leads to no part"):
        plan_facts(target().split({"north": 1}), MARCH, {("south",): 3})


@pytest.mark.parametrize("fact", [money(5, "USD"), 5])
def test_plan_and_fact_are_of_one_currency(fact: Amount) -> None:
    """Neither another currency nor a bare number is set against euros."""
    with pytest.raises(MoneyError, match="cannot be compared"):
        plan_facts(SplitTarget(in_euros(100)), MARCH, {(): fact})


def test_a_split_over_nobody_is_about_the_weights() -> None:
    """Without parts nothing is fixed: the sentence names the weights."""
    with pytest.raises(InputError, match=r"^weights: 100 of 'march' are left for nobody"):
        target().split({})
