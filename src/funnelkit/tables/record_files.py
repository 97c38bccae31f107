"""All records of a kind to a file, and the records of such a file into a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from inspect import iscoroutinefunction
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from secrets import token_hex
from typing import IO, TYPE_CHECKING, Any, Literal, Unpack

import attrs

from funnelkit.clients.finding import standing_by_id
from funnelkit.errors import InputError, shown
from funnelkit.progress import Progress, shower
from funnelkit.records import Deal, Lead, Record
from funnelkit.serial import did_you_mean
from funnelkit.storage.base import KINDS, Kind, Store
from funnelkit.storage.immediate import Immediate
from funnelkit.storage.immediate import run as at_once
from funnelkit.tables.drafts import Reason, RowDraft
from funnelkit.tables.export import (
    read_csv,
    read_jsonl,
    read_parquet,
    write_csv,
    write_jsonl,
    write_parquet,
)
from funnelkit.tables.importing import Into, a_run, written
from funnelkit.tables.known_records import Run
from funnelkit.tables.mapping import TargetKind
from funnelkit.tables.memory import uncollected
from funnelkit.tables.report import RowPlan, TableReport, summed
from funnelkit.verbs.engines import shell_of

if TYPE_CHECKING:
    from funnelkit.engine import Engine

__all__ = ["export_records", "import_records"]

_PAGE = 1000
_FORMATS: dict[str, tuple[Callable[..., int], Callable[..., Iterator[Record]]]] = {
    ".csv": (write_csv, read_csv),
    ".jsonl": (write_jsonl, read_jsonl),
    ".parquet": (write_parquet, read_parquet),
}
_COMMON = ("name", "owner", "source", "created_at", "custom")
_PLACED = (*_COMMON, "value", "probability", "expected_close", "campaign", "contact", "company", "pipeline")
_SAID: dict[TargetKind, tuple[str, ...]] = {
    "lead": (*_PLACED, "stage", "company_name", "email", "phone"),
    "deal": (*_PLACED, "stage", "lead"),
    "contact": (*_COMMON, "email", "phone", "company", "role"),
    "company": _COMMON,
}
"""What of a record another store is told; the rest is its past, or follows from it."""


def export_records(
    engine: Engine | Store,
    kind: TargetKind,
    path: str | PathLike[str],
    *,
    progress: Progress | Literal[True] | None = None,
) -> int:
    """Write all records of a kind to a file, by id: CSV, JSON Lines or Parquet, as its name ends.

    The store is read page by page, so memory does not grow with it. What is written meanwhile may be
    in the file or not. The file is written under another name, ``<path>.….part``, until all of it is
    there: of two exports to one path the one that ends last stays, and one that fails leaves what was
    there.

    Records that another one stands for are left out: who was merged, and what an undone conversion had
    made. Where others name them, the file names who stands for them, or nobody.

    Args:
        engine: Whose records; a store will do.
        kind: ``"lead"``, ``"deal"``, ``"contact"`` or ``"company"``.
        path: A name that ends with ``.csv``, ``.jsonl`` or ``.parquet``.
        progress: Called with (records done, records); True draws a bar on stderr if that is a terminal.

    Returns:
        How many were written.

    Raises:
        InputError: There is no such kind or format, ``progress`` cannot be called, the file cannot be
            written, or it is an engine that is awaited, for which there is `async_export_records`.
        MissingExtraError: Parquet, and pyarrow is not installed.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from funnelkit import Engine
    >>> engine, other = Engine(), Engine()
    >>> ada = engine.create_contact("Ada", email="ada@example.org", custom={"size": [1, 2]})
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "contacts.jsonl")
    ...     export_records(engine, "contact", file), import_records(other, "contact", file).created
    (1, 1)
    >>> other.get(ada.id) == ada
    True
    """
    write, _ = _format(path)
    if kind not in KINDS:
        raise InputError("kind", f"{shown(kind)} is no kind of record", did_you_mean(kind, KINDS))
    show = shower(progress)
    store = _store_of(engine)
    total = store.query(_COUNT.format(kind=kind), {})[0][0] if progress else 0
    whole = Path(fspath(path))
    with _draft(whole) as file:
        number = write(_all(store, kind, show, total), file, kind)
    show(number, max(total, number))
    return number


@contextmanager
def _draft(whole: Path) -> Iterator[IO[bytes]]:
    """Give a file of a name that nobody else has; it takes the name it shall have once it is written."""
    draft = whole.with_name(f"{whole.name}.{token_hex(4)}.part")
    try:
        file = draft.open("xb")
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise InputError("path", f"{shown(str(whole))} cannot be written: {told}") from error
    try:
        with file:
            yield file
        draft.replace(whole)
    finally:
        draft.unlink(missing_ok=True)


def _format(path: Any) -> tuple[Callable[..., int], Callable[..., Iterator[Record]]]:
    suffix = Path(fspath(path)).suffix.lower() if isinstance(path, str | PathLike) else ""
    if suffix not in _FORMATS:
        raise InputError("path", f"{shown(str(path))} names no format", f"end it with {', '.join(_FORMATS)}")
    return _FORMATS[suffix]


def _store_of(engine: Any) -> Store:
    """Return the store of an engine, or the store that was given."""
    if not isinstance(engine, type) and hasattr(engine, "get_many"):
        store: Store = engine
        if not iscoroutinefunction(store.find):
            return store
    shell_of(engine)
    own: Store = engine.store
    return own


_COUNT = "SELECT COUNT(*) FROM {kind} WHERE replaced_by = ''"


def _all(store: Store, kind: TargetKind, show: Progress, total: int) -> Iterator[Record]:
    after, done = "", 0
    while page := store.find(kind, {}, after=after, limit=_PAGE):
        records = [record for record in page if not record.replaced_by]
        yield from _referring(store, records)
        after, done = page[-1].id, done + len(records)
        show(done, max(done, total))


def _referring(store: Store, records: list[Record]) -> Iterator[Record]:
    """Yield records that name who stands for those that they name, where that is another one."""
    stands: dict[Kind, dict[str, str]] = {}
    for kind in KINDS:
        named = {id for record in records if (id := getattr(record, kind, ""))}
        found = store.get_many(kind, sorted(named)) if named else {}
        gone = {id: record.replaced_by for id, record in found.items() if record.replaced_by}
        above = at_once(standing_by_id(Immediate(store), kind, set(gone.values())))
        stands[kind] = {id: above[over].id if over in above else "" for id, over in gone.items()}
    for record in records:
        changed: dict[str, Any] = {
            kind: stood[id] for kind, stood in stands.items() if (id := getattr(record, kind, "")) in stood
        }
        yield attrs.evolve(record, **changed) if changed else record


def import_records(
    engine: Engine,
    kind: TargetKind,
    path: str | PathLike[str],
    *,
    progress: Progress | Literal[True] | None = None,
    batch: int = 50_000,
    **into: Unpack[Into],
) -> TableReport:
    """Bring the records of a file that `export_records` has written into a store, under their ids.

    Everything is as in `funnelkit.tables.importing.import_table`: leads and deals go through the gate,
    clients that are surely there are not made again, and the same file twice changes nothing. Companies
    come first, then contacts, then leads and deals, for they name each other.

    A record is the same as it was, but for what a snapshot does not know: its moves before the last
    one, and so its version, the stages it has visited and its seal. To copy a store with its ledger use
    `funnelkit.copy_store`. Records that another one stands for, which no export has, are bad rows.

    Args:
        engine: Where to.
        kind: Of the records.
        path: The file; its name tells the format.
        progress: Called with (records done, 0).
        batch: How many records go into one commit.
        into: See `funnelkit.tables.importing.Into`; ids are taken as they are, unless there is a source.

    Raises:
        InputError: ``progress`` cannot be called, or it is no such file; the line and the column
            are named. Whole batches before that line are written; mend it and import again.
    """
    _, read = _format(path)
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InputError("batch", f"{shown(batch)} is not a number of records", "give 1 or more")
    show = shower(progress)
    run = a_run(shell_of(engine), kind, {"source": "", **into}, placed=False)
    run = attrs.evolve(run, columns={"name": "name"})
    report, refused = TableReport(kind=kind), dict[str, int]()
    drafts = _drafts(read(fspath(path), kind), kind)
    while plans := _imported(run, list(islice(drafts, batch)), refused):
        report = summed(report, plans, 0)
        show(report.rows, 0)
    return report


def _imported(run: Run, drafts: list[RowDraft], refused: dict[str, int]) -> list[RowPlan]:
    with uncollected():
        return at_once(written(run, drafts, refused)) if drafts else []


def _drafts(records: Iterable[Record], kind: TargetKind) -> Iterator[RowDraft]:
    for line, record in enumerate(records, 1):
        fields = {field: getattr(record, field) for field in _SAID[kind]}
        fields = {field: value for field, value in fields.items() if value not in ("", None)}
        if not record.custom:
            del fields["custom"]
        if isinstance(record, Lead | Deal):
            fields |= _ending(record)
        reasons = (
            (Reason("replaced_by", f"{record.replaced_by} stands for it"),) if record.replaced_by else ()
        )
        yield RowDraft(line=line, kind=kind, key=record.id, fields=fields, reasons=reasons)


def _ending(record: Lead | Deal) -> dict[str, Any]:
    """Return how a record came to where it is."""
    close = record.close
    if close is None:
        return {"entered_at": record.entered_at}
    return {
        "outcome": close.outcome,
        "reason": close.reason,
        "note": close.note,
        "closed_at": close.at,
        "closed_by": close.by,
    }
