"""Every error funnelkit raises, drawn as a tree.

    FunnelkitError
    ├─ DefinitionError (ValueError)      a pipeline, stage, rule or mapping that cannot work
    ├─ InputError (ValueError)           an argument that is not acceptable as given
    │  ├─ TimeError                      a naive datetime, a future back-fill, a bad duration
    │  ├─ MoneyError                     a float, an unknown currency, too many decimals
    │  └─ OutOfOrderError                a back-fill dated before something already recorded
    ├─ RefusedError                      the gate said no; holds the verdict with every refusal
    ├─ StoreError
    │  ├─ NotFoundError (LookupError)    no record with that id
    │  ├─ AlreadyExistsError             a record with that id is there already
    │  ├─ ConflictError                  somebody changed the record first
    │  ├─ KeyReusedError                 the idempotency key was used for something else
    │  ├─ StoreBusyError                 another writer held the store too long
    │  ├─ StoreFullError                 no space left for the store
    │  ├─ StoreReadOnlyError             the store cannot be written
    │  ├─ StoreUnavailableError          the store cannot be reached
    │  ├─ StoreClosedError               the store was closed
    │  ├─ NotAStoreError                 the file is something else, or damaged
    │  └─ SchemaVersionError             written by another version of funnelkit
    └─ MissingExtraError (ImportError)   an optional package is not installed

An error carries data first (its constructor's arguments, as attributes); the message is derived from
them. All errors can be pickled and compare by value. ``retriable`` says whether the same call can
succeed when repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "AlreadyExistsError",
    "ConflictError",
    "DefinitionError",
    "FunnelkitError",
    "InputError",
    "KeyReusedError",
    "MissingExtraError",
    "MoneyError",
    "NotAStoreError",
    "NotFoundError",
    "OutOfOrderError",
    "RefusedError",
    "SchemaVersionError",
    "StoreBusyError",
    "StoreClosedError",
    "StoreError",
    "StoreFullError",
    "StoreReadOnlyError",
    "StoreUnavailableError",
    "TimeError",
]


def shown(value: object, limit: int = 60) -> str:
    """Return ``repr(value)`` cut to ``limit`` characters, so that no message drowns in its data."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 (an int of thousands of digits, or an object that cannot be shown)
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class FunnelkitError(Exception):
    """Something funnelkit could not do. Catch this to catch all of its errors."""

    retriable: ClassVar[bool] = False
    """Whether the same call may succeed when it is simply made again."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.args == self.args

    def __hash__(self) -> int:
        return hash((type(self), str(self)))


class DefinitionError(FunnelkitError, ValueError):
    """A definition cannot work as written. Every problem found is listed, each with its path.

    Common causes: a stage named in a transition does not exist; a rule asks for a parameter that
    nobody supplies; a key of a TOML document is misspelt.

    Attributes:
        subject: What was being defined, for example ``"pipeline 'sales'"``.
        problems: Every problem; ``str()`` of each reads ``path: sentence``.
    """

    def __init__(self, subject: str, problems: Iterable[Any]) -> None:
        self.subject = subject
        self.problems: Sequence[Any] = tuple(problems)
        super().__init__(subject, self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.subject}: {self.problems[0]}"
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{self.subject} has {len(self.problems)} problems:{lines}"


class InputError(FunnelkitError, ValueError):
    """An argument is not acceptable. The message names the argument, the value and the mend.

    Common causes: text that is too long or holds a NUL byte; an unknown stage, pipeline or field;
    a custom value that JSON cannot hold.

    Attributes:
        argument: The name of the argument, for example ``"name"`` or ``"custom.size"``.
        problem: What is wrong with it.
        fix: What would be accepted, or ``""``.
    """

    def __init__(self, argument: str, problem: str, fix: str = "") -> None:
        self.argument = argument
        self.problem = problem
        self.fix = fix
        super().__init__(argument, problem, fix)

    def __str__(self) -> str:
        return f"{self.argument}: {self.problem}" + (f" ({self.fix})" if self.fix else "")


class TimeError(InputError):
    """A time is naive, in the future, before 1970, or a duration cannot be read.

    Common causes: ``datetime.now()`` without a zone; ``"14 days"`` instead of ``"14d"``.
    """


class MoneyError(InputError):
    """An amount or a currency is not acceptable, or two currencies were mixed.

    Common causes: a ``float`` amount; ``"RUR"`` instead of ``"RUB"``; half a cent.
    """


class OutOfOrderError(InputError):
    """A back-filled act is dated before something that is already recorded for the record.

    The ledger of one record runs forward in time; what came later was decided on what came before.
    Common causes: ``at=`` earlier than the record's last move or last edit; rows of an import that
    are not sorted by time within one record.
    """


class RefusedError(FunnelkitError):
    """The gate refused the act. The store is unchanged.

    Common causes: a rule said no; the pipeline has no such move; the record is closed. Ask
    ``engine.can(...)`` first to show every refusal without an exception.

    Attributes:
        record: Id of the record, or ``""`` for one that was to be created.
        verdict: The `Verdict` with every `Refusal`.
    """

    def __init__(self, record: str, verdict: Any) -> None:
        self.record = record
        self.verdict = verdict
        super().__init__(record, verdict)

    def __str__(self) -> str:
        return f"{self.record}: {self.verdict}" if self.record else str(self.verdict)


class StoreError(FunnelkitError):
    """A store could not do what was asked; ``__cause__`` holds the driver's own error."""


