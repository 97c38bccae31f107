"""Tables into a store: a dry run first, then the import; both settle every row in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

import attrs

from funnelkit.clock import present
from funnelkit.errors import AlreadyExistsError, ConflictError, InputError, shown
from funnelkit.inputs import an_actor, given_id
from funnelkit.progress import Progress, shower
from funnelkit.records import OUTCOMES, Actor
from funnelkit.stages import Pipeline
from funnelkit.storage.immediate import run as at_once
from funnelkit.tables.bad_rows import BadRows, bad_rows_file
from funnelkit.tables.batches import batch_settled
from funnelkit.tables.drafts import BoundMapping, RowDraft
from funnelkit.tables.files import Source, Table, column_key, read_table
from funnelkit.tables.known_records import Known, Run
from funnelkit.tables.mapping import TableMapping, TargetKind
from funnelkit.tables.memory import uncollected
from funnelkit.tables.report import RowPlan, TableReport, summed
from funnelkit.tables.rows import Row
from funnelkit.tables.shared_addresses import shared_addresses
from funnelkit.verbs.engines import shell_of
from funnelkit.verbs.shell import Shell

if TYPE_CHECKING:
    from funnelkit.engine import Engine

__all__ = ["Into", "TablePlan", "import_table", "plan_table", "written"]

_TRIES = 5
"""How often a batch is tried while somebody else writes the same records."""

_PLANNED = 1000


class Into(TypedDict, total=False):
    """Where a table goes, and in whose name.

    Attributes:
        pipeline: Of leads and deals; left out, the only one of the kind.
        source: The system the table is from, ``"csv"`` if nothing is said: ids are
            ``"csv-deal-42"``. Give ``""`` to take keys as ids.
        actor: Who imports.
        override: Overrule the gate where it says no, as a named actor; the ledger tells.
    """

    pipeline: str
    source: str
    actor: Actor | str
    override: bool


def plan_table(
    engine: Engine, file: Source | Table, mapping: TableMapping, **into: Unpack[Into]
) -> TablePlan:
    r"""Say what `import_table` would do to each row of a table. Nothing is written.

    Args:
        engine: Where to; with one that is awaited use `funnelkit.tables.async_plan_table`.
        file: A path, a file opened with ``"rb"``, or what `read_table` returns.
        mapping: What its columns mean.
        into: See `Into`.

    Raises:
        DefinitionError: The mapping names columns that the table does not have, or stages that the
            pipeline does not have.
        InputError: The file cannot be read, or there is no such pipeline.

    >>> import io
    >>> from funnelkit import Engine
    >>> from funnelkit.tables.presets import simple
    >>> file = io.BytesIO(b"id;name;email\n1;Ada;ada@example.org\n2;Ada L.;ada@example.org\n3;;\n")
    >>> print(plan_table(Engine(), file, simple.contacts()))
    3 rows of contacts: created 1, filled 0, same 1, bad 1
      clients known under another id: 1
      rows about a record of an earlier row: 1
      rows that say otherwise than what is here, which stays: 1
      line 3: same record as line 2: changes nothing of csv-contact-1, known by email:ada@ex...
      line 4: bad: name: empty
    """
    table, bound, run = _ready(engine, file, mapping, into)
    return TablePlan(table, bound, run, _noise(run, table, bound))


class TablePlan:
    """What an import would do, row by row; going through it again looks at the store again.

    Rows are settled as they are asked for, so that a large file begins to answer at once. What is
    created is remembered until the end: about a kilobyte a row.

    Attributes:
        columns: The columns of the table.
        unknown: Those that feed nothing.
        why: Why this delimiter and this encoding were taken.
    """

    def __init__(self, table: Table, bound: BoundMapping, run: Run, noise: frozenset[str]) -> None:
        self.columns = table.columns
        self.unknown = bound.unknown
        self.why = table.why
        self._table = table
        self._bound = bound
        self._run = run
        self._noise = noise

    def __iter__(self) -> Iterator[RowPlan]:
        known = Known(noise=set(self._noise))
        for rows in _parts(self._table, _PLANNED):
            with uncollected():
                drafts = [self._bound.read(row) for row in rows]
                plans, _ = at_once(batch_settled(self._run, known, drafts))
                del drafts, _
            yield from plans

    @property
    def report(self) -> TableReport:
        """The counts of all rows, as the import would report them; goes through the table."""
        report = TableReport(kind=self._run.kind, unknown=self.unknown)
        plans = iter(self)
        while part := list(islice(plans, _PLANNED)):
            report = summed(report, part, self._table.empty)
        return attrs.evolve(report, empty=self._table.empty)

    def __str__(self) -> str:
        return str(self.report)

    def __repr__(self) -> str:
        return f"TablePlan({self._run.kind}, {self._table!r})"


def import_table(
    engine: Engine,
    file: Source | Table,
    mapping: TableMapping,
    *,
    bad_rows: str | PathLike[str] | None = None,
    progress: Progress | Literal[True] | None = None,
    batch: int = 50_000,
    **into: Unpack[Into],
) -> TableReport:
    r"""Bring the rows of a table into a store: leads and deals through the gate, contacts, companies.

    - A row is known by its key when the file comes again, so an import that was cut off is finished by
      running it again, and the same file twice changes nothing. Without a key it is known by all that
      it says.
    - A deal or lead is created on the stage of its row, at the row's date, and closed with the row's
      outcome and reason. The ledger's cause is ``"import"``. What the gate refuses is a bad row.
    - A contact that is surely there, by an e-mail address, an identifier or a phone number, is not made
      again, nor is a company, by an identifier or its exact name. That holds within the file as well.
    - Of a record that is there, blanks are filled and nothing is overwritten; what the row says
      otherwise is reported as kept. Its stage and its past are left alone.
    - A contact's company is found by its exact name, or made.
    - A bad row is reported with its line, column and reason, and written to ``bad_rows`` as it was.
    - The mark of clients who come again is not looked up.

    Args:
        engine: Where to; with one that is awaited use `funnelkit.tables.async_import_table`.
        file: A path, a file opened with ``"rb"``, or what `read_table` returns.
        mapping: What its columns mean. A column of places that has no values is read by the ids and
            labels of the pipeline's stages.
        bad_rows: Where to write a CSV file of the bad rows; mend it and import it. No other file than
            one of bad rows is written over, and where no row is bad there is none afterwards.
        progress: Called with (rows done, rows); True draws a bar on stderr if that is a terminal.
        batch: How many rows go into one commit. Large ones stay fast in a large store; small ones need
            less memory, and hold up other writers for a shorter time.
        into: See `Into`.

    Raises:
        DefinitionError, InputError: See `plan_table`; or ``progress`` cannot be called, or ``bad_rows``
            is the table itself, or another file that is there. Nothing was written.
        StoreError: The store failed. Whole batches are written or not; run the import again.

    >>> import io
    >>> from funnelkit import Engine, Pipeline, Stage
    >>> from funnelkit.tables.presets import simple
    >>> engine = Engine(Pipeline("sales", [Stage("new", label="Новая"), Stage("offer")]))
    >>> file = io.BytesIO("код;название;стадия;сумма\n1;Acme;Новая;1 234,50 ₽\n2;Bolt;Старая;7\n".encode())
    >>> print(import_table(engine, file, simple.deals(currency="RUB")))
    2 rows of deals: created 1, filled 0, same 0, bad 1
      line 3: bad: стадия: 'Старая' is not mapped (one of 'Новая', 'new', 'offer', ...
    >>> engine.get("csv-deal-1").value
    Money('1,234.50 RUB')
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InputError("batch", f"{shown(batch)} is not a number of rows", "give 1 or more")
    table, bound, run = _ready(engine, file, mapping, into)
    show = shower(progress)
    total = sum(1 for _ in table) if progress else 0
    report = TableReport(kind=run.kind, unknown=bound.unknown)
    refused: dict[str, int] = {}
    noise = _noise(run, table, bound)
    with bad_rows_file(bad_rows, table) as bad:
        show(0, total)
        parts = _parts(table, batch)
        while plans := _imported(run, bound, parts, refused, noise=noise, bad=bad):
            report = summed(report, plans, table.empty)
            show(report.rows, total)
    return attrs.evolve(report, empty=table.empty)


async def written(
    run: Run, drafts: Sequence[RowDraft], refused: dict[str, int], noise: Iterable[str] = ()
) -> list[RowPlan]:
    """Settle rows and write them in one commit; look again if somebody else was faster.

    ``refused`` are the ids of rows that were bad so far, with their lines; it grows. By keys that
    are ``noise`` nobody is known.
    """
    tries = 0
    while True:
        known = Known(refused=dict(refused), noise=set(noise))
        plans, out = await batch_settled(run, known, drafts)
        try:
            if out.commits or out.keys:
                await run.shell.write(out.commit())
        except (AlreadyExistsError, ConflictError):
            tries += 1
            if tries == _TRIES:
                raise
        else:
            refused |= known.refused
            return plans


def _imported(
    run: Run,
    bound: BoundMapping,
    parts: Iterator[list[Row]],
    refused: dict[str, int],
    *,
    noise: frozenset[str],
    bad: BadRows | None,
) -> list[RowPlan]:
    """Import the next batch of rows; return what became of them, nothing after the last one."""
    with uncollected():
        rows = next(parts, [])
        drafts = [bound.read(row) for row in rows]
        plans = at_once(written(run, drafts, refused, noise)) if rows else []
        if bad is not None:
            for row, plan in zip(rows, plans, strict=True):
                if plan.fate == "bad":
                    bad.write(row, plan)
        del rows, drafts  # before the collector wakes up
        return plans


def _parts(table: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rows = iter(table)
    while part := list(islice(rows, size)):
        yield part


# -- before the first row ------------------------------------------------------------------------


def _ready(
    engine: Engine, file: Source | Table, mapping: TableMapping, into: Into
) -> tuple[Table, BoundMapping, Run]:
    if not isinstance(mapping, TableMapping):
        raise InputError("mapping", f"{shown(mapping)} is no TableMapping", "take a preset, or declare one")
    run = a_run(shell_of(engine), mapping.kind, into)
    if run.pipeline is not None:
        mapping = _placing(mapping, run.pipeline)
        mapping.check(run.pipeline.stage_ids)
    table = file if isinstance(file, Table) else read_table(file)
    bound = mapping.bound(table)
    return table, bound, attrs.evolve(run, columns=_columns(table, mapping))


def _noise(run: Run, table: Table, bound: BoundMapping) -> frozenset[str]:
    return shared_addresses(table, bound, run.shell.business.keys.aliases)


def _columns(table: Table, mapping: TableMapping) -> dict[str, str]:
    """Return field → the first of its columns that the table has."""
    here = {column_key(name): name for name in table.columns}
    sources = {**mapping.fields, **({"key": mapping.key} if mapping.key else {})}
    columns: dict[str, str] = {}
    for field, column in sources.items():
        for name in map(column_key, column.columns):
            if name in here:
                columns.setdefault(field, here[name])
    return columns


def a_run(shell: Shell, kind: TargetKind, into: Into, *, placed: bool | None = None) -> Run:
    """Return what an import is told, checked; ``placed`` says whether it has one pipeline for all rows."""
    if unknown := into.keys() - Into.__annotations__.keys():
        raise TypeError(f"unknown argument {min(unknown)!r}; known: {', '.join(Into.__annotations__)}")
    source = into.get("source", "csv")
    override = into.get("override", False)
    if not isinstance(override, bool):
        raise InputError("override", f"{shown(override)} is not True or False")
    if placed is None:
        placed = kind in {"lead", "deal"}
    pipeline = shell.only(kind, into.get("pipeline")) if placed else None
    if pipeline is not None and pipeline.kind != kind:
        problem = f"{pipeline.id} is a pipeline for {pipeline.kind}s"
        raise InputError("pipeline", problem, f"the table has {kind}s")
    return Run(
        shell=shell,
        kind=kind,
        pipeline=pipeline,
        source=given_id(source, "source") if source != "" else "",
        actor=an_actor(into.get("actor")),
        override=override,
        at=present(shell.clock),
        columns={},
    )


def _placing(mapping: TableMapping, pipeline: Pipeline) -> TableMapping:
    """Return a mapping whose column of places knows the stages by their ids and labels, too."""
    column = mapping.fields.get("place")
    if column is None:
        return mapping
    known = {stage.label: stage.id for stage in pipeline.stages if stage.label}
    known |= {word: word for word in (*pipeline.stage_ids, *OUTCOMES)}
    told = {column_key(label) for label in column.values}
    values = {label: place for label, place in known.items() if column_key(label) not in told}
    column = attrs.evolve(column, values={**values, **column.values})
    return attrs.evolve(mapping, fields={**mapping.fields, "place": column})
