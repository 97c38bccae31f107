"""Chances, as methods of `Analytics`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Unpack

from funnelkit.analytics.chances import estimates, landmarks, markov, stages
from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters
from funnelkit.errors import InputError, shown

__all__ = ["ChanceMeasures"]


class ChanceMeasures(Measured):
    """What an open record may still bring."""

    def chances(
        self, pipeline: str | None = None, *, least: int = stages.LEAST, **filters: Unpack[Filters]
    ) -> stages.StageChances:
        """Estimate, for each stage, the chance of a win, the time still to go and the value to expect.

        Args:
            pipeline: Its id.
            least: So many moves out of a stage are needed, and out of every stage that may follow.
            filters: See `Filters`.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> deals = [engine.move(engine.create(name), "offer") for name in ("Acme", "Beta", "Cree")]
        >>> done = engine.win(deals[0]), engine.lose(deals[1])
        >>> print(engine.analytics.chances(least=2).rows[1].win)
        50 % (9-91)
        >>> engine.analytics.chances().rows[1].reason
        "only 2 moves out of 'offer', 20 are needed"
        """
        scope = self._scope(pipeline, filters)
        return self._measured(partial(stages.stage_chances, least=_least(least)), scope, "created")

    def markov(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> markov.Dependences:
        """Test what `chances` assumes: that the next place depends on nothing but the stage.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> engine.analytics.markov().rows[0].reason
        'not enough moves to compare'
        """
        return self._measured(markov.dependences, self._scope(pipeline, filters), "created")

    def landmarks(
        self, pipeline: str | None = None, *, least: int = stages.LEAST, **filters: Unpack[Filters]
    ) -> landmarks.Landmarks:
        """Estimate the chance of a win by stage and by how long the record has been there.

        Nothing is assumed of where a record goes next: those who had been on the stage for so long are
        followed from then on, and open ones are censored.

        Args:
            pipeline: Its id.
            least: So many stays must have lasted so long.
            filters: See `Filters`.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> engine.analytics.landmarks().rows[0].reason
        'only 0 stays lasted so long, 20 are needed'
        """
        scope = self._scope(pipeline, filters)
        return self._measured(partial(landmarks.landmarks, least=_least(least)), scope, "created")

    def estimates(
        self,
        pipeline: str | None = None,
        *,
        caps: Mapping[str, float] | None = None,
        least: int = stages.LEAST,
        **filters: Unpack[Filters],
    ) -> estimates.OpenEstimates:
        """List every open record with its owner's estimate, the model's, the stage's, and what is in force.

        The owner's estimate is not kept for the past, and the chances of stages are those of now; all else
        is as of ``as_of``.

        Args:
            pipeline: Its id.
            caps: Stage → the most that is allowed there, 0 to 1.
            least: Below this the model proposes nothing; see `chances` and `landmarks`.
            filters: See `Filters`. The model looks at the whole pipeline.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new", probability=0.1), Stage("offer")]))
        >>> acme, beta = engine.create("Acme", probability=0.8), engine.create("Beta")
        >>> rows = engine.analytics.estimates(caps={"new": 0.3}).rows
        >>> [(row.chance, row.said_by, row.capped) for row in rows]
        [(0.3, 'manual', True), (0.1, 'stage', False)]
        """
        scope = self._scope(pipeline, filters)
        metric = partial(estimates.estimates, caps=caps or {}, least=_least(least))
        return self._measured(metric, scope, "created")


def _least(given: int) -> int:
    if not isinstance(given, int) or given < 1:
        raise InputError("least", f"{shown(given)} is no number of records", f"give {stages.LEAST}")
    return given
