"""Matching rules: which keys two records must share to be one, and how sure that is. Data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast

import attrs

from funnelkit.errors import DefinitionError, MissingExtraError, shown
from funnelkit.keys.normal import company_key, name_key, optional
from funnelkit.keys.policy import FAMILIES
from funnelkit.records import Company, Contact, Lead, Record
from funnelkit.serial import Problem, did_you_mean

__all__ = ["CLIENT_KINDS", "DEFAULT_RULES", "FuzzyNames", "MatchRule", "Rules"]

CLIENT_KINDS = {"lead": Lead, "contact": Contact, "company": Company}
"""The records that are matched, by what they are called."""

_IDENTIFIER = re.compile("id:[a-z][a-z0-9_]*")


def _tuple(value: object) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, Iterable) else value


def _kinds(value: object) -> Any:
    try:
        return frozenset((value,)) if isinstance(value, str) else frozenset(cast("Iterable[str]", value))
    except TypeError:
        return value  # refused below


def _shared_problems(name: object, kinds: object, score: object) -> list[Problem]:
    problems = []
    if not isinstance(name, str) or not name.strip():
        problems.append(Problem("name", f"{shown(name)} is no name"))
    if not isinstance(kinds, frozenset) or not kinds:
        problems.append(Problem("kinds", f"{shown(kinds)} names no kind of record", 'write {"contact"}'))
    else:
        problems += [
            Problem("kinds", f"{shown(kind)} is not matched", did_you_mean(kind, CLIENT_KINDS))
            for kind in sorted(kinds.difference(CLIENT_KINDS), key=str)
        ]
    return problems + _share_problems("score", score)


def _share_problems(field: str, value: object) -> list[Problem]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        return [Problem(field, f"{shown(value)} is not above 0 and at most 1", "80 % is 0.8")]
    return []


@attrs.frozen
class MatchRule:
    """Records match that share a key of each of some families.

    Attributes:
        name: What explanations call it.
        keys: Families of keys, see `funnelkit.clients.FAMILIES`; of each of them one key must be
            shared. ``"id:inn"`` means that identifier alone, ``"id"`` any.
        kinds: Which records it may find: ``"lead"``, ``"contact"``, ``"company"``.
        score: How sure it is, above 0 and up to 1.

    Raises:
        DefinitionError: An unknown family or kind, or a score out of range.

    >>> MatchRule("same name and company", keys=("name", "company"), kinds="contact", score=0.8).keys
    ('name', 'company')
    """

    name: str
    keys: tuple[str, ...] = attrs.field(converter=_tuple)
    kinds: frozenset[str] = attrs.field(default=frozenset(CLIENT_KINDS), converter=_kinds, kw_only=True)
    score: float = attrs.field(default=1.0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        problems = _shared_problems(self.name, self.kinds, self.score)
        if not isinstance(self.keys, tuple) or not self.keys:
            mend = 'write ("email",)'
            problems.append(Problem("keys", f"{shown(self.keys)} names no family of keys", mend))
        else:
            problems += [
                Problem("keys", f"{shown(key)} is no family of keys", did_you_mean(key, FAMILIES))
                for key in self.keys
                if not isinstance(key, str) or (key not in FAMILIES and not _IDENTIFIER.fullmatch(key))
            ]
        if problems:
            raise DefinitionError(f"matching rule {shown(self.name)}", problems)


@attrs.frozen
class FuzzyNames:
    """Records match whose names are nearly the same; needs `rapidfuzz` once it is used.

    Two names are compared only where they share a word. The similarity is 1 − d/n: d letters would
    have to be taken out or put in to make one of the other (normalised, words sorted), n is the
    number of letters of both. A match counts ``score`` times its similarity.

    Attributes:
        threshold: The least similarity, above 0 and up to 1.
        of: Compare the names of persons (``"name"``) or of companies (``"company"``).
        name: What explanations call it; made up from ``of`` when empty.
        kinds: Which records it may find.
        score: How sure it is that two records of the very same name are one.

    Raises:
        DefinitionError: A number out of range, an unknown kind.

    >>> rule = FuzzyNames(threshold=0.9)
    >>> rule.name, rule.threshold
    ('similar name', 0.9)
    """

    threshold: float = 0.9
    of: Literal["name", "company"] = "name"
    name: str = attrs.field(default="", kw_only=True)
    kinds: frozenset[str] = attrs.field(default=frozenset(CLIENT_KINDS), converter=_kinds, kw_only=True)
    score: float = attrs.field(default=0.6, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.name == "":
            object.__setattr__(self, "name", "similar name" if self.of == "name" else "similar company name")
        problems = _shared_problems(self.name, self.kinds, self.score)
        problems += _share_problems("threshold", self.threshold)
        if self.of not in ("name", "company"):
            problems.append(Problem("of", f"{shown(self.of)} is not compared", "one of 'name', 'company'"))
        if problems:
            raise DefinitionError(f"matching rule {shown(self.name)}", problems)

    def text_of(self, record: Record, company_name: str = "") -> str:
        """Return the name of a record that this rule compares, normalised; ``""`` if it has none."""
        if self.of == "name":
            return name_key(record.name) if isinstance(record, Lead | Contact) else ""
        if isinstance(record, Company):
            return company_key(record.name)
        return company_key((record.company_name if isinstance(record, Lead) else "") or company_name)

    def similarity(self, one: str, other: str) -> float:
        """Return how similar two normalised names are, 0 to 1; 0 where it is below the threshold.

        Raises:
            MissingExtraError: `rapidfuzz` is not installed.
        """
        if not one or not other:
            return 0.0
        return float(similarity().normalized_similarity(one, other, score_cutoff=self.threshold))


def similarity() -> Any:
    """Return the comparison of `rapidfuzz`; raises `MissingExtraError` without it."""
    library = optional("rapidfuzz.distance.Indel")
    if library is None:
        raise MissingExtraError("matching of similar names", "clients")
    return library


Rules = Sequence[MatchRule | FuzzyNames]

DEFAULT_RULES: tuple[MatchRule, ...] = (
    MatchRule("same e-mail", ("email",)),
    MatchRule("same identifier", ("id",)),
    MatchRule("same phone", ("phone",), score=0.95),
    MatchRule("same name and company", ("name", "company"), score=0.8),
    MatchRule("same name and mail domain", ("name", "domain"), score=0.7),
    MatchRule("same company name", ("company",), kinds="company", score=0.6),
    MatchRule("same mail domain", ("domain",), score=0.3),
)
"""Exact keys only, the surest first. Nobody is matched by a name alone, save companies."""
