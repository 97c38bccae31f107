"""`Rule`, `Refusal`, `Verdict`: who may do what, when, and why not.

A rule is a plain function that asks for what it needs by parameter name and returns None or a
`Refusal`. Decorated with `rule` it stays callable like the function, so it is tested alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, overload

import attrs

from funnelkit.errors import DefinitionError, shown
from funnelkit.serial import Problem, did_you_mean
from funnelkit.stages.inject import LOADED, PARAMETERS, Check, Scene, asked, values_of

__all__ = ["VERBS", "Refusal", "Rule", "RuleFunction", "Verdict", "rule"]

VERBS = (
    "create",
    "capture",
    "move",
    "win",
    "lose",
    "void",
    "reopen",
    "transfer",
    "assign",
    "edit",
    "convert",
    "log",
)
"""The verbs that a rule may guard."""


@attrs.frozen
class Refusal:
    """One no, with its reason.

    Attributes:
        code: For programs: ``"needs_manager"``.
        sentence: For people: what is missing or not allowed.
        field: The field of the record it is about (``"value"``, ``"contact.email"``), or ``""``.
        fix: What would turn it into a yes, or ``""``.

    >>> print(Refusal("missing_field", "value is empty", field="value", fix="fill it in"))
    value is empty: fill it in (missing_field)
    """

    code: str
    sentence: str
    field: str = attrs.field(default="", kw_only=True)
    fix: str = attrs.field(default="", kw_only=True)

    def __str__(self) -> str:
        return f"{self.sentence}{f': {self.fix}' if self.fix else ''} ({self.code})"


@attrs.frozen
class Verdict:
    """Whether an act is allowed; true when nobody refuses, else it holds every refusal.

    >>> verdict = Verdict("win", (Refusal("needs_manager", "a 25% discount needs a manager"),))
    >>> bool(verdict)
    False
    >>> print(verdict)
    win refused: a 25% discount needs a manager (needs_manager)
    >>> print(Verdict("move", target="demo"))
    move to demo allowed
    """

    verb: str
    refusals: tuple[Refusal, ...] = ()
    target: str = ""

    def __bool__(self) -> bool:
        return not self.refusals

    def __str__(self) -> str:
        act = f"{self.verb} to {self.target}" if self.target else self.verb
        if not self.refusals:
            return f"{act} allowed"
        if len(self.refusals) == 1:
            return f"{act} refused: {self.refusals[0]}"
        return f"{act} refused:" + "".join(f"\n  - {refusal}" for refusal in self.refusals)


RuleFunction = Callable[..., Refusal | None]


def _names(value: str | Iterable[str]) -> frozenset[str]:
    return frozenset((value,) if isinstance(value, str) or not isinstance(value, Iterable) else value)


@attrs.frozen(kw_only=True, repr=False)
class Rule:
    """A named guard. Made by `rule` or by a stock rule such as `requires`.

    Attributes:
        function: The plain function; calling the rule calls it.
        name: What documents, diagrams and fingerprints call it.
        on: The verbs it guards.
        source, target: Stages or outcomes it is limited to; empty means any.
        doc: Its description, for people.
        asks: The parameters of the function.
        needs: Those of them that must be loaded from the store.
        check: ``Scene -> Refusal | None``, resolved once; what the gate calls.

    Raises:
        DefinitionError: An unknown verb, or a parameter that nobody supplies.

    >>> hurry = Rule(function=lambda reason: None, name="hurry", on=("win", "lose"), source="new")
    >>> hurry.acts("win", "new", "won"), hurry.acts("win", "offer", "won"), hurry.asks
    (True, False, ('reason',))
    """

    function: RuleFunction
    name: str
    on: frozenset[str] = attrs.field(default=frozenset({"move"}), converter=_names)
    source: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    target: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    doc: str = attrs.field(default="", eq=False)
    asks: tuple[str, ...] = attrs.field(init=False, eq=False)
    needs: frozenset[str] = attrs.field(init=False, eq=False)
    check: Check = attrs.field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        subject = f"rule {shown(self.name)}"
        problems = [
            Problem("on", f"{shown(verb)} is not a verb", did_you_mean(verb, VERBS))
            for verb in sorted(self.on.difference(VERBS), key=str)
        ]
        if not isinstance(self.name, str) or not self.name:
            problems.append(Problem("name", f"{shown(self.name)} is not a name"))
        if not self.on:
            problems.append(Problem("on", "names no verb, so the rule would never act"))
        if problems:
            raise DefinitionError(subject, problems)
        asks = asked(self.function, subject)
        object.__setattr__(self, "asks", asks)
        object.__setattr__(self, "needs", LOADED.intersection(asks))
        object.__setattr__(self, "check", _checker(self))

    def __call__(self, *args: Any, **kwargs: Any) -> Refusal | None:
        """Call the plain function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        on = f", on={sorted(self.on)}" if self.on != {"move"} else ""
        return f"Rule({self.name!r}{on})"

    def acts(self, verb: str, source: str, target: str) -> bool:
        """Whether the rule guards ``verb`` from ``source`` to ``target``."""
        return (
            verb in self.on
            and (not self.source or source in self.source)
            and (not self.target or target in self.target)
        )


