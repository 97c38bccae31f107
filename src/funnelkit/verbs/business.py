"""What an engine knows of the business beside its pipelines: sources, people, how clients are recognised."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from funnelkit.errors import DefinitionError, InputError, shown
from funnelkit.serial import Problem, did_you_mean

if TYPE_CHECKING:
    from funnelkit.intake.source import Source
    from funnelkit.keys.policy import KeyPolicy
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
        told = _sources(sources)
        if organisation is not None:
            _check_organisation(organisation, told)
        if keys is not None:
            from funnelkit.keys.policy import KeyPolicy

            if not isinstance(keys, KeyPolicy):
                raise _wrong("keys", f"{shown(keys)} is no KeyPolicy", 'give KeyPolicy(region="GB")')
        self._organisation = organisation
        self._keys = keys
        self.zone = zone
        self.sources: dict[str, Source] = {source.id: source for source in told}

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
            from funnelkit.keys.policy import KeyPolicy

            self._keys = KeyPolicy()
        return self._keys

    def source(self, id: str) -> Source:
        """Return a source; InputError with a suggestion if there is none."""
        try:
            return self.sources[id]
        except (KeyError, TypeError):
            problem = f"there is no source {shown(id)}"
            raise InputError("source", problem, did_you_mean(id, self.sources)) from None


def _wrong(path: str, sentence: str, mend: str) -> DefinitionError:
    return DefinitionError("engine", [Problem(path, sentence, mend)])


def _sources(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return the sources; DefinitionError for what is none, and for two of one id."""
    mend = 'give [Source(id="site")]'
    if isinstance(sources, str) or not isinstance(sources, Iterable):
        raise _wrong("sources", f"{shown(sources)} is no list of sources", mend)
    told = tuple(sources)
    if not told:
        return ()
    from funnelkit.intake.source import Source

    ids: set[str] = set()
    for number, source in enumerate(told):
        if not isinstance(source, Source):
            raise _wrong(f"sources[{number}]", f"{shown(source)} is no Source", mend)
        if source.id in ids:
            raise DefinitionError("engine", [f"two sources are called {source.id!r}"])
        ids.add(source.id)
    return told


def _check_organisation(organisation: Organisation, sources: Iterable[Source]) -> None:
    """Raise DefinitionError for what is no organisation, and for sharing out to a group that it has not."""
    from funnelkit.people.organisation import Organisation, mend
    from funnelkit.people.sharing import groups_of

    if not isinstance(organisation, Organisation):
        fix = 'give Organisation([Person("ann")])'
        raise _wrong("organisation", f"{shown(organisation)} is no Organisation", fix)
    known = [group.id for group in organisation.groups]
    problems = [
        Problem(f"sources.{source.id}.sharing", f"there is no group {shown(group)}", mend(group, known))
        for source in sources
        for group in groups_of(source.sharing)
        if group not in known
    ]
    if problems:
        raise DefinitionError("engine", problems)
