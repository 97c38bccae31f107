"""From the rows of a foreign log to events: each cell checked, every bad row kept with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timezone
from typing import Any, TypeVar

import attrs

from funnelkit.clock import aware
from funnelkit.errors import DefinitionError, InputError, TimeError, shown
from funnelkit.importing.log import IGNORED, EventLog
from funnelkit.importing.report import BadRow
from funnelkit.inputs import an_actor, given_id
from funnelkit.money import Money, money
from funnelkit.progress import Progress
from funnelkit.records import Actor
from funnelkit.serial import Problem, did_you_mean
from funnelkit.storage.base import Kind
from funnelkit.verbs.drafts import checked

__all__ = ["Event", "Reading", "read"]

Row = Mapping[Any, Any]
V = TypeVar("V")

_SHOWN_EVERY = 10_000
"""How many rows are read between two looks at how far it has come."""

_REMEMBERED = 10_000
"""How many texts of a column are remembered with what they mean."""


@attrs.frozen(kw_only=True, eq=False)
class Event:
    """One row, understood. Two rows are two, also where they say the same.

    Attributes:
        line: Where it stands in its source.
        at: When it happened, in UTC.
        place, reason: The stage or outcome it leads to, and why.
        created: When the row says the record came into being.
        fields: What the row says about the record, checked; blank cells say nothing.
    """

    line: int
    at: datetime
    place: str
    reason: str
    actor: Actor
    created: datetime | None
    fields: dict[str, Any]


@attrs.frozen(kw_only=True)
class Reading:
    """A whole log, understood.

    Attributes:
        rows: Their number.
        events: Record id → its events in the order of the log.
        ignored: Activity → number of its rows.
        bad: The rows that could not be understood.
        unclear: Number of times in an hour that a clock change repeats or leaves out.
    """

    rows: int
    events: dict[str, list[Event]]
    ignored: Counter[str]
    bad: list[BadRow]
    unclear: int


def read(rows: Iterable[Row], log: EventLog, kind: Kind, now: datetime, show: Progress) -> Reading:
    """Understand every row of a log; none of them is done while they are read.

    Raises:
        DefinitionError: A column that the log names is in none of the rows.
    """
    meaning = _remembering(log.activity, lambda row: log.meaning(_required(row, log.activity, log)))
    instant = _remembering(log.time, lambda row: _instant(_cell(row, log.time, log), log.time, log, now))
    actor = _remembering(log.actor, lambda row: an_actor(_text(row, log.actor, log) or None, log.actor))
    said = _sayings(log, kind)
    events: dict[str, list[Event]] = {}
    ignored: Counter[str] = Counter()
    bad: list[BadRow] = []
    unseen, header, total, unclear = set(log.columns), dict[str, None](), 0, 0
    for total, (line, row) in enumerate(_numbered(rows), 1):
        if not total % _SHOWN_EVERY:
            show(0, total)
        if unseen:
            header |= dict.fromkeys(row)
            unseen.difference_update(row)
        try:
            if None in row:
                raise _too_long()
            place, reason = means = meaning(row)
            if means == IGNORED:
                ignored[_required(row, log.activity, log)] += 1
                continue
            id = row.get(log.record)
            if type(id) is not str or id not in events:  # an id that has events was looked at before
                id = given_id(_required(row, log.record, log), log.record)
            at, doubtful = instant(row)
            event = Event(
                line=line,
                at=at,
                place=place,
                reason=reason,
                actor=actor(row),
                created=_created(row, log, now) if log.created else None,
                fields=said(row),
            )
        except InputError as error:
            bad.append(BadRow(line, _record_of(row, log), str(error)))
            continue
        unclear += doubtful
        events.setdefault(id, []).append(event)
    if unseen and total:
        raise DefinitionError("event log", [_no_column(name, header) for name in sorted(unseen)])
    return Reading(rows=total, events=events, ignored=ignored, bad=bad, unclear=unclear)


def _numbered(rows: Iterable[Row]) -> Iterator[tuple[int, Row]]:
    """Yield rows with the lines they end on, where the source counts lines; else with their numbers."""
    counts_lines = hasattr(rows, "line_num")  # as csv.DictReader does
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise InputError("rows", f"{shown(row)} is not a mapping", "use csv.DictReader")
        yield (rows.line_num if counts_lines else number), row  # type: ignore[attr-defined]


def _no_column(name: str, header: Iterable[Any]) -> Problem:
    return Problem("columns", f"no row has a column {name!r}", did_you_mean(name, map(str, header)))


# -- cells -------------------------------------------------------------------------------------


def _cell(row: Row, column: str, log: EventLog) -> Any:
    """Return what stands in a cell; None for a blank one. NaN is the value that differs from itself."""
    cell = row.get(column)
    if isinstance(cell, str):
        cell = cell.strip()
        return None if cell in log.blanks else cell
    try:
        return cell if cell == cell else None  # noqa: PLR0124 (see above)
    except TypeError:  # the missing value of pandas is neither equal to itself nor not
        return None
    except Exception:  # noqa: BLE001 (a signalling NaN, an array: whatever somebody's cell may do)
        raise InputError(column, f"{shown(cell)} cannot be read", "give text, numbers, dates") from None


def _text(row: Row, column: str, log: EventLog) -> str:
    cell = _cell(row, column, log) if column else None
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else _as_text(cell, column)


def _as_text(cell: Any, column: str) -> str:
    try:
        return str(cell)
    except Exception:  # noqa: BLE001 (an int of thousands of digits, or an object that cannot be shown)
        raise InputError(column, f"{shown(cell)} cannot be read as text", "give text") from None


def _record_of(row: Row, log: EventLog) -> str:
    """Return the record that a bad row names; empty where that cannot be read either."""
    try:
        return _text(row, log.record, log)
    except InputError:
        return ""


def _too_long() -> InputError:
    problem = "has more cells than the log has columns"
    return InputError("row", problem, "quote cells that hold the separator")


def _remembering(column: str, understand: Callable[[Row], V]) -> Callable[[Row], V]:
    """Return ``understand``, which looks at one cell of a row, so that it remembers what texts mean.

    The same activities, people and times come again and again. Only plain text is remembered: of other
    cells, some are equal that mean different things, as 1 and True, or an instant in two time zones.
    """
    known: dict[str, V] = {}

    def understood(row: Row) -> V:
        cell = row.get(column) if column else ""
        if type(cell) is not str:
            return understand(row)
        if cell in known:
            return known[cell]
        if len(known) == _REMEMBERED:
            known.clear()
        value = known[cell] = understand(row)
        return value

    return understood


def _required(row: Row, column: str, log: EventLog) -> str:
    text = _text(row, column, log)
    if not text:
        raise InputError(column, "empty")
    return text


def _instant(cell: Any, column: str, log: EventLog, now: datetime) -> tuple[datetime, bool]:
    """Return a time in UTC, and whether a clock change makes it unclear."""
    moment = _moment(cell, column, log)
    doubtful = False
    if moment.tzinfo is None:
        if log.zone is None:
            raise TimeError(column, f"{shown(str(cell))} names no time zone", "give EventLog(zone=…)")
        moment = moment.replace(tzinfo=log.zone)
        if type(log.zone) is not timezone:  # those never change their clocks
            doubtful = moment.utcoffset() != moment.replace(fold=1).utcoffset()
    instant = aware(moment, column)
    if instant > now:
        raise TimeError(column, f"{moment.isoformat()} is in the future")
    return instant, doubtful


def _moment(cell: Any, column: str, log: EventLog) -> datetime:
    if cell is None:
        raise TimeError(column, "empty")
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    told = _as_text(cell, column)
    try:
        if log.time_format:
            return datetime.strptime(told, log.time_format)  # noqa: DTZ007 (a zone is added later)
        return datetime.fromisoformat(told)
    except (ValueError, re.error):  # the latter of a format that says a thing twice
        expected = (
            f"expected {log.time_format}" if log.time_format else "expected ISO 8601, or give time_format"
        )
        raise TimeError(column, f"{shown(cell)} is not a time", expected) from None


def _created(row: Row, log: EventLog, now: datetime) -> datetime | None:
    cell = _cell(row, log.created, log)
    return None if cell is None else _instant(cell, log.created, log, now)[0]


_PLAIN = frozenset((str, type(None)))


def _sayings(log: EventLog, kind: Kind) -> Callable[[Row], dict[str, Any]]:
    """Return `_fields` for the rows of a log, which remembers: rows of one record mostly say the same."""
    named = (log.name, log.owner, log.source, log.campaign, log.value, log.currency, *log.custom)
    columns = [column for column in named if column]
    known: dict[tuple[Any, ...], dict[str, Any]] = {}

    def said(row: Row) -> dict[str, Any]:
        cells = tuple([row.get(column) for column in columns])
        if not _PLAIN.issuperset(map(type, cells)):  # 1, 1.0 and True are the same key
            return _fields(row, log, kind)
        if (fields := known.get(cells)) is None:
            fields = known[cells] = _fields(row, log, kind)
        return fields

    return said


def _fields(row: Row, log: EventLog, kind: Kind) -> dict[str, Any]:
    """Return what a row says about its record."""
    fields: dict[str, Any] = {}
    for field, column in (
        ("name", log.name),
        ("owner", log.owner),
        ("source", log.source),
        ("campaign", log.campaign),
    ):
        if column and (text := _text(row, column, log)):
            fields[field] = text
    amount = _cell(row, log.value, log) if log.value else None
    value = None if amount is None else _money(amount, row, log)
    custom = {field: _cell(row, column, log) for column, field in log.custom.items()}
    fields = checked(kind, fields)
    if value is not None:
        fields["value"] = value  # `money` made it, so it needs no second check
    if custom:
        told = {field: cell for field, cell in custom.items() if cell is not None}
        fields |= checked(kind, {"custom": told})
    return fields


def _money(amount: Any, row: Row, log: EventLog) -> Money:
    currency = _text(row, log.currency, log) if log.currency_column else log.currency
    return money(amount, currency, log.value)
