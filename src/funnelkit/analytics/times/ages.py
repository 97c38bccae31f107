"""Durations counted in whole units, so that millions of stays become some thousand rows.

Kaplan-Meier and Aalen-Johansen work on these rows: what ended within one unit ended together, before
what was last seen going on. Quantiles of what ended stay exact: the rows say in which unit the wanted
one lies, and a second query looks into that unit alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol, cast

import attrs

from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.clock import duration
from funnelkit.errors import TimeError

__all__ = ["ENDED", "Ages", "Cell", "Ended", "Ranking", "SortedStays", "quantiles"]

FINE = 1440
COARSE = 24
"""Up to 1,440 units a unit is a unit (hours: 60 days); beyond, 24 of them are one (days)."""

ENDED = "SELECT grp, stage, lasted_us FROM lasting WHERE ended = 1"
"""What a source that ranks is asked to rank."""

_WIDEST = timedelta(days=366)
_HOUR_US = 3_600_000_000
_FEW = 100_000
_AT_ONCE = 100


class Ranking(Protocol):
    """A source that ranks by itself, faster than the portable text. Any source may be one.

    `quantiles` asks for the method ``ranked``, and does without where there is none.
    """

    def ranked(self, sql: str, params: Mapping[str, Any], percents: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return nearest-rank quantiles of groups.

        Args:
            sql: A SELECT with three columns: ``grp`` (a key), ``stage`` and ``lasted_us`` (a whole number).
            params: Its parameters, written ``:name`` in ``sql``.
            percents: Which quantiles.

        Returns:
            ``(key, stage, number, number, …)``, one number for each of ``percents``: the smallest that
            at least so many percent of the numbers of that key and stage do not exceed.
        """
        ...


