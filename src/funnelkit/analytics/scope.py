"""What is asked of a metric: of which pipeline, as of when, which records, grouped by what."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time, tzinfo
from typing import Any, Literal, NoReturn, TypedDict

import attrs

from funnelkit.analytics.result import About, Group, meant
from funnelkit.analytics.texts import Params, compose
from funnelkit.clock import aware, from_us, to_us
from funnelkit.errors import InputError, TimeError, shown
from funnelkit.inputs import TEXT_LIMIT, custom_values, text

__all__ = [
    "CARRIED",
    "Filters",
    "Period",
    "Scope",
    "Shape",
    "bounds_of",
    "check_column",
    "features_of",
    "instant_of",
    "refuse",
    "resolve",
]

Period = tuple[datetime | date | None, datetime | date | None]
"""From (included) and to (excluded); a plain date means its midnight in the zone; None is no bound."""

ALWAYS = (0, 2**62)
CARRIED = {
    "owner": "m.owner",
    "source": "m.lead_source",
    "campaign": "m.campaign",
    "repeat": "m.repeat_kind",
}
"""What every row of the ledger carries and can be filtered and grouped by: its column."""

MOST_STAGES = 60
"""One bit a stage has to fit into the integers that every SQL engine has."""

_MARKS = ("deal", "inquiry")
_BUCKETS = ("month", "quarter")
_MONTHS = {"month": 1, "quarter": 3}


class Filters(TypedDict, total=False):
    """Keyword arguments that every metric takes.

    Keys:
        as_of: Use only what was known then (included); default: now.
        created: Only records created in this period.
        owner, source, campaign: Only what is credited to them: the value on the counted row of the
            ledger, so at that time, not today's.
        repeat: Only of clients who came again: ``"deal"`` after a purchase, ``"inquiry"`` after none;
            ``""`` for those who did not.
        custom: Only records whose custom fields have these values as of then; dotted names reach
            into nested fields, None is a field that is not set.
        by: Group by ``"owner"``, ``"source"``, ``"campaign"``, ``"repeat"``, ``"month"``, ``"quarter"``
            or ``"custom.<name>"``.
    """

    as_of: datetime | None
    created: Period | None
    owner: str | None
    source: str | None
    campaign: str | None
    repeat: str | None
    custom: Mapping[str, Any] | None
    by: str | None


def _few(_: object, __: object, stages: tuple[tuple[str, str], ...]) -> None:
    if len(stages) > MOST_STAGES:
        raise InputError("stages", f"{len(stages)} are more than the {MOST_STAGES} that can be counted")


@attrs.frozen(kw_only=True)
class Shape:
    """What the metrics need to know of a pipeline.

    Attributes:
        pipeline: Its id.
        kind: Whether its records are deals or leads.
        stages: ``(id, label)`` of every stage, archived ones too, in order.
        probabilities: Stage id → chance of winning from there, where one is given.

    >>> Shape(pipeline="sales", stages=(("new", "New"), ("offer", "Offer"))).places
    ('new', 'offer', 'won')
    """

    pipeline: str
    kind: Literal["deal", "lead"] = "deal"
    stages: tuple[tuple[str, str], ...] = attrs.field(validator=_few)
    probabilities: Mapping[str, float] = attrs.field(factory=dict, hash=False)

    @property
    def places(self) -> tuple[str, ...]:
        """Stage ids in order, and ``"won"`` after them."""
        return (*(stage for stage, _ in self.stages), "won")

    def label(self, place: str) -> str:
        """Return the label of a stage, or the place itself where it has none."""
        return dict(self.stages).get(place) or place


@attrs.frozen(kw_only=True)
class Scope:
    """The resolved arguments of a metric: what `resolve` makes of `Filters`."""

    shape: Shape
    as_of_us: int
    present: bool
    zone: tzinfo
    created: tuple[int, int] = ALWAYS
    closed: tuple[int, int] = ALWAYS
    owner: str | None = None
    source: str | None = None
    campaign: str | None = None
    repeat: str | None = None
    custom: tuple[tuple[str, str], ...] = ()
    by: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the pipeline, ``as_of`` and a period of creation is asked for."""
        return not (self.equalities or self.custom or self.column)

    @property
    def equalities(self) -> dict[str, str]:
        """Filters on what a row of the ledger carries, by name."""
        return {name: value for name in CARRIED if (value := getattr(self, name)) is not None}

    @property
    def column(self) -> str | None:
        """What SQL groups by; periods are queries of their own."""
        return None if self.by in _BUCKETS else self.by

    def params(self) -> Params:
        """Return every parameter that a text may name."""
        params: Params = {
            "pipeline": self.shape.pipeline,
            "as_of": self.as_of_us,
            "created_from": self.created[0],
            "created_to": self.created[1],
            "closed_from": self.closed[0],
            "closed_to": self.closed[1],
            **{f"{name}_is": value for name, value in self.equalities.items()},
            **{f"place_{n}": place for n, place in enumerate(self.shape.places, 1)},
        }
        for n, (name, value) in enumerate(self._fields(), 1):
            params[f"custom_{n}_name"] = name
            params[f"custom_{n}_value"] = value
        return params

    def slots(self) -> dict[str, str]:
        """Return the clauses that this scope adds to a text; ``m`` is the row that is counted."""
        numbers = range(1, len(self._fields()) + 1)
        kept = "".join(f" AND {CARRIED[name]} = :{name}_is" for name in self.equalities)
        if self.column is None:
            group = "''"
        elif self.column in CARRIED:
            group = CARRIED[self.column]
        else:
            group = f"COALESCE(c{len(numbers)}.field_value, 'null')"
        joins = (f"LEFT JOIN custom_{n} AS c{n} ON c{n}.record_id = m.record_id" for n in numbers)
        tests = (
            f"AND COALESCE(c{n}.field_value, 'null') = :custom_{n}_value" for n in numbers[: len(self.custom)]
        )
        ladder = " UNION ALL ".join(
            compose("parts/ladder", n=str(n), bit=str(2**n)) for n in range(1, len(self.shape.places) + 1)
        )
        return {
            "group": group,
            "kept": f"CASE WHEN 1 = 1{kept} THEN 1 ELSE 0 END",
            "joins": " ".join(joins),
            "tests": " ".join(tests),
            "customs": "".join(f"{_field(f'custom_{n}', f':custom_{n}_name')}, " for n in numbers),
            "owner_edit": _field("owner_edit", "'owner'"),
            "value_edit": _field("value_edit", "'value'"),
            "ladder": f"ladder AS ({ladder})",
            "closing": "",
        }

    def group_of(self, key: object) -> Group:
        """Return what a group is called, from its key in SQL; None when nothing is grouped."""
        if self.column is None:
            return None
        if self.column in CARRIED:
            return str(key)
        value = json.loads(str(key))
        return str(key) if isinstance(value, list | dict) else value

    def key_of(self, group: Group) -> str:
        """Return the key in SQL of a group, the inverse of `group_of`."""
        if self.column is None or self.column in CARRIED:
            return "" if group is None else str(group)
        nested = isinstance(group, str) and group[:1] in ("[", "{")
        return str(group) if nested else _json(group)

    def buckets(self, low_us: int, high_us: int) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yield the name and the bounds of every month or quarter of the zone that touches the span."""
        step = _MONTHS[self.by or "month"]
        first = from_us(low_us).astimezone(self.zone)
        year, month = first.year, first.month - (first.month - 1) % step
        while (start := _month(year, month, self.zone)) <= high_us:
            name = f"{year}-{month:02}" if step == 1 else f"{year}-Q{(month + 2) // 3}"
            year, month = divmod(year * 12 + month - 1 + step, 12)
            month += 1
            yield name, (start, _month(year, month, self.zone))

    def about(self, metric: str, definition: str, **said: Any) -> About:
        """Return what a metric says of itself, with what it shares with all others."""
        return About(
            metric=metric,
            definition=definition,
            pipeline=self.shape.pipeline,
            as_of=from_us(self.as_of_us).astimezone(self.zone),
            zone=str(self.zone),
            filters=self._text(),
            by=self.by or "",
            **said,
        )

    def _text(self) -> str:
        """Return the filters in words."""
        said = [f"{name} {shown(value)}" for name, value in self.equalities.items()]
        said += [f"custom.{name} {value}" for name, value in self.custom]
        for name, bounds in (("created", self.created), ("closed", self.closed)):
            if bounds != ALWAYS:
                said.append(f"{name} {self.period(bounds)}")
        return ", ".join(said)

    def _fields(self) -> list[tuple[str, str]]:
        """Custom fields to look up: the filters, then the one to group by."""
        fields = [(f"custom.{name}", value) for name, value in self.custom]
        return [*fields, (self.column, "")] if self.column and self.column not in CARRIED else fields

    def period(self, bounds: tuple[int, int]) -> str:
        """Return a period in words."""
        return f"{self._day(bounds[0])} to {self._day(bounds[1])}"

    def _day(self, instant: int) -> str:
        return "…" if instant in ALWAYS else f"{from_us(instant).astimezone(self.zone):%Y-%m-%d %H:%M}"


def resolve(
    shapes: Mapping[str, Shape],
    pipeline: str | None,
    filters: Filters,
    *,
    now: Callable[[], datetime],
    zone: tzinfo,
    closed: Period | None = None,
) -> Scope:
    """Return the scope that the arguments of a metric describe.

    Raises:
        InputError: No such pipeline, none given where there are several, no such ``by`` or filter.
        TimeError: A naive datetime, an ``as_of`` in the future, a period that ends before it begins.
    """
    unknown = [name for name in filters if name not in Filters.__annotations__]
    if unknown:
        refuse(unknown[0], unknown[0], Filters.__annotations__, "is not a filter")
    present = to_us(now())
    as_of = filters.get("as_of")
    as_of_us = present if as_of is None else to_us(aware(as_of, "as_of"))
    if as_of_us > present:
        raise TimeError("as_of", f"{as_of} is in the future", "leave it out for now")
    by = filters.get("by")
    if by is not None:
        check_column("by", by, (*CARRIED, *_BUCKETS), "is nothing to group by")
    return Scope(
        shape=_shape(shapes, pipeline),
        as_of_us=as_of_us,
        present=as_of is None,
        zone=zone,
        created=bounds_of(filters.get("created"), "created", zone),
        closed=bounds_of(closed, "closed", zone),
        owner=_credited(filters.get("owner"), "owner"),
        source=_credited(filters.get("source"), "source"),
        campaign=_credited(filters.get("campaign"), "campaign"),
        repeat=_mark(filters.get("repeat")),
        custom=_custom(filters.get("custom")),
        by=by,
    )


def _credited(given: str | None, argument: str) -> str | None:
    return None if given is None else text(given, argument, limit=TEXT_LIMIT)


def _custom(given: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """Return the custom fields to filter by, each with the text of its value."""
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise InputError("custom", f"{shown(given)} is not a mapping", 'give {"size": 40}')
    for name, value in given.items():
        nested = value
        for part in reversed(text(name, "a key of custom", required=True).split(".")):
            nested = {part: nested}
        custom_values(nested)  # what no record can have cannot be looked for either
    return tuple((name, _json(value)) for name, value in sorted(given.items()))


def _mark(given: str | None) -> str | None:
    if given not in (None, "", *_MARKS):
        refuse("repeat", given, _MARKS, "is no mark of a client who comes again")
    return given


def refuse(argument: str, given: object, known: Collection[str], problem: str) -> NoReturn:
    """Raise an InputError that suggests what was probably meant."""
    raise InputError(argument, f"{shown(given)} {problem}", meant(given, known))


def check_column(argument: str, given: object, known: Collection[str], problem: str) -> None:
    """Raise an InputError unless something is one of these names, or that of a custom field."""
    custom = isinstance(given, str) and given.startswith("custom.") and given != "custom."
    if not custom and given not in known:
        refuse(argument, given, [*known, "custom.<name>"], problem)


def features_of(given: Iterable[str]) -> tuple[str, ...]:
    """Return what records are compared by, each once: names of `CARRIED` and of custom fields."""
    if isinstance(given, str):
        raise InputError("features", f"{shown(given)} is one text", f"give [{given!r}]")
    if not isinstance(given, Iterable):
        raise InputError("features", f"{shown(given)} are no features", 'give ["source"]')
    features = tuple(given)
    for feature in features:
        check_column("features", feature, (*CARRIED,), "is nothing to compare by")
    if len(set(features)) < len(features):
        raise InputError("features", f"{shown(list(features))} are not features, each once")
    return features


def _field(name: str, field: str) -> str:
    return compose("parts/field", name=name, field=field)


def _shape(shapes: Mapping[str, Shape], pipeline: str | None) -> Shape:
    if pipeline is None:
        if len(shapes) == 1:
            return next(iter(shapes.values()))
        raise InputError("pipeline", f"there are {len(shapes)} pipelines", f"name one of {', '.join(shapes)}")
    if not isinstance(pipeline, str) or pipeline not in shapes:
        refuse("pipeline", pipeline, list(shapes), "is not a pipeline")
    return shapes[pipeline]


def bounds_of(period: Period | None, argument: str, zone: tzinfo) -> tuple[int, int]:
    """Return the first instant of a period and the one after its last, in microseconds."""
    if period is None:
        return ALWAYS
    if not isinstance(period, tuple | list) or len(period) != 2:  # noqa: PLR2004 (from and to)
        raise InputError(argument, f"{shown(period)} is not a period", "give (date(2026, 1, 1), None)")
    low, high = (
        bound if given is None else instant_of(given, argument, zone)
        for given, bound in zip(period, ALWAYS, strict=True)
    )
    if low > high:
        raise TimeError(argument, "the period ends before it begins", "give (from, to)")
    return low, high


def instant_of(given: datetime | date, argument: str, zone: tzinfo) -> int:
    """Return an instant in microseconds; a plain date is its midnight in the zone."""
    if not isinstance(given, date):
        fix = "give date(2026, 1, 1), or an aware datetime"
        raise TimeError(argument, f"{shown(given)} is neither a date nor a datetime", fix)
    if isinstance(given, datetime):
        return to_us(aware(given, argument))
    return to_us(aware(datetime.combine(given, time(), zone), argument))


def _month(year: int, month: int, zone: tzinfo) -> int:
    return max(0, to_us(datetime(year, month, 1, tzinfo=zone)))


def _json(value: object) -> str:
    """Return the JSON text of a custom value exactly as the ledger holds it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
