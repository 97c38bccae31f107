"""How a table of texts is set: plain, as Markdown, as HTML."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs

from funnelkit.analytics.intervals import Estimate, Rate
from funnelkit.analytics.words import ENGLISH, Words
from funnelkit.money import Money

__all__ = ["Table", "alike", "cell_text", "columns_of", "names_of"]

_VERDICTS = ("goes_with", "place", "said_by", "way")
"""Columns whose texts are ours, and have names in every language."""

_CHANCES, _LEAST = ("p", "q"), 0.001
"""Columns in which small numbers are the ones that matter, and what is as good as nothing there."""


@attrs.frozen
class Table:
    """A title, a header, lines of texts, which columns are set to the right, and notes below.

    >>> print(Table("deals", ("stage", "count"), (("new", "12"),), (False, True), ("as of now",)).plain())
    deals
    <BLANKLINE>
    stage  count
    new       12
    <BLANKLINE>
    as of now
    """

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    numeric: Sequence[bool]
    notes: Sequence[str]

    def plain(self) -> str:
        """Return the table as text in columns."""
        rows = [self.head, *self.lines]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        text = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(cells, widths, self.numeric, strict=True)
            ).rstrip()
            for cells in rows
        ]
        return "\n".join([self.title, "", *text, "", *self.notes])

    def markdown(self) -> str:
        """Return a Markdown table with its title and notes."""
        rule = ["---:" if right else "---" for right in self.numeric]
        body = [f"| {' | '.join(_pipeless(cells))} |" for cells in [self.head, rule, *self.lines]]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"**{self.title}**", "", *body, "", *notes])

    def html(self) -> str:
        """Return an HTML table; everything in it is escaped."""
        header = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
            for cells in self.lines
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        caption = html.escape(self.title)
        return f"<table><caption>{caption}</caption><tr>{header}</tr>{body}</table><ul>{notes}</ul>"


def cell_text(value: object, name: str, words: Words = ENGLISH) -> str:  # noqa: PLR0911 (one line a type)
    """Return how one value of a row is shown in the column ``name``; ids and texts of users are kept."""
    match value:
        case None | "":
            return words("(none)") if name == "group" else "–"
        case str() if name in _VERDICTS:
            return words(value)
        case dict():
            return "; ".join(map(str, value.values())) or "–"
        case timedelta():
            return _span(value)
        case bool():
            return words("yes" if value else "no")
        case int():
            return f"{value:,}"
        case float() if name in _CHANCES:
            return "<0.001" if value < _LEAST else f"{value:.3f}"
        case float():
            return f"{value:,.2f}"
        case _:
            return str(value)


def columns_of(rows: Sequence[Mapping[str, object]]) -> dict[str, list[Any]]:
    """Return the columns of rows as plain values, None where a row has nothing.

    A rate becomes its parts and money a column a currency; these stand where the value stood.

    >>> columns_of([{"stage": "new", "sums": {}}, {"stage": "offer", "sums": {"EUR": Money(1250, "EUR")}}])
    {'stage': ['new', 'offer'], 'sums_EUR': [None, Decimal('12.50')]}
    """
    found: dict[str, list[Any]] = {}
    for name in names_of(rows):
        found |= _plain(name, [row.get(name) for row in rows])
    return found


def names_of(rows: Iterable[Iterable[str]]) -> list[str]:
    """Return every name of many rows, each behind the one that it stands behind in its row.

    >>> names_of([["stage", "count", "lost"], ["stage", "count", "void", "lost"]])
    ['stage', 'count', 'void', 'lost']
    """
    names: list[str] = []
    for row in dict.fromkeys(map(tuple, rows)):
        behind = 0
        for name in row:
            if name not in names:
                names.insert(behind, name)
            behind = names.index(name) + 1
    return names


def alike(values: Sequence[Any]) -> list[Any]:
    """Return values of one type, as a column of a frame holds them: what differs becomes text.

    >>> alike([1, 2.5, None]), alike([1, "1", True, None])
    ([1.0, 2.5, None], ['1', '1', 'true', None])
    """
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int, float}:
        return [value if value is None else float(value) for value in values]
    if len(kinds) < 2:  # noqa: PLR2004 (they differ when there are two)
        return list(values)
    return [
        value if value is None or isinstance(value, str) else json.dumps(value, default=str)
        for value in values
    ]


def _plain(name: str, values: list[Any]) -> dict[str, list[Any]]:
    """Return the columns that one column of rows becomes."""
    if not any(isinstance(value, Rate | Estimate | Money | dict) for value in values):
        return {name: values}
    parts = [_parts(value) for value in values]
    there = {part for of in parts for part in of}
    order = [*(part for part in _PARTS if part in there), *sorted(there.difference(_PARTS))]
    return {f"{name}_{part}" if part else name: [of.get(part) for of in parts] for part in order}


_PARTS = ("", "numerator", "denominator", "low", "high")
"""What a rate is made of, in the order of its columns; behind them currencies, by name."""


def _parts(value: object) -> dict[str, Any]:
    """Return part → plain value; a part without a name is the value itself."""
    match value:
        case None:
            return {}
        case Rate():
            return {part: getattr(value, part or "value") for part in _PARTS}
        case Estimate():
            return {"": value.value, "low": value.low, "high": value.high}
        case Money():
            return {value.currency: value.amount}
        case dict():
            return {code: money.amount for code, money in value.items()}
        case _:
            return {"": value}


def _pipeless(cells: Iterable[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]


def _span(value: timedelta) -> str:
    seconds = value / timedelta(seconds=1)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:,.2f} {unit}"
    return f"{seconds:.3f} s"