def _checker(rule: Rule) -> Check:
    """Return what asks ``rule`` about a scene, with as few calls as Python allows."""
    ask, source, target = _asker(rule.function, rule.asks), rule.source, rule.target

    def check(scene: Scene) -> Refusal | None:
        try:
            answer = ask(scene)
        except Exception as error:
            error.add_note(f"in rule {rule.name!r}, asked about {scene.verb} of {scene.record!r}")
            raise
        return answer if answer is None or answer.__class__ is Refusal else _complain(rule.name, answer)

    def check_within(scene: Scene) -> Refusal | None:
        if (source and scene.source not in source) or (target and scene.target not in target):
            return None
        return check(scene)

    return check_within if source or target else check


def _asker(function: RuleFunction, names: tuple[str, ...]) -> Callable[[Scene], Any]:
    """Return what calls ``function`` with what it asks for, by position where it allows that."""
    parameters = inspect.signature(function).parameters.values()
    first = sum(parameter.kind is not parameter.KEYWORD_ONLY for parameter in parameters)
    if len(names) == 1:
        get = attrgetter(PARAMETERS[names[0]])
        if first:
            return lambda scene: function(get(scene))
        return lambda scene: function(**{names[0]: get(scene)})
    values = values_of(names)
    if first == len(names):
        return lambda scene: function(*values(scene))
    return lambda scene: _call(function, names, first, values(scene))


def _call(function: RuleFunction, names: tuple[str, ...], first: int, values: tuple[Any, ...]) -> Any:
    return function(*values[:first], **dict(zip(names[first:], values[first:], strict=True)))


def _complain(name: str, answer: object) -> Refusal | None:
    if isinstance(answer, Refusal):
        return answer
    sentence = f"it returned {shown(answer)}"
    raise DefinitionError(f"rule {name!r}", [Problem("", sentence, "return None or a Refusal")])


@overload
def rule(function: RuleFunction, /) -> Rule: ...


@overload
def rule(
    *,
    on: str | Iterable[str] = "move",
    source: str | Iterable[str] = (),
    target: str | Iterable[str] = (),
    name: str = "",
) -> Callable[[RuleFunction], Rule]: ...


def rule(
    function: RuleFunction | None = None,
    /,
    *,
    on: str | Iterable[str] = "move",
    source: str | Iterable[str] = (),
    target: str | Iterable[str] = (),
    name: str = "",
) -> Rule | Callable[[RuleFunction], Rule]:
    """Make a rule of a plain function.

    The function asks by parameter name for what it needs (`Scene` lists everything) and returns
    None or a `Refusal`. It must be pure: no clock, no store, no effects.

    Args:
        function: The function, when `rule` is used without arguments.
        on: Verb or verbs to guard. ``"move"`` is every move from one open stage to another.
        source: Only when leaving these stages or outcomes.
        target: Only when entering these stages or outcomes.
        name: Instead of the function's own name.

    Raises:
        DefinitionError: A parameter or a verb that does not exist.

    >>> @rule(on="win")
    ... def big_discounts_need_a_manager(deal, actor):
    ...     "Deals discounted by more than 20 % are closed by a manager."
    ...     if deal.custom.get("discount", 0) > 20 and "manager" not in actor.roles:
    ...         return Refusal("needs_manager", "a discount above 20 % needs a manager")
    >>> big_discounts_need_a_manager
    Rule('big_discounts_need_a_manager', on=['win'])
    """

    def decorate(function: RuleFunction) -> Rule:
        given = name or getattr(function, "__name__", "")
        if not given or given == "<lambda>":
            raise DefinitionError("rule", [Problem("name", "a rule needs a name", 'give name="…"')])
        doc = inspect.getdoc(function) or ""
        return Rule(function=function, name=given, on=on, source=source, target=target, doc=doc)

    return decorate if function is None else decorate(function)
