"""The funnel: how many records got how far, under nine named definitions of "got".

Two records of one history can be counted in different ways, and every CRM picks one without saying
so. Here each way has a name; a result says which it is, and what became of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import attrs

from funnelkit.analytics.funnels import fates, reached
from funnelkit.analytics.funnels.comparison import Compared, compare
from funnelkit.analytics.funnels.credits import (
    Tallies,
    Tally,
    Worth,
    credit_ids_text,
    of_all,
    of_all_ids_text,
    tallied,
    worth,
)
from funnelkit.analytics.funnels.fates import Fate, Fates, slots_of
from funnelkit.analytics.funnels.plans import FORMULAS, SHARES, Plan
from funnelkit.analytics.funnels.wording import params_of
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import About, Group, Result, Row, check_cell, money_sums, no_cell
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.svg import funnel_svg
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["Fate", "Funnel", "FunnelRow", "ValueShare", "cell_ids", "measure"]


@attrs.frozen
class ValueShare:
    """A share of a sum: what ``passed`` of what ``entered``. It has no interval: sums are no counts.

    >>> share = ValueShare(Money(3000, "EUR"), Money(4000, "EUR"))
    >>> share.value, str(share)
    (0.75, '75 % of 40.00 EUR')
    """

    passed: Money
    entered: Money

    @property
    def value(self) -> float | None:
        """Passed by entered; None when nothing entered."""
        return self.passed.minor / self.entered.minor if self.entered.minor else None

    def __str__(self) -> str:
        return f"– of {self.entered}" if self.value is None else f"{100 * self.value:.0f} % of {self.entered}"


@attrs.frozen(kw_only=True)
class Later:
    """What is read when somebody looks: sums, shares of all, shares of value, and what became of records."""

    priced: Callable[[], Tallies]
    of_all: Callable[[], dict[str, dict[int, int]]]
    worth: Callable[[], dict[str, Worth]]
    fates: Callable[[], Fates]
    has_fates: bool


@attrs.frozen(kw_only=True)
class FunnelRow(Row):
    """One stage of a funnel, or its end ``won``.

    Attributes:
        stage, label: The stage; a step that comes twice in an ordered funnel is ``"call (2)"``.
        count: Records that count here.
        of_previous: Of the records in the row before, those that are in this one too; None in the
            first row.
        of_first: Of the records in the first row, those that are in this one too.
        of_all: Of all records that were ever in the pipeline, those in this row; grouped by the value
            with which they came there. (Of a ``closed`` funnel: of its population.)
        sums: Currency → sum of the values that the records had when they were credited with this row.
        of_previous_value: Currency → of the value of the records in the row before, when they came
            there, the share of those that are in this row too.
        fate: What became of the records here; all zero where rows are no stages of records.

    All but the counts and the first two rates is read on first use.
    """

    stage: str
    label: str
    count: int
    of_previous: Rate | None
    of_first: Rate
    _later: Later = attrs.field(alias="later", eq=False, repr=False)
    _at: tuple[str, int] = attrs.field(alias="at", eq=False, repr=False)

    @property
    def of_all(self) -> Rate:
        """Of all records of the pipeline, those in this row."""
        key, place = self._at
        counts = self._later.of_all().get(key, {})
        return Rate.of(counts.get(place, 0), counts.get(0, 0), "the pipeline has no records")

    @property
    def sums(self) -> dict[str, Money]:
        """Sums of the values at the time of the credit, by currency."""
        key, place = self._at
        return money_sums(self._later.priced()[key].minor[place])

    @property
    def of_previous_value(self) -> dict[str, ValueShare]:
        """Shares of the value in the row before that came here, by currency."""
        key, place = self._at
        worth = self._later.worth().get(key, Worth())
        return {
            code: ValueShare(Money(worth.passed.get((place - 1, code), 0), code), Money(total, code))
            for (there, code), total in sorted(worth.entered.items())
            if there == place - 1 and code
        }

    @property
    def fate(self) -> Fate:
        """What became of the records on this stage."""
        return self._later.fates().of(self._at[0], self.stage) if self._later.has_fates else Fate()

    def values(self) -> dict[str, object]:
        """Return the columns in the order in which they are shown."""
        named = ("group", "stage", "label", "count", "of_previous", "of_first", "of_all", "sums")
        return {name: getattr(self, name) for name in named} | (
            attrs.asdict(self.fate) if self._later.has_fates else {}
        )


@attrs.frozen(kw_only=True)
class Funnel(Result[FunnelRow]):
    """Counts by stage. Cells for `ids`: ``ids("proposal")``, ``ids("proposal", "lost")``.

    The second word is a column: ``count`` (the default), ``of_previous``, ``of_first`` and ``of_all``
    (the numerators), ``lost``, ``void``, ``open``, ``went_back``, ``skipped``, ``moved_away``.
    """

    _fates: tuple[Callable[[], Fates], ...] = attrs.field(alias="fates", eq=False, repr=False)

    def __getitem__(self, stage: str) -> FunnelRow:
        """Return the first row of a stage, or of ``"won"``."""
        for row in self.rows:
            if row.stage == stage:
                return row
        raise no_cell("stage", stage, dict.fromkeys(row.stage for row in self.rows))

    @property
    def void(self) -> int:
        """Void records of the pipeline: outside of every count."""
        return sum(fates().void for fates in self._fates)

    @property
    def is_complete(self) -> bool:
        """Whether no record is open any more, so that the counts are final."""
        return not any(fates().open for fates in self._fates)

    def against(self, other: Funnel) -> tuple[Compared, ...]:
        """Return each row with that of another funnel, and the differences of their rates: see `compare`."""
        return compare(self, other)

    def counts(self) -> dict[str, int]:
        """Return stage → count, for a funnel that is not grouped."""
        return {row.stage: row.count for row in self.rows}

    def _repr_html_(self) -> str:
        rows = [(row.label, row.count, str(row.of_previous or "")) for row in self.rows]
        picture = "" if self.about.by else funnel_svg(rows, self.about.title(self._words))
        return super()._repr_html_() + picture

    def _says_something(self, name: str, rows: Sequence[Mapping[str, object]]) -> bool:
        if name == "of_all":  # where the first row has everybody, it is the column before it again
            return any(row["of_all"] != row["of_first"] for row in rows)
        return super()._says_something(name, rows)

    def _about(self) -> About:
        unknown = sum(fates().unknown for fates in self._fates)
        quality = {
            "void records, outside of every count": self.void,
            "records on a stage that the pipeline does not have": unknown,
        }
        return attrs.evolve(self.about, quality=quality, complete=self.is_complete)

    @classmethod
    def _joined(cls, about: About, parts: Mapping[str, Result[FunnelRow]]) -> dict[str, Any]:
        lazy = [part._fates for part in parts.values() if isinstance(part, Funnel)]  # noqa: SLF001
        return super()._joined(about, parts) | {"fates": tuple(fates for many in lazy for fates in many)}


def measure(source: Source, scope: Scope, plan: Plan) -> Funnel:
    """Count a funnel: one query; sums and what became of the records are asked when somebody looks."""
    tallies, priced = tallied(source, scope, plan)
    told = fates.later(source, scope, plan, priced)
    later = Later(
        priced=priced,
        of_all=cache(partial(of_all, source, scope, plan, tallies)),
        worth=cache(partial(worth, source, scope, plan)),
        fates=told.fates,
        has_fates=plan.is_of_records,
    )
    keys = {key for key, tally in tallies.items() if any(tally.counts.values())} if scope.column else {""}
    if scope.column and plan.is_of_records:
        known = keys == {*tallies} and reached.are_all(source, scope, plan, keys)
        keys |= set() if known else told.keys()
    rows = [row for key in sorted(keys) for row in _rows(tallies[key], plan, scope, key, later)]
    return Funnel(
        about=_about(scope, plan),
        rows=tuple(rows),
        ids=partial(cell_ids, source, scope, plan),
        fates=(told.fates,),
    )


def _about(scope: Scope, plan: Plan) -> About:
    return scope.about(
        "funnel",
        plan.definition.name,
        sentence="; ".join([plan.definition.sentence, *_said(scope, plan)]),
        population=plan.definition.population,
        time_axis=plan.definition.time_axis,
        formula=FORMULAS[plan.definition.name] + SHARES,
    )


def _said(scope: Scope, plan: Plan) -> list[str]:
    """Return what was asked for beyond the definition, in words."""
    anchored = f" ({plan.anchor} start)" if "anchor" in plan.definition.takes else ""
    said = {
        f"window {plan.within_us / 3.6e9:g} h{anchored}": plan.within_us != ALWAYS[1],
        f"within {plan.horizon_us / 3.6e9:g} h of creation": plan.horizon_us != ALWAYS[1],
        f"at one instant: {plan.ties.replace('_', ' ')}": plan.ties != "log_order",
        f"begun {scope.period(plan.entered)}": plan.entered != ALWAYS,
        f"a record counts once for each {plan.held}": plan.held,
        f"grouped by the value of {plan.attribution}": plan.attribution != "each",
        "from lost on, columns tell of all records on the stage, in the row or not": plan.is_of_records
        and plan.definition.name in ("ordered", "strict"),
    }
    bans = [
        f"no {ban.place} between {plan.names[ban.after - 1]} and {plan.names[ban.before - 1]} "
        f"({plan.policy.replace('_', ' ')})"
        for ban in plan.bans
    ]
    return [*(text for text, meant in said.items() if meant), *bans]


def _rows(tally: Tally, plan: Plan, scope: Scope, key: str, later: Later) -> list[FunnelRow]:
    start = 0 if plan.definition.name == "closed" else 1
    rows = []
    names = plan.names
    for n, (name, place) in enumerate(zip(names, plan.places, strict=True), 1):
        before = names[n - 2] if n > 1 else "the population"
        of_previous = Rate.of(tally.passed[n], tally.counts[n - 1], f"nobody is in {before}")
        rows.append(
            FunnelRow(
                group=scope.group_of(key),
                stage=name,
                label=scope.shape.label(place),
                count=tally.counts[n],
                of_previous=of_previous if n > start else None,
                of_first=Rate.of(tally.passed_first[n], tally.counts[start], "nobody is in the first row"),
                later=later,
                at=(key, n),
            )
        )
    return rows


_FATES: dict[str, tuple[str, str, str]] = {
    **{
        status: ("outcomes/state", "state", f"stage = :stage AND grp = :key AND status = '{status}'")
        for status in ("lost", "void", "open", "moved_away")
    },
    "went_back": (
        "funnels/went_back",
        "backward",
        "stage = :stage AND grp = :key AND times = 1 AND kept = 1",
    ),
}
"""Column → text, relation and condition that give the records behind it."""

_COUNTED = "low < :ord AND high >= :ord AND kept = 1 AND grp = :key"
_CREDITS: dict[str, str] = {
    "count": _COUNTED,
    "of_all": _COUNTED,
    "of_previous": (
        "high >= :ord AND ((low = :ord - 1 AND kept_before = 1 AND grp_before = :key) "
        "OR (low < :ord - 1 AND kept = 1 AND grp = :key))"
    ),
    "of_first": "low < :ord AND high >= :ord AND kept_first = 1 AND grp_first = :key",
    "skipped": f"{_COUNTED} AND mask % :twice < :bit",
}


def cell_ids(
    source: Source, scope: Scope, plan: Plan, stage: str, column: str = "count", *, group: Group = None
) -> list[str]:
    """Return the ids behind one cell of a funnel."""
    check_cell("stage", stage, plan.names)
    check_cell("column", column, [*_CREDITS, *(_FATES if plan.is_of_records else ())])
    place = plan.names.index(stage) + 1
    if column == "skipped" and (not plan.skips or place == len(plan.places)):
        return []
    params = params_of(scope, plan) | {
        "stage": stage,
        "key": scope.key_of(group),
        "ord": place,
        "bit": 2**place,
        "twice": 2 ** (place + 1),
    }
    if column in _FATES:
        text, cell, where = _FATES[column]
        sql = compose(text, **slots_of(scope, plan, text), tail="{ids}", cell=cell, where=where)
    elif column == "of_all" and plan.definition.name != "closed":
        sql = of_all_ids_text(source, scope, plan)
    else:
        sql = credit_ids_text(source, scope, plan, _CREDITS[column])
    return [record for (record,) in rows_of(source, sql, params)]
