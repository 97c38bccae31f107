"""An import from end to end: read everything, replay record by record, write in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from funnelkit.errors import InputError, shown
from funnelkit.importing.log import EventLog
from funnelkit.importing.progress import Progress, shower
from funnelkit.importing.reading import Event, Reading, read
from funnelkit.importing.replay import History, replay
from funnelkit.importing.report import BadRow, ImportReport
from funnelkit.recording import merged
from funnelkit.shell import Shell
from funnelkit.stages import Pipeline
from funnelkit.storage.base import KINDS, Commit

__all__ = ["run"]


def run(
    shell: Shell,
    rows: Iterable[Mapping[Any, Any]],
    log: EventLog,
    *,
    pipeline: str,
    progress: Progress | Literal[True] | None,
    batch: int,
) -> ImportReport:
    """Do `import_log`."""
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InputError("batch", f"{shown(batch)} is not a number of records", "give 1 or more")
    target = shell.pipeline(pipeline)
    log.check(target)
    show = shower(progress)
    reading = read(rows, log, target.kind, shell.clock.now())
    waiting = sum(map(len, reading.events.values()))
    show(reading.rows - waiting, reading.rows)
    histories: list[History] = []
    for part in _parts(reading.events, batch):
        histories += _written(shell, target, part)
        waiting -= sum(map(len, part.values()))
        show(reading.rows - waiting, reading.rows)
    return _report(target, reading, histories)


def _parts(events: dict[str, list[Event]], batch: int) -> Iterator[dict[str, list[Event]]]:
    ids = list(events)
    for start in range(0, len(ids), batch):
        yield {id: events[id] for id in ids[start : start + batch]}


def _written(shell: Shell, pipeline: Pipeline, part: Mapping[str, Sequence[Event]]) -> list[History]:
    """Replay some records and write them in one commit; those that are there already stay as they are."""
    # The ledger is one for all kinds of records, so an id that any of them has is taken.
    taken = {id: kind for kind in KINDS for id in shell.store.get_many(kind, list(part))}
    histories: list[History] = []
    commits: list[Commit] = []
    for id, events in part.items():
        if id in taken:
            reason = f"a {taken[id]} with this id exists already"
            histories.append(History(record=id, bad=[BadRow(event.line, id, reason) for event in events]))
            continue
        history, commit = replay(pipeline, id, events)
        histories.append(history)
        if commit is not None:
            commits.append(commit)
    if commits:
        shell.commit(merged(commits))
    return histories


def _report(pipeline: Pipeline, reading: Reading, histories: Sequence[History]) -> ImportReport:
    bad = [*reading.bad, *(row for history in histories for row in history.bad)]
    return ImportReport(
        pipeline=pipeline.id,
        rows=reading.rows,
        records=sum(history.begun for history in histories),
        used=sum(history.used for history in histories),
        repeats=sum(history.repeats for history in histories),
        ignored_activities=dict(reading.ignored),
        bad=tuple(sorted(bad, key=lambda row: row.line)),
        reopened=sum(history.reopened for history in histories),
        early=tuple(history.record for history in histories if history.early),
        unclear_times=reading.unclear,
    )
