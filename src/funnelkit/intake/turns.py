"""Inquiries of one person come one after the other, so that the second one finds the card of the first.

Before anybody is looked for, the number of the next turn of each address and number is read. The commit
takes these turns, as answers under keys that nobody else can take: who looked before the other wrote is
told so by the store, and looks again. No turn is needed to add to a card that is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from funnelkit.keys.policy import keys_of
from funnelkit.records import Lead
from funnelkit.storage.base import Answer, Commit
from funnelkit.verbs.shell import Shell

__all__ = ["is_turn", "next_turns", "taking"]

_PREFIX = "inquiry of "
_PERSONAL = ("email:", "phone:")


async def next_turns(shell: Shell, who: Lead, contact: str) -> tuple[str, ...]:
    """Return the keys of the next turns of who asks.

    Args:
        shell: Where to read.
        who: What they said of themselves.
        contact: The id of the client, where the caller named one, or empty.
    """
    keys = [key for key in keys_of(who, shell.business.keys) if key.startswith(_PERSONAL)]
    keys += [f"contact:{contact}"] if contact else []
    # No address is readable in a key: what a digest stands for is not to be told from it.
    starts = [f"{_PREFIX}{sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}:" for key in keys]
    if not starts:
        return ()
    asked = " UNION ALL ".join(_LAST.format(number=number) for number in range(len(starts)))
    params: dict[str, Any] = {f"from{number}": start for number, start in enumerate(starts)}
    params |= {f"to{number}": f"{start}~" for number, start in enumerate(starts)}
    last = {int(number): key for number, key in await shell.store.query(asked, params)}
    return tuple(f"{start}{_number(last.get(number)) + 1:012}" for number, start in enumerate(starts))


_LAST = """
  SELECT {number} AS number, MAX(act_key) AS last FROM idempotency
  WHERE act_key >= :from{number} AND act_key < :to{number}"""


def _number(key: str | None) -> int:
    return int(key.rpartition(":")[2]) if key else 0


def taking(turns: Sequence[str], card: str) -> Commit:
    """Return the commit that takes turns for a new card."""
    return Commit(answers=tuple(Answer(key=turn, request=card, records=()) for turn in turns))


def is_turn(key: str) -> bool:
    """Whether a key is that of a turn.

    >>> is_turn("inquiry of 9f86d081884c7d659a2feaa0c55ad015:000000000001"), is_turn("k1")
    (True, False)
    """
    return key.startswith(_PREFIX)
