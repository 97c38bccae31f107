"""Around the gate: read what a decision needs, write what follows from it, tell who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import attrs

from funnelkit.acts import Asked, asked, digest
from funnelkit.changes import Subscriber
from funnelkit.clock import Clock
from funnelkit.decide import amended, decide, facts_needed, resolved
from funnelkit.drafts import edited
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
from funnelkit.ids import SUFFIX_LENGTH, IdSource
from funnelkit.inputs import given_id, text
from funnelkit.recording import recorded
from funnelkit.records import OUTCOMES, Activity, Company, Contact, Deal, Lead, Placed, Record
from funnelkit.request import NO_FACTS, Decision, Facts, Request
from funnelkit.serial import did_you_mean
from funnelkit.stages import Pipeline, Verdict
from funnelkit.stages.rules import VERBS
from funnelkit.storage.base import KIND_OF, KINDS, Answer, Commit, Kind, Store, kind_of

R = TypeVar("R", Lead, Deal)
P = TypeVar("P", Lead, Deal, Contact, Company)

Prepared = tuple[Commit | None, tuple[Any, ...]]
"""A commit, or None when there is nothing to write, and the records to answer with."""

__all__ = ["P", "Prepared", "R", "Shell", "id_of"]

_ASKABLE = ("advance", *(verb for verb in VERBS if verb not in {"create", "capture"}))
"""The verbs that are done to a record that is there."""


_KIND_BY_PREFIX: dict[str, Kind] = {f"{kind}_": kind for kind in KINDS}
"""What stands before the last `SUFFIX_LENGTH` characters of an id that was made here."""


class Shell:
    """A store, a clock, ids and pipelines; the part of the engine that has effects."""

    def __init__(self, pipelines: Iterable[Pipeline], store: Store, clock: Clock, ids: IdSource) -> None:
        self.store = store
        self.clock = clock
        self.ids = ids
        self.pipelines: dict[str, Pipeline] = {}
        self.subscribers: list[Subscriber] = []
        for pipeline in pipelines:
            if not isinstance(pipeline, Pipeline):
                raise InputError("pipelines", f"{shown(pipeline)} is not a Pipeline")
            if pipeline.id in self.pipelines:
                raise DefinitionError("engine", [f"two pipelines are called {pipeline.id!r}"])
            self.pipelines[pipeline.id] = pipeline
        self._recorded = set(store.definitions())

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

    def kind_of_id(self, id: str) -> Kind:
        """Return the kind of the record with an id; ids of the caller's own are looked up."""
        if made_for := _KIND_BY_PREFIX.get(id[:-SUFFIX_LENGTH]):
            return made_for
        for kind in KINDS:
            if self.store.get_many(kind, [id]):
                return kind
        raise NotFoundError("record", id)

    def new_id(self, kind: Kind, given: str | None) -> str:
        """Return a fresh id, or the caller's own if no record of any kind has it.

        Raises:
            AlreadyExistsError: It is taken; ids are unique over all kinds, for the ledger is one.
        """
        if given is None:
            return self.ids(kind)
        id = given_id(given)
        looks = _KIND_BY_PREFIX.get(id[:-SUFFIX_LENGTH], kind)
        if looks != kind:
            raise InputError("id", f"{shown(id)} looks like the id of a {looks}", "give another one")
        for other in KINDS:
            if self.store.get_many(other, [id]):
                raise AlreadyExistsError(other, id)
        return id

    def current(self, ref: Record | str, expect: int | None) -> Record:
        """Return the record as it is in the store.

        Raises:
            ConflictError: It is not at the version that was expected; a record given implies one.
        """
        if isinstance(ref, str):
            kind, id = self.kind_of_id(ref), ref
        elif type(ref) in KIND_OF:
            kind, id = KIND_OF[type(ref)], ref.id
            if expect is None:
                expect = ref.version
        else:
            raise InputError("record", f"{shown(ref)} is neither a record nor an id")
        record = self.store.get(kind, id)
        if expect is not None and record.version != expect:
            raise ConflictError(kind, id, expect, record.version)
        return record

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
            **what,
        )

    def decision(self, record: Placed, request: Request) -> Decision:
        """Load what the rules ask for and let the gate decide."""
        pipeline = self.pipelines.get(record.pipeline) or self.pipeline(record.pipeline)
        if request.verb != "move" or request.target not in pipeline.table.position:
            if request.verb == "move":
                _check_word(pipeline, request.target)
            request = resolved(pipeline, record, request)
        facts = NO_FACTS
        if pipeline.table.asks or request.verb == "transfer":
            facts = self._facts(record, facts_needed(pipeline, record, request))
        return decide(pipeline, record, request, facts)

    def _facts(self, record: Placed, needs: frozenset[str]) -> Facts:
        store, contact, company = self.store, record.contact, record.company
        return Facts(
            activities=tuple(store.activities(record.id)) if "activities" in needs else (),
            history=tuple(store.moves(record.id)) if "history" in needs else (),
            contact=store.get("contact", contact) if "contact" in needs and contact else None,
            company=store.get("company", company) if "company" in needs and company else None,
        )

    def verdict(self, ref: Record | str, verb: str, to: str, act: Mapping[str, Any]) -> Verdict:
        """Return what the gate would say to a verb."""
        said = asked(act)
        record = _in_a_pipeline(self.current(ref, said.expect))
        if verb not in _ASKABLE:
            raise InputError("verb", f"{shown(verb)} is not a verb", did_you_mean(verb, _ASKABLE))
        what: dict[str, Any] = {}
        if verb == "move":
            what = {"target": text(to, "to")}
        elif verb == "transfer":
            what = self.destination(to, None)
        elif verb == "assign":
            what = {"owner": text(to, "to")}
        return self.decision(record, self.request(verb, record, said, **what)).verdict

    def destination(self, to: Any, stage: str | None) -> dict[str, Any]:
        """Return the fields of a request that say where a transfer goes."""
        pipeline = self.pipeline(to)
        return {
            "destination": pipeline,
            "target": pipeline.first if stage is None else pipeline.stage(stage).id,
        }

    def ways(self, ref: Record | str) -> list[tuple[str, str]]:
        """Return (verb, target) of everything that leads away from where a record is."""
        record = _in_a_pipeline(self.current(ref, None))
        if record.close is not None:
            return [("reopen", "")]
        table = self.pipeline(record.pipeline).table
        words = table.words(record.place) or ("lost", "void")  # a stage that is gone can be given up
        closing = {"won": "convert" if isinstance(record, Lead) else "win", "lost": "lose", "void": "void"}
        stages = [word for word in table.stages if word in words]
        named = [word for word in words if word not in table.position and word not in closing]
        ends = [(closing[word], "") for word in words if word in closing]
        return [("move", word) for word in (*stages, *named)] + ends

    # -- doing --------------------------------------------------------------------------------

    def move(self, verb: str, ref: R | str, act: Mapping[str, Any], **what: Any) -> R:
        """Do a verb that takes a lead or deal from place to place; return the new record."""
        said = asked(act)
        record: R
        if said.key:
            record = self.once(verb, id_of(ref), what, said, partial(self._moved, verb, ref, said, what))[0]
            return record
        commit, (record,) = self._moved(verb, ref, said, what)
        if commit is not None:
            self.commit(commit)
        return record

    def _moved(self, verb: str, ref: Record | str, said: Asked, what: Mapping[str, Any]) -> Prepared:
        record = self.current(ref, said.expect)
        if not isinstance(record, Deal):
            record = _in_a_pipeline(record)
        request = self.request(verb, record, said, **what)
        decision = self.decision(record, request)
        if decision.record is None:
            raise RefusedError(record.id, decision.verdict)
        return recorded(record, decision, request), (decision.record,)

    def amend(self, verb: str, ref: P | str, act: Mapping[str, Any], fields: Mapping[str, Any]) -> P:
        """Do ``edit`` or ``assign``: new values for fields, the record stays where it is."""
        said = asked(act)
        prepare = partial(self._amended, verb, ref, said, fields)
        record: P = self.once(verb, id_of(ref), fields, said, prepare)[0]
        return record

    def _amended(self, verb: str, ref: Record | str, said: Asked, fields: Mapping[str, Any]) -> Prepared:
        record = self.current(ref, said.expect)
        edits = self.edits(record, fields) if verb == "edit" else fields
        if isinstance(record, Lead | Deal):
            what = {"edits": edits} if verb == "edit" else edits
            request = self.request(verb, record, said, **what)
            decision = self.decision(record, request)
            if decision.record is None:
                raise RefusedError(record.id, decision.verdict)
        else:  # contacts and companies are in no pipeline, so nobody guards them
            request = self.request(verb, record, said)
            decision = Decision(verdict=Verdict(verb), record=amended(record, edits, request.at))
        return recorded(record, decision, request), (decision.record,)

    def edits(self, record: Record, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the checked fields of an edit; a contact or company they name must exist."""
        new = edited(kind_of(record), record, fields)
        for kind in ("contact", "company"):
            if new.get(kind):
                self.store.get(kind, new[kind])
        return new

    # -- once ---------------------------------------------------------------------------------

    def once(
        self, verb: str, subject: str, what: Mapping[str, Any], said: Asked, prepare: Callable[[], Prepared]
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
            commit, records = prepare()
            if commit is not None:
                self.commit(commit)
            return records
        mark = digest(verb, subject, what, said)
        if answered := self.answered(said.key, mark):
            return answered
        try:
            commit, records = prepare()
            answer = Answer(key=said.key, request=mark, records=records)
            self.commit(attrs.evolve(commit or Commit(), answers=(answer,)))
        except FunnelkitError:
            # Somebody may have come first with the same request; then theirs is the answer.
            if theirs := self.answered(said.key, mark):
                return theirs
            raise
        return records

    def answered(self, key: str, mark: str) -> tuple[Record | Activity, ...]:
        """Return what was answered under a key; nothing if it is new.

        Raises:
            KeyReusedError: It was used for another request.
        """
        answer = self.store.answer(key)
        if answer is None:
            return ()
        if answer.request != mark:
            raise KeyReusedError(key)
        return answer.records

    def commit(self, commit: Commit) -> None:
        """Commit, with the definitions that the store does not know yet; then tell the subscribers."""
        unknown = {
            move.fingerprint: move.pipeline for move in commit.moves if move.fingerprint not in self._recorded
        }
        if unknown:
            documents = {
                fingerprint: (pipeline, self.pipelines[pipeline].to_json())
                for fingerprint, pipeline in unknown.items()
            }
            commit = attrs.evolve(commit, definitions=documents)
        self.store.commit(commit)
        if unknown:
            self._recorded.update(unknown)
        if self.subscribers:
            self._publish(commit)

    def _publish(self, commit: Commit) -> None:
        for change in commit.changes:
            for subscriber in self.subscribers:
                try:
                    subscriber(change)
                except Exception:  # a subscriber may fail; what happened has happened
                    import logging

                    logging.getLogger("funnelkit").exception("subscriber %r failed on %r", subscriber, change)


def _in_a_pipeline(record: Record) -> Placed:
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
