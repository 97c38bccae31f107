"""Which field of a lead goes where when it is converted: a `FieldMap`, checked when it is declared. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from funnelkit.errors import DefinitionError, shown
from funnelkit.records import FrozenMapping, Lead
from funnelkit.serial import Problem, did_you_mean
from funnelkit.storage.base import Kind

__all__ = ["DEFAULT_FIELDS", "FieldMap", "Offer", "blank", "has", "told", "value_of"]

Offer = tuple[str, Any]
"""The field of a lead that a value is from, and the value."""

_TEXTS = ("name", "company_name", "email", "phone", "owner", "source", "campaign")
_TYPES = {
    **dict.fromkeys(_TEXTS, "text"),
    "value": "money",
    "probability": "a probability",
    "expected_close": "a date",
    "custom": "all custom fields",
}
"""Field of a lead → what it holds."""

_PLACED = ("name", "owner", "source", "campaign", "value", "probability", "expected_close", "custom")
_TARGETS: dict[str, tuple[str, ...]] = {
    "contact": ("name", "email", "phone", "role", "owner", "source", "custom"),
    "company": ("name", "owner", "source", "custom"),
    "deal": _PLACED,
}
"""Kind of record → its fields that a value of a lead can go to."""

_DEFAULT: dict[str, dict[str, tuple[str, ...]]] = {
    "contact": {field: (field,) for field in ("name", "email", "phone", "owner", "source")},
    "company": {"name": ("company_name", "name"), "owner": ("owner",), "source": ("source",)},
    "deal": {field: (field,) for field in _PLACED if field != "name"},
}


def _frozen(value: object) -> Any:
    return FrozenMapping(value) if isinstance(value, Mapping) else value


@attrs.frozen
class FieldMap:
    """Kind of record → its field → the fields of the lead to take it from, the first that is not blank.

    What is not named keeps its default: the field of the same name, the company's name from
    ``company_name`` or else ``name``, and all custom fields to the deal. No source at all, ``()``,
    leaves a field empty. Custom fields are ``"custom.<name>"``, all of them ``"custom"``. A deal
    without a name of its own is called after the person and the company.

    Raises:
        DefinitionError: A field that the record does not have, or one that cannot hold the value;
            every mistake is named.

    >>> fields = FieldMap({"contact": {"email": ("email", "custom.mail2")}, "deal": {"custom": ()}})
    >>> fields.sources("contact")["email"], fields.sources("deal")["value"]
    (('email', 'custom.mail2'), ('value',))
    >>> FieldMap({"deal": {"valu": ("value",)}})
    Traceback (most recent call last):
    funnelkit.errors.DefinitionError: field map: deal.valu: is no field of a deal (did you mean 'value'?)
    """

    given: Mapping[str, Mapping[str, tuple[str, ...]]] = attrs.field(
        default=FrozenMapping(), converter=_frozen
    )

    def __attrs_post_init__(self) -> None:
        problems = list(_problems(self.given))
        if problems:
            raise DefinitionError("field map", problems)

    def sources(self, kind: Kind) -> dict[str, tuple[str, ...]]:
        """Return field → the fields of a lead to take it from, for one kind of record."""
        return {**_DEFAULT[kind], **self.given.get(kind, {})}

    def offers(self, kind: Kind, lead: Lead) -> dict[str, Offer]:
        """Return what a lead has for a kind of record: field → (field of the lead, value).

        Custom fields of the record are ``"custom.<name>"``; one that is named comes before ``"custom"``.
        """
        found: dict[str, Offer] = {}
        sources = self.sources(kind)
        if "custom" in sources.pop("custom", ()):
            found = {
                f"custom.{name}": (f"custom.{name}", item)
                for name, item in lead.custom.items()
                if not blank(item)
            }
        for field, names in sources.items():
            if offer := next(
                ((name, item) for name in names if not blank(item := value_of(lead, name))), None
            ):
                found[field] = offer
        return found


def blank(value: object) -> bool:
    """Whether a value says nothing: None, empty text, an empty list or mapping. Zero and False do.

    >>> blank(" "), blank(0), blank(False)
    (True, False, False)
    """
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, Mapping | tuple | list) and not value)


def value_of(record: Any, field: str) -> Any:
    """Return a field of a record, ``"custom.a.b"`` reaching into nested values; None if it is not there."""
    first, *path = field.split(".")
    value = getattr(record, first)
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def has(record: Any, field: str) -> bool:
    """Whether a record has a field at all: a custom one may be missing, which is not None."""
    first, _, name = field.partition(".")
    return not name or name in getattr(record, first)


def told(value: object) -> str:
    """Return a value of a field as a plan tells it."""
    return shown(value) if isinstance(value, str) or value is None else str(value)


def _problems(given: object) -> Iterator[Problem]:
    if not isinstance(given, Mapping):
        yield Problem("", f"{shown(given)} is no mapping", 'give {"contact": {"email": ("email",)}}')
        return
    for kind, fields in given.items():
        if kind not in _TARGETS:
            yield Problem(str(kind), "is nothing that a lead becomes", did_you_mean(kind, _TARGETS))
        elif not isinstance(fields, Mapping):
            yield Problem(kind, f"{shown(fields)} is no mapping", 'give {"email": ("email",)}')
        else:
            for field, sources in fields.items():
                yield from _field_problems(kind, field, sources)


def _field_problems(kind: str, field: object, sources: object) -> Iterator[Problem]:
    path = f"{kind}.{field}"
    if not isinstance(field, str) or not _is_field(field, _TARGETS[kind]) or field.count(".") > 1:
        yield Problem(path, f"is no field of a {kind}", did_you_mean(field, _TARGETS[kind]))
        return
    if not isinstance(sources, tuple):
        yield Problem(path, f"{shown(sources)} is no list of fields", f'write ("{field}",)')
        return
    if not sources and field == "name" and kind != "deal":
        yield Problem(path, f"a {kind} needs a name", 'write ("name",)')
    for source in sources:
        if not isinstance(source, str) or not _is_field(source, _TYPES):
            yield Problem(path, f"a lead has no field {shown(source)}", did_you_mean(source, _TYPES))
        elif not _fits(source, field):
            yield Problem(path, f"cannot hold {source}, which is {_TYPES[source.partition('.')[0]]}")


def _is_field(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> bool:
    first, dot, rest = name.partition(".")
    return first in known and (not dot or (first == "custom" and all(rest.split("."))))


def _fits(source: str, field: str) -> bool:
    """Whether a field can hold what the source may say; of a custom field that is known only later."""
    kind, wanted = _TYPES.get(source, "anything"), _TYPES.get(field, "anything")
    if kind == "anything":  # one custom field
        return wanted in {"anything", "text"}
    if wanted == "anything":
        return kind in {"text", "a probability"}
    return kind == wanted


DEFAULT_FIELDS = FieldMap()
"""Each field to the field of its name."""
