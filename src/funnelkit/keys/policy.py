"""What a record is known by: keys that a store can index, the same for the same person or company."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import attrs

from funnelkit.errors import DefinitionError, InputError, shown
from funnelkit.keys.normal import (
    ALIASES,
    company_words,
    email_key,
    words_of,
)
from funnelkit.keys.phones import phone_key, region_problem
from funnelkit.records import Company, Contact, FrozenMapping, Lead, Record
from funnelkit.serial import Problem, did_you_mean

__all__ = ["FAMILIES", "PUBLIC_DOMAINS", "KeyPolicy", "family_of", "keys_of"]

FAMILIES = {
    "email": "the same e-mail address",
    "phone": "the same phone number",
    "id": "the same identifier, such as a tax number",
    "name": "the same name of a person",
    "company": "the same name of a company",
    "domain": "the same mail domain, public ones left out",
    "word": "a word of the name, to find similar ones",
}
"""What stands before the first colon of a key, and what it says."""

_PUBLIC = (
    "gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de ymail.com rocketmail.com "
    "outlook.com outlook.de outlook.fr hotmail.com hotmail.co.uk hotmail.fr hotmail.de live.com msn.com "
    "icloud.com me.com mac.com aol.com proton.me protonmail.com pm.me tutanota.com tuta.io "
    "fastmail.com fastmail.fm zoho.com zohomail.com gmx.com gmx.net gmx.de gmx.at gmx.ch web.de "
    "t-online.de freenet.de mail.com hey.com duck.com "
    "mail.ru bk.ru inbox.ru list.ru internet.ru xmail.ru yandex.ru yandex.com yandex.by yandex.kz ya.ru "
    "yandex.ua narod.ru rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru "
    "ukr.net i.ua meta.ua tut.by mail.kz "
    "qq.com 163.com 126.com sina.com foxmail.com naver.com daum.net hanmail.net "
    "orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it tiscali.it "
    "wp.pl o2.pl onet.pl interia.pl seznam.cz email.cz centrum.cz abv.bg "
    "comcast.net verizon.net att.net sbcglobal.net btinternet.com sky.com virginmedia.com "
    "uol.com.br bol.com.br terra.com.br rediffmail.com"
)
PUBLIC_DOMAINS = frozenset(_PUBLIC.split())
"""Domains where anybody can have a mailbox: they say nothing about a company."""

_COMMON = (
    "and the for von van der den del group holding company shop store trade service services solutions "
    "international global mrs miss "
    "для группа компания холдинг торговый торговая дом магазин центр сервис завод фирма предприятие"
)
_COMMON_WORDS = frozenset(_COMMON.split())
"""Words of too many names to find anybody by."""

_SHORTEST_WORD = 3
_LONGEST_IDENTIFIER = 64  # characters of a text, bits of a number: what is longer is something else
_NAME = re.compile("[a-z][a-z0-9_]*")
_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:www\.)?([^/?#:@\s]+\.[^/?#:@\s.]+)(?:[:/?#].*)?", re.IGNORECASE | re.DOTALL
)

Path = tuple[str, ...]


def _frozen(value: object) -> Any:
    return FrozenMapping(value) if isinstance(value, Mapping) else value


def _domains(value: object) -> Any:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        return value
    return frozenset(item.strip().lower() if isinstance(item, str) else item for item in value)


@attrs.frozen(kw_only=True)
class KeyPolicy:
    """How keys are made. Keys made under one policy cannot be compared with those of another.

    Attributes:
        region: Two letters of ISO 3166 for phone numbers without a country code, or ``""``.
        aliases: One of `funnelkit.clients.ALIASES`: when two e-mail addresses are one mailbox.
        public_domains: Domains of mail that say nothing about a company.
        identifiers: Name of an identifier → the custom field that holds it, as text or as a whole
            number.
        website: The custom field of companies that holds their web address, or ``""``.

    Raises:
        DefinitionError: Something of it cannot work; every problem is named.

    >>> policy = KeyPolicy(region="RU", aliases="plus", identifiers={"inn": "custom.inn"})
    >>> policy.region, policy.identifiers
    ('RU', {'inn': 'custom.inn'})
    """

    region: str = ""
    aliases: str = "case"
    public_domains: frozenset[str] = attrs.field(default=PUBLIC_DOMAINS, converter=_domains, repr=False)
    identifiers: Mapping[str, str] = attrs.field(default=FrozenMapping(), converter=_frozen)
    website: str = ""
    paths: tuple[tuple[str, Path], ...] = attrs.field(init=False, eq=False, repr=False)
    """Prefix of each identifier's keys, and where in ``custom`` it stands."""

    def __attrs_post_init__(self) -> None:
        problems = [*_plain_problems(self), *_field_problems(self)]
        if problems:
            raise DefinitionError("key policy", problems)
        paths = tuple((f"id:{name}:", _path(self.identifiers[name])) for name in sorted(self.identifiers))
        object.__setattr__(self, "paths", paths)


def _plain_problems(policy: KeyPolicy) -> list[Problem]:
    problems = []
    if policy.region != "" and (problem := region_problem(policy.region)):
        problems.append(Problem("region", problem, 'write "GB", "RU", "US", …'))
    if not isinstance(policy.aliases, str) or policy.aliases not in ALIASES:
        mend = did_you_mean(policy.aliases, ALIASES)
        problems.append(Problem("aliases", f"{shown(policy.aliases)} is no alias policy", mend))
    domains: object = policy.public_domains
    if not isinstance(domains, frozenset) or not all(isinstance(domain, str) for domain in domains):
        mend = 'give {"gmail.com", "mail.ru"}'
        problems.append(Problem("public_domains", f"{shown(domains)} is no set of domains", mend))
    return problems


