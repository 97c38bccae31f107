"""The contract of a store, second half: all or nothing, versions, lists, queries, the end."""
# ruff: noqa: S101 (asserting is the point)

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any, cast

import attrs

from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    FunnelkitError,
    InputError,
    KeyReusedError,
    NotFoundError,
    StoreClosedError,
)
from funnelkit.records import Lead
from funnelkit.storage.base import FINDABLE, KINDS, Answer, Attribute, Commit, Store, Write, kind_of
from funnelkit.testing.reading import readable
from funnelkit.testing.round_trips import RoundTrips
from funnelkit.testing.samples import (
    AT,
    BIG,
    MAKERS,
    a_change,
    a_contact,
    a_deal,
    a_lead,
    a_move,
    an_activity,
    filled,
    new,
)

__all__ = ["StoreContract"]


@contextmanager
def _raises(error: FunnelkitError | type[FunnelkitError]) -> Iterator[None]:
    """Demand an error: one equal to ``error``, or one of that type."""
    raised: FunnelkitError | None = None
    try:
        yield
    except FunnelkitError as error_raised:
        raised = error_raised
    wanted = raised == error if isinstance(error, FunnelkitError) else isinstance(raised, error)
    assert wanted, f"{raised!r} was raised, not {error!r}"


def _in_use(store: Store) -> None:
    """Write something of everything: deal d1 at version 2, lead l1, activity a1, answer k."""
    store.commit(
        Commit(
            writes=(Write(a_deal(), 0), Write(a_lead(), 0), Write(a_contact(), 0)),
            moves=(a_move(), a_move("l1")),
            activities=(an_activity(),),
            attributes=(Attribute(record="d1", field="owner", value="sam", since=AT),),
            changes=(a_change(), a_change("l1")),
            answers=(Answer(key="k", request="r", records=(a_deal(),)),),
            definitions={"0f": ("sales", "{}")},
        )
    )
    store.commit(Commit(writes=(Write(a_deal(version=2), 1),)))


def _around(bad: Commit) -> Commit:
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
    )


