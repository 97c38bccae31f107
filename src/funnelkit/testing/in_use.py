"""A store in use: something of everything in it, what may not be added to it, how it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funnelkit.errors import AlreadyExistsError, ConflictError, FunnelkitError, KeyReusedError
from funnelkit.storage.base import Answer, Attribute, Commit, MatchKey, Store, Write
from funnelkit.testing.samples import AT, a_change, a_contact, a_deal, a_lead, a_move, an_activity

__all__ = ["BAD", "READS", "around", "write_everything"]


def write_everything(write: Callable[[Commit], None]) -> None:
    """Write something of everything: deal d1 at version 2, lead l1, activity a1, answer k."""
    write(
        Commit(
            writes=(Write(a_deal(), 0), Write(a_lead(), 0), Write(a_contact(), 0)),
            moves=(a_move(), a_move("l1")),
            activities=(an_activity(),),
            attributes=(Attribute(record="d1", field="owner", value="sam", since=AT),),
            changes=(a_change(), a_change("l1")),
            answers=(Answer(key="k", request="r", records=(a_deal(),)),),
            definitions={"0f": ("sales", "{}")},
            keys=(MatchKey(key="name:ann", kind="contact", record="c1"),),
        )
    )
    write(Commit(writes=(Write(a_deal(version=2), 1),)))


def around(bad: Commit) -> Commit:
    """Return a commit of good parts of every sort, with ``bad`` in the middle of each sort."""
    return Commit(
        writes=(Write(a_deal("d8"), 0), Write(a_lead(version=2), 1), *bad.writes, Write(a_deal("d9"), 0)),
        moves=(a_move("d8"), *bad.moves, a_move("d9")),
        activities=(an_activity("a8", "d8"), *bad.activities, an_activity("a9", "d9")),
        attributes=(Attribute(record="d8", field="owner", value="kim", since=AT),),
        changes=(a_change("d8"), a_change("d9")),
        answers=(
            Answer(key="k8", request="r", records=()),
            *bad.answers,
            Answer(key="k9", request="r", records=()),
        ),
        definitions={"8f": ("sales", "{}")},
        keys=(
            MatchKey(key="name:ann", kind="lead", record="l1"),
            *bad.keys,
            MatchKey(key="name:ann", kind="contact", record="c1"),
        ),
    )


BAD: tuple[tuple[Commit, FunnelkitError], ...] = (
    (Commit(writes=(Write(a_deal(version=2), 1),)), ConflictError("deal", "d1", 1, 2)),
    (Commit(writes=(Write(a_deal(version=4), 3),)), ConflictError("deal", "d1", 3, 2)),
    (Commit(writes=(Write(a_deal("d2", version=2), 1),)), ConflictError("deal", "d2", 1, 0)),
    (Commit(writes=(Write(a_deal(), 0),)), AlreadyExistsError("deal", "d1")),
    (Commit(writes=(Write(a_contact(), 0),)), AlreadyExistsError("contact", "c1")),
    (Commit(writes=(Write(a_deal("d8"), 0),)), AlreadyExistsError("deal", "d8")),
    (Commit(activities=(an_activity(record="d8"),)), AlreadyExistsError("activity", "a1")),
    (Commit(activities=(an_activity("a8"),)), AlreadyExistsError("activity", "a8")),
    (Commit(moves=(a_move(),)), AlreadyExistsError("move", "d1/1")),
    (Commit(moves=(a_move("d8"),)), AlreadyExistsError("move", "d8/1")),
    (Commit(answers=(Answer(key="k", request="r", records=()),)), KeyReusedError("k")),
    (Commit(answers=(Answer(key="k", request="other", records=()),)), KeyReusedError("k")),
    (Commit(answers=(Answer(key="k8", request="r", records=()),)), KeyReusedError("k8")),
)
"""What may not be written to a store in use, alone or around which else, and the error it raises."""

READS: dict[str, Callable[[Store], Any]] = {
    "get": lambda store: store.get("deal", "d1"),
    "get_many": lambda store: store.get_many("deal", ["d1"]),
    "find": lambda store: store.find("deal", {}),
    "moves": lambda store: store.moves("d1"),
    "activities": lambda store: store.activities("d1"),
    "attributes": lambda store: store.attributes("d1"),
    "changes": lambda store: store.changes(),
    "answer": lambda store: store.answer("k"),
    "definitions": lambda store: store.definitions(),
    "query": lambda store: store.query("SELECT id FROM deal", {}),
}
"""How everything in it is read, by the name of the method."""
