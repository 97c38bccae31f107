"""Stores that each break one promise, and the tests of the contract that must find them out.

They are as small as they can be, and all made of `MemoryStore`. None is a caricature: each is
something that a real adapter does when its author has not thought of it.
"""
# ruff: noqa: D102 (a class says what is broken in it)

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any, TypeVar

import attrs

from funnelkit import MemoryStore, Store
from funnelkit.changes import Change
from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    InputError,
    NotFoundError,
    StoreBusyError,
    StoreError,
    StoreUnavailableError,
)
from funnelkit.money import Money
from funnelkit.storage import Answer, Attribute, Capabilities, Commit, Write
from funnelkit.storage.base import kind_of
from funnelkit.storage.shadow import Shadow

S = TypeVar("S", bound=type[MemoryStore])

FOUND_BY: dict[type[MemoryStore], tuple[str, ...]] = {}
"""Broken store → the tests that must fail on it, without their ``test_``."""


def found_by(*tests: str) -> Callable[[S], S]:
    """Say which tests of the contract must fail on a store."""

    def note(store: S) -> S:
        FOUND_BY[store] = tests
        return store

    return note


# Versions


@found_by(
    "a_version_is_compared_not_a_content",
    "of_two_writers_at_one_version_one_wins",
    "no_update_is_lost",
    "batches_in_opposite_order_end",
)
class LosesUpdates(MemoryStore):
    """Writes over whatever is there: versions are not compared."""

    def commit(self, commit: Commit) -> None:
        with self._lock:
            writes = []
            for write in commit.writes:
                stored = self._records[kind_of(write.record)].get(write.record.id)
                writes.append(attrs.evolve(write, expected=stored.version if stored else 0))
            super().commit(attrs.evolve(commit, writes=tuple(writes)))


@found_by("a_version_is_compared_not_a_content")
class ComparesStages(MemoryStore):
    """Compares the stage that was read, not the version: A, B and A again passes unnoticed."""

    def commit(self, commit: Commit) -> None:
        def expected(write: Write) -> int:
            stored: Any = self._records[kind_of(write.record)].get(write.record.id)
            as_read = stored is not None and write.expected and stored.stage == "new"
            return stored.version if as_read else write.expected

        writes = tuple(attrs.evolve(write, expected=expected(write)) for write in commit.writes)
        super().commit(attrs.evolve(commit, writes=writes))


