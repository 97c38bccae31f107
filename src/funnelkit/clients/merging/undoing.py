"""A merge taken back, while nobody has built upon it: every record stands for itself again, as before."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from funnelkit.clients.fields import value_of
from funnelkit.clients.merging.writing import (
    Part,
    driven,
    repointed,
    said_otherwise,
    saying,
    tried,
    unplaced,
)
from funnelkit.errors import ConflictError, NotFoundError, RefusedError
from funnelkit.gate.refusals import named
from funnelkit.records import Activity, Deal, Lead, Record
from funnelkit.stages import Refusal, Verdict
from funnelkit.storage.base import Kind
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked, asked
from funnelkit.verbs.amending import REMOVED
from funnelkit.verbs.journal import decoded, encoded, noted, was_undone
from funnelkit.verbs.shell import Prepared, Shell

__all__ = ["undo_merge"]

_WHOSE = "SELECT record_id FROM activity WHERE id = :id AND kind = 'merge'"
_AGAIN = {"lost": "lose", "won": "convert"}
"""How a loser had ended → the verb that ends it so again. No won deal ever loses."""


@attrs.frozen(kw_only=True)
class _Done:
    """A merge as the journal tells of it, with the records as they are now."""

    entry: Activity
    survivor: Any
    losers: Mapping[str, Any]
    dependants: Mapping[str, Any]

    def rows(self, part: str) -> tuple[Mapping[str, Any], ...]:
        """Return the rows of a part of the journal."""
        return tuple(self.entry.custom[part])


async def undo_merge(shell: Shell, id: str, act: Mapping[str, Any]) -> Record:
    """Do ``undo`` for a merge; return the survivor, which stands for itself alone again.

    Args:
        shell: Where to read and write.
        id: That of the `Merge`.
        act: The common arguments.

    Raises:
        RefusedError: Something was built upon the merge, which is listed; or the gate refuses a part.
        NotFoundError: There is no such merge.
    """
    said = saying(asked(act), "undo")

    async def prepare() -> Prepared:
        return await _taken_back(shell, id, said)

    survivor: Record = (await shell.once("undo", id, {}, said, prepare))[0]
    return survivor


async def _taken_back(shell: Shell, id: str, said: Asked) -> Prepared:
    done = await _read(shell, id, said.expect)
    if refusals := tuple(_against(done)):
        raise RefusedError(done.survivor.id, Verdict("undo", refusals))
    at = said.instant(
        shell.clock, max(record.updated_at for record in (done.survivor, *done.losers.values()))
    )
    gone = {each for row in done.rows("losers") for each in (row["id"], *row["absorbed"])}
    absorbed = tuple(each for each in done.survivor.absorbed if each not in gone)
    fields = {row["field"]: _before(row) for row in done.rows("fields")}

    def parts() -> Iterator[Awaitable[Part]]:
        yield said_otherwise(shell, done.survivor, fields, said, at=at, cause="undo", absorbed=absorbed)
        for row in done.rows("losers"):
            yield _standing_again(shell, done.losers[row["id"]], row, said, at)
        for row in done.rows("dependants"):
            record = done.dependants[row["id"]]
            yield repointed(shell, record, row["field"], row["from"], said=said, at=at, cause="undo")

    made, refusals = await tried(parts())
    if refusals:
        raise RefusedError(done.survivor.id, Verdict("undo", refusals))
    survivor = made[0][0]
    text = f"taken back: {done.entry.text}"
    _, entry_commit = noted(shell, survivor, said, kind="undo", text=text, custom={"undone": id})
    return recording.merged([*(commit for _, commit in made), entry_commit]), (survivor,)


def _before(row: Mapping[str, Any]) -> Any:
    if row["field"].startswith("custom.") and not row["had"]:
        return REMOVED
    return decoded(row["field"], row["from"])


async def _read(shell: Shell, id: str, expect: int | None) -> _Done:
    rows = await shell.store.query(_WHOSE, {"id": id})
    if not rows:
        raise NotFoundError("merge", id)
    entries = {entry.id: entry for entry in await shell.store.activities(rows[0][0])}
    entry = entries[id]
    if "losers" not in entry.custom:  # somebody has logged something of this name
        raise NotFoundError("merge", id)
    kind = entry.custom["kind"]
    survivor = await shell.store.get(kind, entry.record)
    if expect is not None and survivor.version != expect:
        raise ConflictError(kind, survivor.id, expect, survivor.version)
    if was_undone(entries.values(), id):
        refusal = Refusal("undone", "it was taken back already", fix="merge them anew")
        raise RefusedError(survivor.id, Verdict("undo", (refusal,)))
    losers = await _all_of(shell, kind, [row["id"] for row in entry.custom["losers"]])
    dependants: dict[str, Any] = {}
    for each in dict.fromkeys(row["kind"] for row in entry.custom["dependants"]):
        ids = [row["id"] for row in entry.custom["dependants"] if row["kind"] == each]
        dependants |= await _all_of(shell, each, ids)
    return _Done(entry=entry, survivor=survivor, losers=losers, dependants=dependants)


async def _all_of(shell: Shell, kind: Kind, ids: list[str]) -> dict[str, Any]:
    """Return id → record; NotFoundError where one is not there, or not seen by whoever asks."""
    found = await shell.store.get_many(kind, ids)
    if missing := next((id for id in ids if id not in found), None):
        raise NotFoundError(kind, missing)
    return found


def _against(done: _Done) -> Iterator[Refusal]:
    """Yield everything that was built upon a merge."""
    survivor = done.survivor
    if survivor.replaced_by:
        sentence = f"{named(survivor)} was merged itself since"
        yield Refusal("merged", sentence, fix=f"undo the merge into {survivor.replaced_by} first")
    for row in done.rows("fields"):
        if encoded(value_of(survivor, row["field"])) != row["to"]:
            sentence = f"{row['field']} of {named(survivor)} was edited since"
            yield Refusal("edited", sentence, field=row["field"], fix=f"set it back to {row['to']!r}")
    for row in done.rows("losers"):
        if done.losers[row["id"]].replaced_by != survivor.id:
            yield Refusal("changed", f"{named(done.losers[row['id']])} has been changed since")
    for row in done.rows("dependants"):
        now = getattr(done.dependants[row["id"]], row["field"])
        if now != row["to"]:
            sentence = f"{row['kind']} {row['id']} belongs to {now or 'nobody'} since"
            fix = f"give it {row['field']} {row['to']} again"
            yield Refusal("used", sentence, field=f"{row['kind']}.{row['field']}", fix=fix)


async def _standing_again(
    shell: Shell, loser: Any, row: Mapping[str, Any], said: Asked, at: datetime
) -> Part:
    """Return a loser that stands for itself, open or ended as it was before the merge."""
    if not isinstance(loser, Lead | Deal) or row["outcome"] == "void":
        return unplaced(loser, "", said, at)
    verbs = [("reopen", said)]
    if row["outcome"]:
        why = attrs.evolve(said, reason=row["reason"], note=row["note"])
        verbs.append((_AGAIN[row["outcome"]], why))
    return await driven(shell, loser, verbs, at=at, cause="undo", replaced_by="")
