"""A question answered out of the sums and the tail, in one SELECT, so of one moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import attrs

from funnelkit.storage.sqlite.rollups.folding import EVERY, KEPT, weight
from funnelkit.storage.sqlite.rollups.numbers import (
    KINDS,
    SPANS,
    WHATS,
    WHATS_OF_KIND,
    Cut,
    Kind,
    cut_of,
    spans,
)
from funnelkit.storage.sqlite.rollups.texts import compose, facts, rows

__all__ = ["Asked", "rolled"]

Query = Callable[[str, Mapping[str, Any]], Sequence[tuple[Any, ...]]]

_LONG = 8
"""A tail so many times as long as usual is no longer quicker to read than the ledger."""

_EVER = 2**62
_BETWEEN = chr(31)
"""Stands between the parts of what is summed; no stage, pipeline or currency has it."""

_COLUMNS = ("owner", "source")
_OF_LIFTS = ("lifts", "holders")
"""Kinds to which it matters whose a record was before, when it is asked whose."""


@attrs.frozen(kw_only=True)
class Asked:
    """What is asked of the sums of one kind.

    Attributes:
        kind, pipeline: Of what.
        as_of_us: Only if nothing is known that is later.
        period: From (included) to (excluded), in microseconds: of creation, or of closing.
        owner, source: Only of these.
        by: Told apart by ``"owner"``, ``"source"``, or not at all.
    """

    kind: Kind
    pipeline: str
    as_of_us: int
    period: tuple[int, int]
    owner: str | None = None
    source: str | None = None
    by: str | None = None


def rolled(query: Query, asked: Asked) -> list[tuple[Any, ...]] | None:
    """Return ``(key, (a, b, c, d, currency), records, total)``, or None when the sums cannot tell.

    They cannot when there are none, when the tail is long, when the period does not begin and end
    with a day of theirs, or when something later than ``as_of_us`` is known.
    """
    if not query(KEPT, {}):
        return None
    low, high = asked.period
    ((made, moves, edits, first, behind),) = query(compose("look"), {"low": low, "high": high})
    if weight(moves, edits) > EVERY * _LONG:
        return None
    if (first is None and low > 0) or (behind is None and high < _EVER):
        return None
    days = spans(asked.kind, _cut(asked), first if low else None, behind)
    if not days:
        return None if days is None else []  # of no day at all there is nothing
    found = query(_text(asked, days), _params(asked))
    ((known, _, folded_us, newest_us),) = (row for sort, *row in found if sort == _STATE)
    return _added(found) if known == made and max(folded_us, newest_us) <= asked.as_of_us else None


_STATE, _NAME, _CELL, _FACT = range(4)


def _cut(asked: Asked) -> Cut:
    """Return of whom the sums have to be."""
    told = {name: asked.by == name or getattr(asked, name) is not None for name in _COLUMNS}
    return cut_of(**told)


def _params(asked: Asked) -> dict[str, Any]:
    own = {name: getattr(asked, name) for name in ("pipeline", *_COLUMNS)}
    low, high = asked.period
    return own | {"low": low, "high": high, "moves_to": _EVER, "fields_to": _EVER}


def _text(asked: Asked, days: Mapping[Cut, Sequence[tuple[int, int]]]) -> str:
    of_fact = [f"{name} = :{name}" for name in _COLUMNS if getattr(asked, name) is not None]
    if asked.kind != "stock":
        of_fact.append("at_us >= :low AND at_us < :high")
    return compose(
        "read",
        rows=rows(
            asked.kind, edits=asked.kind == "stock" or (_cut(asked) != "all" and asked.kind in _OF_LIFTS)
        ),
        facts=facts(asked.kind),
        cells=" UNION ALL ".join(_cells(asked, cut, some) for cut, some in days.items()),
        of_fact="".join(f" AND {clause}" for clause in of_fact),
        fact_key=asked.by or "''",
        told=compose("told"),
        **_numbers(asked),
    )


def _cells(asked: Asked, cut: Cut, days: Sequence[tuple[int, int]]) -> str:
    """Return the SELECT of the cells of some rows of spans; where there are many for a sum, added up."""
    one_each = [low == high for low, high in days] == [True] and cut == _cut(asked)
    return compose(
        "cells" if one_each else "cells_added",
        spans=", ".join(map(str, days)),
        of_group=" AND ".join(_of_group(asked, cut, name) for name in _COLUMNS),
        group_key=f"g.{asked.by}" if asked.by else "''",
        of_spans=str(SPANS),
        whats=str(WHATS),
        **_numbers(asked),
    )


def _numbers(asked: Asked) -> dict[str, str]:
    """Return which numbers are those of a kind."""
    number = KINDS.index(asked.kind) * WHATS_OF_KIND
    return {"first": str(number), "behind": str(number + WHATS_OF_KIND)}


def _of_group(asked: Asked, cut: Cut, name: str) -> str:
    """Return the clause that finds the sums of one owner or source, of each, or of all together."""
    if getattr(asked, name) is not None:
        return f"g.{name} = :{name}"
    return f"g.{name} IS NOT NULL" if cut in (name, "both") else f"g.{name} IS NULL"


def _added(found: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Add what the tail says to the sums, and leave out what comes to nothing."""
    names = {number: told for sort, _, told, number, _ in found if sort == _NAME}
    parts = cache(lambda told: tuple(told.split(_BETWEEN)))
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for sort, key, what, records, total in found:
        told = names.get(what) if sort == _CELL else what if sort == _FACT else None
        if told is not None:
            before = sums.get((key, told))
            sums[key, told] = (records, total) if before is None else (before[0] + records, before[1] + total)
    return [(key, parts(told), *both) for (key, told), both in sums.items() if both != (0, 0)]
