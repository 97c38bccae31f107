"""Everything that is wrong with a pipeline, told at once, each with its path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from funnelkit.errors import shown
from funnelkit.records import OUTCOMES
from funnelkit.serial import Problem, did_you_mean
from funnelkit.stages.rules import Rule
from funnelkit.stages.stage import CloseReason, Stage
from funnelkit.stages.stock import path_problem
from funnelkit.stages.table import verb_of
from funnelkit.stages.transition import ANY, Transition
from funnelkit.stages.ways import ways

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline

__all__ = ["problems_of"]

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LABEL_LIMIT = 200
_PERCENT = 100
_OTHER_KIND = {"deal": frozenset({"capture", "convert"}), "lead": frozenset({"create"})}


def problems_of(pipeline: Pipeline) -> tuple[Problem, ...]:
    """Return every problem of a definition, errors and warnings, in the order of the definition.

    What cannot even be read (a stage that is no `Stage`) is told alone: nothing else can be
    checked before it is mended. The ways through a pipeline are checked once its names are right.
    """
    if found := tuple(_shapes(pipeline)):
        return found
    found = (
        *_slug(pipeline.id, "id"),
        *_label(pipeline.label, "label"),
        *_stages(pipeline),
        *_transitions(pipeline),
        *_reasons(pipeline),
        *_rules(pipeline),
    )
    return found if any(each.severity == "error" for each in found) else (*found, *_ways(pipeline))


# Types


def _shapes(pipeline: Pipeline) -> Iterator[Problem]:
    if pipeline.kind not in ("deal", "lead"):
        yield Problem("kind", f"{shown(pipeline.kind)} is not a kind", "one of 'deal', 'lead'")
    yield from _only(Stage, pipeline.stages, "stages")
    moves = pipeline.moves
    if not isinstance(moves, str):
        yield from _only(Transition, moves, "moves")
    elif moves not in ("free", "ordered"):
        fix = f"{did_you_mean(moves, ('free', 'ordered'))} or a list of transitions"
        yield Problem("moves", f"{shown(moves)} is not a topology", fix)
    yield from _only(Rule, pipeline.rules, "rules")
    for path, owner in _owners(pipeline):
        if isinstance(owner, Stage | Transition):
            yield from _only(Rule, owner.rules, f"{path}.rules")
    if not isinstance(pipeline.close_reasons, Mapping):
        fix = 'write {"lost": ["price", "no answer"]}'
        yield Problem("close_reasons", f"{shown(pipeline.close_reasons)} is not a mapping of outcomes", fix)
        return
    for outcome, reasons in pipeline.close_reasons.items():
        yield from _only(CloseReason, reasons, f"close_reasons.{outcome}")


def _owners(pipeline: Pipeline) -> Iterator[tuple[str, Any]]:
    """Name every stage and every declared transition."""
    yield from ((f"stages[{number}]", stage) for number, stage in enumerate(pipeline.stages))
    if not isinstance(pipeline.moves, str):
        yield from ((f"moves[{number}]", move) for number, move in enumerate(pipeline.moves))


def _only(cls: type, items: Sequence[object], path: str) -> Iterator[Problem]:
    for number, item in enumerate(items):
        if not isinstance(item, cls):
            fix = "decorate it with @rule" if cls is Rule and callable(item) else ""
            yield Problem(f"{path}[{number}]", f"{shown(item)} is not a {cls.__name__}", fix)


# Names


def _slug(value: object, path: str) -> Iterator[Problem]:
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        fix = "a to z, 0 to 9 and _, a letter first, at most 63 characters; put other text into the label"
        yield Problem(path, f"{shown(value)} is not a slug", fix)


def _label(value: object, path: str, what: str = "a label") -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(path, f"{shown(value)} is not text")
    elif len(value) > _LABEL_LIMIT:
        yield Problem(path, f"{len(value):,} characters are too long for {what}", f"at most {_LABEL_LIMIT}")
    elif odd := next((mark for mark in value if unicodedata.category(mark) in ("Cc", "Cs")), ""):
        yield Problem(path, f"{what} cannot hold the character U+{ord(odd):04X}", "remove it")


def _twice(items: Sequence[object], path: str, what: str, key: str = "") -> Iterator[Problem]:
    for number, item in enumerate(items):
        if (first := items.index(item)) != number:
            where = f"{path}[{number}]{key}"
            yield Problem(where, f"{what} {shown(item)} is there already", f"as {path}[{first}]")


# Stages


def _stages(pipeline: Pipeline) -> Iterator[Problem]:
    if not pipeline.stages:
        yield Problem("stages", "there is no stage", "give at least one")
    elif all(stage.archived for stage in pipeline.stages):
        yield Problem("stages", "every stage is archived", "leave at least one open to new records")
    for number, stage in enumerate(pipeline.stages):
        yield from _stage(stage, f"stages[{number}]")
    yield from _twice(pipeline.stage_ids, "stages", "stage", ".id")
    likely = [
        (number, stage.probability)
        for number, stage in enumerate(pipeline.stages)
        if isinstance(stage.probability, float) and not stage.archived
    ]
    for (_, before), (number, after) in pairwise(likely):
        if after < before:
            sentence = f"{after:g} is less than the {before:g} of an earlier stage"
            yield Problem(f"stages[{number}].probability", sentence, "is that meant?", "warning")


def _stage(stage: Stage, path: str) -> Iterator[Problem]:
    yield from _slug(stage.id, f"{path}.id")
    if stage.id in OUTCOMES:
        fix = "leave it out: every pipeline ends in won, lost or void"
        yield Problem(f"{path}.id", f"{stage.id!r} is an outcome, not a stage", fix)
    yield from _label(stage.label, f"{path}.label")
    chance: object = stage.probability
    if chance is not None and not (isinstance(chance, float) and 0 <= chance <= 1):
        fix = f"write {chance / 100:g}" if isinstance(chance, float) and 1 < chance <= _PERCENT else ""
        yield Problem(f"{path}.probability", f"{shown(chance)} is not a number from 0 to 1", fix)
    limit: object = stage.limit
    if limit is not None and not _is_limit(limit):
        sentence = f"{shown(limit)} is not a duration of whole seconds above zero"
        yield Problem(f"{path}.limit", sentence, 'write "14d", "36h" or "1w2d"')
    for name in ("can_win", "archived"):
        if not isinstance(getattr(stage, name), bool):
            yield Problem(f"{path}.{name}", f"{shown(getattr(stage, name))} is not True or False")
    for number, field in enumerate(stage.requires):
        if problem := path_problem(field, f"{path}.requires[{number}]"):
            yield problem
    yield from _twice(stage.requires, f"{path}.requires", "field")
    for number, step in enumerate(stage.steps):
        yield from _label(step, f"{path}.steps[{number}]", "a step")
        if not step:
            yield Problem(f"{path}.steps[{number}]", "a step needs a name")
    yield from _twice(stage.steps, f"{path}.steps", "step")


def _is_limit(value: object) -> bool:
    return isinstance(value, timedelta) and value > timedelta(0) and not value.microseconds


# Transitions


def _transitions(pipeline: Pipeline) -> Iterator[Problem]:
    if isinstance(pipeline.moves, str):
        return
    places = (*pipeline.stage_ids, *OUTCOMES)
    archived = {stage.id for stage in pipeline.stages if stage.archived}
    for number, move in enumerate(pipeline.moves):
        path = f"moves[{number}]"
        for source in move.sources:
            if source not in (*pipeline.stage_ids, ANY):
                yield Problem(f"{path}.source", *_unknown_stage(source, pipeline.stage_ids))
        if not move.sources:
            yield Problem(f"{path}.source", "names no stage")
        if move.target not in places:
            yield Problem(f"{path}.target", *_unknown_stage(move.target, places))
        elif move.target in archived:
            yield Problem(f"{path}.target", f"stage {move.target!r} is archived: nothing enters it")
        elif move.target in move.sources:
            yield Problem(path, f"leads from {move.target!r} to itself", "staying needs no transition")
        yield from _transition_name(pipeline, move, path)
        yield from _outcome_transition(pipeline, move, path)


def _unknown_stage(name: object, options: Iterable[str]) -> tuple[str, str]:
    if name in OUTCOMES:
        return f"{name!r} is an outcome: closed records reopen on the stage they were on", ""
    return f"{shown(name)} is not a stage", did_you_mean(name, options)


def _transition_name(pipeline: Pipeline, move: Transition, path: str) -> Iterator[Problem]:
    if not move.name:
        return
    yield from _slug(move.name, f"{path}.name")
    if move.name in (*pipeline.stage_ids, *OUTCOMES):
        sentence = f"{move.name!r} is the name of a stage or an outcome"
        yield Problem(f"{path}.name", sentence, "call the transition by what is done")


def _outcome_transition(pipeline: Pipeline, move: Transition, path: str) -> Iterator[Problem]:
    if move.target in ("lost", "void") and move.rules:
        sentence = f"a transition to {move.target!r} cannot have rules: letting go is always possible"
        fix = f'guard it by a rule of the pipeline, on="{verb_of(ANY, move.target)}"'
        yield Problem(f"{path}.rules", sentence, fix)
    if move.target == "won":
        blocked = [stage.id for stage in pipeline.stages if stage.id in move.sources and not stage.can_win]
        for source in blocked:
            yield Problem(path, f"leads to a win from {source!r}, which says can_win=False")


# Reasons and rules


def _reasons(pipeline: Pipeline) -> Iterator[Problem]:
    for outcome, reasons in pipeline.close_reasons.items():
        path = f"close_reasons.{outcome}"
        if outcome not in OUTCOMES:
            yield Problem(path, f"{shown(outcome)} is not an outcome", did_you_mean(outcome, OUTCOMES))
        for number, reason in enumerate(reasons):
            yield from _slug(reason.id, f"{path}[{number}].id")
            yield from _label(reason.label, f"{path}[{number}].label")
        yield from _twice([reason.id for reason in reasons], path, "reason", ".id")


def _placed_rules(pipeline: Pipeline) -> Iterator[tuple[str, Rule]]:
    for number, rule in enumerate(pipeline.rules):
        yield f"rules[{number}]", rule
    for path, owner in _owners(pipeline):
        for number, rule in enumerate(owner.rules):
            yield f"{path}.rules[{number}]", rule


def _rules(pipeline: Pipeline) -> Iterator[Problem]:
    places = (*pipeline.stage_ids, *OUTCOMES)
    named: dict[str, tuple[str, Rule]] = {}
    for path, rule in _placed_rules(pipeline):
        yield from _label(rule.name, f"{path}.name", "a rule's name")
        first, same = named.setdefault(rule.name, (path, rule))
        if same != rule:
            fix = f"as {first}; make one rule of both, or give one of them name=…"
            yield Problem(path, f"another rule is called {rule.name!r} already", fix)
        for name in sorted(rule.source | rule.target, key=str):
            if name not in places:
                sentence = f"rule {rule.name!r} is limited to {shown(name)}, which is not a stage"
                yield Problem(path, sentence, did_you_mean(name, places))
        other = "lead" if pipeline.kind == "deal" else "deal"
        if other in rule.asks:
            sentence = f"rule {rule.name!r} asks for a {other}, but this pipeline is for {pipeline.kind}s"
            yield Problem(path, sentence, f"ask for {pipeline.kind!r} or 'record'")
        if rule.on <= _OTHER_KIND[pipeline.kind]:
            verbs = ", ".join(sorted(rule.on))
            yield Problem(path, f"rule {rule.name!r} is on {verbs}: no {pipeline.kind} does that")
    for path, owner in _owners(pipeline):
        yield from _idle(owner, path)


def _idle(owner: Stage | Transition, path: str) -> Iterator[Problem]:
    """Find own rules of a stage or transition whose verbs never happen there."""
    closing = isinstance(owner, Transition) and owner.target in ("lost", "void")
    stays = isinstance(owner, Transition) and owner.target != "won"
    possible = {"move"} if stays else {"move", "win"}
    for number, rule in enumerate(owner.rules):
        if not closing and rule.on.isdisjoint(possible):
            sentence = f"rule {rule.name!r} is on {', '.join(sorted(rule.on))} and never acts here"
            fix = "put it into the rules of the pipeline, with source= or target= if need be"
            yield Problem(f"{path}.rules[{number}]", sentence, fix)


# Ways


def _ways(pipeline: Pipeline) -> Iterator[Problem]:
    """Find stages that cannot be entered, or from which no record can ever be won."""
    steps = [way for way in ways(pipeline) if way.source not in OUTCOMES]
    onward = {(way.source, way.target) for way in steps}
    backward = {(target, source) for source, target in onward}
    entered = _reached(pipeline.first, onward)
    winning = _reached("won", backward)
    for number, stage in enumerate(pipeline.stages):
        if stage.id not in entered and not stage.archived:
            sentence = f"no way leads from {pipeline.first!r} to {stage.id!r}"
            yield Problem(f"stages[{number}]", sentence, "add a transition to it, or archive it")
        if stage.id not in winning:
            sentence = f"{stage.id!r} is a dead end: no way leads from it to a win"
            yield Problem(f"stages[{number}]", sentence, "add a transition from it, or let it win")


def _reached(start: str, arrows: set[tuple[str, str]]) -> set[str]:
    reached, edge = {start}, {start}
    while edge:
        edge = {target for source, target in arrows if source in edge} - reached
        reached |= edge
    return reached
