r"""The seal of a move: a digest over the move and the seal before it. Pure.

Sealed moves of a record form a chain: change, take out or swap a row and the seals behind it do not
fit any more; take out the last one and the record, which carries the last seal, does not fit. The
chain begins with the record, or with the first move that was asked to be sealed; it then proves
what happened from there on, and never stops in the middle.

**The canonical form.** A seal is 32 lower-case hex digits: BLAKE2b with a digest of 16 bytes, no
key, over the UTF-8 bytes of one JSON array. Its items are the seal of the record's move before
(``""`` for the first of the chain), then every other column of the ``move`` table, in the order of
the table, from ``record_id`` to ``act_key`` (``position`` is the store's own and not among them),
and at the end the mark of a client who comes again, ``repeat_kind``, but only where it is not empty:

- text as it is; whole numbers in decimal; instants as microseconds since 1970-01-01 UTC;
- ``first_visit`` as 1 or 0; an absent ``since_us`` or ``probability`` as ``null``;
- ``probability`` as text: the 16 lower-case hex digits of its IEEE 754 double, highest byte first,
  because languages write fractions in different ways; minus zero counts as zero.

The JSON has no white space. In text only ``"``, ``\`` and the characters below U+0020 are escaped:
as ``\"``, ``\\``, ``\b``, ``\f``, ``\n``, ``\r``, ``\t``, the others as ``\u00`` and two lower-case
hex digits. That is what ``JSON.stringify`` of a browser writes, too. So this recomputes a chain::

    previous = ""
    # SELECT record_id, …, act_key, seal, repeat_kind FROM move WHERE record_id = ? ORDER BY seq
    for *row, seal, repeat in rows:
        if row[23] is not None:  # probability
            row[23] = struct.pack(">d", row[23] + 0.0).hex()
        if repeat:
            row.append(repeat)
        text = json.dumps([previous, *row], ensure_ascii=False, separators=(",", ":"))
        assert seal == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        previous = seal

**What it does not prove.** There is no secret in it: who may write the file and knows this page can
make the whole chain of a record anew, or take all of its seals away. Against that, keep the last
seals of the records somewhere else, and compare. Names, clients and other fields of a record that
no move carries are not sealed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from funnelkit.clock import to_us
from funnelkit.records import Move

__all__ = ["seal_of"]

_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def seal_of(previous: str, move: Move) -> str:
    """Return the seal of a move that comes after the seal ``previous``; its own seal does not count.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
    >>> first, second = engine.history(engine.advance(engine.create("Acme")))
    >>> chain = seal_of(seal_of("", first), second)
    >>> len(chain), chain == seal_of("", second)
    (32, False)
    """
    from hashlib import blake2b  # OpenSSL is slow to load, and most ledgers are not sealed

    value, since, share = move.value, move.since, move.probability
    row = [
        previous,
        move.record,
        move.seq,
        move.pipeline,
        move.source_pipeline,
        move.fingerprint,
        to_us(move.at),
        move.source,
        move.target,
        move.direction,
        to_us(since) if since is not None else None,
        1 if move.first else 0,
        move.furthest_before,
        move.furthest_after,
        to_us(move.created),
        move.actor,
        move.cause,
        move.reason,
        move.reason_text,
        move.note,
        move.overruled,
        move.owner,
        value.minor if value else 0,
        value.currency if value else "",
        struct.pack(">d", share + 0.0).hex() if share is not None else None,
        move.lead_source,
        move.campaign,
        move.key,
    ]
    if move.repeat:
        row.append(move.repeat)
    return blake2b(_json(row).encode(), digest_size=16).hexdigest()
