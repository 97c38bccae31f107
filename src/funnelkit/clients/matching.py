"""Which records may be the same as this one, why, and how sure: candidates; and groups of duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from funnelkit.clients.rules import DEFAULT_RULES, FuzzyNames, MatchRule, Rules, similarity
from funnelkit.errors import InputError, shown
from funnelkit.keys.policy import KeyPolicy, family_of, keys_of
from funnelkit.records import Record

__all__ = [
    "NOISE",
    "Candidate",
    "Candidates",
    "Noise",
    "Reason",
    "candidates",
    "checked_rules",
    "groups",
    "top",
]

NOISE = 20
"""A key that finds more records than this says nothing about any of them."""

Ident = tuple[type, str]


@attrs.frozen
class Reason:
    """One rule that matched, with what it matched by.

    >>> print(Reason("same e-mail", 1.0, ("email:ada@example.org",)))
    same e-mail: ada@example.org (1.00)
    """

    rule: str
    score: float
    by: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule}: {', '.join(map(_said, self.by))} ({self.score:.2f})"


def _said(key: str) -> str:
    """Return what a key says without the name of its family: ``"inn 7701"`` for ``"id:inn:7701"``."""
    family = family_of(key)
    return (key[len(family) + 1 :] if family else key).replace(":", " ", family == "id")


@attrs.frozen
class Noise:
    """A key that finds too many records of a kind to mean anything. It was not used for them.

    >>> print(Noise("domain:example.com", 20, "contact"))
    domain:example.com finds more than 20 contacts and was not used for them
    """

    key: str
    limit: int
    kind: str

    def __str__(self) -> str:
        return f"{self.key} finds more than {self.limit} {plural(self.kind)} and was not used for them"


def plural(kind: str) -> str:
    """Return what several records of a kind are called."""
    return "companies" if kind == "company" else f"{kind}s"


@attrs.frozen
class Candidate:
    """A record that may be the same, with every rule that says so, the surest first.

    ``score`` is that of the surest rule.

    >>> from funnelkit import Engine
    >>> ada = Engine().create_contact("Ada Lovelace", id="c1")
    >>> print(Candidate(ada, 1.0, (Reason("same phone", 0.95, ("phone:+442079460000",)),)))
    1.00 contact 'Ada Lovelace' (c1): same phone: +442079460000 (0.95)
    """

    record: Record
    score: float
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        why = "; ".join(map(str, self.reasons))
        return f"{self.score:.2f} {_kind(self.record)} {shown(self.record.name)} ({self.record.id}): {why}"


@attrs.frozen
class Candidates:
    """What may be the same as a record: the surest first, then the oldest, then by id.

    >>> from funnelkit import Engine
    >>> print(Candidates(Engine().create_contact("Ada Lovelace", id="c1")))
    nothing is known that may be 'Ada Lovelace' (c1)
    """

    inquiry: Record
    candidates: tuple[Candidate, ...] = ()
    noise: tuple[Noise, ...] = ()

    @property
    def best(self) -> Candidate | None:
        """The first candidate, or None."""
        return self.candidates[0] if self.candidates else None

    def __bool__(self) -> bool:
        return bool(self.candidates)

    def __len__(self) -> int:
        return len(self.candidates)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def __str__(self) -> str:
        who = f"{shown(self.inquiry.name)} ({self.inquiry.id})"
        count = len(self.candidates)
        head = f"{count} may be {who}:" if count else f"nothing is known that may be {who}"
        return "\n".join(
            [head, *(f"  {item}" for item in self.candidates), *(f"  {item}" for item in self.noise)]
        )


def candidates(
    inquiry: Record,
    found: Mapping[str, Sequence[Record]],
    rules: Rules = DEFAULT_RULES,
    policy: KeyPolicy | None = None,
    *,
    noise: int = NOISE,
    company_name: str = "",
) -> Candidates:
    """Return the records that may be the same as one, each with its reasons.

    Args:
        inquiry: A lead, a contact or a company, stored or not.
        found: Key → the records that a store knows by it; keys as from `keys_of` under the same
            policy. To tell noise, at most ``noise`` + 2 records of a kind are needed. Records that
            were merged into others are passed over: give the ones that stand for them.
        rules: `MatchRule` and `FuzzyNames`.
        policy: How keys are made.
        noise: A key that finds more records of a kind than this, the inquiry itself not counted, is
            not used for that kind: who asked often is found as a contact still.
        company_name: The name of a contact's company.

    Raises:
        InputError: An argument is something else.
        MissingExtraError: A rule of `FuzzyNames` without `rapidfuzz`.

    >>> from funnelkit import Engine, templates
    >>> engine = Engine(templates.lead_intake())
    >>> ada = engine.create_contact("Ada Lovelace", email="ada@acme.example", id="c1")
    >>> lead = engine.capture("Ada L.", email="ada@ACME.example", id="l1")
    >>> print(candidates(lead, {key: [ada] for key in keys_of(ada)}))
    1 may be 'Ada L.' (l1):
      1.00 contact 'Ada Lovelace' (c1): same e-mail: ada@acme.example (1.00); same mail domain: acme.example \