@found_by("who_decided_on_an_old_record_is_told")
class ComparesWithItsCache(MemoryStore):
    """Keeps what it has read for ever, and compares versions with that."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Any] = {}

    def get(self, kind: Any, id: str) -> Any:
        return self.kept.setdefault(id, super().get(kind, id))

    def commit(self, commit: Commit) -> None:
        def expected(write: Write) -> int:
            stored = self._records[kind_of(write.record)].get(write.record.id)
            kept = self.kept.get(write.record.id)
            as_kept = stored is not None and kept is not None and kept.version == write.expected
            return stored.version if as_kept and stored is not None else write.expected

        writes = tuple(attrs.evolve(write, expected=expected(write)) for write in commit.writes)
        super().commit(attrs.evolve(commit, writes=writes))


@found_by("of_two_writers_at_one_version_one_wins", "a_bad_commit_writes_nothing", "no_update_is_lost")
class SwallowsConflicts(MemoryStore):
    """A conflict is nothing to worry about."""

    def commit(self, commit: Commit) -> None:
        with suppress(ConflictError):
            super().commit(commit)


@found_by("one_new_id_is_taken_once", "a_bad_commit_writes_nothing")
class Overwrites(MemoryStore):
    """A new record takes the place of one with the same id."""

    def commit(self, commit: Commit) -> None:
        for write in commit.writes:
            if not write.expected:
                self._records[kind_of(write.record)].pop(write.record.id, None)
        super().commit(commit)


@found_by("batches_in_opposite_order_end", "no_update_is_lost")
class Deadlocks(MemoryStore):
    """Whoever would conflict is told to try again instead."""

    def commit(self, commit: Commit) -> None:
        try:
            super().commit(commit)
        except ConflictError as error:
            raise StoreBusyError("store", "deadlock detected") from error


# All or nothing


@found_by("a_bad_commit_writes_nothing", "an_interrupted_commit_writes_nothing")
class CommitsByHalves(MemoryStore):
    """Writes part by part, each in a transaction of its own."""

    def commit(self, commit: Commit) -> None:
        for field in attrs.fields(Commit):
            super().commit(Commit(**{field.name: getattr(commit, field.name)}))


@found_by("an_interrupted_commit_writes_nothing")
class AnnouncesFirst(MemoryStore):
    """Makes the definitions known before anything else, in passing."""

    def commit(self, commit: Commit) -> None:
        self._check(commit)
        for fingerprint, definition in commit.definitions.items():
            self._definitions.setdefault(fingerprint, definition)
        super().commit(commit)


@found_by("ten_thousand_rows_fail_at_their_last")
class CommitsInChunks(MemoryStore):
    """Large batches are written in chunks."""

    def commit(self, commit: Commit) -> None:
        while len(commit.writes) > 4_000:
            super().commit(Commit(writes=commit.writes[:4_000]))
            commit = attrs.evolve(commit, writes=commit.writes[4_000:])
        super().commit(commit)


@found_by("a_store_is_usable_after_a_bad_commit")
class IsStuckAfterAnError(MemoryStore):
    """A failed transaction is never rolled back."""

    failed = False

    def commit(self, commit: Commit) -> None:
        if self.failed:
            raise StoreUnavailableError("store", "current transaction is aborted")
        try:
            super().commit(commit)
        except BaseException:
            self.failed = True
            raise


@found_by("of_several_wrongs_the_first_is_told")
class LooksAtKeysFirst(MemoryStore):
    """Whoever is late hears of the key or the number, not of the conflict."""

    def _check(self, commit: Commit) -> None:
        self._check_names(commit)
        super()._check(commit)


@found_by("an_empty_commit_is_nothing")
class CountsCommits(MemoryStore):
    """Every commit leaves a trace, whatever is in it."""

    def commit(self, commit: Commit) -> None:
        super().commit(commit)
        self._definitions.setdefault(f"commit {len(self._definitions)}", ("", ""))


# Records


@found_by("a_new_store_is_empty")
class IsNotEmpty(MemoryStore):
    """Comes with something to begin with."""

    def __init__(self) -> None:
        super().__init__()
        self._definitions["0f"] = ("sales", "{}")


@found_by("records_round_trip_with_every_field_filled", "moves_round_trip")
class CountsMoneyInFloats(MemoryStore):
    """Amounts go through a float."""

    def commit(self, commit: Commit) -> None:
        def spoilt(item: Any) -> Any:
            value = getattr(item, "value", None)
            return attrs.evolve(item, value=Money(int(float(value.minor)), value.currency)) if value else item

        writes = tuple(attrs.evolve(write, record=spoilt(write.record)) for write in commit.writes)
        super().commit(attrs.evolve(commit, writes=writes, moves=tuple(map(spoilt, commit.moves))))


def _changed(store: MemoryStore, commit: Commit, change: Callable[[Any], Any]) -> Commit:
    """Return a commit with another record in the place of each."""
    return attrs.evolve(
        commit, writes=tuple(Write(change(write.record), write.expected) for write in commit.writes)
    )


@found_by("money_keeps_its_decimals")
class TakesZeroForNothing(MemoryStore):
    """A value of zero is no value."""

    def commit(self, commit: Commit) -> None:
        def spoilt(record: Any) -> Any:
            value = getattr(record, "value", None)
            return attrs.evolve(record, value=None) if value is not None and not value.minor else record

        super().commit(_changed(self, commit, spoilt))


@found_by("records_round_trip_with_every_field_blank")
class TakesNothingForZero(MemoryStore):
    """An unknown probability is a probability of zero."""

    def commit(self, commit: Commit) -> None:
        def spoilt(record: Any) -> Any:
            unknown = hasattr(record, "probability") and record.probability is None
            return attrs.evolve(record, probability=0.0) if unknown else record

        super().commit(_changed(self, commit, spoilt))


@found_by("records_round_trip_with_every_field_filled")
class CutsTexts(MemoryStore):
    """Names are VARCHAR(255)."""

    def commit(self, commit: Commit) -> None:
        super().commit(
            _changed(self, commit, lambda record: attrs.evolve(record, name=record.name[:255] or "0"))
        )


@found_by("instants_come_back_as_utc")
class ForgetsTheZone(MemoryStore):
    """Times are read without a zone."""

    def get(self, kind: Any, id: str) -> Any:
        record = super().get(kind, id)
        return attrs.evolve(record, created_at=record.created_at.replace(tzinfo=None))


@found_by("moves_round_trip", "a_short_life_is_as_it_was_lived")
class RoundsTimes(MemoryStore):
    """Times of moves are kept to the second."""

    def commit(self, commit: Commit) -> None:
        moves = tuple(attrs.evolve(move, at=move.at.replace(microsecond=0)) for move in commit.moves)
        super().commit(attrs.evolve(commit, moves=moves))


@found_by("ids_of_any_script_are_kept_apart")
class FoldsIds(MemoryStore):
    """Ids are compared as a database with a friendly collation does."""

    def commit(self, commit: Commit) -> None:
        for write in commit.writes:
            taken = {unicodedata.normalize("NFC", id).strip() for id in self._records[kind_of(write.record)]}
            if not write.expected and unicodedata.normalize("NFC", write.record.id).strip() in taken:
                raise AlreadyExistsError(kind_of(write.record), write.record.id)
            super().commit(Commit(writes=(write,)))
        super().commit(attrs.evolve(commit, writes=()))


@found_by("one_id_may_stand_in_two_kinds")
class HasOneTable(MemoryStore):
    """Records of all kinds share one key."""

    def commit(self, commit: Commit) -> None:
        seen: set[str] = set()
        for write in commit.writes:
            if not write.expected and write.record.id in seen:
                raise AlreadyExistsError(kind_of(write.record), write.record.id)
            seen.add(write.record.id)
        super().commit(commit)


@found_by("a_new_version_replaces_every_field")
class KeepsWhatIsBlank(MemoryStore):
    """An update writes only the fields that say something."""

    def commit(self, commit: Commit) -> None:
        def merged(record: Any) -> Any:
            old: Any = self._records[kind_of(record)].get(record.id)
            return attrs.evolve(record, owner=old.owner) if old is not None and not record.owner else record

        super().commit(_changed(self, commit, merged))


@found_by("an_absent_record_is_not_found")
class ReturnsNothing(MemoryStore):
    """An absent record is None."""

    def get(self, kind: Any, id: str) -> Any:
        try:
            return super().get(kind, id)
        except NotFoundError:
            return None


@found_by("many_are_read_by_id")
class ReadsOnePage(MemoryStore):
    """No more than 500 ids are looked up."""

    def get_many(self, kind: Any, ids: Sequence[str]) -> dict[str, Any]:
        return super().get_many(kind, ids[:500])


# Finding


class _Finding(MemoryStore):
    """Asks `find` something else than it was asked."""

    def other(self, where: Mapping[str, str]) -> Mapping[str, str]:
        return where

    def find(self, kind: Any, where: Any, *, after: str = "", limit: int = 100) -> list[Any]:
        return super().find(kind, self.other(where), after=after, limit=limit)


@found_by("every_findable_column_finds")
class OverlooksACondition(_Finding):
    """One column was forgotten."""

    def other(self, where: Mapping[str, str]) -> Mapping[str, str]:
        return {column: value for column, value in where.items() if column != "campaign"}


@found_by("an_outcome_finds_closed_and_open_records")
class TakesBlankForAny(_Finding):
    """A blank condition is none."""

    def other(self, where: Mapping[str, str]) -> Mapping[str, str]:
        return {column: value for column, value in where.items() if value}


@found_by("conditions_add_up")
class LooksAtOneCondition(_Finding):
    """The first condition is enough."""

    def other(self, where: Mapping[str, str]) -> Mapping[str, str]:
        return dict(list(where.items())[:1])


@found_by("what_cannot_be_compared_is_said", "a_query_cannot_write", "a_bad_query_is_the_callers_error")
class SaysNothing(MemoryStore):
    """Who asks nonsense gets nothing."""

    def find(self, kind: Any, where: Any, *, after: str = "", limit: int = 100) -> list[Any]:
        with suppress(InputError):
            return super().find(kind, where, after=after, limit=limit)
        return []

    def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
        with suppress(InputError):
            return super().query(sql, params)
        return []


@found_by("pages_give_each_record_once")
class SkipsAtPages(MemoryStore):
    """The first record behind a page is lost."""

    def find(self, kind: Any, where: Any, *, after: str = "", limit: int = 100) -> list[Any]:
        return super().find(kind, where, after=after, limit=limit)[1 if after else 0 :]


@found_by("lists_have_a_length_when_nobody_asks")
class ReadsEverything(MemoryStore):
    """No limit is no limit."""

    def find(self, kind: Any, where: Any, *, after: str = "", limit: int = 10**9) -> list[Any]:
        return super().find(kind, where, after=after, limit=limit)


# Ledger, activities, field values


@found_by("moves_come_in_the_order_of_their_numbers")
class ListsMovesAsWritten(MemoryStore):
    """Moves come in the order of writing."""

    def moves(self, record: str) -> list[Any]:
        super().moves(record)
        return list(self._moves.get(record, ()))


@found_by("a_bulk_does_what_may_be_done", "a_short_life_is_as_it_was_lived")
class ForgetsMoves(MemoryStore):
    """Of many moves only the first is written."""

    def commit(self, commit: Commit) -> None:
        super().commit(attrs.evolve(commit, moves=commit.moves[:1]))


@found_by("activities_come_oldest_first")
class ListsActivitiesAsWritten(MemoryStore):
    """Activities come in the order of writing."""

    def activities(self, record: str) -> list[Any]:
        super().activities(record)
        return list(self._activities_of.get(record, ()))


@found_by("activities_round_trip")
class ForgetsCustomFields(MemoryStore):
    """The custom fields of activities are not kept."""

    def commit(self, commit: Commit) -> None:
        activities = tuple(attrs.evolve(activity, custom={}) for activity in commit.activities)
        super().commit(attrs.evolve(commit, activities=activities))


@found_by("attributes_come_in_the_order_they_were_written")
class SortsAttributes(MemoryStore):
    """Field values are sorted by when they count from."""

    def attributes(self, record: str) -> list[Attribute]:
        return sorted(super().attributes(record), key=attrgetter("since"))


@found_by("attributes_round_trip")
class KeepsSmallAmounts(MemoryStore):
    """Amounts have 32 bits."""

    def commit(self, commit: Commit) -> None:
        rows = tuple(attrs.evolve(row, amount=row.amount % 2**31) for row in commit.attributes)
        super().commit(attrs.evolve(commit, attributes=rows))


# The feed


@found_by("the_feed_goes_on_behind_a_position", "every_cursor_and_limit_gives_the_same_feed")
class CountsFromZero(MemoryStore):
    """The first change is at position 0, where nobody looks behind it."""

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        found = super().changes(after=after, record=record, limit=limit)
        return [attrs.evolve(change, position=change.position - 1) for change in found]


@found_by("every_cursor_and_limit_gives_the_same_feed")
class LimitsTooEarly(MemoryStore):
    """The limit counts changes of other records, too."""

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        found = super().changes(after=after, limit=limit)
        return [change for change in found if not record or change.record == record]


@found_by("the_feed_skips_nothing_under_writers")
class NumbersAtTheBeginning(MemoryStore):
    """A change gets its position when its transaction begins, and is seen when it ends."""

    def commit(self, commit: Commit) -> None:
        with self._lock:
            late = self._changes[-1:] if len(self._changes) % 3 else []
            del self._changes[len(self._changes) - len(late) :]
            super().commit(commit)
            self._changes += late


@found_by("changes_of_every_type_round_trip")
class ForgetsReasons(MemoryStore):
    """Changes are kept without what only some of them say."""

    def commit(self, commit: Commit) -> None:
        changes = tuple(
            attrs.evolve(change, reason="") if hasattr(change, "reason") else change
            for change in commit.changes
        )
        super().commit(attrs.evolve(commit, changes=changes))


# Answers and definitions


@found_by(
    "answers_round_trip",
    "an_act_is_repeated_by_its_key",
    "one_inquiry_from_many_threads_is_one_deal",
)
class ForgetsAnswers(MemoryStore):
    """It is known that a key was used, not what was answered."""

    def answer(self, key: str) -> Answer | None:
        super().answer(key)
        return None


@found_by("a_key_is_used_once", "one_key_is_used_once")
class ReplacesAnswers(MemoryStore):
    """The last answer under a key stays."""

    def _check_names(self, commit: Commit) -> None:
        super()._check_names(attrs.evolve(commit, answers=()))


@found_by("an_answer_stays_as_it_was_given")
class AnswersAnew(MemoryStore):
    """An answer is the ids of records, which are read when it is asked for."""

    def answer(self, key: str) -> Answer | None:
        answer = super().answer(key)
        if answer is None:
            return None
        records = (
            self._records[kind_of(item)].get(item.id, item) if type(item).__name__ != "Activity" else item
            for item in answer.records
        )
        return attrs.evolve(answer, records=tuple(records))  # type: ignore[arg-type]


@found_by("a_definition_is_kept_as_it_was_first_written")
class ReplacesDefinitions(MemoryStore):
    """The last definition under a fingerprint stays."""

    def commit(self, commit: Commit) -> None:
        super().commit(commit)
        self._definitions.update(commit.definitions)


# Keys to find duplicates by


@found_by("match_keys_round_trip")
class ForgetsKeys(MemoryStore):
    """Keys to find duplicates by are somebody else's business."""

    def commit(self, commit: Commit) -> None:
        super().commit(attrs.evolve(commit, keys=()))


