"""Mappings: what a column says, declared once, checked at once, and no row lost."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.errors import DefinitionError, InputError
from funnelkit.inputs import custom_values
from funnelkit.money import money
from funnelkit.records import Company, Contact, Deal, Lead
from funnelkit.tables.drafts import BoundMapping, RowDraft
from funnelkit.tables.files import Table, read_table
from funnelkit.tables.mapping import FIELDS, Column, TableMapping
from funnelkit.tables.rows import Row

DEALS = TableMapping(
    kind="deal",
    key="ID",
    currency="EUR",
    zone="UTC",
    fields={
        "name": Column(["Title", "Name"], required=True),
        "value": "Sum",
        "place": Column("Stage", values={"Новая": "new", "Offer": "offer", "Done": "won", "Gone": "lost"}),
        "outcome": "Status",
        "created_at": "Created",
        "expected_close": "Close",
        "owner": "Owner",
        "probability": "Chance",
        "custom.vip": Column("VIP", reads="yes_no"),
        "custom.size": Column("Size", reads="number"),
        "custom.due": Column("Due", reads="date"),
    },
)
PSEUDO = {"place", "outcome", "reason", "note", "closed_at", "company_name"}


def table(text: str) -> Table:
    """Open a table held in memory."""
    return read_table(io.BytesIO(text.encode()), delimiter=";")


def drafts(text: str, mapping: TableMapping = DEALS) -> list[RowDraft]:
    """Read a table."""
    found = table(text)
    reader = mapping.bound(found)
    return [reader.read(row) for row in found]


def problems(**options: Any) -> str:
    """Return what is wrong with a mapping."""
    with pytest.raises(DefinitionError) as raised:
        TableMapping(**({"kind": "deal", "fields": {"name": "Name"}} | options))
    return str(raised.value)


def reasons(text: str, mapping: TableMapping = DEALS) -> list[str]:
    """Return the reasons against the only row of a table."""
    (draft,) = drafts(text, mapping)
    return [str(reason) for reason in draft.reasons]


@pytest.mark.parametrize(
    ("kind", "record"), [("lead", Lead), ("deal", Deal), ("contact", Contact), ("company", Company)]
)
def test_fields_are_those_of_the_records(kind: Any, record: type) -> None:
    """Every field that a column can feed is one of the record, or says how it closed or where it works."""
    assert set(FIELDS[kind]) - PSEUDO <= {field.name for field in attrs.fields(record)}


def test_a_row_becomes_a_draft() -> None:
    """Every cell is read as its field asks for; blank ones say nothing."""
    assert drafts(
        "ID;Title;Sum;Stage;Status;Created;Close;Owner;Chance;VIP;Size;Due\n"
        "7;Acme;1234,50;Offer;open;01.02.2026 10:30;2026-03-01;ann;20 %;да;1 000;05.02.2026\n"
        "8;Bolt;;;;;;;;;;\n"
    ) == [
        RowDraft(
            line=2,
            kind="deal",
            key="7",
            fields={
                "name": "Acme",
                "value": money("1234.50", "EUR"),
                "stage": "offer",
                "created_at": datetime(2026, 2, 1, 10, 30, tzinfo=UTC),
                "expected_close": date(2026, 3, 1),
                "owner": "ann",
                "probability": 0.2,
                "custom": {"vip": True, "size": 1000, "due": "2026-02-05"},
            },
        ),
        RowDraft(line=3, kind="deal", key="8", fields={"name": "Bolt"}),
    ]


def test_every_reason_of_a_row_is_told() -> None:
    """One bad cell does not hide another."""
    told = reasons("ID;Title;Sum;Stage;Created;VIP\n1,5E+10;;x;Lots;soon;perhaps\n")
    assert [reason.split(":")[0] for reason in told] == ["ID", "Title", "Sum", "Stage", "Created", "VIP"]


def test_a_bad_row_of_the_file_is_a_bad_draft() -> None:
    """What the reader of files says against a row stands."""
    assert reasons("ID;Title\n7\n") == ["has 1 cell, the header has 2"]


def test_a_place_is_a_stage_or_an_outcome() -> None:
    """A label that means an outcome closes the record; case and gaps of labels do not count."""
    (draft,) = drafts("ID;Title;Stage\n7;Acme; dONE \n")
    assert draft.fields == {"name": "Acme", "outcome": "won"}


def test_a_stage_and_an_outcome_beside_it_are_both_kept() -> None:
    """A deal lost on a stage has both."""
    (draft,) = drafts("ID;Title;Stage;Status\n7;Acme;Offer;Lost\n")
    assert (draft.fields["stage"], draft.fields["outcome"]) == ("offer", "lost")


@pytest.mark.parametrize("status", ["Lost", "open"])
def test_outcomes_that_contradict_each_other_are_refused(status: str) -> None:
    """A stage that means won beside another status is a reason."""
    (told,) = reasons(f"ID;Title;Stage;Status\n7;Acme;Done;{status}\n")
    assert "another column says won" in told


def test_look_alikes_in_a_label_are_named() -> None:
    """A label with a letter of another alphabet is refused, with the letter and what was meant."""
    (told,) = reasons("ID;Title;Stage\n7;Acme;Новaя\n")
    assert "LATIN SMALL LETTER A: 'Новая' was meant" in told


def test_look_alikes_elsewhere_are_noted() -> None:
    """An owner with mixed letters is taken, and noted."""
    (draft,) = drafts("ID;Title;Owner\n7;Acme;аnn\n")
    assert draft.usable
    assert "CYRILLIC SMALL LETTER A" in draft.notes[0]


def test_the_first_filled_of_several_columns_is_taken() -> None:
    """What another one says differently is noted, or kept."""
    text = "ID;Title;Name\n7;;Bolt\n8;Acme;Other\n9;Acme;Acme\n"
    found = drafts(text)
    assert [draft.fields["name"] for draft in found] == ["Bolt", "Acme", "Acme"]
    assert [draft.notes for draft in found] == [
        (),
        ("Name: 'Other' was left aside, as Title is filled in",),
        (),
    ]
    kept = drafts(text, attrs.evolve(DEALS, keep="custom"))
    assert [draft.fields.get("custom") for draft in kept] == [None, {"Name": "Other"}, None]


def test_columns_can_be_joined() -> None:
    """A name of two columns is joined by a space; a blank one leaves no gap."""
    people = TableMapping(kind="contact", key="ID", fields={"name": [("First", "Last")]})
    found = drafts("ID;First;Last\n1;Ada;Lovelace\n2;;Bolt\n3;;\n", people)
    assert [draft.fields.get("name") for draft in found] == ["Ada Lovelace", "Bolt", None]


def test_columns_that_nobody_asked_for_are_listed() -> None:
    """They are in ``unknown``, and columns that are not there in ``missing``."""
    found = table("ID;Title;Hue;Mood\n7;Acme;red;\n")
    reader = DEALS.bound(found)
    assert reader.unknown == ("Hue", "Mood")
    assert "Name" in reader.missing


def test_columns_that_nobody_asked_for_can_be_kept() -> None:
    """With ``keep="custom"`` they become custom fields, dots aside; blank cells do not."""
    (draft,) = drafts("ID;Title;Hue 1.0;Mood\n7;Acme;red;\n", attrs.evolve(DEALS, keep="custom"))
    assert draft.fields["custom"] == {"Hue 1_0": "red"}


def test_two_columns_are_never_kept_as_one() -> None:
    """Columns whose custom fields would have one name are an error."""
    with pytest.raises(DefinitionError, match=r"custom\.a_b"):
        attrs.evolve(DEALS, keep="custom").bound(table("ID;Title;a.b;a_b\n"))


def test_a_column_as_a_whole_tells_its_decimal_sign() -> None:
    """One sure cell makes the ambiguous ones sure, wherever it stands."""
    found = drafts("ID;Title;Size\n1;a;1,234\n2;b;5,25\n")
    assert [draft.fields["custom"]["size"] for draft in found] == [1.234, 5.25]
    found = drafts("ID;Title;Sum\n1;a;1,234\n2;b;1,234.50\n")
    assert [draft.fields["value"] for draft in found] == [money(1234, "EUR"), money("1234.50", "EUR")]


def test_a_column_that_does_not_tell_is_refused_cell_by_cell() -> None:
    """Ambiguous cells alone are bad rows; the mapping's decimal sign mends them."""
    text = "ID;Title;Sum\n1;a;1,234\n2;b;7\n"
    assert [draft.usable for draft in drafts(text)] == [False, True]
    assert [draft.usable for draft in drafts(text, attrs.evolve(DEALS, decimal="."))] == [True, True]


