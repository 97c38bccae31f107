"""A pipeline as a document of plain values, and back. Rules are code: a document names them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import cattrs

from funnelkit.errors import InputError, shown
from funnelkit.serial import converter, did_you_mean, structured
from funnelkit.stages.rules import Rule
from funnelkit.stages.stage import CloseReason
from funnelkit.stages.transition import Transition

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline

__all__ = ["document_of", "every_rule", "fingerprint_of", "pipeline_of"]


def document_of(pipeline: Pipeline) -> dict[str, Any]:
    """Return a pipeline as dicts, lists, text and numbers; what is left at its default is left out.

    Raises:
        DefinitionError: A name that only text could carry, such as a surrogate, is in it.
    """
    document: dict[str, Any] = _converter(()).unstructure(pipeline)
    if pipeline.close_reasons:
        document["close_reasons"] = {
            outcome: {reason.id: reason.label for reason in reasons}
            for outcome, reasons in pipeline.close_reasons.items()
        }
    return document


def pipeline_of(document: Mapping[str, Any], cls: type[Pipeline], rules: Iterable[Rule]) -> Pipeline:
    """Return the pipeline that a document describes.

    Args:
        document: As `document_of` makes it.
        cls: `Pipeline`.
        rules: Where the rules that the document names are looked up.

    Raises:
        DefinitionError: Unknown keys, values of a wrong type, unknown rule names, and everything
            that is wrong with the pipeline itself; each with its path.
    """
    subject = f"pipeline document {shown(document.get('id', ''))}"
    return structured(document, cls, subject, _converter(tuple(rules)))


def fingerprint_of(pipeline: Pipeline) -> str:
    """Return 16 hex digits that depend on nothing but the definition.

    Rules count by name, verbs and stages, not by their code.
    """
    rules = {
        rule.name: [sorted(names) for names in (rule.on, rule.source, rule.target)]
        for rule in every_rule(pipeline)
    }
    content = json.dumps([document_of(pipeline), rules], sort_keys=True, ensure_ascii=True)
    return sha256(content.encode()).hexdigest()[:16]


def every_rule(pipeline: Pipeline) -> Iterator[Rule]:
    """Go through all rules of a pipeline: its own, its stages' and its transitions'."""
    yield from pipeline.rules
    for stage in pipeline.stages:
        yield from stage.rules
    for move in () if isinstance(pipeline.moves, str) else pipeline.moves:
        yield from move.rules


@lru_cache(maxsize=16)
def _converter(rules: tuple[Rule, ...]) -> cattrs.Converter:
    """Return the common converter with what only pipelines need; documents may name these rules.

    Remembered, because a converter writes its own code the first time that it is used.
    """
    known = {rule.name: rule for rule in rules}

    def a_rule(name: object, _: Any) -> Rule:
        if not isinstance(name, str):
            raise InputError("", f"{shown(name)} is not the name of a rule")
        if name not in known:
            fix = did_you_mean(name, known) or "give rules=[…] when loading"
            raise InputError("", f"there is no rule {shown(name)}", fix)
        return known[name]

    def moves(value: object, _: Any) -> str | tuple[Transition, ...]:
        return value if isinstance(value, str) else made.structure(value, tuple[Transition, ...])

    def sources(value: object, _: Any) -> str | tuple[str, ...]:
        return value if isinstance(value, str) else made.structure(value, tuple[str, ...])

    made = converter.copy()
    made.register_unstructure_hook(Rule, lambda rule: rule.name)
    # The common hook for tuples goes on with the common converter, which would look into rules.
    made.register_unstructure_hook(tuple, lambda items: [made.unstructure(item) for item in items])
    made.register_structure_hook(Rule, a_rule)
    made.register_structure_hook_func(lambda cls: cls == str | tuple[str, ...], sources)
    made.register_structure_hook_func(_is_moves, moves)
    made.register_structure_hook_func(_is_reasons, lambda value, _: value)
    return made


def _is_moves(cls: Any) -> bool:
    return tuple[Transition, ...] in getattr(cls, "__args__", ())


def _is_reasons(cls: Any) -> bool:
    return tuple[CloseReason, ...] in getattr(cls, "__args__", ())
