"""Pipelines as pictures: a few lines of text, and Mermaid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from funnelkit.records import OUTCOMES
from funnelkit.serial import duration_text
from funnelkit.stages.stage import Stage
from funnelkit.stages.transition import ANY
from funnelkit.stages.ways import ways

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline

__all__ = ["mermaid", "picture"]

_TOPOLOGIES = {"free": "any stage to any other", "ordered": "one step forward, any step back"}


def picture(pipeline: Pipeline) -> str:
    """Return a pipeline as text: the way in one line, then a line a stage and what else there is."""
    return "\n".join(_lines(pipeline))


def _lines(pipeline: Pipeline) -> Iterator[str]:
    named = f" {pipeline.label!r}" if pipeline.label else ""
    line = " → ".join(stage.id for stage in pipeline.stages if not stage.archived)
    yield f"{pipeline.id}{named}: {line} → {' | '.join(OUTCOMES)}"
    moves = pipeline.moves
    topology = _TOPOLOGIES[moves] if isinstance(moves, str) else "the transitions listed below"
    yield f"  pipeline of {pipeline.kind}s; {topology}"
    width = max(map(len, pipeline.stage_ids))
    for stage in pipeline.stages:
        yield f"  {stage.id:<{width}}  {', '.join(_facts(stage))}".rstrip()
    for move in () if isinstance(moves, str) else moves:
        sources = "any stage" if move.source == ANY else ", ".join(move.sources)
        named = f"  {move.name}" if move.name else ""
        ruled = f"  [{', '.join(rule.name for rule in move.rules)}]" if move.rules else ""
        yield f"  {sources} → {move.target}{named}{ruled}"
    for outcome, reasons in pipeline.close_reasons.items():
        yield f"  {outcome} because: {', '.join(reason.label or reason.id for reason in reasons)}"
    for rule in pipeline.rules:
        doc = f": {rule.doc.splitlines()[0]}" if rule.doc else ""
        yield f"  rule {rule.name} (on {', '.join(sorted(rule.on))}){doc}"


def _facts(stage: Stage) -> Iterator[str]:
    if stage.label:
        yield repr(stage.label)
    if stage.probability is not None:
        yield f"{stage.probability * 100:g}%"
    if isinstance(stage.limit, timedelta):
        yield f"at most {duration_text(stage.limit)}"
    if stage.requires:
        yield f"needs {' and '.join(stage.requires)}"
    if stage.steps:
        yield f"steps {' and '.join(stage.steps)}"
    yield from (f"rule {rule.name}" for rule in stage.rules)
    if not stage.can_win:
        yield "cannot be won from"
    if stage.archived:
        yield "archived"


def mermaid(pipeline: Pipeline) -> str:
    """Return the text of a Mermaid state diagram.

    Steps back, losses and reopenings, possible nearly everywhere, are told in a note instead of
    drawn; a free pipeline is drawn along its order.

    >>> from funnelkit.stages import Pipeline, Stage
    >>> print(mermaid(Pipeline("shop", [Stage("order", can_win=False), Stage("paid", "Оплачен")])))
    stateDiagram-v2
        direction LR
        state "order" as s0
        state "Оплачен" as s1
        state "won" as won
        [*] --> s0
        s0 --> s1
        s1 --> won
        note right of won : any stage to any other, lost or void from any stage
    """
    ids = {stage.id: f"s{number}" for number, stage in enumerate(pipeline.stages)} | {"won": "won"}
    lines = [f'state "{_escaped(stage.label or stage.id)}" as {ids[stage.id]}' for stage in pipeline.stages]
    lines += ['state "won" as won', f"[*] --> {ids[pipeline.first]}"]
    free = isinstance(pipeline.moves, str)
    drawn = dict.fromkeys(
        f"{ids[way.source]} --> {ids[way.target]}{f' : {way.name}' if way.name else ''}"
        for way in ways(pipeline)
        if way.source in pipeline.stage_ids
        and way.target in ids
        and (not free or way.target == "won" or way.target in pipeline.table.forward(way.source))
    )
    told = [_TOPOLOGIES[pipeline.moves]] if isinstance(pipeline.moves, str) else []
    note = f"note right of won : {', '.join([*told, 'lost or void from any stage'])}"
    return "\n    ".join(["stateDiagram-v2", "direction LR", *lines, *drawn, note])


_MARKS = {ord(mark): f"#{ord(mark)};" for mark in '"#;<>&\\%{}[]`'}


def _escaped(label: str) -> str:
    """Write what Mermaid would read as syntax as character codes."""
    return label.translate(_MARKS)