@found_by("match_keys_round_trip")
class KeepsKeysTwice(MemoryStore):
    """A key that is written again is there twice."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[str, str, str]] = []

    def commit(self, commit: Commit) -> None:
        super().commit(commit)
        self.written += [(key.key, key.kind, key.record) for key in commit.keys]

    def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
        found = super().query(sql, params)
        return self.written if "FROM match_key" in sql else found


@found_by("match_keys_round_trip", "one_match_key_is_written_by_many")
class RefusesKeysItHas(MemoryStore):
    """A key that is there already is taken."""

    def commit(self, commit: Commit) -> None:
        for key in commit.keys:
            if key in self._keys:
                raise AlreadyExistsError("match key", key.key)
        super().commit(commit)


@found_by("match_keys_round_trip")
class KeepsOneKindOfAKey(MemoryStore):
    """Of a key and a record it keeps one kind: the first."""

    def commit(self, commit: Commit) -> None:
        held = {(key.key, key.record): key for key in (*reversed(commit.keys), *self._keys)}
        super().commit(attrs.evolve(commit, keys=tuple(held.values())))


@found_by(
    "a_bad_commit_writes_nothing",
    "an_interrupted_commit_writes_nothing",
)
class WritesKeysFirst(MemoryStore):
    """Keys do no harm, so they are written before anything is looked at."""

    def commit(self, commit: Commit) -> None:
        for key in commit.keys:
            self._keys[key] = None
        super().commit(commit)


@found_by("what_was_refused_does_not_come_back")
class KeepsKeysOfTheRefused(MemoryStore):
    """Keys have a file of their own, and nobody takes them out of it."""

    capabilities = Capabilities(durable=True)

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Commit] = []
        self.keys: list[Any] = []

    def commit(self, commit: Commit) -> None:
        self.keys += commit.keys
        super().commit(commit)
        self.written.append(commit)

    def reopened(self) -> Store:
        """Open it again."""
        again = type(self)()
        for commit in self.written:
            again.commit(commit)
        again.commit(Commit(keys=tuple(self.keys)))
        return again


# What is handed in and out


@found_by("what_was_read_is_detached", "what_was_read_stays_as_it_was")
class HandsOutItsOwn(MemoryStore):
    """What is read is the list that the store itself goes on writing to."""

    def moves(self, record: str) -> list[Any]:
        super().moves(record)
        return self._moves[record]


@found_by("what_was_written_is_detached")
class KeepsWhatItWasHanded(MemoryStore):
    """What is written is the mapping that the writer goes on changing."""

    handed: Mapping[str, tuple[str, str]] | None = None

    def commit(self, commit: Commit) -> None:
        super().commit(commit)
        self.handed = commit.definitions

    def definitions(self) -> dict[str, tuple[str, str]]:
        return {**super().definitions(), **(self.handed or {})}


# Queries


@found_by("a_query_sees_what_was_written")
class QueriesAnOldCopy(MemoryStore):
    """Queries go to a copy that was made once."""

    made: Shadow | None = None

    def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
        if self.made is None:
            super().query("SELECT 1", {})
            self.made = self._shadow
        if self._closed or self.made is None:
            return super().query(sql, params)
        return self.made.query(sql, params)


@found_by("a_query_takes_named_parameters")
class WritesParametersIntoTheSQL(MemoryStore):
    """Values are put into the text."""

    def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
        for name, value in params.items():
            sql = sql.replace(f":{name}", f"'{value}'")
        return super().query(sql, {})


# The end, and threads


@found_by("a_closed_store_says_so")
class NeverCloses(MemoryStore):
    """Closing does nothing."""

    def close(self) -> None:
        pass


@found_by("any_thread_may_use_it", "the_feed_skips_nothing_under_writers")
class KeepsToOneThread(MemoryStore):
    """Only the thread that made it may use it; and it does not say so."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.current_thread()

    def _check_open(self) -> None:
        if threading.current_thread() is not self.thread:
            raise StoreError("this belongs to another thread")
        super()._check_open()


