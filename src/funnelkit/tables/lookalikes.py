"""Letters of two alphabets that look alike, mixed in one word: ``сlosed`` with a Cyrillic с.

Nobody sees them, no comparison finds them equal, and a stage so written is a stage of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import attrs

__all__ = ["Stranger", "resembling", "skeleton", "strangers", "warning"]

_PAIRS = (
    ("а", "a"), ("в", "b"), ("е", "e"), ("к", "k"), ("м", "m"), ("н", "h"), ("о", "o"), ("р", "p"),
    ("с", "c"), ("т", "t"), ("у", "y"), ("х", "x"), ("і", "i"), ("ј", "j"), ("ѕ", "s"), ("ԁ", "d"),
    ("ԛ", "q"), ("ԝ", "w"), ("һ", "h"), ("ӏ", "l"), ("ё", "ë"), ("ї", "ï"), ("ѵ", "v"), ("г", "r"),
)  # fmt: skip
_LATIN = {ord(cyrillic): latin for cyrillic, latin in _PAIRS}
_ALPHABETS = ("LATIN", "CYRILLIC")
_LATIN_LETTER = re.compile("[A-Za-z\u00aa-\u024f\u1e00-\u1eff\uff21-\uff5a]")
_CYRILLIC_LETTER = re.compile("[\u0400-\u052f\u1c80-\u1c8a\u2de0-\u2dff\ua640-\ua69f]")


@attrs.frozen
class Stranger:
    """A letter of another alphabet than most of its word.

    Attributes:
        position: Where it stands in the text; the first is 1.
        letter: The letter.
        name: Its name in Unicode.
        word: The word it stands in.

    >>> str(strangers("сlosed")[0])
    "'с' at 1 of 'сlosed' is CYRILLIC SMALL LETTER ES"
    """

    position: int
    letter: str
    name: str
    word: str

    def __str__(self) -> str:
        return f"{self.letter!r} at {self.position} of {self.word!r} is {self.name}"


def strangers(text: str) -> tuple[Stranger, ...]:
    """Return the Latin letters in Cyrillic words and the Cyrillic ones in Latin words.

    The alphabet of a word is the one that more of its letters can only belong to; if that is a draw,
    the one of more of its letters, and then the Latin one. Words of one alphabet have no strangers,
    whatever stands beside them.

    >>> [(one.position, one.letter) for one in strangers("клиент VIP, сlosed")]
    [(13, 'с')]
    """
    if text.isascii() or not (_LATIN_LETTER.search(text) and _CYRILLIC_LETTER.search(text)):
        return ()
    found: list[Stranger] = []
    start = 0
    for end in range(len(text) + 1):
        if end == len(text) or not (text[end].isalnum() or text[end] == "_"):
            found += _in_word(text[start:end], start)
            start = end + 1
    return tuple(found)


def _in_word(word: str, start: int) -> list[Stranger]:
    alphabets = [_alphabet(letter) for letter in word]
    if not {"LATIN", "CYRILLIC"} <= set(alphabets):
        return []
    only = {
        alphabet: sum(_only(one) for one, other in zip(word, alphabets, strict=True) if other == alphabet)
        for alphabet in _ALPHABETS
    }
    most = max(_ALPHABETS, key=lambda alphabet: (only[alphabet], alphabets.count(alphabet)))
    return [
        Stranger(start + at, letter, unicodedata.name(letter, "a letter without a name"), word)
        for at, (letter, alphabet) in enumerate(zip(word, alphabets, strict=True), 1)
        if alphabet and alphabet != most
    ]


def _alphabet(letter: str) -> str:
    name = unicodedata.name(letter, "") if letter.isalpha() else ""
    return next((alphabet for alphabet in _ALPHABETS if name.startswith(alphabet)), "")


def _only(letter: str) -> bool:
    """Whether a letter looks like none of the other alphabet."""
    small = letter.lower()
    return ord(small[0]) not in _LATIN and small not in _LATIN.values()


def skeleton(text: str) -> str:
    """Return what a text looks like: texts with one skeleton cannot be told apart by eye.

    >>> skeleton("сlosed") == skeleton("Closed"), skeleton("closed") == skeleton("chosen")
    (True, False)
    """
    return unicodedata.normalize("NFKC", text).casefold().translate(_LATIN)


def resembling(text: str, known: Iterable[str]) -> str:
    """Return the known text that another one looks exactly like, or empty.

    >>> resembling("сlosed", ["new", "closed"]), resembling("lost", ["new", "closed"])
    ('closed', '')
    """
    looks, plain = skeleton(text), text.casefold()
    return next((one for one in known if one.casefold() != plain and skeleton(one) == looks), "")


def warning(text: str, known: Iterable[str] = ()) -> str:
    """Return a sentence about the strangers in a text and what was meant, or empty.

    >>> warning("сlosed", ["new", "closed"])
    "'с' at 1 of 'сlosed' is CYRILLIC SMALL LETTER ES: 'closed' was meant"
    >>> warning("closed", ["new", "closed"])
    ''
    """
    found = strangers(text)
    like = resembling(text, known) if not text.isascii() or found else ""
    if not found:
        return f"{text!r} only looks like {like!r}, in letters of another alphabet" if like else ""
    told = "; ".join(map(str, found[:5])) + ("; …" if len(found) > 5 else "")  # noqa: PLR2004
    return f"{told}: {like!r} was meant" if like else told
