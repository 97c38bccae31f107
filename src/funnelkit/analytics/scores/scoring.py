"""A chance of winning for every open record, with what speaks for it and against."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import attrs

from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import CARRIED, Scope
from funnelkit.analytics.scores.bayes import Bayes, Example, Weighed, bayes
from funnelkit.analytics.texts import Params, Source, compose, rows_of

__all__ = ["Recipe", "Score", "Scores", "chances", "scores"]

_GRAIN_US = 30 * 86_400_000_000
_TOLD = 3
_CLEAR = 0.05

FORMULA = (
    "odds = (won + 1) / (lost + 1) of the records that were on the stage, times for each feature "
    "(won with the value + 1) / (won + k) by the same of lost; a record closed t ago weighs "
    "2^(-t / half_life)"
)


@attrs.frozen(kw_only=True)
class Recipe:
    """How to score.

    Attributes:
        features: ``"owner"``, ``"source"``, ``"campaign"``, ``"repeat"``, ``"custom.<name>"``.
        half_life_us: After how long a closed record weighs half; None weighs all alike.
        least: So many won and so many lost records must have been on the stage, by their number.
    """

    features: tuple[str, ...]
    half_life_us: int | None
    least: int


@attrs.frozen(kw_only=True)
class Score(Row):
    """One open record.

    Attributes:
        record, stage: Its id, and the furthest stage it was on.
        chance: Of a win, 0 to 1; None while too little is known.
        won, lost: Closed records that had been on the stage: what the chance rests on.
        helps, hurts: What speaks for and against it most, such as ``"source=web"``, three at most.
        reason: Why there is no chance, or empty.
    """

    record: str
    stage: str
    chance: float | None
    won: int
    lost: int
    helps: str
    hurts: str
    reason: str


class Scores(Result[Score]):
    """A row a record, best chance first. A cell for `ids`: ``ids("scored")`` or ``ids("unknown")``."""


def scores(source: Source, scope: Scope, recipe: Recipe) -> Scores:
    """Score every open record of the pipeline."""
    rows = []
    for stage in scope.shape.places[:-1]:
        learned = _learn(source, scope, recipe, stage)
        for record, *values in _ask(source, scope, recipe, stage, "{hopefuls}"):
            rows.append(_row(record, stage, learned, values))
    rows.sort(key=lambda row: (-(row.chance if row.chance is not None else -1), row.record))
    about = scope.about(
        "scores",
        "naive Bayes",
        sentence="the chance of a win beside records that were on the same stage, by what was known of each "
        f"when it first came there: {', '.join(recipe.features)}",
        population="open records of the pipeline; learned from those that are won or lost by then",
        time_axis="the creation of the record",
        formula=FORMULA,
        quality={"records of which too little is known": sum(row.chance is None for row in rows)},
    )
    behind = {
        "scored": [row.record for row in rows if row.chance is not None],
        "unknown": [row.record for row in rows if row.chance is None],
    }
    return Scores(about=about, rows=tuple(rows), ids=partial(_ids, behind))


def chances(source: Source, scope: Scope, recipe: Recipe) -> dict[str, float]:
    """Return the chance of every open record that has one, by id."""
    return {row.record: row.chance for row in scores(source, scope, recipe).rows if row.chance is not None}


@attrs.frozen
class _Learned:
    """What the closed records of a stage teach: how many they are, and a model if that is enough."""

    won: int
    lost: int
    model: Bayes | None
    reason: str


def _learn(source: Source, scope: Scope, recipe: Recipe, stage: str) -> _Learned:
    everybody = attrs.evolve(scope, owner=None, source=None, campaign=None, repeat=None)
    number = {"won": 0, "lost": 0}
    weights: dict[tuple[str, ...], dict[str, float]] = defaultdict(lambda: {"won": 0.0, "lost": 0.0})
    for outcome, ago, records, *values in _ask(source, everybody, recipe, stage, "{examples}"):
        number[outcome] += records
        weight = 1.0 if recipe.half_life_us is None else 2 ** (-ago / recipe.half_life_us)
        weights[tuple(values)][outcome] += records * weight
    examples = [Example(values, ends["won"], ends["lost"]) for values, ends in weights.items()]
    won, lost = number["won"], number["lost"]
    if min(won, lost) >= recipe.least:
        return _Learned(won, lost, bayes(recipe.features, examples), "")
    few = f"not enough data: {won} won and {lost} lost were on the stage, {recipe.least} of each are needed"
    return _Learned(won, lost, None, few)


def _row(record: str, stage: str, learned: _Learned, values: Sequence[str]) -> Score:
    model = learned.model
    said = model.weigh(values) if model else []
    return Score(
        record=record,
        stage=stage,
        chance=model.chance(values) if model else None,
        won=learned.won,
        lost=learned.lost,
        helps=_told([one for one in said if one.bits > _CLEAR]),
        hurts=_told([one for one in said if one.bits < -_CLEAR]),
        reason=learned.reason,
    )


def _told(said: list[Weighed]) -> str:
    strongest = sorted(said, key=lambda one: -abs(one.bits))[:_TOLD]
    return ", ".join(f"{one.feature}={_plain(one.feature, one.value)}" for one in strongest)


def _plain(feature: str, value: str) -> str:
    return str(json.loads(value)) if feature.startswith("custom.") else value or "(none)"


def _ask(source: Source, scope: Scope, recipe: Recipe, stage: str, tail: str) -> list[tuple[Any, ...]]:
    """Ask for records that were on a stage, with the values that their features had when they came."""
    slots, params = scope.slots(), scope.params()
    customs, joins, columns = slots["customs"], "", []
    for n, feature in enumerate(recipe.features):
        if feature in CARRIED:
            columns.append(CARRIED[feature])
            continue
        name = f"feature_{n}"
        customs += compose("parts/dated", name=name) + " "
        joins += f" LEFT JOIN {name} ON {name}.record_id = m.record_id AND {name}.seq = m.seq"
        columns.append(f"COALESCE({name}.field_value, 'null')")
        params[f"{name}_field"] = feature
    own: Params = {"ord": scope.shape.places.index(stage) + 1, "grain": _GRAIN_US}
    sql = compose(
        "scores/here",
        **(slots | {"customs": customs, "group": "''", "feature_joins": joins}),
        features="".join(f", {column} AS value_{n}" for n, column in enumerate(columns)),
        names="".join(f", h.value_{n}" for n in range(len(columns))),
        tail=tail,
    )
    return rows_of(source, sql, params | own)


def _ids(behind: dict[str, list[str]], which: str, *, group: Group = None) -> list[str]:  # noqa: ARG001 (nothing is grouped)
    check_cell("column", which, behind)
    return behind[which]
