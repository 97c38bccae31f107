"""Why records were lost, and where."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.outcomes.endings import BY_CLOSING
from funnelkit.analytics.result import Group, Result, Row, check_cell, money_sums
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["LossReason", "LossReasons", "loss_reasons"]


@attrs.frozen(kw_only=True)
class LossReason(Row):
    """Why records were lost on a stage.

    Attributes:
        reason, text: The slug of the catalogue, and its text at the latest such loss.
        count: Records.
        share: Of the losses on that stage; ``of_all``: of all losses.
        sums: Currency → sum of the values at the loss.
    """

    stage: str
    label: str
    reason: str
    text: str
    count: int
    share: Rate
    of_all: Rate
    sums: dict[str, Money] = attrs.field(hash=False)


class LossReasons(Result[LossReason]):
    """Reasons by stage. A cell for `ids`: ``ids("proposal", "price")``."""


def loss_reasons(source: Source, scope: Scope) -> LossReasons:
    """Count the reasons of losses, by stage."""
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    texts: dict[tuple[str, str, str], tuple[int, str]] = {}
    sql = compose("outcomes/endings", **scope.slots(), tail="{reasons}")
    for key, stage, reason, text, code, n, total, last in rows_of(source, sql, scope.params()):
        cell = (key, stage, reason)
        counts[cell] += n
        sums[cell][code] += total
        texts[cell] = max(texts.get(cell, (-1, "")), (last, text))
    lost: dict[tuple[str, ...], int] = defaultdict(int)
    for (key, stage, _), n in counts.items():
        lost[key, stage] += n
        lost[(key,)] += n
    order = {stage: n for n, stage in enumerate(scope.shape.places)}
    rows = [
        LossReason(
            group=scope.group_of(key),
            stage=stage,
            label=scope.shape.label(stage),
            reason=reason,
            text=texts[key, stage, reason][1],
            count=n,
            share=Rate.of(n, lost[key, stage]),
            of_all=Rate.of(n, lost[(key,)]),
            sums=money_sums(sums[key, stage, reason]),
        )
        for (key, stage, reason), n in sorted(
            counts.items(),
            key=lambda cell: (cell[0][0], order.get(cell[0][1], len(order)), -cell[1], cell[0][2]),
        )
    ]
    about = scope.about(
        "loss reasons",
        "closed",
        sentence="records lost, by the stage they died on and the reason given then",
        population="records lost in the period whose loss stands as of then",
        time_axis=BY_CLOSING,
        formula="share = lost there for the reason / lost there; of_all = lost there for the "
        "reason / all lost",
    )
    return LossReasons(about=about, rows=tuple(rows), ids=partial(_loss_ids, source, scope))


def _loss_ids(source: Source, scope: Scope, stage: str, reason: str, *, group: Group = None) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    params = scope.params() | {"stage": stage, "why": reason, "key": scope.key_of(group)}
    where = "outcome = 'lost' AND stage = :stage AND reason = :why AND grp = :key"
    sql = compose("outcomes/endings", **scope.slots(), tail="{ids}", cell="ending", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
