"""The contract of a store: a SELECT of anybody's own sees everything and changes nothing."""
# ruff: noqa: S101 (asserting is the point)

from __future__ import annotations

from funnelkit.errors import InputError
from funnelkit.storage.base import Commit, Write
from funnelkit.testing.hooks import Hooks, raises
from funnelkit.testing.in_use import write_everything
from funnelkit.testing.reading import readable
from funnelkit.testing.samples import a_deal, a_move, new

__all__ = ["Queries"]

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


class Queries(Hooks):
    """A SELECT of anybody's own sees everything and changes nothing."""

    def test_a_query_sees_what_was_written(self) -> None:
        """A query sees each commit as soon as it returned, replaced records included."""
        with self.using() as (store, write):
            sql = "SELECT d.stage, COUNT(*) FROM deal d JOIN move m ON m.record_id = d.id GROUP BY d.stage"
            assert store.query(sql, {}) == []
            write(Commit(writes=(Write(a_deal(), 0),), moves=(a_move(),)))
            assert store.query(sql, {}) == [("new", 1)]
            write(Commit(writes=(Write(a_deal(version=2, stage="ö"), 1),), moves=(a_move(seq=2),)))
            assert store.query(sql, {}) == [("ö", 2)]

    def test_a_query_takes_named_parameters(self) -> None:
        """Parameters are values, never SQL."""
        with self.using() as (store, write):
            write(new(a_deal("d1", owner="O'Hara; --"), a_deal("d2")))
            sql = "  -- whose\n/* deals */ SELECT id FROM deal WHERE owner = :owner AND created_us = :at"
            rows = store.query(sql, {"owner": "O'Hara; --", "at": 1_772_357_400_000_001, "more": 1})
            assert rows == [("d1",)]
            assert store.query("WITH one AS (SELECT :n AS n) SELECT n FROM one", {"n": None}) == [(None,)]

    def test_a_query_cannot_write(self) -> None:
        """Whatever is no single SELECT is refused and leaves the store as it was, and usable."""
        for sql in _WRITING:
            with self.using() as (store, write):
                write_everything(write)
                before = readable(store, ("k",))
                with raises(InputError):
                    store.query(sql, {})
                assert readable(store, ("k",)) == before
                write(new(a_deal("d2")))

    def test_a_bad_query_is_the_callers_error(self) -> None:
        """A query that cannot run is an InputError, with the driver's own words."""
        with self.using() as (store, _):
            for sql in ("", "SELECT", "SELECT nothing FROM deal", "SELECT :absent", "hello"):
                with raises(InputError):
                    store.query(sql, {})
            with raises(InputError):
                store.query("SELECT :value", {"value": object()})
