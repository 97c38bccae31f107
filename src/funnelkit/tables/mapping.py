"""`TableMapping`: which column of a table feeds which field of a record, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Literal

import attrs

from funnelkit.clock import named_zone
from funnelkit.errors import DefinitionError, shown
from funnelkit.money import CURRENCIES
from funnelkit.records import NOTHING, OUTCOMES, FrozenMapping
from funnelkit.serial import Problem, did_you_mean
from funnelkit.tables.times import DateOrder

if TYPE_CHECKING:
    from funnelkit.tables.drafts import BoundMapping
    from funnelkit.tables.files import Table

__all__ = ["FIELDS", "READS", "Column", "TableMapping", "TargetKind"]

TargetKind = Literal["lead", "deal", "contact", "company"]
Names = str | tuple[str, ...]
"""One column, or several whose cells are joined by a space."""

_EVERY = {"name": "text", "owner": "text", "source": "text", "created_at": "instant"}
_PLACED = _EVERY | {
    "value": "amount",
    "probability": "percent",
    "expected_close": "date",
    "campaign": "text",
    "place": "place",
    "outcome": "outcome",
    "reason": "text",
    "note": "text",
    "closed_at": "instant",
    "contact": "id",
    "company": "id",
}
FIELDS: Mapping[TargetKind, Mapping[str, str]] = {
    "lead": _PLACED | {"company_name": "text", "email": "text", "phone": "text"},
    "deal": _PLACED | {"lead": "id"},
    "contact": _EVERY
    | {"email": "text", "phone": "text", "company": "id", "company_name": "text", "role": "text"},
    "company": _EVERY,
}
"""Kind of record → its fields that a column can feed → how they are read.

``place`` is a stage or an outcome, ``outcome`` an outcome or ``open``; ``reason``, ``note`` and
``closed_at`` say how a record was closed. ``contact``, ``company`` and ``lead`` are keys of the other
system's; a contact may name its company by ``company_name`` instead.
"""

READS: Mapping[str, str] = {
    "text": "text as it stands",
    "id": "an id, refused where a spreadsheet has rounded it",
    "amount": "money",
    "number": "a number",
    "percent": "0 to 100, with or without %",
    "share": "0 to 1",
    "date": "a day",
    "instant": "a point in time",
    "yes_no": "yes or no",
    "place": "a stage or an outcome, through the column's values",
    "outcome": "won, lost, void or open, through the column's values",
}
"""How a cell can be read."""

_OTHERS = {"text": {"id"}, "id": {"text"}, "percent": {"share"}}
_CUSTOM = ("text", "id", "number", "percent", "share", "date", "instant", "yes_no")


def _names(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        return value
    return tuple(tuple(name) if isinstance(name, list) else name for name in value)


def _some_names(value: Any) -> Any:
    return _names(value) if value else ()


def _labels(value: Any) -> Any:
    fits = isinstance(value, Mapping) and all(isinstance(one, str) for pair in value.items() for one in pair)
    return FrozenMapping(value) if fits else value


@attrs.frozen
class Column:
    """Which columns feed a field, and how their cells are read.

    Attributes:
        names: A column, or several: of each row the first that is not blank is taken. One of them may
            be a tuple of columns, whose cells are joined by a space. Case and the width of gaps do not
            count.
        reads: One of `READS`; empty for what the field asks for, text for custom fields.
        required: Whether a table without it is refused, and a row that has it blank is bad.
        values: What the column says → what the field gets. For ``place`` and ``outcome`` everything
            that is not in it is a bad row, unless it is empty; elsewhere it is taken as it stands.

    >>> Column(["Full name", ("First Name", "Last Name")], required=True).columns
    ('Full name', 'First Name', 'Last Name')
    """

    names: tuple[Names, ...] = attrs.field(converter=_names)
    reads: str = ""
    required: bool = False
    values: Mapping[str, str] = attrs.field(default=NOTHING, converter=_labels)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is named."""
        flat = (name if isinstance(name, tuple) else (name,) for name in self.names)
        return tuple(dict.fromkeys(one for names in flat for one in names))


def _column(value: Any) -> Any:
    return Column(value) if isinstance(value, str | list | tuple) else value