_BAD: tuple[tuple[Commit, FunnelkitError], ...] = (
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

_READS: dict[str, Callable[[Store], Any]] = {
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

_WRITING = (
    "DELETE FROM deal",
    "UPDATE deal SET stage = 'won'",
    "INSERT INTO definition VALUES ('9f', 'sales', '{}')",
    "WITH gone AS (SELECT 1) DELETE FROM move",
    "DROP TABLE deal",
    "CREATE TABLE other (id TEXT)",
    "PRAGMA user_version = 9",
    "ATTACH DATABASE ':memory:' AS other",
    "BEGIN IMMEDIATE",
    "VACUUM",
    "SELECT 1; DELETE FROM deal",
    "/* SELECT */ DELETE FROM deal",
    "-- SELECT\nDELETE FROM deal",
)


class StoreContract(RoundTrips):
    """What every store must do, as tests. Subclass it in a test module and give it `make_store`.

    The names of your subclasses should begin with ``Test``, so that pytest finds them. Every test
    makes a store of its own and closes it.

    >>> from funnelkit import MemoryStore
    >>> class TestMemoryStore(StoreContract):
    ...     def make_store(self):
    ...         return MemoryStore()
    >>> TestMemoryStore().test_an_absent_record_is_not_found()
    """

    # All or nothing

    def test_a_bad_commit_writes_nothing(self) -> None:
        """One bad part anywhere, and nothing of a commit is written; the error says which part."""
        for bad, error in _BAD:
            with closing(self.make_store()) as store:
                _in_use(store)
                before = readable(store, ("k", "k8", "k9"))
                with _raises(error):
                    store.commit(_around(bad))
                assert readable(store, ("k", "k8", "k9")) == before

    def test_a_store_is_usable_after_a_bad_commit(self) -> None:
        """What was right in a refused commit can be written at once."""
        for bad, error in _BAD:
            with closing(self.make_store()) as store:
                _in_use(store)
                with _raises(error):
                    store.commit(_around(bad))
                store.commit(_around(Commit()))
                assert [deal.id for deal in store.find("deal", {})] == ["d1", "d8", "d9"]

    def test_a_version_is_compared_not_a_content(self) -> None:
        """A record that changed and changed back is not the one that was read before."""
        with closing(self.make_store()) as store:
            store.commit(new(a_deal()))
            store.commit(Commit(writes=(Write(a_deal(version=2, stage="offer"), 1),)))
            store.commit(Commit(writes=(Write(a_deal(version=3), 2),)))
            with _raises(ConflictError("deal", "d1", 1, 3)):
                store.commit(Commit(writes=(Write(a_deal(version=2, stage="won"), 1),)))

    def test_a_new_version_replaces_every_field(self) -> None:
        """After a write a record is what was written, with nothing left of what it was."""
        for before, after in ((filled("я"), "blank"), (None, "filled")):
            with closing(self.make_store()) as store:
                blank = [make(version=1) for make in MAKERS.values()]
                first = [attrs.evolve(record, version=1) for record in before] if before else blank
                second = blank if after == "blank" else filled("я")
                store.commit(new(*first))
                store.commit(
                    Commit(writes=tuple(Write(attrs.evolve(record, version=2), 1) for record in second))
                )
                for record in second:
                    assert store.get(kind_of(record), record.id) == attrs.evolve(record, version=2)

    def test_one_id_may_stand_in_two_kinds(self) -> None:
        """A record is known by its kind and its id."""
        with closing(self.make_store()) as store:
            store.commit(new(a_deal("x"), a_contact("x")))
            assert (store.get("deal", "x").id, store.get("contact", "x").name) == ("x", "Ann")

    # Lists

    def test_an_absent_record_is_not_found(self) -> None:
        """Reading an absent record names its kind and its id; lists about it are empty."""
        with closing(self.make_store()) as store:
            for kind in KINDS:
                with _raises(NotFoundError(kind, "nobody")):
                    store.get(kind, "nobody")
            for read in (store.moves, store.activities, store.attributes):
                assert read("nobody") == []
            assert store.changes(record="nobody") == []

    def test_many_are_read_by_id(self) -> None:
        """``get_many`` gives those that exist of any number of ids, and of that kind only."""
        with closing(self.make_store()) as store:
            deals = {f"d{number}": a_deal(f"d{number}") for number in range(1_201)}
            store.commit(new(*deals.values(), a_contact("c1")))
            assert store.get_many("deal", [*deals, "c1", "nobody"]) == deals
            assert store.get_many("deal", []) == {}

    def test_every_findable_column_finds(self) -> None:
        """Each column of `FINDABLE` tells apart two records that differ in nothing else."""
        named = {"lead_source": "source"}
        for kind, columns in FINDABLE.items():
            for column in columns - {"outcome"}:
                with closing(self.make_store()) as store:
                    field = named.get(column, column)
                    one, other = (MAKERS[kind](id, **{field: f"ё'{id}"}) for id in ("x1", "x2"))
                    store.commit(new(one, other))
                    assert store.find(kind, {column: "ё'x2"}) == [other]
                    assert store.find(kind, {column: "Ё'x2"}) == []

    def test_an_outcome_finds_closed_and_open_records(self) -> None:
        """``outcome`` finds how records ended; empty, it finds those that are open."""
        closed = cast("Lead", filled("lost")[1])
        with closing(self.make_store()) as store:
            store.commit(new(a_lead("l0"), closed))
            assert store.find("lead", {"outcome": "lost"}) == [closed]
            assert store.find("lead", {"outcome": ""}) == [a_lead("l0")]

    def test_conditions_add_up(self) -> None:
        """Of several conditions all must hold."""
        with closing(self.make_store()) as store:
            pairs = [(owner, stage) for owner in ("kim", "sam") for stage in ("new", "offer")]
            store.commit(new(*(a_deal(f"{o}-{s}", owner=o, stage=s) for o, s in pairs)))
            found = store.find("deal", {"owner": "sam", "stage": "new"})
            assert [deal.id for deal in found] == ["sam-new"]

    def test_pages_give_each_record_once(self) -> None:
        """Paging by the last id gives every record that fits once, in the order of ids."""
        with closing(self.make_store()) as store:
            ids = [f"{sign}{number}" for sign in "aZяé🚀" for number in range(5)]
            store.commit(new(*(a_deal(id, owner="sam" if id[-1] != "3" else "kim") for id in reversed(ids))))
            read: list[str] = []
            while page := store.find("deal", {"owner": "sam"}, after=read[-1] if read else "", limit=3):
                assert len(page) <= 3  # noqa: PLR2004 (the limit asked for)
                read += [deal.id for deal in page]
            assert read == sorted(id for id in ids if id[-1] != "3")

    def test_what_cannot_be_compared_is_said(self) -> None:
        """Another column, another kind and a limit below one are errors of the caller."""
        with closing(self.make_store()) as store:
            for column in ("name", "custom", "id; --", "moved_us", ""):
                with _raises(InputError):
                    store.find("deal", {column: "x"})
            with _raises(InputError):
                store.find(cast("Any", "deals"), {})
            for value in (5, None, ["new"]):
                with _raises(InputError):
                    store.find("deal", {"stage": cast("Any", value)})
            for limit in (0, -1, 2.5):
                with _raises(InputError):
                    store.find("deal", {}, limit=cast("Any", limit))
                with _raises(InputError):
                    store.changes(limit=cast("Any", limit))
            with _raises(InputError):
                store.changes(after=-1)

    def test_moves_come_in_the_order_of_their_numbers(self) -> None:
        """The ledger of a record is ordered by ``seq``, whatever was written around it."""
        with closing(self.make_store()) as store:
            store.commit(Commit(moves=(a_move("d2"), a_move(seq=2), a_move(seq=1))))
            store.commit(Commit(moves=(a_move("d2", 2), a_move(seq=3))))
            assert [(move.record, move.seq) for move in store.moves("d1")] == [
                ("d1", 1),
                ("d1", 2),
                ("d1", 3),
            ]

    def test_activities_come_oldest_first(self) -> None:
        """Activities are ordered by when they were done, then by id; not by when they were written."""
        with closing(self.make_store()) as store:
            late = an_activity("a1", at=AT + timedelta(microseconds=1))
            store.commit(Commit(activities=(late, an_activity("a3"))))
            store.commit(Commit(activities=(an_activity("a2"), an_activity("a0", "d2"))))
            assert [activity.id for activity in store.activities("d1")] == ["a2", "a3", "a1"]

    def test_attributes_come_in_the_order_they_were_written(self) -> None:
        """Field values are in the order of writing, even when they count from earlier instants."""
        with closing(self.make_store()) as store:
            rows = [
                Attribute(record=record, field="owner", value=str(number), since=AT - timedelta(number))
                for number, record in enumerate(("d1", "d2", "d1", "d1"))
            ]
            for row in rows:
                store.commit(Commit(attributes=(row,)))
            assert [row.value for row in store.attributes("d1")] == ["0", "2", "3"]

    def test_the_feed_goes_on_behind_a_position(self) -> None:
        """Positions grow by writing; a reader who asks behind its last one misses and repeats nothing."""
        with closing(self.make_store()) as store:
            for version in range(1, 4):
                store.commit(Commit(changes=(a_change("d1", version), a_change("d2", version))))
            whole = store.changes()
            assert [(change.record, change.version) for change in whole] == [
                (id, version) for version in (1, 2, 3) for id in ("d1", "d2")
            ]
            positions = [change.position for change in whole]
            assert positions[0] > 0
            assert positions == sorted(set(positions))
            assert store.changes(after=positions[1], limit=2) == whole[2:4]
            assert [change.version for change in store.changes(record="d2", limit=2)] == [1, 2]
            assert store.changes(after=positions[-1]) == store.changes(after=BIG) == []

    def test_what_was_read_is_detached(self) -> None:
        """Changing a list or mapping that was read changes nothing in the store."""
        with closing(self.make_store()) as store:
            _in_use(store)
            before = readable(store, ("k",))
            for name in ("get_many", "find", "moves", "activities", "attributes", "changes", "definitions"):
                _READS[name](store).clear()
            _READS["query"](store).clear()
            assert readable(store, ("k",)) == before

    # Queries

    def test_a_query_sees_what_was_written(self) -> None:
        """A query sees each commit as soon as it returned, replaced records included."""
        with closing(self.make_store()) as store:
            sql = "SELECT d.stage, COUNT(*) FROM deal d JOIN move m ON m.record_id = d.id GROUP BY d.stage"
            assert store.query(sql, {}) == []
            store.commit(Commit(writes=(Write(a_deal(), 0),), moves=(a_move(),)))
            assert store.query(sql, {}) == [("new", 1)]
            store.commit(Commit(writes=(Write(a_deal(version=2, stage="ö"), 1),), moves=(a_move(seq=2),)))
            assert store.query(sql, {}) == [("ö", 2)]

    def test_a_query_takes_named_parameters(self) -> None:
        """Parameters are values, never SQL."""
        with closing(self.make_store()) as store:
            store.commit(new(a_deal("d1", owner="O'Hara; --"), a_deal("d2")))
            sql = "  -- whose\n/* deals */ SELECT id FROM deal WHERE owner = :owner AND created_us = :at"
            rows = store.query(sql, {"owner": "O'Hara; --", "at": 1_772_357_400_000_001, "more": 1})
            assert rows == [("d1",)]
            assert store.query("WITH one AS (SELECT :n AS n) SELECT n FROM one", {"n": None}) == [(None,)]

    def test_a_query_cannot_write(self) -> None:
        """Whatever is no single SELECT is refused and leaves the store as it was, and usable."""
        for sql in _WRITING:
            with closing(self.make_store()) as store:
                _in_use(store)
                before = readable(store, ("k",))
                with _raises(InputError):
                    store.query(sql, {})
                assert readable(store, ("k",)) == before
                store.commit(new(a_deal("d2")))

    def test_a_bad_query_is_the_callers_error(self) -> None:
        """A query that cannot run is an InputError, with the driver's own words."""
        with closing(self.make_store()) as store:
            for sql in ("", "SELECT", "SELECT nothing FROM deal", "SELECT :absent", "hello"):
                with _raises(InputError):
                    store.query(sql, {})
            with _raises(InputError):
                store.query("SELECT :value", {"value": object()})

    # The end

    def test_a_closed_store_says_so(self) -> None:
        """Everything but closing again is refused after ``close``."""
        store = self.make_store()
        _in_use(store)
        store.query("SELECT 1", {})
        store.close()
        store.close()
        for read in _READS.values():
            with _raises(StoreClosedError):
                read(store)
        with _raises(StoreClosedError):
            store.commit(new(a_deal("d2")))
