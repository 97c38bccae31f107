"""One spelling for what is written in many ways: e-mails, names of people and of companies.

Each function returns normalised text, or ``""`` when there is nothing that could tell two records
apart. None of them raises on what people type, and each leaves its own answer as it is. Without the
extra ``clients`` e-mails are matched exactly after trimming; `normalisation` says so.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import import_module
from typing import Any

import attrs

from funnelkit.errors import InputError, shown
from funnelkit.serial import did_you_mean

__all__ = [
    "ALIASES",
    "Normalisation",
    "company_key",
    "email_key",
    "name_key",
    "normalisation",
]

ALIASES = {
    "keep": "every address stands for itself",
    "case": "letters before the @ are the same large or small",
    "plus": "besides, what follows a plus sign is dropped",
    "providers": "like case, plus and dots where a known provider of mail ignores them; else like keep",
}
"""How far two spellings of an e-mail address may differ and still be one mailbox."""

_WITH_PLUS = (
    "outlook.com hotmail.com live.com msn.com icloud.com me.com mac.com fastmail.com "
    "proton.me protonmail.com yandex.ru yandex.com ya.ru"
)
_PROVIDERS: dict[str, tuple[str, bool]] = {
    "gmail.com": ("gmail.com", True),
    "googlemail.com": ("gmail.com", True),
    **{domain: (domain, False) for domain in _WITH_PLUS.split()},
}
"""Domain of a provider that knows plus tags → the domain to use, and whether dots mean nothing."""

_UNSEEN = "\u200b\u200e\u200f\u2060\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_EMAIL = re.compile(
    r"([a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+)*)"
    r"@([a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*)"
)
"""Addresses of ASCII that `email_validator` accepts, if no label of the domain holds ``--``."""
_RFC_2142 = (
    "info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp"
)
_ROLES = frozenset(_RFC_2142.split())
"""Mailboxes whose names RFC 2142 wants read the same in large and small letters."""
_EMAIL_LIMIT = 254  # RFC 5321 4.5.3.1.3, as email_validator counts it

# -- what is installed ------------------------------------------------------------------------------


@cache
def optional(package: str) -> Any:
    """Return an optional package, looked for once; None if it is not installed."""
    try:
        return import_module(package)
    except ImportError:
        return None


@attrs.frozen
class Normalisation:
    """What is in force here: which optional packages of the extra ``clients`` are installed.

    >>> print(Normalisation(emails=True, phones=False, names=True))
    e-mails: syntax checked, international domains in one spelling
    phones: exact matching after trimming; pip install 'funnelkit[clients]' for E.164
    names: exact after normalising, and similar ones by FuzzyNames
    """

    emails: bool
    phones: bool
    names: bool

    def __str__(self) -> str:
        more = "pip install 'funnelkit[clients]' for"
        return "\n".join(
            (
                "e-mails: syntax checked, international domains in one spelling"
                if self.emails
                else f"e-mails: exact matching after trimming; {more} a check of their syntax",
                "phones: E.164, numbers without a country code by the region of the policy"
                if self.phones
                else f"phones: exact matching after trimming; {more} E.164",
                "names: exact after normalising, and similar ones by FuzzyNames"
                if self.names
                else f"names: exact after normalising; {more} similar ones",
            )
        )


def normalisation() -> Normalisation:
    """Return what is in force, to be shown to people.

    >>> str(normalisation()).count(":") >= 3
    True
    """
    return Normalisation(
        emails=optional("email_validator") is not None,
        phones=optional("phonenumbers") is not None,
        names=optional("rapidfuzz") is not None,
    )


def typed(value: object, argument: str) -> str:
    """Return ``value`` if it is text; raises InputError if not."""
    if not isinstance(value, str):
        raise InputError(argument, f"{shown(value)} is not text")
    return value


# -- e-mails ----------------------------------------------------------------------------------------


def email_key(text: str, aliases: str = "keep") -> str:
    """Return an e-mail address as it is compared, or ``""`` if it is none.

    The domain is in small letters. With `email_validator` the syntax is checked and a domain of
    ``xn--`` labels is spelt out; whether mail can be delivered is not asked.

    Args:
        text: What was typed.
        aliases: One of `ALIASES`.

    Raises:
        InputError: Not text, or no such alias policy.

    >>> email_key(" ada.lovelace+news@Example.ORG ")
    'ada.lovelace+news@example.org'
    >>> email_key("Ada.Lovelace+news@googlemail.com", aliases="providers")
    'adalovelace@gmail.com'
    >>> email_key("no at sign")
    ''
    """
    if not isinstance(aliases, str) or aliases not in ALIASES:
        raise InputError("aliases", f"{shown(aliases)} is no alias policy", did_you_mean(aliases, ALIASES))
    address = _address(typed(text, "email").strip())
    return address if aliases == "keep" or not address else _without_alias(address, aliases)


def _address(text: str) -> str:
    if not text.isprintable():
        text = text.strip(_UNSEEN).strip()
    plain = _EMAIL.fullmatch(text)
    if plain and "--" not in plain[2] and len(text) <= _EMAIL_LIMIT:
        return text if text.islower() else _small_domain(*plain.groups())
    library = optional("email_validator")
    if library is not None:
        return _checked(library, text)
    local, _, domain = text.rpartition("@")
    if not local or not domain or "@" in local or " " in text or not text.isprintable():
        return ""
    return _small_domain(local, domain)


def _small_domain(local: str, domain: str) -> str:
    return f"{local.lower() if local.lower() in _ROLES else local}@{domain.lower()}"


def _checked(library: Any, text: str) -> str:
    try:
        address = library.validate_email(text, check_deliverability=False, globally_deliverable=False)
    except library.EmailNotValidError:
        return ""
    return str(address.normalized)


def _without_alias(address: str, aliases: str) -> str:
    local, _, domain = address.rpartition("@")
    dots = False
    if aliases == "providers":
        if domain not in _PROVIDERS:
            return address
        domain, dots = _PROVIDERS[domain]
    local = unicodedata.normalize("NFC", local.lower())
    if aliases != "case":
        bare = local.partition("+")[0]
        local = bare if bare and not bare.endswith(".") else local
    return f"{local.replace('.', '') if dots else local}@{domain}"


# -- names ------------------------------------------------------------------------------------------

_JOINED = "'\u2019\u02bc\u2018`"  # apostrophes: O'Brien is one word
_COMMON = re.compile("[\\x00-\\x7f\u00c0-\u00ff\u0400-\u045f\u00a0«»–—“”„’№]*")
"""Letters of Western and Slavic names, none of which changes by what stands beside it."""

_FORMS = (
    "ag,bv,co,company,corp,corporation,doo,eood,gbr,gmbh,inc,incorporated,jsc,kg,limited,llc,llp,lp,ltd,"
    "nv,ohg,ojsc,oy,oyj,pjsc,plc,pte,pty,pvt,sa,sarl,sas,sasu,sl,spa,srl,sro,too,ug,"
    "a b,a g,a s,b v,d o o,e k,g m b h,g b r,i n c,k g,l l c,l l p,l p,l t d,n v,o h g,p l c,"
    "s a,s a r l,s a s,s l,s p a,s r l,s r o,sp z o o,sp zoo,z o o,"
    "ао,зао,ип,нко,оао,одо,ооо,пао,тоо,тов,чп,чуп,фгуп,муп,гуп,ано,пк,"
    "а о,з а о,и п,о а о,о о о,п а о,т о о,"
    "общество с ограниченной ответственностью,акционерное общество,публичное акционерное общество,"
    "открытое акционерное общество,закрытое акционерное общество,индивидуальный предприниматель"
)
LEGAL_FORMS = frozenset(tuple(form.split()) for form in _FORMS.split(","))
"""Words that say what kind of company it is; at the end of a name, the Russian ones at its start too."""
_LONGEST_FORM = max(map(len, LEGAL_FORMS))


def words_of(text: str) -> list[str]:
    """Return the words of a name in one spelling: NFKC, small letters, ё as е, no punctuation."""
    if text.isascii() or _COMMON.fullmatch(text):
        return text.translate(_letters()).split()
    folded = _folded(text)
    while (again := _folded(folded)) != folded:  # a small letter can be composed of others once more
        folded = again
    return folded.split()


@cache
def _letters() -> dict[int, str]:
    """Return what each of the common characters becomes."""
    return {code: _folded(chr(code)) for code in range(0x2200) if _COMMON.fullmatch(chr(code))}


def _folded(text: str) -> str:
    small = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("ё", "е")
    kept: list[str] = []
    for letter in small:
        category = unicodedata.category(letter)
        if category[0] in "LN" or (category[0] == "M" and kept and kept[-1] != " "):
            kept.append(letter)
        elif category != "Cf" and letter not in _JOINED:  # nobody sees those of Cf: a soft hyphen
            kept.append(" ")
    return "".join(kept)


def name_key(text: str) -> str:
    """Return the name of a person as it is compared: the order of its words does not matter.

    Raises:
        InputError: Not text.

    >>> name_key("LOVELACE, Ada"), name_key("Пётр О’Нил")
    ('ada lovelace', 'онил петр')
    """
    return " ".join(sorted(words_of(typed(text, "name"))))


def company_words(text: str) -> list[str]:
    """Return the words of a company's name without its legal form; all of them if it has no others."""
    words = words_of(text)
    while shorter := _without_form(words):
        words = shorter
    return words


def _without_form(words: list[str]) -> list[str]:
    for length in range(min(_LONGEST_FORM, len(words)), 0, -1):
        if tuple(words[-length:]) in LEGAL_FORMS:
            return words[:-length]
        if words[0] >= "а" and tuple(words[:length]) in LEGAL_FORMS:
            return words[length:]
    return []


def company_key(text: str) -> str:
    """Return the name of a company as it is compared, without legal form and punctuation.

    Raises:
        InputError: Not text.

    >>> company_key("ООО «Ёлка»"), company_key("Acme Inc."), company_key("Müller GmbH & Co. KG")
    ('елка', 'acme', 'müller')
    """
    return " ".join(company_words(typed(text, "company_name")))