class SortedStays(Protocol):
    """A source that keeps an index of the stays in the order of how long they lasted. Any source may be one.

    `time_in_stage` finds its quantiles there, with a text that only such a source is asked: it is one of
    SQLite's dialect, and slow where the index ``move_stay`` of the schema is not. An attribute of the class
    says that a source is one. A wrapper, which may hide moves or change texts, has none, and is asked the
    portable text.
    """

    sorted_stays: bool

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of ``sql``, whose parameters are written ``:name``."""
        ...


@attrs.frozen
class Ages:
    """How finely durations are told apart where they are counted.

    >>> Ages.of("1h").said
    'durations count in whole hours rounded up, beyond 60 days in whole days'
    """

    unit_us: int

    @classmethod
    def of(cls, unit: timedelta | str) -> Ages:
        """Return the ages of a unit, such as ``"1h"``.

        Raises:
            TimeError: It is no duration, or longer than a year.
        """
        given = duration(unit, "unit")
        if given > _WIDEST:
            raise TimeError("unit", f"{given} is too wide to tell durations apart", 'give "1h" or "1d"')
        return cls(given // timedelta(microseconds=1))

    @property
    def said(self) -> str:
        """How finely, in words."""
        if self.unit_us == _HOUR_US:
            return "durations count in whole hours rounded up, beyond 60 days in whole days"
        unit, turn = timedelta(microseconds=self.unit_us), timedelta(microseconds=self.unit_us * FINE)
        return f"durations count in units of {unit} rounded up, beyond {turn} in {COARSE} of them"

    def width(self, age_us: int) -> int:
        """Return how wide the units are at an age."""
        return self.unit_us if age_us <= self.unit_us * FINE else self.unit_us * COARSE

    def params(self) -> Params:
        """Return the parameters that a text may name."""
        return {"unit": self.unit_us, "turn": self.unit_us * FINE, "coarse": self.unit_us * COARSE}


Cell = tuple[str, str]
"""Key of the group and stage."""


@attrs.frozen
class Ended:
    """What is known of the stays that ended, by cell, read when it is asked for.

    Attributes:
        closed: How many there are.
        quantile: The one of a whole percent by nearest rank, in microseconds; None where there are none.
    """

    closed: Callable[[Cell], int]
    quantile: Callable[[Cell, int], int | None]


Counts = Mapping[Cell, Mapping[int, int]]
"""Cell → age → how many ended at it."""

Target = tuple[str, str, int]
"""Key, stage and the age in which a wanted rank lies."""


def quantiles(
    source: Source,
    text: Callable[[str, dict[str, str]], str],
    params: Params,
    counted: Callable[[], Counts],
    percents: Sequence[int],
    *,
    together: Mapping[str, Collection[str]] | None = None,
) -> dict[Cell, tuple[int, ...]]:
    """Return nearest-rank quantiles of what ended, exact to the microsecond, by cell.

    Args:
        source: A source of a store; one that is a `Ranking` is asked to rank.
        text: Returns the text over the relation ``lasting``, from its tail and slots.
        params: What the text may name.
        counted: Returns how many ended at which age; not asked of a source that ranks.
        percents: Whole percents, 1 to 100.
        together: Name → keys that are put together under it, also several times; else each is by itself.
    """
    if hasattr(source, "ranked") and together is None:
        sql = text(ENDED, {})
        named = {name: value for name, value in params.items() if f":{name}" in sql}
        ranking = cast("Ranking", source)
        return {(key, stage): tuple(found) for key, stage, *found in ranking.ranked(sql, named, percents)}
    apart = {cell: ages for cell, ages in counted().items() if ages}
    keys = {key: (key,) for key, _ in apart} if together is None else together
    counts = {
        (name, stage): ages
        for name, members in keys.items()
        for stage in {stage for _, stage in apart}
        if (ages := _added(apart.get((key, stage), {}) for key in set(members)))
    }
    wanted: dict[Target, list[tuple[int, int]]] = defaultdict(list)
    for (name, stage), ages in counts.items():
        for percent in percents:
            age, rank = _located(ages, -(-percent * sum(ages.values()) // 100))
            wanted[name, stage, age].append((percent, rank))
    sizes = {(*cell, age): n for cell, ages in counts.items() for age, n in ages.items()}
    found: dict[Cell, dict[int, int]] = defaultdict(dict)
    width, rough = params["unit"], "{age}"
    while wanted:
        step = _step(cast("int", width), sum(sizes[target] for target in wanted))
        targets = sorted({(key, stage, age) for name, stage, age in wanted for key in keys[name]})
        finer = _finer(source, text, params | {"width": width, "step": step}, targets, rough)
        inside = {
            (name, stage, age): _added(finer.get((key, stage, age), {}) for key in set(keys[name]))
            for name, stage, age in wanted
        }
        ahead: dict[Target, list[tuple[int, int]]] = defaultdict(list)
        for (name, stage, age), ranks in wanted.items():
            for percent, rank in ranks:
                fine, left = _located(inside[name, stage, age], rank)
                if step == 1:
                    found[name, stage][percent] = fine
                else:
                    ahead[name, stage, fine].append((percent, left))
        sizes = {(*target[:2], fine): n for target, fines in inside.items() for fine, n in fines.items()}
        wanted, width, rough = ahead, step, "lasted_us + :width - 1 - (lasted_us + :width - 1) % :width"
    return {cell: tuple(by_percent[percent] for percent in percents) for cell, by_percent in found.items()}


def _added(many: Iterable[Mapping[int, int]]) -> Mapping[int, int]:
    total: Counter[int] = Counter()
    for ages in many:
        total.update(ages)
    return total


def _step(width: int, size: int) -> int:
    """Return how finely to look next: at once to the end, where there is little to look at."""
    step = width // 1000
    return step if size > _FEW and step and width % step == 0 else 1


def _located(ages: Mapping[int, int], rank: int) -> tuple[int, int]:
    """Return the age in which a rank lies, and its rank within that age."""
    for age in sorted(ages):
        if rank <= ages[age]:
            return age, rank
        rank -= ages[age]
    raise AssertionError("a rank is never beyond the count")  # pragma: no cover


def _finer(
    source: Source,
    text: Callable[[str, dict[str, str]], str],
    params: Params,
    targets: Sequence[Target],
    rough: str,
) -> dict[Target, dict[int, int]]:
    """Count what ended within each target, more finely."""
    found: dict[Target, dict[int, int]] = defaultdict(dict)
    for start in range(0, len(targets), _AT_ONCE):
        some = targets[start : start + _AT_ONCE]
        named: Params = {}
        for n, (key, stage, age) in enumerate(some, 1):
            named |= {f"key_{n}": key, f"stage_{n}": stage, f"age_{n}": age}
        sql = text("{finer}", {"wanted": _union(len(some)), "rough": rough})
        for key, stage, age, fine, ended in rows_of(source, sql, params | named):
            found[key, stage, age][fine] = ended
    return found


def _union(size: int) -> str:
    texts: Iterable[str] = (compose("parts/wanted_age", n=str(n)) for n in range(1, size + 1))
    return " UNION ALL ".join(texts)
