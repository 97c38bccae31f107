"""Sales velocity: what a cohort brings a day, from how many, how much, how often and how quickly."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.outcomes.endings import NOBODY
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["Velocities", "Velocity", "a_day", "velocity"]

_DAY_US = 86_400_000_000
_Z = 1.959964
_FEW = 5


def a_day(records: float, value: float, win_rate: float, days: float) -> float:
    """Return number times value times win rate by the days of a cycle.

    >>> round(a_day(50, 10000, 0.2, 30), 6)
    3333.333333
    """
    return records * value * win_rate / days


@attrs.frozen(kw_only=True)
class Velocity(Row):
    """The velocity of a cohort.

    Attributes:
        records: All of the cohort but void ones; ``open`` of them have not ended yet.
        win_rate: Won of won and lost.
        cycle: The mean time from creation to the win.
        value: Currency → the mean value of a win, over all wins.
        per_day: Currency → records times value times win rate, by the days of the cycle. In a steady
            process whose cohort has ended it is the revenue a day times the length of the period by the
            cycle, so compare periods of one length.
        low, high: The 95 % interval of that; {} with fewer than 5 parts of the cohort that have wins.
        reason: Why there is none, or empty.
    """

    records: int
    open: int
    win_rate: Rate
    cycle: timedelta | None
    value: dict[str, Money] = attrs.field(hash=False)
    per_day: dict[str, Money] = attrs.field(hash=False)
    low: dict[str, Money] = attrs.field(hash=False)
    high: dict[str, Money] = attrs.field(hash=False)
    reason: str


class Velocities(Result[Velocity]):
    """Sales velocity. Cells for `ids`: ``ids("records")``, or won, lost, open, moved_away."""


@attrs.define
class _Part:
    records: int = 0
    won: int = 0
    lost: int = 0
    open: int = 0
    lasted_us: int = 0
    minor: dict[str, int] = attrs.field(factory=lambda: defaultdict(int))

    def less(self, other: _Part, sign: int = -1) -> _Part:
        numbers = {
            name: getattr(self, name) + sign * getattr(other, name)
            for name in ("records", "won", "lost", "open", "lasted_us")
        }
        codes = {*self.minor, *other.minor}
        minor = {code: self.minor.get(code, 0) + sign * other.minor.get(code, 0) for code in codes}
        return _Part(**numbers, minor=minor)

    def a_day(self, code: str) -> float | None:
        """Return minor units a day."""
        if not self.won or not self.lasted_us:
            return None
        value, rate = self.minor.get(code, 0) / self.won, self.won / (self.won + self.lost)
        return a_day(self.records, value, rate, self.lasted_us / self.won / _DAY_US)


def velocity(source: Source, scope: Scope) -> Velocities:
    """Measure the velocity of the records created in the period."""
    found: dict[str, dict[int, _Part]] = defaultdict(lambda: defaultdict(_Part))
    sql = compose("forecasts/velocity", **scope.slots(), tail="{speeds}")
    for key, nth, status, code, _, records, total, lasted in rows_of(source, sql, scope.params()):
        part = found[key][nth]
        part.records += records
        if status in ("won", "lost", "open"):
            setattr(part, status, getattr(part, status) + records)
        if status == "won":
            part.lasted_us += lasted
            if code:
                part.minor[code] += total
    rows = [_row(scope.group_of(key), found[key]) for key in (sorted(found) if scope.column else [""])]
    about = scope.about(
        "sales velocity",
        "one cohort",
        sentence="records times mean value of a win times win rate, by the mean time to the win, all four of "
        "the same cohort. It is no revenue a day: where as many come in as go out and all have ended, it is "
        "the revenue a day times the length of the period by the cycle; compare periods of one length",
        population="records created in the period, without void ones",
        time_axis="the creation of the record",
        complete=not any(row.open for row in rows),
        formula="n * value * win rate / cycle; 95 % interval by the jackknife over 37 parts, on "
        "the logarithm (J. Tukey 1958)",
    )
    return Velocities(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


def _row(group: Group, parts: Mapping[int, _Part]) -> Velocity:
    whole = _Part()
    for part in parts.values():
        whole = whole.less(part, 1)
    speeds = {code: whole.a_day(code) for code in sorted(whole.minor)}
    known = {code: speed for code, speed in speeds.items() if speed is not None}
    bounds = {code: _interval(whole, parts, code) for code in known}
    reason = "" if known else NOBODY if not whole.won + whole.lost else "no win has a value and took time"
    return Velocity(
        group=group,
        records=whole.records,
        open=whole.open,
        win_rate=Rate.of(whole.won, whole.won + whole.lost, NOBODY),
        cycle=timedelta(microseconds=whole.lasted_us / whole.won) if whole.won else None,
        value={code: Money(round(whole.minor[code] / whole.won), code) for code in known},
        per_day={code: Money(round(speed), code) for code, speed in known.items()},
        low={code: Money(round(both[0]), code) for code, both in bounds.items() if both},
        high={code: Money(round(both[1]), code) for code, both in bounds.items() if both},
        reason=reason,
    )


def _interval(whole: _Part, parts: Mapping[int, _Part], code: str) -> tuple[float, float] | None:
    """Return the jackknife's interval: the cohort without each of its parts in turn."""
    speed = whole.a_day(code)
    if not speed or speed < 0 or sum(part.won > 0 for part in parts.values()) < _FEW:
        return None
    without = []
    for part in parts.values():
        rest = whole.less(part)
        scaled = rest.a_day(code)
        if not scaled or scaled < 0 or not rest.records:
            return None
        without.append(math.log(scaled * whole.records / rest.records))
    size = len(without)
    mean = sum(without) / size
    error = math.sqrt((size - 1) / size * sum((each - mean) ** 2 for each in without))
    return speed * math.exp(-_Z * error), speed * math.exp(_Z * error)


def _ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    check_cell("column", which, ("records", "won", "lost", "open", "moved_away"))
    where = "grp = :key" if which == "records" else "grp = :key AND status = :which"
    sql = compose("forecasts/velocity", **scope.slots(), tail="{ids}", cell="cohort", where=where)
    params = scope.params() | {"key": scope.key_of(group), "which": which}
    return [record for (record,) in rows_of(source, sql, params)]
