"""Who was lost, where and why: leads and deals to be won back, with their clients, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.clients.finding import standing_by_id
from funnelkit.clock import aware, to_us
from funnelkit.errors import InputError, TimeError, shown
from funnelkit.records import Company, Contact, Placed
from funnelkit.serial import did_you_mean
from funnelkit.stages import Pipeline
from funnelkit.storage.base import Kind
from funnelkit.storage.immediate import run
from funnelkit.verbs.engines import awaited_shell_of, shell_of
from funnelkit.verbs.shell import Shell

if TYPE_CHECKING:
    from funnelkit.async_engine import AsyncEngine
    from funnelkit.engine import Engine

__all__ = ["Lost", "async_lost_clients", "lost_clients"]


@attrs.frozen(kw_only=True)
class Lost:
    """A lead or deal that was lost, and whose it is.

    Attributes:
        record: The lead or deal; its ``close`` says when, why and by whom.
        contact, company: The client, where one is known.

    >>> from datetime import UTC, datetime
    >>> from funnelkit import Engine, FrozenClock, Pipeline, Stage
    >>> clock = FrozenClock(datetime(2026, 3, 2, tzinfo=UTC))
    >>> engine = Engine(Pipeline("sales", [Stage("new")]), clock=clock)
    >>> ada = engine.create_contact("Ada Lovelace", id="c1", email="ada@example.org")
    >>> lost = engine.lose(engine.create("40 seats", contact=ada))
    >>> print(Lost(record=lost, contact=ada))
    2026-03-02 '40 seats' on new: 'Ada Lovelace' (c1) ada@example.org
    """

    record: Placed
    contact: Contact | None = None
    company: Company | None = None

    def __str__(self) -> str:
        record, close = self.record, self.record.close
        why = close and (close.reason_text or close.reason or close.note)
        head = f"{(close.at if close else record.updated_at):%Y-%m-%d} {shown(record.name)} on {record.stage}"
        return f"{head}{f', {why}' if why else ''}: {self._who()}"

    def _who(self) -> str:
        """Return who is to be called, and how."""
        known = self.contact or self.company
        said: Any = self.contact or self.record
        who = f"{shown(known.name)} ({known.id})" if known else "nobody known"
        reached = [text for name in ("email", "phone") if (text := getattr(said, name, ""))]
        return " ".join([who, *reached])


def lost_clients(
    engine: Engine,
    pipeline: str | None = None,
    *,
    stage: str | None = None,
    reason: str | None = None,
    since: datetime | date | None = None,
    until: datetime | date | None = None,
    page: int = 500,
) -> Iterator[tuple[Lost, ...]]:
    """Yield what is lost in a pipeline and was not taken up again, in pages, by id.

    Args:
        engine: Where.
        pipeline: Id of a pipeline; the only one when left out.
        stage: The stage it was lost on.
        reason: The id of the reason it was lost for.
        since: The first instant, or day in the engine's zone, of the loss.
        until: The first one that does not count any more.
        page: How many are read at once.

    Raises:
        InputError: There is no such pipeline, stage or reason.
        TimeError: A naive datetime, or something that is no time.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> sales = Pipeline("sales", [Stage("new")], close_reasons={"lost": {"price": "too expensive"}})
    >>> engine = Engine(sales)
    >>> ada = engine.create_contact("Ada Lovelace", id="c1", email="ada@example.org")
    >>> for name in ("40 seats", "10 more"):
    ...     deal = engine.lose(engine.create(name, contact=ada), reason="price")
    >>> [[lost.contact.id for lost in page] for page in lost_clients(engine, reason="price")]
    [['c1', 'c1']]
    """
    narrowed = {"stage": stage, "reason": reason, "since": since, "until": until}
    shell = shell_of(engine)
    question = _asked(shell, pipeline, narrowed, page, shell.business.zone)
    return _each(_pages(shell, *question))


def async_lost_clients(
    engine: AsyncEngine,
    pipeline: str | None = None,
    *,
    stage: str | None = None,
    reason: str | None = None,
    since: datetime | date | None = None,
    until: datetime | date | None = None,
    page: int = 500,
) -> AsyncIterator[tuple[Lost, ...]]:
    """Do `lost_clients` with an engine that is awaited: ``async for page in …``."""
    narrowed = {"stage": stage, "reason": reason, "since": since, "until": until}
    shell = awaited_shell_of(engine)
    question = _asked(shell, pipeline, narrowed, page, shell.business.zone)
    return _pages(shell, *question)


def _each(pages: AsyncIterator[tuple[Lost, ...]]) -> Iterator[tuple[Lost, ...]]:
    while True:
        try:
            found = run(_next(pages))
        except StopAsyncIteration:
            return
        yield found


async def _next(pages: AsyncIterator[tuple[Lost, ...]]) -> tuple[Lost, ...]:
    return await anext(pages)


def _asked(
    shell: Shell, pipeline: str | None, narrowed: Mapping[str, Any], page: int, zone: tzinfo
) -> tuple[Kind, str, dict[str, Any]]:
    """Return the kind, the question and its parameters."""
    where = _pipeline(shell, pipeline)
    if type(page) is not int or page < 1:
        raise InputError("page", f"{shown(page)} is no number of records", "at least 1")
    tests, params = [], {"pipeline": where.id, "page": page}
    if narrowed["stage"] is not None:
        tests.append("stage = :stage")
        params["stage"] = where.stage(narrowed["stage"]).id
    if narrowed["reason"] is not None:
        tests.append("close_reason = :reason")
        params["reason"] = _reason(where, narrowed["reason"])
    for name, sign in (("since", ">="), ("until", "<")):
        if narrowed[name] is not None:
            tests.append(f"closed_us {sign} :{name}")
            params[name] = _instant(narrowed[name], name, zone)
    more = "".join(f" AND {test}" for test in tests)
    sql = (
        f"SELECT id FROM {where.kind} WHERE pipeline = :pipeline AND outcome = 'lost' AND replaced_by = ''"
        f"{more} AND id > :after ORDER BY id LIMIT :page"
    )
    return where.kind, sql, params


def _pipeline(shell: Shell, given: str | None) -> Pipeline:
    if given is None and len(shell.pipelines) != 1:
        names = ", ".join(shell.pipelines)
        raise InputError("pipeline", f"there are {len(shell.pipelines)} pipelines", f"name one of {names}")
    return shell.pipeline(given if given is not None else next(iter(shell.pipelines)))


def _reason(pipeline: Pipeline, reason: object) -> object:
    """Return a reason of the catalogue; any text where nothing is lost for a reason of a catalogue."""
    known = [each.id for each in pipeline.close_reasons.get("lost", ())]
    if not isinstance(reason, str) or (known and reason and reason not in known):
        problem = f"nothing is lost in {pipeline.id} for {shown(reason)}"
        raise InputError("reason", problem, did_you_mean(reason, known))
    return reason


def _instant(given: object, argument: str, zone: tzinfo) -> int:
    if isinstance(given, datetime):
        return to_us(aware(given, argument))
    if not isinstance(given, date):
        raise TimeError(argument, f"{shown(given)} is neither a day nor an instant", "give a date")
    return to_us(aware(datetime.combine(given, time(), zone), argument))


async def _pages(
    shell: Shell, kind: Kind, sql: str, params: Mapping[str, Any]
) -> AsyncIterator[tuple[Lost, ...]]:
    after = ""
    while rows := await shell.store.query(sql, {**params, "after": after}):
        after = rows[-1][0]
        found = await shell.store.get_many(kind, [id for (id,) in rows])
        records: list[Any] = [found[id] for (id,) in rows if id in found]
        contacts, companies = [
            await standing_by_id(shell.store, party, {getattr(record, party) for record in records} - {""})
            for party in _PARTIES
        ]
        yield tuple(
            Lost(
                record=record,
                contact=contacts.get(record.contact),  # type: ignore[arg-type]  # by kind
                company=companies.get(record.company),  # type: ignore[arg-type]  # by kind
            )
            for record in records
        )


_PARTIES: tuple[Kind, ...] = ("contact", "company")
