"""Presets and tables that do not fit: what is missing, what would do, and how to say it."""

from __future__ import annotations

import io

import attrs
import pytest

from funnelkit import Engine
from funnelkit.errors import DefinitionError, InputError
from funnelkit.tables import export_records, import_records, import_table
from funnelkit.tables.mapping import Column
from funnelkit.tables.presets import hubspot, simple


def table(*lines: str) -> io.BytesIO:
    """Return lines as a file."""
    return io.BytesIO("\n".join(lines).encode())


def test_every_heading_that_would_do_is_named() -> None:
    """An error about a missing column lists all names that it may have, and says what else helps."""
    with pytest.raises(DefinitionError) as caught:
        import_table(Engine(), table("Who;email", "Ada;ada@x.example"), simple.contacts())
    told = str(caught.value)
    assert "no column 'id', 'key' or 'код'" in told
    assert "key=None if its rows have no ids" in told
    assert "'first name' + 'last name', 'имя' + 'фамилия', 'name', 'title'," in told


@pytest.mark.parametrize("preset", [simple, hubspot])
def test_a_table_without_ids_is_imported(preset: object) -> None:
    """With key=None rows are known by e-mail and telephone, and again by all that they say."""
    mapping = preset.contacts(key=None)  # type: ignore[attr-defined]
    engine = Engine()
    mapping = attrs.evolve(
        mapping, fields={**mapping.fields, "name": Column("Full name", required=True), "email": "Mail"}
    )
    lines = ("Full name;Mail", "Ada;ada@x.example", "Bob;", "Ada Kim;ada@x.example")
    first = import_table(engine, table(*lines), mapping)
    again = import_table(engine, table(*lines), mapping)
    assert (first.created, first.same, again.created, again.same) == (2, 1, 0, 3)


def test_the_column_of_ids_can_have_another_name() -> None:
    """A preset takes the heading of the key."""
    engine = Engine()
    import_table(engine, table("No;name", "7;Ada"), simple.contacts(key="No"))
    assert engine.get("csv-contact-7").name == "Ada"


def test_a_full_name_is_a_name() -> None:
    """The plain preset of contacts knows that heading."""
    report = import_table(Engine(), table("id;Full name", "7;Ada"), simple.contacts())
    assert report.created == 1


def test_a_long_report_counts_all_of_its_rows() -> None:
    """What is not shown is counted truly, and it is said where to find it."""
    rows = [f"{number};" for number in range(5000)]
    report = import_table(Engine(), table("id;name", *rows), simple.contacts())
    assert str(report).splitlines()[-1] == (
        "  and 4,990 more rows to look at: report.listed has the first 1,000, "
        "bad_rows= writes all bad ones to a file"
    )
    assert (report.bad, report.notable, len(report.listed)) == (5000, 5000, 1000)


def test_a_report_of_some_rows_says_that_it_has_all() -> None:
    """Of fewer than a thousand rows none is left out of the list."""
    rows = [f"{number};" for number in range(12)]
    report = import_table(Engine(), table("id;name", *rows), simple.contacts())
    assert "and 2 more rows to look at: report.listed has all" in str(report)


def test_progress_that_cannot_be_called_is_refused(tmp_path: object) -> None:
    """Imports and exports say so before they begin."""
    engine = Engine()
    path = f"{tmp_path}/all.jsonl"
    export_records(engine, "company", path)
    wrong: object = 5
    for act in (
        lambda: import_table(engine, table("id;name", "1;Ada"), simple.contacts(), progress=wrong),  # type: ignore[arg-type]
        lambda: import_records(engine, "company", path, progress=wrong),  # type: ignore[arg-type]
        lambda: export_records(engine, "company", path, progress=wrong),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match="progress: 5 cannot be called"):
            act()
    assert engine.find("contact") == []
