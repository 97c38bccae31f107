"""`EventLog`: what the rows of a foreign event log mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import tzinfo
from fnmatch import fnmatchcase
from typing import Any

import attrs

from funnelkit.clock import named_zone
from funnelkit.errors import DefinitionError, InputError, shown
from funnelkit.money import CURRENCIES
from funnelkit.records import NOTHING, OUTCOMES, FrozenMapping
from funnelkit.serial import Problem, did_you_mean
from funnelkit.stages import Pipeline

__all__ = ["EventLog"]

Meaning = tuple[str, str]
"""(place, reason) of an activity: a stage or an outcome, and why it was closed so."""

IGNORED: Meaning = ("", "")
"""The meaning of an activity that is none of our business."""


# What has another type than it should is left as it is, for the check to report.


def _pairs(value: Any) -> Any:
    """Return text → text."""
    fits = isinstance(value, Mapping) and _all_text(each for pair in value.items() for each in pair)
    return FrozenMapping(value) if fits else value


def _named(value: Any) -> Any:
    """Return column → field; columns given without names keep their own."""
    columns = _texts(value)
    return _pairs(dict(zip(columns, columns, strict=True)) if isinstance(columns, tuple) else value)


def _outcomes(value: Any) -> Any:
    """Return activity → (outcome, reason)."""
    if not isinstance(value, Mapping) or not _all_text(value):
        return value
    words = {key: (word, "") if isinstance(word, str) else word for key, word in value.items()}
    fits = all(isinstance(word, list | tuple) and _all_text(word) for word in words.values())
    return FrozenMapping(words) if fits else value


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list | tuple | AbstractSet) and _all_text(value) else value


def _blanks(value: Any) -> Any:
    texts = _texts(value)
    return frozenset(("", *texts)) if isinstance(texts, tuple) else value


def _all_text(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


@attrs.frozen(kw_only=True)
class EventLog:
    """What the rows of an event log mean: one row says that something happened to one record.

    Attributes:
        record, activity, time: The columns that say to what, what, and when. The rest is optional.
        stages: Activity → the stage of the pipeline that a record enters by it.
        outcomes: Activity → ``"won"``, or ``("lost", "price")`` with the reason. Several activities
            may mean one outcome: what comes after the first is a repeat.
        ignore: Activities that are none of our business; ``*`` stands for anything: ``"W_*"``.
        time_format: As for ``datetime.strptime``; left out, times are ISO 8601.
        zone: Of times that name none: ``"Europe/Amsterdam"`` or a ``tzinfo``. Without it they are
            bad rows. In an hour that a clock change repeats, the earlier one is meant.
        actor: Column of who did it.
        owner: Column of who holds the record from this event on.
        name, source, campaign: Columns of these fields. Without a name the id is the name.
        value: Column of an amount.
        currency: Its ISO 4217 code, or the column that holds one.
        created: Column of when the record came into being; without it, its first stage says so.
        custom: Columns for custom fields, as names or as column → field.
        blanks: Texts that mean an empty cell, beside the empty one: ``"NaN"``.

    Raises:
        DefinitionError: Everything that contradicts itself, each with its path.

    >>> log = EventLog(
    ...     record="case", activity="what", time="when", zone="UTC",
    ...     stages={"Inquiry": "new", "Quote": "offer"}, outcomes={"Paid": "won"}, ignore="Mail *",
    ... )
    >>> log.meaning("Quote"), log.meaning("Paid"), log.meaning("Mail sent")
    (('offer', ''), ('won', ''), ('', ''))
    """

    record: str
    activity: str
    time: str
    stages: Mapping[str, str] = attrs.field(converter=_pairs)
    outcomes: Mapping[str, Any] = attrs.field(default=NOTHING, converter=_outcomes)
    ignore: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    time_format: str = ""
    zone: tzinfo | None = attrs.field(default=None, converter=named_zone)
    actor: str = ""
    owner: str = ""
    name: str = ""
    source: str = ""
    campaign: str = ""
    value: str = ""
    currency: str = ""
    created: str = ""
    custom: Mapping[str, str] = attrs.field(default=NOTHING, converter=_named)
    blanks: frozenset[str] = attrs.field(default=frozenset(("",)), converter=_blanks)

    def __attrs_post_init__(self) -> None:
        if problems := list(_shapes(self)) or list(_contradictions(self)):
            raise DefinitionError("event log", problems)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        plain = (self.record, self.activity, self.time, self.actor, self.owner, self.name, self.source)
        more = (self.campaign, self.value, self.currency_column, self.created)
        return tuple(dict.fromkeys(filter(None, (*plain, *more, *self.custom))))

    @property
    def currency_column(self) -> str:
        """The column that holds the currency; empty where all amounts are in one."""
        return "" if self.currency in CURRENCIES else self.currency

    def meaning(self, activity: str) -> tuple[str, str]:
        """Return (stage or outcome, reason) of an activity; two empty texts if it is ignored.

        Raises:
            InputError: It is not mapped.
        """
        if activity in self.stages:
            return self.stages[activity], ""
        if activity in self.outcomes:
            return self.outcomes[activity]  # type: ignore[no-any-return]
        if any(fnmatchcase(activity, pattern) for pattern in self.ignore):
            return IGNORED
        known = (*self.stages, *self.outcomes)
        raise InputError(self.activity, f"{shown(activity)} is not mapped", did_you_mean(activity, known))

    def check(self, pipeline: Pipeline) -> None:
        """Raise DefinitionError with everything that is mapped to what ``pipeline`` does not have."""
        problems = [
            Problem(
                f"stages[{activity!r}]",
                f"pipeline {pipeline.id!r} has no stage {shown(stage)}",
                did_you_mean(stage, pipeline.stage_ids),
            )
            for activity, stage in self.stages.items()
            if stage not in pipeline.stage_ids
        ]
        for activity, (outcome, reason) in self.outcomes.items():
            catalogue = pipeline.close_reasons.get(outcome, ())
            if catalogue and not any(reason in (item.id, item.label) for item in catalogue):
                options = "one of: " + ", ".join(item.id for item in catalogue)
                problems.append(
                    Problem(f"outcomes[{activity!r}]", f"{reason!r} is no reason for {outcome}", options)
                )
        if problems:
            raise DefinitionError("event log", problems)


def _shapes(log: EventLog) -> Iterable[Problem]:
    """Find what has another type than it should; nothing else can be said before that is mended."""
    for field in attrs.fields(EventLog):
        value, wanted = getattr(log, field.name), _TYPES.get(field.name, (str, "text"))
        if not isinstance(value, wanted[0]):
            yield Problem(field.name, f"{shown(value)} is not {wanted[1]}")


_TYPES: dict[str, tuple[Any, str]] = {
    "stages": (FrozenMapping, "a mapping of activity to stage"),
    "outcomes": (FrozenMapping, "a mapping of activity to outcome, or to outcome and reason"),
    "custom": (FrozenMapping, "columns, or a mapping of column to field"),
    "ignore": (tuple, "text, or a list of texts"),
    "blanks": (frozenset, "text, or a list of texts"),
    "zone": (tzinfo | None, "a time zone"),
}


def _contradictions(log: EventLog) -> Iterable[Problem]:
    for field in ("record", "activity", "time"):
        if not getattr(log, field):
            yield Problem(field, "names no column")
    if not log.stages:
        yield Problem("stages", "no activity is a stage, so no record could begin")
    for activity, meaning in log.outcomes.items():
        if len(meaning) != 2 or meaning[0] not in OUTCOMES:  # noqa: PLR2004 (outcome and reason)
            yield Problem(
                f"outcomes[{activity!r}]",
                f"{shown(meaning)} is no outcome",
                'write "won" or ("lost", "price")',
            )
        if activity in log.stages:
            yield Problem(f"outcomes[{activity!r}]", "is mapped to a stage as well")
    if bool(log.value) != bool(log.currency):
        yield Problem("currency", "an amount and its currency go together", 'write currency="EUR"')
    for field in log.custom.values():
        if not field or "." in field:
            yield Problem("custom", f"{shown(field)} is not the name of a field", "give column → field")
