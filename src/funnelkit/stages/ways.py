"""Every way through a pipeline, spelled out: what its topology, its transitions and its rules amount to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from funnelkit.records import OUTCOMES
from funnelkit.stages.rules import Rule
from funnelkit.stages.stage import Stage
from funnelkit.stages.stock import requires, steps_done
from funnelkit.stages.table import verb_of
from funnelkit.stages.transition import ANY, Transition

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline

__all__ = ["Way", "ways"]


@attrs.frozen
class Way:
    """One transition as the pipeline means it: what becomes an edge."""

    source: str
    target: str
    name: str
    rules: tuple[Rule, ...]


def ways(pipeline: Pipeline) -> Iterator[Way]:
    """Spell out every transition of a pipeline, in the order in which they are tried."""
    for stage in pipeline.stages:
        declared = [] if isinstance(pipeline.moves, str) else _declared(pipeline.moves, stage.id)
        implied = [Transition(stage.id, target) for target in _implied(pipeline, stage, declared)]
        for transition in (*declared, *implied):
            rules = _rules(pipeline, stage, transition)
            yield Way(stage.id, transition.target, transition.name, rules)
    for outcome in OUTCOMES:
        for stage in pipeline.stages:
            rules = tuple(rule for rule in pipeline.rules if rule.acts("reopen", outcome, stage.id))
            yield Way(outcome, stage.id, "", rules)


def _declared(moves: tuple[Transition, ...], stage: str) -> list[Transition]:
    return [
        transition
        for transition in moves
        if stage in transition.sources or (ANY in transition.sources and transition.target != stage)
    ]


def _implied(pipeline: Pipeline, stage: Stage, declared: list[Transition]) -> Iterator[str]:
    """Name the targets that need no declaration: by the topology, and the outcomes."""
    at = pipeline.stages.index(stage)
    ahead = [other.id for other in pipeline.stages[at + 1 :] if not other.archived]
    behind = [other.id for other in pipeline.stages[:at] if not other.archived]
    if pipeline.moves == "free":
        yield from ahead + behind
    elif pipeline.moves == "ordered":
        yield from ahead[:1] + behind
    if stage.can_win and not _declares_wins(pipeline):
        yield "won"
    taken = {transition.target for transition in declared}
    yield from (outcome for outcome in OUTCOMES[1:] if outcome not in taken)


def _declares_wins(pipeline: Pipeline) -> bool:
    """Whether the pipeline lists the transitions to a win, so that there are no others."""
    return not isinstance(pipeline.moves, str) and any(each.target == "won" for each in pipeline.moves)


def _rules(pipeline: Pipeline, stage: Stage, transition: Transition) -> tuple[Rule, ...]:
    """Return the rules that guard a way out of an open stage, in the order of asking."""
    source, target = stage.id, transition.target
    verb = verb_of(source, target)
    order = pipeline.stage_ids
    won = target == "won"
    rules: list[Rule] = []
    if won or (verb == "move" and order.index(target) > order.index(source)):
        rules += [requires(path) for path in stage.requires]
        rules += [steps_done(step) for step in stage.steps]
        rules += [rule for rule in stage.rules if _acts_here(rule, verb, source, target)]
    rules += [rule for rule in transition.rules if _acts_here(rule, verb, source, target)]
    rules += [rule for rule in pipeline.rules if rule.acts(verb, source, target)]
    if won and pipeline.kind == "lead":
        rules += [rule for rule in pipeline.rules if rule.acts("convert", source, target)]
    return tuple(rules)


def _acts_here(rule: Rule, verb: str, source: str, target: str) -> bool:
    """Whether a stage's or transition's own rule acts there: for these, a win is a move forward."""
    return rule.acts(verb, source, target) or (verb == "win" and rule.acts("move", source, target))
