"""Cells to values: ids, yes and no; numbers and amounts, instants and days are beside it.

Nothing is guessed. Every reader takes the cell and the name of its column, and raises an `InputError`
that names the column and says what would be understood. Cells of a sheet may be numbers, dates and
booleans already.
"""

from __future__ import annotations

import re
from typing import Any

from funnelkit.errors import InputError, shown
from funnelkit.tables.amounts import (
    currency_of,
    decimal_sign,
    read_amount,
    read_number,
    read_percent,
    told_sign,
)
from funnelkit.tables.times import from_serial, read_date, read_instant

__all__ = [
    "currency_of",
    "decimal_sign",
    "from_serial",
    "is_whole_id",
    "read_amount",
    "read_date",
    "read_id",
    "read_instant",
    "read_number",
    "read_percent",
    "read_yes_no",
    "told_sign",
]

_ROUNDED = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_TAILED = re.compile(r"[0-9]+[.,]0+")
_PROTECTED = re.compile(r'="([^"]*)"')
_EXACT_DIGITS = 15  # that many a spreadsheet keeps of a number

_YES = frozenset(("yes", "y", "true", "1", "да", "д", "истина"))
_NO = frozenset(("no", "n", "false", "0", "нет", "н", "ложь"))


def read_yes_no(cell: Any, column: str) -> bool:
    """Return whether a cell says yes: yes, y, true, 1, да, д, истина; or no: no, n, false, 0, нет, н, ложь.

    Raises:
        InputError: It says neither.

    >>> read_yes_no("Да", "VIP"), read_yes_no("N", "VIP")
    (True, False)
    """
    if isinstance(cell, bool):
        return cell
    told = _text(cell).casefold()
    if told in _YES:
        return True
    if told in _NO:
        return False
    raise InputError(column, f"{shown(cell)} is neither yes nor no", "write yes or no, да or нет, 1 or 0")


def read_id(cell: Any, column: str, *, whole: bool = False) -> str:
    """Return an id as text, unless a spreadsheet has rounded it.

    A spreadsheet that takes an id for a number keeps 15 digits of it, shows it as ``1.23457E+15``, or
    adds ``.0``. Two records could then have one id, so all of these are refused. Text such as
    ``="00123"``, which protects an id from that, is understood.

    Args:
        cell: The id.
        column: For the error.
        whole: Ids of more than 15 digits may end in zeros: the column was not rounded; see
            `is_whole_id`.

    Raises:
        InputError: It is rounded, or longer than 200 characters.

    >>> read_id(" 00123 ", "ID"), read_id('="00123"', "ID")
    ('00123', '00123')
    >>> read_id("1.23457E+15", "ID")
    Traceback (most recent call last):
        ...
    funnelkit.errors.InputError: ID: '1.23457E+15' is an id that a spreadsheet has rounded (export it as text)
    """
    if isinstance(cell, bool) or (isinstance(cell, float) and not cell.is_integer()):
        raise InputError(column, f"{shown(cell)} is no id", "export it as text")
    if isinstance(cell, int | float):
        if abs(cell) >= 10**_EXACT_DIGITS:
            raise _rounded(cell, column)
        return str(int(cell))
    told = _text(cell)
    if found := _PROTECTED.fullmatch(told):
        return found[1].strip()
    if told.isdigit():
        if not whole and _has_lost_digits(told):
            raise _rounded(told, column)
    elif _ROUNDED.fullmatch(told) or _TAILED.fullmatch(told):
        raise _rounded(told, column)
    return told


def is_whole_id(cell: Any) -> bool:
    """Whether an id proves that no spreadsheet has rounded its column.

    One of more than 15 digits that does not end in zeros does: rounding spares none.

    >>> is_whole_id("3152079000000153079"), is_whole_id("12345678901234500000"), is_whole_id("7")
    (True, False, False)
    """
    if not isinstance(cell, str) or len(cell) <= _EXACT_DIGITS:
        return False
    told = cell.strip()
    return told.isdigit() and len(told.lstrip("0")) > _EXACT_DIGITS and not _has_lost_digits(told)


def _has_lost_digits(digits: str) -> bool:
    significant = digits.lstrip("0")
    return len(significant) > _EXACT_DIGITS and not significant[_EXACT_DIGITS:].strip("0")


def _rounded(cell: Any, column: str) -> InputError:
    return InputError(column, f"{shown(cell)} is an id that a spreadsheet has rounded", "export it as text")


def _text(cell: Any) -> str:
    return cell.strip() if isinstance(cell, str) else str(cell)
