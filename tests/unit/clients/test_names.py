"""Names of people and companies in one spelling."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.clients import company_key, name_key
from funnelkit.errors import InputError

NAMES = st.text(max_size=40) | st.text("ЁёйЙÉéß«»ООО. &GmbHSAaco'’\u0301\u00ad№²", max_size=20)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada Lovelace", "LOVELACE, Ada"),
        ("Пётр Иванов", "ИВАНОВ ПЕТР"),
        ("Пе\u0308тр", "Петр"),
        ("O'Brien", "O’BRIEN"),
        ("Анна-Мария", "мария  анна"),
        ("Jose\u0301", "José"),
        ("Love\u00adlace", "Lovelace"),
        ("Jose\u00ad\u0301", "José"),
        ("Ada \u0301Bronte", "Ada Bronte"),
        ("Straße", "STRASSE"),
        ("Ａｄａ", "ada"),
    ],
)
def test_a_person_is_known_in_every_spelling(one: str, other: str) -> None:
    """Case, ё, order of words, punctuation and the form of Unicode tell no two people apart."""
    assert name_key(one) == name_key(other) != ""


def test_accents_tell_people_apart() -> None:
    """An accent is a part of a name."""
    assert name_key("José") != name_key("Jose")


def test_a_mark_that_makes_a_syllable_stays_in_its_word() -> None:
    """A vowel sign of Devanagari does not cut a name in two."""
    assert name_key("हिन्दी") == "हिन्दी"


@pytest.mark.parametrize(
    "name",
    [
        'ООО "Ёлка"',
        "О.О.О. «Елка»",
        "Елка, ООО",
        "АО Елка",
        "ПАО «ЁЛКА»",
        "Общество с ограниченной ответственностью «Ёлка»",
        "ИП ёлка",
        "ёлка GmbH",
        "Ёлка GmbH & Co. KG",
    ],
)
def test_the_legal_form_of_a_company_falls_out(name: str) -> None:
    """A company is the same with its legal form and without it."""
    assert company_key(name) == "елка"


@pytest.mark.parametrize(
    "name",
    [
        "Acme",
        "ACME Ltd.",
        "Acme, Inc.",
        "Acme S.A.",
        "Acme LLC",
        "Acme G.m.b.H.",
        "Acme Sp. z o.o.",
        "Acme S.r.l.",
    ],
)
def test_western_forms_fall_out(name: str) -> None:
    """The forms of other countries are known, with dots and without."""
    assert company_key(name) == "acme"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("SA Brewing", "sa brewing"),
        ("Ltd", "ltd"),
        ("ООО", "ооо"),
        ("Inc Ltd", "inc"),
        ("Sp. z o.o.", "sp z o o"),
        ("Ромашка и Ко", "ромашка и ко"),
        ("!!!", ""),
        ("", ""),
    ],
)
def test_what_is_the_whole_name_stays(name: str, key: str) -> None:
    """A form in front of a Western name is a word of it, and a name is never left empty."""
    assert company_key(name) == key


def test_the_words_of_a_company_keep_their_order() -> None:
    """Home Office and Office Home are two companies."""
    assert company_key("Office Home") == "office home"


@pytest.mark.parametrize("key_of", [name_key, company_key])
@given(name=NAMES)
def test_a_key_is_its_own_key(key_of: Any, name: str) -> None:
    """Normalising twice is normalising once, and hostile text never raises."""
    assert key_of(key_of(name)) == key_of(name)


@given(name=NAMES)
def test_only_letters_digits_and_marks_are_left(name: str) -> None:
    """No key of a name holds half of a surrogate pair, a NUL or punctuation."""
    letters = name_key(name).replace(" ", "")
    assert {unicodedata.category(letter)[0] for letter in letters} <= {"L", "N", "M"}


@given(words=st.lists(st.text("abcабвё", min_size=1, max_size=5), max_size=5).flatmap(
    lambda words: st.tuples(st.just(words), st.permutations(words))
))  # fmt: skip
def test_the_order_of_words_does_not_matter(words: tuple[list[str], list[str]]) -> None:
    """Any order of the words of a person's name gives the same key."""
    assert name_key(" ".join(words[0])) == name_key(" ".join(words[1]))


@given(name=st.text("AaZzÀÿЁёЙйЇїß'’«» .,-№019_\u00a0", max_size=20))
def test_common_letters_are_treated_as_rare_ones(name: str) -> None:
    """A name of common letters has the same words when a rare letter stands beside them."""
    beside = name_key(f"{name} \u4e2d").split()
    beside.remove("\u4e2d")
    assert name_key(name).split() == beside


@pytest.mark.parametrize("key_of", [name_key, company_key])
def test_what_is_no_text_is_refused(key_of: Any) -> None:
    """None is not a name."""
    with pytest.raises(InputError, match="None is not text"):
        key_of(None)
