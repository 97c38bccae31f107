"""What an export holds: its tables, their columns, and the types of these in Arrow and ClickHouse."""

from __future__ import annotations

from typing import Any

from funnelkit.errors import MissingExtraError
from funnelkit.storage.columns import COLUMNS

__all__ = ["LEDGER", "RECORDS", "TABLES", "arrow_schema", "clickhouse_columns", "pyarrow"]

LEDGER = ("move", "attribute")
"""Tables that only grow, each row at a position."""

RECORDS = ("deal", "lead")
"""Tables of records as they are now."""

_PRIVATE = {"name", "email", "phone", "company_name", "close_note", "custom", "absorbed", "seal"}
"""What no metric reads of a record: it stays in the store."""

TABLES: dict[str, tuple[str, ...]] = {
    **{table: ("position", *COLUMNS[table]) for table in LEDGER},
    **{table: tuple(name for name in COLUMNS[table] if name not in _PRIVATE) for table in RECORDS},
    "definition": COLUMNS["definition"],
}
"""Table → its columns."""

_NULLABLE = {"since_us": {"move"}, "closed_us": set(RECORDS), "probability": {"move", *RECORDS}}
_WHOLE = {"position", "version", "moves", "seq", "amount", "first_visit"}
_FEW = {"pipeline", "source_pipeline", "source", "target", "direction", "stage", "outcome", "currency"}
_FEW |= {"furthest_before", "furthest_after", "owner", "lead_source", "campaign", "repeat_kind", "reason"}
_FEW |= {"fingerprint", "field_name", "actor", "cause"}
"""Columns of few different texts, which ClickHouse keeps as numbers."""


def _type(table: str, column: str) -> tuple[str, bool]:
    """Return ``"whole"``, ``"real"`` or ``"text"``, and whether a value can be missing."""
    null = table in _NULLABLE.get(column, ())
    if column == "probability":
        return "real", null
    return ("whole" if column in _WHOLE or column.endswith("_us") else "text"), null


def arrow_schema(table: str) -> Any:
    """Return the columns of a table as Arrow has them."""
    arrow, _ = pyarrow()
    types = {"whole": arrow.int64(), "real": arrow.float64(), "text": arrow.string()}
    told = {column: _type(table, column) for column in TABLES[table]}
    return arrow.schema([arrow.field(column, types[kind], null) for column, (kind, null) in told.items()])


def clickhouse_columns(table: str) -> str:
    """Return the columns of a table with their types in ClickHouse.

    >>> clickhouse_columns("definition")
    'fingerprint LowCardinality(String), pipeline LowCardinality(String), document String'
    """
    said = []
    for column in TABLES[table]:
        kind, null = _type(table, column)
        name = {"whole": "Int64", "real": "Float64", "text": "String"}[kind]
        name = f"LowCardinality({name})" if column in _FEW else name
        said.append(f"{column} {f'Nullable({name})' if null else name}")
    return ", ".join(said)


def pyarrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import pyarrow as arrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("Writing an export", "parquet") from None
    return arrow, parquet
