"""What a measurement returns: rows, what they mean, and a way to every record behind a number.

A result prints as a table. It also gives plain dicts, Markdown, HTML (notebooks show it by itself),
and data frames where pandas or polars is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from importlib import import_module
from itertools import islice
from typing import Any, Generic, Self, TypeVar

import attrs

from funnelkit.analytics.rendering import Table, alike, cell_text, columns_of, names_of
from funnelkit.analytics.words import ENGLISH, Language, Words, words_in
from funnelkit.errors import InputError, MissingExtraError, shown
from funnelkit.money import Money

__all__ = ["About", "Result", "Row", "meant", "money_sums"]

Group = str | int | float | bool | None
"""The value a row is grouped by: an owner, a source, ``"2026-03"``, a custom value; None without ``by``."""


@attrs.frozen(kw_only=True)
class Row:
    """A line of a result; ``group`` is what it is grouped by."""

    group: Group = None

    def values(self) -> dict[str, object]:
        """Return the columns of the row, in the order in which they are shown."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}


R = TypeVar("R", bound=Row)

_SHOWN = 20
"""How many names an error tells."""


@attrs.frozen(kw_only=True)
class About:
    """What the numbers of a result mean: everything needed to repeat or to doubt them.

    Attributes:
        metric, definition: Their names, for example ``"funnel"`` and ``"reached"``.
        sentence: The definition in words.
        population: Which records are looked at.
        time_axis: Which instant puts a record into a period.
        pipeline: Its id.
        as_of: The instant whose knowledge is used; later facts are not looked at.
        zone: The time zone of calendar periods.
        filters: What was asked for beyond the pipeline, as text.
        by: What rows are grouped by, or empty.
        currency_rule: How sums are made.
        complete: False while open records can still change the numbers; None where that cannot be.
        quality: What is wrong with the data or was left out → number of records.
        formula: How a number comes about, in symbols, with its source where it has one.
        left_out: What is not looked at, and why.
    """

    metric: str
    definition: str
    sentence: str
    population: str
    time_axis: str
    pipeline: str
    as_of: datetime
    zone: str
    filters: str = ""
    by: str = ""
    currency_rule: str = "sums are per currency, of the value at that time; nothing is converted"
    complete: bool | None = None
    quality: Mapping[str, int] = attrs.field(factory=dict, hash=False)
    formula: str = ""
    left_out: str = "void records"

    def title(self, words: Words = ENGLISH) -> str:
        """Return one line: what, of which pipeline, filtered how, as of when."""
        by = f" {words(f'by {self.by}')}" if self.by else ""
        only = f", {self.filters}" if self.filters else ""
        then = f"{words('as of')} {self.as_of:%Y-%m-%d %H:%M %Z}"
        name = f"{words(self.metric)} ({words(self.definition)})"
        return f"{name} {words('of')} {self.pipeline}{by}{only}, {then}"

    def notes(self, words: Words = ENGLISH) -> list[str]:
        """Return the lines that belong under the table."""
        lines = [
            f"{words(self.definition)}: {self.sentence}",
            f"{words('population')}: {self.population}",
            f"{words('time axis')}: {self.time_axis}; {words('zone')} {self.zone}; {self.currency_rule}",
        ]
        if self.complete is False:
            lines.append(f"{words('incomplete')}: some records are still open, so these numbers will change")
        quality = words("data quality")
        lines += [f"{quality}: {count:,} {what}" for what, count in self.quality.items() if count]
        return lines

    def explained(self) -> list[tuple[str, str]]:
        """Return everything that the numbers rest on: what it is about, and what is so."""
        quality = "; ".join(f"{count:,} {what}" for what, count in self.quality.items())
        complete = {None: "as of then, whatever comes", True: "yes", False: "no: open records can change it"}
        said = [
            ("metric", f"{self.metric} ({self.definition}) of {self.pipeline}"),
            ("definition", self.sentence),
            ("formula", self.formula),
            ("population", self.population),
            ("left out", self.left_out),
            ("filters", self.filters),
            ("rows", f"by {self.by}" if self.by else ""),
            ("time axis", self.time_axis),
            ("as of", f"{self.as_of:%Y-%m-%d %H:%M:%S %Z}"),
            ("zone", self.zone),
            ("currency", self.currency_rule),
            ("complete", complete[self.complete]),
            ("data quality", quality or "nothing found"),
        ]
        return [(what, text) for what, text in said if text]


