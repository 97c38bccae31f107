"""Scores, as methods of `Analytics`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters, Scope, features_of
from funnelkit.analytics.scores import calibration, scoring
from funnelkit.clock import aware, duration, to_us
from funnelkit.errors import InputError, TimeError, shown

__all__ = ["ScoreMeasures"]

_USUAL = ("source", "repeat")


class ScoreMeasures(Measured):
    """How likely open records are to be won."""

    def scores(
        self,
        pipeline: str | None = None,
        *,
        features: Sequence[str] = _USUAL,
        half_life: timedelta | str | None = "180d",
        least: int = 30,
        **filters: Unpack[Filters],
    ) -> scoring.Scores:
        """Give every open record a chance of winning, learned from closed ones that got equally far.

        Args:
            pipeline: Its id.
            features: What records are compared by: ``"owner"``, ``"source"``, ``"campaign"``,
                ``"repeat"``, ``"custom.<name>"``.
            half_life: After how long a closed record weighs half as much; None weighs all alike.
            least: So many won and so many lost ones must have been on the stage, else there is no chance.
            **filters: See `Filters`: which open records; it is learned from all. Nothing is grouped.

        Raises:
            InputError: There is no such feature, ``by`` is given, or ``least`` is no number.
        """
        scope = self._scored(pipeline, filters)
        return scoring.scores(self._source, scope, _recipe(features, half_life, least))

    def score_calibration(
        self,
        moments: Sequence[datetime],
        pipeline: str | None = None,
        *,
        features: Sequence[str] = _USUAL,
        half_life: timedelta | str | None = "180d",
        least: int = 30,
        **filters: Unpack[Filters],
    ) -> calibration.ScoreCalibration:
        """Score what was open at past moments, with what was known then, beside what came of it.

        Args:
            moments: When to score; what happened until ``as_of`` (default: now) is what came.
            pipeline: Its id.
            features: See `scores`, as are the others.
            half_life: See `scores`.
            least: See `scores`.
            **filters: See `Filters`. Nothing is grouped.

        Raises:
            TimeError: A moment is naive, or after ``as_of``.
        """
        scope = self._scored(pipeline, filters)
        if isinstance(moments, date | str) or not isinstance(moments, Iterable):
            raise InputError("moments", f"{shown(moments)} is no list of moments", "give [moment]")
        moments = list(moments)
        if not moments:
            raise InputError("moments", "there are none", "give at least one")
        for moment in moments:
            if to_us(aware(moment, "moments")) > scope.as_of_us:
                raise TimeError("moments", f"{moment} is not over yet", "nothing came of it so far")
        recipe = _recipe(features, half_life, least)
        return calibration.calibration(self._source, scope, recipe, moments)

    def _scored(self, pipeline: str | None, filters: Filters) -> Scope:
        if filters.get("by") is not None:
            raise InputError("by", "scores are not grouped", "give features to compare by")
        return self._scope(pipeline, filters)


def _recipe(features: Sequence[str], half_life: Any, least: int) -> scoring.Recipe:
    if not isinstance(least, int) or least < 1:
        raise InputError("least", f"{shown(least)} is no number of records", "give 30")
    weighs = None if half_life is None else duration(half_life, "half_life") // timedelta(microseconds=1)
    return scoring.Recipe(features=features_of(features), half_life_us=weighs, least=least)
