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
    FunnelkitError,
    InputError,
    KeyReusedError,
    shown,
)
from funnelkit.gate.decide import decide, facts_needed, resolved
from funnelkit.gate.request import NO_FACTS, Decision, Facts, Request
from funnelkit.ids import IdSource
from funnelkit.records import OUTCOMES, Activity, Company, Contact, Deal, Lead, Placed, Record, replaced
from funnelkit.serial import did_you_mean
from funnelkit.stages import Pipeline
from funnelkit.storage.base import (
    Answer,
    AsyncStore,
    Commit,
    MatchKey,
    kind_of,
)
from funnelkit.verbs.acts import Asked, digest
from funnelkit.verbs.business import Business
from funnelkit.verbs.finding import Finder

R = TypeVar("R", Lead, Deal)
P = TypeVar("P", Lead, Deal, Contact, Company)

Prepared = tuple[Commit | None, tuple[Any, ...]]
"""A commit, or None when there is nothing to write, and the records to answer with."""

__all__ = ["P", "Prepared", "R", "Shell"]


class Shell(Finder):
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
        super().__init__(pipelines, store, ids)
        self.business = business or Business()
        self.clock = clock
        self.sealed = sealed
        self.subscribers: list[Subscriber] = []
        self._recorded: set[str] = set()
        if self.business.sources:
            from funnelkit.intake.source import check_sources

            check_sources(self.business.sources.values(), self.pipelines)

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
            commit = commit or Commit()
            await self.commit(replaced(commit, answers=(*commit.answers, answer)))
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


def _check_word(pipeline: Pipeline, word: str) -> None:
    """Raise InputError if a pipeline has neither a stage nor a transition of that name."""
    table = pipeline.table
    words = dict.fromkeys((*table.stages, *(each for stage in table.stages for each in table.words(stage))))
    known = [each for each in words if each not in OUTCOMES]
    if word not in known:
        raise InputError(
            "to", f"pipeline {pipeline.id!r} has no stage {shown(word)}", did_you_mean(word, known)
        )
