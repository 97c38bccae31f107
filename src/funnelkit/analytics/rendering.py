"""How a table of texts is set: plain, as Markdown, as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs

from funnelkit.analytics.intervals import Estimate, Rate
from funnelkit.analytics.words import ENGLISH, Words

__all__ = ["Table", "cell_text", "flat"]

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


def flat(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the columns of a row as plain values: a rate becomes its parts, sums one key a currency."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        match value:
            case Rate():
                found[name] = value.value
                for part in ("numerator", "denominator", "low", "high"):
                    found[f"{name}_{part}"] = getattr(value, part)
            case Estimate():
                found |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
            case dict():
                found |= {f"{name}_{code}": money.amount for code, money in value.items()}
            case _:
                found[name] = value
    return found


def _pipeless(cells: Iterable[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]


def _span(value: timedelta) -> str:
    seconds = value / timedelta(seconds=1)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:,.2f} {unit}"
    return f"{seconds:.3f} s"
