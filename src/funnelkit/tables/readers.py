"""How the cells of one column are read: what a mapping says about it, and what the column tells itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from funnelkit.errors import InputError, shown
from funnelkit.inputs import NAME_LIMIT, TEXT_LIMIT, share, text
from funnelkit.records import OUTCOMES
from funnelkit.serial import did_you_mean
from funnelkit.tables.cells import read_date, read_id, read_instant, read_number, read_percent, read_yes_no
from funnelkit.tables.files import column_key
from funnelkit.tables.lookalikes import warning
from funnelkit.tables.mapping import FIELDS, Column, TableMapping

__all__ = ["KEY_LIMIT", "Read", "json_value", "plain", "read_key", "reader", "way"]

KEY_LIMIT = 200
_REMEMBERED = 10_000

Read = Callable[[Any, str], Any]
"""Cell and column → value; raises `InputError`."""


def way(mapping: TableMapping, field: str, column: Column) -> str:
    """Return how a column is read: one of `READS`."""
    return column.reads or FIELDS[mapping.kind].get(field, "text")


def reader(
    mapping: TableMapping, field: str, column: Column, decimals: Mapping[str, str], whole: frozenset[str]
) -> Read:
    """Return what reads the cells of a column.

    ``decimals`` are the decimal signs that columns tell; ``whole`` the columns of unrounded ids.
    """
    how = way(mapping, field, column)
    if how in {"place", "outcome"} or column.values:
        return _remembering(_labelled(column.values, how))
    custom = field.startswith("custom.")
    if how in {"number", "percent", "share"}:
        return _numeric(how, mapping, decimals)
    if how in {"date", "instant"}:
        return _timed(how, mapping, as_text=custom)
    if how == "id":
        return lambda cell, name: text(read_id(cell, name, whole=name in whole), name, limit=KEY_LIMIT)
    if how == "yes_no":
        return read_yes_no
    limit = TEXT_LIMIT if custom or field == "note" else NAME_LIMIT
    return lambda cell, name: text(plain(cell), name, limit=limit)


def _numeric(how: str, mapping: TableMapping, decimals: Mapping[str, str]) -> Read:
    def sign(name: str) -> str:
        return mapping.decimal or decimals.get(name, "")

    if how == "number":
        return lambda cell, name: read_number(cell, name, decimal=sign(name))
    if how == "percent":
        return lambda cell, name: read_percent(cell, name, decimal=sign(name))
    return lambda cell, name: share(read_number(cell, name, decimal=sign(name)), name)


def _timed(how: str, mapping: TableMapping, *, as_text: bool) -> Read:
    """Return what reads days or instants; custom fields hold them as ISO text."""

    def day(cell: Any, name: str) -> date:
        return read_date(cell, name, order=mapping.order, system=mapping.system)

    def instant(cell: Any, name: str) -> date:
        return read_instant(cell, name, zone=mapping.zone, order=mapping.order, system=mapping.system)

    read = day if how == "date" else instant
    return (lambda cell, name: read(cell, name).isoformat()) if as_text else _remembering(read)


def read_key(cell: Any, name: str, *, as_text: bool, whole: bool) -> str:
    """Return the key of a row, 1 to 200 characters."""
    told = plain(cell) if as_text else read_id(cell, name, whole=whole)
    return text(told, name, limit=KEY_LIMIT, required=True)


def plain(cell: Any) -> str:
    """Return a cell as text; a whole number of a sheet without its ``.0``."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**15:
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def json_value(cell: Any, column: str) -> Any:
    """Return a cell as JSON can hold it: whole numbers and booleans of a sheet as they are, else text."""
    if isinstance(cell, bool) or (isinstance(cell, int) and abs(cell) < 2**63):
        return cell
    return text(plain(cell), column, limit=TEXT_LIMIT)


def _labelled(values: Mapping[str, str], how: str) -> Read:
    """Return what reads labels through a map of values; a place or an outcome has to be in it."""
    known = {column_key(label): value for label, value in values.items()}
    words = (*OUTCOMES, "open") if how == "outcome" else ()

    def read(cell: Any, name: str) -> str:
        told = text(plain(cell), name)
        if (value := known.get(column_key(told))) is not None:
            return value
        if how == "outcome" and told.casefold() in words:
            return told.casefold()
        if how in {"place", "outcome"} and (values or words):
            options = tuple(values) or words
            fix = warning(told, options) or did_you_mean(told, options)
            raise InputError(name, f"{shown(told)} is not mapped", fix)
        return told

    return read


def _remembering(read: Read) -> Read:
    """Return ``read`` so that it remembers what texts mean: the same few come again and again."""
    known: dict[tuple[str, str], Any] = {}

    def remembered(cell: Any, name: str) -> Any:
        if type(cell) is not str:
            return read(cell, name)
        if (value := known.get((cell, name))) is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            value = known[cell, name] = read(cell, name)
        return value

    return remembered
