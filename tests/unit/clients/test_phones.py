"""Phone numbers in one spelling, with and without the package that knows the countries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.clients import normalisation, phone_key
from funnelkit.errors import InputError

DIGITS = st.text("0123456789", min_size=2, max_size=14)
NUMBERS = st.builds(
    "+{}{}".format, st.sampled_from(["1", "7", "39", "44", "49", "52", "54", "55", "380"]), DIGITS
)
GAPS = st.lists(st.sampled_from([" ", "-", "(", ")", ".", "\u00a0", ""]), min_size=17, max_size=17)
TYPED = st.one_of(
    NUMBERS,
    DIGITS,
    st.text("0123456789 +-()/x#;=ext,доб", max_size=25),
    st.text(max_size=30),
    st.builds("{} ext {}".format, NUMBERS, DIGITS),
)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("+44 20 7946 0000", "+442079460000"),
        (" (+44) 20-7946-0000 ", "+442079460000"),
        ("020 7946 0000", "02079460000"),
        ("8 (495) 123-45-67", "84951234567"),
        ("+٤٤ ٢٠ ٧٩٤٦ ٠٠٠٠", "+442079460000"),
        ("\uff0b44 20 7946 0000", "+442079460000"),
        ("call me", ""),
        ("1234", ""),
        ("+", ""),
        ("", ""),
    ],
)
@pytest.mark.usefixtures("bare")
def test_without_the_package_digits_and_a_leading_plus_are_kept(typed: str, key: str) -> None:
    """What is no digit and no leading + falls out; fewer than five digits are no number."""
    assert phone_key(typed, "GB") == key


@pytest.mark.usefixtures("bare")
def test_it_is_said_what_is_in_force() -> None:
    """Without the extra a sentence says that matching is exact, and what would change that."""
    sentence = "phones: exact matching after trimming; pip install 'funnelkit[clients]' for E.164"
    assert sentence in str(normalisation())


@pytest.mark.parametrize(
    ("typed", "region", "key"),
    [
        ("+44 20 7946 0000", "", "+442079460000"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("+44 (0)20 7946 0000", "", "+442079460000"),
        ("+49 (0)30 123456", "", "+4930123456"),
        ("+49 0 0 30 123456", "", "+4930123456"),
        ("010 1 212 555 0123", "JP", "+12125550123"),
        ("8645075", "BY", "+3758645075"),
        ("376712345", "AD", "+376712345"),
        ("9164 1234", "CX", "+61891641234"),
        ("011 15 2345678901", "AR", "011152345678901"),
        ("00 44 20 7946 0000", "DE", "+442079460000"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("495 123-45-67", "RU", "+74951234567"),
        ("+39 06 6982", "", "+39066982"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("tel:+44-20-7946-0000", "", "+442079460000"),
        ("020 7946 0000", "", "02079460000"),
        ("123-45-67", "RU", "1234567"),
        ("+999 123 456 789", "", "+999123456789"),
        ("+7 495 123-45-67 доб. 12", "", "+74951234567;ext=12"),
        ("+49 30 1234 ext. 56", "", "+49301234;ext=56"),
    ],
)
def test_with_the_package_a_number_is_e164(typed: str, region: str, key: str) -> None:
    """The country's own way to dial is read; what cannot be read stays digits."""
    pytest.importorskip("phonenumbers", reason="the extra 'clients' is not installed")
    assert phone_key(typed, region) == key


@given(number=NUMBERS, gaps=GAPS)
def test_the_quick_way_says_what_the_package_says(number: str, gaps: list[str]) -> None:
    """A number that is possible for the package is what the package writes, however it is spaced."""
    library: Any = pytest.importorskip("phonenumbers", reason="the extra 'clients' is not installed")
    typed = "+" + "".join(map("".join, zip(number[1:], gaps, strict=False)))
    try:
        parsed = library.parse(typed, None)
    except library.NumberParseException:
        return
    once = library.format_number(parsed, library.PhoneNumberFormat.E164)
    if library.is_possible_number_with_reason(parsed) == 0 and library.parse(once, None) == parsed:
        assert phone_key(typed) == once


@given(
    prefix=st.sampled_from(["", "0", "8", "1", "00", "810"]),
    digits=st.text("0123456789", min_size=6, max_size=11),
    region=st.sampled_from(["GB", "RU", "US", "CA", "KZ", "AR", "MX", "BR", "DE", "IT", "FR", "UA", "AU"]),
)
def test_a_number_of_a_region_is_read_as_the_package_reads_it(prefix: str, digits: str, region: str) -> None:
    """The prefix of the country is taken off exactly where the package takes it off."""
    library: Any = pytest.importorskip("phonenumbers", reason="the extra 'clients' is not installed")
    try:
        parsed = library.parse(prefix + digits, region)
    except library.NumberParseException:
        return
    once = library.format_number(parsed, library.PhoneNumberFormat.E164)
    if library.is_possible_number_with_reason(parsed) == 0 and library.parse(once, None) == parsed:
        assert phone_key(prefix + digits, region) == once


@given(typed=TYPED, region=st.sampled_from(["", "GB", "RU", "US", "AR", "MX", "BR", "DE", "IT"]))
def test_a_key_is_its_own_key(typed: str, region: str) -> None:
    """Normalising twice is normalising once, and hostile text never raises."""
    key = phone_key(typed, region)
    assert phone_key(key, region) == key


@pytest.mark.parametrize("region", ["gb", "England", "G", None, 44, ["GB"]])
def test_a_region_that_is_none_is_refused(region: Any) -> None:
    """A region is two capital letters of ISO 3166."""
    with pytest.raises(InputError, match=r"region: .* is no region"):
        phone_key("020 7946 0000", region)


def test_an_unknown_region_is_refused_where_regions_are_known() -> None:
    """Two capital letters that are no country would leave every number unread, in silence."""
    pytest.importorskip("phonenumbers", reason="the extra 'clients' is not installed")
    with pytest.raises(InputError, match="region: 'QQ' is no region"):
        phone_key("020 7946 0000", "QQ")


def test_what_is_no_text_is_refused() -> None:
    """A number must come as text: an int has lost its zeros."""
    with pytest.raises(InputError, match="phone: 442079460000 is not text"):
        phone_key(442079460000)  # type: ignore[arg-type]
