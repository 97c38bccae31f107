"""Rows to records: what each row does, what stays, what is refused, and what is said of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage, money, templates
from funnelkit.errors import ConflictError, DefinitionError, InputError
from funnelkit.keys.policy import KeyPolicy
from funnelkit.storage.base import Commit
from funnelkit.tables.files import read_table
from funnelkit.tables.importing import import_table, plan_table
from funnelkit.tables.mapping import Column, TableMapping
from funnelkit.tables.report import RowPlan

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SALES = Pipeline(
    "sales",
    [Stage("new", label="Новая"), Stage("offer", requires="value")],
    close_reasons={"lost": {"price": "Дорого"}},
)
INTAKE = templates.lead_intake()
ORDERED = Pipeline("ordered", [Stage("new"), Stage("offer")], moves="ordered")
CONTACTS = TableMapping(
    kind="contact",
    key="id",
    fields={
        "name": "name",
        "email": "email",
        "phone": "phone",
        "company_name": "company",
        "company": "company id",
        "custom.inn": "inn",
    },
)
COMPANIES = TableMapping(
    kind="company", key="id", fields={"name": "name", "custom.inn": "inn", "owner": "owner"}
)
DEALS = TableMapping(
    kind="deal",
    key="id",
    zone="UTC",
    currency="EUR",
    fields={
        "name": Column("name", required=True),
        "place": Column("place", values={"Won": "won", "Lost": "lost"}),
        "reason": "reason",
        "note": "note",
        "value": "value",
        "owner": "owner",
        "created_at": "created",
        "closed_at": "closed",
        "contact": "contact",
        "custom.size": "size",
    },
)
LEADS = TableMapping(
    kind="lead",
    key="id",
    fields={"name": "name", "place": Column("place", values={"Won": "won"}), "email": "email"},
)


def an_engine(**options: Any) -> Engine:
    """Return an engine over memory that knows tax numbers."""
    keys = KeyPolicy(identifiers={"inn": "custom.inn"})
    return Engine(SALES, INTAKE, clock=FrozenClock(NOW), keys=keys, **options)


def rows(engine: Engine, mapping: TableMapping, text: str, **how: Any) -> list[RowPlan]:
    """Plan a table, import it, and return the plan, which the import has to follow."""
    planned = list(plan_table(engine, file(text), mapping, **how))
    report = import_table(engine, file(text), mapping, **how)
    fates = [row.fate for row in planned]
    assert [report.created, report.filled, report.same, report.bad] == [
        fates.count(fate) for fate in ("create", "fill", "same", "bad")
    ]
    return planned


def file(text: str) -> io.BytesIO:
    """Return text as a file; cells are parted by commas."""
    return io.BytesIO(text.encode())


def bad(plans: list[RowPlan]) -> list[str]:
    """Return what is said of bad rows."""
    return [str(plan) for plan in plans if plan.fate == "bad"]


# -- leads and deals -----------------------------------------------------------------------------


def test_a_deal_is_created_on_its_stage_at_its_date() -> None:
    """The ledger has one row, of the date of the row, by whom imports, through an import."""
    engine = an_engine()
    rows(engine, DEALS, "id,name,place,value,created\n1,Roof,offer,7,01.02.2025\n", actor="ann")
    (move,) = engine.history("csv-deal-1")
    assert (move.target, move.at, move.cause, move.actor) == (
        "offer",
        datetime(2025, 2, 1, tzinfo=UTC),
        "import",
        "ann",
    )


def test_a_stage_is_known_by_its_label() -> None:
    """What the pipeline calls a stage need not be mapped."""
    engine = an_engine()
    rows(engine, DEALS, "id,name,place\n1,Roof,НОВАЯ\n")
    deal: Any = engine.get("csv-deal-1")
    assert deal.stage == "new"


def test_a_closed_deal_is_closed_as_its_row_says() -> None:
    """Outcome, reason by its label, note and instant are those of the row."""
    engine = an_engine()
    rows(
        engine,
        DEALS,
        "id,name,place,reason,note,created,closed\n1,Roof,Lost,Дорого,alas,01.02.2025,03.02.2025\n",
    )
    deal: Any = engine.get("csv-deal-1")
    close = deal.close
    assert (close.outcome, close.reason, close.note, close.at) == (
        "lost",
        "price",
        "alas",
        datetime(2025, 2, 3, tzinfo=UTC),
    )


def test_a_close_without_a_date_is_of_the_import() -> None:
    """Nobody knows when: the instant of the import is true at least."""
    engine = an_engine()
    rows(engine, DEALS, "id,name,place,created\n1,Roof,Won,01.02.2025\n")
    deal: Any = engine.get("csv-deal-1")
    assert deal.close.at == NOW


def test_a_close_on_the_day_of_the_creation_is_no_contradiction() -> None:
    """A day without a time is its midnight; that a deal was created at ten does not make it bad."""
    (plan,) = rows(
        an_engine(), DEALS, "id,name,place,created,closed\n1,Roof,Won,01.02.2025 10:00,01.02.2025\n"
    )
    assert plan.notes == ("closed earlier on the day it was created: taken for the same instant",)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (
            "Roof,Lost,weather,01.02.2025,",
            "reason: refused: 'weather' is not a reason for lost: one of: price",
        ),
        ("Roof,Won,,03.02.2025,01.02.2025", "closed: 2025-02-01T00:00:00+00:00 is before it was created"),
        ("Roof,new,,01.02.2031,", "created: 2031-02-01T00:00:00+00:00 is in the future"),
        ("Roof,Won,,01.02.2025,01.02.2031", "closed: 2031-02-01T00:00:00+00:00 is in the future"),
        ("Roof,sold,,01.02.2025,", "place: 'sold' is not mapped"),
        (",new,,01.02.2025,", "name: empty"),
    ],
)
def test_a_row_that_cannot_be_is_bad(cells: str, reason: str) -> None:
    """The line, the column and the reason are told, and nothing is written."""
    engine = an_engine()
    (told,) = bad(rows(engine, DEALS, f"id,name,place,reason,created,closed\n1,{cells}\n"))
    assert told.startswith(f"line 2: bad: {reason}")
    assert engine.find("deal", pipeline="sales") == []


def test_an_ordered_pipeline_is_overruled_when_asked() -> None:
    """A deal in the middle of an ordered pipeline is refused, unless somebody overrules it by name."""
    engine = Engine(ORDERED, clock=FrozenClock(NOW))
    table = "id,name,place\n1,Roof,offer\n"
    assert len(bad(rows(engine, DEALS, table))) == 1
    rows(engine, DEALS, table, override=True, actor="ann")
    (move,) = engine.history("csv-deal-1")
    assert (move.target, move.overruled, move.reason) == ("offer", "entry", "import of csv")


def test_nobody_overrules_without_a_name() -> None:
    """An override needs a named actor."""
    engine = Engine(ORDERED, clock=FrozenClock(NOW))
    (told,) = bad(rows(engine, DEALS, "id,name,place\n1,Roof,offer\n", override=True))
    assert "an override needs a named actor" in told


def test_a_won_lead_is_converted() -> None:
    """Its ledger ends with won, as that of a conversion does."""
    engine = an_engine()
    rows(engine, LEADS, "id,name,place\n1,Ann,Won\n")
    first, last = engine.history("csv-lead-1")
    assert (first.direction, last.target) == ("create", "won")


def test_a_reference_that_leads_nowhere_is_bad() -> None:
    """A deal of a contact that is not there waits until it is."""
    engine = an_engine()
    table = "id,name,contact\n1,Roof,7\n"
    (told,) = bad(rows(engine, DEALS, table))
    assert told == (
        "line 2: bad: contact: there is no contact 'csv-contact-7' (import the table of them first)"
    )
    rows(engine, CONTACTS, "id,name\n7,Ann\n")
    rows(engine, DEALS, table)
    deal: Any = engine.get("csv-deal-1")
    assert deal.contact == "csv-contact-7"


def test_a_reference_to_a_known_client_leads_to_them() -> None:
    """A contact that was recognised under another id is found by the key of its row."""
    engine = an_engine()
    ann = engine.create_contact("Ann", email="ann@x.example")
    rows(engine, CONTACTS, "id,name,email\n7,Ann,ann@x.example\n")
    rows(engine, DEALS, "id,name,contact\n1,Roof,7\n")
    deal: Any = engine.get("csv-deal-1")
    assert deal.contact == ann.id


# -- once more -----------------------------------------------------------------------------------


def test_a_changed_row_fills_blanks_and_keeps_the_rest() -> None:
    """Blanks are filled through the gate; what the row says otherwise is told, and stays."""
    engine = an_engine()
    rows(engine, DEALS, "id,name,place,value,owner,size\n1,Roof,new,,ann,\n")
    (plan,) = rows(engine, DEALS, "id,name,place,value,owner,size\n1,Barn,Won,7,bob,L\n")
    assert (plan.fate, plan.fills) == ("fill", ("value", "custom.size"))
    assert [str(kept) for kept in plan.kept] == [
        "name stays 'Roof', the row says 'Barn'",
        "owner stays 'ann', the row says 'bob'",
        "place stays 'new', the row says 'won'",
    ]
    deal: Any = engine.get("csv-deal-1")
    assert (deal.name, deal.owner, deal.place, deal.value) == ("Roof", "ann", "new", money(7, "EUR"))


def test_an_owner_is_filled_by_a_hand_over() -> None:
    """A blank owner is filled with a trace, as by assign."""
    engine = an_engine()
    rows(engine, DEALS, "id,name,owner\n1,Roof,\n")
    rows(engine, DEALS, "id,name,owner\n1,Roof,ann\n")
    assert [type(change).__name__ for change in engine.changes(record="csv-deal-1")] == [
        "DealCreated",
        "RecordAssigned",
    ]


def test_rows_after_a_refused_one_of_their_record_are_bad() -> None:
    """Else they would be taken the next time, when the record is there, and nothing would be the same."""
    table = "id,name,place,reason\n1,Roof,Lost,weather\n1,Roof,new,\n"
    told = bad(rows(an_engine(), DEALS, table))
    assert told[1] == "line 3: bad: line 2 of the same record is bad"


def test_rows_without_a_key_are_known_by_what_they_say() -> None:
    """Without a key column the same row is the same record, and another row another one."""
    mapping = TableMapping(kind="deal", fields={"name": "name", "owner": "owner"})
    engine = an_engine()
    plans = rows(engine, mapping, "name,owner\nRoof,ann\nRoof,bob\nRoof,ann\n")
    assert [plan.fate for plan in plans] == ["create", "create", "same"]
    assert plans[2].earlier == 2
    assert [plan.fate for plan in rows(engine, mapping, "name,owner\nRoof,bob\n")] == ["same"]


def test_an_id_of_another_kind_is_bad() -> None:
    """Ids are one for all kinds; keys that are taken as ids must not be those of something else."""
    engine = an_engine()
    engine.create_company("Acme", id="7")
    (told,) = bad(rows(engine, DEALS, "id,name\n7,Roof\n", source=""))
    assert told == "line 2: bad: id: '7' is the id of a company"


def test_a_merged_record_is_stood_for() -> None:
    """A row of a contact that was merged is about whoever stands for it."""
    engine = an_engine()
    rows(engine, CONTACTS, "id,name,email\n1,Ann,a@x.example\n2,Ann Lee,b@x.example\n")
    plan = engine.plan_merge(["csv-contact-1", "csv-contact-2"], survivor="csv-contact-1")
    engine.apply(plan, actor="ann")
    (again,) = rows(engine, CONTACTS, "id,name,phone\n2,Ann Lee,+442079460000\n")
    assert (again.fate, again.record) == ("fill", "csv-contact-1")


# -- clients -------------------------------------------------------------------------------------


def test_a_known_contact_is_not_made_again() -> None:
    """By its e-mail address a row finds the contact, fills its blanks, and says by what it was known."""
    engine = an_engine()
    ann = engine.create_contact("Ann", email="ann@x.example")
    (plan,) = rows(engine, CONTACTS, "id,name,email,phone\n1,Ann,ann@x.example,+442079460000\n")
    assert (plan.record, plan.matched, plan.fills) == (ann.id, "email:ann@x.example", ("phone",))
    assert engine.find("contact") == [engine.get(ann.id)]


def test_a_filled_contact_is_found_by_what_was_filled() -> None:
    """The phone that one row fills in is what the next one is known by, batch or no batch."""
    for batch in (1, 10):
        engine = an_engine()
        table = (
            "id,name,email,phone\n1,Ann,a@x.example,\n2,Ann,a@x.example,+442079460000\n3,Ann,,+442079460000\n"
        )
        assert import_table(engine, file(table), CONTACTS, batch=batch).created == 1


def test_a_surer_key_tells_two_people_apart() -> None:
    """Colleagues share a phone; where both have an address and it differs, they are two."""
    plans = rows(
        an_engine(),
        CONTACTS,
        "id,name,email,phone\n1,Ann,a@x.example,+442079460000\n2,Bob,b@x.example,+442079460000\n",
    )
    assert [plan.fate for plan in plans] == ["create", "create"]


def test_an_address_is_the_surest() -> None:
    """The same address is the same person whatever the tax number; a whole firm may have that."""
    plans = rows(
        an_engine(),
        CONTACTS,
        "id,name,email,inn\n1,Ann,a@x.example,77\n2,Ann,b@x.example,77\n3,Ann,a@x.example,78\n",
    )
    assert [plan.fate for plan in plans] == ["create", "create", "same"]


def test_who_could_be_several_is_made_and_noted() -> None:
    """A row that fits two contacts equally is neither; the row says so."""
    plans = rows(
        an_engine(),
        CONTACTS,
        "id,name,email,phone\n1,Ann Lee,a@x.example,+442079460000\n2,Bob Lee,b@x.example,+442079460000\n"
        "3,Lee,,+442079460000\n",
    )
    assert plans[2].fate == "create"
    assert plans[2].notes == ("could be any of 2 by phone:+442079460000: csv-contact-1, csv-contact-2",)


def test_of_two_with_the_address_the_older_is_taken_and_noted() -> None:
    """They are one person twice; the row makes no third."""
    engine = an_engine()
    for id in ("a", "b"):
        engine.create_contact("Ann", id=id, email="a@x.example")
    (plan,) = rows(engine, CONTACTS, "id,name,email\n1,Ann,a@x.example\n")
    note = "could be any of 2 by email:a@x.example: a, b; the oldest was taken"
    assert (plan.fate, plan.record, plan.notes) == ("same", "a", (note,))


def test_who_could_be_several_that_are_there_is_made_and_noted() -> None:
    """A row that fits two contacts of the store equally is neither."""
    engine = an_engine()
    for id in ("a", "b"):
        engine.create_contact("Ann", id=id, phone="+442079460000")
    (plan,) = rows(engine, CONTACTS, "id,name,phone\n1,Ann,+442079460000\n")
    assert (plan.fate, plan.notes) == ("create", ("could be any of 2 by phone:+442079460000: a, b",))


def test_a_key_of_too_many_is_noise() -> None:
    """A number that more than twenty contacts have says nothing about a row."""
    engine = an_engine()
    for number in range(21):
        engine.create_contact(f"Clerk {number}", phone="+442079460000")
    (plan,) = rows(engine, CONTACTS, "id,name,phone\n1,Ann,+442079460000\n")
    assert (plan.fate, plan.notes) == ("create", ())


def test_the_company_of_a_known_contact_is_kept() -> None:
    """What a row says of the company of a contact that has another id is told of."""
    engine = an_engine()
    acme = engine.create_company("Acme")
    engine.create_contact("Ann", email="ann@x.example", company=acme)
    (plan,) = rows(engine, CONTACTS, "id,name,email,company\n1,Ann,ann@x.example,Bolt\n")
    assert [str(kept) for kept in plan.kept] == ["company stays 'Acme', the row says 'Bolt'"]


def test_a_company_is_found_by_its_exact_name_or_made() -> None:
    """Forms of law do not count; the company is made once."""
    engine = an_engine()
    acme = engine.create_company("Acme Ltd")
    plans = rows(engine, CONTACTS, "id,name,company\n1,Ann,ACME\n2,Bob,Bolt GmbH\n3,Eve,Bolt\n")
    assert [plan.company for plan in plans] == ["", "Bolt GmbH", ""]
    ann, bob, eve = engine.find("contact")
    assert ann.company == acme.id
    assert bob.company == eve.company
    assert len(engine.find("company")) == 2


def test_a_company_that_was_named_gets_its_card() -> None:
    """A row of companies is about the one that contacts have named before, by its exact name."""
    engine = an_engine()
    rows(engine, CONTACTS, "id,name,company\n1,Ann,Acme\n")
    (plan,) = rows(engine, COMPANIES, "id,name,inn,owner\n7,Acme Ltd,77,ann\n")
    assert (plan.fate, plan.fills) == ("fill", ("owner", "custom.inn"))
    assert len(engine.find("company")) == 1


def test_another_company_is_kept() -> None:
    """A contact does not change companies by an import."""
    engine = an_engine()
    rows(engine, CONTACTS, "id,name,company\n1,Ann,Acme\n")
    (plan,) = rows(engine, CONTACTS, "id,name,company\n1,Ann,Bolt\n")
    assert [str(kept) for kept in plan.kept] == ["company stays 'Acme', the row says 'Bolt'"]
    assert len(engine.find("company")) == 1


def test_another_spelling_of_an_address_is_no_difference() -> None:
    """Addresses and numbers that are one mailbox or one phone are not told of."""
    engine = an_engine()
    rows(engine, CONTACTS, "id,name,phone\n1,Ann,+44 20 7946 0000\n")
    (plan,) = rows(engine, CONTACTS, "id,name,phone\n1,Ann,+442079460000\n")
    assert (plan.fate, plan.kept) == ("same", ())


# -- files and runs ------------------------------------------------------------------------------


def test_bad_rows_are_written_as_they_were(tmp_path: Path) -> None:
    """Short rows, long rows and refused ones stand in the file with line, column and reason."""
    path = tmp_path / "bad.csv"
    table = 'id;name;place\n1;"Roof; ""big""";sold\n2;Barn\n3;a;b;c\n'
    import_table(an_engine(), file(table), DEALS, bad_rows=path)
    with path.open(encoding="utf-8-sig", newline="") as opened:
        found = list(csv.reader(opened, delimiter=";"))
    assert found[0] == ["id", "name", "place", "bad: line", "bad: column", "bad: reason"]
    assert [row[:5] for row in found[1:]] == [
        ["1", 'Roof; "big"', "sold", "2", "place"],
        ["2", "Barn", "", "3", ""],
        ["3", "a", "b;c", "4", ""],
    ]
    assert found[2][5] == "has 2 cells, the header has 3"


