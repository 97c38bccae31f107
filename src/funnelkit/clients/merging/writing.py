"""The parts of a merge and of its undoing, each through the gate, with every refusal of every part."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from funnelkit.clients.merging.dependants import Dependant
from funnelkit.clients.merging.plan import MergePlan
from funnelkit.errors import RefusedError
from funnelkit.gate.decide import amended
from funnelkit.records import Deal, Lead, Record
from funnelkit.stages import Refusal
from funnelkit.storage.base import Commit, Write
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked
from funnelkit.verbs.amending import REMOVED, edit_of, let_through
from funnelkit.verbs.shell import Shell

__all__ = [
    "Drawn",
    "drawn",
    "driven",
    "repointed",
    "said_otherwise",
    "saying",
    "tried",
    "unplaced",
]


@attrs.frozen(kw_only=True)
class Drawn:
    """What a merge writes, without its journal; or every refusal of every part of it."""

    survivor: Any = None
    losers: tuple[Any, ...] = ()
    commit: Commit = attrs.field(factory=Commit)
    refusals: tuple[Refusal, ...] = ()


Part = tuple[Any, Commit]
"""A record as it will be, and the commit that makes it so."""


def saying(said: Asked, reason: str = "duplicate") -> Asked:
    """Return the common arguments with a reason, where none was given."""
    return attrs.evolve(said, reason=said.reason or reason)


async def drawn(
    shell: Shell, plan: MergePlan, dependants: Sequence[tuple[Record, Dependant]], said: Asked
) -> Drawn:
    """Return what a plan writes, or what the gate says against it.

    Args:
        shell: Where to read.
        plan: What is to be done.
        dependants: The records that hang on the losers, as they are.
        said: The common arguments, with a reason.
    """
    at = said.instant(shell.clock, max(record.updated_at for record in plan.records))
    swallowed = [id for loser in plan.losers for id in (loser.id, *loser.absorbed)]
    fields = {
        item.field: REMOVED if item.after is None and item.field.startswith("custom.") else item.after
        for item in plan.fields
    }
    absorbed = (*plan.survivor.absorbed, *swallowed)

    def parts() -> Iterator[Awaitable[Part]]:
        yield said_otherwise(shell, plan.survivor, fields, said, at=at, cause="merge", absorbed=absorbed)
        for loser in plan.losers:
            yield _retired(shell, loser, plan.survivor, said, at)
        for record, item in dependants:
            yield repointed(shell, record, item.field, item.after, said=said, at=at, cause="merge")

    done, refusals = await tried(parts())
    if refusals:
        return Drawn(refusals=refusals)
    survivor, *losers = [record for record, _ in done[: len(plan.records)]]
    commit = recording.merged([commit for _, commit in done])
    return Drawn(survivor=survivor, losers=tuple(losers), commit=commit)


async def tried(parts: Iterable[Awaitable[Part]]) -> tuple[list[Part], tuple[Refusal, ...]]:
    """Return what all parts come to, and every refusal of every part, each one once."""
    done: list[Part] = []
    refusals: dict[Refusal, None] = {}
    for part in parts:
        try:
            done.append(await part)
        except RefusedError as error:
            refusals.update(dict.fromkeys(error.verdict.refusals))
    return done, tuple(refusals)


# -- in place ----------------------------------------------------------------------------------


async def said_otherwise(
    shell: Shell,
    record: Record,
    fields: Mapping[str, Any],
    said: Asked,
    *,
    at: datetime,
    cause: str,
    absorbed: tuple[str, ...],
) -> Part:
    """Return a survivor that says something else, and has absorbed others, or has not."""
    after, codes = await _amended(shell, record, fields, said, at=at, cause=cause)
    after = attrs.evolve(after, absorbed=absorbed, version=record.version + 1, updated_at=at)
    return after, recording.amendment(record, after, actor=said.actor.id, reason=said.reason, overruled=codes)


async def repointed(
    shell: Shell, record: Record, field: str, id: str, *, said: Asked, at: datetime, cause: str
) -> Part:
    """Return a dependant that belongs to another record."""
    at = max(at, record.updated_at)
    after, codes = await _amended(shell, record, {field: id}, said, at=at, cause=cause)
    return after, recording.amendment(record, after, actor=said.actor.id, reason=said.reason, overruled=codes)


async def _amended(
    shell: Shell, record: Any, fields: Mapping[str, Any], said: Asked, *, at: datetime, cause: str
) -> tuple[Any, str]:
    """Return a record with new fields, as the gate lets it be edited, and what was overruled.

    Contacts and companies are in no pipeline, and tombstones are nobody's any more: nobody guards them.
    """
    if not isinstance(record, Lead | Deal) or record.replaced_by:
        return _one_later(record, amended(record, edit_of(record, fields), at)), ""
    return await let_through(shell, record, fields, said, at=at, cause=cause)


def _one_later(before: Record, after: Any) -> Any:
    return after if after is before else attrs.evolve(after, version=before.version + 1)


# -- from place to place -----------------------------------------------------------------------


async def _retired(shell: Shell, loser: Any, survivor: Record, said: Asked, at: datetime) -> Part:
    """Return a loser that the survivor stands for; a lead or deal becomes void."""
    if not isinstance(loser, Lead | Deal) or loser.outcome == "void":
        return unplaced(loser, survivor.id, said, at)
    verbs = [("void", said)] if loser.is_open else [("reopen", said), ("void", said)]
    return await driven(shell, loser, verbs, at=at, cause="merge", replaced_by=survivor.id)


def unplaced(record: Any, replaced_by: str, said: Asked, at: datetime) -> Part:
    """Return a record that another one stands for, or no more, and that stays where it is."""
    after = amended(record, {"replaced_by": replaced_by}, max(at, record.updated_at))
    return after, recording.amendment(record, after, actor=said.actor.id, reason=said.reason, overruled="")


async def driven(
    shell: Shell,
    record: Any,
    verbs: Sequence[tuple[str, Asked]],
    *,
    at: datetime,
    cause: str,
    replaced_by: str,
) -> Part:
    """Return a lead or deal after several acts at one instant: a row of the ledger each, one write.

    Raises:
        RefusedError: The gate refuses one of them.
    """
    now = attrs.evolve(record, replaced_by="")
    rows: list[Commit] = []
    for verb, said in verbs:
        request = shell.request(verb, None, said, cause=cause)
        decision = await shell.decision(now, attrs.evolve(request, at=max(at, record.updated_at)))
        if decision.record is None:
            raise RefusedError(record.id, decision.verdict)
        rows.append(attrs.evolve(recording.placement(decision, now.version), writes=()))
        now = decision.record
    after = attrs.evolve(now, replaced_by=replaced_by)
    return after, recording.merged([*rows, Commit(writes=(Write(after, record.version),))])
