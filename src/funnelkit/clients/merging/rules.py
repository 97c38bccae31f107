"""Who survives a merge, and whose values count: a `MergeRule`, checked when it is made. Data, pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal, TypeVar, get_args

import attrs

from funnelkit.clients.fields import blank, value_of
from funnelkit.clock import to_us
from funnelkit.errors import DefinitionError, shown
from funnelkit.gate.ledger import furthest
from funnelkit.money import Money
from funnelkit.records import NOTHING, Deal, FrozenMapping, Lead, Record
from funnelkit.serial import Problem, did_you_mean
from funnelkit.stages import Pipeline
from funnelkit.storage.base import Kind, kind_of

__all__ = ["FIELDS", "MergeRule", "Precedence", "fields_of", "ranked", "taken"]

P = TypeVar("P", bound=Record)

Precedence = Literal["survivor", "newest", "largest", "joined"]
"""Whose value of a field a merged record has; see `MergeRule`."""

_ABOUT = ("owner", "value", "probability", "expected_close", "source", "campaign", "contact", "company")
FIELDS: dict[Kind, tuple[str, ...]] = {
    "lead": ("name", "company_name", "email", "phone", *_ABOUT, "deal"),
    "deal": ("name", *_ABOUT, "lead"),
    "contact": ("name", "email", "phone", "company", "role", "owner", "source"),
    "company": ("name", "owner", "source"),
}
"""Kind of record → its fields that are merged, besides each custom one."""

_FITS: dict[str, tuple[str, ...]] = {
    "largest": ("value", "probability", "expected_close"),
    "joined": ("name", "company_name"),
}
"""Precedence that does not fit every field → the fields that it fits, besides custom ones."""


def _words(value: object) -> Any:
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else value


def _frozen(value: object) -> Any:
    return FrozenMapping(value) if isinstance(value, Mapping) else value


@attrs.frozen(kw_only=True)
class MergeRule:
    """Which of several records survives their merge, and whose values it has then.

    Attributes:
        survivor: What makes a record the one to survive, the weightiest first: ``"won"``, ``"open"``,
            ``"furthest"`` (the furthest stage ever reached, where all are in one pipeline),
            ``"probability"`` (the owner's, else that of the stage), ``"oldest"``, ``"newest"`` (by
            creation), ``"filled"`` (the most fields that say something). What a kind of record does not
            have is passed over. Where all are alike, the lowest id survives.
        fields: Field → ``"survivor"``: its own value, and where that is blank the first of the others,
            best first; ``"newest"``: the value of the record that was edited last; ``"largest"``; or
            ``"joined"``: all texts, each line once. Blanks never count. Custom fields are
            ``"custom.<name>"``. What is not named is as with ``"survivor"``.

    Raises:
        DefinitionError: Something that cannot work; every mistake is named.

    >>> rule = MergeRule(survivor=("oldest",), fields={"value": "largest", "custom.note": "joined"})
    >>> rule.fields["value"]
    'largest'
    """

    survivor: tuple[str, ...] = attrs.field(
        default=("won", "open", "furthest", "probability", "oldest"), converter=_words
    )
    fields: FrozenMapping = attrs.field(default=NOTHING, converter=_frozen)

    def __attrs_post_init__(self) -> None:
        problems = [*_of_survivor(self.survivor), *_of_fields(self.fields)]
        if problems:
            raise DefinitionError("merge rule", problems)

    def of(self, field: str) -> str:
        """Return the precedence of a field."""
        return str(self.fields.get(field, "survivor"))


def _of_survivor(criteria: object) -> list[Problem]:
    if not isinstance(criteria, tuple):
        return [Problem("survivor", f"{shown(criteria)} is no list of words", 'write ("won", "oldest")')]
    return [
        Problem(f"survivor[{number}]", f"{shown(word)} is no criterion", did_you_mean(word, _SCORES))
        for number, word in enumerate(criteria)
        if not isinstance(word, str) or word not in _SCORES
    ]


def _of_fields(fields: object) -> list[Problem]:
    if not isinstance(fields, FrozenMapping):
        return [Problem("fields", f"{shown(fields)} is no mapping", 'write {"value": "largest"}')]
    known = dict.fromkeys(field for of_kind in FIELDS.values() for field in of_kind)
    problems = []
    for field, precedence in fields.items():
        own = isinstance(field, str) and field.startswith("custom.") and len(field) > len("custom.")
        if not own and field not in known:
            problems.append(Problem("fields", f"{shown(field)} is no field", did_you_mean(field, known)))
        elif precedence not in get_args(Precedence):
            options = did_you_mean(precedence, get_args(Precedence))
            problems.append(Problem(f"fields.{field}", f"{shown(precedence)} is no precedence", options))
        elif not own and field not in _FITS.get(precedence, known):
            fits = ", ".join((*_FITS[precedence], "custom.<name>"))
            problems.append(Problem(f"fields.{field}", f"{field} is never {precedence}", f"only {fits}"))
    return problems


# -- who survives ------------------------------------------------------------------------------


def ranked(rule: MergeRule, records: Sequence[P], pipelines: Mapping[str, Pipeline]) -> list[P]:
    """Return records of one kind, the one to survive first, the rest in the order they come after it.

    >>> from funnelkit import Engine
    >>> engine = Engine()
    >>> ann, bob = engine.create_contact("Ann", id="b"), engine.create_contact("Bob", id="a", phone="1")
    >>> ranked(MergeRule(survivor=["filled"]), [ann, bob], {})[0].name
    'Bob'
    """
    together = len({getattr(record, "pipeline", "") for record in records}) == 1
    used = [word for word in rule.survivor if word != "furthest" or together]

    def rank(record: P) -> tuple[Any, ...]:
        return (*(-_SCORES[word](record, pipelines) for word in used), record.id)

    return sorted(records, key=rank)


Pipelines = Mapping[str, Pipeline]


def _won(record: Record, _: Pipelines) -> float:
    return float(isinstance(record, Lead | Deal) and record.outcome == "won")


def _open(record: Record, _: Pipelines) -> float:
    return float(isinstance(record, Lead | Deal) and record.is_open)


def _furthest(record: Record, pipelines: Pipelines) -> float:
    if not isinstance(record, Lead | Deal) or record.pipeline not in pipelines:
        return 0.0
    position = pipelines[record.pipeline].table.position
    return float(position.get(furthest(record.visited, position), -1))


def _probability(record: Record, pipelines: Pipelines) -> float:
    if not isinstance(record, Lead | Deal):
        return 0.0
    if record.probability is not None or record.pipeline not in pipelines:
        return record.probability or 0.0
    return pipelines[record.pipeline].probabilities.get(record.stage) or 0.0


def _newest(record: Record, _: Pipelines) -> float:
    return to_us(record.created_at)


def _oldest(record: Record, _: Pipelines) -> float:
    return -to_us(record.created_at)


def _filled(record: Record, _: Pipelines) -> float:
    return float(sum(not blank(value_of(record, field)) for field in fields_of([record])))


_SCORES: dict[str, Callable[[Any, Pipelines], float]] = {
    "won": _won,
    "open": _open,
    "furthest": _furthest,
    "probability": _probability,
    "oldest": _oldest,
    "newest": _newest,
    "filled": _filled,
}
"""Criterion → how much a record has of it."""


# -- whose value -------------------------------------------------------------------------------


def fields_of(records: Sequence[Record]) -> list[str]:
    """Return the fields that are merged of records of one kind, the custom ones behind."""
    custom = sorted({f"custom.{name}" for record in records for name in record.custom})
    return [*FIELDS[kind_of(records[0])], *custom]


def taken(precedence: str, field: str, records: Sequence[P]) -> tuple[Any, P | None]:
    """Return the value that a field has after a merge, and the record that it is of.

    Of a joined text that is none of theirs it is None. A field that is blank everywhere stays as the
    survivor has it.

    Args:
        precedence: See `MergeRule`.
        field: Its name.
        records: The survivor first.

    Raises:
        ValueError: The values cannot be compared, or joined.
    """
    telling = [record for record in records if not blank(value_of(record, field))]
    if not telling:
        return value_of(records[0], field), records[0]
    if precedence == "newest":
        best = max(telling, key=lambda record: record.updated_at)
    elif precedence == "largest":
        best = max(telling, key=_comparable(field, telling))
    else:
        best = telling[0]
    if precedence != "joined":
        return value_of(best, field), best
    values = [value_of(record, field) for record in telling]
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{field} is not text everywhere, so it cannot be joined")
    text = "\n".join(dict.fromkeys(line for value in values for line in value.splitlines() if line.strip()))
    return next(
        ((value_of(each, field), each) for each in telling if value_of(each, field) == text), (text, None)
    )


def _comparable(field: str, records: Sequence[P]) -> Callable[[P], Any]:
    """Return the key to compare records by a field; ValueError where their values are of several sorts."""
    values = [value_of(record, field) for record in records]
    if all(isinstance(value, Money) for value in values):
        if len({value.currency for value in values}) == 1:
            return lambda record: value_of(record, field).minor
    elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in values) or all(
        isinstance(value, date) for value in values
    ):
        return lambda record: value_of(record, field)
    raise ValueError(f"{field}: {', '.join(map(str, values))} cannot be compared")
