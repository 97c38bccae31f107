"""A store as one person sees it: only what is in their scope, through every read and every report.

The condition stands inside of the question that the store is asked, never behind it, so counts,
pages and reports know nothing of what is hidden. What is seen is what the person may see now; a
report as of an earlier day shows how *these* records stood then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple, NoReturn, TypeVar, Unpack

from funnelkit.async_engine import AsyncEngine
from funnelkit.changes import Change, Subscriber
from funnelkit.engine import Engine
from funnelkit.errors import FunnelkitError, InputError, StoreReadOnlyError, shown
from funnelkit.people.scope import Owners, Scope, Visible
from funnelkit.people.veil import veiled
from funnelkit.records import Record
from funnelkit.serial import did_you_mean
from funnelkit.storage.asks import Ask
from funnelkit.storage.base import KINDS, Capabilities, Commit, Kind, Store, check_findable
from funnelkit.storage.columns import Row
from funnelkit.storage.reading import Reader
from funnelkit.storage.threads import FromThread
from funnelkit.verbs.acts import Act
from funnelkit.verbs.finding import id_of
from funnelkit.verbs.shell import R, Shell

__all__ = ["AsyncSeen", "Seen", "SeenStore", "async_seen_by", "seen_by"]

T = TypeVar("T")

_ABOUT = frozenset(("move", "activity", "attribute", "change", "match_key"))
"""Tables whose rows are about a record."""

_TABLES = frozenset((*KINDS, *_ABOUT, "definition", "idempotency"))
"""What may be asked. Of the last nothing is seen: who used which key is nobody's business."""


def _first(rows: list[Row]) -> tuple[str, ...]:
    return tuple(row[0] for row in rows)


_KEPT = 100
"""So many texts and views are kept to be used again."""


class _Question(NamedTuple):
    """A question with named parameters; the same with ``?``, and the names in their order."""

    named: str
    placed: str
    names: tuple[str, ...]


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
        mine = f"seen_{sha256(repr(visible).encode()).hexdigest()[:16]}_"
        self._condition = condition.replace(":seen_", f":{mine}")
        self._params = {name.replace("seen_", mine, 1): value for name, value in params.items()}
        self._asked: dict[str, _Question] = {}
        self._fewer: dict[tuple[str, ...], SeenStore | None] = {}

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
        """Run one SELECT over what is seen; see `funnelkit.people.veil` for what it may hold."""
        return self.store.query(self._text(sql, each=False), {**params, **self._params})

    def _text(self, sql: str, *, each: bool) -> str:
        parts = veiled(sql, _TABLES)
        return "".join(
            part if isinstance(part, str) else self._bracket(part.table, each=each) for part in parts
        )

    def _ask(self, ask: Ask[T]) -> T:
        question = self._asked.get(ask.sql) or self._question(ask.sql)
        params = {f"a{number}": value for number, value in enumerate(ask.params)} | self._params
        if isinstance(self.store, Reader):
            asked = Ask(question.placed, [params[name] for name in question.names], ask.read)
            return self.store._ask(asked)  # noqa: SLF001 (what reads asks what reads)
        written = not any(isinstance(value, str) and _UNWRITABLE.search(value) for value in ask.params)
        rows: list[Row] = self.store.query(question.named, params) if written else []
        return ask.answer(rows, self._name)

    def _question(self, sql: str) -> _Question:
        """Return a question of ours with the condition in it, and keep it."""
        first, *parts = sql.split("?")
        named = self._text(
            first + "".join(f":a{number}{part}" for number, part in enumerate(parts)), each=True
        )
        made = _Question(named, _NAMED.sub("?", named), tuple(_NAMED.findall(named)))
        if len(self._asked) < _KEPT:
            self._asked[sql] = made
        return made

    def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """Return records that are seen, whose columns equal ``where``, in the order of their ids."""
        check_findable(kind, where, after)
        few = None if "owner" in where else self._few(kind)
        if few is not None:
            return few.find(kind, where, after=after, limit=limit)
        return super().find(kind, where, after=after, limit=limit)

    def _few(self, kind: Kind) -> SeenStore | None:
        """Return the same view with the owners that are seen named, where they are fewer than the others.

        "Held by all but these" is looked up record by record; "held by these" in an index.
        """
        visible = self.visible
        hidden = visible.within.names if visible.within.others else visible.anywhere.names
        if not (visible.anywhere.others or visible.within.others) or isinstance(self.store, SeenStore):
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


