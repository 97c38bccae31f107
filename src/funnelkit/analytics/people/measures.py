"""People, as methods of `Analytics`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.people import closings, comparison
from funnelkit.analytics.scope import Filters, Period, check_column
from funnelkit.errors import InputError, shown

__all__ = ["PeopleMeasures"]


class PeopleMeasures(Measured):
    """What people closed."""

    def people(
        self,
        pipeline: str | None = None,
        *,
        teams: closings.Teams | None = None,
        closed: Period | None = None,
        **filters: Unpack[Filters],
    ) -> closings.People:
        """Measure what each owner (at the time of closing) won and lost, or what each team did.

        Args:
            pipeline: Its id.
            teams: Name → owners: a row a team instead of one a person.
            closed: Only records closed in this period.
            **filters: See `Filters`; grouping is by person, always.
        """
        if filters.get("by") not in (None, "owner"):
            raise InputError("by", "people are always by owner", "leave it out")
        if teams is not None:
            _check(teams)
        filters["by"] = "owner"
        return closings.people(self._source, self._scope(pipeline, filters, closed), teams)

    def compare_people(
        self,
        pipeline: str | None = None,
        *,
        mix: str | None = None,
        closed: Period | None = None,
        **filters: Unpack[Filters],
    ) -> comparison.PeopleCompared:
        """Compare win rates of owners at the closing, with their mix of work taken into account.

        Args:
            pipeline: Its id.
            mix: What makes one record easier than another: ``"source"``, ``"campaign"``, ``"repeat"``
                or ``"custom.<name>"``; None compares plain rates.
            closed: Only records closed in this period.
            **filters: See `Filters`; grouping is by person, always.

        Raises:
            InputError: ``by`` is given, or ``mix`` is a period or the owner.
        """
        if filters.get("by") not in (None, "owner"):
            raise InputError("by", "people are always by owner", "say in mix what their work differs by")
        if mix is not None:
            check_column("mix", mix, ("source", "campaign", "repeat"), "makes no mix of work")
        filters["by"] = mix
        return comparison.compare_people(self._source, self._scope(pipeline, filters, closed))


def _check(teams: Any) -> None:
    """Raise an InputError unless these are names, each with people."""
    fix = 'give {"north": ["ann", "bob"]}'
    if not isinstance(teams, Mapping):
        raise InputError("teams", f"{shown(teams)} are not names with their people", fix)
    for name, people in teams.items():
        if isinstance(people, str) or not isinstance(people, Iterable):
            raise InputError("teams", f"{shown(people)}, of {shown(name)}, is no list of people", fix)
