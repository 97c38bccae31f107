"""Rows to drafts: what a row says about its record, and every reason why it cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from funnelkit.errors import DefinitionError, InputError, shown
from funnelkit.records import OUTCOMES
from funnelkit.serial import Problem, did_you_mean
from funnelkit.tables.cells import currency_of, is_whole_id, read_amount, told_sign
from funnelkit.tables.files import Table, column_key
from funnelkit.tables.lookalikes import strangers, warning
from funnelkit.tables.mapping import Column, Names, TableMapping, TargetKind
from funnelkit.tables.readers import Read, json_value, plain, read_key, reader, way
from funnelkit.tables.rows import BAD_COLUMNS, Row

__all__ = ["BoundMapping", "Reason", "RowDraft"]

_NOTED = frozenset(("owner", "source", "campaign", "place", "contact", "company", "lead"))
"""Fields whose texts are compared with others, so that look-alike letters matter."""

Cells = tuple[Any, ...]


@attrs.frozen
class Reason:
    """Why a row cannot be used.

    Attributes:
        column: Which column says so; empty for the row as a whole.
        sentence: What is wrong, and what would be understood.

    >>> print(Reason("Sum", "'x' is no amount"))
    Sum: 'x' is no amount
    """

    column: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.column}: {self.sentence}" if self.column else self.sentence


@attrs.frozen(kw_only=True)
class RowDraft:
    """What a row says.

    Attributes:
        line: Where the row starts.
        kind: Of the record.
        key: The id that the other system has given; empty where the mapping has none.
        fields: Field → value. Of ``place`` comes ``stage`` or ``outcome``; custom fields are in
            ``custom``. Blank cells say nothing.
        reasons: Why the row cannot be used; empty where it can.
        notes: What somebody should look at: look-alike letters, cells that were left aside.

    >>> draft = RowDraft(line=2, kind="deal", key="7", fields={"name": "Acme"})
    >>> draft.usable, draft.fields["name"]
    (True, 'Acme')
    """

    line: int
    kind: TargetKind
    key: str = ""
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether nothing speaks against the row."""
        return not self.reasons


@attrs.frozen
class _Feed:
    """A field with the places of the columns that feed it."""

    field: str
    column: Column
    alternatives: tuple[tuple[int, ...], ...]
    read: Read
    only: int = -1
    """The place of the column, where it is one and alone."""
    custom: str = ""
    noted: bool = False


