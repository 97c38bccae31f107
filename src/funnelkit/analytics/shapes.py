"""The shapes of pipelines as a source itself tells them: from the definitions its moves were made under."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from funnelkit.analytics.scope import Shape
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.errors import InputError

__all__ = ["shapes_of"]


def shapes_of(source: Source) -> tuple[Shape, ...]:
    """Return the pipelines of a source, each as the definition of its newest move describes it.

    Raises:
        InputError: No move was ever made.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> engine = Engine(Pipeline("sales", [Stage("new", "New"), Stage("offer", probability=0.4)]))
    >>> deal = engine.create("Acme")
    >>> shapes_of(engine.store)[0].stages
    (('new', 'New'), ('offer', ''))
    """
    shapes = tuple(_shapes(source))
    if not shapes:
        raise InputError("source", "holds no pipeline, for nothing has ever moved in it", "give shapes=[…]")
    return shapes


def _shapes(source: Source) -> Iterator[Shape]:
    for (pipeline,) in sorted(rows_of(source, compose("shapes/pipelines"), {})):
        ((newest,),) = rows_of(source, compose("shapes/newest"), {"pipeline": pipeline})
        for (document,) in rows_of(source, compose("shapes/in_force"), {"newest": newest}):
            yield _shape(json.loads(document))


def _shape(document: dict[str, Any]) -> Shape:
    stages = document["stages"]
    return Shape(
        pipeline=document["id"],
        kind=document.get("kind", "deal"),
        stages=tuple((stage["id"], stage.get("label", "")) for stage in stages),
        probabilities={
            stage["id"]: stage["probability"] for stage in stages if stage.get("probability") is not None
        },
    )
