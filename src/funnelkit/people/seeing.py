"""A store as one person sees it: only what is in their scope, through every read and every report.

The condition stands inside of the question that the store is asked, never behind it, so counts,
pages and reports know nothing of what is hidden. What is seen is what the person may see now; a
report as of an earlier day shows how *these* records stood then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, NoReturn, TypeVar

from funnelkit.async_engine import AsyncEngine
from funnelkit.changes import Change, Subscriber
from funnelkit.engine import Engine
from funnelkit.errors import InputError, StoreReadOnlyError, shown
from funnelkit.people.scope import Scope, Visible
from funnelkit.people.veil import veiled
from funnelkit.storage.asks import Ask
from funnelkit.storage.base import KINDS, Capabilities, Commit, Store
from funnelkit.storage.columns import Row
from funnelkit.storage.reading import Reader
from funnelkit.storage.threads import FromThread
from funnelkit.verbs.shell import R, Shell, id_of

__all__ = ["AsyncSeen", "Seen", "SeenStore", "async_seen_by", "seen_by"]

T = TypeVar("T")

_ABOUT = frozenset(("move", "activity", "attribute", "change", "match_key"))
"""Tables whose rows are about a record."""

_TABLES = frozenset((*KINDS, *_ABOUT, "definition", "idempotency"))
"""What may be asked. Of the last nothing is seen: who used which key is nobody's business."""


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

    def __init__(self, store: Store, visible: Visible) -> None:
        self.store = store
        self.visible = visible
        condition, params = visible.condition("seen.")
        # One view may be seen through another: parameters of one name have one value all the way down.
        mine = f"seen_{sha256(repr(visible).encode()).hexdigest()[:16]}_"
        self._condition = condition.replace(":seen_", f":{mine}")
        self._params = {name.replace("seen_", mine, 1): value for name, value in params.items()}

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
        return self._query(sql, params, each=False)

    def _query(self, sql: str, params: Mapping[str, Any], *, each: bool) -> list[tuple[Any, ...]]:
        parts = veiled(sql, _TABLES)
        text = "".join(
            part if isinstance(part, str) else self._bracket(part.table, each=each) for part in parts
        )
        return self.store.query(text, {**params, **self._params})

    def _ask(self, ask: Ask[T]) -> T:
        first, *parts = ask.sql.split("?")
        sql = first + "".join(f":a{number}{part}" for number, part in enumerate(parts))
        params = {f"a{number}": value for number, value in enumerate(ask.params)}
        rows: list[Row] = self._query(sql, params, each=True)
        return ask.answer(rows, repr(self))

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """Return changes behind a position of the feed that are about what is seen."""
        self.store.changes(after=after, limit=1)  # a store may number them only when they are read
        return super().changes(after=after, record=record, limit=limit)

    def commit(self, commit: Commit) -> NoReturn:
        """Raise StoreReadOnlyError."""
        del commit
        raise StoreReadOnlyError(repr(self), "is for reading only: let the whole engine act, with actor=")

    def close(self) -> None:
        """Leave the store inside as it is."""

    def __repr__(self) -> str:
        return f"SeenStore({self.store!r}: {self.visible})"


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
        super().__init__(store=SeenStore(engine.store, visible), zone=engine._zone)  # noqa: SLF001
        self._shell = Shell(
            shell.pipelines.values(), self._shell.store, shell.clock, shell.ids, business=shell.business
        )
        self.person = person
        self.visible = visible
        self._whole = engine

    def claim(self, record: R | str, **act: Any) -> R:
        """Take a record that is seen and that nobody holds; see `Engine.claim`."""
        self.get(id_of(record))
        return self._whole.claim(record, **{"actor": self.person, **act})

    def subscribe(self, subscriber: Subscriber) -> NoReturn:
        """Raise InputError: nothing is done here that could be told of."""
        raise _elsewhere("subscriber", subscriber, "subscribe it to the whole engine")

    def using(self, connection: Any, *, schema: str = "public") -> NoReturn:
        """Raise InputError: the other way round it goes."""
        del schema
        raise _elsewhere("connection", connection, "write engine.using(connection).seen_by(person)")

    def __repr__(self) -> str:
        return f"Seen({self.person!r}: {self.visible})"


class AsyncSeen(AsyncEngine):
    """An `AsyncEngine` as one person sees it; see `Seen`."""

    def __init__(self, engine: AsyncEngine, person: str, visible: Visible) -> None:
        shell = engine._shell  # noqa: SLF001 (the same engine, a part of it)
        super().__init__(store=SeenStore(FromThread(engine.store), visible), zone=engine._zone)  # noqa: SLF001
        self._shell = Shell(
            shell.pipelines.values(), self._shell.store, shell.clock, shell.ids, business=shell.business
        )
        self.person = person
        self.visible = visible
        self._whole = engine

    async def claim(self, record: R | str, **act: Any) -> R:
        """Take a record that is seen and that nobody holds; see `Engine.claim`."""
        await self.get(id_of(record))
        return await self._whole.claim(record, **{"actor": self.person, **act})

    def subscribe(self, subscriber: Subscriber) -> NoReturn:
        """Raise InputError: nothing is done here that could be told of."""
        raise _elsewhere("subscriber", subscriber, "subscribe it to the whole engine")

    def using(self, connection: Any, *, schema: str = "public") -> NoReturn:
        """Raise InputError: the other way round it goes."""
        del schema
        raise _elsewhere("connection", connection, "write engine.using(connection).seen_by(person)")

    def __repr__(self) -> str:
        return f"AsyncSeen({self.person!r}: {self.visible})"


def _elsewhere(argument: str, given: object, fix: str) -> InputError:
    return InputError(argument, f"{shown(given)} is not for an engine as one person sees it", fix)


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
    business, wanted = shell.business, set(storefronts)
    sources = [source.id for source in business.sources.values() if source.storefront in wanted - {""}]
    return (scope or Scope.own()).resolve(person, business.organisation, sources)
