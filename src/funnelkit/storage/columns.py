"""The columns of the tables in ``schema.sql``."""

from __future__ import annotations

from typing import Any

__all__ = ["COLUMNS", "PLACE", "STEP", "Row"]

Row = tuple[Any, ...]

_PLACED = (
    "id version pipeline stage visited moves name owner amount currency probability expected_close "
    "lead_source campaign created_us entered_us updated_us outcome close_reason close_reason_text "
    "close_note closed_us closed_by custom"
)
_PARTY = "id version name owner lead_source created_us updated_us custom"
_ONE_OF_MANY = "replaced_by absorbed"

COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(names.split())
    for table, names in {
        "deal": f"{_PLACED} contact company lead seal repeat_kind {_ONE_OF_MANY}",
        "lead": f"{_PLACED} company_name email phone contact company deal seal repeat_kind {_ONE_OF_MANY}",
        "contact": f"{_PARTY} email phone company {_ONE_OF_MANY} contact_role",
        "company": f"{_PARTY} {_ONE_OF_MANY}",
        "activity": "id record_id kind content pipeline stage step done_us done_by roles custom",
        "move": (
            "record_id seq pipeline source_pipeline fingerprint moved_us source target direction since_us "
            "first_visit furthest_before furthest_after created_us actor cause reason reason_text note "
            "overruled owner amount currency probability lead_source campaign act_key seal repeat_kind"
        ),
        "attribute": "record_id field_name field_value amount since_us",
        "change": "change_type record_id version happened_us actor body",
        "idempotency": "act_key request answer",
        "definition": "fingerprint pipeline document",
        "match_key": "match_key kind record_id",
    }.items()
}
"""Table → its columns in the order of the rows, which is that of the table.

``position`` columns are the store's own. A column that a later schema added is the last of its table.
"""

PLACE: tuple[str, ...] = (
    *("version", "pipeline", "stage", "visited", "moves", "entered_us", "updated_us"),
    *("outcome", "close_reason", "close_reason_text", "close_note", "closed_us", "closed_by", "seal"),
)
"""The columns of a lead or deal that a move, a close, a reopening or a transfer changes: half of them."""

STEP: tuple[str, ...] = ("version", "stage", "visited", "moves", "entered_us", "updated_us")
"""The columns of a lead or deal that a move from stage to stage changes, where it is not sealed."""
