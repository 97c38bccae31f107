"""Look-alike letters: what no eye sees is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.tables.lookalikes import resembling, skeleton, strangers, warning

PLACES = ("new", "closed", "сделка")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("сlosed", [(1, "с", "CYRILLIC SMALL LETTER ES")]),
        ("сloѕеd", [
            (1, "с", "CYRILLIC SMALL LETTER ES"),
            (4, "ѕ", "CYRILLIC SMALL LETTER DZE"),
            (5, "е", "CYRILLIC SMALL LETTER IE"),
        ]),
        ("cделка", [(1, "c", "LATIN SMALL LETTER C")]),
        ("stage_nеw", [(8, "е", "CYRILLIC SMALL LETTER IE")]),
        ("ООО Рoмашка", [(6, "o", "LATIN SMALL LETTER O")]),
    ],
)  # fmt: skip
def test_strangers_are_named_with_their_places(text: str, found: list[tuple[int, str, str]]) -> None:
    """The letters of the other alphabet than most of the word are told, by Unicode name and place."""
    assert [(one.position, one.letter, one.name) for one in strangers(text)] == found


@pytest.mark.parametrize(
    "text", ["", "closed", "сделка", "клиент VIP", "Сбер-Tech", "Иван2", "東京 Tokyo", "ß"]
)
def test_words_of_one_alphabet_have_no_strangers(text: str) -> None:
    """Two alphabets in two words are nothing strange."""
    assert strangers(text) == ()


def test_what_was_meant_is_found_among_what_is_known() -> None:
    """A text that looks like a known one is told from one that only resembles it."""
    assert resembling("сlosed", PLACES) == "closed"
    assert resembling("cделкa", PLACES) == "сделка"
    assert resembling("closes", PLACES) == ""
    assert resembling("closed", PLACES) == ""


def test_a_whole_word_can_be_of_the_wrong_alphabet() -> None:
    """``сор`` in Cyrillic letters looks like ``cop`` in Latin ones, though nothing in it is mixed."""
    assert warning("сор", ["cop"]) == "'сор' only looks like 'cop', in letters of another alphabet"


def test_another_case_is_no_look_alike() -> None:
    """A known text in capitals is no warning."""
    assert warning("СДЕЛКА", PLACES) == ""


@given(st.text(st.sampled_from("abcehkmopqtxyавсекмнорхту_ 1"), max_size=12))
def test_swapping_look_alikes_changes_no_skeleton(text: str) -> None:
    """A text and the same with every Cyrillic letter swapped for its Latin twin look the same."""
    swapped = text.translate(str.maketrans("авсекмнорхту", "abcekmhopxty"))
    assert skeleton(text) == skeleton(swapped)


@given(st.text())
def test_strangers_stand_where_they_are_said_to(text: str) -> None:
    """Whatever the text, the letter at a named place is the letter."""
    assert all(text[one.position - 1] == one.letter for one in strangers(text))
    warning(text, PLACES)
