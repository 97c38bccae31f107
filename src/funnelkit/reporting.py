"""From an engine's pipelines and store to its reports."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING

from funnelkit.errors import TimeError, shown
from funnelkit.storage.base import Store
from funnelkit.verbs.shell import Shell

if TYPE_CHECKING:
    from funnelkit.analytics import Analytics

__all__ = ["a_zone", "analytics"]


def analytics(shell: Shell, store: Store, zone: tzinfo) -> Analytics:
    """Return every report over a store, in the words of the definitions in force."""
    from funnelkit.analytics import Analytics, Shape

    shapes = [
        Shape(
            pipeline=pipeline.id,
            kind=pipeline.kind,
            stages=tuple((stage.id, stage.label) for stage in pipeline.stages),
            probabilities={id: share for id, share in pipeline.probabilities.items() if share is not None},
        )
        for pipeline in shell.pipelines.values()
    ]
    return Analytics(store, shapes, shell.clock, zone)


def a_zone(zone: object) -> tzinfo:
    """Return a time zone; TimeError for anything else."""
    if not isinstance(zone, tzinfo):
        raise TimeError("zone", f"{shown(zone)} is no time zone", 'give ZoneInfo("Europe/Berlin")')
    return zone
