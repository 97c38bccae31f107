"""Cells to values: what a cell says, or a sentence; never a guess."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.errors import InputError, MoneyError, TimeError
from funnelkit.money import CURRENCIES, Money, money
from funnelkit.tables.cells import (
    currency_of,
    decimal_sign,
    from_serial,
    is_whole_id,
    read_amount,
    read_date,
    read_id,
    read_instant,
    read_number,
    read_percent,
    read_yes_no,
    told_sign,
)

NBSP, NARROW, THIN, MINUS = "\u00a0", "\u202f", "\u2009", "\u2212"


@pytest.mark.parametrize(
    ("cell", "amount", "currency"),
    [
        ("1 234,50 ₽", "1234.50", "RUB"),
        (f"1{NBSP}234,50{NBSP}₽", "1234.50", "RUB"),
        (f"1{NARROW}234{THIN}567,5 руб.", "1234567.5", "RUB"),
        ("€ 3.500,00", "3500", "EUR"),
        ("€3,500.00", "3500", "EUR"),
        ("100 USD", "100", "USD"),
        ("USD 1,234.50", "1234.50", "USD"),
        ("-12,5 €", "-12.5", "EUR"),
        (f"{MINUS}12.50 EUR", "-12.5", "EUR"),
        ("(1,234.50) EUR", "-1234.50", "EUR"),
        ("€ (12)", "-12", "EUR"),
        ("1'234.50 CHF", "1234.50", "CHF"),
        ("1’234.50 chf", "1234.50", "CHF"),
        ("1.234.567 €", "1234567", "EUR"),
        ("0,5 р.", "0.5", "RUB"),
        ("1 234 567 ₸", "1234567", "KZT"),
    ],
)
def test_amounts_that_name_their_currency(cell: str, amount: str, currency: str) -> None:
    """Signs and codes, spaces of all kinds, minus signs and parentheses are understood."""
    assert read_amount(cell, "Sum") == money(amount, currency)


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("1234.50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1234,5", "1234.5"),
        ("0,5", "0.5"),
        ("12345,67", "12345.67"),
        ("1,234,567", "1234567"),
        (1234.5, "1234.5"),
        (0.1 + 0.2, "0.3"),
        (7, "7"),
        (Decimal("7.25"), "7.25"),
    ],
)
def test_amounts_in_the_currency_of_the_column(cell: Any, amount: str) -> None:
    """A number that has one meaning only needs no decimal sign; numbers of a sheet are exact to 15 digits."""
    assert read_amount(cell, "Sum", currency="EUR") == money(amount, "EUR")


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [("1,234", ",", 1.234), ("1,234", ".", 1234), ("1.234", ".", 1.234), ("1.234", ",", 1234)],
)
def test_the_decimal_sign_decides_what_could_be_two_numbers(cell: str, decimal: str, value: float) -> None:
    """One separator before three digits means what the column's decimal sign says."""
    assert read_number(cell, "Size", decimal=decimal) == value


@pytest.mark.parametrize("cell", ["1,234", "1.234", "12.345", "999,999"])
def test_what_could_be_two_numbers_is_refused(cell: str) -> None:
    """Without a decimal sign, both readings are named."""
    with pytest.raises(MoneyError, match=r"may be .* or "):
        read_amount(cell, "Sum", currency="EUR")


def test_a_zero_alone_is_no_group_of_thousands() -> None:
    """``0,234`` has one meaning only."""
    assert read_number("0,234", "Size") == 0.234


def test_a_cell_against_the_column_is_refused() -> None:
    """A number whose own decimal sign is not the column's is no accident to pass over."""
    with pytest.raises(InputError, match="decimal sign"):
        read_number("3.500,00", "Size", decimal=".")


@pytest.mark.parametrize(
    "cell",
    ["", "abc", "12abc34", "1,2,3", "12 34", "1 2345", "1.23.456", "1,,2", "--5", "1.234,567.8", "1e5",
     "5 XYZ", "€ 5 USD", "1.5E+03", "٣", "½", "5" * 80, "NaN", "inf", float("nan"), float("inf"),
      True, None, b"5"],
)  # fmt: skip
def test_what_is_no_amount_is_refused(cell: Any) -> None:
    """Everything else is an error that names the column."""
    with pytest.raises(MoneyError, match="Sum"):
        read_amount(cell, "Sum", currency="EUR")


