"""Cells to numbers, percentages and money. Nothing is guessed.

A number with a comma or a dot has one meaning, or it has none:

- With both, the last one is the decimal sign; the other separates thousands.
- Spaces (also those that do not break) and apostrophes separate thousands.
- One that stands more than once separates thousands, which must be groups of three digits.
- A single one followed by other than three digits is the decimal sign; also after more than three
  digits, after a zero alone, and where spaces separate the thousands.
- What is left, such as ``1,234``, may be 1234 or 1.234. The decimal sign of the column decides, see
  `decimal_sign`; without one the cell is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from funnelkit.errors import InputError, MoneyError, shown
from funnelkit.money import CURRENCIES, Money, money

__all__ = [
    "currency_of",
    "decimal_sign",
    "read_amount",
    "read_number",
    "read_percent",
    "told_sign",
]

_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f\u2060\ufeff]+")
_GAPS = re.compile(r"(?<=\d)['’´ ](?=\d)")
_PLAIN = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,2})?")  # the common ones, read at once
_DIGITS = re.compile(r"[0-9]+(?:[ .,][0-9]+)*")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[ .,][0-9]{3})+")
_ROUNDED = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_MINUS = "-−–"  # the hyphen, the sign itself, the dash
_SIGNED = (*_MINUS, "+")
_LONGEST = 60
_GROUP = 3  # digits of a thousand

_SIGNS: dict[str, tuple[str, ...]] = {
    "₽": ("RUB",),
    "руб": ("RUB",),
    "рублей": ("RUB",),
    "р": ("RUB",),
    "€": ("EUR",),
    "евро": ("EUR",),
    "£": ("GBP",),
    "₴": ("UAH",),
    "грн": ("UAH",),
    "₸": ("KZT",),
    "тг": ("KZT",),
    "₹": ("INR",),
    "₺": ("TRY",),
    "₾": ("GEL",),
    "₪": ("ILS",),
    "₩": ("KRW",),
    "zł": ("PLN",),
    "us$": ("USD",),
    "r$": ("BRL",),
    "$": ("USD", "AUD", "CAD", "HKD", "MXN", "NZD", "SGD", "TWD", "ARS", "CLP", "COP"),
    "¥": ("JPY", "CNY"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}
"""What stands beside amounts → the currencies that it can mean."""


def read_number(cell: Any, column: str, *, decimal: str = "") -> int | float:
    """Return a plain number: an int where it is whole, else a float.

    Args:
        cell: Text such as ``1 234,5``.
        column: For the error.
        decimal: The decimal sign of the column, ``","`` or ``"."``; empty, an ambiguous cell is refused.

    Raises:
        InputError: It is no number, or it could be two.

    >>> read_number("1 234,50", "Size"), read_number("12", "Size")
    (1234.5, 12)
    """
    exact = _decimal(cell, column, decimal)
    if exact == exact.to_integral_value() and abs(exact) < 2**63:
        return int(exact)
    return float(exact)


def read_percent(cell: Any, column: str, *, decimal: str = "") -> float:
    """Return a percentage, with or without its sign, as a share between 0 and 1.

    Raises:
        InputError: It is no number, or not between 0 and 100.

    >>> read_percent("20 %", "Probability"), read_percent("75", "Probability")
    (0.2, 0.75)
    """
    told = cell.strip().removesuffix("%").rstrip() if isinstance(cell, str) else cell
    exact = _decimal(told, column, decimal)
    if not 0 <= exact <= 100:  # noqa: PLR2004 (per cent)
        raise InputError(column, f"{shown(cell)} is no percentage", "give 0 to 100")
    return float(exact / 100)


def read_amount(cell: Any, column: str, *, currency: str = "", decimal: str = "") -> Money:
    """Return an amount as exact money.

    The currency may stand before or after it, as a sign or a code, or be given for the whole column. A
    cell that names another currency than the column has is refused. Negative amounts have a minus before
    or behind them, or stand in parentheses. Numbers of a sheet are taken to 15 digits, which is what a
    sheet keeps.

    Args:
        cell: Text such as ``1 234,50 ₽``, ``€ 3.500,00``, ``(1,234.50)``, ``100 USD``.
        column: For the error.
        currency: ISO 4217 code of the amounts that name none.
        decimal: The decimal sign of the column, ``","`` or ``"."``; empty, an ambiguous cell is refused.

    Raises:
        MoneyError: It is no amount, could be two, or names no currency.

    >>> read_amount("1 234,50 ₽", "Сумма"), read_amount("€ 3.500,00-", "Sum")
    (Money('1,234.50 RUB'), Money('-3,500.00 EUR'))
    >>> read_amount("1,234", "Sum", currency="EUR")
    Traceback (most recent call last):
        ...
    funnelkit.errors.MoneyError: Sum: '1,234' may be 1234 or 1.234 (say what the decimal sign is)
    """
    if currency and decimal != "," and isinstance(cell, str) and _PLAIN.fullmatch(cell):
        return money(cell, currency, column)
    try:
        return _amount(cell, column, currency, decimal)
    except MoneyError:
        raise
    except InputError as error:
        raise MoneyError(error.argument, error.problem, error.fix) from None


def _amount(cell: Any, column: str, currency: str, decimal: str) -> Money:
    number, named = _parted(cell.strip(), column) if isinstance(cell, str) else (cell, "")
    if not (currency or named):
        raise MoneyError(column, f"{shown(cell)} names no currency", "say which one the column is in")
    code = _currency(named, currency, cell, column)
    return money(_decimal(number, column, decimal, whole=cell), code, column)


def _parted(told: str, column: str) -> tuple[str, str]:
    """Part an amount from the currency beside it."""
    if len(told) > _LONGEST:
        raise MoneyError(column, f"{shown(told)} is no amount")
    numeric = [at for at, character in enumerate(told) if character in "0123456789"]
    if not numeric:
        raise MoneyError(column, f"{shown(told)} is no amount", 'write "1234.50 EUR"')
    first, last = numeric[0], numeric[-1]
    before, after = told[:first], told[last + 1 :]
    signs = "".join(character for character in before if character in f"{_MINUS}+(")
    closing = "".join(character for character in after if character in f"{_MINUS}+)")
    named = " ".join(filter(None, (_word(before), _word(after))))
    return f"{signs}{told[first : last + 1]}{closing}", named


def _word(text: str) -> str:
    return _SPACES.sub(" ", text.translate(_NO_SIGNS)).strip().rstrip(".")


_NO_SIGNS = {ord(character): None for character in f"{_MINUS}+()"}


@lru_cache(maxsize=1024)
def _meant(named: str) -> tuple[str, ...]:
    """Return the currencies that a sign or a code can mean."""
    code = named.upper()
    return (code,) if code in CURRENCIES else _SIGNS.get(named.casefold(), ())


def currency_of(named: str, column: str) -> str:
    """Return the ISO 4217 code of a currency that a cell names, by code or sign.

    Raises:
        MoneyError: It is none, or could be several.

    >>> currency_of("rub", "Валюта"), currency_of("₽", "Валюта"), currency_of("евро", "Валюта")
    ('RUB', 'RUB', 'EUR')
    """
    word = _word(named)
    if not word:
        raise MoneyError(column, f"{shown(named)} is no currency", 'write "EUR", "₽", …')
    return _currency(word, "", named, column)


def _currency(named: str, given: str, cell: Any, column: str) -> str:
    if not named:
        return given
    meant = _meant(named)
    if not meant:
        raise MoneyError(column, f"{shown(cell)}: {shown(named)} is no currency", 'write "EUR", "₽", …')
    if given and given not in meant:
        raise MoneyError(
            column, f"{shown(cell)} is in {meant[0]}, the column in {given}", "give each its own"
        )
    if not given and len(meant) > 1:
        options = ", ".join(meant[:3])
        raise MoneyError(column, f"{shown(cell)} may be in {options}, …", "say which one the column is in")
    return given or next(iter(meant))


def decimal_sign(cells: Iterable[Any]) -> str:
    """Return the decimal sign of a column, ``","`` or ``"."``, or empty where its cells do not tell.

    A cell tells where it has one meaning only. Cells that contradict each other tell nothing.

    >>> decimal_sign(["1,234", "12,50"]), decimal_sign(["1,234", "1,234.50"]), decimal_sign(["1,234"])
    (',', '.', '')
    """
    signs = {sign for cell in cells if (sign := told_sign(cell))}
    return signs.pop() if len(signs) == 1 else ""


def told_sign(cell: Any) -> str:
    """Return the decimal sign that a number tells by itself, or empty.

    >>> told_sign("3.500,00 €"), told_sign("1.234.567"), told_sign("1,234")
    (',', ',', '')
    """
    if not isinstance(cell, str) or ("," not in cell and "." not in cell):
        return ""
    try:
        number, _ = _parted(cell.strip(), "")
        return _split(_bare(number)[1], "", "", cell)[2]
    except InputError:
        return ""


def _decimal(cell: Any, column: str, decimal: str, *, whole: Any = None) -> Decimal:
    """Return an exact number; ``whole`` is the cell that an error shows."""
    shows = cell if whole is None else whole
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal | str):
        raise InputError(column, f"{shown(shows)} is no number")
    if not isinstance(cell, str):
        exact = Decimal(format(cell, ".15g")) if isinstance(cell, float) else Decimal(cell)
        if not exact.is_finite():
            raise InputError(column, f"{shown(shows)} is no finite number")
        return exact
    negative, bare = _bare(cell.strip())
    if len(bare) > _LONGEST:
        raise InputError(column, f"{shown(shows)} is no number")
    if _ROUNDED.fullmatch(bare):
        problem = f"{shown(shows)} is a number that a spreadsheet has shortened"
        raise InputError(column, problem, "show all of its digits and export it again")
    digits, fraction, _ = _split(bare, decimal, column, shows)
    return Decimal(f"{'-' if negative else ''}{digits}.{fraction or '0'}")


def _bare(told: str) -> tuple[bool, str]:
    """Return whether a number is negative, and its digits with what separates them."""
    negative = False
    if told.startswith("(") and told.endswith(")"):
        negative, told = True, told[1:-1].strip()
    elif told.startswith(_SIGNED):
        negative, told = told[0] in _MINUS, told[1:].lstrip()
    elif told.endswith(_SIGNED):
        negative, told = told[-1] in _MINUS, told[:-1].rstrip()
    return negative, _GAPS.sub(" ", _SPACES.sub(" ", told))


def _split(bare: str, decimal: str, column: str, cell: Any) -> tuple[str, str, str]:
    """Return the whole digits, the decimals, and the decimal sign where the number itself tells it."""
    if not _DIGITS.fullmatch(bare) or not bare.isascii():
        raise InputError(column, f"{shown(cell)} is no number", 'write "1234.50"')
    marks = [mark for mark in bare if mark in ",."]
    if not marks:
        return _ungrouped(bare, column, cell), "", ""
    last = marks[-1]
    other = "," if last == "." else "."
    head, _, tail = bare.rpartition(last)
    if " " in tail or (marks.count(last) > 1 and other in marks):
        raise InputError(column, f"{shown(cell)} is no number", 'write "1234.50"')
    if marks.count(last) > 1:  # it separates thousands
        digits, fraction, told = _ungrouped(bare, column, cell), "", other
    elif other in marks or len(tail) != _GROUP or len(head) > _GROUP or head.startswith("0"):
        digits, fraction, told = _ungrouped(head, column, cell), tail, last
    elif not decimal:
        fix = "say what the decimal sign is"
        raise InputError(column, f"{shown(cell)} may be {head}{tail} or {head}.{tail}", fix)
    else:
        return (head, tail, "") if decimal == last else (f"{head}{tail}", "", "")
    if decimal and told != decimal:
        problem = f"{shown(cell)} has the decimal sign {told!r}, the column {decimal!r}"
        raise InputError(column, problem, "write all alike")
    return digits, fraction, told


def _ungrouped(head: str, column: str, cell: Any) -> str:
    """Return digits without what separates their thousands, if it does."""
    if head.isdigit():
        return head
    marks = {mark for mark in head if mark in " ,."}
    if len(marks) != 1 or not _GROUPED.fullmatch(head):
        raise InputError(column, f"{shown(cell)} is no number: thousands are groups of three digits")
    return head.replace(marks.pop(), "")
