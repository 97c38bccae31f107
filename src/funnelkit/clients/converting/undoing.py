"""A conversion taken back, while nothing else depends on it: the lead is open again, as before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, cast

import attrs

from funnelkit.clients.converting.plan import SIDES
from funnelkit.clients.converting.writing import amended_deal
from funnelkit.clients.fields import value_of
from funnelkit.errors import NotFoundError, RefusedError
from funnelkit.gate.decide import amended
from funnelkit.gate.refusals import named
from funnelkit.records import Activity, Deal, Lead
from funnelkit.stages import Pipeline, Refusal, Verdict
from funnelkit.storage.base import Commit, Kind, kind_of
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked, asked
from funnelkit.verbs.amending import REMOVED, edit_of
from funnelkit.verbs.journal import decoded, encoded, noted, was_undone
from funnelkit.verbs.shell import Prepared, Shell

__all__ = ["undo_conversion"]

_WHOSE = "SELECT record_id FROM activity WHERE id = :id AND kind = 'conversion'"
_USES: dict[Kind, tuple[tuple[Kind, str], ...]] = {
    "deal": (("lead", "deal"),),
    "contact": (("deal", "contact"), ("lead", "contact")),
    "company": (("deal", "company"), ("lead", "company"), ("contact", "company")),
}
"""Kind of a record → the kinds and fields by which others hang on it."""

_MISTAKES = ("error", "erroneous", "mistake", "duplicate", "test")
"""Ids of reasons for void that fit, the best first."""

_MOST = 100  # dependents of one kind that are listed


@attrs.frozen(kw_only=True)
class _Done:
    """A conversion as the journal tells of it, with the records as they are now.

    ``latest`` says whether it is the lead's last one.
    """

    entry: Activity
    latest: bool
    lead: Lead
    created: dict[Kind, Any]
    filled: dict[str, tuple[Any, list[Mapping[str, Any]]]]

    @property
    def ids(self) -> set[str]:
        return {self.lead.id, *(record.id for record in self.created.values())}

    @property
    def records(self) -> list[Any]:
        return [self.lead, *self.created.values(), *(record for record, _ in self.filled.values())]


async def undo_conversion(shell: Shell, id: str, act: Mapping[str, Any]) -> Lead:
    """Do ``undo`` for a conversion; return the lead, open again.

    Args:
        shell: Where to read and write.
        id: That of the `Conversion`.
        act: The common arguments; ``reason`` closes the deal if its catalogue has it.
    """
    said = asked(act)

    async def prepare() -> Prepared:
        return await _taken_back(shell, id, said)

    lead: Lead = (await shell.once("undo", id, {}, said, prepare))[0]
    return lead


async def _taken_back(shell: Shell, id: str, said: Asked) -> Prepared:
    """Return the commit that takes a conversion back, and the lead as it will be.

    Raises:
        RefusedError: Something depends on it, which is listed; or the gate refuses.
        NotFoundError: There is no such conversion.
    """
    done = await _read(shell, id, said)
    against = [refusal async for refusal in _against(shell, done)]
    if against:
        raise RefusedError(done.lead.id, Verdict("undo", tuple(against)))
    at = said.instant(shell.clock, max(record.updated_at for record in done.records))
    lead, lead_commit = await _reopened(shell, done, said, at)
    commits = [await _emptied(shell, record, rows, said, at) for record, rows in done.filled.values()]
    commits += [await _retired(shell, record, lead, said, at) for record in done.created.values()]
    custom = {"undone": id}
    text = f"taken back: {done.entry.text}"
    _, entry_commit = noted(shell, lead, said, kind="undo", text=text, custom=custom)
    return recording.merged((*commits, entry_commit, lead_commit)), (lead,)


async def _read(shell: Shell, id: str, said: Asked) -> _Done:
    rows = await shell.store.query(_WHOSE, {"id": id})
    if not rows:
        raise NotFoundError("conversion", id)
    lead = await shell.current(await shell.store.get("lead", rows[0][0]), said.expect)
    entries = {entry.id: entry for entry in await shell.store.activities(lead.id)}
    entry = entries[id]
    if "created" not in entry.custom:
        raise NotFoundError("conversion", id)
    if was_undone(entries.values(), id):
        refusal = Refusal("undone", "it was taken back already", fix="convert the lead anew")
        raise RefusedError(lead.id, Verdict("undo", (refusal,)))
    created = {kind: await shell.store.get(kind, each) for kind, each in entry.custom["created"].items()}
    filled: dict[str, tuple[Any, list[Mapping[str, Any]]]] = {}
    for row in entry.custom["filled"]:
        if row["id"] not in filled:
            filled[row["id"]] = (await shell.store.get(row["kind"], row["id"]), [])
        filled[row["id"]][1].append(row)
    latest = [each.id for each in entries.values() if each.kind == "conversion"][-1] == id
    return _Done(entry=entry, latest=latest, lead=lead, created=created, filled=filled)


# -- what depends on it ------------------------------------------------------------------------


async def _against(shell: Shell, done: _Done) -> AsyncIterator[Refusal]:
    """Yield everything that came of the conversion since."""
    for refusal in _of_lead(done):
        yield refusal
    for kind, record in done.created.items():
        for refusal in _own(kind, record):
            yield refusal
        for activity in await shell.store.activities(record.id):
            sentence = f"{activity.kind} {activity.id} was logged for {kind} {record.name!r}"
            yield Refusal("activity", sentence, field=kind)
        async for refusal in _uses(shell, done, kind, record):
            yield refusal
    for record, rows in done.filled.values():
        if record.replaced_by:
            yield Refusal("merged", f"{named(record)} was merged since", field=kind_of(record))
            continue
        for row in rows:
            if encoded(value_of(record, row["field"])) != row["to"]:
                sentence = f"{row['field']} of {kind_of(record)} {record.name!r} was edited since"
                yield Refusal("edited", sentence, field=f"{kind_of(record)}.{row['field']}")


def _of_lead(done: _Done) -> list[Refusal]:
    """Return what speaks against it in the lead: reopened, merged or linked to others since."""
    lead = done.lead
    if lead.replaced_by:
        return [Refusal("merged", f"{named(lead)} was merged since", field="lead")]
    if lead.outcome != "won" or not done.latest:
        return [Refusal("changed", f"{named(lead)} was reopened since", field="lead")]
    return [
        Refusal("edited", f"{link} of {named(lead)} was edited since", field=f"lead.{link}")
        for link, id in done.entry.custom["became"].items()
        if getattr(lead, link) != id
    ]


def _own(kind: Kind, record: Any) -> list[Refusal]:
    refusals = []
    if isinstance(record, Deal) and record.moves > 1:
        refusals.append(Refusal("moved", f"{named(record)} has moved to {record.place}", field="deal"))
    if record.absorbed or record.replaced_by:
        refusals.append(Refusal("merged", f"{kind} {record.name!r} was merged since", field=kind))
    return refusals


async def _uses(shell: Shell, done: _Done, kind: Kind, record: Any) -> AsyncIterator[Refusal]:
    """Yield who else hangs on a created record: not what the conversion itself made or linked."""
    linked = {
        row["id"] for _, rows in done.filled.values() for row in rows if row["to"] == record.id
    } | done.ids
    for other, field in _USES[kind]:
        for user in await shell.store.find(other, {field: record.id}, limit=_MOST):
            if user.id not in linked:
                sentence = f"{other} {user.name!r} ({user.id}) belongs to {kind} {record.name!r}"
                yield Refusal("used", sentence, field=kind)


# -- what is done ------------------------------------------------------------------------------


async def _reopened(shell: Shell, done: _Done, said: Asked, at: datetime) -> tuple[Lead, Commit]:
    request = attrs.evolve(shell.request("reopen", done.lead, said, cause="undo"), at=at)
    decision = await shell.decision(done.lead, request)
    if decision.record is None:
        raise RefusedError(done.lead.id, decision.verdict)
    links = {link: done.entry.custom["links"][link] for link in SIDES}
    lead = attrs.evolve(cast("Lead", decision.record), **links)
    return lead, recording.placement(attrs.evolve(decision, record=lead), done.lead.version)


async def _retired(shell: Shell, record: Any, lead: Lead, said: Asked, at: datetime) -> Commit:
    """Return the commit by which the lead stands for a created record again; a deal becomes void."""
    if not isinstance(record, Deal):
        after = amended(record, {"replaced_by": lead.id}, at)
        return recording.amendment(record, after, actor=said.actor.id, reason="undo", overruled="")
    why = attrs.evolve(said, reason=_void_reason(shell.pipeline(record.pipeline), said.reason))
    request = attrs.evolve(shell.request("void", record, why, cause="undo"), at=at)
    decision = await shell.decision(record, request)
    if decision.record is None:
        raise RefusedError(record.id, decision.verdict)
    void = attrs.evolve(decision.record, replaced_by=lead.id)
    return recording.placement(attrs.evolve(decision, record=void), record.version)


def _void_reason(pipeline: Pipeline, reason: str) -> str:
    """Return the reason to close with: the one given if it will do, else one of the catalogue."""
    catalogue = {item.id: item.label for item in pipeline.close_reasons.get("void", ())}
    if not catalogue or reason in catalogue or reason in catalogue.values():
        return reason or "undo"
    return next((each for each in _MISTAKES if each in catalogue), next(iter(catalogue)))


async def _emptied(
    shell: Shell, record: Any, rows: list[Mapping[str, Any]], said: Asked, at: datetime
) -> Commit:
    """Return the commit that makes the filled fields blank again."""
    before = {row["field"]: decoded(row["field"], row.get("from", REMOVED)) for row in rows}
    if isinstance(record, Deal):
        return (await amended_deal(shell, record, before, said, at=at, cause="undo"))[1]
    after = amended(record, edit_of(record, before), at)
    return recording.amendment(record, after, actor=said.actor.id, reason="undo", overruled="")
