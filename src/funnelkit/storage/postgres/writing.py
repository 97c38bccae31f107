"""One commit over one connection: a single statement when it is small, a transaction of sets when not."""

from __future__ import annotations

from collections.abc import Mapping

from funnelkit.errors import FunnelkitError
from funnelkit.storage.base import KINDS
from funnelkit.storage.columns import Row
from funnelkit.storage.postgres.failing import is_taken
from funnelkit.storage.postgres.planning import KEYS, Found, Plan, refusal
from funnelkit.storage.postgres.ports import Session
from funnelkit.storage.postgres.texts import (
    at_once,
    copied,
    copy_into,
    holding,
    insert_many,
    looking,
    looking_for_changes,
    update_many,
)

__all__ = ["RefusedByStore", "look", "reason", "was_written", "write"]

_COPY_FROM = 200  # rows from which COPY is quicker than arrays


class RefusedByStore(Exception):  # noqa: N818 (a signal between two modules)
    """The store is not as the commit expects. Nothing was written."""


async def write(session: Session, plan: Plan) -> None:
    """Write a commit, whole or not at all.

    Raises:
        RefusedByStore: A record is not at its expected version, or a key is taken.
        psycopg.Error: Anything else; also when it is unknown whether the commit was written.
    """
    if not plan.sound:
        raise RefusedByStore
    if not (plan.changed or plan.new or plan.added or plan.once):
        return
    statement = at_once(plan)
    try:
        if statement is None:
            await _write_sets(session, plan)
            return
        found = await session.rows(statement)
    except Exception as error:
        if is_taken(error):
            raise RefusedByStore from error
        raise
    if not found:
        raise RefusedByStore


async def _write_sets(session: Session, plan: Plan) -> None:
    """Write a commit of any size inside a transaction."""
    try:
        await _hold(session, plan)
        statements = [
            update_many(kind, [row for row, _ in items], plan.part) for kind, items in plan.changed.items()
        ]
        statements += [insert_many(table, items) for table, items in plan.once.items()]
        copies = []
        for table, items in (*plan.new.items(), *plan.added.items()):
            if len(items) < _COPY_FROM:
                statements.append(insert_many(table, items))
            else:
                copies.append((copy_into(table), copied(table, items)))
        if copies:
            if statements:
                await session.together(statements)
            for sql, data in copies:
                await session.copy(sql, data)
            await session.together(session.commit)
        else:
            await session.together([*statements, *session.commit])
    except BaseException:
        await session.end()
        raise


async def _hold(session: Session, plan: Plan) -> None:
    """Lock the records that change, in the order of their ids, and compare their versions."""
    holds = [holding(kind, [row[0] for row, _ in items]) for kind, items in plan.changed.items()]
    found = await session.together([*session.begin, *holds])
    for items, versions in zip(plan.changed.values(), found[len(session.begin) :], strict=True):
        if [(row[0], expected) for row, expected in items] != versions:
            raise RefusedByStore


# Why it was refused


Looked = Mapping[str, Mapping[Row, Row]]
"""Table → key → the row that is there."""


async def look(session: Session, plan: Plan) -> Looked:
    """Read what stands under the keys of a commit."""
    questions = looking(plan)
    found = await session.together(list(questions.values()))
    return {
        table: {row[: len(KEYS[table])]: row for row in there}
        for table, there in zip(questions, found, strict=True)
    }


def reason(plan: Plan, there: Looked) -> FunnelkitError | None:
    """Say why a commit cannot be written; None when nothing is in the way any more."""
    found = Found(
        versions={(kind, id): row[1] for kind in KINDS for (id,), row in there.get(kind, {}).items()},
        numbers=there.get("move", {}).keys(),
        activities=[id for (id,) in there.get("activity", {})],
        keys=[key for (key,) in there.get("idempotency", {})],
    )
    return refusal(plan.commit, found)


async def was_written(session: Session, plan: Plan, there: Looked) -> bool:
    """Whether what is there is exactly this commit, perhaps with later ones on top.

    Records go on changing, so their own rows tell only while they are at the version written here;
    moves, activities, answers and changes stay as they were written.
    """
    for table, items in plan.new.items():
        if table not in KINDS and any(there[table].get(row[: len(KEYS[table])]) != row for row in items):
            return False
    records = [(kind, row) for kind, items in plan.changed.items() for row, _ in items]
    records += [(kind, row) for kind in KINDS for row in plan.new.get(kind, ())]
    for kind, row in records:
        stands = there[kind].get((row[0],))
        if stands is None or stands[1] < row[1] or (stands[1] == row[1] and stands != row):
            return False
    changes = plan.added.get("change", [])
    return not changes or set(changes) <= set(await session.rows(looking_for_changes(plan)))
