"""Tables: files of rows in, records out through the gate, and records back to files.

Reading files and cells, and what their columns mean, knows no engine and no store; `importing`,
`record_files` and `awaited` do. Bitrix24 over REST is in `funnelkit.tables.bitrix24_rest`.
"""

from __future__ import annotations

from funnelkit.tables.awaited import (
    AsyncTablePlan,
    async_export_records,
    async_import_records,
    async_import_table,
    async_plan_table,
)
from funnelkit.tables.drafts import BoundMapping, Reason, RowDraft
from funnelkit.tables.export import (
    export_columns,
    read_csv,
    read_jsonl,
    read_parquet,
    write_csv,
    write_jsonl,
    write_parquet,
)
from funnelkit.tables.files import Table, read_table
from funnelkit.tables.importing import Into, TablePlan, import_table, plan_table
from funnelkit.tables.mapping import FIELDS, READS, Column, TableMapping
from funnelkit.tables.record_files import export_records, import_records
from funnelkit.tables.report import Kept, RowPlan, TableReport
from funnelkit.tables.rows import Row

__all__ = [
    "FIELDS",
    "READS",
    "AsyncTablePlan",
    "BoundMapping",
    "Column",
    "Into",
    "Kept",
    "Reason",
    "Row",
    "RowDraft",
    "RowPlan",
    "Table",
    "TableMapping",
    "TablePlan",
    "TableReport",
    "async_export_records",
    "async_import_records",
    "async_import_table",
    "async_plan_table",
    "export_columns",
    "export_records",
    "import_records",
    "import_table",
    "plan_table",
    "read_csv",
    "read_jsonl",
    "read_parquet",
    "read_table",
    "write_csv",
    "write_jsonl",
    "write_parquet",
]
