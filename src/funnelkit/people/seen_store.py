"""A store as one person sees it: only what is in their scope, through every read and every report.

The condition stands inside of the question that the store is asked, never behind it, so counts,
pages and reports know nothing of what is hidden. What is seen is what the person may see now; a
report as of an earlier day shows how *these* records stood then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, NoReturn, TypeVar

from funnelkit.changes import Change
from funnelkit.errors import FunnelkitError, StoreReadOnlyError, shown
from funnelkit.people.allowed_select import split_at_tables
from funnelkit.people.scope import Owners, Visible
from funnelkit.records import Record
from funnelkit.storage import asks
from funnelkit.storage.asks import Ask
from funnelkit.storage.base import KINDS, Capabilities, Commit, Kind, Store, check_findable
from funnelkit.storage.columns import Row
from funnelkit.storage.reading import Reader
from funnelkit.storage.statements import SELECT

__all__ = ["SeenStore"]

T = TypeVar("T")

_ABOUT = frozenset(("move", "activity", "attribute", "change", "match_key"))
"""Tables whose rows are about a record."""

_TABLES = frozenset((*KINDS, *_ABOUT, "definition", "idempotency"))
"""What may be asked. Of the last nothing is seen: who used which key is nobody's business."""


def _first(rows: list[Row]) -> tuple[str, ...]:
    return tuple(row[0] for row in rows)


_KEPT = 100
"""So many texts and views are kept to be used again."""

_OF_EVERY_LIST = {"replaced_by"}
"""What lists of contacts and companies ask for without being told."""

_BY_SOURCE = frozenset(("deal", "lead"))
"""What is found by its source in an index."""

_RANGES = 100
"""A page is read from so many ranges at most."""


class _Question(NamedTuple):
    """A question with named parameters; the same with ``?``, and what stands there, in order.

    That is a value, or the number of a parameter of the question that was asked of us.
    """

    named: str
    placed: str
    values: tuple[str | int, ...]

    def filled(self, given: Sequence[Any]) -> list[Any]:
        """Return the values for ``placed``."""
        return [given[value] if isinstance(value, int) else value for value in self.values]


_OWNERS = (
    "WITH RECURSIVE owners(owner) AS (SELECT MIN(owner) FROM {kind} UNION ALL"
    " SELECT (SELECT MIN(owner) FROM {kind} WHERE owner > owners.owner) FROM owners"
    " WHERE owners.owner IS NOT NULL) SELECT owner FROM owners WHERE owner IS NOT NULL"
)
"""Who holds anything, each one looked up in the index of owners; DISTINCT would read it all."""

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
"""What no store was ever given, so no record has it."""

_NAMED = re.compile(r":(\w+)")


