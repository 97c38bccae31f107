"""One client at a glance: everything that ever had to do with a person or a company."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from funnelkit.clients.finding import standing_by_id
from funnelkit.errors import InputError, shown
from funnelkit.money import Money, totals
from funnelkit.records import Activity, Company, Contact, Deal, Lead, Record, Repeat
from funnelkit.sql import in_list, in_parts
from funnelkit.storage.base import AsyncStore, Kind, kind_of
from funnelkit.storage.rows import COLUMNS, activity_of
from funnelkit.verbs.finding import id_of
from funnelkit.verbs.shell import Shell

__all__ = ["Client", "profile"]

_SHOWN = 5


@attrs.frozen(kw_only=True)
class Client:
    """A person or a company with all that belongs to them; records that were merged into them count.

    Attributes:
        record: The contact or company; for one that was merged, who stands for it.
        company: Where a person works, if anywhere.
        contacts: The people of a company, by name.
        leads, deals: Theirs, by the time they came.
        activities: Of the client, of their leads and of their deals: one timeline, oldest first.

    >>> from funnelkit import Engine, FrozenClock, Pipeline, Stage, money
    >>> from datetime import UTC, datetime
    >>> sales = Pipeline("sales", [Stage("new")], close_reasons={"lost": {"price": "too expensive"}})
    >>> engine = Engine(sales, clock=FrozenClock(datetime(2026, 3, 2, tzinfo=UTC)))
    >>> ada = engine.create_contact("Ada Lovelace", id="c1", owner="ann")
    >>> deal = engine.win(engine.create("40 seats", contact=ada, value=money(1200, "EUR")))
    >>> deal = engine.lose(engine.create("10 more", contact=ada), reason="price")
    >>> print(engine.client(ada))
    Ada Lovelace (contact c1), held by ann, bought before
      bought once, on 2026-03-02: 1,200.00 EUR
      lost 1
        2026-03-02 '10 more' on new: too expensive
    """

    record: Contact | Company
    company: Company | None = None
    contacts: tuple[Contact, ...] = ()
    leads: tuple[Lead, ...] = ()
    deals: tuple[Deal, ...] = ()
    activities: tuple[Activity, ...] = ()

    @property
    def orders(self) -> tuple[Deal, ...]:
        """The deals that are won and stand so, by the time of the win."""
        return self._ended("won")

    @property
    def lost(self) -> tuple[Deal, ...]:
        """The deals that are lost, by the time of the loss; ``close`` of each says when and why."""
        return self._ended("lost")

    @property
    def open(self) -> tuple[Deal, ...]:
        """The deals on their way."""
        return tuple(deal for deal in self.deals if deal.is_open)

    def _ended(self, outcome: str) -> tuple[Deal, ...]:
        ended = [deal for deal in self.deals if deal.outcome == outcome]
        return tuple(sorted(ended, key=lambda deal: (_closed(deal), deal.id)))

    @property
    def first_purchase(self) -> datetime | None:
        """When the first of the orders was won; None while there is none."""
        return _closed(self.orders[0]) if self.orders else None

    @property
    def last_purchase(self) -> datetime | None:
        """When the latest of the orders was won; None while there is none."""
        return _closed(self.orders[-1]) if self.orders else None

    @property
    def won(self) -> dict[str, Money]:
        """What the orders are worth, by currency."""
        return totals(deal.value for deal in self.orders if deal.value)

    @property
    def pending(self) -> dict[str, Money]:
        """What the open deals are worth, by currency."""
        return totals(deal.value for deal in self.open if deal.value)

    @property
    def inquiries(self) -> tuple[Activity, ...]:
        """What they asked for, and when."""
        return tuple(activity for activity in self.activities if activity.kind == "inquiry")

    @property
    def repeat(self) -> Repeat:
        """The mark of what comes from them next: ``"deal"`` who bought, ``"inquiry"`` who came only."""
        if self.orders:
            return "deal"
        return "inquiry" if self.lost or any(lead.outcome == "lost" for lead in self.leads) else ""

    @property
    def manager(self) -> str:
        """Who holds the client: their owner, else that of the company a person works for; or empty."""
        return self.record.owner or (self.company.owner if self.company else "")

    def __str__(self) -> str:
        return "\n".join((self._head(), *(f"  {line}" for line in self._lines())))

    def _head(self) -> str:
        parts = [f"{self.record.name} ({kind_of(self.record)} {self.record.id})"]
        parts += [f"of {self.company.name}"] if self.company else []
        parts += [f"held by {self.manager}"] if self.manager else []
        return ", ".join(parts + _CAME[self.repeat])

    def _lines(self) -> Iterator[str]:
        if self.contacts:
            yield f"people: {', '.join(_some([_in_role(contact) for contact in self.contacts]))}"
        if self.orders:
            yield f"{_bought(self.orders)}{_worth(self.won)}"
        if self.open:
            yield f"open {len(self.open):,}{_worth(self.pending)}"
        if self.lost:
            yield f"lost {len(self.lost):,}"
            yield from (f"  {line}" for line in _some([_why(deal) for deal in reversed(self.lost)]))
        if self.leads:
            yield f"leads {len(self.leads):,}, the last of {self.leads[-1].created_at:%Y-%m-%d}"
        if self.activities:
            yield f"activities {len(self.activities):,}"
            yield from (f"  {line}" for line in _some([_did(each) for each in reversed(self.activities)]))


_CAME: dict[Repeat, list[str]] = {"": [], "inquiry": ["came before"], "deal": ["bought before"]}


def _closed(deal: Deal) -> datetime:
    return deal.close.at if deal.close else deal.updated_at


def _worth(sums: dict[str, Money]) -> str:
    return f": {', '.join(map(str, sums.values()))}" if sums else ""


def _bought(orders: Sequence[Deal]) -> str:
    first, last = _closed(orders[0]), _closed(orders[-1])
    if len(orders) == 1:
        return f"bought once, on {first:%Y-%m-%d}"
    return f"bought {len(orders):,} times, from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _why(deal: Deal) -> str:
    reason = deal.close and (deal.close.reason_text or deal.close.reason or deal.close.note)
    return f"{_closed(deal):%Y-%m-%d} {shown(deal.name)} on {deal.stage}{f': {reason}' if reason else ''}"


def _did(activity: Activity) -> str:
    what = f": {shown(activity.text)}" if activity.text else ""
    return f"{activity.at:%Y-%m-%d %H:%M} {activity.kind}{what}, by {activity.by}"


def _some(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"… and {len(lines) - _SHOWN:,} more"


async def profile(shell: Shell, ref: Contact | Company | str) -> Client:
    """Do `Engine.client`. The number of questions to the store does not depend on the client."""
    record = await shell.current(id_of(ref), None)
    if not isinstance(record, Contact | Company):
        raise InputError("client", f"{shown(record)} is no client", "give a contact or a company")
    store, kind = shell.store, kind_of(record)
    leads = await _theirs(store, "lead", kind, record)
    deals = await _theirs(store, "deal", kind, record)
    contacts = await _theirs(store, "contact", kind, record) if kind == "company" else []
    works_at = record.company if isinstance(record, Contact) else ""
    companies = await standing_by_id(store, "company", {works_at} - {""})
    company = companies.get(works_at)
    return Client(
        record=record,
        company=company if isinstance(company, Company) else None,
        contacts=tuple(sorted((one for one in contacts if isinstance(one, Contact)), key=_by_name)),
        leads=tuple(sorted((one for one in leads if isinstance(one, Lead)), key=_by_time)),
        deals=tuple(sorted((one for one in deals if isinstance(one, Deal)), key=_by_time)),
        activities=await _timeline(store, (record, *leads, *deals)),
    )


def _in_role(contact: Contact) -> str:
    return f"{contact.name} ({contact.role})" if contact.role else contact.name


def _by_name(contact: Contact) -> tuple[str, str]:
    return contact.name, contact.id


def _by_time(record: Lead | Deal) -> tuple[datetime, str]:
    return record.created_at, record.id


async def _theirs(store: AsyncStore, kind: Kind, link: Kind, client: Record) -> list[Record]:
    """Return the records of a kind that belong to a client, merged ones left out."""
    found: list[str] = []
    for part in in_parts((client.id, *client.absorbed)):
        marks, params = in_list(part)
        sql = f"SELECT id FROM {kind} WHERE {link} IN ({marks}) AND replaced_by = ''"
        found += [id for (id,) in await store.query(sql, params)]
    return list((await store.get_many(kind, sorted(found))).values()) if found else []


async def _timeline(store: AsyncStore, records: Iterable[Record]) -> tuple[Activity, ...]:
    """Return the activities of some records and of those that they absorbed, oldest first."""
    found: list[Activity] = []
    for part in in_parts([id for record in records for id in (record.id, *record.absorbed)]):
        marks, params = in_list(part)
        sql = f"SELECT {', '.join(COLUMNS['activity'])} FROM activity WHERE record_id IN ({marks})"
        found += map(activity_of, await store.query(sql, params))
    return tuple(sorted(found, key=lambda activity: (activity.at, activity.id)))
