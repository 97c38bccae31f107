"""A PostgreSQL server on the same machine: single moves, bulks and eight workers, beside the twin.

The server is the one of the tests: ``FUNNELKIT_POSTGRES`` names another. It makes every commit
durable, so its disk counts as much as its processor.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from measure import OURS, Round, in_turn, row, told
from sales import SALES, STEPS, made, moved, moved_once

from funnelkit import Engine

ROUNDS = 5
WORKERS = 8
_NUMBERS = count()


@contextmanager
def server() -> Iterator[str]:
    """Run a PostgreSQL server that syncs, or use the one that is there; yield its URL."""
    sys.path.append(str(Path(__file__).parents[1]))
    from servers import ENVIRONMENT, Server

    if url := os.environ.get(ENVIRONMENT):
        yield url
        return
    with Server(fsync=True, shared_buffers="512MB") as own:
        yield own.url


def filled(url: str, deals: int) -> tuple[Engine, list[str], str]:
    """Return an engine over a new schema with deals on the first stage, their ids, and the schema."""
    from funnelkit.storage.postgres import PostgresStore

    schema = f"bench_{os.getpid()}_{next(_NUMBERS)}"
    engine = Engine(SALES, store=PostgresStore(url, schema=schema))
    return engine, made(engine, deals), schema


def postgres(_: Path) -> None:
    """Single moves and bulks."""
    with server() as url:
        _say_which(url)
        _moves(url)
        _bulk(url)


def workers(_: Path) -> None:
    """Eight processes at once."""
    with server() as url:
        _say_which(url)
        _workers(url)


def _say_which(url: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        version = connection.info.parameter_status("server_version")
    row(f"PostgreSQL {version}, same machine, TCP, `synchronous_commit = on`")


def _moves(url: str) -> None:
    from twin_postgres import Twin

    deals = 400
    part = deals // ROUNDS
    for what, act, wanted in (
        ("single move, PostgreSQL", moved, "at most × 1.2"),
        ("single move with a key, PostgreSQL", moved_once, ""),
    ):
        engine, ids, _ = filled(url, deals)
        other, theirs, schema = filled(url, deals)
        other.close()
        twin = Twin(url, schema, SALES.fingerprint)
        rounds = [
            in_turn(
                funnelkit=partial(act, engine.move, ids[start : start + part], target),
                twin=partial(act, twin.move, theirs[start : start + part], target),
            )
            for target in STEPS
            for start in range(0, deals, part)
        ]
        # The first rounds prepare the statements.
        told(what, rounds[2:], part, wanted)
        engine.close()
        twin.connection.close()


def _bulk(url: str) -> None:
    from twin_postgres import Twin

    deals, rounds = 10_000, []
    for _ in range(2):
        engine, ids, _ = filled_quickly(url, deals)
        other, theirs, schema = filled_quickly(url, deals)
        other.close()
        twin = Twin(url, schema, SALES.fingerprint)
        rounds += [
            in_turn(
                funnelkit=partial(engine.bulk, "move", ids, to=target, actor="sam"),
                twin=partial(twin.bulk, theirs, target, actor="sam"),
            )
            for target in STEPS
        ]
        engine.close()
        twin.connection.close()
    told(f"bulk of {deals:,} moves, PostgreSQL, a move", rounds, deals, "at most × 1.5")


def filled_quickly(url: str, deals: int) -> tuple[Engine, list[str], str]:
    """Do as `filled`, by an import: a commit a deal would take long."""
    from sqlite import LOG

    from funnelkit import import_log

    engine, _, schema = filled(url, 0)
    rows = [
        {"case": f"A-{n:06d}", "what": "Inquiry", "when": "2024-01-01", "who": "sam", "owner": "sam",
         "amount": str(1000 + n), "source": ""}
        for n in range(deals)
    ]  # fmt: skip
    import_log(engine, rows, LOG, pipeline="sales")
    return engine, [row["case"] for row in rows], schema


# -- eight workers -----------------------------------------------------------------------------


def _workers(url: str) -> None:
    deals = 50 * WORKERS
    crews = {}
    for who in (OURS, "twin"):
        engine, ids, schema = filled(url, deals)
        engine.close()
        crews[who] = Crew(who, url, schema, ids)
    rounds: list[Round] = [
        in_turn(**{who: partial(crew.move, target) for who, crew in crews.items()}) for target in STEPS
    ]
    for crew in crews.values():
        crew.close()
    told(f"single move, PostgreSQL, {WORKERS} processes at once", rounds, deals, "at most × 1.18")


class Crew:
    """Processes that move deals of their own at the same time."""

    def __init__(self, who: str, url: str, schema: str, ids: list[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._workers = []
        for number in range(WORKERS):
            mine, his = context.Pipe()
            worker = context.Process(target=_work, args=(his, who, url, schema, ids[number::WORKERS]))
            worker.start()
            self._pipes.append(mine)
            self._workers.append(worker)
        for pipe in self._pipes:
            pipe.recv()  # it is connected

    def move(self, target: str) -> None:
        """Let everybody move all of his deals; return when the last one has."""
        for pipe in self._pipes:
            pipe.send(target)
        for pipe in self._pipes:
            pipe.recv()

    def close(self) -> None:
        """Send everybody home."""
        for pipe, worker in zip(self._pipes, self._workers, strict=True):
            pipe.send("")
            worker.join()


def _work(pipe: Connection, who: str, url: str, schema: str, ids: list[str]) -> None:
    from twin_postgres import Twin

    from funnelkit.storage.postgres import PostgresStore

    ours = who == OURS
    move = (
        Engine(SALES, store=PostgresStore(url, schema=schema)).move
        if ours
        else Twin(url, schema, SALES.fingerprint).move
    )
    pipe.send("ready")
    while target := pipe.recv():
        moved(move, ids, target)
        pipe.send("done")