def test_one_whole_id_clears_its_column() -> None:
    """Long ids that end in zeros are refused unless another id of the column is whole."""
    lost, whole = "12345678901234500000", "12345678901234567890"
    assert [draft.usable for draft in drafts(f"ID;Title\n{lost};a\n")] == [False]
    assert [draft.usable for draft in drafts(f"ID;Title\n{lost};a\n{whole};b\n")] == [True, True]


def test_the_currency_may_have_a_column() -> None:
    """A row's own currency is taken; where it is blank, the mapping's."""
    mapping = attrs.evolve(DEALS, currency_column=("Cur",))
    found = drafts("ID;Title;Sum;Cur\n1;a;5;USD\n2;b;5;\n3;c;5;₽\n4;d;5;gold\n5;e;5 €;USD\n", mapping)
    assert [draft.fields.get("value") for draft in found] == [
        money(5, "USD"), money(5, "EUR"), money(5, "RUB"), None, None,
    ]  # fmt: skip
    assert [str(draft.reasons[0]).split(":")[0] for draft in found[3:]] == ["Cur", "Sum"]


def test_blanks_are_what_the_mapping_says() -> None:
    """A dash can mean an empty cell."""
    (draft,) = drafts("ID;Title;Sum\n1;a;-\n", attrs.evolve(DEALS, blanks="-"))
    assert draft.fields == {"name": "a"}


