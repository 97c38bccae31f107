"""The absorbing Markov chain of a pipeline: where a record on a stage ends, and after how many stays.

Where the next place depends on nothing but the stage, the moves between stages are a matrix Q, those
that end a record a matrix R, and N = (I − Q)⁻¹ holds how often each stage will be visited. N R are the
chances of the ends.

Source: J. G. Kemeny and J. L. Snell, Finite Markov Chains, 1960, chapter III.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import attrs

from funnelkit.analytics.intervals import Estimate

__all__ = ["Chain"]

Counts = Mapping[str, Mapping[str, int]]


@attrs.frozen(slots=False)
class Chain:
    """Moves out of stages, and what follows from them.

    Attributes:
        moves: Stage → place it was left for → how often. A place that is no stage is an end.
        stages: The stages, in order.
        least: How many moves out of a stage there must be; with fewer nothing is said of the stage,
            nor of any stage from which it can be reached.

    >>> chain = Chain({"s1": {"s2": 8, "lost": 2}, "s2": {"won": 6, "lost": 2, "s1": 2}}, ("s1", "s2"))
    >>> round(chain.chance("s1", "won").value, 6), round(chain.chance("s2", "won").value, 6)
    (0.571429, 0.714286)
    >>> {stage: round(visits, 6) for stage, visits in chain.visits["s1"].items()}
    {'s1': 1.190476, 's2': 0.952381}
    """

    moves: Counts
    stages: tuple[str, ...]
    least: int = 1

    def out_of(self, stage: str) -> int:
        """Return how many moves led out of a stage."""
        return sum(self.moves.get(stage, {}).values())

    def share(self, stage: str, target: str) -> float:
        """Return the share of the moves out of a stage that led to a place."""
        return self.moves.get(stage, {}).get(target, 0) / self.out_of(stage)

    @cached_property
    def ahead(self) -> dict[str, frozenset[str]]:
        """Stage → every stage that can still come, itself included."""
        return {stage: self._reach(stage) for stage in self.stages}

    @cached_property
    def reasons(self) -> dict[str, str]:
        """Stage → why nothing can be said of it, where that is so."""
        ending = {stage for stage in self.stages if set(self.moves.get(stage, ())) - set(self.stages)}
        found = {}
        for stage in self.stages:
            for other in sorted(self.ahead[stage], key=self.stages.index):
                if (count := self.out_of(other)) < max(self.least, 1):
                    found[stage] = f"only {count} moves out of {other!r}, {self.least} are needed"
                    break
                if not self.ahead[other] & ending:
                    found[stage] = f"nothing that came to {other!r} has ended yet"
                    break
        return found

    @cached_property
    def visits(self) -> dict[str, dict[str, float]]:
        """Stage → stage → how often a record that is on the first will be on the second (N).

        The stay that goes on counts. Stages of which nothing can be said are left out.
        """
        known = [stage for stage in self.stages if stage not in self.reasons]
        rows = [[(a == b) - self.share(a, b) for b in known] + [float(a == b) for b in known] for a in known]
        size = len(known)
        for n in range(size):
            pivot = max(range(n, size), key=lambda row: abs(rows[row][n]))
            rows[n], rows[pivot] = rows[pivot], rows[n]
            top = [cell / rows[n][n] for cell in rows[n]]
            rows = [
                top if row == n else [cell - line[n] * above for cell, above in zip(line, top, strict=True)]
                for row, line in enumerate(rows)
            ]
        return {
            stage: {b: line[size + n] for n, b in enumerate(known) if b in self.ahead[stage]}
            for stage, line in zip(known, rows, strict=True)
        }

    def chance(self, stage: str, end: str) -> Estimate:
        """Return the chance that a record on ``stage`` ends in ``end``, with its 95 % interval.

        The variance is the delta method's: Σ N_k² (Σ p_kl w_l² − w_k²) / n_k over the stages k, where
        w is the chance from each place and n the moves out of it. The interval is Wilson's at the
        effective size w (1 − w) / variance.
        """
        if stage in self.reasons:
            return Estimate.unknown(self.reasons[stage])
        chances = self._chances(end)
        variance = sum(
            visits**2
            * max(
                sum(self.share(k, to) * chances.get(to, float(to == end)) ** 2 for to in self.moves[k])
                - chances[k] ** 2,
                0.0,
            )
            / self.out_of(k)
            for k, visits in self.visits[stage].items()
        )
        size = min(self.out_of(k) for k in self.visits[stage])
        return Estimate.of(min(max(chances[stage], 0.0), 1.0), variance, size)

    def remaining(self, stage: str, mean_stays: Mapping[str, float | None]) -> float | None:
        """Return the expected time from entering ``stage`` to the end: Σ visits × mean stay."""
        if stage in self.reasons:
            return None
        stays = [(visits, mean_stays.get(k)) for k, visits in self.visits[stage].items()]
        return sum(visits * (mean or 0.0) for visits, mean in stays)

    def _chances(self, end: str) -> dict[str, float]:
        return {
            stage: sum(visits * self.share(k, end) for k, visits in row.items())
            for stage, row in self.visits.items()
        }

    def _reach(self, start: str) -> frozenset[str]:
        seen, ahead = {start}, [start]
        while ahead:
            for target in self.moves.get(ahead.pop(), ()):
                if target in self.stages and target not in seen:
                    seen.add(target)
                    ahead.append(target)
        return frozenset(seen)
