"""An import from end to end: read the log, then batch by batch see what is there, replay, write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from funnelkit.clock import present
from funnelkit.errors import AlreadyExistsError, ConflictError, InputError, shown
from funnelkit.gate.request import Facts
from funnelkit.importing.log import EventLog
from funnelkit.importing.reading import Event, Reading, read
from funnelkit.importing.replay import History, replay
from funnelkit.importing.report import BadRow, ImportReport
from funnelkit.importing.resume import is_ours, resume
from funnelkit.progress import Progress, shower
from funnelkit.records import Deal, Lead, Record
from funnelkit.stages import Pipeline
from funnelkit.storage.base import KINDS, Commit, kind_of
from funnelkit.verbs.recording import merged
from funnelkit.verbs.shell import Shell

__all__ = ["run"]

_TRIES = 5
"""How often a batch is tried while somebody else writes the same records."""


async def run(
    shell: Shell,
    rows: Iterable[Mapping[Any, Any]],
    log: EventLog,
    *,
    pipeline: str,
    progress: Progress | Literal[True] | None,
    batch: int,
) -> ImportReport:
    """Do `import_log`: a coroutine, as all that reads and writes stores."""
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InputError("batch", f"{shown(batch)} is not a number of records", "give 1 or more")
    if not isinstance(log, EventLog):
        raise InputError("log", f"{shown(log)} is not an EventLog")
    if not isinstance(rows, Iterable):
        raise InputError("rows", f"{shown(rows)} is nothing to go through", "use csv.DictReader")
    target = shell.pipeline(pipeline)
    log.check(target)
    show = shower(progress)
    reading = read(rows, log, target.kind, present(shell.clock), show)
    waiting = sum(map(len, reading.events.values()))
    show(reading.rows - waiting, reading.rows)
    histories: list[History] = []
    for part in _parts(reading.events, batch):
        histories += await _written(shell, target, part)
        waiting -= sum(map(len, part.values()))
        show(reading.rows - waiting, reading.rows)
    return _report(target, reading, histories)


def _parts(events: dict[str, list[Event]], batch: int) -> Iterator[dict[str, list[Event]]]:
    """Take records out of a reading, some at a time, so that what is written need not be remembered."""
    ids = list(events)
    for start in range(0, len(ids), batch):
        yield {id: events.pop(id) for id in ids[start : start + batch]}


async def _written(shell: Shell, pipeline: Pipeline, part: Mapping[str, Sequence[Event]]) -> list[History]:
    """Write some records in one commit: new ones whole, those of an earlier import as far as they are new."""
    tries = 0
    while True:
        stored = await _stored(shell, pipeline, list(part))
        done = [
            _done(pipeline, id, events, stored.get(id), sealed=shell.sealed) for id, events in part.items()
        ]
        commits = [commit for _, commit in done if commit is not None]
        try:
            if commits:
                await shell.commit(merged(commits))
        except (AlreadyExistsError, ConflictError):  # somebody was faster; look again at what is there
            tries += 1
            if tries == _TRIES:
                raise
        else:
            return [history for history, _ in done]


async def _stored(shell: Shell, pipeline: Pipeline, ids: Sequence[str]) -> dict[str, tuple[Record, Facts]]:
    """Read the records that are there, with what may be asked about them; ids are one for all kinds."""
    store = shell.store
    stored: dict[str, tuple[Record, Facts]] = {}
    for kind in KINDS:
        for id, record in (await store.get_many(kind, ids)).items():
            facts = Facts(history=tuple(await store.moves(id)))
            if pipeline.table.asks and isinstance(record, Lead | Deal):
                facts = Facts(
                    history=facts.history,
                    activities=tuple(await store.activities(id)),
                    contact=await store.get("contact", record.contact) if record.contact else None,
                    company=await store.get("company", record.company) if record.company else None,
                )
            stored[id] = (record, facts)
    return stored


def _done(
    pipeline: Pipeline,
    id: str,
    events: Sequence[Event],
    stored: tuple[Record, Facts] | None,
    *,
    sealed: bool,
) -> tuple[History, Commit | None]:
    """Decide what becomes of the events of one record."""
    if stored is None:
        return replay(pipeline, id, events, sealed=sealed)
    record, facts = stored
    if isinstance(record, Lead | Deal) and is_ours(pipeline, facts.history):
        return resume(pipeline, record, facts, events, sealed=sealed)
    reason = f"a {kind_of(record)} with this id exists already"
    return History(record=id, bad=[BadRow(event.line, id, reason) for event in events]), None


def _report(pipeline: Pipeline, reading: Reading, histories: Sequence[History]) -> ImportReport:
    bad = [*reading.bad, *(row for history in histories for row in history.bad)]
    return ImportReport(
        pipeline=pipeline.id,
        rows=reading.rows,
        records=sum(history.begun for history in histories),
        used=sum(history.used for history in histories),
        repeats=sum(history.repeats for history in histories),
        present=sum(history.present for history in histories),
        continued=sum(bool(history.used) and not history.begun for history in histories),
        ignored_activities=dict(reading.ignored),
        bad=tuple(sorted(bad, key=lambda row: row.line)),
        reopened=sum(history.reopened for history in histories),
        early=tuple(history.record for history in histories if history.early),
        unclear_times=reading.unclear,
    )
