"""Whether a client has come before, and bought: one question to the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from funnelkit.clock import to_us
from funnelkit.records import Repeat
from funnelkit.storage.base import AsyncStore

__all__ = ["repeat_of"]

_ENDED = """
  SELECT CASE outcome WHEN 'won' THEN 2 ELSE 1 END AS came FROM deal
  WHERE {link} = :{link} AND outcome IN ('won', 'lost') AND closed_us <= :at
  UNION ALL
  SELECT 1 AS came FROM lead WHERE {link} = :{link} AND outcome = 'lost' AND closed_us <= :at"""
_MARKS: tuple[Repeat, ...] = ("", "inquiry", "deal")


async def repeat_of(store: AsyncStore, at: datetime, client: Mapping[str, str]) -> Repeat:
    """Return the mark of a deal or lead that comes at an instant from a client.

    ``"deal"`` if one of their deals was won before, else ``"inquiry"`` if a deal was lost or a lead
    disqualified, else ``""``. Void records say nothing.

    Args:
        store: Where to look. Not asked when there is no client.
        at: When the new record counts from.
        client: ``"contact"`` and ``"company"`` → its id; either one, or both.
    """
    links = {link: id for link, id in client.items() if id}
    if not links:
        return ""
    parts = " UNION ALL ".join(_ENDED.format(link=link) for link in links)
    question = f"SELECT COALESCE(MAX(came), 0) FROM ({parts}) AS ended"  # noqa: S608 (two words of ours)
    rows = await store.query(question, {**links, "at": to_us(at)})
    return _MARKS[int(rows[0][0])]
