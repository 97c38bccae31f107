"""What all presets have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, Literal, TypedDict, Unpack

from funnelkit.tables.mapping import Column, TableMapping, TargetKind
from funnelkit.tables.times import DateOrder

__all__ = ["NO_PLACES", "Options", "shaped"]

NO_PLACES: Mapping[str, str] = {}


class Options(TypedDict, total=False):
    """What presets leave to you; see `TableMapping`.

    Attributes:
        key: The column of ids, if it is called otherwise; None for a table without ids, whose rows are
            known again by all that they say.
    """

    key: Column | str | Sequence[str] | None
    currency: str
    decimal: str
    order: DateOrder
    zone: tzinfo | str | None
    system: int
    blanks: Any
    keep: Literal["list", "custom"]


def shaped(
    kind: TargetKind,
    ids: tuple[str, ...],
    fields: Mapping[str, Any],
    *,
    places: Mapping[str, str] = NO_PLACES,
    currency_column: tuple[str, ...] = (),
    **options: Unpack[Options],
) -> TableMapping:
    """Return a mapping whose name is required and whose place is read through ``places``."""
    columns = {
        field: column if isinstance(column, Column) else Column(column, required=field == "name")
        for field, column in fields.items()
    }
    if "place" in columns:
        columns["place"] = Column(columns["place"].names, values=places)
    given: dict[str, Any] = {"key": Column(ids), **options}
    return TableMapping(kind=kind, fields=columns, currency_column=currency_column, **given)
