"""`export`: what the metrics need of a store, as Parquet files beside a manifest.

The ledger only grows, so an export is brought up to date by what came behind its last position. Files
are written under their final names before the manifest lists them, and removed after it has ceased to.
Killed anywhere and run again, the result is that of one run.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from inspect import iscoroutinefunction
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import attrs

from funnelkit.errors import InputError, shown
from funnelkit.exporting.layout import LEDGER, RECORDS, TABLES, arrow_schema, pyarrow
from funnelkit.exporting.manifest import DRAFT, MANIFEST, Manifest, Part, read_manifest, save_draft
from funnelkit.progress import Progress, shower
from funnelkit.storage.base import Store

__all__ = ["Exported", "export"]

_PAGE = 10_000
_CHUNK = 25 * _PAGE
"""Rows of the ledger that are held at once, about 100 MB; each chunk is a file a month."""
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Exported:
    """What an export wrote, and what it holds now.

    >>> print(Exported(path="ledger", written={"move": 5}, rows={"move": 12, "deal": 3}))
    ledger: wrote 5 of move; holds 12 of move, 3 of deal
    """

    path: str
    written: dict[str, int] = attrs.field(hash=False)
    rows: dict[str, int] = attrs.field(hash=False)

    def __str__(self) -> str:
        wrote, holds = (
            ", ".join(f"{rows:,} of {table}" for table, rows in counts.items() if rows) or "nothing"
            for counts in (self.written, self.rows)
        )
        return f"{self.path}: wrote {wrote}; holds {holds}"


def export(
    store: Store,
    path: str | os.PathLike[str],
    *,
    progress: Progress | Literal[True] | None = None,
) -> Exported:
    """Write the ledger of a store as Parquet files, or bring such an export up to date.

    The folder gets a folder a table: ``move`` (by month of the move, UTC), ``attribute``,
    ``definition``, ``deal`` and ``lead``; names, addresses, notes and custom fields of the records
    themselves stay in the store. The ledger is exported as far as it was when the run began; records
    are as they are when they are read. The store may be written meanwhile. One run at a time.

    Args:
        store: Any store; an engine's store will do.
        path: A folder: a new one, or that of an earlier export of this store.
        progress: Called with the number of rows written and to be written; True draws a bar on
            stderr if that is a terminal.

    Raises:
        InputError: It is no store, the folder holds the export of another store, or it cannot be written.
        MissingExtraError: pyarrow is not installed.
        NotAStoreError: The manifest in the folder is damaged.

    >>> from tempfile import TemporaryDirectory
    >>> from funnelkit import Engine, Pipeline, Stage
    >>> engine = Engine(Pipeline("sales", [Stage("new")]))
    >>> deal = engine.create("Acme")
    >>> with TemporaryDirectory() as folder:
    ...     export(engine.store, folder).written, export(engine.store, folder).written
    ({'move': 1, 'deal': 1, 'definition': 1}, {})
    """
    if isinstance(store, type) or not hasattr(store, "query") or iscoroutinefunction(store.query):
        raise InputError("store", f"{shown(store)} is no store to export", "give engine.store, not awaited")
    show = shower(progress)
    pyarrow()
    try:
        return _Run(store, Path(path), show).run()
    except OSError as error:
        raise InputError("path", f"cannot be written: {error}", "mend that and export again") from error


class _Run:
    """One run: a manifest that grows, and the counts to show."""

    def __init__(self, store: Store, folder: Path, show: Progress) -> None:
        self.store, self.folder, self.show = store, folder, show
        self.written: dict[str, int] = {}
        self.done = self.total = 0
        self.ends = {table: (last, rows) for table, last, rows in store.query(_ENDS, {})}
        self.manifest = self.begun()

    def begun(self) -> Manifest:
        """Return the draft of a run that was cut off, else the manifest, else an empty one."""
        origin = tuple(str(value) for row in self.store.query(_ORIGIN, {}) for value in row)
        found = read_manifest(self.folder / DRAFT) or read_manifest(self.folder / MANIFEST)
        if found is None or dict(found.columns) != TABLES:  # older columns: all is written anew
            return Manifest(origin=origin, columns=TABLES)
        if found.origin and found.origin != origin:
            raise InputError("path", f"{self.folder} is the export of another store", "give a new folder")
        return attrs.evolve(found, origin=origin)

    def run(self) -> Exported:
        """Bring every table up to date, then let the manifest be true."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sweep()
        for table in TABLES:
            if not self.manifest.of(table):
                self.keep(table, [self.write(table, "columns", [])])
        stamps = {table: self.stamp(table) for table in (*RECORDS, "definition")}
        stale = [table for table, stamp in stamps.items() if self.manifest.stamps.get(table) != stamp]
        for table in LEDGER:
            self.drop_what_grows(table)
        held = sum(part.rows for table in LEDGER for part in self.manifest.of(table))
        self.total = sum(rows for _, rows in self.ends.values()) - held + sum(stamps[t][0] for t in stale)
        for table in LEDGER:
            self.ledger(table)
        for table in stale:
            self.records(table, stamps[table])
        if read_manifest(self.folder / MANIFEST) != self.manifest:
            save_draft(self.folder, self.manifest)
            (self.folder / DRAFT).replace(self.folder / MANIFEST)
        (self.folder / DRAFT).unlink(missing_ok=True)
        self.sweep()
        rows = {table: sum(part.rows for part in self.manifest.of(table)) for table in TABLES}
        self.show(self.done, max(self.total, self.done))
        return Exported(path=str(self.folder), written=self.written, rows=rows)

    def keep(self, table: str, parts: Sequence[Part], stamp: tuple[int, ...] | None = None) -> None:
        """Put the files of a table down in the draft."""
        self.manifest = self.manifest.with_parts(table, parts, stamp)
        save_draft(self.folder, self.manifest)

    def sweep(self) -> None:
        """Remove every file of ours that neither the manifest nor a draft lists."""
        listed = self.manifest.paths()
        whole = read_manifest(self.folder / MANIFEST)
        listed |= whole.paths() if whole else set()
        for file in sorted(self.folder.glob("*.part")):
            file.unlink()
        for table in TABLES:
            for file in sorted((self.folder / table).rglob("*.parquet*")):
                if file.relative_to(self.folder).as_posix() not in listed:
                    file.unlink()

    def drop_what_grows(self, table: str) -> None:
        """Forget the chunks that must be read again.

        That is the last one, if more has come and it is not full, and those where a writer that was
        slower than others has put rows since.
        """
        last, _ = self.ends[table]
        parts = self.manifest.of(table)
        reach = max(part.high for part in parts)
        chunks = {(part.low, part.high): 0 for part in parts if part.high}
        for part in parts:
            if part.high:
                chunks[part.low, part.high] += part.rows
        stale = {span for span, held in chunks.items() if span[1] == reach < last and held < _CHUNK}
        behind = self.store.query(_BETWEEN.format(table=table), {"low": 0, "high": reach})[0][0]
        if behind != sum(chunks.values()):
            for (low, high), held in chunks.items():
                found = self.store.query(_BETWEEN.format(table=table), {"low": low, "high": high})[0][0]
                if found < held:
                    problem = f"{self.folder} holds rows of {table} that the store does not"
                    raise InputError("path", problem, "give a new folder")
                stale |= {(low, high)} if found != held else set()
        if stale:
            self.manifest = self.manifest.with_parts(
                table, [part for part in parts if (part.low, part.high) not in stale]
            )

    def ledger(self, table: str) -> None:
        """Write what is missing of a table that only grows, chunk by chunk."""
        last, _ = self.ends[table]
        for low, high in _gaps(self.manifest.of(table), last):
            chunk: dict[str, list[Any]] = defaultdict(list)
            rows, start, end = 0, low, low
            for page in self.pages(table, "position", low, high):
                for month, batch in _by_month(table, page):
                    chunk[month].append(batch)
                rows, end = rows + len(page), page[-1][0]
                if rows >= _CHUNK:
                    self.chunk(table, chunk, rows, (start, end))
                    chunk, rows, start = defaultdict(list), 0, end
            if rows:
                self.chunk(table, chunk, rows, (start, end))

    def chunk(self, table: str, months: dict[str, list[Any]], rows: int, span: tuple[int, int]) -> None:
        """Write a chunk, a file a month, and put it down in the draft."""
        low, high = span
        name = f"{low + 1:012}-{high:012}-{rows}"
        parts = [
            attrs.evolve(self.write(table, f"{month}{name}", batches), low=low, high=high)
            for month, batches in sorted(months.items())
        ]
        self.keep(table, sorted([*self.manifest.of(table), *parts], key=lambda part: (part.low, part.path)))

    def records(self, table: str, stamp: tuple[int, ...]) -> None:
        """Write a table of what is, whole."""
        schema = arrow_schema(table)
        key = TABLES[table][0]
        parts = [self.manifest.of(table)[0]]  # the one without rows
        batches: list[Any] = []
        name = "-".join(map(str, stamp))
        for page in self.pages(table, key, "", None):
            batches.append(_batch(page, schema))
            if len(batches) * _PAGE >= _CHUNK:
                parts.append(self.write(table, f"{name}-{len(parts)}", batches))
                batches = []
        if batches:
            parts.append(self.write(table, f"{name}-{len(parts)}", batches))
        self.keep(table, parts, stamp)

    def write(self, table: str, name: str, batches: list[Any]) -> Part:
        """Write one file, whole or not at all."""
        arrow, parquet = pyarrow()
        content = arrow.Table.from_batches(batches, arrow_schema(table))
        relative = f"{table}/{name}.parquet"
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            parquet.write_table(content, file, row_group_size=131_072)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        if content.num_rows:
            self.written[table] = self.written.get(table, 0) + content.num_rows
        return Part(path=relative, rows=content.num_rows)

    def pages(self, table: str, key: str, after: Any, last: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a table in the order of its key, page by page."""
        columns, upto = ", ".join(TABLES[table]), f" AND {key} <= :last" if last is not None else ""
        sql = f"SELECT {columns} FROM {table} WHERE {key} > :after{upto} ORDER BY {key} LIMIT {_PAGE}"  # noqa: S608
        bounds = {} if last is None else {"last": last}
        while page := self.store.query(sql, {"after": after, **bounds}):
            yield page
            after = page[-1][0]
            self.done += len(page)
            self.show(self.done, max(self.total, self.done))

    def stamp(self, table: str) -> tuple[int, ...]:
        """Return what grows with every change of a table: its rows and the sum of their versions."""
        version = "version" if table in RECORDS else "0"
        ((rows, total),) = self.store.query(f"SELECT COUNT(*), SUM({version}) FROM {table}", {})  # noqa: S608
        return (rows, int(total or 0))


_ENDS = " UNION ALL ".join(
    f"SELECT '{table}', COALESCE(MAX(position), 0), COUNT(*) FROM {table}"  # noqa: S608
    for table in LEDGER
)
_ORIGIN = "SELECT record_id, moved_us FROM move WHERE position = (SELECT MIN(position) FROM move)"
_BETWEEN = "SELECT COUNT(*) FROM {table} WHERE position > :low AND position <= :high"


def _gaps(parts: Sequence[Part], last: int) -> list[tuple[int, int]]:
    """Return the spans of positions up to ``last`` that no file covers.

    >>> _gaps([Part(path="a", rows=1, low=2, high=5), Part(path="b", rows=1, low=5, high=6)], 9)
    [(0, 2), (6, 9)]
    """
    spans = sorted({(part.low, part.high) for part in parts if part.high})
    edges = [(0, 0), *spans, (last, last)]
    return [(high, low) for (_, high), (low, _) in pairwise(edges) if low > high]


def _by_month(table: str, page: list[tuple[Any, ...]]) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a page by the folder they belong into."""
    schema = arrow_schema(table)
    if table != "move":
        yield "", _batch(page, schema)
        return
    place = TABLES["move"].index("moved_us")
    months: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in page:
        months[_month(row[place] // _DAY_US)].append(row)
    for month, rows in months.items():
        yield f"month={month}/", _batch(rows, schema)


@cache
def _month(day: int) -> str:
    return f"{_EPOCH + timedelta(days=day):%Y-%m}"


def _batch(rows: list[tuple[Any, ...]], schema: Any) -> Any:
    arrow, _ = pyarrow()
    columns = zip(*rows, strict=True)
    arrays = [arrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return arrow.RecordBatch.from_arrays(arrays, schema=schema)