class SeenStore(Reader):
    """What one person sees of a store, for reading only. Closing it leaves the store inside open.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> from funnelkit.people import Owners, Visible
    >>> engine = Engine(Pipeline("sales", [Stage("new")]))
    >>> ours, theirs = engine.create("Acme", owner="ann"), engine.create("Umbrella", owner="bob")
    >>> seen = SeenStore(engine.store, Visible(Owners({"ann"})))
    >>> seen.find("deal", {}), seen.query("SELECT COUNT(*) FROM move", {})
    ([Deal('Acme', new, v1)], [(1,)])
    """

    capabilities = Capabilities(writable=False)

    def __init__(self, store: Store, visible: Visible, person: str = "") -> None:
        self.store = store
        self.visible = visible
        self._name = f"what {shown(person)} sees" if person else "what one sees"
        condition, params = visible.condition("seen.")
        # One view may be seen through another: parameters of one name have one value all the way down.
        self._mine = mine = f"seen_{sha256(repr(visible).encode()).hexdigest()[:16]}_"
        self._condition = condition.replace(":seen_", f":{mine}")
        self._params = {name.replace("seen_", mine, 1): value for name, value in params.items()}
        self._asked: dict[str, _Question] = {}
        self._fewer: dict[tuple[str, ...], SeenStore | None] = {}
        self._pages: dict[str, _Question | None] = {}

    def _bracket(self, table: str, *, each: bool) -> str:
        """Return the part of a table that is seen.

        Args:
            table: Its name.
            each: Look row by row whether its record is seen: better where few rows are asked for.
        """
        if table == "idempotency":
            return f"(SELECT * FROM {table} WHERE 1 = 0)"
        if self.visible.everything or table == "definition":
            return f"(SELECT * FROM {table})"
        if table in KINDS:
            return f"(SELECT * FROM {table} AS seen WHERE {self._condition})"
        kinds = ("deal", "lead") if table == "move" else KINDS
        if each:
            seen = f"AS seen WHERE seen.id = {table}.record_id AND {self._condition}"
            ways = " OR ".join(f"EXISTS (SELECT 1 FROM {kind} {seen})" for kind in kinds)
            return f"(SELECT * FROM {table} WHERE {ways})"
        ids = " UNION ALL ".join(f"SELECT id FROM {kind} AS seen WHERE {self._condition}" for kind in kinds)
        return f"(SELECT * FROM {table} WHERE record_id IN ({ids}))"

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT over what is seen; see `funnelkit.people.allowed_select` for what it may hold."""
        return self.store.query(self._text(sql, each=False), {**params, **self._params})

    def _text(self, sql: str, *, each: bool) -> str:
        parts = split_at_tables(sql, _TABLES)
        return "".join(
            part if isinstance(part, str) else self._bracket(part.table, each=each) for part in parts
        )

    def _ask(self, ask: Ask[T]) -> T:
        return self._answer(self._asked.get(ask.sql) or self._question(ask.sql), ask)

    def _answer(self, question: _Question, ask: Ask[T]) -> T:
        """Ask a question of ours in place of the one that was asked, with its parameters."""
        if isinstance(self.store, Reader):
            asked = Ask(question.placed, question.filled(ask.params), ask.read)
            return self.store._ask(asked)  # noqa: SLF001 (what reads asks what reads)
        params = {f"a{number}": value for number, value in enumerate(ask.params)} | self._params
        written = not any(isinstance(value, str) and _UNWRITABLE.search(value) for value in ask.params)
        rows: list[Row] = self.store.query(question.named, params) if written else []
        return ask.answer(rows, self._name)

    def _made(self, named: str) -> _Question:
        """Return a question whose parameters are ``:a0``, ``:a1`` … and those of the condition."""
        names = _NAMED.findall(named)
        values = tuple(self._params[name] if name in self._params else int(name[1:]) for name in names)
        return _Question(named, _NAMED.sub("?", named), values)

    def _question(self, sql: str) -> _Question:
        """Return a question of ours with the condition in it, and keep it."""
        first, *parts = sql.split("?")
        named = self._text(
            first + "".join(f":a{number}{part}" for number, part in enumerate(parts)), each=True
        )
        made = self._made(named)
        if len(self._asked) < _KEPT:
            self._asked[sql] = made
        return made

    def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """Return records that are seen, whose columns equal ``where``, in the order of their ids."""
        check_findable(kind, where, after)
        if "owner" in where:
            return super().find(kind, where, after=after, limit=limit)
        few = self._few(kind)
        if few is not None:
            return few.find(kind, where, after=after, limit=limit)
        page = self._page(kind, where) if where.keys() <= _OF_EVERY_LIST else None
        ask = asks.find(kind, where, after, limit)
        return self._ask(ask) if page is None else self._answer(page, ask)

    def _page(self, kind: Kind, where: Mapping[str, str]) -> _Question | None:
        """Return how to ask for a page where what is seen is several ranges of indexes; else None.

        Each range is in the order of ids, so they are read side by side, no further than the page goes.
        Otherwise a store might look through all that is hidden, or put all that is seen in order.
        """
        name = f"{kind} {' '.join(where)}"
        if name not in self._pages:
            self._pages[name] = self._paged(kind, where)
        return self._pages[name]

    def _paged(self, kind: Kind, where: Mapping[str, str]) -> _Question | None:
        ranges = self.visible.ranges("seen.")
        found_by_source = kind in _BY_SOURCE or not any("seen.lead_source =" in each for each in ranges)
        if isinstance(self.store, SeenStore) or not 1 < len(ranges) <= _RANGES or not found_by_source:
            return None
        also = "".join(f" AND seen.{column} = :a{number}" for number, column in enumerate(where, 1))
        parts = [f"SELECT id FROM {kind} AS seen WHERE {each} AND seen.id > :a0{also}" for each in ranges]
        ids = f"{' UNION ALL '.join(parts)} ORDER BY id LIMIT :a{len(where) + 1}"
        ids = ids.replace(":seen_", f":{self._mine}")
        return self._made(f"{SELECT[kind]} WHERE id IN ({ids}) ORDER BY id")

    def _few(self, kind: Kind) -> SeenStore | None:
        """Return the same view with the owners that are seen named, where they are fewer than the others.

        "Held by all but these" is looked up record by record; "held by these" in an index.
        """
        visible = self.visible
        hidden = visible.within.names if visible.within.others else visible.anywhere.names
        others = visible.anywhere.others or visible.within.others
        if not (others and hidden) or isinstance(self.store, SeenStore):
            return None
        try:
            owners = self._owners(kind)
        except FunnelkitError:  # a store that does not count up
            return None
        if owners not in self._fewer:
            if len(self._fewer) >= _KEPT:
                self._fewer.clear()
            seen = [
                Owners(set(filter(some.__contains__, owners))) for some in (visible.anywhere, visible.within)
            ]
            few = Visible(seen[0], within=seen[1], sources=visible.sources)
            worth = len(seen[1].names) <= len(hidden)
            self._fewer[owners] = SeenStore(self.store, few) if worth else None
        return self._fewer[owners]

    def _owners(self, kind: Kind) -> tuple[str, ...]:
        """Return who holds any record of a kind."""
        sql = _OWNERS.format(kind=kind)
        if isinstance(self.store, Reader):
            return self.store._ask(Ask(sql, (), _first))  # noqa: SLF001 (what reads asks what reads)
        return _first(self.store.query(sql, {}))

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """Return changes behind a position of the feed that are about what is seen."""
        self.store.changes(after=after, limit=1)  # a store may number them only when they are read
        return super().changes(after=after, record=record, limit=limit)

    def commit(self, commit: Commit) -> NoReturn:
        """Raise StoreReadOnlyError."""
        del commit
        raise StoreReadOnlyError(f"{self._name} is for reading only", "let the whole engine act, with actor=")

    def close(self) -> None:
        """Leave the store inside as it is."""

    def __repr__(self) -> str:
        return f"SeenStore({self._name}: {self.visible})"  # no totals, they are of everything