# What is declared


@found_by("capabilities_are_declared")
class DeclaresNonsense(MemoryStore):
    """A capability is yes or no."""

    capabilities = Capabilities(threads="mostly")  # type: ignore[arg-type]


@found_by("what_is_durable_is_there_again", "a_reopened_store_goes_on")
class ForgetsEverything(MemoryStore):
    """Says it is durable, and is empty when it is opened again."""

    capabilities = Capabilities(durable=True)

    def reopened(self) -> Store:
        """Open it again."""
        return type(self)()


@found_by("what_was_refused_does_not_come_back")
class WritesBeforeItLooks(MemoryStore):
    """Keeps a journal in which refused commits stand too; what was good in them comes back."""

    capabilities = Capabilities(durable=True)

    def __init__(self, journal: Sequence[Commit] = ()) -> None:
        super().__init__()
        self.journal: list[Commit] = []
        for commit in journal:
            try:
                self.commit(commit)
            except StoreError:
                self.commit(Commit(changes=commit.changes, definitions=commit.definitions))

    def commit(self, commit: Commit) -> None:
        self.journal.append(commit)
        super().commit(commit)

    def reopened(self) -> Store:
        """Open it again."""
        return type(self)(self.journal)


@found_by(
    "a_second_store_sees_each_commit",
    "a_second_store_conflicts",
    "two_stores_have_one_feed",
    "no_update_is_lost_between_two_stores",
)
class SharesNothing(MemoryStore):
    """Says that it is shared, and each opening is a store of its own."""

    capabilities = Capabilities(shared=True)

    def another(self) -> Store:
        """Open it once more."""
        return type(self)()


@found_by("closing_one_store_leaves_the_other")
class SharesItsEnd(MemoryStore):
    """Whoever closes it closes it for all."""

    capabilities = Capabilities(shared=True)

    def another(self) -> Store:
        """Open it once more."""
        return self


@found_by("a_store_for_reading_refuses_to_write")
class CanBeWritten(MemoryStore):
    """Says that it is for reading only, and takes commits."""

    capabilities = Capabilities(writable=False)