def test_values_of_other_fields_are_translated_or_taken() -> None:
    """An owner in the map is renamed; one that is not stays."""
    mapping = TableMapping(kind="deal", key="ID", fields={"owner": Column("Owner", values={"Ann B.": "ann"})})
    assert [draft.fields["owner"] for draft in drafts("ID;Owner\n1;ann b.\n2;bob\n", mapping)] == [
        "ann",
        "bob",
    ]


def test_native_cells_of_sheets_are_read() -> None:
    """Numbers, dates and booleans of a sheet feed fields as text would."""
    found = table("ID;Title;Sum;Created;VIP;Hue\n")
    reader = attrs.evolve(DEALS, keep="custom").bound(found)
    draft = reader.read(Row(2, (7.0, 2026.0, 1234.5, datetime(2026, 2, 1, 10, 30), True, 4)))  # noqa: DTZ001
    assert draft == RowDraft(
        line=2,
        kind="deal",
        key="7",
        fields={
            "name": "2026",
            "value": money("1234.50", "EUR"),
            "created_at": datetime(2026, 2, 1, 10, 30, tzinfo=UTC),
            "custom": {"vip": True, "Hue": 4},
        },
    )


def test_all_mistakes_of_a_mapping_are_told_at_once() -> None:
    """Each has its path, and the likely name beside it."""
    told = problems(
        kind="deal",
        key=7,
        currency="RUR",
        decimal=";",
        order="ydm",
        system=1970,
        keep="all",
        zone=3,
        fields={
            "nmae": "Name",
            "name": Column("", values={1: 2}),
            "value": Column("Sum", reads="number"),
            "custom.": "x",
            "custom.a.b": "x",
            "custom.sum": Column("Sum", reads="amount"),
            "outcome": Column("Status", values={"Won": "victory"}),
            "owner": 7,
        },
    )
    for path in ("key", "currency", "decimal", "order", "system", "keep", "zone", "fields.nmae",
                 "fields.name", "fields.value.reads", "fields.custom.:", "fields.custom.a.b",
                  "fields.custom.sum.reads",
                 "fields.outcome.values['Won']", "fields.owner"):  # fmt: skip
        assert f"  - {path}" in told
    assert "did you mean 'name'" in told


