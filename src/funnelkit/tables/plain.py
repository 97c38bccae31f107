"""Records to plain values by column, and back: what every format of exports has in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import attrs

from funnelkit.errors import InputError, shown
from funnelkit.money import money
from funnelkit.records import Close, Company, Contact, Deal, FrozenMapping, Lead, Record
from funnelkit.serial import did_you_mean
from funnelkit.tables.mapping import TargetKind

__all__ = [
    "Plain",
    "cell_of",
    "check_header",
    "column_types",
    "flat",
    "from_cell",
    "from_text",
    "json_text",
    "located",
    "parsed",
    "record_of",
    "to_text",
]

Plain = dict[str, Any]
"""Column → text, int, float, Decimal, date, datetime, list of texts, or None."""

_TYPES: dict[TargetKind, type[Record]] = {"lead": Lead, "deal": Deal, "contact": Contact, "company": Company}
_GUARDED = tuple("=+-@\t\r\n'＝＋－＠")
_PARTS = {
    "Money | None": {"amount": "Decimal | None", "currency": "str"},
    "Close | None": {
        f"close_{field.name}": {"at": "datetime | None"}.get(field.name, "str")
        for field in attrs.fields(Close)
    },
}
"""Types of fields that are several columns."""


def column_types(kind: TargetKind) -> dict[str, str]:
    """Return column → type, for all columns of a kind, in their order."""
    if kind not in _TYPES:
        raise InputError("kind", f"{shown(kind)} is no kind of record", did_you_mean(kind, _TYPES))
    columns: dict[str, str] = {}
    for field in attrs.fields(_TYPES[kind]):
        columns |= _PARTS.get(field.type, {field.name: str(field.type)})
    return columns


# -- records to plain values and back ------------------------------------------------------------


def flat(record: Record, kind: TargetKind) -> Plain:
    """Return a record as plain values by column; ``custom`` is JSON text."""
    if type(record) is not _TYPES[kind]:
        problem = f"{shown(record)} is no {kind}"
        raise InputError("records", problem, "write every kind into a file of its own")
    row: Plain = {}
    for name, value in record.__dict__.items():
        if name == "value":
            row["amount"] = value.amount if value else None
            row["currency"] = value.currency if value else ""
        elif name == "close":
            for field in attrs.fields(Close):
                blank = None if field.name == "at" else ""
                row[f"close_{field.name}"] = getattr(value, field.name) if value else blank
        elif isinstance(value, FrozenMapping):
            row[name] = json_text(value)
        else:
            row[name] = list(value) if isinstance(value, tuple) else value
    return row


def json_text(value: Any) -> str:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict, allow_nan=False)


@contextmanager
def located(line: int) -> Iterator[None]:
    """Name the line in the errors of what is read within."""
    try:
        yield
    except InputError as error:
        raise InputError(f"line {line}: {error.argument}", error.problem, error.fix) from None


def record_of(row: Plain, kind: TargetKind) -> Record:
    """Return the record of plain values; what a file does not have is left at its default."""
    record_type = _TYPES[kind]
    given: dict[str, Any] = {}
    for field in attrs.fields(record_type):
        if field.type == "Money | None":
            if row.get("amount") is not None:
                given["value"] = money(row["amount"], row.get("currency", ""), "amount")
        elif field.type == "Close | None":
            given["close"] = _close(row)
        elif field.name in row:
            given[field.name] = _whole(field.type, row[field.name], field.name)
    try:
        return record_type(**given)
    except TypeError as error:
        raise InputError("columns", f"make no {kind}: {error}", "export all of its columns") from None


def _whole(type_name: Any, value: Any, column: str) -> Any:
    if type_name == "FrozenMapping":
        return FrozenMapping(parsed(value, column, dict) if isinstance(value, str) else value)
    if str(type_name).startswith("tuple"):
        return tuple(value)
    return value


def _close(row: Plain) -> Close | None:
    if not row.get("close_outcome"):
        return None
    told = {field.name: row.get(f"close_{field.name}") for field in attrs.fields(Close)}
    if None in told.values():
        raise InputError("close_at", "is empty, or a column of the close is missing")
    return Close(**told)  # type: ignore[arg-type]


def parsed(text: str, column: str, wanted: type) -> Any:
    """Return the list or the object that stands in JSON text."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InputError(column, f"{shown(text)} is no JSON") from None
    if not isinstance(value, wanted):
        raise InputError(column, f"{shown(text)} is no JSON {'object' if wanted is dict else 'list'}")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


# -- plain values to text and back ---------------------------------------------------------------


def to_text(value: Any) -> Any:
    """Return a plain value as JSON has it: text for dates and amounts."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, date | Decimal) else value


def from_text(type_name: str, value: Any, column: str) -> Any:
    """Undo `to_text`; a value of another type than the column's is an error."""
    base = _base(type_name)
    if value is None and type_name.endswith("| None"):
        return None
    wanted, whole = _READ_JSON.get(base, (str, None))
    value = _typed_value(value, wanted, column)
    if base == "tuple":
        return [_typed_value(item, str, column) for item in value]
    return whole(value, column) if whole else value


def _base(type_name: str) -> str:
    return "tuple" if type_name.startswith("tuple") else type_name.removesuffix(" | None")


def _instant(text: str, column: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InputError(column, f"{shown(text)} is no instant in ISO 8601 with its offset")


def _day(text: str, column: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(column, f"{shown(text)} is no day in ISO 8601") from None


def _number(value: float, _: str) -> float:
    return float(value)


_READ_JSON: Mapping[str, tuple[Any, Callable[[Any, str], Any] | None]] = {
    "int": (int, None),
    "float": (int | float, _number),
    "datetime": (str, _instant),
    "date": (str, _day),
    "FrozenMapping": (dict, None),
    "tuple": (list, None),
}
"""Type of a column → the type that JSON has for it, and what makes the value of that."""


def _typed_value(value: Any, wanted: Any, column: str) -> Any:
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise InputError(column, f"{shown(value)} is of another type than the column")
    return value


def from_cell(type_name: str, cell: str, column: str) -> Any:
    """Return the plain value of a CSV cell."""
    base = _base(type_name)
    if base not in _READ_CELL:
        return cell.removeprefix("'")  # one only: the guard
    if not cell and type_name.endswith("| None"):
        return None
    try:
        return _READ_CELL[base](cell, column)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(column, f"{shown(cell)} is no {base}") from None


_READ_CELL: Mapping[str, Callable[[str, str], Any]] = {
    "int": lambda cell, _: int(cell),
    "float": lambda cell, _: float(cell),
    "Decimal": lambda cell, _: cell,
    "datetime": _instant,
    "date": _day,
    "FrozenMapping": lambda cell, column: parsed(cell, column, dict),
    "tuple": lambda cell, column: from_text("tuple", parsed(cell, column, list), column),
}


def cell_of(value: Any) -> str:
    """Return a plain value as a CSV cell, guarded if it would be run as a formula."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_GUARDED) else value
    if value is None:
        return ""
    return json_text(value) if isinstance(value, list) else str(to_text(value))


def check_header(names: Iterable[str], types: Mapping[str, str], kind: TargetKind) -> None:
    """Raise InputError unless every column is one of the kind's, and there once."""
    names = list(names)
    if not names:
        raise InputError("header", "is missing", "give a file that was exported")
    for name in names:
        if name not in types:
            raise InputError("header", f"{shown(name)} is no column of a {kind}")
    if len(set(names)) < len(names):
        raise InputError("header", "names a column twice")
