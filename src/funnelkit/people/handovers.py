"""Who handed what to whom, when and why: read from the feed, where nothing is ever edited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.changes import RecordAssigned
from funnelkit.clock import to_us
from funnelkit.errors import TimeError, shown
from funnelkit.storage.columns import COLUMNS, Row
from funnelkit.storage.rows import change_of
from funnelkit.verbs.engines import awaited_shell_of, shell_of

if TYPE_CHECKING:
    from funnelkit.async_engine import AsyncEngine
    from funnelkit.engine import Engine
    from funnelkit.verbs.shell import Shell

__all__ = ["Handovers", "async_handovers", "handovers"]


def _rows(value: Iterable[RecordAssigned]) -> tuple[RecordAssigned, ...]:
    return tuple(value)


@attrs.frozen
class Handovers:
    """Hand-overs, the earliest first; prints as a table of who gave how many to whom, and why.

    Attributes:
        rows: Each with ``record``, ``source``, ``target``, ``at``, ``actor``, ``reason`` and, where a
            rule was overruled, ``overruled``. Nobody is ``""``.
    """

    rows: tuple[RecordAssigned, ...] = attrs.field(converter=_rows)

    def pairs(self) -> dict[tuple[str, str], int]:
        """Return (from, to) → hand-overs, the most first, equals by name."""
        counts = Counter((row.source, row.target) for row in self.rows)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def ids(self, source: str, target: str) -> list[str]:
        """Return the records that went from one to the other, each once, the earliest first."""
        return list(
            dict.fromkeys(row.record for row in self.rows if (row.source, row.target) == (source, target))
        )

    def __str__(self) -> str:
        lines = [["from", "to", "hand-overs", "records", "why"]]
        for (source, target), count in self.pairs().items():
            why = Counter(
                row.reason or "no reason" for row in self.rows if (row.source, row.target) == (source, target)
            )
            told = ", ".join(f"{reason} {times}" for reason, times in why.most_common())
            names = [source or "nobody", target or "nobody"]
            lines.append([*names, str(count), str(len(self.ids(source, target))), told])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            f"{line[0].ljust(widths[0])}  {line[1].ljust(widths[1])}  {line[2].rjust(widths[2])}"
            f"  {line[3].rjust(widths[3])}  {line[4]}"
            for line in lines
        )


def handovers(engine: Engine, *, since: date | None = None, until: date | None = None) -> Handovers:
    """Return the hand-overs of a time: by `Engine.assign`, by a claim, by a rule.

    Args:
        engine: The engine, or what one person sees of it.
        since: The first day, in the engine's zone; from the beginning if left out.
        until: The day after the last; until now if left out.

    Raises:
        TimeError: A bound is not a date.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> engine = Engine(Pipeline("sales", [Stage("new")]))
    >>> for name in ("Acme", "Umbrella"):
    ...     deal = engine.assign(engine.create(name, owner="ann"), "bob", reason="leave")
    >>> print(handovers(engine))
    from  to   hand-overs  records  why
    ann   bob           2        2  leave 2
    """
    sql, params = _asked(shell_of(engine), since, until)
    return _told(engine.store.query(sql, params))


async def async_handovers(
    engine: AsyncEngine, *, since: date | None = None, until: date | None = None
) -> Handovers:
    """Do `handovers` with an engine that is awaited.

    >>> import asyncio
    >>> from funnelkit import AsyncEngine, Pipeline, Stage
    >>> async def handed():
    ...     engine = AsyncEngine(Pipeline("sales", [Stage("new")]))
    ...     await engine.assign(await engine.create("Acme", owner="ann"), "bob", reason="leave")
    ...     return await async_handovers(engine)
    >>> asyncio.run(handed()).pairs()
    {('ann', 'bob'): 1}
    """
    shell = awaited_shell_of(engine)
    sql, params = _asked(shell, since, until)
    return _told(await shell.store.query(sql, params))


def _asked(shell: Shell, since: date | None, until: date | None) -> tuple[str, dict[str, Any]]:
    """Return the question and its parameters."""
    zone = shell.business.zone
    bounds = {"since": _start(zone, since, "since"), "until": _start(zone, until, "until")}
    named = {name: value for name, value in bounds.items() if value is not None}
    sql = _ASSIGNED + "".join(_BOUNDS[name] for name in named) + _ORDER
    return sql, {"kind": RecordAssigned.__name__, **named}


def _told(rows: Iterable[Row]) -> Handovers:
    """Return what was found as a report."""
    found = [change_of(0, row) for row in rows]
    return Handovers(change for change in found if isinstance(change, RecordAssigned))


def _start(zone: tzinfo, day: date | None, name: str) -> int | None:
    """Return where a day begins."""
    if day is None:
        return None
    if isinstance(day, datetime) or not isinstance(day, date):
        raise TimeError(name, f"{shown(day)} is not a date", "give datetime.date(2026, 3, 1)")
    return to_us(datetime.combine(day, time(), zone))


_ASSIGNED = f"SELECT {', '.join(COLUMNS['change'])} FROM change WHERE change_type = :kind"
_BOUNDS = {"since": " AND happened_us >= :since", "until": " AND happened_us < :until"}
_ORDER = " ORDER BY happened_us, record_id, version"
