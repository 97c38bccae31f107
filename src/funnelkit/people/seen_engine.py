"""An engine as one person sees it: it reads and reports, and takes what is free for the person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn, Unpack

from funnelkit.async_engine import AsyncEngine
from funnelkit.changes import Subscriber
from funnelkit.engine import Engine
from funnelkit.errors import InputError, shown
from funnelkit.people.scope import Scope, Visible
from funnelkit.people.seen_store import SeenStore
from funnelkit.serial import did_you_mean
from funnelkit.storage.threads import FromThread
from funnelkit.verbs.acts import Act
from funnelkit.verbs.finding import id_of
from funnelkit.verbs.shell import R, Shell

__all__ = ["AsyncSeen", "Seen", "async_seen_by", "seen_by"]


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
