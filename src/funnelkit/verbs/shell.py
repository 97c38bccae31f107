"""Around the gate: read what a decision needs, do an act once, write it, tell who listens.

What reads and writes is a coroutine over an `AsyncStore`, here and in the modules of the verbs.
`Engine` runs it to its end on the spot, for its stores answer at once; `AsyncEngine` awaits it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from funnelkit.changes import Subscriber
from funnelkit.clock import Clock
from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    DefinitionError,
    FunnelkitError,
    InputError,
    KeyReusedError,
    NotFoundError,
    RefusedError,
    shown,
)
from funnelkit.gate.decide import decide, facts_needed, resolved
from funnelkit.gate.refusals import merged
from funnelkit.gate.request import NO_FACTS, Decision, Facts, Request
from funnelkit.ids import SUFFIX_LENGTH, IdSource
from funnelkit.inputs import given_id
from funnelkit.records import OUTCOMES, Activity, Company, Contact, Deal, Lead, Placed, Record, replaced
from funnelkit.serial import did_you_mean
from funnelkit.stages import Pipeline, Verdict
from funnelkit.storage.base import (
    KIND_OF,
    KINDS,
    Answer,
    AsyncStore,
    Commit,
    Kind,
    MatchKey,
    a_store,
    kind_of,
)
from funnelkit.verbs.acts import Asked, digest
from funnelkit.verbs.business import Business
from funnelkit.verbs.drafts import edited

R = TypeVar("R", Lead, Deal)
T = TypeVar("T")
P = TypeVar("P", Lead, Deal, Contact, Company)

Prepared = tuple[Commit | None, tuple[Any, ...]]
"""A commit, or None when there is nothing to write, and the records to answer with."""

__all__ = [
    "P",
    "Prepared",
    "R",
    "Shell",
    "a_store",
    "awaited_shell_of",
    "id_of",
    "in_a_pipeline",
    "kind_made_for",
    "shell_of",
]

_KIND_BY_PREFIX: dict[str, Kind] = {f"{kind}_": kind for kind in KINDS}
"""What stands before the last `SUFFIX_LENGTH` characters of an id that was made here."""


def kind_made_for(id: str) -> Kind | None:
    """Return the kind of record that an id was made for; None for an id of the caller's own."""
    return _KIND_BY_PREFIX.get(id[:-SUFFIX_LENGTH])


