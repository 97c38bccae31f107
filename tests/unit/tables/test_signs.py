"""Signs of amounts: a minus stands before or after, and none is lost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.errors import InputError
from funnelkit.money import Money, money
from funnelkit.tables.amounts import read_amount, read_number, read_percent, told_sign

GAPS = st.sampled_from(["", " ", "\u00a0"])
MINUS = st.sampled_from(["-", "\u2212", "\u2013"])


@pytest.mark.parametrize(
    ("cell", "amount"),
    [("500-", "-500"), ("1 500,00-", "-1500"), ("500,00 -", "-500"), ("1.500,00- €", "-1500"),
     ("€ 500-", "-500"), ("500 EUR-", "-500"), ("500+", "500"), ("(500)", "-500")],
)  # fmt: skip
def test_a_minus_after_an_amount_counts(cell: str, amount: str) -> None:
    """Some systems write the sign behind the digits or behind the currency."""
    assert read_amount(cell, "Sum", currency="EUR") == money(amount, "EUR")


@pytest.mark.parametrize("cell", ["-500-", "500--", "(500)-", "(500-)", "--500", "+500-", "-(500)", "500,-"])
def test_two_signs_are_no_amount(cell: str) -> None:
    """What has two signs, or a dash in the place of decimals, is refused: it could be either."""
    with pytest.raises(InputError):
        read_amount(cell, "Sum", currency="EUR")


@given(
    st.integers(-(10**9), 10**9),
    MINUS,
    st.tuples(GAPS, GAPS),
    st.sampled_from(["", "€", "EUR", "евро"]),
    st.sampled_from(["{minus}{digits}", "{digits}{minus}"]),
)
def test_no_sign_is_lost(cents: int, minus: str, gaps: tuple[str, str], currency: str, number: str) -> None:
    """Wherever the minus and the currency stand, the amount is what was written."""
    inner, outer = gaps
    digits = f"{inner}{abs(cents) // 100}.{abs(cents) % 100:02}{inner}"
    told = number.format(minus=minus if cents < 0 else "", digits=digits)
    for cell in (f"{currency}{outer}{told}", f"{told}{outer}{currency}"):
        assert read_amount(cell, "Sum", currency="EUR", decimal=".") == Money(cents, "EUR")


@given(st.integers(-(10**9), -1), MINUS, GAPS)
def test_numbers_have_a_minus_behind_them_too(thousandths: int, minus: str, gap: str) -> None:
    """What holds of amounts holds of plain numbers."""
    exact = Decimal(-thousandths) / 10
    assert read_number(f"{exact}{gap}{minus}", "Size") == float(-exact)


def test_a_percentage_below_nothing_is_refused() -> None:
    """Its minus is seen behind the number as well."""
    with pytest.raises(InputError, match="no percentage"):
        read_percent("5-%", "Chance")


def test_a_sign_behind_tells_the_decimal_sign() -> None:
    """A column is looked over the same way as its cells are read."""
    assert told_sign("1.500,00-") == ","
