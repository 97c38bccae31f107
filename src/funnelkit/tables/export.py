"""Records to CSV, JSON Lines and Parquet, and back: what is read is what was written, field by field.

One file holds records of one kind. Its columns are the record's fields, in their order, but for

- ``value``, which is two columns, ``amount`` and ``currency``;
- ``close``, which is ``close_outcome``, ``close_reason``, ``close_reason_text``, ``close_note``,
  ``close_at`` and ``close_by``.

Instants are ISO 8601 in UTC with microseconds, days ISO 8601; ``custom`` and lists are JSON. In Parquet
instants, days, amounts and lists have types of their own.

Spreadsheets run a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula. In CSV every text that
begins so, or with a tab, a line break or an apostrophe, is written with an apostrophe before it, which a
spreadsheet shows as text; reading takes one leading apostrophe away from every text. Numbers, instants
and JSON need no guard.

A column that a file does not have leaves its field at the default, so files of older versions are read; a
column that is no field is an error.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import IO, Any, cast

from funnelkit.errors import InputError, MissingExtraError, shown
from funnelkit.records import Record
from funnelkit.tables.mapping import TargetKind
from funnelkit.tables.plain import (
    Plain,
    cell_of,
    check_header,
    column_types,
    flat,
    from_cell,
    from_text,
    json_text,
    located,
    parsed,
    record_of,
    to_text,
)

__all__ = [
    "export_columns",
    "read_csv",
    "read_jsonl",
    "read_parquet",
    "write_csv",
    "write_jsonl",
    "write_parquet",
]

Target = str | PathLike[str] | IO[bytes]
_BATCH = 10_000


def export_columns(kind: TargetKind) -> tuple[str, ...]:
    """Return the columns of a kind of record, in the order they are written.

    Raises:
        InputError: There is no such kind.

    >>> export_columns("company")[:4]
    ('id', 'version', 'name', 'owner')
    """
    return tuple(column_types(kind))


# -- files ---------------------------------------------------------------------------------------


@contextmanager
def _opened(target: Target, mode: str) -> Iterator[IO[bytes]]:
    if isinstance(target, str | PathLike):
        try:
            file = Path(target).open(mode)  # noqa: SIM115 (closed below)
        except (OSError, ValueError) as error:
            told = getattr(error, "strerror", None) or str(error)
            raise InputError("file", f"{shown(str(target))} cannot be opened: {told}") from error
        with file:
            yield cast("IO[bytes]", file)
    elif isinstance(target, io.TextIOBase) or not hasattr(target, "write" if "w" in mode else "read"):
        raise InputError("file", f"{shown(target)} is no path and no binary file", f'open it with "{mode}"')
    else:
        yield target


@contextmanager
def _text(target: Target, mode: str, newline: str | None = "") -> Iterator[io.TextIOWrapper]:
    with _opened(target, mode) as file:
        wrapper = io.TextIOWrapper(file, "utf-8" if "w" in mode else "utf-8-sig", newline=newline)
        try:
            yield wrapper
        except UnicodeError as error:
            raise InputError("file", f"is not UTF-8: {error}") from None
        finally:
            wrapper.detach()


def write_csv(records: Iterable[Record], target: Target, kind: TargetKind) -> int:
    r"""Write records of one kind as CSV: UTF-8, commas, a header line. Formulas are guarded against.

    Args:
        records: Any number of them; they are written as they come.
        target: A path, or a file opened with ``"wb"``, which is not closed.
        kind: Of the records.

    Returns:
        How many were written.

    Raises:
        InputError: A record of another kind, or the file cannot be opened.

    >>> import io
    >>> from funnelkit import Engine
    >>> acme, file = Engine().create_company("=1+1"), io.BytesIO()
    >>> write_csv([acme], file, "company")
    1
    >>> "'=1+1" in file.getvalue().decode(), list(read_csv(io.BytesIO(file.getvalue()), "company")) == [acme]
    (True, True)
    """
    columns = export_columns(kind)
    number = 0
    with _text(target, "wb") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(columns)
        for record in records:
            row = flat(record, kind)
            writer.writerow([row[name] if name == "custom" else cell_of(row[name]) for name in columns])
            number += 1
    return number


def read_csv(source: Target, kind: TargetKind) -> Iterator[Record]:
    r"""Yield the records of a file that `write_csv` has written.

    Raises:
        InputError: It is no such file; the line and the column are named.

    >>> import io
    >>> list(read_csv(io.BytesIO(b"id,hue\r\n"), "company"))
    Traceback (most recent call last):
        ...
    funnelkit.errors.InputError: header: 'hue' is no column of a company
    """
    types = column_types(kind)
    with _text(source, "rb") as file:
        rows = csv.reader(file, strict=True)
        try:
            header = next(rows, [])
            check_header(header, types, kind)
            readers = [(types[name], name) for name in header]
            line = rows.line_num + 1
            for cells in rows:
                with located(line):
                    record = record_of(_row(readers, cells), kind)
                yield record
                line = rows.line_num + 1
        except csv.Error as error:
            raise InputError(f"line {rows.line_num}", f"is no CSV: {error}") from None


def _row(columns: list[tuple[str, str]], cells: list[str]) -> Plain:
    if len(cells) != len(columns):
        raise InputError("row", f"has {len(cells)} cells, the header has {len(columns)}")
    return {
        name: from_cell(type_name, cell, name) for (type_name, name), cell in zip(columns, cells, strict=True)
    }


def write_jsonl(records: Iterable[Record], target: Target, kind: TargetKind) -> int:
    """Write records of one kind as JSON Lines: one object a line, ``custom`` and lists as they are.

    Args and errors are those of `write_csv`.

    >>> import io, json
    >>> from funnelkit import Engine
    >>> file = io.BytesIO()
    >>> write_jsonl([Engine().create_company("Acme", custom={"size": 40})], file, "company")
    1
    >>> json.loads(file.getvalue())["custom"]
    {'size': 40}
    """
    column_types(kind)
    number = 0
    with _text(target, "wb", "\n") as file:
        for record in records:
            row = {name: to_text(value) for name, value in flat(record, kind).items()}
            file.write(json_text(row | {"custom": record.custom}) + "\n")
            number += 1
    return number


def read_jsonl(source: Target, kind: TargetKind) -> Iterator[Record]:
    """Yield the records of a file that `write_jsonl` has written.

    Raises:
        InputError: It is no such file; the line and the column are named.

    >>> import io
    >>> list(read_jsonl(io.BytesIO(b"[]"), "company"))
    Traceback (most recent call last):
        ...
    funnelkit.errors.InputError: line 1: row: '[]' is no JSON object
    """
    types = column_types(kind)
    with _text(source, "rb", "\n") as file:
        for line, text in enumerate(file, 1):
            with located(line):
                row = parsed(text.rstrip("\n"), "row", dict)
                check_header(row, types, kind)
                plain = {name: from_text(types[name], value, name) for name, value in row.items()}
                record = record_of(plain, kind)
            yield record


def write_parquet(records: Iterable[Record], target: Target, kind: TargetKind) -> int:
    """Write records of one kind as Parquet, in row groups of 10,000.

    Args and errors are those of `write_csv`.

    Raises:
        MissingExtraError: pyarrow is not installed.

    >>> import io
    >>> from funnelkit import Engine
    >>> acme, file = Engine().create_company("Acme"), io.BytesIO()
    >>> write_parquet([acme], file, "company"), list(read_parquet(file, "company")) == [acme]
    (1, True)
    """
    arrow, parquet = _pyarrow("Writing Parquet files")
    types = column_types(kind)
    schema = arrow.schema([(name, _arrow_type(arrow, told)) for name, told in types.items()])
    number, left = 0, iter(records)
    with _opened(target, "wb") as file, parquet.ParquetWriter(file, schema) as writer:
        while batch := [flat(record, kind) for record in islice(left, _BATCH)]:
            writer.write_table(arrow.Table.from_pylist(batch, schema))
            number += len(batch)
    return number


def read_parquet(source: Target, kind: TargetKind) -> Iterator[Record]:
    """Yield the records of a file that `write_parquet` has written.

    Raises:
        InputError: It is no such file; the column is named.
        MissingExtraError: pyarrow is not installed.

    >>> import io
    >>> list(read_parquet(io.BytesIO(b"no"), "company"))
    Traceback (most recent call last):
        ...
    funnelkit.errors.InputError: file: is no Parquet file
    """
    arrow, parquet = _pyarrow("Reading Parquet files")
    types = column_types(kind)
    number = 0
    with _opened(source, "rb") as opened:
        try:
            file = parquet.ParquetFile(opened)
            check_header(file.schema_arrow.names, types, kind)
            for batch in file.iter_batches(_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    with located(number):
                        record = record_of({name: _utc(value) for name, value in row.items()}, kind)
                    yield record
        except InputError:
            raise
        except (arrow.ArrowException, OSError, ValueError, OverflowError):
            raise InputError("file", "is no Parquet file") from None


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _arrow_type(arrow: Any, type_name: str) -> Any:
    base = type_name.removesuffix(" | None")
    if base.startswith("tuple"):
        return arrow.list_(arrow.string())
    return {
        "int": arrow.int64(),
        "float": arrow.float64(),
        "Decimal": arrow.decimal128(38, 4),
        "datetime": arrow.timestamp("us", tz="UTC"),
        "date": arrow.date32(),
    }.get(base, arrow.string())


def _pyarrow(purpose: str) -> tuple[Any, Any]:
    try:
        import pyarrow as arrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError(purpose, "parquet") from None
    return arrow, parquet
