"""What a user would write instead: an ORM and a library of state machines.

Everybody loads a deal, asks a guard (it must have an owner), checks the version and writes a row of
history, in one transaction, on SQLite with the same pragmas. Nobody uses a key here, for the others
have none; funnelkit writes its change feed all the same. Wants the extra ``bench``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from measure import OURS, Round, duration, in_turn, median, ratio, row
from sales import STEPS, Durability, made, moved

from funnelkit import Engine, Pipeline, Stage, requires
from funnelkit.storage.sqlite import SQLiteStore

GUARDED = Pipeline(
    "sales", [Stage("new"), *(Stage(step) for step in STEPS)], moves="ordered", rules=[requires("owner")]
)
PART, ROUNDS = 100, 5


def peers(folder: Path) -> None:
    """A single guarded move on a file, beside three common ways to write one."""
    durabilities: tuple[Durability, ...] = ("fast", "full")
    for durability in durabilities:
        rounds = _rounds(folder, durability)
        others = [who for who in rounds[0] if who != OURS]
        best = min(others, key=lambda who: median(rounds, who))
        for who in others:
            of = ratio(rounds, who, OURS)
            row(
                f'single guarded move, SQLite, durability="{durability}"',
                duration(median(rounds, OURS) / PART),
                f"{who} {duration(median(rounds, who) / PART)}",
                f"× 1/{of.wall:.1f}",
                f"× 1/{of.processor:.1f}",
                "at most × 1/5" if who == best else "",
            )


def _rounds(folder: Path, durability: Durability) -> list[Round]:
    import peer_django
    import peer_sqlalchemy as orm

    engine = Engine(GUARDED, store=SQLiteStore(folder / f"{durability}.engine", durability=durability))
    applications = {
        "SQLAlchemy ORM + python-statemachine": orm.Application(
            folder / f"{durability}.statemachine", durability, orm.by_statemachine
        ),
        "SQLAlchemy ORM + transitions": orm.Application(
            folder / f"{durability}.transitions", durability, orm.by_transitions
        ),
        "Django ORM + django-fsm-2": peer_django.Application(folder / f"{durability}.django", durability),
    }
    deals = PART * ROUNDS
    ids = {who: application.fill(deals) for who, application in applications.items()}
    ids[OURS] = made(engine, deals)
    movers = {OURS: engine.move, **{who: each.move for who, each in applications.items()}}
    rounds = [
        in_turn(
            **{
                who: partial(moved, move, ids[who][start : start + PART], target)
                for who, move in movers.items()
            }
        )
        for target in STEPS
        for start in range(0, deals, PART)
    ]
    for who, application in applications.items():
        if application.written() != (deals, deals * len(STEPS)):
            raise SystemExit(f"{who} has not moved every deal")
        application.close()
    engine.close()
    return rounds