@attrs.frozen(kw_only=True)
class Result(Generic[R]):
    """Rows, what they mean, and the records behind them.

    Attributes:
        about: Definition, population, time axis, as-of, completeness, data quality.
        rows: One a line of the table.
    """

    about: About
    rows: tuple[R, ...]
    _ids: Callable[..., list[str]] = attrs.field(alias="ids", eq=False, repr=False)
    _words: Words = attrs.field(alias="words", default=ENGLISH, eq=False, repr=False)
    _groups: tuple[Group, ...] = attrs.field(alias="groups", default=(), eq=False, repr=False)
    """What can be asked for beyond the groups of the rows: a month without a row has its cells, too."""

    @property
    def words(self) -> Words:
        """What columns, metrics and definitions are called, in the language of this result."""
        return self._words

    def labelled(self, language: Language) -> Self:
        """Return the same result, whose tables name columns and definitions in ``"en"`` or ``"ru"``."""
        return attrs.evolve(self, words=words_in(language))

    def ids(self, *cell: str, group: Group = None) -> list[str]:
        """Return the ids of the records behind one cell, sorted, by a query pinned to ``as_of``.

        Args:
            cell: The names that lead to the cell, as the class of the result says.
            group: The row's group, when the result is grouped; it can be left out where there is only one.

        Raises:
            InputError: There is no such cell.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> for owner in ("ann", "bob"):
        ...     deal = engine.create(f"Deal of {owner}", id=owner, owner=owner)
        >>> engine.analytics.funnel(by="owner").ids("new", group="ann")
        ['ann']
        """
        return sorted(self._ids(*cell, group=self._meant(group)))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one flat dict a row, all with the same keys, None where a row has nothing.

        A rate becomes its parts: ``rate``, ``rate_numerator``, ``rate_denominator``, ``rate_low``,
        ``rate_high``. Money becomes one key a currency: ``sums_EUR``.
        """
        columns = columns_of([row.values() for row in self.rows])
        return [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]

    def to_markdown(self) -> str:
        """Return a Markdown table with its title and notes."""
        return self._table().markdown()

    def explain(self) -> str:
        """Return what the numbers mean, one line a thing: formula, population, axis, rules, data quality."""
        lines = self._about().explained()
        width = max(len(what) for what, _ in lines)
        return "\n".join(f"{what.ljust(width)}  {text}" for what, text in lines)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame with the keys of `to_dicts` as columns; groups of many types become text.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError as error:
            raise MissingExtraError("a pandas data frame", "pandas") from error
        return pandas.DataFrame(self._columns())

    def to_polars(self) -> Any:
        """Return a polars DataFrame with the keys of `to_dicts` as columns; groups of many types become text.

        Raises:
            MissingExtraError: polars is not installed.
        """
        try:
            polars = import_module("polars")
        except ImportError as error:
            raise MissingExtraError("a polars data frame", "polars") from error
        return polars.DataFrame(self._columns())

    def to_arrow(self) -> Any:
        """Return a pyarrow Table with the keys of `to_dicts` as columns; groups of many types become text.

        Raises:
            MissingExtraError: pyarrow is not installed.
        """
        try:
            pyarrow = import_module("pyarrow")
        except ImportError as error:
            raise MissingExtraError("an Arrow table", "parquet") from error
        return pyarrow.table(self._columns())

    def __str__(self) -> str:
        return self._table().plain()

    def _repr_html_(self) -> str:
        return self._table().html()

    @classmethod
    def joined(cls, about: About, parts: Mapping[str, Result[R]]) -> Result[R]:
        """Return one result of many: each part's rows under its name, its records under that group."""
        return cls(**cls._joined(about, parts))

    @classmethod
    def _joined(cls, about: About, parts: Mapping[str, Result[R]]) -> dict[str, Any]:
        def ids(*cell: str, group: Group = None) -> list[str]:
            return parts[str(group)].ids(*cell) if parts else []

        quality: dict[str, int] = {}
        for part in parts.values():
            for what, count in part.about.quality.items():
                quality[what] = quality.get(what, 0) + count
        unfinished = any(part.about.complete is False for part in parts.values())
        rows = [attrs.evolve(row, group=name) for name, part in parts.items() for row in part.rows]
        return {
            "about": attrs.evolve(about, quality=quality, complete=False if unfinished else about.complete),
            "rows": tuple(rows),
            "ids": ids,
            "groups": tuple(parts),
        }

    def _columns(self) -> dict[str, list[Any]]:
        """Return what a frame is made of: columns, each of one type."""
        columns = columns_of([row.values() for row in self.rows])
        return {name: alike(values) for name, values in columns.items()}

    def _meant(self, group: Group) -> Group:
        """Return the group of this result that is asked for. Raises InputError when there is none."""
        groups = [*self._groups, *(row.group for row in self.rows)]
        known = list({(type(each), each): each for each in groups}.values())
        same = [each for each in known if each == group and isinstance(each, bool) is isinstance(group, bool)]
        if same:
            return next((each for each in same if type(each) is type(group)), same[0])
        if group is None and len(known) < 2:  # noqa: PLR2004 (one that is left out is the only one)
            return known[0] if known else None
        if group is None:
            raise InputError("group", f"is left out, and there are {len(known)}", f"name one: {some(known)}")
        if not self.about.by:
            raise InputError("group", f"{shown(group)} is not here", "nothing is grouped: ask with by=")
        raise InputError("group", f"{shown(group)} is not here", meant(group, known))

    def _about(self) -> About:
        """Return what the numbers mean, with what is only known once somebody looks."""
        return self.about

    def _table(self) -> Table:
        """Return the rows as texts."""
        values = [row.values() for row in self.rows]
        names = names_of(values) or ["no rows"]
        rows = [{name: row.get(name) for name in names} for row in values]
        shown_names = [name for name in names if self._says_something(name, rows)]
        about, words = self._about(), self._words
        return Table(
            title=about.title(words),
            head=[words(name) for name in shown_names],
            lines=[[cell_text(row[name], name, words) for name in shown_names] for row in rows],
            numeric=[all(not isinstance(row[name], str) for row in rows) for name in shown_names],
            notes=about.notes(words),
        )

    def _says_something(self, name: str, rows: Sequence[Mapping[str, object]]) -> bool:
        """Whether a column is worth its place: labels that repeat the ids and empty reasons are not."""
        if name == "group":
            return bool(self.about.by)
        silent = {"label": "stage", "text": "reason"}.get(name)
        return not rows or any(row[name] not in ("", silent and row[silent]) for row in rows)


