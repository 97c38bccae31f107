"""A commit as one line of JSON, for stores that keep a journal and for whoever sends commits elsewhere."""

from __future__ import annotations

import json
from typing import Any, cast

from funnelkit.errors import FunnelkitError, InputError, shown
from funnelkit.storage import rows
from funnelkit.storage.base import Commit, Kind, Write, kind_of
from funnelkit.storage.rows import COLUMNS, Row

__all__ = ["commit_from_json", "commit_to_json"]


def commit_to_json(commit: Commit) -> str:
    """Return a commit as JSON in ASCII, without line breaks; `commit_from_json` gives it back, equal.

    Each row is an object of the columns that it has in the tables of ``schema.sql``. So a line can be
    read by eye and by other programs, and by later versions of funnelkit that know more columns.

    >>> from funnelkit import commit_from_json, commit_to_json
    >>> from funnelkit.storage import Commit
    >>> commit = Commit(definitions={"0f": ("sales", "{}")})
    >>> commit_to_json(commit)
    '{"definitions":[{"fingerprint":"0f","pipeline":"sales","document":"{}"}]}'
    >>> commit_from_json(commit_to_json(commit)) == commit
    True
    """
    document = {
        "writes": [_written(write) for write in commit.writes],
        "moves": [_named("move", rows.move_row(move)) for move in commit.moves],
        "activities": [_named("activity", rows.activity_row(item)) for item in commit.activities],
        "attributes": [_named("attribute", rows.attribute_row(item)) for item in commit.attributes],
        "changes": [_named("change", rows.change_row(change)) for change in commit.changes],
        "answers": [_named("idempotency", rows.answer_row(answer)) for answer in commit.answers],
        "definitions": [_named("definition", (key, *value)) for key, value in commit.definitions.items()],
        "keys": [_named("match_key", rows.match_key_row(key)) for key in commit.keys],
    }
    return json.dumps({part: items for part, items in document.items() if items}, separators=(",", ":"))


def commit_from_json(text: str | bytes) -> Commit:
    """Return the commit that `commit_to_json` wrote. Columns that were not there yet are blank.

    Raises:
        InputError: The text is no such commit.

    >>> from funnelkit import commit_from_json
    >>> commit_from_json("{}").moves
    ()
    """
    try:
        parts = json.loads(text)
        return Commit(
            writes=tuple(map(_write, parts.get("writes", ()))),
            moves=tuple(rows.move_of(_row("move", item)) for item in parts.get("moves", ())),
            activities=tuple(
                rows.activity_of(_row("activity", item)) for item in parts.get("activities", ())
            ),
            attributes=tuple(
                rows.attribute_of(_row("attribute", item)) for item in parts.get("attributes", ())
            ),
            changes=tuple(rows.change_of(0, _row("change", item)) for item in parts.get("changes", ())),
            answers=tuple(rows.answer_of(_row("idempotency", item)) for item in parts.get("answers", ())),
            definitions={
                item["fingerprint"]: (item["pipeline"], item["document"])
                for item in parts.get("definitions", ())
            },
            keys=tuple(rows.match_key_of(_row("match_key", item)) for item in parts.get("keys", ())),
        )
    except (ValueError, TypeError, LookupError, AttributeError, FunnelkitError) as error:
        raise InputError(
            "text", f"{shown(text)} is not a commit", "give what commit_to_json wrote"
        ) from error


def _written(write: Write) -> dict[str, Any]:
    kind = kind_of(write.record)
    row = _named(kind, rows.record_row(kind, write.record))
    return {"kind": kind, "expected": write.expected, "record": row}


def _write(item: dict[str, Any]) -> Write:
    kind = cast("Kind", item["kind"])
    return Write(rows.record_of(kind, _row(kind, item["record"])), item["expected"])


def _named(table: str, row: Row) -> dict[str, Any]:
    return dict(zip(COLUMNS[table], row, strict=True))


def _row(table: str, item: dict[str, Any]) -> Row:
    return tuple(item.get(column, "") for column in COLUMNS[table])