class NotFoundError(StoreError, LookupError):
    """There is no such record in the store.

    Common causes: a mistyped id; another database file than the one written to.
    """

    def __init__(self, kind: str, id: str) -> None:
        self.kind = kind
        self.id = id
        super().__init__(kind, id)

    def __str__(self) -> str:
        return f"there is no {self.kind} {shown(self.id)}"


class AlreadyExistsError(StoreError):
    """A record with this id exists already.

    Common causes: an id of your own given twice; an import run twice without ``key=``.
    """

    def __init__(self, kind: str, id: str) -> None:
        self.kind = kind
        self.id = id
        super().__init__(kind, id)

    def __str__(self) -> str:
        return f"a {self.kind} {shown(self.id)} exists already"


class ConflictError(StoreError):
    """Somebody changed the record first; nothing was written. Read it again and decide again.

    Common causes: two people moved one deal; a verb was called with a record read long ago.

    Attributes:
        kind, id: The record.
        expected: The version the caller had seen; 0 if a plan had not seen the record at all.
        actual: The version in the store.
    """

    def __init__(self, kind: str, id: str, expected: int, actual: int) -> None:
        self.kind = kind
        self.id = id
        self.expected = expected
        self.actual = actual
        super().__init__(kind, id, expected, actual)

    def __str__(self) -> str:
        if not self.expected:
            return f"{self.kind} {shown(self.id)} is new since the plan: make a new plan"
        return (
            f"{self.kind} {shown(self.id)} was expected at version {self.expected} "
            f"but is at {self.actual}: read it again and decide again"
        )


class KeyReusedError(StoreError):
    """An idempotency key came again with another request. The first result stands.

    Common causes: a key built from too little (the day, the user) instead of the inquiry itself.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)

    def __str__(self) -> str:
        return (
            f"key {shown(self.key)} was used before for another request: give each request a key of its own"
        )


class _StoreStateError(StoreError):
    def __init__(self, store: str, problem: str) -> None:
        self.store = store
        self.problem = problem
        super().__init__(store, problem)

    def __str__(self) -> str:
        return f"{self.store}: {self.problem}"


class StoreBusyError(_StoreStateError):
    """Another writer held the store for longer than the time-out. Nothing was written.

    Common causes: a long transaction in another process; a backup tool that locks the file.
    """

    retriable = True


class StoreFullError(_StoreStateError):
    """There is no space left. Nothing was written; reading goes on.

    Common causes: a full disk; a quota.
    """


class StoreReadOnlyError(_StoreStateError):
    """The store cannot be written. Nothing was written.

    Common causes: file permissions; a read-only file system; a store opened read-only.
    """


class StoreUnavailableError(_StoreStateError):
    """The store cannot be reached.

    Nothing was written, unless the message says that this is not known: the answer to a commit was
    lost, or the disk failed while it was made safe. Repeating the act with the same ``key`` is safe.

    Common causes: a folder that does not exist; no permission to open the file; an input/output
    error of the disk; a server that is down, or that a network has cut off.
    """

    retriable = True


class StoreClosedError(_StoreStateError):
    """The store was closed and cannot be used any more.

    Common causes: use after ``close()`` or after the end of a ``with`` block.
    """


class NotAStoreError(_StoreStateError):
    """The file is not a funnelkit store, or it is damaged. It was not touched.

    Common causes: a mistyped path; an empty file; a database of another program.
    """


class SchemaVersionError(StoreError):
    """The store was written by another version of funnelkit. It was not touched.

    Common causes: two versions of an application running against one file; a file of an older
    version that is opened to be read only.

    Attributes:
        store: Which store.
        found: Its schema version.
        supported: The schema version of this funnelkit.
    """

    def __init__(self, store: str, found: int, supported: int) -> None:
        self.store = store
        self.found = found
        self.supported = supported
        super().__init__(store, found, supported)

    def __str__(self) -> str:
        if self.found > self.supported:
            mend = "upgrade funnelkit"
        else:
            mend = (
                "open it once so that it can be written, which brings it up to date; "
                "in a database of your own run SQLiteStore.create_tables(connection)"
            )
        return (
            f"{self.store}: has schema version {self.found}, this funnelkit works with "
            f"{self.supported}: {mend}"
        )


class MissingExtraError(FunnelkitError, ImportError):
    """An optional package is needed for this and is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        self.purpose = purpose
        self.extra = extra
        super().__init__(purpose, extra)

    def __str__(self) -> str:
        return f"{self.purpose} needs an optional package: pip install 'funnelkit[{self.extra}]'"
