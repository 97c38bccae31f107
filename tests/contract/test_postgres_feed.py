"""The change feed of PostgreSQL: what is committed late is not skipped, records keep their order."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from typing import Any, cast

import attrs
import pytest
from tests.servers import Schemas

from funnelkit.changes import Change
from funnelkit.errors import ConflictError, StoreBusyError
from funnelkit.records import Deal
from funnelkit.storage.base import Commit, Write
from funnelkit.storage.postgres import PostgresStore
from funnelkit.testing.samples import a_change, a_deal, new

ROUNDS = int(os.environ.get("FUNNELKIT_FEED_ROUNDS", "60"))


@pytest.fixture
def connect(schemas: Schemas) -> Iterator[Any]:
    """Give what makes connections of the host's."""
    import psycopg

    made: list[psycopg.Connection[Any]] = []

    def connect() -> psycopg.Connection[Any]:
        made.append(psycopg.connect(schemas.url))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def said(changes: list[Change]) -> list[tuple[str, int]]:
    """Return record and version of changes."""
    return [(change.record, change.version) for change in changes]


def ids_of(store: PostgresStore) -> list[int]:
    """Return the ids of the changes, as a reader would who goes by them."""
    return [id for (id,) in store.query("SELECT id FROM change ORDER BY id", {})]


def test_what_was_written_first_and_committed_last_is_read(
    store: PostgresStore, schema: str, connect: Any
) -> None:
    """A transaction that wrote first and ends last comes later in the feed; nobody steps over it."""
    host = connect()
    PostgresStore.on(host, schema=schema).commit(Commit(changes=(a_change("early"),)))
    store.commit(Commit(changes=(a_change("late"),)))
    first = store.changes()
    assert said(first) == [("late", 1)]
    host.commit()
    assert said(store.changes(after=first[-1].position)) == [("early", 1)]
    assert said(store.changes()) == [("late", 1), ("early", 1)]


def test_a_reader_by_id_would_have_missed_it(store: PostgresStore, schema: str, connect: Any) -> None:
    """Read by the numbers that their writers drew, the same two transactions lose one."""
    host = connect()
    PostgresStore.on(host, schema=schema).commit(Commit(changes=(a_change("early"),)))
    store.commit(Commit(changes=(a_change("late"),)))
    cursor = ids_of(store)[-1]
    host.commit()
    behind = store.query("SELECT record_id FROM change WHERE id > :cursor", {"cursor": cursor})
    assert len(ids_of(store)) == 2
    assert behind == []


def test_what_is_rolled_back_leaves_no_gap(store: PostgresStore, schema: str, connect: Any) -> None:
    """A transaction that ends without effect takes no position."""
    store.commit(Commit(changes=(a_change("a"),)))
    host = connect()
    PostgresStore.on(host, schema=schema).commit(Commit(changes=(a_change("b"),)))
    host.rollback()
    store.commit(Commit(changes=(a_change("c"),)))
    assert [change.position for change in store.changes()] == [1, 2]
    assert said(store.changes()) == [("a", 1), ("c", 1)]


def test_a_long_transaction_of_somebody_else_does_not_hold_the_feed(
    store: PostgresStore, connect: Any
) -> None:
    """An unrelated transaction that stays open keeps no change from being read."""
    other = connect()
    other.execute("CREATE TEMP TABLE mine (x INT)")  # it has a transaction number from here on
    store.commit(Commit(changes=(a_change(),)))
    assert said(store.changes()) == [("d1", 1)]


def test_versions_of_a_record_are_in_order_whatever_ids_they_drew(
    store: PostgresStore, schema: str, connect: Any
) -> None:
    """Sessions may draw ids in blocks, a later version the smaller one; it still comes later."""
    sequence = f'"{schema}".change_id_seq'
    connection = connect()
    store.commit(Commit(changes=(a_change("other"),)))
    for record, version, id in (("d1", 1, 100), ("d1", 2, 40), ("d2", 1, 60), ("d1", 3, 50), ("d1", 3, 45)):
        connection.execute(f"SELECT setval('{sequence}', {id}, false)")
        PostgresStore.on(connection, schema=schema).commit(Commit(changes=(a_change(record, version),)))
    connection.commit()
    feed = said(store.changes())
    assert feed == [("other", 1), ("d2", 1), ("d1", 1), ("d1", 2), ("d1", 3), ("d1", 3)]