def test_an_amount_needs_a_currency() -> None:
    """An amount without any currency, or with a sign of several, is refused."""
    for cell in ("5", "$5", "¥ 5", "5 kr"):
        with pytest.raises(MoneyError):
            read_amount(cell, "Sum")
    assert read_amount("$5", "Sum", currency="CAD") == money(5, "CAD")


def test_an_amount_in_another_currency_than_the_column_is_refused() -> None:
    """Two that contradict each other are never settled in silence."""
    with pytest.raises(MoneyError, match="in EUR, the column in RUB"):
        read_amount("5 €", "Sum", currency="RUB")


def test_half_a_cent_is_refused() -> None:
    """More decimals than the currency has are an error of money."""
    with pytest.raises(MoneyError, match="more decimals"):
        read_amount("1.2345", "Sum", currency="EUR")


def grouped(digits: str, by: str) -> str:
    """Return digits in groups of three."""
    first = len(digits) % 3 or 3
    return by.join([digits[:first], *(digits[at : at + 3] for at in range(first, len(digits), 3))])


@given(
    st.integers(-(10**14), 10**14),
    st.sampled_from(sorted(CURRENCIES)),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), (NBSP, "."), ("'", "."), ("", ","), ("", ".")]),
    st.booleans(),
)
def test_an_amount_is_read_however_it_is_written(
    minor: int, currency: str, signs: tuple[str, str], parentheses: bool
) -> None:
    """Every grouping and every decimal sign gives the amount back, if the column's sign is known."""
    separator, decimal = signs
    whole, _, fraction = str(abs(Money(minor, currency).amount)).partition(".")
    text = grouped(whole, separator) + (decimal + fraction if fraction else "")
    if minor < 0:
        text = f"({text})" if parentheses else f"-{text}"
    assert read_amount(f"{text} {currency}", "Sum", decimal=decimal) == Money(minor, currency)


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["1,234", "5,5"], ","),
        (["1.234.567", "1.234"], ","),
        (["1,234.5", "1,234"], "."),
        (["1,234", "2,345"], ""),
        (["1,5", "1.5"], ""),
        (["", "abc", "7", 5, None], ""),
    ],
)
def test_a_column_tells_its_decimal_sign(cells: list[Any], sign: str) -> None:
    """Cells with one meaning tell it, unless they contradict each other."""
    assert decimal_sign(cells) == sign
    assert {told_sign(cell) for cell in cells} - {""} >= ({sign} - {""})


def test_currencies_by_name() -> None:
    """Codes and signs of any case are currencies; nothing else is."""
    assert [currency_of(told, "Cur") for told in ("eur", "₽", "руб.", "US$")] == ["EUR", "RUB", "RUB", "USD"]
    for told in ("", "$", "euros!", "643", "-"):
        with pytest.raises(MoneyError):
            currency_of(told, "Cur")


def test_percentages_are_shares() -> None:
    """20, 20 % and 20,0% are 0.2; what is not between 0 and 100 is refused."""
    assert [read_percent(cell, "P") for cell in ("20", "20 %", "20,0%", 20, 100, "0")] == [
        0.2, 0.2, 0.2, 0.2, 1, 0,
    ]  # fmt: skip
    for cell in ("-1", "101", "many", "%"):
        with pytest.raises(InputError):
            read_percent(cell, "P")


def test_yes_and_no() -> None:
    """Yes and no are understood in two languages, and nothing else is."""
    assert [read_yes_no(cell, "V") for cell in ("Да", "yes", "Y", "1", True, 1)] == [True] * 6
    assert [read_yes_no(cell, "V") for cell in ("нет", "No", "n", "0", False, 0)] == [False] * 6
    for cell in ("", "maybe", "2", None, "да нет"):
        with pytest.raises(InputError, match="neither"):
            read_yes_no(cell, "V")


@pytest.mark.parametrize(
    "cell",
    ["1.23457E+15", "1,23457E+15", "1e+15", "12345.0", "7,00", "12345678901234500000", "1234567890123450",
     10**15, 1.23457e15, 1.5, True],
)  # fmt: skip
def test_ids_that_a_spreadsheet_rounded_are_refused(cell: Any) -> None:
    """Exponents, decimals and digits lost after the fifteenth are told."""
    with pytest.raises(InputError, match=r"rounded|is no id"):
        read_id(cell, "ID")