class Seen(Engine):
    """An `Engine` as one person sees it; made by `Engine.seen_by`. It reads and reports.

    It does not act, but for `claim`, which takes a record for the person. To act, give what was read
    here to the whole engine, with ``actor=``.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> from funnelkit.people import Organisation, Person
    >>> shop = Organisation([Person("ann"), Person("bob")])
    >>> engine = Engine(Pipeline("sales", [Stage("new")]), organisation=shop)
    >>> deals = [engine.create(name, owner=owner) for name, owner in (("Acme", "ann"), ("Umbrella", "bob"))]
    >>> ann = engine.seen_by("ann")
    >>> ann.find("deal"), ann.funnel().counts()
    ([Deal('Acme', new, v1)], {'new': 1, 'won': 0})
    """

    def __init__(self, engine: Engine, person: str, visible: Visible) -> None:
        shell = engine._shell  # noqa: SLF001 (the same engine, a part of it)
        super().__init__(store=SeenStore(engine.store, visible, person), zone=engine._zone)  # noqa: SLF001
        self._shell = Shell(
            shell.pipelines.values(), self._shell.store, shell.clock, shell.ids, business=shell.business
        )
        self.person = person
        self.visible = visible
        self._whole = engine

    def claim(self, record: R | str, **act: Unpack[Act]) -> R:
        """Take a record that is seen and that nobody holds; see `Engine.claim`."""
        self.get(id_of(record))
        act.setdefault("actor", self.person)
        return self._whole.claim(record, **act)

    def subscribe(self, subscriber: Subscriber) -> NoReturn:
        """Raise InputError: nothing is done here that could be told of."""
        raise _elsewhere("subscriber", subscriber, "subscribe it to the whole engine")

    def using(self, connection: Any, *, schema: str = "public") -> NoReturn:
        """Raise InputError: the other way round it goes."""
        del schema
        raise _elsewhere("connection", connection, "write engine.using(connection).seen_by(person)")

    def verify(self) -> NoReturn:
        """Raise InputError: what is seen leads to what is hidden, so it cannot be checked alone."""
        raise _unverifiable(self.person)

    def __repr__(self) -> str:
        return f"Seen({self.person!r}: {self.visible})"


class AsyncSeen(AsyncEngine):
    """An `AsyncEngine` as one person sees it; see `Seen`."""

    def __init__(self, engine: AsyncEngine, person: str, visible: Visible) -> None:
        shell = engine._shell  # noqa: SLF001 (the same engine, a part of it)
        super().__init__(store=SeenStore(FromThread(engine.store), visible, person), zone=engine._zone)  # noqa: SLF001
        self._shell = Shell(
            shell.pipelines.values(), self._shell.store, shell.clock, shell.ids, business=shell.business
        )
        self.person = person
        self.visible = visible
        self._whole = engine

    async def claim(self, record: R | str, **act: Unpack[Act]) -> R:
        """Take a record that is seen and that nobody holds; see `Engine.claim`."""
        await self.get(id_of(record))
        act.setdefault("actor", self.person)
        return await self._whole.claim(record, **act)

    def subscribe(self, subscriber: Subscriber) -> NoReturn:
        """Raise InputError: nothing is done here that could be told of."""
        raise _elsewhere("subscriber", subscriber, "subscribe it to the whole engine")

    def using(self, connection: Any, *, schema: str = "public") -> NoReturn:
        """Raise InputError: the other way round it goes."""
        del schema
        raise _elsewhere("connection", connection, "write engine.using(connection).seen_by(person)")

    async def verify(self) -> NoReturn:
        """Raise InputError; see `Seen.verify`."""
        raise _unverifiable(self.person)

    def __repr__(self) -> str:
        return f"AsyncSeen({self.person!r}: {self.visible})"


def _elsewhere(argument: str, given: object, fix: str) -> InputError:
    return InputError(argument, f"{shown(given)} is not for an engine as one person sees it", fix)


def _unverifiable(person: str) -> InputError:
    problem = f"what {shown(person)} sees is a part, and may lead to what is hidden"
    return InputError("verify", problem, "verify the whole engine")


def seen_by(engine: Engine, person: str, scope: Scope | None, storefronts: Iterable[str]) -> Seen:
    """Do `Engine.seen_by`."""
    return Seen(engine, person, _visible(engine._shell, person, scope, storefronts))  # noqa: SLF001


def async_seen_by(
    engine: AsyncEngine, person: str, scope: Scope | None, storefronts: Iterable[str]
) -> AsyncSeen:
    """Do `AsyncEngine.seen_by`."""
    return AsyncSeen(engine, person, _visible(engine._shell, person, scope, storefronts))  # noqa: SLF001


def _visible(shell: Shell, person: str, scope: Scope | None, storefronts: Iterable[str]) -> Visible:
    """Resolve a scope for a person; storefronts are those of the sources."""
    business = shell.business
    if scope is not None and not isinstance(scope, Scope):
        raise InputError("scope", f"{shown(scope)} is no scope", "give Scope.own() or another one")
    if isinstance(storefronts, str) or not isinstance(storefronts, Iterable):
        raise InputError("storefronts", f"{shown(storefronts)} is no list of shops", 'give ["shop"]')
    wanted = list(storefronts)
    known = {source.storefront for source in business.sources.values()} - {""}
    for storefront in wanted:
        if not isinstance(storefront, str) or storefront not in known:
            problem = f"no source belongs to storefront {shown(storefront)}"
            raise InputError("storefronts", problem, did_you_mean(storefront, sorted(known)))
    sources = [source.id for source in business.sources.values() if source.storefront in wanted]
    return (scope or Scope.own()).resolve(person, business.organisation, sources)
