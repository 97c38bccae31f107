"""What a record on each stage may still bring, by the absorbing chain of the pipeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from typing import Any

import attrs

from funnelkit.analytics.chances.chain import Chain
from funnelkit.analytics.intervals import Estimate
from funnelkit.analytics.result import Group, Result, Row, check_cell, money_sums, no_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["StageChance", "StageChances", "chains", "stage_chances"]

LEAST = 20
"""So many moves out of a stage are needed before anything is said of it."""


@attrs.frozen(kw_only=True)
class StageChance(Row):
    """What becomes of a record that is on a stage.

    Attributes:
        out: Moves out of the stage, what everything else rests on.
        win, lose: The chance of ending so, with its interval; they and leaving the pipeline add up to 1.
        stays: How many stays it still has before it, this one too.
        mean_stay: Time spent on the stage, by finished stays and open ones, by moves out of it.
        remaining: Expected time from entering the stage to the end: Σ stays × mean stay.
        open: Records on the stage as of then; ``unpriced`` of them have no value.
        sums: Currency → what they are worth.
        expected: Currency → what they are worth times the chance of a win.
        reason: Why nothing is said, or empty.
    """

    stage: str
    label: str
    out: int
    win: Estimate
    lose: Estimate
    stays: float | None
    mean_stay: timedelta | None
    remaining: timedelta | None
    open: int
    unpriced: int
    sums: dict[str, Money] = attrs.field(hash=False)
    expected: dict[str, Money] = attrs.field(hash=False)
    reason: str


@attrs.frozen(kw_only=True)
class StageChances(Result[StageChance]):
    """Chances by stage. Cells for `ids`: ``ids("offer", "out")``, ``ids("offer", "open")``.

    Attributes:
        chains: Group → its chain, for visits and for other ends.
    """

    chains: Mapping[Group, Chain] = attrs.field(factory=dict, eq=False, repr=False, hash=False)

    def visits(self, stage: str, group: Group = None) -> dict[str, float]:
        """Return how often a record on ``stage`` will be on each stage before it ends; {} if not known."""
        chain = self.chains.get(group)
        if chain is None:
            raise no_cell("group", group, map(str, self.chains))
        check_cell("stage", stage, chain.stages)
        return dict(chain.visits.get(stage, {}))

    @classmethod
    def _joined(cls, about: Any, parts: Mapping[str, Result[StageChance]]) -> dict[str, Any]:
        found = {
            name: chain
            for name, part in parts.items()
            if isinstance(part, StageChances)
            for chain in part.chains.values()
        }
        return super()._joined(about, parts) | {"chains": found}


def stage_chances(source: Source, scope: Scope, least: int) -> StageChances:
    """Measure what a record on each stage may still bring."""
    fitted = chains(source, scope, least)
    there = _open(source, scope)
    spent = _spent(source, scope)
    keys = sorted({*fitted, *(key for key, _ in there)}) if scope.column else [""]
    nothing = Chain({}, scope.shape.places[:-1], least)
    rows = [
        _row(
            scope.group_of(key),
            (stage, scope.shape.label(stage)),
            fitted.get(key, nothing),
            {stage: spent.get((key, stage), 0) for stage in scope.shape.places[:-1]},
            there.get((key, stage), {}),
        )
        for key in keys
        for stage in scope.shape.places[:-1]
    ]
    about = scope.about(
        "chances",
        "absorbing chain",
        sentence="where a record on the stage ends if the next place depends on nothing but the stage; a "
        "closing that was taken back ended nothing; markov() tests whether that is so, and landmarks() "
        "does without it",
        population="moves out of the pipeline's stages by then, without those of void records",
        time_axis="the creation of the record",
        formula="N = (I − Q)⁻¹, chances N R, remaining time N × mean stay; Kemeny and Snell 1960",
    )
    return StageChances(
        about=about,
        rows=tuple(rows),
        ids=partial(_ids, source, scope),
        chains={scope.group_of(key): fitted.get(key, nothing) for key in keys},
    )


def chains(source: Source, scope: Scope, least: int) -> dict[str, Chain]:
    """Return the chain of each group, by its key."""
    moves: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    sql = compose("chances/exits", **scope.slots(), tail="{leavings}")
    for key, stage, target, count in rows_of(source, sql, scope.params()):
        moves[key][stage][target] = count
    stages = scope.shape.places[:-1]
    return {key: Chain(found, stages, least) for key, found in moves.items()}


def times(value: Mapping[str, int], chance: float) -> dict[str, Money]:
    """Return sums times a chance, rounded half to even."""
    share = Decimal(repr(chance))
    return money_sums(
        {code: int((minor * share).to_integral_value(ROUND_HALF_EVEN)) for code, minor in value.items()}
    )


def _row(
    group: Group,
    names: tuple[str, str],
    chain: Chain,
    spent: Mapping[str, int],
    there: Mapping[str, tuple[int, int]],
) -> StageChance:
    stage = names[0]
    means = {
        name: total / chain.out_of(name) if chain.out_of(name) else None for name, total in spent.items()
    }
    win, worth = chain.chance(stage, "won"), {code: total for code, (_, total) in there.items()}
    visits = chain.visits.get(stage)
    return StageChance(
        group=group,
        stage=stage,
        label=names[1],
        out=chain.out_of(stage),
        win=win,
        lose=chain.chance(stage, "lost"),
        stays=sum(visits.values()) if visits else None,
        mean_stay=_span(means[stage]),
        remaining=_span(chain.remaining(stage, means)),
        open=sum(records for records, _ in there.values()),
        unpriced=there.get("", (0, 0))[0],
        sums=money_sums(worth),
        expected={} if win.value is None else times(worth, win.value),
        reason=win.reason,
    )


def _open(source: Source, scope: Scope) -> dict[tuple[str, str], dict[str, tuple[int, int]]]:
    found: dict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
    sql = compose("outcomes/state", **scope.slots(), tail="{stock}")
    for key, stage, code, records, total in rows_of(source, sql, scope.params()):
        found[key, stage][code] = records, total
    return found


def _spent(source: Source, scope: Scope) -> dict[tuple[str, str], int]:
    """Return the microseconds spent on each stage; summed in parts, for whole sums can be too large."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    sql = compose("times/stays", **scope.slots(), tail="{time_there}")
    for key, stage, _, total in rows_of(source, sql, scope.params()):
        found[key, stage] += int(total)
    return found


def _span(microseconds: float | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=round(microseconds))


def _ids(source: Source, scope: Scope, stage: str, which: str, *, group: Group = None) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    check_cell("column", which, ("out", "open"))
    params = scope.params() | {"stage": stage, "key": scope.key_of(group)}
    where = "stage = :stage AND grp = :key"
    if which == "out":
        sql = compose(
            "chances/exits", **scope.slots(), tail="{ids}", cell="leaving", where=f"{where} AND kept = 1"
        )
    else:
        sql = compose(
            "outcomes/state",
            **scope.slots(),
            tail="{ids}",
            cell="state",
            where=f"{where} AND status = 'open'",
        )
    return [record for (record,) in rows_of(source, sql, params)]
