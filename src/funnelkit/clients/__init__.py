"""Who is this? Normalised keys, matching rules as data, candidates with their reasons."""

from funnelkit.clients import schemes
from funnelkit.clients.matching import Candidate, Candidates, Noise, Reason, candidates, groups
from funnelkit.clients.rules import DEFAULT_RULES, FuzzyNames, MatchRule
from funnelkit.keys.normal import (
    ALIASES,
    Normalisation,
    company_key,
    email_key,
    name_key,
    normalisation,
)
from funnelkit.keys.phones import phone_key
from funnelkit.keys.policy import FAMILIES, PUBLIC_DOMAINS, KeyPolicy, family_of, keys_of

__all__ = [
    "ALIASES",
    "DEFAULT_RULES",
    "FAMILIES",
    "PUBLIC_DOMAINS",
    "Candidate",
    "Candidates",
    "FuzzyNames",
    "KeyPolicy",
    "MatchRule",
    "Noise",
    "Normalisation",
    "Reason",
    "candidates",
    "company_key",
    "email_key",
    "family_of",
    "groups",
    "keys_of",
    "name_key",
    "normalisation",
    "phone_key",
    "schemes",
]
