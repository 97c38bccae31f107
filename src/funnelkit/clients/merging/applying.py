"""A merge that is done: one commit, and a journal by which it is taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from funnelkit.clients.merging.dependants import Dependant, dependants_of
from funnelkit.clients.merging.plan import MergePlan, against
from funnelkit.clients.merging.writing import drawn, saying
from funnelkit.errors import ConflictError, RefusedError, shown
from funnelkit.records import Activity, Record
from funnelkit.stages import Verdict
from funnelkit.storage.base import kind_of
from funnelkit.verbs import recording
from funnelkit.verbs.acts import asked
from funnelkit.verbs.journal import encoded, noted
from funnelkit.verbs.shell import Prepared, Shell

__all__ = ["Merge", "apply_merge"]


@attrs.frozen(kw_only=True)
class Merge:
    """What a merge did.

    Attributes:
        id: That of the entry in the survivor's activities by which `Engine.undo` takes it back.
        survivor: The record that stands for all of them.
        losers: The others; each ``replaced_by`` the survivor.
        dependants: The records that belong to the survivor now.

    >>> from funnelkit import Engine
    >>> engine = Engine()
    >>> ada, again = engine.create_contact("Ada", id="c1"), engine.create_contact("Ada L.", id="c2")
    >>> merge = engine.apply(engine.plan_merge([ada, again]))
    >>> print(merge)
    contact 'Ada' (c1) stands for 'Ada L.' (c2)
    >>> engine.get("c2")
    Contact('Ada', v2)
    """

    id: str
    survivor: Any
    losers: tuple[Any, ...]
    dependants: tuple[Dependant, ...] = ()

    def __str__(self) -> str:
        others = ", ".join(f"{shown(loser.name)} ({loser.id})" for loser in self.losers)
        who = f"{kind_of(self.survivor)} {shown(self.survivor.name)} ({self.survivor.id})"
        return "\n".join([f"{who} stands for {others}", *(f"  {each}" for each in self.dependants)])


async def apply_merge(shell: Shell, plan: MergePlan, act: Mapping[str, Any]) -> Merge:
    """Do what a plan says, if all is as it was; under a key, once.

    Args:
        shell: Where to read and write.
        plan: What `plan_merge` returned.
        act: The common arguments; ``reason`` closes the losers, ``"duplicate"`` when left out.

    Raises:
        ConflictError: A record of the plan has changed.
        RefusedError: The gate refuses a part; every refusal of every part is told.
    """
    said = saying(asked(act))

    async def prepare() -> Prepared:
        dependants = await _unchanged(shell, plan, said.expect)
        refusals = tuple(against(plan.survivor, plan.losers))
        refusals += tuple(each for each in plan.refusals if each.code == "unclear")
        done = await drawn(shell, plan, dependants, said)
        if refusals := (*refusals, *done.refusals):
            raise RefusedError(plan.survivor.id, Verdict("merge", refusals))
        told = f"{len(plan.losers)} merged: " + ", ".join(f"{each.name} ({each.id})" for each in plan.losers)
        entry, entry_commit = noted(
            shell, done.survivor, said, kind="merge", text=told, custom=_journal(plan)
        )
        return recording.merged((done.commit, entry_commit)), (done.survivor, *done.losers, entry)

    what = {
        "losers": [loser.id for loser in plan.losers],
        "fields": {item.field: encoded(item.after) for item in plan.fields},
    }
    return _merge(await shell.once("merge", plan.survivor.id, what, said, prepare))


async def _unchanged(shell: Shell, plan: MergePlan, expect: int | None) -> Sequence[tuple[Record, Dependant]]:
    """Return the dependants; ConflictError if anything is not as the plan was made on."""
    now = await shell.store.get_many(plan.kind, [record.id for record in plan.records])
    for seen in plan.records:
        version = now[seen.id].version if seen.id in now else 0
        wanted = expect if expect is not None and seen is plan.survivor else seen.version
        if version != wanted:
            raise ConflictError(plan.kind, seen.id, wanted, version)
    pairs = await dependants_of(shell.store, plan.survivor, plan.losers)
    known = {item.id: item for item in plan.dependants}
    for _, item in pairs:
        before = known.pop(item.id, None)
        if before is None or before.version != item.version:  # 0: nobody had seen it
            raise ConflictError(item.kind, item.id, before.version if before else 0, item.version)
    for gone in known.values():
        version = (await shell.store.get(gone.kind, gone.id)).version
        raise ConflictError(gone.kind, gone.id, gone.version, version)
    return pairs


def _journal(plan: MergePlan) -> dict[str, Any]:
    """Return everything that it takes to take a merge back."""
    return {
        "kind": plan.kind,
        "losers": [
            {
                "id": loser.id,
                "absorbed": list(loser.absorbed),
                "outcome": getattr(loser, "outcome", None) or "",
                "reason": _close(loser, "reason"),
                "note": _close(loser, "note"),
            }
            for loser in plan.losers
        ],
        "fields": [
            {
                "field": item.field,
                "from": encoded(item.before),
                "to": encoded(item.after),
                "had": item.field.partition(".")[2] in plan.survivor.custom,
            }
            for item in plan.fields
        ],
        "dependants": [
            {"kind": item.kind, "id": item.id, "field": item.field, "from": item.before, "to": item.after}
            for item in plan.dependants
        ],
    }


def _close(loser: Any, field: str) -> str:
    close = getattr(loser, "close", None)
    return str(getattr(close, field)) if close is not None else ""


def _merge(records: tuple[Any, ...]) -> Merge:
    survivor, *losers, entry = records
    assert isinstance(entry, Activity)  # noqa: S101 (the last of the answer)
    dependants = tuple(
        Dependant(kind=row["kind"], id=row["id"], field=row["field"], before=row["from"], after=row["to"])
        for row in entry.custom["dependants"]
    )
    return Merge(id=entry.id, survivor=survivor, losers=tuple(losers), dependants=dependants)
