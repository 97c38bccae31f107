"""Leaks, as a method of `Analytics`."""

from __future__ import annotations

from typing import Unpack

from funnelkit.analytics.leaks import leaks
from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters
from funnelkit.analytics.significance import check_findings
from funnelkit.errors import InputError

__all__ = ["LeakMeasures"]


class LeakMeasures(Measured):
    """Where records are lost."""

    def leaks(
        self,
        pipeline: str | None = None,
        *,
        minimum: int = 30,
        level: float = 0.05,
        **filters: Unpack[Filters],
    ) -> leaks.Leaks:
        """Find the stages, and with ``by`` whose stages, at which fewer get through than elsewhere.

        Without ``by``: how many passed and failed on each stage. With it, each stage of each group is
        compared with the same stage of all the others, greatest loss of wins first. Grouped by
        ``"owner"`` this is each person's success per stage, by the owner at the time.

        Args:
            pipeline: Its id.
            minimum: With fewer decided records in the group or in the others nothing is claimed.
            level: The share of false alarms that is accepted among what is called a leak.
            **filters: See `Filters`; grouping is by a column or a custom field.

        Raises:
            InputError: Grouped by month or quarter, or a ``minimum`` or ``level`` out of range.
        """
        check_findings(minimum, level)
        scope = self._scope(pipeline, filters)
        if scope.by != scope.column:
            raise InputError("by", f"leaks are not compared by {scope.by}", 'give "source", or leave it out')
        return leaks.leaks(self._source, scope, minimum, level)
