"""Looking up what an act is about: pipelines by their ids, records by theirs. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    DefinitionError,
    InputError,
    NotFoundError,
    RefusedError,
    shown,
)
from funnelkit.gate.refusals import merged
from funnelkit.ids import SUFFIX_LENGTH, IdSource
from funnelkit.inputs import given_id
from funnelkit.records import Activity, Deal, Lead, Placed, Record
from funnelkit.serial import did_you_mean
from funnelkit.stages import Pipeline, Verdict
from funnelkit.storage.base import KIND_OF, KINDS, AsyncStore, Kind, kind_of
from funnelkit.verbs.drafts import edited

__all__ = ["Finder", "id_of", "in_a_pipeline", "kind_made_for", "standing"]

_KIND_BY_PREFIX: dict[str, Kind] = {f"{kind}_": kind for kind in KINDS}
"""What stands before the last `SUFFIX_LENGTH` characters of an id that was made here."""


def kind_made_for(id: str) -> Kind | None:
    """Return the kind of record that an id was made for; None for an id of the caller's own."""
    return _KIND_BY_PREFIX.get(id[:-SUFFIX_LENGTH])


class Finder:
    """Pipelines, a store and where new ids come from: what an act is about is found here."""

    def __init__(self, pipelines: Iterable[Pipeline], store: AsyncStore, ids: IdSource) -> None:
        self.store = store
        self.ids = ids
        self.pipelines: dict[str, Pipeline] = {}
        for pipeline in pipelines:
            if not isinstance(pipeline, Pipeline):
                raise InputError("pipelines", f"{shown(pipeline)} is not a Pipeline")
            if pipeline.id in self.pipelines:
                raise DefinitionError("engine", [f"two pipelines are called {pipeline.id!r}"])
            self.pipelines[pipeline.id] = pipeline

    def pipeline(self, id: str) -> Pipeline:
        """Return the definition of a pipeline; InputError with a suggestion if there is none."""
        try:
            return self.pipelines[id]
        except (KeyError, TypeError):
            raise InputError(
                "pipeline", f"there is no pipeline {shown(id)}", did_you_mean(id, self.pipelines)
            ) from None

    def only(self, kind: str, given: str | None) -> Pipeline:
        """Return the pipeline that was named, or the only one of its kind."""
        if given is not None:
            return self.pipeline(given)
        found = [pipeline for pipeline in self.pipelines.values() if pipeline.kind == kind]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(pipeline.id for pipeline in found)
            raise InputError("pipeline", f"there are several pipelines for {kind}s", f"name one of {names}")
        hint = "add funnelkit.templates.lead_intake()" if kind == "lead" else "give the engine one"
        raise InputError("pipeline", f"this engine has no pipeline for {kind}s", hint)

    def destination(self, to: Any, stage: str | None) -> dict[str, Any]:
        """Return the fields of a request that say where a transfer goes."""
        pipeline = self.pipeline(to)
        return {
            "destination": pipeline,
            "target": pipeline.first if stage is None else pipeline.stage(stage).id,
        }

    async def _anywhere(self, id: str) -> Record:
        """Return the record with an id of the caller's own, which tells no kind."""
        for kind in KINDS:
            if found := await self.store.get_many(kind, [id]):
                return found[id]
        raise NotFoundError("record", id)

    async def new_id(self, kind: Kind, given: str | None) -> str:
        """Return a fresh id, or the caller's own if no record of any kind has it.

        Raises:
            AlreadyExistsError: It is taken; ids are unique over all kinds, for the ledger is one.
        """
        if given is None:
            return self.ids(kind)
        id = given_id(given)
        looks = kind_made_for(id) or kind
        if looks != kind:
            raise InputError("id", f"{shown(id)} looks like the id of a {looks}", "give another one")
        for other in KINDS:
            if await self.store.get_many(other, [id]):
                raise AlreadyExistsError(other, id)
        return id

    async def current(self, ref: Record | str, expect: int | None) -> Any:
        """Return the record as it is in the store; for the id of one that was merged, who stands for it.

        Raises:
            ConflictError: It is not at the version that was expected; a record given implies one.
            RefusedError: The record given was merged into another one since it was read.
        """
        if isinstance(ref, str):
            kind = _KIND_BY_PREFIX.get(ref[:-SUFFIX_LENGTH])
            record = await self.store.get(kind, ref) if kind else await self._anywhere(ref)
            if record.replaced_by:
                record = await self.standing(record)
        elif type(ref) in KIND_OF:
            record = await self.store.get(KIND_OF[type(ref)], ref.id)
            if expect is None:
                expect = ref.version
            if record.replaced_by and record.version != expect:
                raise RefusedError(record.id, Verdict("read", (merged(record),)))
        else:
            raise InputError("record", f"{shown(ref)} is neither a record nor an id")
        if expect is not None and record.version != expect:
            raise ConflictError(kind_of(record), record.id, expect, record.version)
        return record

    async def standing(self, record: Record) -> Record:
        """Return the record of the same kind that stands for one; itself where there is none.

        What an undone conversion had made is replaced by a lead: of a lead's kind it is not.
        """
        if not record.replaced_by:
            return record
        stands = await standing(self.store, record)
        return stands if type(stands) is type(record) else record

    async def activities(self, record: Record) -> list[Activity]:
        """Return the activities of a record and of those that it absorbed, oldest first."""
        own = await self.store.activities(record.id)
        if not record.absorbed:
            return own
        others = [each for id in record.absorbed for each in await self.store.activities(id)]
        return sorted([*own, *others], key=lambda activity: (activity.at, activity.id))

    async def activities_of(self, id: str) -> list[Activity]:
        """Return what `activities` does for an id; none for one that nobody has."""
        kind = kind_made_for(id)
        for each in (kind,) if kind else KINDS:
            if found := await self.store.get_many(each, [id]):
                return await self.activities(await self.standing(found[id]))
        return []

    async def edits(self, record: Record, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the checked fields of an edit; a contact or company they name must exist."""
        new = edited(kind_of(record), record, fields)
        parties: tuple[Kind, ...] = ("contact", "company")
        for kind in parties:
            if new.get(kind):
                new[kind] = (await self.party(kind, new[kind])).id
        return new

    async def party(self, kind: Kind, id: str) -> Record:
        """Return the contact or company that is meant; InputError where its conversion was undone."""
        found = await self.standing(await self.store.get(kind, id))
        if found.replaced_by:
            problem = f"{shown(found)} is no more, for its conversion was undone"
            raise InputError(kind, problem, f"give another {kind}")
        return found


async def standing(store: AsyncStore, record: Record) -> Record:
    """Return the record that stands for one: itself, or whom it was merged into."""
    while record.replaced_by:
        for kind in KINDS:
            if above := await store.get_many(kind, [record.replaced_by]):
                record = above[record.replaced_by]
                break
        else:
            return record
    return record


def in_a_pipeline(record: Record) -> Placed:
    """Return a lead or deal as it is; InputError for a record that is in no pipeline."""
    if isinstance(record, Lead | Deal):
        return record
    raise InputError("record", f"{shown(record)} is in no pipeline", "give a lead or a deal")


def id_of(ref: Record | str) -> str:
    """Return the id of a record, or the id that was given in its place; InputError for anything else."""
    if isinstance(ref, str):
        return ref
    if type(ref) not in KIND_OF:
        raise InputError("record", f"{shown(ref)} is neither a record nor an id")
    return ref.id
