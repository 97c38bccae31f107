"""The contract of a store: several threads use it at once, and nothing is lost, doubled or skipped."""
# ruff: noqa: S101 (asserting is the point)

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import attrs

from funnelkit.changes import Change
from funnelkit.errors import AlreadyExistsError, ConflictError, KeyReusedError
from funnelkit.records import Deal
from funnelkit.storage.base import Answer, Commit, MatchKey, Store, Write
from funnelkit.testing.hooks import Hooks
from funnelkit.testing.in_use import READS, write_everything
from funnelkit.testing.samples import a_change, a_deal, a_move, an_activity, new

__all__ = ["Together", "at_once", "count_up", "gate_for"]

_PATIENCE = 120.0  # seconds after which a store counts as stuck
_THREADS = 8


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return what each call returned or raised, each in a thread of its own, all let go together."""
    results: list[Any] = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(number: int, call: Callable[[], Any]) -> None:
        try:
            gate.wait()
            results[number] = call()
        except BaseException as error:  # noqa: BLE001 (it is the result)
            results[number] = error

    threads = [
        threading.Thread(target=run, args=each, daemon=True)  # one that is stuck must not hold the end up
        for each in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
        assert not thread.is_alive(), "the store is stuck: threads wait for each other"
    return results


@contextmanager
def leaving(gate: threading.Barrier) -> Iterator[None]:
    """Let nobody wait at the gate any more for one who failed."""
    try:
        yield
    except BaseException:
        gate.abort()
        raise


def count_up(store: Store, times: int, gate: threading.Barrier) -> None:
    """Raise the version of deal d1 so many times, reading again whenever somebody was faster.

    All who count wait at the gate when they have read, so that each time all but one are too late.
    """
    with leaving(gate):
        for _ in range(times):
            deal = store.get("deal", "d1")
            gate.wait()
            while not _replaced(store, deal):
                deal = store.get("deal", "d1")


def _replaced(store: Store, deal: Deal) -> bool:
    """Replace a deal by its next version, with a move and a change; return whether it was still there."""
    record = attrs.evolve(deal, version=deal.version + 1, moves=deal.moves + 1)
    try:
        store.commit(
            Commit(
                writes=(Write(record, deal.version),),
                moves=(a_move(seq=record.moves, source="new"),),
                changes=(a_change(version=record.version),),
            )
        )
    except ConflictError:
        return False
    return True


def gate_for(people: int) -> threading.Barrier:
    """Return where so many threads wait for each other; who waits in vain fails."""
    return threading.Barrier(people, timeout=_PATIENCE)


class _Reader:
    """Follows a feed, so that its writers can wait until it has read on."""

    def __init__(self, store: Store, writers: int) -> None:
        self.seen: list[Change] = []
        self._store, self._writing = store, writers
        self._pages, self._reads = 0, True
        self._read_on = threading.Condition()

    def follow(self) -> None:
        """Read page by page until no writer is left and nothing comes any more."""
        try:
            while self._goes_on():
                with self._read_on:
                    self._pages += 1
                    self._read_on.notify_all()
        finally:
            with self._read_on:
                self._reads = False
                self._read_on.notify_all()

    def _goes_on(self) -> bool:
        """Read a page; return whether more can come."""
        over = not self._writing
        page = self._store.changes(after=self.seen[-1].position if self.seen else 0, limit=7)
        self.seen += page
        return bool(page) or not over

    def wait(self) -> None:
        """Return when a whole page more has been read."""
        with self._read_on:
            under_way = self._pages + 1
            self._read_on.wait_for(lambda: self._pages > under_way or not self._reads, _PATIENCE)

    def writer_ended(self) -> None:
        """One writer less."""
        with self._read_on:
            self._writing -= 1


def _write_and_be_read(store: Store, reader: _Reader, id: str) -> None:
    """Write ten commits of two changes each, waiting in between until the reader has read on."""
    try:
        for version in range(1, 21, 2):
            store.commit(Commit(changes=(a_change(id, version), a_change(id, version + 1))))
            reader.wait()
    finally:
        reader.writer_ended()


class Together(Hooks):
    """Several threads use it at once, and nothing is lost, doubled or skipped."""

    def test_of_two_writers_at_one_version_one_wins(self) -> None:
        """Of many that replace one version at once one is written; the others learn both versions."""
        with self.writing_and("threads") as store:
            store.commit(Commit(writes=(Write(a_deal(), 0),), moves=(a_move(),)))

            def writer(number: int) -> Callable[[], None]:
                record = a_deal(version=2, owner=f"writer {number}")
                row = a_move(seq=2, actor=record.owner)
                change = attrs.evolve(a_change(version=2), actor=record.owner)
                return lambda: store.commit(
                    Commit(writes=(Write(record, 1),), moves=(row,), changes=(change,))
                )

            results = at_once([writer(number) for number in range(_THREADS)])
            winners = [number for number, result in enumerate(results) if result is None]
            assert len(winners) == 1, results
            assert [result for result in results if result is not None] == [
                ConflictError("deal", "d1", 1, 2)
            ] * (_THREADS - 1)
            name = f"writer {winners[0]}"
            assert store.get("deal", "d1").owner == name
            assert [move.actor for move in store.moves("d1")] == ["sam", name]
            assert [change.actor for change in store.changes()] == [name]

    def test_one_new_id_is_taken_once(self) -> None:
        """Of many that make a record under one id at once one does; so with an activity and a move."""
        commits: dict[tuple[str, str], Callable[[int], Commit]] = {
            ("deal", "d1"): lambda number: new(a_deal(owner=str(number))),
            ("activity", "a1"): lambda number: Commit(activities=(an_activity(text=str(number)),)),
            ("move", "d1/1"): lambda number: Commit(moves=(a_move(note=str(number)),)),
        }
        for (kind, id), commit in commits.items():
            with self.writing_and("threads") as store:
                calls = [lambda n=number, c=commit: store.commit(c(n)) for number in range(_THREADS)]
                results = at_once(calls)
                assert results.count(None) == 1, results
                assert results.count(AlreadyExistsError(kind, id)) == _THREADS - 1, results

    def test_one_key_is_used_once(self) -> None:
        """Of many that answer under one key at once one does; nothing of the others is written."""
        with self.writing_and("threads") as store:

            def asker(number: int) -> Callable[[], None]:
                record = a_deal(f"d{number}")
                answer = Answer(key="k", request="r", records=(record,))
                return lambda: store.commit(Commit(writes=(Write(record, 0),), answers=(answer,)))

            results = at_once([asker(number) for number in range(_THREADS)])
            winners = [number for number, result in enumerate(results) if result is None]
            assert len(winners) == 1, results
            assert results.count(KeyReusedError("k")) == _THREADS - 1, results
            answer = store.answer("k")
            assert answer is not None
            assert [record.id for record in answer.records] == [f"d{winners[0]}"]
            assert store.find("deal", {}) == list(answer.records)

    def test_one_match_key_is_written_by_many(self) -> None:
        """Many that write the same keys to find duplicates by at once, in any order, all succeed."""
        keys = tuple(MatchKey(key=f"word:{number}", kind="lead", record="l1") for number in range(20))
        with self.writing_and("threads") as store:

            def writer(number: int) -> Callable[[], None]:
                order = keys if number % 2 else keys[::-1]
                return lambda: store.commit(Commit(writes=(Write(a_deal(f"d{number}"), 0),), keys=order))

            results = at_once([writer(number) for number in range(_THREADS)])
            assert results == [None] * _THREADS, results
            sql = "SELECT match_key FROM match_key ORDER BY match_key"
            assert store.query(sql, {}) == [(key,) for key in sorted(key.key for key in keys)]
            assert len(store.find("deal", {})) == _THREADS

    def test_no_update_is_lost(self) -> None:
        """Those who read again after a conflict all get their updates in: none is lost, none doubled."""
        with self.writing_and("threads") as store:
            store.commit(Commit(writes=(Write(a_deal(), 0),), moves=(a_move(),), changes=(a_change(),)))
            assert at_once([partial(count_up, store, 10, gate_for(4))] * 4) == [None] * 4
            assert store.get("deal", "d1").version == 41  # noqa: PLR2004 (1 + 4 * 10)
            assert [move.seq for move in store.moves("d1")] == [*range(1, 42)]
            assert [change.version for change in store.changes()] == [*range(1, 42)]

    def test_batches_in_opposite_order_end(self) -> None:
        """Of two batches over the same records in opposite order one is written whole, the other not."""
        rounds, ids = 10, [f"d{number:02}" for number in range(40)]
        with self.writing_and("threads") as store:
            store.commit(new(*map(a_deal, ids)))
            gate = gate_for(2)

            def batches(order: Sequence[str]) -> int:
                written = 0
                for _ in range(rounds):
                    found = store.get_many("deal", order)
                    writes = [
                        Write(attrs.evolve(found[id], version=found[id].version + 1), found[id].version)
                        for id in order
                    ]
                    with leaving(gate):
                        gate.wait()
                        with suppress(ConflictError):
                            store.commit(Commit(writes=tuple(writes)))
                            written += 1
                return written

            results = at_once([lambda: batches(ids), lambda: batches(ids[::-1])])
            assert all(isinstance(result, int) for result in results), results
            assert sum(results) == rounds
            assert {record.version for record in store.find("deal", {})} == {1 + rounds}

    def test_the_feed_skips_nothing_under_writers(self) -> None:
        """Who follows the feed while others write gets every change once, each record's in order."""
        ids = [f"d{number}" for number in range(4)]
        with self.writing_and("threads") as store:
            reader = _Reader(store, writers=len(ids))
            results = at_once(
                [reader.follow, *(partial(_write_and_be_read, store, reader, id) for id in ids)]
            )
            assert results == [None] * len(results), results
            for id in ids:
                assert [change.version for change in reader.seen if change.record == id] == [*range(1, 21)]
            positions = [change.position for change in reader.seen]
            assert positions == sorted(set(positions))
            assert store.changes() == reader.seen

    def test_any_thread_may_use_it(self) -> None:
        """One thread writes, another reads, a third closes; what one has written the others see."""
        with self.declaring("threads") as (store, write):
            assert at_once([lambda: write_everything(write)]) == [None]
            here = {name: read(store) for name, read in READS.items()}
            for name, read in READS.items():
                assert at_once([lambda read=read: read(store)]) == [here[name]]  # type: ignore[misc]
            assert here["get"] == a_deal(version=2)
            assert at_once([store.close]) == [None]