@pytest.mark.parametrize(
    ("cell", "id"),
    [("00123", "00123"), (" a-7 ", "a-7"), ('="00123"', "00123"), ("123456789012345", "123456789012345"),
     (42.0, "42"), (7, "7"), ("0x1e5", "0x1e5"), ("12345678901234567890", "12345678901234567890"),
      ("1.5.0", "1.5.0"),
     ("1234567890123451000", "1234567890123451000")],
)  # fmt: skip
def test_ids_that_are_whole_are_taken(cell: Any, id: str) -> None:
    """What is no rounded number is an id as it stands."""
    assert read_id(cell, "ID") == id


def test_long_ids_that_end_in_zeros_are_taken_from_a_whole_column() -> None:
    """One long id with other digits proves that the column was not rounded."""
    assert is_whole_id("3152079000000153079")
    assert not is_whole_id("3152079000000150000")
    assert read_id("3152079000000150000", "ID", whole=True) == "3152079000000150000"


@pytest.mark.parametrize(
    ("serial", "day"),
    [
        (1, date(1900, 1, 1)),
        (59, date(1900, 2, 28)),
        (61, date(1900, 3, 1)),
        (25569, date(1970, 1, 1)),
        (45292, date(2024, 1, 1)),
        (2958465, date(9999, 12, 31)),
    ],
)
def test_days_of_the_system_of_1900(serial: int, day: date) -> None:
    """The published serials of spreadsheets, with the leap year that 1900 was not."""
    assert from_serial(serial).date() == day


@pytest.mark.parametrize(
    ("serial", "day"), [(0, date(1904, 1, 1)), (1462, date(1908, 1, 2)), (43830, date(2024, 1, 1))]
)
def test_days_of_the_system_of_1904(serial: int, day: date) -> None:
    """Day 0 is 1 January 1904, and every serial is 1,462 less than in the system of 1900."""
    assert from_serial(serial, system=1904).date() == day


@pytest.mark.parametrize("serial", [0, -1, 60, 60.5, 2958466, float("nan"), float("inf")])
def test_days_that_there_were_not(serial: float) -> None:
    """29 February 1900 and what lies beyond a sheet are refused."""
    with pytest.raises(TimeError):
        from_serial(serial)


def test_a_fraction_of_a_day_is_a_time() -> None:
    """0.5 is noon; binary fractions are rounded to the millisecond."""
    assert from_serial(45292.5) == datetime(2024, 1, 1, 12)  # noqa: DTZ001
    assert from_serial(45292 + 37845 / 86400) == datetime(2024, 1, 1, 10, 30, 45)  # noqa: DTZ001


MOSCOW = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("cell", "order", "instant"),
    [
        ("01.02.2026 10:30", "", "2026-02-01T07:30:00"),
        ("01.02.2026 10:30:15", "", "2026-02-01T07:30:15"),
        ("1.2.2026", "", "2026-01-31T21:00:00"),
        ("2026-02-01 10:30", "", "2026-02-01T07:30:00"),
        ("2026-02-01T10:30:15.25Z", "", "2026-02-01T10:30:15.250000"),
        ("2026-02-01T10:30:00+01:00", "", "2026-02-01T09:30:00"),
        ("2026/02/01 10:30", "", "2026-02-01T07:30:00"),
        ("02/01/2026 10:30 PM", "mdy", "2026-02-01T19:30:00"),
        ("2/1/2026, 12:05 am", "mdy", "2026-01-31T21:05:00"),
        ("01/02/2026 10:30", "dmy", "2026-02-01T07:30:00"),
        ("01-02-2026 10:30", "dmy", "2026-02-01T07:30:00"),
        ("01.02.2026 10:30", "mdy", "2026-02-01T07:30:00"),
        ("46054.4375", "", "2026-02-01T07:30:00"),
        ("46054,4375", "", "2026-02-01T07:30:00"),
        (46054.4375, "", "2026-02-01T07:30:00"),
    ],
)
def test_instants(cell: Any, order: Any, instant: str) -> None:
    """Points first, ISO, slashes whose order is said, and serials; without a zone, the file's holds."""
    assert read_instant(cell, "At", zone=MOSCOW, order=order).isoformat() == f"{instant}+00:00"


