"""SQL that sees only a part of the tables: each table is put in brackets with a condition, or refused.

What is let through is the subset of SQL that every engine reads alike: SELECT and WITH over our own
tables, joined by JOIN, with the usual functions. Whatever else there is in a text, it is refused by
name, for a way around the condition might be hidden in it. So the list below says what is allowed,
never what is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from funnelkit.errors import InputError, shown

__all__ = ["veiled"]

_TOKENS = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    | (?P<text>'(?:[^']|'')*')
    | (?P<param>:[A-Za-z_]\w*)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<sign><>|<=|>=|!=|\|\||[-+*%=<>(),.])""",
    re.VERBOSE,
)

_CALLED = (
    "coalesce nullif count sum min max avg abs length lower upper substr replace trim round "
    "row_number rank dense_rank lag lead first_value last_value cast"
)
_FUNCTIONS = frozenset(_CALLED.split())
_KEYWORDS = (
    "select with as from join left right inner outer cross on where group by having order limit offset union "
    "all except intersect distinct case when then else end and or not in is null between like exists over "
    "partition rows unbounded preceding following current row asc desc nulls first last true false cast"
)
_WORDS = frozenset(_KEYWORDS.split())
_BEFORE_A_BRACKET = "in exists over as and or not on when then else where having select by all from join with"
_OPENS_BRACKET = frozenset(_BEFORE_A_BRACKET.split())
_AFTER_FROM = "where group having order limit offset union except intersect window"
_ENDS_FROM = frozenset(_AFTER_FROM.split())
_NEVER = "table values recursive lateral natural using into pragma"
_FORBIDDEN = frozenset(_NEVER.split())


class Place(NamedTuple):
    """Where a table stands in a text; ``alias`` is what it is called from there on, if nothing is said."""

    table: str
    alias: str


@lru_cache(maxsize=500)
def veiled(sql: str, tables: frozenset[str]) -> tuple[str | Place, ...]:
    """Return a SELECT in parts: text, and the places where its tables stand.

    Args:
        sql: One SELECT.
        tables: The tables there are; no other may be named.

    Raises:
        InputError: There is something in the text that is not on the list of what is allowed.

    >>> veiled("SELECT COUNT(*) FROM deal AS d", frozenset({"deal"}))
    ('SELECT COUNT(*) FROM ', Place(table='deal', alias=''), ' AS d')
    """
    tokens = list(_tokens(sql))
    named = {
        word.lower()
        for number, (kind, word) in enumerate(tokens)
        if kind == "word" and _is_named_query(tokens, number)
    }
    return _Reader(tokens, tables, frozenset(named)).written()


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(sql):
        found = _TOKENS.match(sql, at)
        if found is None:
            raise _refused(sql[at : at + 20])
        at = found.end()
        if found.lastgroup == "space":
            yield "space", " "
        else:
            yield str(found.lastgroup), found[0]


def _is_named_query(tokens: list[tuple[str, str]], number: int) -> bool:
    """Whether a word is a query's name: ``WITH name AS (``, or ``, name AS (``."""
    after = [token for token in tokens[number + 1 : number + 6] if token[0] != "space"][:2]
    return [text.lower() for _, text in after] == ["as", "("]


def _refused(what: str) -> InputError:
    problem = f"{shown(what)} is not allowed in a question to a part of a store"
    return InputError("sql", problem, "keep to SELECT … FROM … JOIN … over the tables of the schema")


class _Reader:
    """Reads a text word by word, and writes it anew."""

    def __init__(
        self,
        tokens: list[tuple[str, str]],
        tables: frozenset[str],
        named: frozenset[str],
    ) -> None:
        if clash := named & tables:
            raise _refused(min(clash))
        self.tokens, self.tables, self.named = tokens, tables, named
        self.levels = [False]  # for each open bracket: are we between FROM and WHERE?
        self.before = ""  # the token before, in small letters

    def written(self) -> tuple[str | Place, ...]:
        parts: list[str | Place] = [""]
        for number, (kind, text) in enumerate(self.tokens):
            part = self._word(text, number) if kind == "word" else text
            if kind == "sign":
                self._sign(text)
            if isinstance(part, Place):
                parts += [part, f" AS {part.alias}" if part.alias else ""]
            else:
                parts[-1] = f"{parts[-1]}{part}"
            if kind != "space":
                self.before = text.lower()
        return tuple(parts)

    def _sign(self, sign: str) -> None:
        if sign == "(":
            self.levels.append(False)
        elif sign == ")":
            if len(self.levels) == 1:
                raise _refused(")")
            self.levels.pop()
        elif sign == "," and self.levels[-1]:
            raise _refused(", between tables")

    def _word(self, word: str, number: int) -> str | Place:
        small, after = word.lower(), self._after(number)
        if self.before in {"from", "join"}:
            return self._table(word, after)
        if small in {"from", "join"}:
            self.levels[-1] = True
        elif small in _ENDS_FROM:
            self.levels[-1] = False
        if self.before == "in" or (self.before == "." and after == "("):
            raise _refused(word)  # IN takes a table's name, too, in some engines
        if after == "(" and self.before != ".":
            known = (
                small in _FUNCTIONS or small in _OPENS_BRACKET or small in {"from", "join", "cast", "with"}
            )
            if not known and not self._names_query(number):
                raise _refused(f"{word}(")
        elif small in {"table", "values", "recursive", "lateral", "natural", "using", "into", "pragma"}:
            raise _refused(word)
        return word

    def _table(self, word: str, after: str) -> str | Place:
        small = word.lower()
        if after in {".", "("}:
            raise _refused(f"{word}{after}")
        if small in self.named:
            return word
        if small not in self.tables:
            raise _refused(word)
        aliased = after == "as"
        if not aliased and after not in {"", ")", ","} and after not in _WORDS:
            raise _refused(f"{word} {after}")
        return Place(small, "" if aliased else small)

    def _after(self, number: int) -> str:
        for kind, text in self.tokens[number + 1 :]:
            if kind != "space":
                return text.lower()
        return ""
