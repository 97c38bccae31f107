"""The hand-written twin for PostgreSQL: psycopg 3, the fewest round trips, sets of rows for a bulk.

A move is one SELECT and one statement that checks the version, updates and inserts. It writes the
rows that the engine writes, into the tables that `PostgresStore` has made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import psycopg
from psycopg import sql
from twin import COLUMNS, Row, digest, rows_of_move

_WHOLE = {"version", "moves", "seq", "amount", "first_visit"}


def _type(column: str) -> str:
    if column == "probability":
        return "float8"
    return "bigint" if column in _WHOLE or column.endswith("_us") else "text"


def _insert(table: str) -> str:
    values = ", ".join(f"%s::{_type(column)}" for column in COLUMNS[table].split(", "))
    return f"INSERT INTO {table} ({COLUMNS[table]}) SELECT {values} FROM old"


def _insert_set(table: str) -> str:
    arrays = ", ".join(f"%s::{_type(column)}[]" for column in COLUMNS[table].split(", "))
    return f"INSERT INTO {table} ({COLUMNS[table]}) SELECT * FROM unnest({arrays})"


_READ = f"SELECT {COLUMNS['deal']} FROM deal WHERE id = %s"
_READ_SET = f"SELECT {COLUMNS['deal']} FROM deal WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
_READ_KEY = "SELECT request, answer FROM idempotency WHERE act_key = %s"
_MOVE = f"""
WITH old AS (
    UPDATE deal SET version = %s, stage = %s, visited = %s, moves = %s, entered_us = %s, updated_us = %s
    WHERE id = %s AND version = %s RETURNING 1
), moved AS ({_insert("move")}), told AS ({_insert("change")})"""
_COUNT = " SELECT COUNT(*) FROM old"
_KEYED = f", known AS ({_insert('idempotency')})"
_UPDATE_SET = """
UPDATE deal SET version = given.version, stage = given.stage, visited = given.visited, moves = given.moves,
    entered_us = given.entered_us, updated_us = given.updated_us
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
    AS given (version, stage, visited, moves, entered_us, updated_us, id)
WHERE deal.id = given.id
"""


class Twin:
    """Deals in a schema that `PostgresStore` has made and filled."""

    def __init__(self, url: str, schema: str, fingerprint: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        self.fingerprint = fingerprint

    def move(self, deal: str, target: str, actor: str, key: str = "") -> Row:
        """Move one deal to ``target``: once for ``key`` if there is one."""
        run = self.connection.execute
        mark = digest(deal, target, actor) if key else ""
        if key and (answered := run(_READ_KEY, (key,)).fetchone()):
            if answered[0] != mark:
                raise ValueError(key)
            return tuple(json.loads(answered[1]))
        found = run(_READ, (deal,)).fetchone()
        if found is None:
            raise KeyError(deal)
        row, after, move, change = rows_of_move(found, target, actor, key, self.fingerprint)
        given = (*after, *move, *change)
        if key:
            given = (*given, key, mark, json.dumps([["deal", row]]))
        done = run(f"{_MOVE}{_KEYED if key else ''}{_COUNT}", given).fetchone()
        if done != (1,):
            raise ValueError(deal)
        return row

    def bulk(self, deals: Sequence[str], target: str, actor: str) -> None:
        """Move many deals in one transaction: one SELECT, one UPDATE and two INSERTs of sets."""
        with self.connection.transaction():
            rows = self.connection.execute(_READ_SET, (list(deals),)).fetchall()
            made = [rows_of_move(row, target, actor, "", self.fingerprint) for row in rows]
            with self.connection.pipeline():
                run = self.connection.execute
                run(_UPDATE_SET, _columns([after[:-1] for _, after, _, _ in made]))
                run(_insert_set("move"), _columns([move for _, _, move, _ in made]))
                run(_insert_set("change"), _columns([change for _, _, _, change in made]))


def _columns(rows: Sequence[Row]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
