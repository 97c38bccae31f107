"""The contract of a store: what is written is read again, exactly."""
# ruff: noqa: S101 (asserting is the point)

from __future__ import annotations

from datetime import timedelta

import attrs

from funnelkit import changes
from funnelkit.money import CURRENCIES, Money
from funnelkit.records import Record
from funnelkit.storage.base import Answer, Attribute, Commit, MatchKey, Write, kind_of
from funnelkit.testing.hooks import Hooks
from funnelkit.testing.reading import readable
from funnelkit.testing.samples import (
    AT,
    BIG,
    CUSTOM,
    FIRST,
    LAST,
    MAKERS,
    TEXTS,
    a_contact,
    a_deal,
    a_move,
    an_activity,
    filled,
    new,
)

__all__ = ["RoundTrips"]


class RoundTrips(Hooks):
    """What is written is read again, exactly."""

    def test_a_new_store_is_empty(self) -> None:
        """A new store holds nothing."""
        with self.using() as (store, _):
            found = readable(store)
            tables = found.pop("tables")
            assert not any(found.values())
            assert not any(tables.values())

    def test_records_round_trip_with_every_field_filled(self) -> None:
        """Every field of every kind comes back exactly, whatever script and sign its text is in."""
        for text in TEXTS:
            with self.using() as (store, write):
                written = filled(text)
                write(new(*written))
                for record in written:
                    read = store.get(kind_of(record), record.id)
                    assert read == record
                    assert type(read) is type(record)

    def test_records_round_trip_with_every_field_blank(self) -> None:
        """What was never given comes back as it was: None, empty text, an empty mapping."""
        with self.using() as (store, write):
            written: list[Record] = [make() for make in MAKERS.values()]
            write(new(*written))
            assert [store.get(kind_of(record), record.id) for record in written] == written
            assert repr(store.get("deal", "d1")) == repr(a_deal())

    def test_instants_come_back_as_utc(self) -> None:
        """Instants are read as aware datetimes in UTC, to the microsecond."""
        with self.using() as (store, write):
            write(new(a_deal(created_at=FIRST, updated_at=LAST)))
            deal = store.get("deal", "d1")
            assert (deal.created_at, deal.updated_at) == (FIRST, LAST)
            assert deal.created_at.utcoffset() == deal.updated_at.utcoffset() == timedelta(0)

    def test_money_keeps_its_decimals(self) -> None:
        """Zero is not nothing, and every currency keeps its own number of decimals."""
        with self.using() as (store, write):
            values = {code: Money(0, code) for code in CURRENCIES}
            write(new(*(a_deal(code, value=value) for code, value in values.items())))
            read = {code: store.get("deal", code).value for code in values}
            assert {code: str(value) for code, value in read.items()} == {
                code: str(value) for code, value in values.items()
            }

    def test_ids_of_any_script_are_kept_apart(self) -> None:
        """Ids are compared sign by sign: no case, no accent and no white space is folded."""
        ids = ["ä", "a\u0308", "Ä", "A", "a", "a ", "🚀", "Я", "я", "a%", "a_"]
        with self.using() as (store, write):
            write(new(*(a_deal(id, name=id) for id in ids)))
            assert [store.get("deal", id).name for id in ids] == ids
            assert [deal.id for deal in store.find("deal", {})] == sorted(ids)

    def test_moves_round_trip(self) -> None:
        """Every field of a move comes back exactly, filled or blank."""
        for text in TEXTS:
            full = a_move(
                seq=2,
                at=LAST,
                source="new",
                target="won",
                direction="close",
                since=FIRST,
                first=False,
                actor=text,
                cause=text,
                reason=text,
                reason_text=text,
                note=text,
                overruled=text,
                owner=text,
                value=Money(BIG, "JPY"),
                probability=1.0,
                lead_source=text,
                campaign=text,
                key=text,
                seal=text,
                repeat="deal",
            )
            with self.using() as (store, write):
                write(Commit(moves=(a_move(), full)))
                assert store.moves("d1") == [a_move(), full]

    def test_activities_round_trip(self) -> None:
        """Every field of an activity comes back exactly."""
        for text in TEXTS:
            full = an_activity(kind=text, text=text, stage=text, step=text, at=LAST, by=text, custom=CUSTOM)
            with self.using() as (store, write):
                write(Commit(activities=(full, an_activity("a0"))))
                assert store.activities("d1") == [an_activity("a0"), full]

    def test_match_keys_round_trip(self) -> None:
        """Keys to find duplicates by come back exactly; one that is written again is there once."""
        for text in TEXTS:
            found = (
                MatchKey(key=f"name:{text}", kind="lead", record="l1"),
                MatchKey(key=text, kind="contact", record="c1"),
                MatchKey(key=text, kind="lead", record="c1"),  # one id may stand in two kinds
            )
            with self.using() as (store, write):
                write(Commit(keys=found))
                write(Commit(keys=(*reversed(found), *found)))
                sql = "SELECT match_key, kind, record_id FROM match_key WHERE record_id IN (:one, :other)"
                rows = store.query(sql, {"one": "l1", "other": "c1"})
                assert sorted(rows) == sorted((key.key, key.kind, key.record) for key in found)

    def test_attributes_round_trip(self) -> None:
        """Field values come back exactly."""
        with self.using() as (store, write):
            written = [
                Attribute(record="d1", field=f"custom.{text}", value=text, amount=amount, since=since)
                for text in TEXTS
                for amount, since in ((BIG, LAST), (-BIG, FIRST), (0, AT))
            ]
            write(Commit(attributes=tuple(written)))
            assert store.attributes("d1") == written

    def test_changes_of_every_type_round_trip(self) -> None:
        """Each type of change comes back as itself, with all that it says."""
        said = {"source": "я", "target": "'", "reason": "🚀", "name": "Zoë", "activity": "a1", "kind": "call"}
        types = [getattr(changes, name) for name in changes.__all__ if name not in {"Change", "Subscriber"}]
        written = []
        for number, change_type in enumerate(types, 1):
            own = {field.name for field in attrs.fields(change_type)}
            fields = {name: value for name, value in said.items() if name in own}
            if "fields" in own:
                fields["fields"] = ("name", "custom.a")  # type: ignore[assignment]
            written.append(change_type(record="d1", version=number, at=AT, actor="sam", **fields))
        with self.using() as (store, write):
            write(Commit(changes=tuple(written)))
            read = store.changes()
            assert read == written
            assert [type(change) for change in read] == types

    def test_answers_round_trip(self) -> None:
        """An answer holds the records and activities as they were answered, in their order."""
        for text in TEXTS:
            answer = Answer(key=text, request=text, records=(*filled(text), an_activity(custom=CUSTOM)))
            with self.using() as (store, write):
                write(Commit(answers=(answer,)))
                assert store.answer(text) == answer
                assert store.answer("another") is None

    def test_an_answer_stays_as_it_was_given(self) -> None:
        """An answer does not follow the record that goes on changing."""
        with self.using() as (store, write):
            first, second = a_deal(), a_deal(version=2, stage="offer")
            write(
                Commit(writes=(Write(first, 0),), answers=(Answer(key="k", request="r", records=(first,)),))
            )
            write(Commit(writes=(Write(second, 1),)))
            answer = store.answer("k")
            assert answer is not None
            assert answer.records == (first,)

    def test_a_definition_is_kept_as_it_was_first_written(self) -> None:
        """The document of a fingerprint is written once; the same fingerprint later changes nothing."""
        with self.using() as (store, write):
            write(Commit(definitions={"0f": ("sales", '{"id": "sales"}')}))
            write(Commit(definitions={"0f": ("other", "{}"), "1f": ("Продажи", "{}")}))
            assert store.definitions() == {"0f": ("sales", '{"id": "sales"}'), "1f": ("Продажи", "{}")}

    def test_an_empty_commit_is_nothing(self) -> None:
        """A commit of nothing writes nothing."""
        with self.using() as (store, write):
            before = readable(store)
            write(Commit())
            assert readable(store) == before

    def test_a_new_version_replaces_every_field(self) -> None:
        """After a write a record is what was written, with nothing left of what it was."""
        for before, after in ((filled("я"), "blank"), (None, "filled")):
            with self.using() as (store, write):
                blank = [make(version=1) for make in MAKERS.values()]
                first = [attrs.evolve(record, version=1) for record in before] if before else blank
                second = blank if after == "blank" else filled("я")
                write(new(*first))
                write(Commit(writes=tuple(Write(attrs.evolve(record, version=2), 1) for record in second)))
                for record in second:
                    assert store.get(kind_of(record), record.id) == attrs.evolve(record, version=2)

    def test_one_id_may_stand_in_two_kinds(self) -> None:
        """A record is known by its kind and its id."""
        with self.using() as (store, write):
            write(new(a_deal("x"), a_contact("x")))
            assert (store.get("deal", "x").id, store.get("contact", "x").name) == ("x", "Ann")
