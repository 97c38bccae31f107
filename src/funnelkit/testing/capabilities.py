"""The contract of a store: what it declares in its capabilities is so."""
# ruff: noqa: S101 (asserting is the point)

from __future__ import annotations

from contextlib import closing
from functools import partial

import attrs

from funnelkit.errors import AlreadyExistsError, ConflictError, KeyReusedError, StoreReadOnlyError
from funnelkit.storage.base import Answer, Capabilities, Commit, Write
from funnelkit.testing.hooks import Hooks, raises
from funnelkit.testing.in_use import BAD, READS, around, write_everything
from funnelkit.testing.reading import readable
from funnelkit.testing.samples import a_change, a_deal, a_move, an_activity, new
from funnelkit.testing.together import at_once, count_up, gate_for

__all__ = ["Declared"]

_KEYS = ("k", "k8", "k9")


class Declared(Hooks):
    """What it declares in its capabilities is so."""

    def test_capabilities_are_declared(self) -> None:
        """A store says of each capability whether it has it."""
        with self.using() as (store, _):
            assert isinstance(store.capabilities, Capabilities)
            assert {type(value) for value in attrs.astuple(store.capabilities)} == {bool}

    # durable

    def test_what_is_durable_is_there_again(self) -> None:
        """A store that is closed and opened again holds exactly what it held, as often as one likes."""
        with self.declaring("durable") as (store, write):
            write_everything(write)
            write(around(Commit()))
            before = readable(store, _KEYS)
            for _ in range(3):
                store.close()
                store = self.reopen(store)  # noqa: PLW2901 (the next one over the same data)
                with closing(store):
                    assert readable(store, _KEYS) == before

    def test_what_was_refused_does_not_come_back(self) -> None:
        """A commit that was refused is not there after closing and opening either."""
        for bad, error in BAD:
            with self.writing_and("durable") as store:
                write_everything(store.commit)
                before = readable(store, _KEYS)
                with raises(error):
                    store.commit(around(bad))
                store.close()
                with closing(self.reopen(store)) as again:
                    assert readable(again, _KEYS) == before

    def test_a_reopened_store_goes_on(self) -> None:
        """After opening again versions are compared, ids and keys are taken, and the feed goes on."""
        with self.writing_and("durable") as store:
            write_everything(store.commit)
            last = store.changes()[-1].position
            store.close()
            with closing(self.reopen(store)) as again:
                for bad, error in BAD:
                    with raises(error):
                        again.commit(around(bad))
                again.commit(Commit(writes=(Write(a_deal(version=3), 2),), changes=(a_change(version=3),)))
                assert again.get("deal", "d1").version == 3  # noqa: PLR2004 (as written)
                assert [change.version for change in again.changes(after=last)] == [3]

    # shared

    def test_a_second_store_sees_each_commit(self) -> None:
        """Of two stores over the same data one sees at once, however it reads, what the other wrote."""
        with self.declaring("shared") as (store, write), closing(self.second(store)) as second:
            for read in READS.values():
                if read is not READS["get"]:
                    assert read(second) == read(store)  # whatever could be kept from before is kept now
            write_everything(write)
            assert readable(second, _KEYS) == readable(store, _KEYS)
            assert second.get("deal", "d1") == a_deal(version=2)
            write(Commit(writes=(Write(a_deal(version=3), 2),)))
            assert second.get("deal", "d1") == a_deal(version=3)
            assert second.get_many("deal", ["d1"]) == {"d1": a_deal(version=3)}

    def test_a_second_store_conflicts(self) -> None:
        """What one store wrote is a conflict, a taken id, number or key for the other."""
        with self.writing_and("shared") as store, closing(self.second(store)) as second:
            write_everything(store.commit)
            for bad, error in BAD:
                with raises(error):
                    second.commit(around(bad))
            second.commit(
                Commit(
                    writes=(Write(a_deal(version=3), 2),),
                    moves=(a_move(seq=2),),
                    activities=(an_activity("a2"),),
                    answers=(Answer(key="k2", request="r", records=()),),
                )
            )
            for commit, error in (
                (Commit(writes=(Write(a_deal(version=3), 2),)), ConflictError("deal", "d1", 2, 3)),
                (Commit(moves=(a_move(seq=2),)), AlreadyExistsError("move", "d1/2")),
                (Commit(activities=(an_activity("a2"),)), AlreadyExistsError("activity", "a2")),
                (Commit(answers=(Answer(key="k2", request="r", records=()),)), KeyReusedError("k2")),
            ):
                with raises(error):
                    store.commit(commit)

    def test_two_stores_have_one_feed(self) -> None:
        """Positions are the same in both stores, and what either writes comes behind what was there."""
        with self.writing_and("shared") as store, closing(self.second(store)) as second:
            for version, writer in enumerate((store, second, second, store), 1):
                writer.commit(Commit(changes=(a_change(version=version),)))
                assert [change.version for change in second.changes()] == [*range(1, version + 1)]
            feeds = [[(change.position, change) for change in each.changes()] for each in (store, second)]
            assert feeds[0] == feeds[1]
            positions = [position for position, _ in feeds[0]]
            assert positions == sorted(set(positions))

    def test_no_update_is_lost_between_two_stores(self) -> None:
        """Two stores over the same data count up one record at once: nothing is lost, doubled or skipped."""
        with self.writing_and("shared", "threads") as store, closing(self.second(store)) as second:
            store.commit(Commit(writes=(Write(a_deal(), 0),), moves=(a_move(),), changes=(a_change(),)))
            gate = gate_for(4)
            counts = [partial(count_up, each, 10, gate) for each in (store, second, store, second)]
            assert at_once(counts) == [None] * 4
            for each in (store, second):
                assert each.get("deal", "d1").version == 41  # noqa: PLR2004 (1 + 4 * 10)
                assert [move.seq for move in each.moves("d1")] == [*range(1, 42)]
                assert [change.version for change in each.changes()] == [*range(1, 42)]

    def test_closing_one_store_leaves_the_other(self) -> None:
        """A store goes on when another one over the same data is closed."""
        with self.declaring("shared") as (store, write):
            self.second(store).close()
            write_everything(write)
            assert store.get("deal", "d1") == a_deal(version=2)

    # writable

    def test_a_store_for_reading_refuses_to_write(self) -> None:
        """A store that declares writable=False takes no commit, not even one of nothing."""
        with self.using() as (store, write):
            self.skip_unless(not store.capabilities.writable, "writable=True")
            write_everything(write)
            before = readable(store, _KEYS)
            for commit in (new(a_deal("d2")), Commit(), *(bad for bad, _ in BAD)):
                with raises(StoreReadOnlyError):
                    store.commit(commit)
            assert readable(store, _KEYS) == before
