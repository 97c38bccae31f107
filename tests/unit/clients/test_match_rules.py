"""Matching rules are data that is checked when it is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.clients import DEFAULT_RULES, FuzzyNames, MatchRule
from funnelkit.errors import DefinitionError, MissingExtraError


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"keys": ()}, "keys"),
        ({"keys": 7}, "keys"),
        ({"keys": ("emial",)}, "keys"),
        ({"keys": (["email"],)}, "keys"),
        ({"keys": ("id:",)}, "keys"),
        ({"keys": ("email:ada",)}, "keys"),
        ({"kinds": ()}, "kinds"),
        ({"kinds": 7}, "kinds"),
        ({"kinds": [["lead"]]}, "kinds"),
        ({"kinds": ("deal",)}, "kinds"),
        ({"score": 0}, "score"),
        ({"score": 80}, "score"),
        ({"score": True}, "score"),
        ({"score": float("nan")}, "score"),
        ({"score": "1"}, "score"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(fields: dict[str, Any], where: str) -> None:
    """The mistake is named with the field that it stands in."""
    with pytest.raises(DefinitionError, match=f": {where}: "):
        MatchRule(**{"name": "mine", "keys": "email", **fields})


def test_a_misspelt_family_is_suggested() -> None:
    """The error says what was most likely meant."""
    with pytest.raises(DefinitionError, match="did you mean 'email'"):
        MatchRule("mine", "emial")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": 90}, "threshold"),
        ({"threshold": None}, "threshold"),
        ({"of": "phone"}, "of"),
        ({"of": ["name"]}, "of"),
        ({"kinds": "deal"}, "kinds"),
        ({"score": 2}, "score"),
        ({"name": None}, "name"),
    ],
)
def test_a_rule_of_similar_names_that_cannot_work_is_refused(fields: dict[str, Any], where: str) -> None:
    """The mistake is named with the field that it stands in."""
    with pytest.raises(DefinitionError, match=f": {where}: "):
        FuzzyNames(**fields)


def test_the_default_rules_are_the_surest_first() -> None:
    """The rules that come by default have names of their own and stand by their scores."""
    scores = [rule.score for rule in DEFAULT_RULES]
    assert scores == sorted(scores, reverse=True)
    assert len({rule.name for rule in DEFAULT_RULES}) == len(DEFAULT_RULES)


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("ada lovelace", "ada lovelace", 1.0),
        # One letter is taken out and another put in, of 24: 1 - 2/24.
        ("ada lovelace", "ada lovelase", 22 / 24),
        # One letter is put in, of 25: 1 - 1/25.
        ("ada lovelace", "ada lovellace", 24 / 25),
        ("ada lovelace", "ada bronte", 0.0),
        ("", "", 0.0),
    ],
)
def test_similarity_counts_letters_taken_out_and_put_in(one: str, other: str, share: float) -> None:
    """The similarity is 1 - d/n of the insertions and deletions, and nothing below the threshold."""
    pytest.importorskip("rapidfuzz", reason="the extra 'clients' is not installed")
    assert FuzzyNames(threshold=0.9).similarity(one, other) == pytest.approx(share)


@given(one=st.text("abc ", max_size=12), other=st.text("abc ", max_size=12))
def test_similarity_is_the_same_both_ways(one: str, other: str) -> None:
    """Which of two names comes first does not matter."""
    pytest.importorskip("rapidfuzz", reason="the extra 'clients' is not installed")
    rule = FuzzyNames(threshold=0.5)
    assert rule.similarity(one, other) == rule.similarity(other, one)


@pytest.mark.usefixtures("bare")
def test_without_the_package_it_is_said_what_to_install() -> None:
    """A rule of similar names can be written, and says what it lacks when it is used."""
    with pytest.raises(MissingExtraError, match=r"pip install 'funnelkit\[clients\]'"):
        FuzzyNames().similarity("ada", "ada")
