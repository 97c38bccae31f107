"""The change feed: positions are given when it is read, to what is committed by then.

A writer cannot give them. Numbers taken from a sequence, or a transaction's own number, become
visible in the order in which transactions end, not in their own: a reader that has seen 8 steps over
7, which is committed a moment later. Here writers number nothing and wait for nobody. A reader that
finds changes without a position takes the one lock there is, on the row of ``feed``, and gives the
next positions to every change it can see. What it cannot see yet gets later positions from a later
reader. So positions have no gaps, never move, and are never behind one that was already read.
"""

from __future__ import annotations

from funnelkit.storage.postgres.ports import Session
from funnelkit.storage.postgres.texts import Statement

__all__ = ["NEWEST", "number"]

NEWEST = Statement("SELECT position FROM change ORDER BY position DESC NULLS FIRST LIMIT 1")
"""The highest position; NULL while a change has none."""

_HOLD = Statement("SELECT last FROM feed WHERE one = 1 FOR UPDATE")

# Changes come in the order in which they were written. Only where a record's later version has the
# smaller id, as on servers whose sessions draw ids in blocks, it waits for the earlier version.
_NUMBER = Statement(
    """
WITH waiting AS (
  SELECT id, record_id, version,
         MAX(id) OVER (
           PARTITION BY record_id ORDER BY version, id
           ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
         ) AS turn
  FROM change WHERE position IS NULL),
numbered AS (
  SELECT id, ROW_NUMBER() OVER (ORDER BY turn, record_id, version, id) AS number FROM waiting),
given AS (
  UPDATE change SET position = feed.last + numbered.number
  FROM numbered, feed
  WHERE change.id = numbered.id AND feed.one = 1
  RETURNING 1)
UPDATE feed SET last = last + (SELECT COUNT(*) FROM given) WHERE one = 1
"""
)


async def number(session: Session) -> None:
    """Give a position to every committed change that has none: one round trip.

    The lock and the numbering are two statements, so that the second sees what the reader before
    us gave. A record's later version is never visible without the earlier one: its writer compared
    versions, so it saw the earlier one committed before it wrote.
    """
    try:
        await session.together([*session.begin, _HOLD, _NUMBER, *session.commit])
    except BaseException:
        await session.end()
        raise
