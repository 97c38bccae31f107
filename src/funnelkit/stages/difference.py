"""How two definitions differ, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.serial import duration_text
from funnelkit.stages.stage import Stage

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline

__all__ = ["between"]


def between(old: Pipeline, new: Pipeline) -> Iterator[str]:
    """Tell what changed from ``old`` to ``new``, stage by stage."""
    for name in ("id", "kind", "label"):
        yield from _changed(name, getattr(old, name), getattr(new, name))
    yield from _stages(old, new)
    if old.moves != new.moves:
        yield from _moves(old.moves, new.moves)
    for outcome in dict.fromkeys((*old.close_reasons, *new.close_reasons)):
        before = {reason.id: reason.label for reason in old.close_reasons.get(outcome, ())}
        after = {reason.id: reason.label for reason in new.close_reasons.get(outcome, ())}
        yield from _members(f"{outcome} reason", tuple(before), tuple(after))
        for reason in (each for each in before if each in after):
            yield from _changed(f"{outcome} reason {reason!r}: label", before[reason], after[reason])
    yield from _rules("", old, new)


def _stages(old: Pipeline, new: Pipeline) -> Iterator[str]:
    for name in old.stage_ids:
        if name not in new.stage_ids:
            yield f"stage {name!r} is removed"
    for at, stage in enumerate(new.stages):
        if stage.id not in old.stage_ids:
            where = f"after {new.stage_ids[at - 1]!r}" if at else "at the front"
            yield f"stage {stage.id!r} is added {where}"
        else:
            yield from _stage(old.stage(stage.id), stage)
    kept = [name for name in old.stage_ids if name in new.stage_ids]
    order = [name for name in new.stage_ids if name in old.stage_ids]
    if kept != order:
        yield f"stages are reordered: {' → '.join(kept)} becomes {' → '.join(order)}"


def _stage(old: Stage, new: Stage) -> Iterator[str]:
    for field in attrs.fields(Stage)[1:]:
        name = field.name
        if name == "rules":
            yield from _rules(f"stage {new.id!r}: ", old, new)
        else:
            yield from _changed(f"stage {new.id!r}: {name}", getattr(old, name), getattr(new, name))


def _rules(prefix: str, old: Any, new: Any) -> Iterator[str]:
    before, after = [{rule.name: rule for rule in side.rules} for side in (old, new)]
    yield from _members(f"{prefix}rule", tuple(before), tuple(after))
    for name in (each for each in before if each in after):
        if before[name] != after[name]:
            yield f"{prefix}rule {name!r} is another one"


def _moves(old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, str) or isinstance(new, str):
        before, after = (moves if isinstance(moves, str) else "listed" for moves in (old, new))
        yield f"moves: {before} → {after}"
        return
    yield from (f"{move!r} is removed" for move in old if move not in new)
    yield from (f"{move!r} is added" for move in new if move not in old)
    if [move for move in old if move in new] != [move for move in new if move in old]:
        yield "transitions are tried in another order"


def _members(what: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{what} {name!r} is removed" for name in old if name not in new)
    yield from (f"{what} {name!r} is added" for name in new if name not in old)
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield f"{what}s are reordered: {', '.join(new)}"


def _changed(what: str, old: object, new: object) -> Iterator[str]:
    if old != new:
        yield f"{what} {_told(old)} → {_told(new)}"


def _told(value: object) -> str:
    return duration_text(value) if isinstance(value, timedelta) else repr(value)
