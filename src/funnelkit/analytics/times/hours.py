"""Working hours: how much of a span of time somebody was at work."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from funnelkit.clock import aware
from funnelkit.errors import InputError

__all__ = ["WorkingHours"]

_DAY = timedelta(days=1)
_WEEK = range(7)
_FURTHEST = timedelta(days=36_600)


def _time(given: Any) -> time:
    return time.fromisoformat(given) if isinstance(given, str) else given


def _zone(given: Any) -> Any:
    return ZoneInfo(given) if isinstance(given, str) else given


@attrs.frozen(kw_only=True)
class WorkingHours:
    """The hours of a week in which somebody works.

    Attributes:
        days: Weekdays, 0 is Monday; default: Monday to Friday.
        start, end: Of a working day; ``"09:00"`` to ``"18:00"`` unless said otherwise.
        zone: Of these hours; a name such as ``"Europe/Moscow"`` or a time zone.
        holidays: Dates on which nobody works.

    >>> from datetime import UTC, datetime
    >>> office = WorkingHours(zone="Europe/Moscow", holidays={date(2026, 3, 9)})
    >>> friday, tuesday = datetime(2026, 3, 6, 14, tzinfo=UTC), datetime(2026, 3, 10, 7, tzinfo=UTC)
    >>> str(office.between(friday, tuesday))
    '2:00:00'
    """

    days: frozenset[int] = attrs.field(default=frozenset(range(5)), converter=frozenset)
    start: time = attrs.field(default=time(9), converter=_time)
    end: time = attrs.field(default=time(18), converter=_time)
    zone: Any = attrs.field(default=UTC, converter=_zone)
    holidays: frozenset[date] = attrs.field(factory=frozenset, converter=frozenset)

    def __attrs_post_init__(self) -> None:
        if not self.days or not self.days <= set(_WEEK):
            raise InputError("days", f"{sorted(self.days)} are not weekdays", "0 is Monday, 6 is Sunday")
        if self.start >= self.end:
            raise InputError("end", f"{self.end} is not after {self.start}", "a working day ends on its day")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return how much working time lies from ``start`` to ``end``; nothing if ``end`` is earlier.

        Hours are counted as they pass, so a day on which clocks change has an hour more or less.
        """
        start, end = aware(start, "start"), aware(end, "end")
        worked = timedelta()
        day = start.astimezone(self.zone).date()
        while day <= end.astimezone(self.zone).date():
            if (shift := self._shift(day)) is not None:
                worked += max(min(end, shift[1]) - max(start, shift[0]), timedelta())
            day += _DAY
        return worked

    def before(self, end: datetime, worked: timedelta) -> datetime:
        """Return the earliest instant from which at most ``worked`` of working time passed to ``end``.

        Raises:
            InputError: There is not so much working time in the hundred years before ``end``.

        >>> from datetime import UTC, datetime
        >>> monday = datetime(2026, 3, 9, 10, tzinfo=UTC)
        >>> str(WorkingHours().before(monday, timedelta(hours=3)))
        '2026-03-06 16:00:00+00:00'
        """
        end = aware(end, "end")
        day, left = end.astimezone(self.zone).date(), worked
        last = day - _FURTHEST
        while day > last:
            if (shift := self._shift(day)) is not None:
                until = min(end, shift[1])
                here = max(until - shift[0], timedelta())
                if here > left:
                    return until - left
                left -= here
            day -= _DAY
        raise InputError("worked", f"{worked} of working time are more than a hundred years", "give less")

    def _shift(self, day: date) -> tuple[datetime, datetime] | None:
        """Return when work begins and ends on a day, in UTC; None when nobody works."""
        if day.weekday() not in self.days or day in self.holidays:
            return None
        start, end = (
            datetime.combine(day, clock, self.zone).astimezone(UTC) for clock in (self.start, self.end)
        )
        return start, end
