"""Exports: what is read is what was written, in every format, field by field."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.errors import InputError, MissingExtraError
from funnelkit.money import CURRENCIES, Money, money
from funnelkit.records import OUTCOMES, Close, Company, Contact, Deal, FrozenMapping, Lead, Record
from funnelkit.tables import export
from funnelkit.tables.export import (
    export_columns,
    read_csv,
    read_jsonl,
    read_parquet,
    write_csv,
    write_jsonl,
    write_parquet,
)
from funnelkit.tables.mapping import TargetKind

KINDS: dict[TargetKind, type[Record]] = {"lead": Lead, "deal": Deal, "contact": Contact, "company": Company}
no_arrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="the extra for Parquet is not installed")
FORMATS = [
    (write_csv, read_csv),
    (write_jsonl, read_jsonl),
    pytest.param(write_parquet, read_parquet, marks=no_arrow),
]

TEXT = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12),
    st.sampled_from(["=1+1", "'=1", "''", "'", "+7 900", "-5", "@x", "\t=1", "\r\n", "\n", '"', '""', ",;",
     "\u2028",                 "﻿x", "＝1", "null", "None", "NaN", "0x1", " x ", "\\N", "\x0b",
      "\x1e", "\x85"]),
)  # fmt: skip
INSTANT = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False,
              allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip
MONEY = st.builds(Money, st.integers(-(10**16), 10**16), st.sampled_from(sorted(CURRENCIES)))
CLOSE = st.builds(
    Close, outcome=st.sampled_from(OUTCOMES), reason=TEXT, reason_text=TEXT, note=TEXT, at=INSTANT, by=TEXT
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXT,
    "int": st.integers(0, 2**31),
    "datetime": INSTANT,
    "date | None": st.none() | st.dates(),
    "float | None": st.none() | st.floats(0, 1),
    "tuple[str, ...]": st.lists(TEXT, max_size=3).map(tuple),
    "FrozenMapping": st.dictionaries(TEXT, JSON, max_size=3).map(FrozenMapping),
    "Money | None": st.none() | MONEY,
    "Close | None": st.none() | CLOSE,
}


def any_record(kind: TargetKind) -> st.SearchStrategy[Any]:
    """Return records with every field at any value."""
    fields = attrs.fields(KINDS[kind])
    return st.builds(KINDS[kind], **{field.name: VALUES.get(str(field.type), TEXT) for field in fields})


RECORDS = st.sampled_from(list(KINDS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(any_record(kind), max_size=4))
)


@pytest.mark.parametrize(("write", "read"), FORMATS)
@given(RECORDS)
def test_what_is_read_is_what_was_written(
    write: Callable[..., int], read: Callable[..., Any], told: tuple[TargetKind, list[Record]]
) -> None:
    """Every field of every kind comes back as it was, hostile text and all."""
    kind, records = told
    file = io.BytesIO()
    assert write(records, file, kind) == len(records)
    file.seek(0)
    found = list(read(file, kind))
    assert found == records
    for one, other in zip(found, records, strict=True):
        assert {name: type(value) for name, value in one.__dict__.items() if name != "probability"} == {
            name: type(value) for name, value in other.__dict__.items() if name != "probability"
        }


NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


def acme(**new: Any) -> Deal:
    """Return a deal."""
    deal = Deal(
        id="d1", pipeline="sales", stage="new", name="Acme", created_at=NOON, entered_at=NOON, updated_at=NOON
    )
    return attrs.evolve(deal, **new)


def cells(deal: Deal) -> dict[str, str]:
    """Return the CSV cells of a deal."""
    file = io.BytesIO()
    write_csv([deal], file, "deal")
    (row,) = csv.DictReader(io.StringIO(file.getvalue().decode(), newline=""))
    return row


def test_a_csv_row_is_plain_to_read() -> None:
    """Instants have microseconds and UTC, amounts the decimals of their currency, close is flat."""
    east = timezone(timedelta(hours=3))
    close = Close(outcome="lost", reason="price", at=datetime(2026, 2, 3, tzinfo=UTC), by="ann")
    row = cells(
        acme(
            value=money(5, "EUR"),
            close=close,
            expected_close=date(2026, 3, 1),
            visited=("new", "lost"),
            custom=FrozenMapping({"size": 4}),
            created_at=datetime(2026, 2, 1, 15, 0, 0, 7, tzinfo=east),
        )
    )
    assert row["created_at"] == "2026-02-01T12:00:00.000007+00:00"
    assert (row["amount"], row["currency"]) == ("5.00", "EUR")
    assert (row["close_outcome"], row["close_reason"], row["close_by"]) == ("lost", "price", "ann")
    assert (row["expected_close"], row["visited"], row["custom"]) == (
        "2026-03-01",
        '["new","lost"]',
        '{"size":4}',
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "'", "＝"])
def test_no_text_is_run_as_a_formula(start: str) -> None:
    """A text that a spreadsheet would run, or that begins with the guard, is written behind an apostrophe."""
    name = f"{start}HYPERLINK(1)"
    assert cells(acme(name=name))["name"] == f"'{name}"


def test_no_cell_at_all_begins_a_formula() -> None:
    """Of numbers alone a minus may be first."""
    row = cells(
        acme(value=money(-5, "EUR"), owner="=cmd", visited=("=x",), custom=FrozenMapping({"=x": "=y"}))
    )
    assert [name for name, cell in row.items() if cell.startswith(("=", "+", "-", "@"))] == ["amount"]


def test_json_lines_hold_json() -> None:
    """Custom fields and lists are no text in text."""
    file = io.BytesIO()
    write_jsonl(
        [acme(custom=FrozenMapping({"tags": ["a", {"b": None}]}), value=money("1.5", "EUR"))], file, "deal"
    )
    line = json.loads(file.getvalue())
    assert (line["custom"], line["visited"], line["amount"]) == ({"tags": ["a", {"b": None}]}, [], "1.50")


def test_parquet_has_types() -> None:
    """Instants are timestamps, amounts decimals, days dates."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra for Parquet is not installed")
    file = io.BytesIO()
    write_parquet([acme(value=money("1.5", "EUR"))], file, "deal")
    types = {field.name: str(field.type) for field in parquet.read_schema(file)}
    assert (types["created_at"], types["amount"], types["expected_close"]) == (
        "timestamp[us, tz=UTC]", "decimal128(38, 4)", "date32[day]",
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_the_fields(kind: TargetKind) -> None:
    """Every field has a column of its name, but value and close, which have several."""
    fields = {field.name for field in attrs.fields(KINDS[kind])} - {"value", "close"}
    assert fields <= set(export_columns(kind))


@pytest.mark.parametrize(("write", "read"), FORMATS)
def test_paths_are_written_and_read(write: Any, read: Any, tmp_path: Path) -> None:
    """A path is opened and closed; one that is no file is an error."""
    path = tmp_path / "deals"
    assert write(iter([acme()]), path, "deal") == 1
    assert list(read(path, "deal")) == [acme()]
    with pytest.raises(InputError, match="cannot be opened"):
        list(read(tmp_path / "absent", "deal"))
    with pytest.raises(InputError, match="cannot be opened"):
        write([], tmp_path / "no" / "folder", "deal")


@pytest.mark.parametrize(("write", "read"), FORMATS)
def test_many_records_are_written_in_parts(write: Any, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches end anywhere."""
    monkeypatch.setattr(export, "_BATCH", 3)
    records = [acme(id=f"d{number}") for number in range(7)]
    file = io.BytesIO()
    assert write(iter(records), file, "deal") == 7
    file.seek(0)
    assert list(read(file, "deal")) == records


@pytest.mark.parametrize(("write", "read"), FORMATS)
def test_one_file_holds_one_kind(write: Any, read: Any) -> None:
    """A record of another kind, an unknown kind and a text file are errors."""
    company = Company(id="c1", name="Acme", created_at=NOON, updated_at=NOON)
    with pytest.raises(InputError, match="is no deal"):
        write([company], io.BytesIO(), "deal")
    with pytest.raises(InputError, match="did you mean 'deal'"):
        write([], io.BytesIO(), "deel")
    for wrong in (io.StringIO(), 7):
        with pytest.raises(InputError, match="binary"):
            write([], wrong, "deal")
        with pytest.raises(InputError, match="binary"):
            list(read(wrong, "deal"))


@pytest.mark.parametrize(("write", "read"), FORMATS)
def test_older_files_are_read(write: Any, read: Any) -> None:
    """A column that is not there leaves its field at the default; a required one is told."""
    if write is write_parquet:
        arrow = pytest.importorskip("pyarrow", reason="the extra for Parquet is not installed")
        parquet = pytest.importorskip("pyarrow.parquet")
    least = {"id": "c1", "name": "Acme", "created_at": NOON, "updated_at": NOON}
    for columns in (list(least), ["id", "name"]):
        row = {name: least[name] for name in columns}
        plain = {name: str(value) for name, value in row.items()}
        file = io.BytesIO()
        if write is write_parquet:
            parquet.write_table(arrow.Table.from_pylist([row]), file)
        elif write is write_jsonl:
            file.write(json.dumps(plain).encode())
        else:
            file.write((",".join(plain) + "\r\n" + ",".join(plain.values()) + "\r\n").encode())
        file.seek(0)
        if len(columns) == len(least):
            assert list(read(file, "company")) == [Company(**least)]
        else:
            with pytest.raises(InputError, match="created_at"):
                list(read(file, "company"))


@pytest.mark.parametrize(("write", "read"), FORMATS)
@given(st.data())
def test_no_damage_breaks_a_reader(write: Any, read: Any, data: st.DataObject) -> None:
    """A file with any bytes changed or cut off is read, or is an InputError."""
    file = io.BytesIO()
    write([acme(value=money(5, "EUR"), custom=FrozenMapping({"a": [1, "x"]}))] * 2, file, "deal")
    whole = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for damaged in (whole, whole[:cut]):
        with suppress(InputError):
            list(read(io.BytesIO(bytes(damaged)), "deal"))


def test_an_error_names_its_line_and_column() -> None:
    """Lines are those of the file, also behind a cell of several lines."""
    file = io.BytesIO()
    write_csv([acme(name="two\nlines"), acme(probability=0.5)], file, "deal")
    damaged = file.getvalue().replace(b"0.5", b"half")
    with pytest.raises(InputError, match="line 4: probability: 'half' is no float"):
        list(read_csv(io.BytesIO(damaged), "deal"))


def test_without_the_extra_parquet_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is missing, the error names the extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"funnelkit\[parquet\]"):
        write_parquet([], io.BytesIO(), "deal")
