"""How likely each open record is won: who says so, and what is in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

import attrs

from funnelkit.analytics.chances.landmarks import landmarks
from funnelkit.analytics.chances.markov import dependences
from funnelkit.analytics.chances.stages import chains, times
from funnelkit.analytics.flow.potential import own_chance
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.errors import InputError
from funnelkit.money import Money

__all__ = ["OpenEstimate", "OpenEstimates", "estimates"]

_SOURCES = ("manual", "model", "stage", "none")
_Model = Callable[[str, timedelta], float | None]
"""From a stage, and how long the record has been there."""


@attrs.frozen(kw_only=True)
class OpenEstimate(Row):
    """One open record.

    Attributes:
        record, stage: Its id, and where it is.
        age: How long it has been there.
        value: What it is worth; None without a value.
        manual: The owner's own estimate, None where there is none, and for the past, of which it is not kept.
        model: What the history of the pipeline proposes; None while there is not enough of it.
        by_stage: What the definition of the stage says.
        cap: The most that is allowed on the stage, None without a cap.
        chance: What is in force: manual before model before stage, and never above the cap.
        said_by: Who says so: ``"manual"``, ``"model"``, ``"stage"``, or ``"none"``.
        capped: Whether the cap lowered it.
        expected: The value times the chance.
    """

    record: str
    stage: str
    age: timedelta
    value: Money | None
    manual: float | None
    model: float | None
    by_stage: float | None
    cap: float | None
    chance: float | None
    said_by: str
    capped: bool
    expected: Money | None


class OpenEstimates(Result[OpenEstimate]):
    """A row a record. A cell for `ids` is who says it: ``ids("manual")``, or model, stage, none."""


def estimates(source: Source, scope: Scope, caps: Mapping[str, float], least: int) -> OpenEstimates:
    """Return every open record with what is said of it."""
    for stage, cap in caps.items():
        check_cell("caps", stage, scope.shape.places[:-1])
        if not 0 <= cap <= 1:
            raise InputError("caps", f"{stage}={cap} is not from 0 to 1", "0.5 is a half")
    model, name = _model(source, scope, least)
    rows = []
    order = {stage: n for n, stage in enumerate(scope.shape.places)}
    sql = compose("chances/open", **scope.slots(), **own_chance(scope))
    for record, key, stage, since, code, amount, chance in rows_of(source, sql, scope.params()):
        age = timedelta(microseconds=scope.as_of_us - since)
        said = {
            "manual": None if chance < 0 else float(chance),
            "model": model(stage, age),
            "stage": scope.shape.probabilities.get(stage),
        }
        rows.append(_row((record, stage, scope.group_of(key)), age, (code, amount), said, caps.get(stage)))
    rows.sort(key=lambda row: (str(row.group), order.get(row.stage, len(order)), row.record))
    about = scope.about(
        "estimates",
        "in force",
        sentence="the owner's own estimate where there is one, else the model's, else that of the stage as "
        f"defined now, and never above the cap; the model is {name}, over the whole pipeline",
        population="open records of the pipeline",
        time_axis="the creation of the record",
        formula="chance = min(cap, manual or model or by_stage); expected = value x chance",
        quality={"records of whose chance nothing is known": sum(row.chance is None for row in rows)},
    )
    behind: dict[tuple[str, Group], list[str]] = {}
    for row in rows:
        behind.setdefault((row.said_by, row.group), []).append(row.record)
    return OpenEstimates(about=about, rows=tuple(rows), ids=partial(_ids, behind))


def _row(
    who: tuple[str, str, Group],
    age: timedelta,
    worth: tuple[str, int],
    said: Mapping[str, float | None],
    cap: float | None,
) -> OpenEstimate:
    by, chance = next(((name, value) for name, value in said.items() if value is not None), ("none", None))
    capped = chance is not None and cap is not None and cap < chance
    chance = cap if capped else chance
    code, amount = worth
    return OpenEstimate(
        record=who[0],
        stage=who[1],
        group=who[2],
        age=age,
        value=Money(amount, code) if code else None,
        manual=said["manual"],
        model=said["model"],
        by_stage=said["stage"],
        cap=cap,
        chance=chance,
        said_by=by,
        capped=capped,
        expected=None if chance is None or not code else times({code: amount}, chance)[code],
    )


def _model(source: Source, scope: Scope, least: int) -> tuple[_Model, str]:
    """Return what proposes a chance: the chain where its assumption stands, else landmarks."""
    plain = Scope(shape=scope.shape, as_of_us=scope.as_of_us, present=scope.present, zone=scope.zone)
    if dependences(source, plain).holds:
        chain = chains(source, plain, least).get("")
        known = {stage: chain.chance(stage, "won").value for stage in chain.stages} if chain else {}
        return lambda stage, _: known.get(stage), "the absorbing chain"
    table = landmarks(source, plain, least)

    def proposed(stage: str, age: timedelta) -> float | None:
        row = table.at(stage, age)
        return row.win.value if row else None

    return proposed, "landmarks by stage and age, because the chain's assumption does not stand"


def _ids(behind: Mapping[tuple[str, Group], list[str]], which: str, *, group: Group = None) -> list[str]:
    check_cell("said_by", which, _SOURCES)
    return behind.get((which, group), [])
