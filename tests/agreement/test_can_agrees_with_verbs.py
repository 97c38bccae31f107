"""`can` and `next` promise exactly what the verb then does, over random lives in every kind of pipeline."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from funnelkit import Engine, Lead, Pipeline, Refusal, Stage, Transition, money, rule
from funnelkit.errors import FunnelkitError, RefusedError
from funnelkit.testing import readable

PLACES = ("s1", "s2", "s3", "s4", "go", "jump", "sign", "drop")
PIPELINES = ("free", "ordered", "listed", "intake", "queue")


@rule(on=("move", "win", "lose"))
def odd(record: Any, reason: str) -> Refusal | None:
    """Names of an odd length need a reason."""
    return Refusal("odd", "an odd name") if len(record.name) % 2 and not reason else None


@rule(on=("assign", "edit", "log", "transfer", "void", "reopen", "convert"))
def barred(actor: Any) -> Refusal | None:
    """One person may do nothing."""
    return Refusal("barred", "not you") if actor.id == "eve" else None


def engine() -> Engine:
    """Return an engine with a pipeline of each topology for deals, and two for leads."""
    stages = [Stage("s1"), Stage("s2"), Stage("s3")]
    listed = [
        Transition("s1", "s2", name="go", rules=odd),
        Transition("s1", "s2"),
        Transition(("s1", "s2"), "s3", name="jump"),
        Transition("s3", "won", name="sign"),
        Transition("*", "lost", name="drop"),
    ]
    return Engine(
        Pipeline(
            "free",
            [
                Stage("s1", steps="call"),
                Stage("s2", requires=("value", "size")),
                Stage("s3", archived=True),
                Stage("s4", can_win=False),
            ],
            close_reasons={"lost": "price"},
            rules=(odd,),
        ),
        Pipeline("ordered", stages, moves="ordered", close_reasons={"won": "ok"}, rules=(barred,)),
        Pipeline("listed", stages, moves=listed),
        Pipeline("intake", stages[:2], kind="lead", rules=(odd, barred)),
        Pipeline("queue", stages[:2], kind="lead", moves="ordered"),
    )


def made(engine: Engine, random: Random) -> list[str]:
    """Return the ids of a record in each pipeline."""
    fields: dict[str, Any] = {
        "value": random.choice([None, money(1, "EUR")]),
        "custom": random.choice([{}, {"size": 3}]),
    }
    makers = {"free": engine.create, "ordered": engine.create, "listed": engine.create}
    return [
        makers.get(pipeline, engine.capture)("x" * random.randint(1, 4), pipeline=pipeline, **fields).id
        for pipeline in PIPELINES
    ]


def wish(engine: Engine, record: Any, random: Random, act: dict[str, Any]) -> tuple[str, str]:
    """Return something to do, from the buttons of a record or from anywhere."""
    buttons = [(option.verb, option.target) for option in engine.next(record, **act)]
    plain = ["advance", "win", "lose", "void", "reopen", "edit", "log"]
    if isinstance(record, Lead):  # a deal to convert is the caller's error
        plain.append("convert")
    return random.choice(
        [
            *buttons,
            ("move", random.choice(PLACES)),
            ("transfer", random.choice(PIPELINES)),
            ("assign", "kim"),
            *((verb, "") for verb in plain),
        ]
    )


def said(engine: Engine, record: Any, verb: str, to: str, act: dict[str, Any]) -> Any:
    """Return the verdict of `can`, or the type of its error."""
    try:
        return engine.can(record, verb, to, **act)
    except FunnelkitError as error:
        return type(error)


def done(engine: Engine, record: Any, verb: str, to: str, act: dict[str, Any]) -> Any:
    """Return True when a verb was done, the verdict when it was refused, else the type of the error."""
    own: dict[str, Any] = {
        "edit": {"name": record.name + "y"},
        "log": {"kind": "call", "step": "call" if (record.pipeline, record.stage) == ("free", "s1") else ""},
        "convert": {"pipeline": "free"},
    }.get(verb, {})
    try:
        getattr(engine, verb)(record, *([to] if to else []), **own, **act)
    except RefusedError as error:
        return error.verdict
    except FunnelkitError as error:
        return type(error)
    return True


def test_can_and_verbs_agree() -> None:
    """Over 4,000 acts: allowed is done, refused raises the same verdict and leaves everything as it was."""
    seen: Counter[tuple[str, bool]] = Counter()
    for seed in range(100):
        random, world = Random(seed), engine()
        ids = made(world, random)
        for _ in range(40):
            record = world.get(random.choice(ids))
            act = {
                "actor": random.choice(["sam", "eve", None]),
                "reason": random.choice(["", "price", "ok"]),
                "override": random.random() < 0.2,
            }
            verb, to = wish(world, record, random, act)
            promised, before = said(world, record, verb, to, act), readable(world.store)
            result = done(world, record, verb, to, act)
            allowed = not isinstance(promised, type) and bool(promised)
            assert result == (True if allowed else promised), (seed, record, verb, to, act)
            assert allowed or readable(world.store) == before
            seen[verb, allowed] += 1
        assert world.verify() == ()
    assert seen.total() == 4_000
    assert len({verb for verb, allowed in seen if allowed}) == len({verb for verb, _ in seen})
