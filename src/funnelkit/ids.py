"""Record ids: time-ordered, prefixed with the kind, 26 characters of base 32.

The form is TypeID over UUIDv7: ``deal_01h455vb4pex5vsknk084sn02q``. Sorting ids sorts by creation,
so new rows go to the end of a table. Ids of the caller's own are accepted as they are.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Protocol

from funnelkit.clock import Clock, SystemClock, from_us, present, to_us

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["SUFFIX_LENGTH", "IdSource", "TimeOrderedIds", "born"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_RANDOM_BITS = 74
SUFFIX_LENGTH = 26
"""How many characters follow the kind and its underscore in an id made here."""


class IdSource(Protocol):
    """Anything that makes a new id for a kind of record."""

    def __call__(self, kind: str) -> str:
        """Return an id that was never returned before, for example ``"deal_…"`` for ``"deal"``."""
        ...


class TimeOrderedIds:
    """Make TypeIDs over UUIDv7 whose order is the order of creation within one process.

    Within one millisecond the random part counts up, so two ids of one source never collide and
    never go backwards, even when the clock does.

    Args:
        clock: Where the millisecond comes from.
        entropy: ``bits -> int``, the system's own when left out; a seeded one makes ids repeatable.

    >>> ids = TimeOrderedIds()
    >>> first, second = ids("deal"), ids("deal")
    >>> len(first), first < second
    (31, True)
    """

    def __init__(self, clock: Clock | None = None, entropy: Callable[[int], int] | None = None) -> None:
        self._clock = clock or SystemClock()
        self._entropy = entropy or _random_bits
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self, kind: str) -> str:
        """Return a new id such as ``"deal_01h455vb4pex5vsknk084sn02q"``."""
        milliseconds = to_us(present(self._clock)) // 1000
        with self._lock:
            fresh = (milliseconds << _RANDOM_BITS) | self._entropy(_RANDOM_BITS - 1)
            self._last = fresh if fresh > self._last else self._last + 1
            ordinal = self._last
        return f"{kind}_{_base32(_uuid7(ordinal))}"


def born(id: str) -> datetime:
    """Return the instant (to the millisecond) at which a `TimeOrderedIds` id was made.

    >>> born("deal_01h455vb4pex5vsknk084sn02q").isoformat()
    '2023-06-30T03:34:18.518000+00:00'
    """
    number = 0
    for character in id.rpartition("_")[2]:
        number = number << 5 | _VALUES[character]
    return from_us((number >> 80) * 1000)


def _random_bits(bits: int) -> int:
    """Return that many random bits; the module ``secrets`` would say the same at a longer import."""
    return int.from_bytes(os.urandom((bits + 7) // 8)) >> (-bits % 8)


def _uuid7(ordinal: int) -> int:
    """Spread 48 + 74 bits of time and counter around the version and variant bits of RFC 9562."""
    milliseconds, rest = ordinal >> _RANDOM_BITS, ordinal & ((1 << _RANDOM_BITS) - 1)
    high, low = rest >> 62, rest & ((1 << 62) - 1)
    return milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low


def _base32(number: int) -> str:
    digits = [_ALPHABET[number >> shift & 31] for shift in range(5 * (SUFFIX_LENGTH - 1), -1, -5)]
    return "".join(digits)