(0.30)
    """
    _check(found, rules, noise)
    keys = keys_of(inquiry, policy or KeyPolicy(), company_name=company_name)
    known, shared, loud = _shared(inquiry, keys, found, noise)
    names = {rule: rule.text_of(inquiry, company_name) for rule in rules if isinstance(rule, FuzzyNames)}
    matches = [
        Candidate(record, reasons[0].score, reasons)
        for ident, record in known.items()
        if (reasons := _reasons(rules, names, record, shared[ident]))
    ]
    matches.sort(key=lambda match: (-match.score, match.record.created_at, match.record.id))
    return Candidates(inquiry, tuple(matches), tuple(Noise(key, noise, kind) for key, kind in loud))


def _kind(record: Record) -> str:
    return type(record).__name__.lower()


def _check(found: object, rules: object, noise: object) -> None:
    if not isinstance(found, Mapping):
        raise InputError("found", f"{shown(found)} is no mapping", "give key → records")
    checked_rules(rules)
    if isinstance(noise, bool) or not isinstance(noise, int) or noise < 1:
        raise InputError("noise", f"{shown(noise)} is no number of records", "at least 1")


def checked_rules(rules: object) -> Rules:
    """Return matching rules.

    Raises:
        InputError: Something else.
        MissingExtraError: A rule of `FuzzyNames` without `rapidfuzz`.
    """
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise InputError("rules", f"{shown(rules)} is no list of rules")
    for index, rule in enumerate(rules):
        if not isinstance(rule, MatchRule | FuzzyNames):
            raise InputError(f"rules[{index}]", f"{shown(rule)} is no rule", "give MatchRule or FuzzyNames")
        if isinstance(rule, FuzzyNames):
            similarity()  # say so now, and not only when there is somebody to compare with
    return rules


def _shared(
    inquiry: Record, keys: tuple[str, ...], found: Mapping[str, Sequence[Record]], noise: int
) -> tuple[dict[Ident, Record], dict[Ident, list[str]], list[tuple[str, str]]]:
    """Return the records found, the sorted keys that each shares with the inquiry, and the noise."""
    known: dict[Ident, Record] = {}
    shared: dict[Ident, list[str]] = {}
    loud = []
    itself = (type(inquiry), inquiry.id)
    for key in keys:
        records = _records(key, found.get(key, ()))
        records.pop(itself, None)
        many = {kind for kind, count in Counter(kind for kind, _ in records).items() if count > noise}
        loud += [(key, kind.__name__.lower()) for kind in many]
        for ident, record in records.items():
            if ident[0] not in many:
                known.setdefault(ident, record)
                shared.setdefault(ident, []).append(key)
    return known, shared, sorted(loud)


def _records(key: str, records: object) -> dict[Ident, Record]:
    if not isinstance(records, Sequence) or isinstance(records, str):
        raise InputError(f"found[{shown(key)}]", f"{shown(records)} is no list of records")
    for record in records:
        if not isinstance(record, Record):
            raise InputError(f"found[{shown(key)}]", f"{shown(record)} is no record")
    return {(type(record), record.id): record for record in records if not record.replaced_by}


def _reasons(
    rules: Rules, names: Mapping[FuzzyNames, str], record: Record, shared: list[str]
) -> tuple[Reason, ...]:
    """Return why a record may be the same, the surest reason first."""
    reasons = [
        _similar(rule, names[rule], record, shared) if isinstance(rule, FuzzyNames) else _same(rule, shared)
        for rule in rules
        if _kind(record) in rule.kinds
    ]
    return tuple(sorted(filter(None, reasons), key=lambda reason: (-reason.score, reason.rule, reason.by)))


def _same(rule: MatchRule, shared: list[str]) -> Reason | None:
    by: list[str] = []
    for family in rule.keys:
        agreeing = [key for key in shared if key.startswith(f"{family}:")]
        if not agreeing:
            return None
        by += agreeing
    return Reason(rule.name, rule.score, tuple(by))


def _similar(rule: FuzzyNames, name: str, record: Record, shared: list[str]) -> Reason | None:
    if not any(key.startswith("word:") for key in shared):
        return None
    other = rule.text_of(record)
    similar = rule.similarity(name, other)
    return Reason(rule.name, rule.score * similar, (f"{name} ~ {other}",)) if similar else None


def groups(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of duplicates that pairs of ids make up: whoever is linked is in one group.

    Each group is sorted, and the groups by their first id. A pair of one id with itself says nothing.

    Raises:
        InputError: Something that is no pair of ids.

    >>> groups([("a", "b"), ("c", "d"), ("d", "e"), ("b", "a")])
    (('a', 'b'), ('c', 'd', 'e'))
    """
    above: dict[str, str] = {}
    for pair in pairs:
        if not isinstance(pair, tuple | list) or [isinstance(id, str) for id in pair] != [True, True]:
            raise InputError("pairs", f"{shown(pair)} is no pair of ids", 'give ("a", "b")')
        one, other = top(above, pair[0]), top(above, pair[1])
        if one != other:
            above[max(one, other)] = min(one, other)
    together: dict[str, list[str]] = {}
    for id in sorted(above):
        together.setdefault(top(above, id), []).append(id)
    return tuple((top, *below) for top, below in sorted(together.items()))


def top(above: dict[str, str], id: str) -> str:
    """Return the least id of the group; halve the way there."""
    while id in above:
        over = above[id]
        if over in above:
            above[id] = above[over]
        id = over
    return id
