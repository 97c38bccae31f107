"""Phone numbers in one spelling: E.164 where `phonenumbers` is installed, else their digits.

Most numbers are plain. Those are read here, by the tables of `phonenumbers` and only where its answer
is certain; the others are given to it, which takes ten times as long.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from string import ascii_uppercase
from typing import Any

import attrs

from funnelkit.errors import InputError, shown
from funnelkit.keys.normal import optional, typed

__all__ = ["phone_key", "region_problem"]

_DIGITS = range(5, 21)  # fewer are an extension, more are two numbers in one field
_PLAIN = re.compile(r"[+(0-9][0-9 ().\u00a0-]*")
_REREADS = 4  # nobody types a prefix so often; each reading takes one off


def phone_key(text: str, region: str = "") -> str:
    """Return a phone number as it is compared, or ``""`` if there is none.

    With `phonenumbers` this is E.164, with ``;ext=`` where an extension was given. A number that
    cannot be told (no country code and no region, a length that its country does not have) is left
    as digits: then it matches the same digits alone.

    Args:
        text: What was typed.
        region: Two letters of ISO 3166 for numbers without a country code, or ``""``.

    Raises:
        InputError: Not text, or no such region.

    >>> phone_key("+44 20 7946 0000")
    '+442079460000'
    >>> phone_key("none yet")
    ''
    """
    if region != "" and (problem := region_problem(region)):
        raise InputError("region", problem, 'write "GB", "RU", "US", …')
    digits = _digits(typed(text, "phone"))
    library = optional("phonenumbers")
    if library is None or not digits:
        return digits
    text = text.strip()
    if _PLAIN.fullmatch(text) and (key := _plain(library, digits, region)):
        return key
    key = _e164(library, text, region) or _e164(library, digits, region) or digits
    for _ in range(_REREADS):
        if _settled(library, key.partition(";")[0]):
            break
        key = _e164(library, key, region) or key
    return key


def region_problem(region: object) -> str:
    """Say what is wrong with a region, or ``""``. With `phonenumbers` it must be known there.

    >>> region_problem("GB"), region_problem("England")
    ('', "'England' is no region that has phones: two capital letters")
    """
    known = isinstance(region, str) and region in _regions()
    return "" if known else f"{shown(region)} is no region that has phones: two capital letters"


@cache
def _regions() -> frozenset[str]:
    """Return every region of two letters that there is, or that there could be."""
    library = optional("phonenumbers")
    if library is not None:
        return frozenset(library.SUPPORTED_REGIONS)
    return frozenset(first + second for first in ascii_uppercase for second in ascii_uppercase)


def _digits(text: str) -> str:
    """Return the digits of a number, with the + if one stands before the first of them."""
    if not text.isascii():
        text = "".join(
            [
                str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
                for letter in text.replace("\uff0b", "+")
            ]
        )
    digits = re.sub("[^0-9]+", "", text)
    if len(digits) not in _DIGITS:
        return ""
    plus = text.find("+")
    return f"+{digits}" if 0 <= plus < text.find(digits[0]) else digits


# -- certain without reading ------------------------------------------------------------------------


@attrs.frozen
class _Numbering:
    """What `phonenumbers` knows of the numbers of one country, as far as it is needed here.

    Attributes:
        code: The country code.
        lengths: Of possible numbers without it.
        prefix: What people dial before a number within the country and the library takes off.
        abroad: What people dial before a country code.
        number: What a number of the country looks like.
        simple: Whether taking the prefix off is all that the library does.
    """

    code: str
    lengths: frozenset[int]
    prefix: re.Pattern[str] | None
    abroad: re.Pattern[str] | None
    number: re.Pattern[str]
    simple: bool


@lru_cache(maxsize=1024)
def _numbering(library: Any, code: int) -> _Numbering:
    """Return what is known of a country code; of the first of several countries that share it."""
    region = library.region_code_for_country_code(code)
    known = library.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    prefix = re.compile(known.national_prefix_for_parsing) if known.national_prefix_for_parsing else None
    return _Numbering(
        code=str(code),
        lengths=frozenset(known.general_desc.possible_length),
        prefix=prefix,
        abroad=re.compile(known.international_prefix) if known.international_prefix else None,
        number=re.compile(known.general_desc.national_number_pattern),
        simple=not known.national_prefix_transform_rule and not (prefix and prefix.groups),
    )


@lru_cache(maxsize=1024)
def _numbering_of(library: Any, region: str) -> _Numbering | None:
    """Return what is known of a region; None if it shares its code with the first one of it."""
    code = library.country_code_for_region(region)
    return _numbering(library, code) if library.region_code_for_country_code(code) == region else None


def _plain(library: Any, digits: str, region: str) -> str:
    """Return the E.164 of a number without asking the library, or ``""`` where that is not certain."""
    if digits.startswith("+"):
        return digits if _settled(library, digits) else ""
    country = _numbering_of(library, region) if region else None
    if country is None or not country.simple or digits.startswith(country.code):
        return ""
    if country.abroad and country.abroad.match(digits):
        return ""
    prefix = country.prefix.match(digits) if country.prefix else None
    if prefix and country.number.fullmatch(digits):
        return ""  # what looks like the prefix may be a part of the number
    key = f"+{country.code}{digits[prefix.end() if prefix else 0 :]}"
    return key if _settled(library, key) else ""


def _settled(library: Any, number: str) -> bool:
    """Whether a number is E.164 as it stands.

    That holds where its length is a possible one, and nothing of it could be taken for the prefix
    that people of that country dial first.
    """
    if not number.startswith("+"):
        return False
    codes = library.COUNTRY_CODE_TO_REGION_CODE
    for length in (2, 3, 4):  # no country code is the beginning of another
        if number[1] != "0" and int(number[1:length]) in codes:
            country = _numbering(library, int(number[1:length]))
            rest = number[length:]
            prefix = country.prefix and country.prefix.match(rest)
            return len(rest) in country.lengths and not prefix
    return False


# -- read by the library ----------------------------------------------------------------------------


def _e164(library: Any, text: str, region: str) -> str:
    """Return what the library makes of a number, or ``""`` if it is not a possible one."""
    try:
        number = library.parse(text, region or None)
    except library.NumberParseException:
        return ""
    if library.is_possible_number_with_reason(number) != library.ValidationResult.IS_POSSIBLE:
        return ""
    extension = "".join(str(unicodedata.decimal(digit)) for digit in number.extension or "")
    key = str(library.format_number(number, library.PhoneNumberFormat.E164))
    return f"{key};ext={extension}" if extension else key
