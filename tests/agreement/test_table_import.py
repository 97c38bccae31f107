"""Tables against the laws of an import: nothing is lost, nothing is done twice, a plan is what happens."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers import Schemas

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage, Store
from funnelkit.keys.policy import KeyPolicy
from funnelkit.storage import open_store
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.tables.importing import import_table, plan_table
from funnelkit.tables.mapping import Column, TableMapping
from funnelkit.tables.report import TableReport
from funnelkit.testing import readable

CLOCK = FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
SALES = Pipeline(
    "sales",
    [Stage("new"), Stage("offer", requires="value"), Stage("contract")],
    close_reasons={"lost": ["price", "silence"]},
)
CONTACTS = TableMapping(
    kind="contact",
    key="id",
    zone="UTC",
    fields={
        "name": "name",
        "email": "email",
        "phone": "phone",
        "company_name": "company",
        "owner": "owner",
        "created_at": "created",
        "custom.size": "size",
    },
)
COMPANIES = TableMapping(
    kind="company", key="id", fields={"name": "name", "owner": "owner", "custom.inn": "inn"}
)
DEALS = TableMapping(
    kind="deal",
    key="id",
    zone="UTC",
    currency="EUR",
    decimal=".",
    fields={
        "name": "name",
        "place": Column("place", values={"Won": "won", "Lost": "lost"}),
        "reason": "reason",
        "value": "value",
        "owner": "owner",
        "created_at": "created",
        "closed_at": "closed",
        "custom.size": "size",
    },
)


def cells(*values: str) -> st.SearchStrategy[str]:
    """Draw one of a few cells, so that rows meet each other."""
    return st.sampled_from(values)


contacts = st.fixed_dictionaries(
    {
        "id": cells("1", "2", "3", "4", "5", "6", "", "1.2E+19"),
        "name": cells("Ann", "Bob Ёж", "ann lee", ""),
        "email": cells("", "a@x.example", "A@X.example", "b@x.example", "c@y.example"),
        "phone": cells("", "+79161234567", "8 916 123-45-67", "+442079460000", "12"),
        "company": cells("", "Acme", "ACME Ltd", "Bolt", "!!!"),
        "owner": cells("", "ann", "bob"),
        "created": cells("", "01.02.2025", "2025-02-30", "01.02.2031"),
        "size": cells("", "S", "L"),
    }
)
companies = st.fixed_dictionaries(
    {
        "id": cells("1", "2", "3", "4"),
        "name": cells("Acme", "ACME Ltd", "Bolt", ""),
        "owner": cells("", "ann"),
        "inn": cells("", "7701", "7702"),
    }
)
deals = st.fixed_dictionaries(
    {
        "id": cells(*map(str, range(8)), ""),
        "name": cells("Roof", "Barn", ""),
        "place": cells("new", "offer", "contract", "Won", "Lost", "sold", ""),
        "reason": cells("", "price", "weather"),
        "value": cells("", "10.50", "7", "seven"),
        "owner": cells("", "ann", "bob"),
        "created": cells("", "01.02.2025", "03.02.2025 10:00"),
        "closed": cells("", "03.02.2025", "01.01.2025", "05.05.2025"),
        "size": cells("", "S", "L"),
    }
)
Rows = list[dict[str, str]]
tables = st.one_of(
    st.tuples(st.just(CONTACTS), st.lists(contacts, min_size=1, max_size=14)),
    st.tuples(st.just(COMPANIES), st.lists(companies, min_size=1, max_size=10)),
    st.tuples(st.just(DEALS), st.lists(deals, min_size=1, max_size=14)),
)


def file_of(rows: Rows) -> io.BytesIO:
    """Return rows as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return io.BytesIO(text.getvalue().encode())


def engine_on(store: Store) -> Engine:
    """Return an engine that knows Russian phones and tax numbers."""
    return Engine(
        SALES, store=store, clock=CLOCK, keys=KeyPolicy(region="RU", identifiers={"inn": "custom.inn"})
    )


def taken(engine: Engine, mapping: TableMapping, rows: Rows, **how: Any) -> TableReport:
    """Import rows."""
    return import_table(engine, file_of(rows), mapping, **how)


def records(store: Store) -> dict[str, Any]:
    """Return the records that are in a store, without the feed, whose order follows the batches."""
    return {
        part: found
        for part, found in readable(store).items()
        if part in {"lead", "deal", "contact", "company"}
    }


@given(tables, st.integers(1, 5))
def test_every_row_has_one_fate(table: tuple[TableMapping, Rows], batch: int) -> None:
    """Rows in are rows created, filled, same and bad; and a second time no row writes anything."""
    mapping, rows = table
    engine = engine_on(MemoryStore())
    first = taken(engine, mapping, rows, batch=batch)
    assert first.rows + first.empty == len(rows)
    assert first.rows == first.created + first.filled + first.same + first.bad
    before = readable(engine.store)
    again = taken(engine, mapping, rows, batch=batch)
    assert readable(engine.store) == before
    assert (again.created, again.filled, again.bad, again.companies) == (0, 0, first.bad, 0)
    assert engine.verify() == ()


