"""The lead score that Odoo publishes: naive Bayes over frequency tables. A baseline to be compared with.

Each team has a table of how often each value of each variable was won and lost; one more table pools
all teams. Its habits are kept, the questionable ones too: a won lead counts in every stage, a lost one in its
stage and all before it; totals are those of the first stage; a stage's frequency is over these totals and
any other value's over its own variable. `scores.bayes` does without them.

Source: Odoo, predictive lead scoring of ``crm.lead`` (documentation and published tests).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

import attrs

__all__ = ["Counts", "Frequencies", "ScoredLead"]

_SEED = 0.1
_LEAST, _MOST = 0.01, 99.99
_FEW_TAGS = 50

Counts = tuple[float, float]
"""Won and lost."""


@attrs.frozen(kw_only=True)
class ScoredLead:
    """What the score looks at.

    Attributes:
        stage: Where it is, or was lost.
        outcome: ``"won"``, ``"lost"``, or empty.
        team: Whose it is; empty for nobody's.
        values: Variable → value; a variable that is not set is left out.
        tags: Values of the variable ``tag``, each by itself.
    """

    stage: str
    outcome: str = ""
    team: str = ""
    values: Mapping[str, str] = attrs.field(factory=dict)
    tags: tuple[str, ...] = ()

    def pairs(self) -> list[tuple[str, str]]:
        """Return every (variable, value) but the stage."""
        return [*self.values.items(), *(("tag", tag) for tag in self.tags)]


@attrs.frozen
class Frequencies:
    """Tables of won and lost, by team and pooled.

    Attributes:
        stages: In order; the totals are those of the first one.
        tables: Team → (variable, value) → counts; ``None`` is the pool.

    >>> past = [ScoredLead(stage="new", outcome="won"), ScoredLead(stage="new", outcome="lost")]
    >>> Frequencies.of(past, ("new", "offer", "won")).percent(ScoredLead(stage="offer"))
    91.67
    """

    stages: tuple[str, ...]
    tables: Mapping[str | None, Mapping[tuple[str, str], Counts]]

    @classmethod
    def of(
        cls, leads: Iterable[ScoredLead], stages: Sequence[str], variables: Iterable[str] | None = None
    ) -> Frequencies:
        """Count the leads that were won or lost; ``variables`` other than the stage, all if left out."""
        chosen = None if variables is None else {*variables}
        raw: dict[str, dict[tuple[str, str], list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        for lead in leads:
            if lead.outcome:
                for pair in _counted(lead, tuple(stages), chosen):
                    raw[lead.team][pair][lead.outcome == "lost"] += 1
        tables: dict[str | None, dict[tuple[str, str], Counts]] = {
            team: {pair: (won + _SEED, lost + _SEED) for pair, (won, lost) in table.items()}
            for team, table in raw.items()
        }
        return cls(tuple(stages), tables | {None: _pooled(tables.values())})

    def after(self, lead: ScoredLead, by: int = 1) -> Frequencies:
        """Return the tables with one lead more, or one fewer (``by=-1``)."""
        table = dict(self.tables.get(lead.team, {}))
        for pair in _counted(lead, self.stages, None):
            won, lost = table.get(pair, (_SEED, _SEED))
            if lead.outcome == "won":
                table[pair] = _changed(won, by), lost
            else:
                table[pair] = won, _changed(lost, by)
        teams: dict[str | None, Mapping[tuple[str, str], Counts]] = {**self.tables, lead.team: table}
        teams[None] = _pooled(one for team, one in teams.items() if team is not None)
        return Frequencies(self.stages, teams)

    def percent(self, lead: ScoredLead) -> float:
        """Return the score of a lead in percent, 0.01 to 99.99; 100 if won, 0 where it cannot be had."""
        if lead.outcome == "won" or lead.stage == self.stages[-1]:
            return 100.0
        own = self.tables.get(lead.team) if lead.team else None
        table = own or self.tables[None]
        all_won, all_lost = table.get(("stage", self.stages[0]), (0.0, 0.0))
        if not all_won or not all_lost:
            return 0.0
        won, lost = all_won / (all_won + all_lost), all_lost / (all_won + all_lost)
        for pair in [("stage", lead.stage), *lead.pairs()]:
            if (shares := self._shares(table, pair, (all_won, all_lost))) is not None:
                won *= shares[0]
                lost *= shares[1]
        share = Decimal(str(100 * won / (won + lost)))
        percent = float(share.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
        return min(max(percent, _LEAST), _MOST)

    def _shares(
        self, table: Mapping[tuple[str, str], Counts], pair: tuple[str, str], totals: Counts
    ) -> Counts | None:
        variable, _ = pair
        if pair not in table:
            return None
        won, lost = table[pair]
        if variable == "stage":
            return won / totals[0], lost / totals[1]
        if variable == "tag" and won + lost < _FEW_TAGS:
            return None
        rows = [counts for (other, _), counts in table.items() if other == variable]
        return won / math.fsum(one for one, _ in rows), lost / math.fsum(one for _, one in rows)


def _counted(lead: ScoredLead, stages: tuple[str, ...], chosen: set[str] | None) -> list[tuple[str, str]]:
    """Return the pairs that a closed lead counts in: a won one in every stage, a lost one up to its own."""
    passed = stages if lead.outcome == "won" else stages[: stages.index(lead.stage) + 1]
    pairs = [pair for pair in lead.pairs() if chosen is None or pair[0] in chosen]
    return [*(("stage", stage) for stage in passed), *pairs]


def _changed(count: float, by: int) -> float:
    return round(count + by, 6) if count + by > 0 else _SEED


def _pooled(tables: Iterable[Mapping[tuple[str, str], Counts]]) -> dict[tuple[str, str], Counts]:
    pool: dict[tuple[str, str], Counts] = {}
    for table in tables:
        for pair, (won, lost) in table.items():
            before = pool.get(pair, (0.0, 0.0))
            pool[pair] = before[0] + won, before[1] + lost
    return pool
