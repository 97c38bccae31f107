"""What an engine knows of the business beside its pipelines: sources, people, how clients are recognised."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from funnelkit.errors import DefinitionError, InputError, shown
from funnelkit.serial import did_you_mean

if TYPE_CHECKING:
    from funnelkit.clients.keys import KeyPolicy
    from funnelkit.intake.source import Source
    from funnelkit.people.organisation import Organisation

__all__ = ["Business"]


class Business:
    """Sources by id, organisation, keys, the zone of days. Each part is loaded when it is first needed."""

    def __init__(
        self,
        *,
        sources: Iterable[Source] = (),
        organisation: Organisation | None = None,
        keys: KeyPolicy | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        self.sources: dict[str, Source] = {}
        self._organisation = organisation
        self._keys = keys
        self.zone = zone
        for source in sources:
            if source.id in self.sources:
                raise DefinitionError("engine", [f"two sources are called {source.id!r}"])
            self.sources[source.id] = source

    @property
    def organisation(self) -> Organisation:
        """Who works here; an empty organisation when nobody said."""
        if self._organisation is None:
            from funnelkit.people.organisation import Organisation

            self._organisation = Organisation()
        return self._organisation

    @property
    def keys(self) -> KeyPolicy:
        """How keys are made."""
        if self._keys is None:
            from funnelkit.clients.keys import KeyPolicy

            self._keys = KeyPolicy()
        return self._keys

    def source(self, id: str) -> Source:
        """Return a source; InputError with a suggestion if there is none."""
        try:
            return self.sources[id]
        except (KeyError, TypeError):
            problem = f"there is no source {shown(id)}"
            raise InputError("source", problem, did_you_mean(id, self.sources)) from None