class Shell:
    """A store, a clock, ids and pipelines; the part of an engine that has effects."""

    def __init__(
        self,
        pipelines: Iterable[Pipeline],
        store: AsyncStore,
        clock: Clock,
        ids: IdSource,
        *,
        sealed: bool = False,
        business: Business | None = None,
    ) -> None:
        self.store = store
        self.business = business or Business()
        self.clock = clock
        self.ids = ids
        self.sealed = sealed
        self.pipelines: dict[str, Pipeline] = {}
        self.subscribers: list[Subscriber] = []
        for pipeline in pipelines:
            if not isinstance(pipeline, Pipeline):
                raise InputError("pipelines", f"{shown(pipeline)} is not a Pipeline")
            if pipeline.id in self.pipelines:
                raise DefinitionError("engine", [f"two pipelines are called {pipeline.id!r}"])
            self.pipelines[pipeline.id] = pipeline
        if self.business.sources:
            from funnelkit.intake.source import check_sources

            check_sources(self.business.sources.values(), self.pipelines)
        self._recorded: set[str] = set()

    # -- finding ------------------------------------------------------------------------------

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
        from funnelkit.clients.finding import standing

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
                new[kind] = (await self.standing(await self.store.get(kind, new[kind]))).id
        return new

    # -- deciding -----------------------------------------------------------------------------

    def request(self, verb: str, record: Record | None, said: Asked, **what: Any) -> Request:
        """Return the request for the gate that an act amounts to."""
        return Request(
            verb=verb,
            actor=said.actor,
            at=said.instant(self.clock, record.updated_at if record is not None else None),
            reason=said.reason,
            note=said.note,
            override=said.override,
            key=said.key,
            sealed=self.sealed,
            **what,
        )

    async def decision(self, record: Placed, request: Request) -> Decision:
        """Load what the rules ask for and let the gate decide."""
        pipeline = self.pipelines.get(record.pipeline) or self.pipeline(record.pipeline)
        if request.verb != "move" or request.target not in pipeline.table.position:
            if request.verb == "move":
                _check_word(pipeline, request.target)
            request = resolved(pipeline, record, request)
        facts = NO_FACTS
        if pipeline.table.asks or request.verb == "transfer":
            facts = await self._facts(record, facts_needed(pipeline, record, request))
        return decide(pipeline, record, request, facts)

    async def _facts(self, record: Placed, needs: frozenset[str]) -> Facts:
        store, contact, company = self.store, record.contact, record.company
        return Facts(
            activities=tuple(await self.activities(record)) if "activities" in needs else (),
            history=tuple(await store.moves(record.id)) if "history" in needs else (),
            contact=await store.get("contact", contact) if "contact" in needs and contact else None,
            company=await store.get("company", company) if "company" in needs and company else None,
        )

    # -- doing --------------------------------------------------------------------------------

    async def once(
        self,
        verb: str,
        subject: str,
        what: Mapping[str, Any],
        said: Asked,
        prepare: Callable[[], Awaitable[Prepared]],
    ) -> tuple[Any, ...]:
        """Do an act and return what it answers; under a key, do it once and answer the same again.

        Args:
            verb: What is done.
            subject: The id of the record, or the name of a new one.
            what: The verb's own arguments; with the rest they tell a repeated request from another.
            said: The common arguments, with the key.
            prepare: Returns the commit (None when there is nothing to write) and the answer.

        Raises:
            KeyReusedError: The key was used for another request.
        """
        if not said.key:
            commit, records = await prepare()
            if commit is not None:
                await self.commit(commit)
            return records
        mark = digest(verb, subject, what, said)
        if answered := await self.answered(said.key, mark):
            return answered
        try:
            commit, records = await prepare()
            answer = Answer(key=said.key, request=mark, records=records)
            await self.commit(replaced(commit or Commit(), answers=(answer,)))
        except FunnelkitError:
            # Somebody may have come first with the same request; then theirs is the answer.
            if theirs := await self.answered(said.key, mark):
                return theirs
            raise
        return records

    async def answered(self, key: str, mark: str) -> tuple[Record | Activity, ...]:
        """Return what was answered under a key; nothing if it is new.

        Raises:
            KeyReusedError: It was used for another request.
        """
        answer = await self.store.answer(key)
        if answer is None:
            return ()
        if answer.request != mark:
            raise KeyReusedError(key)
        return answer.records

    async def commit(self, commit: Commit) -> None:
        """Write a commit with the keys of its clients; see `write`."""
        for write in commit.writes:
            if write.part == "whole" and write.record.__class__ is not Deal:
                commit = await self._with_keys(commit)
                break
        await self.write(commit)

    async def write(self, commit: Commit) -> None:
        """Commit, with the definitions that were not written by this engine yet; then tell of it."""
        unknown: dict[str, str] = {}  # no comprehension: on Python 3.11 that is one more call a move
        for move in commit.moves:
            if move.fingerprint not in self._recorded:
                unknown[move.fingerprint] = move.pipeline
        if unknown:
            documents = {
                fingerprint: (pipeline, self.pipelines[pipeline].to_json())
                for fingerprint, pipeline in unknown.items()
            }
            commit = replaced(commit, definitions=documents)
        await self.store.commit(commit)
        if unknown or self.subscribers:
            await self.committed(commit)

    async def _with_keys(self, commit: Commit) -> Commit:
        """Add the keys by which the leads, contacts and companies of a commit are found again."""
        from funnelkit.keys.policy import keys_of

        names = {write.record.id: write.record.name for write in commit.writes}
        keys: list[MatchKey] = []
        for write in commit.writes:
            record, company = write.record, ""
            if write.part != "whole" or isinstance(record, Deal):
                continue
            if isinstance(record, Contact) and record.company:
                company = names.get(record.company) or (await self.store.get("company", record.company)).name
            known = keys_of(record, self.business.keys, company_name=company)
            keys += [MatchKey(key=key, kind=kind_of(record), record=record.id) for key in known]
        return replaced(commit, keys=(*commit.keys, *keys))

    async def committed(self, commit: Commit) -> None:
        """Remember that the definitions are written, and call the subscribers with every change."""
        self._recorded.update(commit.definitions)
        for change in commit.changes:
            for subscriber in self.subscribers:
                try:
                    told: object = subscriber(change)
                    if isinstance(told, Awaitable):
                        await told
                except Exception:  # a subscriber may fail; what happened has happened
                    import logging

                    logging.getLogger("funnelkit").exception("subscriber %r failed on %r", subscriber, change)


def shell_of(engine: Any) -> Shell:
    """Return the shell of an `Engine`, for what works with engines and is no verb of them.

    Raises:
        InputError: It is no engine, or one that is awaited.
    """
    from funnelkit.engine import Engine  # it imports this module

    if not isinstance(engine, Engine):
        raise InputError("engine", f"{shown(engine)} is no Engine", "give an Engine over the same store")
    shell: Shell = engine._shell  # noqa: SLF001 (the one place that asks)
    return shell


def awaited_shell_of(engine: Any) -> Shell:
    """Return the shell of an `AsyncEngine`; see `shell_of`."""
    from funnelkit.async_engine import AsyncEngine  # it imports this module

    if not isinstance(engine, AsyncEngine):
        raise InputError("engine", f"{shown(engine)} is no AsyncEngine", "give one over the same store")
    shell: Shell = engine._shell  # noqa: SLF001 (the one place that asks)
    return shell


def in_a_pipeline(record: Record) -> Placed:
    """Return a lead or deal as it is; InputError for a record that is in no pipeline."""
    if isinstance(record, Lead | Deal):
        return record
    raise InputError("record", f"{shown(record)} is in no pipeline", "give a lead or a deal")


def _check_word(pipeline: Pipeline, word: str) -> None:
    """Raise InputError if a pipeline has neither a stage nor a transition of that name."""
    table = pipeline.table
    words = dict.fromkeys((*table.stages, *(each for stage in table.stages for each in table.words(stage))))
    known = [each for each in words if each not in OUTCOMES]
    if word not in known:
        raise InputError(
            "to", f"pipeline {pipeline.id!r} has no stage {shown(word)}", did_you_mean(word, known)
        )


def id_of(ref: Record | str) -> str:
    """Return the id of a record, or the id that was given in its place; InputError for anything else."""
    if isinstance(ref, str):
        return ref
    if type(ref) not in KIND_OF:
        raise InputError("record", f"{shown(ref)} is neither a record nor an id")
    return ref.id
