"""The small values: money, instants, durations, ids, frozen mappings."""

from __future__ import annotations

import copy
import decimal
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit import FrozenClock, FrozenMapping, Money, SystemClock, TimeOrderedIds, money, totals
from funnelkit.clock import aware, duration, from_us, to_us
from funnelkit.errors import MoneyError, TimeError
from funnelkit.ids import born
from funnelkit.money import CURRENCIES
from funnelkit.testing import amounts, names, pipelines, sequential_ids

# -- money ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12000.50", "EUR", 1_200_050),
        (Decimal("0.1"), "EUR", 10),
        (-7, "EUR", -700),
        ("1500", "JPY", 1_500),
        ("9.5", "KWD", 9_500),
        ("0.0001", "CLF", 1),
        ("1E+3", "EUR", 100_000),
        ("-0", "EUR", 0),
        ("0E-30", "EUR", 0),
        ("100000000000000.00", "EUR", 10**16),
    ],
)
def test_money_is_whole_minor_units(amount: Any, currency: str, minor: int) -> None:
    """An amount is kept exactly, in the currency's own minor unit."""
    assert money(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (12.5, "EUR"),
        (True, "EUR"),
        (None, "EUR"),
        ("", "EUR"),
        ("twelve", "EUR"),
        ("1,5", "EUR"),
        ("NaN", "EUR"),
        ("sNaN", "EUR"),
        ("Infinity", "EUR"),
        ("0.001", "EUR"),
        ("0.5", "JPY"),
        ("1E-999999999", "EUR"),
        ("0.00" + "9" * 100, "EUR"),
        ("100000000000000.01", "EUR"),
        ("1E+999999999", "EUR"),
        pytest.param(10**5_000, "EUR", id="int"),
        ("9" * 10_000, "EUR"),
        ("1." + "1" * 10_000, "EUR"),
        (1, "RUR"),
        (1, "eur"),
        (1, ""),
        (1, None),
        (1, ["EUR"]),
    ],
)
def test_what_is_no_exact_amount_is_refused(amount: Any, currency: Any) -> None:
    """A float, half a cent, an unknown currency, too much: MoneyError, short, naming the argument."""
    with pytest.raises(MoneyError) as caught:
        money(amount, currency, "price")
    assert caught.value.argument == "price"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("precision", [1, 4, 28, 50])
def test_money_is_exact_in_any_context(precision: int) -> None:
    """The precision that the host set for its own sums rounds nothing here."""
    with decimal.localcontext(prec=precision):
        amount = money("12345678.91", "EUR")
        assert (amount.minor, str(amount.amount)) == (1_234_567_891, "12345678.91")
        assert str(amount + money("0.09", "EUR")) == "12,345,679.00 EUR"


@given(amounts(tuple(CURRENCIES)))
def test_money_reads_what_it_writes(amount: Money) -> None:
    """The amount as people write it is the amount."""
    assert money(amount.amount, amount.currency) == money(str(amount.amount), amount.currency) == amount


@pytest.mark.parametrize(
    ("minor", "currency"), [(5, "eur"), (5, None), (5, []), ("5", "EUR"), (5.0, "EUR"), (True, "EUR")]
)
def test_there_is_no_unsound_money(minor: Any, currency: Any) -> None:
    """Money cannot be built around the check of its currency and of its whole minor units."""
    with pytest.raises(MoneyError):
        Money(minor, currency)


def test_currencies_are_never_mixed() -> None:
    """Adding euros to dollars is an error, and so is adding a number."""
    with pytest.raises(MoneyError):
        money(1, "EUR") + money(1, "USD")
    with pytest.raises(TypeError):
        money(1, "EUR") + 1  # type: ignore[operator]
    with pytest.raises(TypeError):
        assert money(1, "EUR") < money(2, "EUR")  # type: ignore[operator]


@given(st.lists(amounts()))
def test_totals_are_per_currency(items: list[Money]) -> None:
    """Each currency is added up by itself, in whole minor units."""
    expected = {
        code: sum(item.minor for item in items if item.currency == code) for code in ("EUR", "JPY", "KWD")
    }
    found = totals(items)
    assert {code: item.minor for code, item in found.items()} == {
        code: total for code, total in expected.items() if any(item.currency == code for item in items)
    }
    assert list(found) == sorted(found)


# -- instants and durations -----------------------------------------------------------------------------


zones = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=zones))  # noqa: DTZ001
def test_an_instant_is_microseconds_and_back(instant: datetime) -> None:
    """No zone and no year changes what instant it is."""
    assert from_us(to_us(aware(instant))) == instant


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 3, 1),  # noqa: DTZ001
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        "2026-03-01",
        None,
        1_700_000_000,
    ],
)
def test_what_is_no_instant_is_refused(value: Any) -> None:
    """Naive, before 1970, beyond 9999, no datetime: TimeError naming the argument."""
    with pytest.raises(TimeError) as caught:
        aware(value, "since")
    assert caught.value.argument == "since"


