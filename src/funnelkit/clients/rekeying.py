"""The keys of all records made anew: for a file from before there were keys, or after a policy changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Literal

import attrs

from funnelkit.clients.finding import standing_by_id
from funnelkit.keys.policy import keys_of
from funnelkit.progress import Progress, shower
from funnelkit.records import Contact, Record
from funnelkit.sql import in_list
from funnelkit.storage.base import Commit, Kind, MatchKey
from funnelkit.storage.immediate import run
from funnelkit.verbs.engines import awaited_shell_of, shell_of
from funnelkit.verbs.shell import Shell

if TYPE_CHECKING:
    from funnelkit.async_engine import AsyncEngine
    from funnelkit.engine import Engine

__all__ = ["Rekeyed", "async_rekey", "rekey"]

_PAGE = 500
_KINDS: tuple[Kind, ...] = ("lead", "contact", "company")
_HAD = "SELECT match_key, record_id FROM match_key WHERE record_id IN ({ids}) AND kind = :kind"


@attrs.frozen
class Rekeyed:
    """How many records were looked at, and how many keys they did not have.

    >>> print(Rekeyed(records=1200, keys=3))
    records looked at: 1,200, keys added: 3
    """

    records: int = 0
    keys: int = 0

    def __str__(self) -> str:
        return f"records looked at: {self.records:,}, keys added: {self.keys:,}"


def rekey(engine: Engine, *, progress: Progress | Literal[True] | None = None) -> Rekeyed:
    """Add the keys that leads, contacts and companies have by the engine's policy, and lack in the store.

    Do it once after `KeyPolicy` changed, after the extra ``clients`` was installed or left out, or
    after a file from before there were keys was opened. Keys are only ever added: those of the old
    policy stay, and find nobody any more. Work may go on meanwhile. After a stop, run it again: what
    has its keys already is read, and not written.

    Args:
        engine: Where.
        progress: Called with (records looked at, records); True draws a bar.

    Raises:
        InputError: ``progress`` cannot be called.

    >>> from funnelkit import Engine, MemoryStore
    >>> from funnelkit.clients import KeyPolicy
    >>> store = MemoryStore()
    >>> ada = Engine(store=store).create_contact("Ada", email="ada+news@example.org")
    >>> engine = Engine(store=store, keys=KeyPolicy(aliases="plus"))
    >>> print(rekey(engine))
    records looked at: 1, keys added: 1
    >>> engine.store.query("SELECT match_key FROM match_key WHERE match_key LIKE 'email:%'", {})
    [('email:ada+news@example.org',), ('email:ada@example.org',)]
    """
    return run(_rekeyed(shell_of(engine), shower(progress)))


async def async_rekey(engine: AsyncEngine, *, progress: Progress | Literal[True] | None = None) -> Rekeyed:
    """Do `rekey` with an engine that is awaited."""
    return await _rekeyed(awaited_shell_of(engine), shower(progress))


async def _rekeyed(shell: Shell, show: Progress) -> Rekeyed:
    counts = [await shell.store.query(f"SELECT COUNT(*) FROM {kind}", {}) for kind in _KINDS]
    total = sum(int(rows[0][0]) for rows in counts)
    done = Rekeyed()
    show(0, total)
    for kind in _KINDS:
        async for page in _pages(shell, kind):
            missing = await _missing(shell, kind, page)
            if missing:
                await shell.commit(Commit(keys=tuple(missing)))
            done = Rekeyed(done.records + len(page), done.keys + len(missing))
            show(min(done.records, total), total)
    return done


async def _pages(shell: Shell, kind: Kind) -> AsyncIterator[list[Record]]:
    after = ""
    while page := await shell.store.find(kind, {}, after=after, limit=_PAGE):
        yield page
        after = page[-1].id


async def _missing(shell: Shell, kind: Kind, page: Sequence[Record]) -> list[MatchKey]:
    """Return the keys that records should have, and lack."""
    marks, params = in_list([record.id for record in page])
    had = set(await shell.store.query(_HAD.format(ids=marks), {"kind": kind, **params}))
    employers = {record.company for record in page if isinstance(record, Contact)} - {""}
    companies = await standing_by_id(shell.store, "company", employers)
    found = []
    for record in page:
        company = companies.get(record.company) if isinstance(record, Contact) else None
        keys = keys_of(record, shell.business.keys, company_name=company.name if company else "")
        found += [
            MatchKey(key=key, kind=kind, record=record.id) for key in keys if (key, record.id) not in had
        ]
    return found
