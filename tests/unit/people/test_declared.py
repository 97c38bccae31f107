"""What is declared wrongly is told when it is declared, not when the first inquiry comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from funnelkit import Engine, Organisation, Person, Pipeline, Source, Stage
from funnelkit.errors import DefinitionError, InputError
from funnelkit.people import FirstOf, Group, LeastBusy, PersonalManager, Quota, RoundRobin

SALES = Pipeline("sales", [Stage("new")])
SHOP = Organisation([Person("ann")], [Group("north", members=["ann"])])

ENGINES: dict[str, tuple[dict[str, Any], str]] = {
    "people without an organisation": (
        {"organisation": ["ann"]},
        r"organisation: \['ann'\] is no Organisation",
    ),
    "a country for keys": ({"keys": "GB"}, "keys: 'GB' is no KeyPolicy"),
    "a word for a source": ({"sources": ["x"]}, r"sources\[0\]: 'x' is no Source"),
    "one source": ({"sources": Source(id="x")}, "sources: Source.* is no list of sources"),
    "one word": ({"sources": "x"}, "sources: 'x' is no list of sources"),
}


@pytest.mark.parametrize(("given", "told"), ENGINES.values(), ids=ENGINES)
def test_what_an_engine_cannot_use_is_refused(given: dict[str, Any], told: str) -> None:
    """The error names the argument."""
    with pytest.raises(DefinitionError, match=told):
        Engine(SALES, **given)


RULES: dict[str, tuple[Callable[[], Any], str]] = {
    "a number for a group": (lambda: RoundRobin(5), "group"),  # type: ignore[arg-type]
    "no group": (lambda: Quota(""), "group"),
    "no group of the least busy": (lambda: LeastBusy(None), "group"),  # type: ignore[arg-type]
    "a word for rules": (lambda: FirstOf("x"), "rules: 'x' is no list of rules"),  # type: ignore[arg-type]
    "no rules": (lambda: FirstOf([]), "rules: there is none"),
    "a word for a rule": (lambda: FirstOf(["x"]), "rules: 'x' is no sharing rule"),  # type: ignore[list-item]
    "a class for a rule": (lambda: FirstOf([PersonalManager]), "is no sharing rule"),  # type: ignore[list-item]
}


@pytest.mark.parametrize(("made", "told"), RULES.values(), ids=RULES)
def test_a_rule_that_cannot_work_is_refused(made: Callable[[], Any], told: str) -> None:
    """When it is made."""
    with pytest.raises(InputError, match=told):
        made()


def test_a_source_takes_rules_only() -> None:
    """The name of a group is no rule."""
    wrong: Any = "north"
    with pytest.raises(DefinitionError, match="sharing: 'north' is no sharing rule"):
        Source(id="site", sharing=wrong)


@pytest.mark.parametrize("rule", [RoundRobin("nort"), FirstOf([PersonalManager(), Quota("nort")])])
def test_a_group_that_is_not_there_is_told_with_the_engine(rule: Any) -> None:
    """Wherever in the rule it stands, with the one that was meant."""
    site = Source(id="site", sharing=rule)
    told = r"sources\.site\.sharing: there is no group 'nort' \(did you mean 'north'"
    with pytest.raises(DefinitionError, match=told):
        Engine(SALES, organisation=SHOP, sources=[site])
