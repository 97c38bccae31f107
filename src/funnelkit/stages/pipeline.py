"""`Pipeline`: the frozen definition of a way from the first inquiry to an outcome.

What a pipeline can do beyond holding its data (check, draw, compare, be written down, become a
machine) lives in a module each, loaded when it is first done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal

import attrs

from funnelkit.errors import DefinitionError, InputError, shown
from funnelkit.records import FrozenMapping, PipelineRecord
from funnelkit.serial import Problem, did_you_mean, from_json, from_toml, to_json, to_toml
from funnelkit.stages.rules import Rule
from funnelkit.stages.stage import CloseReason, Stage, one_or_many
from funnelkit.stages.table import Table, read_table
from funnelkit.stages.transition import Transition

__all__ = ["Pipeline"]


def _moves(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return (value,) if isinstance(value, Transition) else one_or_many(value)


def _reasons(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    catalogues = {outcome: _catalogue(reasons) for outcome, reasons in value.items()}
    return FrozenMapping({outcome: reasons for outcome, reasons in catalogues.items() if reasons})


def _catalogue(reasons: Any) -> tuple[Any, ...]:
    if isinstance(reasons, Mapping):
        return tuple(CloseReason(name, label) for name, label in reasons.items())
    return tuple(_reason(each) for each in one_or_many(reasons))


def _reason(given: Any) -> Any:
    """Make a reason of its text: ``"no answer"`` becomes the id ``no_answer``."""
    if not isinstance(given, str):
        return given
    return CloseReason(re.sub(r"[\W_]+", "_", given.lower()).strip("_"), given)


@attrs.frozen(repr=False)
class Pipeline:
    """Stages in order, the moves allowed between them, the rules, and the reasons to close.

    A value: it is compared, hashed, printed, stored and loaded. Making one checks everything.

    Attributes:
        id: A slug: ``"sales"``.
        stages: In the order a record goes through them.
        kind: ``"deal"`` or ``"lead"``: what goes through it.
        label: What people call it, in any language.
        moves: ``"free"``: from any stage to any other; ``"ordered"``: one step forward, any step
            back; or the `Transition` list of everything that is allowed. Losing, voiding and
            reopening are always possible; winning from each stage with ``can_win``, unless
            transitions to ``"won"`` are listed.
        close_reasons: Outcome → reasons, as text, as `CloseReason` or as a mapping of id to
            label. An outcome without reasons closes without one.
        rules: Asked about every act they are on.

    Raises:
        DefinitionError: With all problems of the definition, each with its path.

    >>> sales = Pipeline(
    ...     "sales",
    ...     [Stage("new", probability=0.1), Stage("offer", requires="value"), Stage("contract")],
    ...     moves="ordered",
    ...     close_reasons={"lost": ["price", "no answer"]},
    ... )
    >>> sales
    Pipeline('sales': new → offer → contract)
    >>> print(sales)
    sales: new → offer → contract → won | lost | void
      pipeline of deals; one step forward, any step back
      new       10%
      offer     needs value
      contract
      lost because: price, no answer
    """

    id: str
    stages: tuple[Stage, ...] = attrs.field(converter=one_or_many)
    kind: Literal["deal", "lead"] = attrs.field(default="deal", kw_only=True)
    label: str = attrs.field(default="", kw_only=True)
    moves: Literal["free", "ordered"] | tuple[Transition, ...] = attrs.field(
        default="free", kw_only=True, converter=_moves
    )
    close_reasons: Mapping[str, tuple[CloseReason, ...]] = attrs.field(
        default=FrozenMapping(), kw_only=True, converter=_reasons
    )
    rules: tuple[Rule, ...] = attrs.field(default=(), kw_only=True, converter=one_or_many)

    def __attrs_post_init__(self) -> None:
        errors = [problem for problem in self.check() if problem.severity == "error"]
        if errors:
            raise DefinitionError(f"pipeline {shown(self.id)}", errors)

    # What it holds

    @cached_property
    def stage_ids(self) -> tuple[str, ...]:
        """The ids of the stages in order, archived ones included."""
        return tuple(stage.id for stage in self.stages)

    @cached_property
    def first(self) -> str:
        """The id of the stage where records start: the first that is not archived."""
        return next(stage.id for stage in self.stages if not stage.archived)

    @cached_property
    def probabilities(self) -> Mapping[str, float | None]:
        """Stage id → its probability."""
        return {stage.id: stage.probability for stage in self.stages}

    def stage(self, id: str) -> Stage:
        """Return a stage.

        Raises:
            InputError: There is none with this id; with a did-you-mean.

        >>> Pipeline("sales", [Stage("new"), Stage("offer")]).stage("ofer")
        Traceback (most recent call last):
        funnelkit.errors.InputError: stage: pipeline 'sales' has no stage 'ofer' (did you mean 'offer'?)
        """
        for stage in self.stages:
            if stage.id == id:
                return stage
        raise InputError(
            "stage", f"pipeline {self.id!r} has no stage {shown(id)}", did_you_mean(id, self.stage_ids)
        )

    def check(self) -> tuple[Problem, ...]:
        """Return what is odd about the definition without being wrong.

        >>> odd = Pipeline("sales", [Stage("new", probability=0.5), Stage("offer", probability=0.2)])
        >>> print(odd.check()[0])
        stages[1].probability: 0.2 is less than the 0.5 of an earlier stage (is that meant?)
        """
        from funnelkit.stages.check import problems_of

        return problems_of(self)

    @cached_property
    def table(self) -> Table:
        """Every way through the pipeline, ready to be looked up; built once."""
        return read_table(self.machine, self)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the content; rules count by name and verbs, not by code.

        The same in every process, and written into every move.
        """
        from funnelkit.stages.document import fingerprint_of

        return fingerprint_of(self)

    # What can be made of it

    def with_rules(self, *rules: Rule) -> Pipeline:
        """Return the pipeline with more rules of its own."""
        return attrs.evolve(self, rules=(*self.rules, *rules))

    def diff(self, other: Pipeline) -> tuple[str, ...]:
        """Return what must change in this pipeline to make it ``other``; empty when they are equal.

        >>> before = Pipeline("sales", [Stage("new"), Stage("offer")])
        >>> before.diff(Pipeline("sales", [Stage("new"), Stage("demo"), Stage("offer", "Quote")]))
        ("stage 'demo' is added after 'new'", "stage 'offer': label '' → 'Quote'")
        """
        from funnelkit.stages.difference import between

        return tuple(between(self, other))

    def mermaid(self) -> str:
        """Return the pipeline as the text of a Mermaid diagram."""
        from funnelkit.stages.diagram import mermaid

        return mermaid(self)

    def to_toml(self) -> str:
        """Return the pipeline as a TOML document; rules stand in it by name.

        >>> print(Pipeline("sales", [Stage("new", limit="2d"), Stage("offer")]).to_toml())
        id = "sales"
        <BLANKLINE>
        [[stages]]
        id = "new"
        limit = "2d"
        <BLANKLINE>
        [[stages]]
        id = "offer"
        <BLANKLINE>
        """
        from funnelkit.stages.document import document_of

        return to_toml(document_of(self))

    def to_json(self) -> str:
        """Return the pipeline as a JSON document; rules stand in it by name."""
        from funnelkit.stages.document import document_of

        return to_json(document_of(self))

    @classmethod
    def from_toml(cls, text: str, *, rules: Iterable[Rule] = ()) -> Pipeline:
        """Read what `to_toml` wrote, or what somebody wrote by hand.

        Args:
            text: The document.
            rules: The rules that it may name.

        Raises:
            DefinitionError: Everything that is wrong with it, each with its path: no TOML, unknown
                keys (with a did-you-mean), values of a wrong type, unknown rules, and all that
                `Pipeline` itself finds.
        """
        from funnelkit.stages.document import pipeline_of

        return pipeline_of(from_toml(text), cls, rules)

    @classmethod
    def from_json(cls, text: str, *, rules: Iterable[Rule] = ()) -> Pipeline:
        """Read what `to_json` wrote; as `from_toml`."""
        from funnelkit.stages.document import pipeline_of

        return pipeline_of(from_json(text), cls, rules)

    # python-statemachine

    @cached_property
    def machine(self) -> Any:
        """The python-statemachine class of this pipeline."""
        from funnelkit.stages.chart import machine_class

        return machine_class(self)

    def bind(self, record: PipelineRecord) -> Any:
        """Return a live python-statemachine that stands where ``record`` is.

        It runs the rules and moves by itself, and writes nothing: the record stays as it is, and
        ``machine.model.state`` tells the place. Events are ``to_<place>`` and ``do_<name>``; what
        rules ask for is given by keyword: ``machine.send("to_won", actor=Actor("sam"))``.

        Raises:
            InputError: The record is on a stage that this pipeline does not have.
        """
        from funnelkit.stages.chart import bound_machine

        return bound_machine(self, record)

    @classmethod
    def from_machine(
        cls,
        machine: type,
        *,
        id: str = "",
        outcomes: Mapping[str, str] = FrozenMapping(),
        kind: Literal["deal", "lead"] = "deal",
        label: str = "",
        close_reasons: Mapping[str, Any] = FrozenMapping(),
    ) -> Pipeline:
        """Adopt a flat python-statemachine class of your own.

        Its states become stages in the order of declaration, its events named transitions, its
        ``cond``, ``unless`` and ``validators`` functions rules. They ask by parameter name for what
        rules may ask for. Losing, voiding and reopening come with every pipeline.

        Args:
            machine: The class; its initial state comes first.
            id: Of the pipeline; by default the name of the class as a slug.
            outcomes: State id → ``"won"``, ``"lost"`` or ``"void"``; states called so are theirs.
            kind: As for any pipeline.
            label: As for any pipeline.
            close_reasons: As for any pipeline.

        Raises:
            DefinitionError: Everything in it that a table of flat transitions cannot honour:
                nested, parallel and history states, eventless and delayed transitions, actions,
                listeners, asynchronous or named callbacks, ways out of an outcome, …

        >>> from statemachine import State, StateMachine
        >>> class Sales(StateMachine):
        ...     new, offer, won = State(initial=True), State(), State(final=True)
        ...     quote = new.to(offer, cond=lambda deal: deal.value)
        ...     sign = offer.to(won)
        >>> Pipeline.from_machine(Sales).table.words("offer")
        ('sign', 'won', 'lost', 'void')
        """
        from funnelkit.stages.adopt import adopted

        return cls(**adopted(machine, id, outcomes), kind=kind, label=label, close_reasons=close_reasons)

    def __str__(self) -> str:
        from funnelkit.stages.diagram import picture

        return picture(self)

    def __repr__(self) -> str:
        return f"Pipeline({self.id!r}: {' → '.join(map(str, self.stage_ids))})"
