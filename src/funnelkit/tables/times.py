"""Cells to instants and days: ``01.02.2026 10:30``, ISO 8601, ``2/1/2026 10:30 AM``, serials of sheets."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Literal

from funnelkit.clock import aware
from funnelkit.errors import TimeError, shown

__all__ = ["DateOrder", "from_serial", "read_date", "read_instant"]

DateOrder = Literal["", "dmy", "mdy"]
"""What ``01/02/2026`` means: nothing, 1 February, or 2 January."""

_TIME = r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?(?: ?([AaPp])\.?[Mm]\.?)?)?"
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})" + _TIME, re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})" + _TIME, re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})" + _TIME, re.ASCII)
_ISO = re.compile(r"\d{4}-?\d{2}-?\d{2}(?:[T ]\d{2}.*)?", re.ASCII | re.DOTALL)
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?", re.ASCII)
_SPACES = re.compile(r"\s+")
_FIX = 'write "2026-02-01 10:30" or "01.02.2026 10:30"'
_LEAP_BUG = 60  # 29 February 1900, a day that was none
_DAYS = 2_958_466  # the first day after the year 9999
_NOON = 12


def from_serial(serial: float, *, system: int = 1900, column: str = "serial") -> datetime:
    """Return the naive date and time that a sheet keeps as a number of days, to the millisecond.

    In the system of 1900, day 1 is 1 January 1900 and day 60 is a 29 February that there was not; in
    that of 1904, day 0 is 1 January 1904.

    Raises:
        TimeError: It is day 60 of the system of 1900, or beyond the years of a sheet.

    >>> from_serial(45292.75), from_serial(59).date(), from_serial(61).date()
    (datetime.datetime(2024, 1, 1, 18, 0), datetime.date(1900, 2, 28), datetime.date(1900, 3, 1))
    >>> from_serial(43830, system=1904).date()
    datetime.date(2024, 1, 1)
    """
    if system not in {1900, 1904}:
        raise TimeError("system", f"{shown(system)} is no date system of sheets", "give 1900 or 1904")
    if not (1 if system == 1900 else 0) <= serial < _DAYS:  # noqa: PLR2004
        raise TimeError(column, f"{shown(serial)} is no date of a sheet")
    if system == 1900 and int(serial) == _LEAP_BUG:  # noqa: PLR2004
        raise TimeError(column, f"{shown(serial)} is 29 February 1900, a day that there was not")
    first = date(1904, 1, 1) if system == 1904 else date(1899, 12, 31 if serial < _LEAP_BUG else 30)  # noqa: PLR2004
    start = datetime.combine(first, time())
    days = int(serial)
    try:
        return start + timedelta(days=days, milliseconds=round((serial - days) * 86_400_000))
    except OverflowError:
        raise TimeError(column, f"{shown(serial)} is no date of a sheet") from None


def read_date(cell: Any, column: str, *, order: DateOrder = "", system: int = 1900) -> date:
    """Return the day that a cell names; a time of day beside it is not looked at.

    Args:
        cell: Text, a number of days, a date or a datetime.
        column: For the error.
        order: What ``01/02/2026`` and ``01-02-2026`` mean; empty, they are refused.
        system: Of numbers of days, 1900 or 1904.

    Raises:
        TimeError: It names none, or could name two.

    >>> read_date("01.02.2026", "Close"), read_date("2/1/2026", "Close", order="mdy")
    (datetime.date(2026, 2, 1), datetime.date(2026, 2, 1))
    """
    return _moment(cell, column, order, system).date()


def read_instant(
    cell: Any, column: str, *, zone: tzinfo | None = None, order: DateOrder = "", system: int = 1900
) -> datetime:
    """Return the instant that a cell names, in UTC. A day alone is its midnight.

    In an hour that a clock change repeats, the earlier one is meant.

    Args:
        cell: Text, a number of days, a date or a datetime.
        column: For the error.
        zone: Of those that name none; without it they are refused.
        order: What ``01/02/2026`` and ``01-02-2026`` mean; empty, they are refused.
        system: Of numbers of days, 1900 or 1904.

    Raises:
        TimeError: It names none, could name two, has no zone, or is before 1970.

    >>> from datetime import timedelta, timezone
    >>> moscow = timezone(timedelta(hours=3))
    >>> read_instant("01.02.2026 10:30", "Created", zone=moscow).isoformat()
    '2026-02-01T07:30:00+00:00'
    """
    moment = _moment(cell, column, order, system)
    if moment.tzinfo is None:
        if zone is None:
            raise TimeError(column, f"{shown(str(cell))} names no time zone", "say which one the file is in")
        moment = moment.replace(tzinfo=zone)
    return aware(moment, column)


def _moment(cell: Any, column: str, order: DateOrder, system: int) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return from_serial(cell, system=system, column=column)
    if not isinstance(cell, str):
        raise TimeError(column, f"{shown(cell)} is no date", _FIX)
    told = _SPACES.sub(" ", cell.strip())
    try:
        moment = _understood(told, cell, column, order, system)
    except TimeError:
        raise
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise TimeError(column, f"{shown(cell)} is no date", _FIX)
    return moment


def _understood(told: str, cell: str, column: str, order: DateOrder, system: int) -> datetime | None:
    if found := _DOTTED.fullmatch(told):
        day, month, year, *clock = found.groups()
        return _made(year, month, day, clock)
    if _ISO.fullmatch(told):
        return datetime.fromisoformat(told)
    if found := _YEAR_FIRST.fullmatch(told):
        year, month, day, *clock = found.groups()
        return _made(year, month, day, clock)
    if found := _SLASHED.fullmatch(told):
        one, _, two, year, *clock = found.groups()
        if not order:
            fix = 'say order="dmy" or order="mdy"'
            raise TimeError(column, f"{shown(cell)}: day or month first is not said", fix)
        return _made(year, two, one, clock) if order == "dmy" else _made(year, one, two, clock)
    if _SERIAL.fullmatch(told):
        return from_serial(float(told.replace(",", ".")), system=system, column=column)
    if _NUMBER.fullmatch(told):
        problem = f"{shown(cell)} is a number, and no day of a sheet between 1927 and 2173"
        raise TimeError(column, problem, _FIX)
    return None


def _made(year: str, month: str, day: str, clock: list[str | None]) -> datetime:
    hour, minute, second, fraction, half = clock
    hours = int(hour or 0)
    if half:
        if not 1 <= hours <= _NOON:
            raise ValueError
        hours = hours % _NOON + _NOON * (half in "Pp")
    micro = int((fraction or "").ljust(6, "0") or 0)
    return datetime(int(year), int(month), int(day), hours, int(minute or 0), int(second or 0), micro)  # noqa: DTZ001
