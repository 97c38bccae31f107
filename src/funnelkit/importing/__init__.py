"""Foreign event logs: histories that another system kept, brought in through the gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from funnelkit.importing.log import EventLog
from funnelkit.importing.report import BadRow, ImportReport

if TYPE_CHECKING:
    from funnelkit.engine import Engine
    from funnelkit.progress import Progress

__all__ = ["BadRow", "EventLog", "ImportReport", "import_log"]


def import_log(
    engine: Engine,
    rows: Iterable[Mapping[Any, Any]],
    log: EventLog,
    *,
    pipeline: str,
    progress: Progress | Literal[True] | None = None,
    batch: int = 1000,
) -> ImportReport:
    """Bring the records of a foreign event log into a pipeline, each with its whole history.

    Every row goes through the gate like an act of today, with the cause ``"import"`` and the instant
    that it names. Rows may come in any order; those of one record are sorted by time, and rows of one
    instant keep the order of the log. Ids are taken as they are.

    - The first row of a stage creates the record. Where an outcome is dated before it, the record
      is still won or lost; it is listed in ``report.early``.
    - A row that says where the record is already is a repeat, and nothing of it is taken.
    - A row of a stage after a close reopens the record.
    - What a row says about owner, value, source and so on holds from its instant on; a blank cell
      says nothing.
    - A bad row is left out and reported with its line and its reason; the record's other rows
      count.
    - A row that an earlier import used is there already: it is counted as present. What came later
      in the log is replayed on top of the record; what comes too late is a bad row. A record with
      the same id that no import made is a stranger: it is left alone, and all of its rows are bad.

    A lead that is won counts as converted; what it became is not made.

    The whole log is read before anything is written. Then each record is written with all of its
    rows in one commit, so an import that was cut off is finished by running it again, and a log that
    grows is imported again every day. A row is known by its record, instant and place.

    Args:
        engine: Where to.
        rows: Mappings of column to cell: a ``csv.DictReader``, or any other iterable.
        log: What the rows mean.
        pipeline: The id of the pipeline.
        progress: Called with (rows done, rows), while the log is read with (0, rows so far); True
            draws a bar on stderr if that is a terminal.
        batch: How many records go into one commit.

    Raises:
        DefinitionError: ``log`` names columns that no row has, or stages and reasons that the
            pipeline does not have. Nothing was written.
        InputError: There is no such pipeline, a row is no mapping, or ``progress`` cannot be called.
            Nothing was written.
        StoreError: The store failed. Whole batches are written or not; run the import again.

    >>> from funnelkit import Engine, EventLog, Pipeline, Stage, import_log
    >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
    >>> log = EventLog(
    ...     record="case", activity="what", time="when", zone="UTC",
    ...     stages={"Inquiry": "new", "Quote": "offer"}, outcomes={"Paid": "won"},
    ... )
    >>> rows = [
    ...     {"case": "A-1", "what": "Inquiry", "when": "2025-03-01 09:30"},
    ...     {"case": "A-1", "what": "Paid", "when": "2025-03-05 16:00"},
    ...     {"case": "A-2", "what": "Inqiry", "when": "2025-03-02 11:00"},
    ... ]
    >>> print(import_log(engine, rows, log, pipeline="sales"))
    3 rows, new records in sales: 1
      used 2, repeats 0, ignored 0, bad 1
      bad line 3 (A-2): what: 'Inqiry' is not mapped (did you mean 'Inquiry'?)
    """
    from funnelkit.importing.run import run
    from funnelkit.storage.immediate import run as at_once
    from funnelkit.verbs.engines import shell_of

    return at_once(run(shell_of(engine), rows, log, pipeline=pipeline, progress=progress, batch=batch))
