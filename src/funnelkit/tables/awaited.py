"""Tables with an engine that is awaited: the same functions, each in a worker thread.

Files are read by code that blocks, and ten thousand rows keep a processor busy for a second. So that
the event loop goes on meanwhile, all of it happens in a thread; an engine made for that thread asks the
store, and a store that is awaited answers through the loop. What is started goes on to its end: a task
that is cancelled stops waiting for it, no more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Literal, Unpack

from funnelkit.progress import Progress
from funnelkit.storage.base import Commit
from funnelkit.tables.files import Source, Table
from funnelkit.tables.importing import Into, TablePlan, import_table, plan_table
from funnelkit.tables.mapping import TableMapping, TargetKind
from funnelkit.tables.record_files import export_records, import_records
from funnelkit.tables.report import RowPlan, TableReport
from funnelkit.verbs.engines import awaited_shell_of
from funnelkit.verbs.shell import Shell

if TYPE_CHECKING:
    from funnelkit.async_engine import AsyncEngine
    from funnelkit.changes import Change
    from funnelkit.engine import Engine

__all__ = [
    "AsyncTablePlan",
    "async_export_records",
    "async_import_records",
    "async_import_table",
    "async_plan_table",
]

_AT_ONCE = 1000


async def async_import_table(
    engine: AsyncEngine,
    file: Source | Table,
    mapping: TableMapping,
    *,
    bad_rows: str | PathLike[str] | None = None,
    progress: Progress | Literal[True] | None = None,
    batch: int = 50_000,
    **into: Unpack[Into],
) -> TableReport:
    r"""Do `import_table` with an engine that is awaited.

    ``progress`` is called in the worker thread; subscribers hear of it in the event loop, as always.

    >>> import asyncio, io
    >>> from funnelkit import AsyncEngine
    >>> from funnelkit.tables.presets import simple
    >>> async def imported():
    ...     async with AsyncEngine() as engine:
    ...         file = io.BytesIO(b"id;name\n1;Ada\n")
    ...         return await async_import_table(engine, file, simple.contacts())
    >>> print(asyncio.run(imported()))
    1 rows of contacts: created 1, filled 0, same 0, bad 0
    """
    from asyncio import to_thread

    own = _for_a_thread(engine)
    return await to_thread(
        import_table, own, file, mapping, bad_rows=bad_rows, progress=progress, batch=batch, **into
    )


async def async_plan_table(
    engine: AsyncEngine, file: Source | Table, mapping: TableMapping, **into: Unpack[Into]
) -> AsyncTablePlan:
    """Do `plan_table` with an engine that is awaited; see `AsyncTablePlan`."""
    from asyncio import to_thread

    return AsyncTablePlan(await to_thread(plan_table, _for_a_thread(engine), file, mapping, **into))


class AsyncTablePlan:
    r"""What an import would do, row by row; see `TablePlan`, whose attributes it has.

    >>> import asyncio, io
    >>> from funnelkit import AsyncEngine
    >>> from funnelkit.tables.presets import simple
    >>> async def planned():
    ...     async with AsyncEngine() as engine:
    ...         plan = await async_plan_table(engine, io.BytesIO(b"id;name\n1;Ada\n"), simple.contacts())
    ...         return [str(row) async for row in plan], (await plan.report()).created
    >>> asyncio.run(planned())
    (['line 2: creates csv-contact-1'], 1)
    """

    def __init__(self, plan: TablePlan) -> None:
        self.columns = plan.columns
        self.unknown = plan.unknown
        self.why = plan.why
        self._plan = plan

    async def __aiter__(self) -> AsyncIterator[RowPlan]:
        from asyncio import to_thread

        rows = iter(self._plan)
        while part := await to_thread(lambda: list(islice(rows, _AT_ONCE))):
            for row in part:
                yield row

    async def report(self) -> TableReport:
        """Return the counts of all rows; see `TablePlan.report`."""
        from asyncio import to_thread

        return await to_thread(lambda: self._plan.report)

    def __repr__(self) -> str:
        return f"Async{self._plan!r}"


async def async_export_records(
    engine: AsyncEngine,
    kind: TargetKind,
    path: str | PathLike[str],
    *,
    progress: Progress | Literal[True] | None = None,
) -> int:
    """Do `export_records` with an engine that is awaited."""
    from asyncio import to_thread

    return await to_thread(export_records, _for_a_thread(engine), kind, path, progress=progress)


async def async_import_records(
    engine: AsyncEngine,
    kind: TargetKind,
    path: str | PathLike[str],
    *,
    progress: Progress | Literal[True] | None = None,
    batch: int = 50_000,
    **into: Unpack[Into],
) -> TableReport:
    """Do `import_records` with an engine that is awaited."""
    from asyncio import to_thread

    own = _for_a_thread(engine)
    return await to_thread(import_records, own, kind, path, progress=progress, batch=batch, **into)


# -- the engine of the thread --------------------------------------------------------------------


def _for_a_thread(engine: AsyncEngine) -> Engine:
    """Return an engine for a worker thread of this loop, over the same store."""
    from funnelkit.engine import Engine
    from funnelkit.storage.threads import FromThread

    shell = awaited_shell_of(engine)
    business = shell.business
    own = Engine(
        *shell.pipelines.values(),
        store=FromThread(shell.store),
        clock=shell.clock,
        ids=shell.ids,
        zone=business.zone,
        sealed=shell.sealed,
        sources=business.sources.values(),
        organisation=business.organisation,
        keys=business.keys,
    )
    if shell.subscribers:
        own.subscribe(_told_in_its_loop(shell))
    return own


def _told_in_its_loop(shell: Shell) -> Callable[[Change], None]:
    """Return what tells the subscribers of an engine from another thread, and waits until they know."""
    from asyncio import get_running_loop, run_coroutine_threadsafe

    loop = get_running_loop()

    def tell(change: Change) -> None:
        run_coroutine_threadsafe(shell.committed(Commit(changes=(change,))), loop).result()

    return tell