@pytest.mark.parametrize(
    "cell",
    ["", "soon", "31.02.2026", "01.02.26", "2026", "20260", "1700000000", "1700000000000", "01.13.2026",
     "24.05.2026 25:00", "2026-02-30", "1/2/2026 13:00 PM", "0", "-5", "01.02.2026 10",
     "01.01.1969", True, b"x", [], "९९.०१.२०२६"],
)  # fmt: skip
def test_what_is_no_instant_is_refused(cell: Any) -> None:
    """Days that do not exist, years of two digits and numbers of other clocks are errors of time."""
    with pytest.raises(TimeError, match="At"):
        read_instant(cell, "At", zone=UTC, order="mdy")


def test_slashes_are_refused_until_their_order_is_said() -> None:
    """01/02/2026 is two days."""
    with pytest.raises(TimeError, match="day or month first"):
        read_date("01/02/2026", "At")
    assert read_date("01/02/2026", "At", order="dmy") == date(2026, 2, 1)
    assert read_date("01/02/2026", "At", order="mdy") == date(2026, 1, 2)


def test_a_time_needs_a_zone() -> None:
    """A naive time is refused where no zone is given."""
    with pytest.raises(TimeError, match="no time zone"):
        read_instant("01.02.2026 10:30", "At")


def test_the_zone_knows_summer() -> None:
    """Berlin is an hour ahead of UTC in winter, two in summer; of a repeated hour the first is meant."""
    berlin = ZoneInfo("Europe/Berlin")
    found = [
        read_instant(f"{cell} 02:30", "At", zone=berlin).hour
        for cell in ("15.01.2026", "15.07.2026", "25.10.2026")
    ]
    assert found == [1, 0, 0]


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9998, 1, 1)))  # noqa: DTZ001
def test_an_instant_is_read_however_it_is_written(moment: datetime) -> None:
    """All notations of one minute are one instant, and a serial is exact to the millisecond."""
    moment = moment.replace(second=0, microsecond=0)
    year = f"{moment.year:04}"
    for written, order in (
        (moment.isoformat(), ""),
        (f"{moment:%d.%m}.{year} {moment:%H:%M}", ""),
        (f"{moment:%m/%d}/{year} {moment:%I:%M %p}", "mdy"),
        (f"{moment:%d/%m}/{year} {moment:%H:%M}", "dmy"),
    ):
        assert read_instant(written, "At", zone=UTC, order=order) == moment.replace(tzinfo=UTC)  # type: ignore[arg-type]
    days = (moment - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001
    assert from_serial(days) == moment


ANYTHING = st.one_of(
    st.text(), st.floats(), st.integers(), st.booleans(), st.none(), st.binary(), st.dates(), st.times()
)
NUMBERS = r"[-+(€$₽]{0,2} ?[0-9]{1,4}([ .,'\u00a0][0-9]{1,4}){0,4} ?[)%€$₽A-Z]{0,3}"


@given(ANYTHING)
def test_no_cell_breaks_a_reader(cell: Any) -> None:
    """Every reader returns a value or raises an InputError, whatever the cell is."""
    for read in (
        read_yes_no,
        read_id,
        read_number,
        read_percent,
        read_date,
        lambda cell, name: read_instant(cell, name, zone=UTC, order="mdy"),
        lambda cell, name: read_amount(cell, name, currency="EUR", decimal=","),
        read_amount,
    ):
        with suppress(InputError):
            read(cell, "C")
    told_sign(cell)
    is_whole_id(cell)


@given(st.from_regex(NUMBERS, fullmatch=True))
def test_no_number_has_two_meanings(cell: str) -> None:
    """What is read without a decimal sign is read alike with the one it tells, and with no other."""
    try:
        value = read_number(cell, "N")
    except InputError:
        return
    told = told_sign(cell)
    for sign in ",.":
        if told in {"", sign}:
            assert read_number(cell, "N", decimal=sign) == value
        else:
            with pytest.raises(InputError):
                read_number(cell, "N", decimal=sign)