class BoundMapping:
    """A mapping and a table: what `TableMapping.bound` returns.

    Attributes:
        mapping: The mapping.
        unknown: Columns of the table that feed nothing.
        missing: Columns that the mapping names and the table does not have.
        decimals: Column of numbers → its decimal sign, where the column as a whole tells one.
    """

    def __init__(self, mapping: TableMapping, table: Table) -> None:
        self.mapping = mapping
        self._columns = table.columns
        self._places = {column_key(name): at for at, name in enumerate(table.columns)}
        self._check()
        named = {column_key(name) for name in mapping.columns}
        self.unknown = tuple(
            name for name in table.columns if column_key(name) not in named and name not in BAD_COLUMNS
        )
        self.missing = tuple(name for name in mapping.columns if column_key(name) not in self._places)
        self.decimals, self._whole = self._looked_over(table)
        self._currency = self._at(mapping.currency_column)
        self._feeds = tuple(self._fed())
        self._key = self._at(mapping.key.names) if mapping.key else ()
        self._kept = self._custom_names() if mapping.keep == "custom" else {}

    def read(self, row: Row) -> RowDraft:
        """Return what a row says; every reason against it, not the first one alone."""
        kind = self.mapping.kind
        if row.reason:
            return RowDraft(line=row.line, kind=kind, reasons=(Reason("", row.reason),))
        cells = row.cells
        reasons: list[Reason] = []
        notes: list[str] = []
        fields: dict[str, Any] = {}
        custom: dict[str, Any] = {}
        key = self._key_of(cells, reasons, notes) if self._key else ""
        for feed in self._feeds:
            cell, name = (
                (self._filled(cells[feed.only]), self._columns[feed.only])
                if feed.only >= 0
                else self._taken(cells, feed.alternatives, notes, custom)
            )
            if cell is None:
                if feed.column.required:
                    reasons.append(Reason(name, "empty"))
                continue
            try:
                value = self._money(cell, name, cells) if feed.field == "value" else feed.read(cell, name)
            except InputError as error:
                reasons.append(_reason(error))
                continue
            if feed.noted and isinstance(cell, str) and not cell.isascii():
                notes += map(str, strangers(cell))
            if feed.custom:
                custom[feed.custom] = value
            else:
                _put(fields, feed.field, value, name, reasons)
        if self._kept:
            self._keep(cells, custom, reasons)
        if custom:
            fields["custom"] = custom
        return RowDraft(
            line=row.line, kind=kind, key=key, fields=fields, reasons=tuple(reasons), notes=tuple(notes)
        )

    def places(self, field: str) -> tuple[int, ...]:
        """Return where in a row the columns of a field are; none if the table has none of them."""
        column = self.mapping.fields.get(field)
        return tuple(at for alternative in self._at(column.names) for at in alternative) if column else ()

    # -- once a table --------------------------------------------------------------------------

    def _check(self) -> None:
        """Raise DefinitionError with every required column that the table does not have."""
        required = [("key", self.mapping.key)] if self.mapping.key else []
        required += [(f"fields.{name}", one) for name, one in self.mapping.fields.items() if one.required]
        problems = [
            Problem(path, f"the table has no column {_any_of(column)}", self._meant(path, column))
            for path, column in required
            if not self._at(column.names)
        ]
        if not problems and not any(column_key(name) in self._places for name in self.mapping.columns):
            told = ", ".join(map(repr, self._columns[:8]))
            problems = [Problem("fields", "the table has none of the columns named", f"it has {told}")]
        if problems:
            raise DefinitionError("table", problems)

    def _meant(self, path: str, column: Column) -> str:
        for name in column.columns:
            if told := warning(name, self._columns):
                return told
        told = did_you_mean(column.columns[0], self._columns)
        return f"{told}; key=None if its rows have no ids" if path == "key" else told

    def _at(self, names: tuple[Names, ...]) -> tuple[tuple[int, ...], ...]:
        """Return the places of alternatives that the table has; each is one column or some."""
        found: list[tuple[int, ...]] = []
        for name in names:
            parts = name if isinstance(name, tuple) else (name,)
            places = tuple(self._places[key] for part in parts if (key := column_key(part)) in self._places)
            if places and not any(set(places) <= set(earlier) for earlier in found):
                found.append(places)
        return tuple(found)

    def _looked_over(self, table: Table) -> tuple[dict[str, str], frozenset[str]]:
        """Go through a table once: the decimal signs of its columns, and which ids are whole."""
        numbers, ids = self._watched()
        signs: dict[int, set[str]] = {at: set() for at in numbers}
        whole = set[str]()
        for row in table if numbers or ids else ():
            if row.reason:
                continue
            cells = row.cells
            for at in numbers:
                if sign := told_sign(cells[at]):
                    signs[at].add(sign)
            whole.update(self._columns[at] for at in ids if is_whole_id(cells[at]))
        told = {self._columns[at]: one.pop() for at, one in sorted(signs.items()) if len(one) == 1}
        return told, frozenset(whole)

    def _watched(self) -> tuple[set[int], set[int]]:
        """Return the places of the columns of numbers whose sign is not given, and of ids."""
        mapping = self.mapping
        ways = [(way(mapping, field, column), column) for field, column in mapping.fields.items()]
        if mapping.key:
            ways.append((mapping.key.reads or "id", mapping.key))
        numbers, ids = set[int](), set[int]()
        for how, column in ways:
            places = {at for places in self._at(column.names) for at in places}
            if how in {"amount", "number", "percent", "share"} and not mapping.decimal:
                numbers |= places
            elif how == "id":
                ids |= places
        return numbers, ids

    def _custom_names(self) -> dict[int, str]:
        """Return the places of the columns that may be kept, with the names of their custom fields."""
        names = {at: name.replace(".", "_") for at, name in enumerate(self._columns)}
        fields = self.mapping.fields
        taken = [field.removeprefix("custom.") for field in fields if field.startswith("custom.")]
        unknown = {at: names[at] for at, name in enumerate(self._columns) if name in self.unknown}
        every = [*taken, *unknown.values()]
        twice = sorted({name for name in every if every.count(name) > 1})
        if twice:
            raise DefinitionError(
                "table", [Problem("keep", f"two columns would be kept as custom.{name}") for name in twice]
            )
        return unknown

    def _fed(self) -> Iterator[_Feed]:
        for field, column in self.mapping.fields.items():
            if alternatives := self._at(column.names):
                read = reader(self.mapping, field, column, self.decimals, self._whole)
                yield _Feed(
                    field,
                    column,
                    alternatives,
                    read,
                    only=alternatives[0][0] if len(alternatives) == len(alternatives[0]) == 1 else -1,
                    custom=field.removeprefix("custom.") if field.startswith("custom.") else "",
                    noted=field in _NOTED,
                )

    # -- once a row ----------------------------------------------------------------------------

    def _taken(
        self, cells: Cells, among: tuple[tuple[int, ...], ...], notes: list[str], custom: dict[str, Any]
    ) -> tuple[Any, str]:
        """Return the first cell that is not blank, and its column; the others are noted or kept."""
        taken, name = None, self._columns[among[0][0]]
        for places in among:
            if len(places) == 1:
                cell = self._filled(cells[places[0]])
            else:
                parts = [plain(one) for at in places if (one := self._filled(cells[at])) is not None]
                cell = " ".join(parts) or None
            if cell is None:
                continue
            if taken is None:
                taken, name = cell, self._columns[places[0]]
            elif cell != taken:
                label = self._columns[places[0]]
                if self.mapping.keep == "custom":
                    custom.setdefault(label.replace(".", "_"), plain(cell))
                else:
                    notes.append(f"{label}: {shown(cell)} was left aside, as {name} is filled in")
        return taken, name

    def _filled(self, cell: Any) -> Any:
        if isinstance(cell, str):
            cell = cell.strip()
            return None if cell in self.mapping.blanks else cell
        return cell

    def _key_of(self, cells: Cells, reasons: list[Reason], notes: list[str]) -> str:
        cell, name = self._taken(cells, self._key, notes, {})
        if cell is None:
            reasons.append(Reason(name, "empty, so the record has no key"))
            return ""
        as_text = self.mapping.key is not None and self.mapping.key.reads == "text"
        try:
            key = read_key(cell, name, as_text=as_text, whole=name in self._whole)
        except InputError as error:
            reasons.append(_reason(error))
            return ""
        notes += map(str, strangers(key))
        return key

    def _money(self, cell: Any, name: str, cells: Cells) -> Any:
        currency = self.mapping.currency
        if self._currency:
            told, column = self._taken(cells, self._currency, [], {})
            if told is not None:
                currency = currency_of(plain(told), column)
        decimal = self.mapping.decimal or self.decimals.get(name, "")
        return read_amount(cell, name, currency=currency, decimal=decimal)

    def _keep(self, cells: Cells, custom: dict[str, Any], reasons: list[Reason]) -> None:
        for at, name in self._kept.items():
            if (cell := self._filled(cells[at])) is None:
                continue
            try:
                custom[name] = json_value(cell, self._columns[at])
            except InputError as error:
                reasons.append(_reason(error))


def _any_of(column: Column) -> str:
    """Name every alternative: ``'id', 'key' or 'код'``."""
    told = [" + ".join(map(repr, [one] if isinstance(one, str) else one)) for one in column.names]
    return " or ".join(filter(None, [", ".join(told[:-1]), told[-1]]))


def _reason(error: InputError) -> Reason:
    return Reason(error.argument, error.problem + (f" ({error.fix})" if error.fix else ""))


def _put(fields: dict[str, Any], field: str, value: Any, name: str, reasons: list[Reason]) -> None:
    """Set a field; a place is a stage or an outcome, and outcomes must not contradict each other."""
    if field == "place":
        field = "outcome" if value in OUTCOMES else "stage"
    if field == "outcome" and fields.get("outcome", value) != value:
        reasons.append(Reason(name, f"says {value}, and another column says {fields['outcome']}"))
    elif field != "outcome" or value != "open":
        fields[field] = value