def test_a_mapping_of_nothing_is_refused() -> None:
    """No fields, an unknown kind and no zone of that name are errors."""
    assert "fields" in problems(fields={})
    assert "kind" in problems(kind="order")
    assert "blanks" in problems(blanks=7)
    with pytest.raises(InputError, match="zone"):
        TableMapping(kind="deal", fields={"name": "Name"}, zone="Mars/Olympus")


def test_places_are_checked_against_stages() -> None:
    """A value that is no stage is told with the likely one, look-alikes included."""
    mapping = TableMapping(
        kind="deal",
        fields={"place": Column("Stage", values={"A": "nеw", "B": "ofer", "C": "won", "D": "new"})},
    )
    with pytest.raises(DefinitionError) as raised:
        mapping.check(["new", "offer"])
    assert "CYRILLIC SMALL LETTER IE" in str(raised.value)
    assert "did you mean 'offer'" in str(raised.value)
    assert len(raised.value.problems) == 2


def test_a_table_without_a_required_column_is_refused() -> None:
    """All that are missing are told, with the likely names."""
    with pytest.raises(DefinitionError, match="did you mean 'Titel'") as raised:
        DEALS.bound(table("Nr;Titel\n"))
    assert len(raised.value.problems) == 2


def test_a_table_of_something_else_is_refused() -> None:
    """None of the columns there is an error, though none was required."""
    with pytest.raises(DefinitionError, match="none of the columns"):
        TableMapping(kind="deal", fields={"owner": "Owner"}).bound(table("a;b\n"))


CELL = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters='"'), max_size=6),
    st.sampled_from(
        [
            '"q',
            'q"',
            '""',
            '"q"',
            'q"q',
            ";",
            "\n",
            "\0",
            "1,234",
            "1.5E+10",
            "Новая",
            "won",
            "01.02.2026",
            "",
            "'",
            "\r",
        ]
    ),
)


@given(st.lists(st.lists(CELL, max_size=5).map(";".join), max_size=12), st.sampled_from(["utf-8", "cp1251"]))
def test_no_line_of_a_file_is_lost(rows: list[str], encoding: str) -> None:
    """However broken the file, every line begins a row, belongs to a quoted cell, or is empty."""
    data = ("ID;Title;Sum;Stage;Created\n" + "\n".join(rows) + "\n").encode(encoding, "replace")
    found = read_table(io.BytesIO(data), delimiter=";", encoding=encoding)
    reader = DEALS.bound(found)
    read = [reader.read(row) for row in found]
    starts = [draft.line for draft in read]
    assert starts == sorted(set(starts))
    lines = list(io.TextIOWrapper(io.BytesIO(data), encoding, newline=""))
    within = sum(
        cell.count("\n") + cell.count("\r") - cell.count("\r\n") for row in found for cell in row.cells
    )
    assert 1 + len(read) + found.empty + within == len(lines)
    assert all(draft.usable or all(reason.sentence for reason in draft.reasons) for draft in read)


NATIVE = st.one_of(
    st.text(max_size=9),
    st.none(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.decimals(),
)


@given(st.lists(NATIVE, min_size=6, max_size=6))
def test_no_row_of_a_sheet_breaks_a_mapping(cells: list[Any]) -> None:
    """Every row is a draft, and what a draft holds of custom fields can be stored."""
    reader = BoundMapping(attrs.evolve(DEALS, keep="custom"), table("ID;Title;Sum;Stage;Created;Hue\n"))
    draft = reader.read(Row(2, tuple(cells)))
    assert draft.line == 2
    custom_values(draft.fields.get("custom"))
