"""What an export holds: its tables, their columns, and the types of these in Arrow and ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from funnelkit.errors import MissingExtraError
from funnelkit.records import OUTCOMES, Direction
from funnelkit.storage.columns import COLUMNS

__all__ = [
    "LEDGER",
    "ORDER",
    "RECORDS",
    "STEPS",
    "TABLES",
    "arrow_schema",
    "clickhouse_columns",
    "duckdb_columns",
    "pyarrow",
    "words",
]

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
"""Columns of few different texts, which ClickHouse keeps as numbers a block."""

STEPS = ("source", "target", "direction", "furthest_before", "furthest_after")
"""Columns of ``move`` that tables keep as one enumeration: compared and grouped as small numbers."""

ORDER = {"move": "pipeline, direction, record_id, seq", "attribute": "field_name, record_id"}
"""By what tables are sorted, if not by their key: rare moves lie together, and those of a record."""


def words(found: Iterable[str]) -> list[str]:
    """Return the words of the enumeration, in the order of text: those found, and those that texts name.

    Some engines refuse to compare with a word that an enumeration does not have.
    """
    return sorted({"", *get_args(Direction), *OUTCOMES, *found})


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


def clickhouse_columns(table: str, steps: Sequence[str] = ()) -> str:
    """Return the columns of a table with their types in ClickHouse; ``steps`` are the words of `STEPS`.

    >>> clickhouse_columns("definition")
    'fingerprint LowCardinality(String), pipeline LowCardinality(String), document String'
    """
    said = []
    listed = ", ".join("'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'" for word in steps)
    for column in TABLES[table]:
        kind, null = _type(table, column)
        name = {"whole": "Int64", "real": "Float64", "text": "String"}[kind]
        name = f"LowCardinality({name})" if column in _FEW else name
        if steps and table == "move" and column in STEPS:
            name = f"Enum{8 if len(steps) < 128 else 16}({listed})"  # noqa: PLR2004
        said.append(f"{column} {f'Nullable({name})' if null else name}")
    return ", ".join(said)


def duckdb_columns(table: str, steps: Sequence[str]) -> str:
    """Return what to select of the files of a table, `STEPS` as an enumeration.

    >>> duckdb_columns("definition", [])
    'fingerprint, pipeline, document'
    """
    if table != "move":
        return ", ".join(TABLES[table])
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in steps)
    return ", ".join(
        f"CAST({column} AS ENUM({listed})) AS {column}" if column in STEPS else column
        for column in TABLES[table]
    )


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
