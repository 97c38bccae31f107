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


@pytest.mark.parametrize("chained", [False, True])
def test_who_was_merged_is_no_noise(chained: bool) -> None:
    """Of 24 contacts with one address that became one, the one is found, by whatever ways they did."""
    engine = an_engine()
    ids = [f"c{number:02d}" for number in range(24)]
    for id in ids:
        engine.create_contact("Ann", id=id, email="a@x.example")
    merges = (
        [ids[:12], ids[12:], [ids[0], ids[12]]]
        if chained
        else [ids[:9], [ids[0], *ids[9:17]], [ids[0], *ids[17:]]]
    )
    for group in merges:
        engine.apply(engine.plan_merge(group, survivor=group[0]), actor="ann")
    (plan,) = rows(engine, CONTACTS, "id,name,email\n1,Ann,a@x.example\n")
    assert (plan.fate, plan.record, plan.notes) == ("same", "c00", ())


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
