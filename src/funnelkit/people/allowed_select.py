"""SQL that sees only a part of the tables: each table is put in brackets with a condition, or refused.

What is let through is the subset of SQL that every engine reads alike: SELECT and WITH over our own
tables, joined by JOIN, with the usual functions and ``AS`` before every new name. Whatever else there
is in a text is refused, for a way around the condition might be hidden in it. So what follows says
what is allowed, never what is not.

A table can be meant in three places only, and all three are watched. Behind FROM and JOIN there is a
table of ours, a query named before, or a SELECT in brackets. Between FROM and the word that ends it
there is no comma. Behind IN there is a bracket. A statement that is not a SELECT would need two names
in a row, or a name behind a bracket, and there are none. A named query gets another name, so that
where it is not known its name means nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from funnelkit.errors import InputError, shown

__all__ = ["split_at_tables"]

_TOKENS = re.compile(
    r"""(?P<space>\s+|--[^\r\n]*)
    | (?P<text>'(?:[^'\\\0]|'')*')
    | (?P<param>:[A-Za-z_]\w*)(?![\w'])
    | (?P<number>\d+(?:\.\d+)?)(?![\w'])
    | (?P<word>[A-Za-z_]\w*)(?![\w'])
    | (?P<sign><>|<=|>=|!=|\|\||[-+*%=<>(),.])""",
    re.VERBOSE | re.ASCII,
)

_CALLED = (
    "coalesce nullif count sum min max avg abs length lower upper substr replace trim round "
    "row_number rank dense_rank lag lead first_value last_value cast"
)
_FUNCTIONS = frozenset(_CALLED.split())
_KEYWORDS = (
    "select with as from join left right inner outer cross on where group by having order limit offset union "
    "all except intersect distinct case when then else end and or not in is null between like exists over "
    "partition rows unbounded preceding following current row asc desc nulls first last true false"
)
_WORDS = frozenset(_KEYWORDS.split())
_BEFORE_A_BRACKET = "in exists over as and or not on when then else where having select by from join"
_OPENS_BRACKET = _FUNCTIONS.union(_BEFORE_A_BRACKET.split())
_ENDS_FROM = frozenset(["where", "group", "having", "order", "limit", "union", "except", "intersect"])
"""Words that no engine takes for the name of a table, so behind them FROM has ended."""

_BEFORE_A_TABLE = frozenset(["from", "join"])
_STARTS = frozenset(["select", "with"])
_QUERY = "seen_q_"
"""What named queries are called by, and no table is."""


class Place(NamedTuple):
    """Where a table stands in a text; ``alias`` is what it is called from there on, if nothing is said."""

    table: str
    alias: str


class _Token(NamedTuple):
    kind: str  # a group of _TOKENS, or "name" for a word that is no word of SQL; "" at the ends
    text: str

    @property
    def small(self) -> str:
        return self.text.lower()


_NONE = _Token("", "")
_OPERANDS = frozenset(["name", "text", "param", "number"])


@lru_cache(maxsize=500)
def split_at_tables(sql: str, tables: frozenset[str]) -> tuple[str | Place, ...]:
    """Return a SELECT in parts: text, and the places where its tables stand.

    Args:
        sql: One SELECT.
        tables: The tables there are; no other may be named.

    Raises:
        InputError: There is something in the text that is not on the list of what is allowed.

    >>> split_at_tables("SELECT COUNT(*) FROM deal AS d", frozenset({"deal"}))
    ('SELECT COUNT(*) FROM ', Place(table='deal', alias=''), ' AS d')
    """
    tokens = _tokens(sql)
    if not tokens or tokens[0].small not in _STARTS:
        raise _refused(tokens[0].text if tokens else sql)
    return _Select(tokens, tables).written()


def _tokens(sql: str) -> list[_Token]:
    """Return the words of a text, without what stands between them."""
    found, at = [], 0
    while at < len(sql):
        match = _TOKENS.match(sql, at)
        if match is None:
            raise _refused(sql[at : at + 20])
        at = match.end()
        kind, text = str(match.lastgroup), match[0]
        if kind != "space":
            found.append(_Token("name" if kind == "word" and text.lower() not in _WORDS else kind, text))
    return found


def _refused(what: str) -> InputError:
    problem = f"{shown(what)} is not allowed in a question to a part of a store"
    return InputError("sql", problem, "keep to SELECT … FROM … AS … JOIN … over the tables of the schema")


class _Level:
    """One open bracket: are we between FROM and its end, and which query does it define?"""

    def __init__(self, defines: str = "") -> None:
        self.in_from = False
        self.defines = defines


class _Select:
    """Reads a text word by word, and writes it anew."""

    def __init__(self, tokens: list[_Token], tables: frozenset[str]) -> None:
        self.tokens, self.tables = tokens, tables
        self.queries: set[str] = set()
        self.levels = [_Level()]

    def written(self) -> tuple[str | Place, ...]:
        """Return the parts."""
        parts: list[str | Place] = [""]
        for number, token in enumerate(self.tokens):
            before, after = self._at(number - 1), self._at(number + 1)
            if not self._beside(before, token) or not self._opens(number, before, token, after):
                raise _refused(f"{before.text} {token.text}".strip())
            part = self._part(number, before, token, after)
            if isinstance(part, Place):
                parts[-1] = f"{parts[-1]} "
                parts += [part, f" AS {part.alias}" if part.alias else ""]
            else:
                glued = token.text in {".", ")", ",", "("} or before.text in {"", "(", "."}
                parts[-1] = f"{parts[-1]}{'' if glued else ' '}{part}"
        return tuple(parts)

    def _at(self, number: int) -> _Token:
        return self.tokens[number] if 0 <= number < len(self.tokens) else _NONE

    def _beside(self, before: _Token, token: _Token) -> bool:
        """Whether two tokens may stand side by side."""
        named, bracket = token.kind == "name", token.text == "("
        if before.small in _BEFORE_A_TABLE or before.small == "as":
            return named or bracket
        if before.small == "in":
            return bracket
        if before.small == "with":
            return named
        if before.text == ".":
            return named or token.text == "*"
        operand = token.kind in _OPERANDS
        return not (operand and (before.kind in _OPERANDS or before.text == ")"))

    def _opens(self, number: int, before: _Token, token: _Token, after: _Token) -> bool:
        """Whether a bracket may open here; whatever is no bracket may."""
        if token.text != "(":
            return True
        if before.small in _BEFORE_A_TABLE:
            return after.small in _STARTS
        if before.small == "as":
            name, ahead = self._at(number - 2), self._at(number - 3)
            return name.kind == "name" and ahead.small in {"with", ","} and after.small in _STARTS
        called = before.small in _OPENS_BRACKET and self._at(number - 2).text != "."
        return called or before.kind not in {"name", "word"}

    def _part(self, number: int, before: _Token, token: _Token, after: _Token) -> str | Place:
        """Return what is written for a token, and follow the brackets."""
        small = token.small
        if token.kind == "sign":
            self._sign(number, token)
        elif before.small in _BEFORE_A_TABLE:
            return self._table(token, after)
        elif small in _BEFORE_A_TABLE:
            self.levels[-1].in_from = True
        elif small in _ENDS_FROM:
            self.levels[-1].in_from = False
        elif after.small == "as" and self._at(number + 2).text == "(":
            return f"{_QUERY}{small}"
        return token.text

    def _sign(self, number: int, token: _Token) -> None:
        if token.text == "(":
            defines = self._at(number - 2).small if self._at(number - 1).small == "as" else ""
            self.levels.append(_Level(defines))
        elif token.text == ")":
            if len(self.levels) == 1:
                raise _refused(")")
            self.queries.add(self.levels.pop().defines)
        elif token.text == "," and self.levels[-1].in_from:
            raise _refused(", between tables")

    def _table(self, token: _Token, after: _Token) -> str | Place:
        small, aliased = token.small, after.small == "as"
        if after.text in {".", "("}:
            raise _refused(f"{token.text}{after.text}")
        if small in self.queries:
            return f"{_QUERY}{small}{'' if aliased else f' AS {token.text}'}"
        if small not in self.tables:
            raise _refused(token.text)
        return Place(small, "" if aliased else small)