@given(tables, tables, st.integers(1, 5))
def test_a_plan_is_what_happens(
    before: tuple[TableMapping, Rows], table: tuple[TableMapping, Rows], batch: int
) -> None:
    """What a plan says of each row, whatever is there already, is what the import does; it writes nothing."""
    mapping, rows = table
    engine = engine_on(MemoryStore())
    taken(engine, *before)
    stood = readable(engine.store)
    planned = list(plan_table(engine, file_of(rows), mapping))
    assert readable(engine.store) == stood
    counts = [sum(row.fate == fate for row in planned) for fate in ("create", "fill", "same", "bad")]
    done = taken(engine, mapping, rows, batch=batch)
    assert counts == [done.created, done.filled, done.same, done.bad]
    assert sum(bool(row.company) for row in planned) == done.companies
    for row in planned:
        assert row.fate == "bad" or engine.get(row.record).name


@given(tables, st.integers(1, 5), st.integers(0, 13))
def test_batches_and_cuts_make_no_difference(table: tuple[TableMapping, Rows], batch: int, cut: int) -> None:
    """Records are the same however many rows go into a commit, and after an import that stopped halfway."""
    mapping, rows = table
    whole, parts = engine_on(MemoryStore()), engine_on(MemoryStore())
    taken(whole, mapping, rows)
    if rows[:cut]:
        taken(parts, mapping, rows[:cut], batch=batch)
    taken(parts, mapping, rows, batch=batch)
    assert records(parts.store) == records(whole.store)


@given(tables, st.integers(1, 5))
def test_stores_agree(table: tuple[TableMapping, Rows], batch: int) -> None:
    """Memory and SQLite hold the same after the same import."""
    mapping, rows = table
    memory = engine_on(MemoryStore())
    told = taken(memory, mapping, rows, batch=batch)
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder, "crm.db"), durability="fast")
        with engine_on(store) as file:
            assert taken(file, mapping, rows, batch=batch) == told
            assert records(store) == records(memory.store)


@given(tables)
def test_mended_rows_are_imported(table: tuple[TableMapping, Rows]) -> None:
    """The file of bad rows holds each of them once, as it was; unmended, all of it is bad again."""
    mapping, rows = table
    engine = engine_on(MemoryStore())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bad.csv")
        first = taken(engine, mapping, rows, bad_rows=path)
        before = readable(engine.store)
        assert path.exists() is (first.bad > 0)
        if not first.bad:
            return
        with path.open(encoding="utf-8-sig", newline="") as file:
            bad = list(csv.DictReader(file, delimiter=";"))
        lines = [row.line for row in first.listed if row.fate == "bad"]
        filled = [row for row in rows if any(row.values())]
        assert [int(row["bad: line"]) for row in bad] == lines
        assert all(row["bad: reason"] for row in bad)
        held = [{name: cell for name, cell in row.items() if not name.startswith("bad: ")} for row in bad]
        assert all(row in filled for row in held)
        again = import_table(engine, path, mapping, bad_rows=path.with_name("again.csv"))
        assert (again.rows, again.bad) == (first.bad, first.bad)
        assert readable(engine.store) == before


@given(st.lists(contacts, min_size=1, max_size=12))
def test_no_contact_is_made_twice(rows: Rows) -> None:
    """After an import no two contacts share an e-mail address, unless identifiers tell them apart."""
    engine = engine_on(MemoryStore())
    taken(engine, CONTACTS, rows)
    emails = [one.email.casefold() for one in engine.find("contact") if one.email]
    assert len(emails) == len(set(emails))


@pytest.mark.parametrize("batch", [1, 3, 1000])
@given(first=st.lists(contacts, min_size=1, max_size=8), then=st.lists(contacts, min_size=1, max_size=8))
def test_nothing_is_overwritten(batch: int, first: Rows, then: Rows) -> None:
    """What a record says once it says for good: another import fills blanks only."""
    engine = engine_on(MemoryStore())
    taken(engine, CONTACTS, first)
    before = {one.id: one for one in engine.find("contact")}
    taken(engine, CONTACTS, then, batch=batch)
    for id, old in before.items():
        new = engine.get(id)
        for field in ("name", "email", "phone", "owner", "company", "created_at"):
            assert getattr(old, field) in ("", getattr(new, field))
        assert old.custom.items() <= new.custom.items()


def test_postgres_agrees(schemas: Schemas) -> None:
    """PostgreSQL holds what memory holds, rows of one record in one commit included; a second time, too."""
    random = Random(5)
    words: dict[str, Any] = {
        "id": [str(number) for number in range(1, 80)],
        "name": ["Ann", "Bob Ёж", ""],
        "email": ["", *(f"u{number}@x.example" for number in range(40))],
        "phone": ["", *(f"+7916123{number:04d}" for number in range(40))],
        "company": ["", "Acme", "ACME Ltd", "Bolt"],
        "owner": ["", "ann"],
        "created": ["", "01.02.2025"],
        "size": ["", "S"],
    }
    rows = [{name: random.choice(cells) for name, cells in words.items()} for _ in range(300)]
    memory = engine_on(MemoryStore())
    with engine_on(open_store(f"{schemas.url}?schema={schemas.new()}")) as engine:
        for _ in range(2):
            told = taken(memory, CONTACTS, rows, batch=100)
            assert taken(engine, CONTACTS, rows, batch=100) == told
            assert records(engine.store) == records(memory.store)
        assert engine.verify() == ()
