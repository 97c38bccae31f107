"""How a forecast is told: a row a part, the distributions behind it, and the deals that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from funnelkit.analytics.forecasts.distribution import Counts
from funnelkit.analytics.forecasts.revenue import Sample
from funnelkit.analytics.result import Group, Result, Row, check_cell, no_cell
from funnelkit.money import Money

__all__ = ["Ahead", "DealAhead", "Forecast", "Part", "no_row", "row_of"]

_PERCENTS = (10, 50, 90)
_PARTS = ("booked", "open", "new", "total")


@attrs.frozen(kw_only=True)
class DealAhead:
    """An open record: its chance of being won within the time.

    Attributes:
        record, stage, group: Which, where, and in which row it is counted.
        age: How long it has been on the stage.
        value: None without a value.
        chance: None where not enough is known.
        said_by: ``"stage and age"``, ``"stage, at a younger age"``, ``"whole pipeline"`` or ``"nothing"``.
        count: How many were followed from there.
    """

    record: str
    stage: str
    group: Group
    age: timedelta
    value: Money | None
    chance: float | None
    said_by: str
    count: int


@attrs.frozen(kw_only=True)
class Ahead(Row):
    """One part of a forecast.

    Attributes:
        part: ``"booked"``: won already, from ``since`` on; ``"open"``: from the records open now;
            ``"new"``: from records that do not exist yet; ``"total"``: all of it.
        records: Won; open; to come. None in the total.
        wins: How many are expected; ``wins_p10`` to ``wins_p90``: with 10, 50, 90 % no more than that.
        sums: Currency → the value that is expected; ``sums_p10`` to ``sums_p90`` by currency alike.
        reason: Why there is nothing, or empty.
    """

    part: str
    records: float | None
    wins: float | None
    wins_p10: int | None
    wins_p50: int | None
    wins_p90: int | None
    sums: dict[str, Money] = attrs.field(hash=False)
    sums_p10: dict[str, Money] = attrs.field(hash=False)
    sums_p50: dict[str, Money] = attrs.field(hash=False)
    sums_p90: dict[str, Money] = attrs.field(hash=False)
    reason: str = ""


@attrs.frozen(kw_only=True)
class Part:
    """The distributions behind a row: of the wins, and by currency of the value."""

    records: float | None
    wins: Counts
    sums: Mapping[str, Sample]


@attrs.frozen(kw_only=True)
class Forecast(Result[Ahead]):
    """Wins and value by a date. Cells for `ids`: ``ids("open")``, ``ids("booked")``, ``ids("nothing")``.

    The last are the open records of whose chance nothing is known; they are not in the numbers.

    Attributes:
        until: The end of the time.
        deals: The open records, each with its chance.
        parts: ``(group, part)`` → its distributions, where there are any.
    """

    until: datetime
    deals: tuple[DealAhead, ...] = attrs.field(factory=tuple, eq=False, repr=False)
    parts: Mapping[tuple[Group, str], Part] = attrs.field(factory=dict, eq=False, repr=False, hash=False)

    def row(self, part: str = "total", group: Group = None) -> Ahead:
        """Return one row. Raises InputError when there is none."""
        check_cell("part", part, _PARTS)
        for row in self.rows:
            if (row.part, row.group) == (part, group):
                return row
        raise no_cell("row", (part, group), sorted({f"{row.part} {row.group}" for row in self.rows}))

    @classmethod
    def _joined(cls, about: Any, parts: Mapping[str, Result[Ahead]]) -> dict[str, Any]:
        of = {name: part for name, part in parts.items() if isinstance(part, Forecast)}
        return super()._joined(about, parts) | {
            "until": max((part.until for part in of.values()), default=about.as_of),
            "deals": tuple(
                attrs.evolve(deal, group=name) for name, each in of.items() for deal in each.deals
            ),
            "parts": {
                (name, what): part for name, each in of.items() for (_, what), part in each.parts.items()
            },
        }


def row_of(group: Group, name: str, part: Part, reason: str) -> Ahead:
    """Return the row of a part."""
    low, middle, high = (part.wins.quantile(percent) for percent in _PERCENTS)
    spread = {code: sample.quantiles(_PERCENTS) for code, sample in part.sums.items()}
    sums = [{code: Money(many[n], code) for code, many in spread.items()} for n in range(len(_PERCENTS))]
    return Ahead(
        group=group,
        part=name,
        records=part.records,
        wins=part.wins.mean,
        wins_p10=low,
        wins_p50=middle,
        wins_p90=high,
        sums={code: Money(round(sample.mean), code) for code, sample in part.sums.items()},
        sums_p10=sums[0],
        sums_p50=sums[1],
        sums_p90=sums[2],
        reason=reason,
    )


def no_row(group: Group, name: str, part: Part, reason: str) -> Ahead:
    """Return the row of a part of which nothing can be said."""
    return Ahead(
        group=group,
        part=name,
        records=part.records if name == "open" else None,
        wins=None,
        wins_p10=None,
        wins_p50=None,
        wins_p90=None,
        sums={},
        sums_p10={},
        sums_p50={},
        sums_p90={},
        reason=reason,
    )
