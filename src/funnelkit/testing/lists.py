"""The contract of a store: what its lists hold, in which order, and that they are the reader's own."""
# ruff: noqa: S101 (asserting is the point)

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from funnelkit.errors import InputError, NotFoundError
from funnelkit.records import Lead
from funnelkit.storage.base import FINDABLE, KINDS, Attribute, Commit, Write
from funnelkit.testing.hooks import Hooks, raises
from funnelkit.testing.in_use import READS, write_everything
from funnelkit.testing.reading import readable
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

__all__ = ["Lists"]


class Lists(Hooks):
    """What its lists hold, in which order, and that they are the reader's own."""

    def test_an_absent_record_is_not_found(self) -> None:
        """Reading an absent record names its kind and its id; lists about it are empty."""
        with self.using() as (store, _):
            for kind in KINDS:
                with raises(NotFoundError(kind, "nobody")):
                    store.get(kind, "nobody")
            for read in (store.moves, store.activities, store.attributes):
                assert read("nobody") == []
            assert store.changes(record="nobody") == []

    def test_many_are_read_by_id(self) -> None:
        """``get_many`` gives those that exist of any number of ids, and of that kind only."""
        with self.using() as (store, write):
            deals = {f"d{number}": a_deal(f"d{number}") for number in range(1_201)}
            write(new(*deals.values(), a_contact("c1")))
            assert store.get_many("deal", [*deals, "c1", "nobody"]) == deals
            assert store.get_many("deal", []) == {}

    def test_every_findable_column_finds(self) -> None:
        """Each column of `FINDABLE` tells apart two records that differ in nothing else."""
        named = {"lead_source": "source", "repeat_kind": "repeat"}
        for kind, columns in FINDABLE.items():
            with self.using() as (store, write):
                for column in columns - {"outcome"}:
                    field = named.get(column, column)
                    ids = f"{column} 1", f"{column} 2"
                    one, other = (MAKERS[kind](id, **{field: f"ё'{id}"}) for id in ids)
                    write(new(one, other))
                    assert store.find(kind, {column: f"ё'{other.id}"}) == [other]
                    assert store.find(kind, {column: f"Ё'{other.id}"}) == []

    def test_an_outcome_finds_closed_and_open_records(self) -> None:
        """``outcome`` finds how records ended; empty, it finds those that are open."""
        closed = cast("Lead", filled("lost")[1])
        with self.using() as (store, write):
            write(new(a_lead("l0"), closed))
            assert store.find("lead", {"outcome": "lost"}) == [closed]
            assert store.find("lead", {"outcome": ""}) == [a_lead("l0")]

    def test_conditions_add_up(self) -> None:
        """Of several conditions all must hold."""
        with self.using() as (store, write):
            pairs = [(owner, stage) for owner in ("kim", "sam") for stage in ("new", "offer")]
            write(new(*(a_deal(f"{o}-{s}", owner=o, stage=s) for o, s in pairs)))
            found = store.find("deal", {"owner": "sam", "stage": "new"})
            assert [deal.id for deal in found] == ["sam-new"]

    def test_pages_give_each_record_once(self) -> None:
        """Paging by the last id gives every record that fits once, in the order of ids."""
        with self.using() as (store, write):
            ids = [f"{sign}{number}" for sign in "aZяé🚀" for number in range(5)]
            write(new(*(a_deal(id, owner="sam" if id[-1] != "3" else "kim") for id in reversed(ids))))
            read: list[str] = []
            while page := store.find("deal", {"owner": "sam"}, after=read[-1] if read else "", limit=3):
                assert len(page) <= 3  # noqa: PLR2004 (the limit asked for)
                read += [deal.id for deal in page]
            assert read == sorted(id for id in ids if id[-1] != "3")

    def test_what_cannot_be_compared_is_said(self) -> None:
        """Another column, another kind and a limit below one are errors of the caller."""
        with self.using() as (store, _):
            for column in ("name", "custom", "id; --", "moved_us", ""):
                with raises(InputError):
                    store.find("deal", {column: "x"})
            with raises(InputError):
                store.find(cast("Any", "deals"), {})
            for value in (5, None, ["new"]):
                with raises(InputError):
                    store.find("deal", {"stage": cast("Any", value)})
            for limit in (0, -1, 2.5):
                with raises(InputError):
                    store.find("deal", {}, limit=cast("Any", limit))
                with raises(InputError):
                    store.changes(limit=cast("Any", limit))
            with raises(InputError):
                store.changes(after=-1)

    def test_moves_come_in_the_order_of_their_numbers(self) -> None:
        """The ledger of a record is ordered by ``seq``, whatever was written around it."""
        with self.using() as (store, write):
            write(Commit(moves=(a_move("d2"), a_move(seq=2), a_move(seq=1))))
            write(Commit(moves=(a_move("d2", 2), a_move(seq=3))))
            assert [(move.record, move.seq) for move in store.moves("d1")] == [
                ("d1", 1),
                ("d1", 2),
                ("d1", 3),
            ]

    def test_activities_come_oldest_first(self) -> None:
        """Activities are ordered by when they were done, then by id; not by when they were written."""
        with self.using() as (store, write):
            late = an_activity("a1", at=AT + timedelta(microseconds=1))
            write(Commit(activities=(late, an_activity("a3"))))
            write(Commit(activities=(an_activity("a2"), an_activity("a0", "d2"))))
            assert [activity.id for activity in store.activities("d1")] == ["a2", "a3", "a1"]

    def test_attributes_come_in_the_order_they_were_written(self) -> None:
        """Field values are in the order of writing, even when they count from earlier instants."""
        with self.using() as (store, write):
            rows = [
                Attribute(record=record, field="owner", value=str(number), since=AT - timedelta(number))
                for number, record in enumerate(("d1", "d2", "d1", "d1"))
            ]
            for row in rows:
                write(Commit(attributes=(row,)))
            assert [row.value for row in store.attributes("d1")] == ["0", "2", "3"]

    def test_the_feed_goes_on_behind_a_position(self) -> None:
        """Positions grow by writing; a reader who asks behind its last one misses and repeats nothing."""
        with self.using() as (store, write):
            for version in range(1, 4):
                write(Commit(changes=(a_change("d1", version), a_change("d2", version))))
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
        with self.using() as (store, write):
            write_everything(write)
            before = repr(readable(store, ("k",)))  # what was read before might be cleared with it
            for name in ("get_many", "find", "moves", "activities", "attributes", "changes", "definitions"):
                READS[name](store).clear()
            READS["query"](store).clear()
            assert repr(readable(store, ("k",))) == before

    def test_every_cursor_and_limit_gives_the_same_feed(self) -> None:
        """Whoever reads on behind a position, in pages of any size, whole or of one record, sees the same."""
        with self.using() as (store, write):
            for version in range(1, 5):
                write(Commit(changes=tuple(a_change(id, version) for id in ("d1", "d2", "d1"))))
            for record in ("", "d1", "d2"):
                whole = store.changes(record=record)
                assert len(whole) == {"": 12, "d1": 8, "d2": 4}[record]
                for number, change in enumerate(whole, 1):
                    assert store.changes(after=change.position, record=record) == whole[number:]
                    for limit in (1, 5):
                        page = store.changes(after=change.position, record=record, limit=limit)
                        assert page == whole[number : number + limit]

    def test_lists_have_a_length_when_nobody_asks(self) -> None:
        """Without a limit 100 records and 1,000 changes are read at a time."""
        with self.using() as (store, write):
            ids = [f"d{number:04}" for number in range(1_001)]
            write(Commit(writes=new(*map(a_deal, ids)).writes, changes=tuple(map(a_change, ids))))
            assert [deal.id for deal in store.find("deal", {})] == ids[:100]
            assert [change.record for change in store.changes()] == ids[:1_000]

    def test_what_was_read_stays_as_it_was(self) -> None:
        """What was read before a commit does not follow it, however far its reader has come."""
        with self.using() as (store, write):
            write_everything(write)
            before = {name: read(store) for name, read in READS.items()}
            half = iter(store.find("deal", {})), iter(store.changes())
            copies = {name: repr(value) for name, value in before.items()}
            later = a_deal(version=3, name="Later")
            write(
                Commit(
                    writes=(Write(later, 2),),
                    moves=(a_move(seq=2),),
                    activities=(an_activity("a2"),),
                    attributes=(Attribute(record="d1", field="owner", value="kim", since=AT),),
                    changes=(a_change(version=3),),
                    definitions={"1f": ("care", "{}")},
                )
            )
            assert {name: repr(value) for name, value in before.items()} == copies
            assert [len([*rest]) for rest in half] == [1, 2]
            assert store.get("deal", "d1") == later

    def test_what_was_written_is_detached(self) -> None:
        """Changing a mapping that was written, after that, changes nothing in the store."""
        with self.using() as (store, write):
            definitions = {"0f": ("sales", "{}")}
            write(Commit(definitions=definitions))
            definitions["0f"] = ("other", "{}")
            definitions["1f"] = ("more", "{}")
            assert store.definitions() == {"0f": ("sales", "{}")}