def test_a_file_of_bad_rows_can_be_mended(tmp_path: Path) -> None:
    """Importing the file of bad rows ignores its three columns; what is still bad goes elsewhere."""
    path, still, engine = tmp_path / "bad.csv", tmp_path / "still.csv", an_engine()
    import_table(engine, file("id;name;place\n1;Roof;sold\n2;;new\n"), DEALS, bad_rows=path)
    path.write_text(path.read_text("utf-8-sig").replace("sold;", "new;"), "utf-8")
    report = import_table(engine, path, DEALS, bad_rows=still)
    assert (report.created, report.bad, report.unknown) == (1, 1, ())
    assert len(still.read_text("utf-8-sig").splitlines()) == 2


def test_progress_counts_rows() -> None:
    """Done and all, from nothing to the end, a step for every batch."""
    seen: list[tuple[int, int]] = []
    table = "id,name\n" + "".join(f"{number},Roof\n" for number in range(5))
    import_table(an_engine(), file(table), DEALS, batch=2, progress=lambda *at: seen.append(at))
    assert seen == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_a_plan_answers_before_the_file_is_read_to_its_end() -> None:
    """The first rows of a plan come from the first part of the table."""
    table = read_table(file("id,name\n" + "".join(f"{number},Roof\n" for number in range(3_000))))
    plan = plan_table(an_engine(), table, DEALS)
    assert next(iter(plan)).fate == "create"
    assert str(plan).startswith("3,000 rows of deals: created 3,000,")