def test_positions_do_not_move(store: PostgresStore) -> None:
    """A change keeps its position; reading gives each one once."""
    for number in range(3):
        store.commit(Commit(changes=(a_change(f"d{number}"),)))
    first = [(change.position, change.record) for change in store.changes()]
    store.commit(Commit(changes=(a_change("d9"),)))
    assert [(change.position, change.record) for change in store.changes()] == [*first, (4, "d9")]


def test_reading_the_feed_holds_no_writer(store: PostgresStore, schema: str, connect: Any) -> None:
    """While a reader holds the feed, others write; they only cannot be numbered yet."""
    store.commit(Commit(changes=(a_change("d1"),)))
    reader = connect()
    reader.execute(f'SELECT last FROM "{schema}".feed FOR UPDATE')
    store.commit(new(a_deal()))
    store.commit(Commit(writes=(Write(a_deal(version=2), 1),), changes=(a_change("d1", 2),)))
    reader.rollback()
    assert said(store.changes()) == [("d1", 1), ("d1", 2)]


def test_a_closed_transaction_in_the_middle_of_numbering_changes_nothing(
    store: PostgresStore, schema: str, connect: Any
) -> None:
    """A reader that dies while it numbers leaves the feed to the next one."""
    store.commit(Commit(changes=(a_change("d1"), a_change("d2"))))
    reader = connect()
    reader.execute(f'UPDATE "{schema}".feed SET last = last + 1')
    reader.execute(f"UPDATE \"{schema}\".change SET position = 1 WHERE record_id = 'd2'")
    reader.close()
    assert [(change.position, change.record) for change in store.changes()] == [(1, "d1"), (2, "d2")]


RECORDS = 12


def write(url: str, schema: str, number: int, wrote: list[tuple[str, int]]) -> None:
    """Change two records at a time, some of them those of other writers; note what was written."""
    with PostgresStore(url, schema=schema, connections=1) as store:
        for turn in range(ROUNDS):
            ids = sorted({f"d{(number * 5 + turn * step) % RECORDS}" for step in (1, 3)})
            while True:
                deals = cast("list[Deal]", list(store.get_many("deal", ids).values()))
                later = [attrs.evolve(deal, version=deal.version + 1) for deal in deals]
                changes = [a_change(deal.id, deal.version) for deal in later]
                writes = tuple(Write(deal, deal.version - 1) for deal in later)
                with suppress(ConflictError, StoreBusyError):
                    store.commit(Commit(writes=writes, changes=tuple(changes)))
                    wrote.extend(said(changes))
                    break


def follow(url: str, schema: str, ended: threading.Event, feed: list[Change]) -> None:
    """Read the feed in a tight loop until it has ended."""
    with PostgresStore(url, schema=schema, connections=1) as store:
        while True:
            last_round = ended.is_set()
            page = store.changes(after=feed[-1].position if feed else 0, limit=50)
            feed.extend(page)
            if last_round and not page:
                return


def test_writers_and_readers_at_once_lose_nothing(schemas: Schemas, schema: str) -> None:
    """Eight writers, two readers in tight loops: each reader gets all changes once, records in order."""
    with PostgresStore(schemas.url, schema=schema) as store:
        store.commit(new(*(a_deal(f"d{number}") for number in range(RECORDS))))
    wrote: list[tuple[str, int]] = []
    feeds: list[list[Change]] = [[], []]
    ended = threading.Event()
    with ThreadPoolExecutor(10) as threads:
        readers = [threads.submit(follow, schemas.url, schema, ended, feed) for feed in feeds]
        writers = [threads.submit(write, schemas.url, schema, number, wrote) for number in range(8)]
        try:
            for future in writers:
                future.result()
        finally:
            ended.set()
        for future in readers:
            future.result()
    assert len(wrote) >= 8 * ROUNDS
    for feed in feeds:
        assert sorted(said(feed)) == sorted(wrote)
        assert [change.position for change in feed] == list(range(1, len(wrote) + 1))
        versions: defaultdict[str, list[int]] = defaultdict(list)
        for change in feed:
            versions[change.record].append(change.version)
        assert all(one < other for seen in versions.values() for one, other in pairwise(seen))
