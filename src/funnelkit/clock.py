"""Instants and durations: aware UTC datetimes, microseconds since 1970, ``"14d"``.

This is the only module that reads a clock. Everything else is handed a `Clock`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from funnelkit.errors import InputError, TimeError, shown

__all__ = [
    "Clock",
    "FrozenClock",
    "SystemClock",
    "aware",
    "duration",
    "from_us",
    "named_zone",
    "present",
    "to_us",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DURATION = re.compile(r"(?:\d+[wdhms])+")
_PART = re.compile(r"(\d+)([wdhms])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class Clock(Protocol):
    """Anything that knows what time it is."""

    def now(self) -> datetime:
        """Return the present instant as an aware UTC datetime."""
        ...


class SystemClock:
    """The clock of the machine.

    >>> SystemClock().now().tzinfo
    datetime.timezone.utc
    """

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)

    def __repr__(self) -> str:
        return "SystemClock()"


class FrozenClock:
    """A clock that stands still until it is told to go on; for tests and simulations.

    >>> from datetime import UTC, datetime
    >>> clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
    >>> clock.tick("2d").isoformat()
    '2026-03-03T00:00:00+00:00'
    """

    def __init__(self, start: datetime) -> None:
        self._now = aware(start, "start")

    def now(self) -> datetime:
        """Return the instant the clock stands at."""
        return self._now

    def tick(self, by: timedelta | str) -> datetime:
        """Move the clock forward by a timedelta or a duration such as ``"2d"``; return the new time."""
        self._now += duration(by, "by")
        return self._now

    def __repr__(self) -> str:
        return f"FrozenClock({self._now.isoformat()})"


def aware(value: datetime, argument: str = "at") -> datetime:
    """Return ``value`` in UTC, or say that it is not an instant.

    Raises:
        TimeError: It is not a datetime, has no time zone, or lies before 1970. The message names
            ``argument``.

    >>> from datetime import datetime, timedelta, timezone
    >>> aware(datetime(2026, 3, 1, 3, tzinfo=timezone(timedelta(hours=3)))).isoformat()
    '2026-03-01T00:00:00+00:00'
    """
    if not isinstance(value, datetime):
        raise TimeError(argument, f"{shown(value)} is not a datetime", "give an aware datetime")
    if value.tzinfo is None or value.utcoffset() is None:
        raise TimeError(
            argument,
            f"{value.isoformat()} has no time zone",
            "give an aware datetime, for example datetime(..., tzinfo=UTC)",
        )
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        raise TimeError(argument, f"{value.isoformat()} is outside the years 1970 to 9999") from None
    if instant < EPOCH:
        raise TimeError(argument, f"{value.isoformat()} is before 1970", "give a later instant")
    return instant


def present(clock: Clock) -> datetime:
    """Return what time it is by a clock, in UTC.

    Raises:
        TimeError: The clock tells no instant: a naive datetime, for example.
    """
    now = clock.now()
    return now if getattr(now, "tzinfo", None) is UTC else aware(now, "clock")


def named_zone(value: Any) -> Any:
    """Return the time zone of a name; anything but text as it is, for a check of its own.

    Raises:
        InputError: There is no such zone on this machine.

    >>> named_zone("UTC")
    datetime.timezone.utc
    """
    if not isinstance(value, str):
        return value
    if value == "UTC":  # known everywhere, also without a time zone database
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise InputError(
            "zone",
            f"{shown(value)} is no time zone of this machine",
            'write "Europe/Amsterdam", install the package tzdata, or give timezone(timedelta(hours=1))',
        ) from None


@lru_cache(maxsize=4096)
def to_us(instant: datetime) -> int:
    """Return an aware instant as microseconds since 1970-01-01 UTC.

    >>> to_us(from_us(1_700_000_000_000_001))
    1700000000000001
    """
    # Remembered, because one move writes the same few instants into several rows.
    return (instant - EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)
def from_us(microseconds: int) -> datetime:
    """Return the UTC instant that lies ``microseconds`` after 1970-01-01 UTC."""
    return EPOCH + timedelta(microseconds=microseconds)


def duration(value: timedelta | str, argument: str = "duration") -> timedelta:
    """Return a timedelta from itself or from text such as ``"14d"``, ``"36h"`` or ``"1w2d"``.

    Units: ``w`` weeks, ``d`` days of 24 hours, ``h`` hours, ``m`` minutes, ``s`` seconds.

    Raises:
        TimeError: The text is not a duration, or the duration is not above zero.

    >>> duration("1d12h")
    datetime.timedelta(days=1, seconds=43200)
    """
    if isinstance(value, str):
        if not _DURATION.fullmatch(value):
            raise TimeError(argument, f"{shown(value)} is not a duration", 'write "14d", "36h" or "1w2d"')
        parts = _PART.findall(value)
        try:
            value = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
        except (OverflowError, ValueError):  # too long for a timedelta, or for Python to read
            raise TimeError(argument, f"{shown(value)} is too long") from None
    if not isinstance(value, timedelta):
        raise TimeError(argument, f"{shown(value)} is not a duration", 'give a timedelta or "14d"')
    if value <= timedelta(0):
        raise TimeError(argument, f"{value} is not above zero")
    return value