def money_sums(minor: Mapping[str, int]) -> dict[str, Money]:
    """Return currency → Money from currency → minor units; records without a value have currency ''.

    >>> money_sums({"EUR": 1250, "": 0})
    {'EUR': Money('12.50 EUR')}
    """
    return {code: Money(minor[code], code) for code in sorted(minor) if code}


def check_cell(argument: str, given: str, known: Collection[str]) -> None:
    """Raise an InputError when a result has no such cell."""
    if given not in known:
        raise no_cell(argument, given, known)


def no_cell(argument: str, given: object, known: Iterable[str]) -> InputError:
    """Return the error for a cell that a result does not have."""
    return InputError(argument, f"{shown(given)} is not here", f"there are {', '.join(known)}")


def meant(given: object, known: Iterable[object]) -> str:
    """Return what was probably meant by something that is not here, or what is.

    >>> meant("onwer", ["owner", "source"]), meant("x", ["owner", "source"])
    ("did you mean 'owner'?", "there are 'owner', 'source'")
    """
    names = {str(each): each for each in known}
    close = get_close_matches(str(given), names, n=1)
    if close:
        return f"did you mean {names[close[0]]!r}?"
    return f"there are {some(names.values())}" if names else "there are none"


def some(known: Collection[object]) -> str:
    """Return what there is, as text: the first of many."""
    first = ", ".join(map(repr, islice(known, _SHOWN)))
    return f"{first} and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else first