@pytest.mark.parametrize(
    ("text", "hours"), [("14d", 336), ("36h", 36), ("1w2d", 216), ("90m", 1.5), ("3600s", 1), ("1d12h", 36)]
)
def test_a_duration_is_read(text: str, hours: float) -> None:
    """Weeks, days of 24 hours, hours, minutes and seconds."""
    assert duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "14",
        "d",
        "14 d",
        "14d ",
        "1.5d",
        "-1d",
        "0d",
        "1y",
        "9" * 20 + "d",
        "9" * 5_000 + "w",
        14,
        None,
        timedelta(0),
    ],
)
def test_what_is_no_duration_is_refused(value: Any) -> None:
    """Anything else is a TimeError, however long."""
    with pytest.raises(TimeError) as caught:
        duration(value, "limit")
    assert caught.value.argument == "limit"


def test_a_frozen_clock_goes_on_when_told() -> None:
    """It stands still between two ticks."""
    clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 3, 1, tzinfo=UTC)
    assert clock.tick("36h") == clock.now() == datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_the_clock_of_the_machine_is_aware() -> None:
    """It tells UTC, and does not stand still for ever."""
    clock = SystemClock()
    first = clock.now()
    assert first.utcoffset() == timedelta(0)
    assert clock.now() >= first


# -- ids ---------------------------------------------------------------------------------------------------


def test_an_id_is_a_typeid_over_uuid7() -> None:
    """The published example of TypeID: this UUIDv7 and this text are the same number."""
    instant = datetime(2023, 6, 30, 3, 34, 18, 518_000, tzinfo=UTC)
    number = 0x01890A5D_AC96_774B_BCCE_B302099A8057
    counter = (number >> 64 & 0xFFF) << 62 | number & (1 << 62) - 1
    ids = TimeOrderedIds(FrozenClock(instant), entropy=lambda _: counter)
    assert ids("prefix") == "prefix_01h455vb4pex5vsknk084sn02q"


def test_an_id_tells_when_it_was_made() -> None:
    """To the millisecond."""
    instant = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
    assert born(TimeOrderedIds(FrozenClock(instant))("deal")) == instant


def test_ids_go_up_and_never_repeat() -> None:
    """Within a millisecond, over many of them, and when the clock steps back."""
    clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
    ids = TimeOrderedIds(clock, entropy=random.Random(7).getrandbits)
    made = [ids("deal") for _ in range(1_000)]
    clock.tick("1s")
    made += [ids("deal") for _ in range(1_000)]
    clock._now -= timedelta(hours=1)  # noqa: SLF001
    made += [ids("deal") for _ in range(1_000)]
    assert made == sorted(set(made))


def test_ids_of_threads_do_not_collide() -> None:
    """One source serves many threads."""
    ids = TimeOrderedIds(FrozenClock(datetime(2026, 3, 1, tzinfo=UTC)))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ids("deal"), range(4_000)))
    assert len(set(made)) == 4_000


def test_sequential_ids_can_be_foretold() -> None:
    """Two sources of one seed give the same ids, in the form of made ones."""
    one, other = sequential_ids(41), sequential_ids(41)
    assert [one("deal"), one("lead")] == [other("deal"), other("lead")]
    assert sequential_ids(41)("deal") == "deal_00000000000000000000000042"


# -- frozen mappings -------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_a_frozen_mapping_is_a_value(items: dict[str, Any]) -> None:
    """It equals its copy, hashes like it, and survives pickling and copying."""
    one = FrozenMapping(items)
    for other in (FrozenMapping(one), pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):  # noqa: S301
        assert other == one
        assert hash(other) == hash(one)


def test_a_frozen_mapping_equals_the_json_it_was_made_of() -> None:
    """A list inside is the same as the tuple it became; 1 is 1.0, and not true."""
    assert FrozenMapping({"a": [1, {"b": []}]}) == {"a": [1.0, {"b": []}]}
    assert FrozenMapping({"a": [1]}) != {"a": [True]}


def test_a_frozen_mapping_cannot_be_written() -> None:
    """Neither on top nor inside."""
    frozen = FrozenMapping({"a": {"b": [1]}})
    with pytest.raises(TypeError):
        frozen["a"] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        frozen["a"]["b"] = 1
    assert frozen["a"]["b"] == (1,)


# -- the strategies themselves ---------------------------------------------------------


@given(names(), pipelines("lead", "intake"))
def test_the_strategies_give_what_is_accepted(name: str, pipeline: Any) -> None:
    """Random names are names, random pipelines are sound, of the kind and id asked for."""
    assert name.strip()
    assert (pipeline.kind, pipeline.id) == ("lead", "intake")
