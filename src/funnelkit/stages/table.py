"""The transition table of a pipeline: what the gate looks up on every move.

It is read off the python-statemachine class that `funnelkit.stages.chart` builds: that library says
which transitions exist, in which order, under which guards; the table only remembers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.records import OUTCOMES
from funnelkit.stages.inject import Check
from funnelkit.stages.rules import VERBS, Rule

if TYPE_CHECKING:
    from funnelkit.stages.pipeline import Pipeline

__all__ = ["Edge", "Table", "read_table", "verb_of"]

_CLOSING = {"won": "win", "lost": "lose", "void": "void"}
_STANDING = ("create", "capture", "transfer", "assign", "edit", "log")
"""The verbs that are no transition between two places of one pipeline."""


def verb_of(source: str, target: str) -> str:
    """Return the verb that takes a record from ``source`` to ``target``.

    >>> verb_of("new", "demo"), verb_of("demo", "won"), verb_of("lost", "demo")
    ('move', 'win', 'reopen')
    """
    return "reopen" if source in OUTCOMES else _CLOSING.get(target, "move")


@attrs.frozen
class Edge:
    """One way from a place to another, with the rules that guard it.

    Attributes:
        source, target: Places: stage ids or outcomes.
        event: The transition's own name, else its target.
        rules: ``Scene -> Refusal | None`` each, in the order they are asked.
        needs: What must be loaded from the store to ask them.
    """

    source: str
    target: str
    event: str
    rules: tuple[Check, ...] = ()
    needs: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Table:
    """Every way through a pipeline, ready to be looked up. Get it from ``pipeline.table``.

    Attributes:
        edges: (place, word) → edges in the order of declaration; the first whose rules all pass
            is taken. The word is a target place or the name of a transition.
        position: Stage id → its place in the order, archived stages included.
        stages: The stage ids in order.
        verb_rules: Rules of the verbs that are no transition: create, assign, edit, …
        asks: Whether any rule needs something loaded from the store.

    >>> from funnelkit.stages import Pipeline, Stage
    >>> table = Pipeline("sales", [Stage("new"), Stage("demo"), Stage("offer")], moves="ordered").table
    >>> table.words("demo"), table.forward("new")
    (('offer', 'new', 'won', 'lost', 'void'), ('demo',))
    """

    edges: Mapping[tuple[str, str], tuple[Edge, ...]]
    position: Mapping[str, int]
    stages: tuple[str, ...]
    verb_rules: Mapping[str, tuple[Check, ...]]
    asks: bool
    _words: Mapping[str, tuple[str, ...]] = attrs.field(alias="words")
    _forward: Mapping[str, tuple[str, ...]] = attrs.field(alias="forward")
    _needs: Mapping[str, frozenset[str]] = attrs.field(alias="needs")

    def words(self, place: str) -> tuple[str, ...]:
        """Return every word that leads somewhere from ``place``; none for an unknown place."""
        return self._words.get(place, ())

    def forward(self, stage: str) -> tuple[str, ...]:
        """Return the stages that going forward from ``stage`` may mean, nearest way first.

        In a free or ordered pipeline the next stage that is not archived; in an explicit one every
        stage further ahead that a transition leads to, in the order of declaration.
        """
        return self._forward.get(stage, ())

    def needs_of(self, verb: str) -> frozenset[str]:
        """Return everything that the rules on ``verb`` may need loaded, wherever they act."""
        return self._needs.get(verb, frozenset())

    def __repr__(self) -> str:
        ways = sum(len(edges) for edges in self.edges.values())
        return f"Table({len(self.stages)} stages, {ways} ways)"


def read_table(machine: Any, pipeline: Pipeline) -> Table:
    """Read the table off the machine class that was built of ``pipeline``."""
    found: dict[tuple[str, str], list[Edge]] = {}
    words: dict[str, dict[str, None]] = {}
    needs: dict[str, frozenset[str]] = {}
    for state in machine.states:
        for transition in state.transitions:
            edge = _edge(transition)
            for event in transition.events:
                word = event.id[3:]
                found.setdefault((edge.source, word), []).append(edge)
                words.setdefault(edge.source, {})[word] = None
            verb = verb_of(edge.source, edge.target)
            needs[verb] = needs.get(verb, frozenset()) | edge.needs
    edges = {key: tuple(each) for key, each in found.items()}
    position = {stage.id: index for index, stage in enumerate(pipeline.stages)}
    standing = {verb: [rule for rule in pipeline.rules if verb in rule.on] for verb in _STANDING}
    needs |= {verb: _needs(rules) for verb, rules in standing.items()}
    if pipeline.kind == "lead":
        needs["convert"] = needs.get("win", frozenset())
    return Table(
        edges=edges,
        position=position,
        stages=tuple(position),
        verb_rules={verb: tuple(rule.check for rule in rules) for verb, rules in standing.items()},
        asks=any(needs.values()),
        words={place: tuple(each) for place, each in words.items()},
        forward={stage: _ahead(pipeline, stage, edges, words) for stage in position},
        needs={verb: needs.get(verb, frozenset()) for verb in VERBS},
    )


def _edge(transition: Any) -> Edge:
    rules = [spec.func.rule for spec in transition.cond]
    return Edge(
        source=transition.source.value,
        target=transition.target.value,
        event=next(iter(transition.events)).name,
        rules=tuple(rule.check for rule in rules),
        needs=_needs(rules),
    )


def _needs(rules: Iterable[Rule]) -> frozenset[str]:
    return frozenset[str]().union(*(rule.needs for rule in rules))


def _ahead(
    pipeline: Pipeline,
    stage: str,
    edges: Mapping[tuple[str, str], tuple[Edge, ...]],
    words: Mapping[str, Iterable[str]],
) -> tuple[str, ...]:
    ids = pipeline.stage_ids
    later = ids[ids.index(stage) + 1 :]
    targets = dict.fromkeys(edge.target for word in words.get(stage, ()) for edge in edges[stage, word])
    if isinstance(pipeline.moves, str):
        return tuple(target for target in later if target in targets)[:1]
    return tuple(target for target in targets if target in later)