def _columns(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return FrozenMapping({field: _column(column) for field, column in value.items()})


def _key(value: Any) -> Any:
    return None if value is None or value == "" else _column(value)


def _blanks(value: Any) -> Any:
    texts = (value,) if isinstance(value, str) else value
    fits = isinstance(texts, list | tuple | set | frozenset) and all(isinstance(one, str) for one in texts)
    return frozenset(("", *texts)) if fits else value


@attrs.frozen(kw_only=True)
class TableMapping:
    """What the columns of a table mean: one row is one record.

    Attributes:
        kind: ``"lead"``, ``"deal"``, ``"contact"`` or ``"company"``.
        key: The column of the id that the other system has given; the same row is known by it when
            the file comes again. None where there is none.
        fields: Field → column, or columns, or a `Column`. The fields are those of `FIELDS`, and
            ``custom.<name>``.
        currency: ISO 4217 code of amounts that name none.
        currency_column: The column that holds it; ``currency`` is for rows where it is blank.
        decimal: The decimal sign, ``","`` or ``"."``; empty, each column as a whole tells.
        order: What ``01/02/2026`` means: ``"dmy"``, ``"mdy"``; empty, it is refused.
        zone: Of times that name none: ``"Europe/Moscow"`` or a ``tzinfo``. Without it they are bad.
        system: Of dates that a sheet keeps as numbers: 1900 or 1904.
        blanks: Texts that mean an empty cell, beside the empty one.
        keep: What becomes of columns that feed no field: ``"list"`` lists them in
            `BoundMapping.unknown`; ``"custom"`` keeps them as custom fields as well.

    Raises:
        DefinitionError: Everything that contradicts itself, each with its path.
        InputError: There is no such time zone.

    >>> deals = TableMapping(
    ...     kind="deal", key="ID", currency="RUB", zone="UTC",
    ...     fields={
    ...         "name": Column("Название", required=True),
    ...         "value": "Сумма",
    ...         "place": Column("Стадия", values={"Новая": "new", "Успех": "won"}),
    ...     },
    ... )
    >>> deals.columns
    ('ID', 'Название', 'Сумма', 'Стадия')
    >>> TableMapping(kind="deal", fields={"nmae": "Name"})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    funnelkit.errors.DefinitionError: table mapping: fields.nmae: a deal has no such field (did you ...
    """

    kind: TargetKind
    key: Column | None = attrs.field(default=None, converter=_key)
    fields: Mapping[str, Column] = attrs.field(converter=_columns)
    currency: str = ""
    currency_column: tuple[Names, ...] = attrs.field(default=(), converter=_some_names)
    decimal: str = ""
    order: DateOrder = ""
    zone: tzinfo | None = attrs.field(default=None, converter=named_zone)
    system: int = 1900
    blanks: frozenset[str] = attrs.field(default=frozenset(("",)), converter=_blanks)
    keep: Literal["list", "custom"] = "list"

    def __attrs_post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise DefinitionError("table mapping", problems)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is named, without repeats."""
        sources = (self.key, *self.fields.values(), Column(self.currency_column))
        return tuple(dict.fromkeys(name for source in sources if source for name in source.columns))

    def bound(self, table: Table) -> BoundMapping:
        r"""Return what reads the rows of one table. The table is gone through once, for its columns' sake.

        Raises:
            DefinitionError: The table lacks required columns, or has none of those that are named.

        >>> import io
        >>> from funnelkit.tables.files import read_table
        >>> table = read_table(io.BytesIO(b"ID;Sum;Hue\n7;1,234;red\n8;12,50;blue\n"))
        >>> deals = TableMapping(kind="deal", key="ID", fields={"value": "Sum"}, currency="KWD")
        >>> reader = deals.bound(table)
        >>> [reader.read(row).fields for row in table], reader.unknown
        ([{'value': Money('1.234 KWD')}, {'value': Money('12.500 KWD')}], ('Hue',))
        """
        from funnelkit.tables.drafts import BoundMapping

        return BoundMapping(self, table)

    def check(self, stages: Iterable[str]) -> None:
        """Raise DefinitionError with every value of ``place`` that is no stage given, and no outcome."""
        known = (*stages, *OUTCOMES)
        column = self.fields.get("place")
        path = "fields.place.values"
        problems = [
            Problem(f"{path}[{label!r}]", f"there is no stage {shown(stage)}", _meant(stage, known))
            for label, stage in (column.values.items() if column else ())
            if stage not in known
        ]
        if problems:
            raise DefinitionError("table mapping", problems)


def _meant(word: str, known: Iterable[str]) -> str:
    from funnelkit.tables.lookalikes import warning

    known = tuple(known)
    return warning(word, known) or did_you_mean(word, known)


def _problems(mapping: TableMapping) -> Iterator[Problem]:
    """Find everything that contradicts itself."""
    for path, value, allowed in (
        ("kind", mapping.kind, tuple(FIELDS)),
        ("decimal", mapping.decimal, ("", ",", ".")),
        ("order", mapping.order, ("", "dmy", "mdy")),
        ("system", mapping.system, (1900, 1904)),
        ("keep", mapping.keep, ("list", "custom")),
    ):
        if value not in allowed:
            options = ", ".join(map(repr, allowed))
            yield Problem(path, f"{shown(value)} is none of {options}")
    if mapping.currency and mapping.currency not in CURRENCIES:
        yield Problem("currency", f"{shown(mapping.currency)} is not an ISO 4217 currency", 'write "EUR"')
    if not isinstance(mapping.zone, tzinfo | None):
        yield Problem("zone", f"{shown(mapping.zone)} is not a time zone", 'write "Europe/Moscow"')
    if not isinstance(mapping.blanks, frozenset):
        yield Problem("blanks", f"{shown(mapping.blanks)} is not a list of texts")
    yield from _named("currency_column", mapping.currency_column, may_be_empty=True)
    if mapping.key is not None:
        yield from _key_problems(mapping.key)
    if not isinstance(mapping.fields, FrozenMapping) or not mapping.fields:
        yield Problem("fields", "is no mapping of field to column", 'write fields={"name": "Name"}')
    elif mapping.kind in FIELDS:
        for field, column in mapping.fields.items():
            yield from _field_problems(mapping.kind, field, column)


def _key_problems(key: Any) -> Iterator[Problem]:
    if not isinstance(key, Column):
        yield Problem("key", f"{shown(key)} is no column", 'write key="ID"')
        return
    yield from _named("key", key.names)
    if key.reads not in {"", "id", "text"}:
        yield Problem("key", f"a key is not read as {shown(key.reads)}", "'id' or 'text'")


def _field_problems(kind: TargetKind, field: Any, column: Any) -> Iterator[Problem]:
    path, known = f"fields.{field}", FIELDS[kind]
    custom = isinstance(field, str) and field.startswith("custom.")
    if custom:
        name = field.removeprefix("custom.")
        if not name or "." in name:
            yield Problem(path, "names no custom field", "write custom.size")
    elif field not in known:
        yield Problem(path, f"a {kind} has no such field", did_you_mean(field, (*known, "custom.<name>")))
        return
    if not isinstance(column, Column):
        yield Problem(path, f"{shown(column)} is no column", 'write "Name" or Column("Name")')
        return
    yield from _named(path, column.names)
    if not isinstance(column.values, FrozenMapping):
        yield Problem(f"{path}.values", f"{shown(column.values)} is no mapping of text to text")
        return
    allowed = _CUSTOM if custom else ("", known[field], *_OTHERS.get(known[field], ()))
    if column.reads and column.reads not in allowed:
        options = ", ".join(repr(one) for one in allowed if one)
        yield Problem(f"{path}.reads", f"is not read as {shown(column.reads)}", f"one of {options}")
    if field == "outcome":
        for label, outcome in column.values.items():
            if outcome not in (*OUTCOMES, "open"):
                yield Problem(
                    f"{path}.values[{label!r}]", f"{shown(outcome)} is no outcome", "won, lost, void or open"
                )


def _named(path: str, names: Any, *, may_be_empty: bool = False) -> Iterator[Problem]:
    each = names if isinstance(names, tuple) else (names,)
    flat = [one for name in each for one in (name if isinstance(name, tuple) else (name,))]
    if not (flat or may_be_empty) or not all(isinstance(one, str) and one.strip() for one in flat):
        yield Problem(path, f"{shown(names)} names no column", 'write "Name"')