def test_who_is_faster_is_looked_at_again() -> None:
    """Where somebody writes the same record in between, the rows are settled anew."""

    class Raced(MemoryStore):
        left = 1

        def commit(self, commit: Commit) -> None:
            if self.left:
                self.left = 0
                raise ConflictError("contact", "csv-contact-1", 1, 2)
            super().commit(commit)

    engine = an_engine(store=Raced())
    assert import_table(engine, file("id,name\n1,Ann\n"), CONTACTS).created == 1


def test_who_is_always_faster_is_an_error() -> None:
    """After some tries it is not this import's turn any more."""

    class Raced(MemoryStore):
        def commit(self, commit: Commit) -> None:
            raise ConflictError("contact", commit.writes[0].record.id, 1, 2)

    with pytest.raises(ConflictError):
        import_table(an_engine(store=Raced()), file("id,name\n1,Ann\n"), CONTACTS)


def test_queries_are_by_the_batch() -> None:
    """A thousand rows ask the store no more often than a hundred do, but for parts of five hundred."""

    class Counting(MemoryStore):
        asked = 0

        def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
            self.asked += 1
            return super().query(sql, params)

    counts = []
    for size in (100, 500):
        store = Counting()
        table = "id,name,email,company\n" + "".join(
            f"{number},A,u{number}@x.example,Firm {number}\n" for number in range(size)
        )
        import_table(an_engine(store=store), file(table), CONTACTS)
        counts.append(store.asked)
    assert counts[0] == counts[1] < 10


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"batch": 0}, "batch: 0 is not a number of rows"),
        ({"source": "a b"}, "source: 'a b' holds white space"),
        ({"override": "no"}, "override: 'no' is not True or False"),
        ({"pipeline": "sails"}, "pipeline: there is no pipeline 'sails' (did you mean 'sales'?)"),
        ({"pipeline": INTAKE.id}, f"pipeline: {INTAKE.id} is a pipeline for leads"),
        ({"bad_rows": 7}, "bad_rows: 7 is no path"),
        ({"bad_rows": "nowhere/bad.csv"}, "bad_rows: 'nowhere/bad.csv' cannot be written"),
    ],
)
def test_what_is_told_is_checked(how: dict[str, Any], told: str) -> None:
    """Every argument that cannot be is named, and nothing is written."""
    engine = an_engine()
    with pytest.raises(InputError) as raised:
        import_table(engine, file("id,name\n1,Roof\n"), DEALS, **how)
    assert str(raised.value).startswith(told)
    assert engine.find("deal", pipeline="sales") == []


def test_a_place_that_is_no_stage_is_refused_at_once() -> None:
    """A mapping to a stage that the pipeline does not have is a mistake of the mapping, not of a row."""
    mapping = TableMapping(
        kind="deal", fields={"name": "name", "place": Column("place", values={"Offer": "ofer"})}
    )
    with pytest.raises(DefinitionError, match="there is no stage 'ofer'"):
        plan_table(an_engine(), file("name,place\nRoof,Offer\n"), mapping)


def test_an_unknown_argument_is_named() -> None:
    """A mistyped word is a TypeError that lists the right ones."""
    with pytest.raises(TypeError, match="unknown argument 'sauce'"):
        import_table(an_engine(), file("id,name\n1,Roof\n"), DEALS, sauce="x")  # type: ignore[call-arg]
