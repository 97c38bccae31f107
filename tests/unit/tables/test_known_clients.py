"""What a table knows of clients that were merged: who stands for them, and at what price."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.tables.test_table_import import CONTACTS, an_engine, file, rows

from funnelkit import MemoryStore
from funnelkit.tables.importing import plan_table


class Counting(MemoryStore):
    """A store that counts what it is asked."""

    asked = 0

    def get_many(self, *args: Any, **options: Any) -> Any:
        """Count and answer."""
        self.asked += 1
        return super().get_many(*args, **options)

    def query(self, *args: Any, **options: Any) -> Any:
        """Count and answer."""
        self.asked += 1
        return super().query(*args, **options)


def merged(engine: Any, *groups: list[str]) -> None:
    """Merge groups of contacts, each into its first one."""
    for group in groups:
        engine.apply(engine.plan_merge(group, survivor=group[0]), actor="ann")


@pytest.mark.parametrize(("count", "pairs"), [(24, False), (110, False), (60, True)])
def test_who_was_merged_is_no_noise(count: int, pairs: bool) -> None:
    """Of many contacts with one address that became one, the one is found; so it is if pairs came first."""
    engine = an_engine()
    ids = [f"c{number:03d}" for number in range(count)]
    for id in ids:
        engine.create_contact("Ann", id=id, email="a@x.example")
    if pairs:
        merged(engine, *(ids[start : start + 2] for start in range(0, count, 2)))
        ids = ids[::2]
    merged(engine, *([ids[0], *ids[start : start + 8]] for start in range(1, len(ids), 8)))
    (plan,) = rows(engine, CONTACTS, "id,name,email\n1,Ann,a@x.example\n")
    assert (plan.fate, plan.record, plan.notes) == ("same", "c000", ())


def test_who_was_merged_twice_over_is_found_by_key_and_by_id() -> None:
    """The first has neither address nor number of the last."""
    engine = an_engine()
    rows(engine, CONTACTS, "id,name,email\n1,Ann,a@x.example\n2,Ann,b@x.example\n3,Ann,c@x.example\n")
    merged(engine, ["csv-contact-2", "csv-contact-3"], ["csv-contact-1", "csv-contact-2"])
    plans = rows(engine, CONTACTS, "id,name,email\n3,Ann,\n9,Ann,c@x.example\n")
    assert [(plan.fate, plan.record) for plan in plans] == [("same", "csv-contact-1")] * 2


@pytest.mark.parametrize("count", [21, 101])
def test_rows_do_not_find_each_other_by_noise(count: int) -> None:
    """A number of too many contacts says nothing of two rows, either."""
    engine = an_engine()
    for number in range(count):
        engine.create_contact(f"Clerk {number}", phone="+442079460000")
    plans = rows(engine, CONTACTS, "id,name,phone\n1,Ann,+442079460000\n2,Ann,+442079460000\n")
    assert [plan.fate for plan in plans] == ["create", "create"]


def test_merged_records_are_looked_up_together() -> None:
    """Forty rows about merged contacts take no more questions than one row does."""

    def asked(count: int) -> int:
        store = Counting()
        engine = an_engine(store=store)
        for number in range(count):
            for id in ("a", "b"):
                engine.create_contact(f"N{number}", id=f"{id}{number}", email=f"{id}{number}@x.example")
            engine.apply(engine.plan_merge([f"a{number}", f"b{number}"], survivor=f"a{number}"), actor="ann")
        text = "id,name,email\n" + "".join(f"{n},N{n},b{n}@x.example\n" for n in range(count))
        store.asked = 0
        plans = list(plan_table(engine, file(text), CONTACTS))
        assert [plan.record for plan in plans] == [f"a{number}" for number in range(count)]
        return store.asked

    assert asked(40) == asked(1)