def _field_problems(policy: KeyPolicy) -> list[Problem]:
    problems = []
    fields: list[tuple[str, object]] = [("website", policy.website)] if policy.website != "" else []
    if not isinstance(policy.identifiers, Mapping):
        mend = 'give {"inn": "custom.inn"}'
        problems.append(Problem("identifiers", f"{shown(policy.identifiers)} is no mapping", mend))
    else:
        for name, field in policy.identifiers.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                mend = "small Latin letters, digits and _"
                problems.append(Problem("identifiers", f"{shown(name)} cannot name an identifier", mend))
            fields.append((f"identifiers[{shown(name)}]", field))
    for where, value in fields:
        if not isinstance(value, str) or not value.startswith("custom.") or not all(_path(value)):
            problems.append(Problem(where, f"{shown(value)} is no custom field", 'write "custom.inn"'))
    return problems


def _path(field: str) -> Path:
    return tuple(field.split(".")[1:])


_DEFAULT = KeyPolicy()


def family_of(key: str) -> str:
    """Return what kind of key it is, one of `FAMILIES`; ``""`` if it is no key.

    >>> family_of("email:ada@example.org"), family_of("ada")
    ('email', '')
    """
    family, colon, _ = key.partition(":")
    return family if colon and family in FAMILIES else ""


def keys_of(record: Record, policy: KeyPolicy = _DEFAULT, *, company_name: str = "") -> tuple[str, ...]:
    """Return the keys that a lead, a contact or a company is known by, sorted.

    A lead's keys speak of its person and of its company. A contact holds no more than the id of its
    company, so whoever knows the name can give it.

    Args:
        record: A lead, a contact or a company.
        policy: How keys are made.
        company_name: The name of a contact's company.

    Raises:
        InputError: Another record, a policy that is none, or a company name that is no text.

    >>> from funnelkit import Engine
    >>> ada = Engine().create_contact("Ada Lovelace", email="ada@acme.example", custom={"vat": "GB 123"})
    >>> for key in keys_of(ada, KeyPolicy(identifiers={"vat": "custom.vat"}), company_name="Acme Ltd"):
    ...     print(key)
    company:acme
    domain:acme.example
    email:ada@acme.example
    id:vat:gb123
    name:ada lovelace
    word:ada
    word:lovelace
    """
    if not isinstance(policy, KeyPolicy):
        raise InputError("policy", f"{shown(policy)} is no KeyPolicy")
    if not isinstance(company_name, str):
        raise InputError("company_name", f"{shown(company_name)} is not text")
    keys: set[str] = set()
    if isinstance(record, Lead):
        _person_keys(record, policy, keys)
        _company_keys(record.company_name or company_name, keys, words=True)
    elif isinstance(record, Contact):
        _person_keys(record, policy, keys)
        _company_keys(company_name, keys, words=False)
    elif isinstance(record, Company):
        _company_keys(record.name, keys, words=True)
        if policy.website and (host := _host(record.custom, _path(policy.website))):
            _domain_key(host, policy, keys)
    else:
        raise InputError("record", f"{shown(record)} has no keys", "give a lead, a contact or a company")
    if record.custom:
        for prefix, path in policy.paths:
            keys.update(prefix + text for text in _identifiers(record.custom, path))
    return tuple(sorted(keys))


def _person_keys(record: Lead | Contact, policy: KeyPolicy, keys: set[str]) -> None:
    if record.email and (email := email_key(record.email, policy.aliases)):
        keys.add(f"email:{email}")
        _domain_key(email.rpartition("@")[2], policy, keys)
    if record.phone and (phone := phone_key(record.phone, policy.region)):
        keys.add(f"phone:{phone}")
    if words := words_of(record.name):
        words.sort()
        keys.add("name:" + " ".join(words))
        _word_keys(words, keys)


def _company_keys(name: str, keys: set[str], *, words: bool) -> None:
    if name and (found := company_words(name)):
        keys.add("company:" + " ".join(found))
        if words:
            _word_keys(found, keys)


def _word_keys(words: list[str], keys: set[str]) -> None:
    keys.update(
        ["word:" + word for word in words if len(word) >= _SHORTEST_WORD and word not in _COMMON_WORDS]
    )


def _domain_key(domain: str, policy: KeyPolicy, keys: set[str]) -> None:
    if domain not in policy.public_domains:
        keys.add(f"domain:{domain}")


def _at(custom: FrozenMapping, path: Path) -> Any:
    value: Any = custom
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _identifiers(custom: FrozenMapping, path: Path) -> list[str]:
    """Return each identifier that a custom field holds, in letters and digits alone."""
    value = _at(custom, path)
    values = value if isinstance(value, tuple) else (value,)
    return [text for item in values if (text := _identifier(item))]


def _identifier(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if (len(value) if isinstance(value, str) else value.bit_length()) > _LONGEST_IDENTIFIER:
        return ""
    text = str(value)
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join([letter for letter in text if letter.isalnum()])


def _host(custom: FrozenMapping, path: Path) -> str:
    """Return the domain of a web address, as it would stand in an e-mail address."""
    value = _at(custom, path)
    found = _HOST.fullmatch(value.strip()) if isinstance(value, str) else None
    return email_key(f"x@{found[1]}").rpartition("@")[2] if found else ""
