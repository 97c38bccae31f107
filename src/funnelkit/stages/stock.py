"""The stock rules: what most pipelines ask for, ready made.

Each returns a `Rule`. Two made of the same arguments are equal, and so are pipelines that use them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.errors import DefinitionError, MoneyError, shown
from funnelkit.money import CURRENCIES, Money, money
from funnelkit.records import Activity, Actor, FrozenMapping
from funnelkit.serial import Problem
from funnelkit.stages.rules import Refusal, Rule

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["approved_by", "at_least", "only_roles", "reason_required", "requires", "steps_done", "value_at"]

PARTIES = ("contact", "company")
_PATH = re.compile(r"\w+(\.\w+)*")
_NOBODY_FILLS = {
    "id",
    "version",
    "pipeline",
    "stage",
    "place",
    "visited",
    "moves",
    "created_at",
    "entered_at",
    "updated_at",
    "close",
    "outcome",
    "is_open",
}


def path_problem(path: object, where: str) -> Problem | None:
    """Return what is wrong with the path of a field that people are to fill, or None."""
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        return Problem(where, f"{shown(path)} is not a path", 'write "value" or "terms.payment"')
    if (head := path.partition(".")[0]) in _NOBODY_FILLS:
        return Problem(where, f"nobody can fill {head!r}: it is kept by funnelkit", f'"custom.{head}"?')
    if path == "custom":
        return Problem(where, "'custom' holds all custom fields", 'name one: "custom.size"')
    return None


def value_at(record: Any, path: str, parties: Mapping[str, Any]) -> Any:
    """Return what stands at a dotted path of a record, or None.

    The first part is a field of the record, else the name of a custom field; ``contact.…`` and
    ``company.…`` look into the party itself, taken from ``parties``.
    """
    head, _, rest = path.partition(".")
    if rest and head in PARTIES:
        return None if parties.get(head) is None else value_at(parties[head], rest, {})
    if head == "custom" or not hasattr(record, head):
        value, parts = record.custom, path.removeprefix("custom.").split(".")
    else:
        value, parts = getattr(record, head), rest.split(".") if rest else []
    for part in parts:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def is_empty(value: Any) -> bool:
    """Whether a field counts as not filled: None, blank text, an empty list or mapping. Not 0."""
    if value.__class__ is str:
        return not value.strip()
    return value is None or (value.__class__ in _COLLECTIONS and not value)


_COLLECTIONS = (tuple, FrozenMapping)  # what JSON lists and objects are, once in a record


def _signature(paths: Iterable[str]) -> Signature:
    """Ask for the record, and for just those parties that the paths look into."""
    heads = {head for path in paths for head, dot, _ in [path.partition(".")] if dot and head in PARTIES}
    names = ("record", *sorted(heads))
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY) for name in names])


@attrs.frozen
class _Requires:
    paths: tuple[str, ...]

    @property
    def __signature__(self) -> Signature:
        return _signature(self.paths)

    def __call__(self, *, record: Any, **parties: Any) -> Refusal | None:
        empty = [path for path in self.paths if is_empty(value_at(record, path, parties))]
        if not empty:
            return None
        verb = "is" if len(empty) == 1 else "are"
        return Refusal("missing_field", f"{', '.join(empty)} {verb} empty", field=empty[0], fix="fill it in")


def requires(*paths: str, on: str | Iterable[str] = "move") -> Rule:
    """Demand that fields are filled.

    Args:
        paths: ``"value"``, ``"contact.email"`` (of the contact itself), ``"terms.payment"`` (a
            custom field). 0 and False are filled; blank text is not.
        on: The verb or verbs to guard, here and in the other stock rules.

    >>> requires("value", "contact.email").needs
    frozenset({'contact'})
    """
    problems = [path_problem(path, f"paths[{number}]") for number, path in enumerate(paths)]
    if found := [problem for problem in problems if problem]:
        raise DefinitionError("rule requires", found)
    return Rule(
        function=_Requires(paths),
        name=_called("requires", paths),
        on=on,
        doc=f"{', '.join(paths)} must be filled.",
    )


@attrs.frozen
class _StepsDone:
    steps: tuple[str, ...]

    def __call__(self, activities: tuple[Activity, ...], source: str, pipeline: Any) -> Refusal | None:
        here = (("", source), ("", pipeline.id if pipeline else ""))
        done = {
            activity.step
            for activity in activities
            if not source or (activity.stage in here[0] and activity.pipeline in here[1])
        }
        missing = [step for step in self.steps if step not in done]
        if not missing:
            return None
        verb = "is" if len(missing) == 1 else "are"
        fix = f"log an activity with step={missing[0]!r}"
        return Refusal("missing_step", f"{', '.join(missing)} {verb} not done", field=missing[0], fix=fix)


def steps_done(*steps: str, on: str | Iterable[str] = "move") -> Rule:
    """Demand that steps are done: for each, an activity with that ``step``, logged on this stage.

    >>> steps_done("call").name
    'steps_done(call)'
    """
    return Rule(
        function=_StepsDone(steps),
        name=_called("steps_done", steps),
        on=on,
        doc=f"Steps {', '.join(steps)} must be done.",
    )


@attrs.frozen
class _OnlyRoles:
    roles: tuple[str, ...]

    def __call__(self, actor: Actor) -> Refusal | None:
        if not actor.roles.isdisjoint(self.roles):
            return None
        wanted = " or ".join(self.roles)
        return Refusal("wrong_role", f"{actor.id} is not {wanted}", field="actor", fix=f"ask {wanted}")


def only_roles(*roles: str, on: str | Iterable[str] = "move") -> Rule:
    """Allow an act only to actors who have one of ``roles``.

    >>> from funnelkit.records import Actor
    >>> print(only_roles("manager", on="win")(Actor("sam")))
    sam is not manager: ask manager (wrong_role)
    """
    return Rule(
        function=_OnlyRoles(roles),
        name=_called("only_roles", roles),
        on=on,
        doc=f"Only {' or '.join(roles)} may do this.",
    )


@attrs.frozen
class _AtLeast:
    least: Money

    def __call__(self, record: Any) -> Refusal | None:
        value, least = record.value, self.least
        if value is None:
            return Refusal("too_small", "there is no value", field="value", fix=f"at least {least}")
        if value.currency != least.currency:
            return Refusal("wrong_currency", f"{value} is not in {least.currency}", field="value")
        if value.amount < least.amount:
            return Refusal("too_small", f"{value} is too little", field="value", fix=f"at least {least}")
        return None


@attrs.frozen
class _NumberAtLeast:
    least: Decimal
    path: str

    @property
    def __signature__(self) -> Signature:
        return _signature((self.path,))

    def __call__(self, *, record: Any, **parties: Any) -> Refusal | None:
        found = value_at(record, self.path, parties)
        if isinstance(found, int | float) and not isinstance(found, bool) and found >= self.least:
            return None
        told = "is empty" if is_empty(found) else f"is {shown(found)}"
        fix = f"at least {self.least}"
        return Refusal("too_small", f"{self.path} {told}", field=self.path, fix=fix)


def at_least(amount: Decimal | int | str, of: str, *, on: str | Iterable[str] = "move") -> Rule:
    """Demand a minimum: of the record's value, or of a number at a path.

    Args:
        amount: The minimum, exact: no float.
        of: A currency (``"EUR"``: the value must be in it) or a path (``"custom.seats"``).
        on: The verb or verbs to guard.

    Raises:
        DefinitionError: The amount is no exact number or has more decimals than the currency, or
            ``of`` is neither a currency nor a path.

    >>> at_least("1000", "EUR").name, at_least(10, "seats").name
    ('at_least(1,000.00 EUR)', 'at_least(10, seats)')
    """
    if isinstance(of, str) and of in CURRENCIES:
        try:
            least = money(amount, of, "amount")
        except MoneyError as error:
            raise DefinitionError("rule at_least", [Problem("amount", error.problem, error.fix)]) from None
        doc = f"Worth at least {least}."
        return Rule(function=_AtLeast(least), name=f"at_least({least})", on=on, doc=doc)
    problem = path_problem(of, "of")
    if problem is None and of.upper() in CURRENCIES:
        problem = Problem("of", f"{of!r} is not a currency", f"did you mean {of.upper()!r}?")
    if problem:
        raise DefinitionError("rule at_least", [problem])
    number = _exact(amount)
    return Rule(
        function=_NumberAtLeast(number, of),
        name=f"at_least({number}, {of})",
        on=on,
        doc=f"{of} is at least {number}.",
    )


def _exact(amount: object) -> Decimal:
    from decimal import Decimal, InvalidOperation

    try:
        number = Decimal("NaN") if isinstance(amount, float | bool) else Decimal(str(amount))
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_finite():
        return number
    problem = Problem("amount", f"{shown(amount)} is not an exact number", 'write "1234.50"')
    raise DefinitionError("rule at_least", [problem])


@attrs.frozen
class _ApprovedBy:
    who: tuple[str, ...]

    def __call__(self, activities: tuple[Activity, ...]) -> Refusal | None:
        for activity in activities:
            if activity.kind == "approval" and not {activity.by, *activity.roles}.isdisjoint(self.who):
                return None
        wanted = " or ".join(self.who)
        return Refusal("not_approved", f"not approved by {wanted}", fix=f"let {wanted} log an approval")


def approved_by(*who: str, on: str | Iterable[str] = "move") -> Rule:
    """Demand an approval: an activity of kind ``"approval"`` on the record.

    Args:
        who: Ids of actors, or roles. An approval counts when it was logged by one of these, or by
            an actor who had one of these roles then.
        on: The verb or verbs to guard.

    >>> approved_by("manager", on="win").needs
    frozenset({'activities'})
    """
    return Rule(
        function=_ApprovedBy(who),
        name=_called("approved_by", who),
        on=on,
        doc=f"Approved by {' or '.join(who)}.",
    )


def _has_a_reason(reason: str) -> Refusal | None:
    return None if reason.strip() else Refusal("no_reason", "no reason given", field="reason", fix="say why")


def reason_required(on: str | Iterable[str] = "assign") -> Rule:
    """Demand a reason for an act; by default for a hand-over to another owner.

    >>> reason_required().on
    frozenset({'assign'})
    """
    return Rule(function=_has_a_reason, name="reason_required", on=on, doc="A reason must be given.")


def _called(factory: str, arguments: tuple[str, ...]) -> str:
    problems = [
        Problem("", f"{shown(name)} is not a name")
        for name in arguments
        if not (name and isinstance(name, str))
    ]
    if not arguments:
        problems.append(Problem("", "names nothing", "give at least one name"))
    if problems:
        raise DefinitionError(f"rule {factory}", problems)
    return f"{factory}({', '.join(arguments)})"
