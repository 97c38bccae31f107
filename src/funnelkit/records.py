"""The records: `Lead`, `Deal`, `Contact`, `Company`, `Activity`, and the ledger's `Move`.

All are frozen values. A verb of the engine returns a new one; nothing changes in place. They have no
slots, because a dictionary is copied in one step, and every act makes a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal, TypeVar

import attrs

from funnelkit.money import Money

__all__ = [
    "OUTCOMES",
    "SYSTEM",
    "Activity",
    "Actor",
    "Close",
    "Company",
    "Contact",
    "Deal",
    "FrozenMapping",
    "Lead",
    "Move",
    "PipelineRecord",
    "Record",
]

Outcome = Literal["won", "lost", "void"]
OUTCOMES: tuple[Outcome, ...] = ("won", "lost", "void")
"""How a record can end. Not stages: a closed record keeps the stage it ended on."""

Repeat = Literal["", "deal", "inquiry"]
"""Whether a known client has come again: after a purchase, or after none."""

Direction = Literal["create", "forward", "skip", "back", "close", "reopen", "transfer"]


class FrozenMapping(Mapping[str, Any]):
    """An immutable, hashable mapping of JSON values: the type of ``custom``.

    >>> freight = FrozenMapping({"terms": {"payment": "card"}})
    >>> freight["terms"]["payment"], freight.get("route")
    ('card', None)
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any] = {}) -> None:
        self._items = {key: _frozen(value) for key, value in items.items()}

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        """Compare as JSON does, where true is no 1 and false no 0; any mapping will do."""
        if not isinstance(other, Mapping):
            return NotImplemented
        return _same(self, other if isinstance(other, FrozenMapping) else FrozenMapping(other))

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        return (FrozenMapping, (self._items,))


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value if isinstance(value, FrozenMapping) else FrozenMapping(value)
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return value


def _same(one: Any, other: Any) -> bool:
    """Whether two frozen JSON values are the same."""
    if isinstance(one, FrozenMapping) and isinstance(other, FrozenMapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


NOTHING = FrozenMapping()

R = TypeVar("R")


def replaced(record: R, **new: Any) -> R:
    """Return a copy of a record with some fields new. It is `attrs.evolve` in a quarter of the time."""
    copy = object.__new__(type(record))
    copy.__dict__.update(record.__dict__, **new)
    return copy


def whole(record_type: type[R], fields: Mapping[str, Any]) -> R:
    """Return a record of all of its fields, in their order. It is a call of the type in half of the time."""
    record = object.__new__(record_type)
    record.__dict__.update(fields)
    return record


@attrs.frozen
class Actor:
    """Who does an act: a person or a program, with the roles that rules may ask for.

    >>> Actor("sam", roles={"manager"})
    Actor('sam', roles={'manager'})
    """

    id: str
    roles: frozenset[str] = attrs.field(default=frozenset(), converter=frozenset)

    def __repr__(self) -> str:
        roles = f", roles={{{', '.join(map(repr, sorted(self.roles)))}}}" if self.roles else ""
        return f"Actor({self.id!r}{roles})"


SYSTEM = Actor("system")
"""The actor of an act for which nobody was named."""


@attrs.frozen(kw_only=True)
class Close:
    """How, when, why and by whom a record was closed.

    The reason's text is copied here, so that renaming a reason does not rewrite history.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> sales = Pipeline("sales", [Stage("new")], close_reasons={"lost": {"price": "Слишком дорого"}})
    >>> engine = Engine(sales)
    >>> engine.lose(engine.create("Acme"), reason="price", actor="sam").close.reason_text
    'Слишком дорого'
    """

    outcome: Outcome
    reason: str = ""
    reason_text: str = ""
    note: str = ""
    at: datetime
    by: str


@attrs.frozen(kw_only=True, slots=False)
class PipelineRecord:
    """What leads and deals have in common: a place in a pipeline.

    Attributes:
        version: 1 when created, one more with every commit that changes the record.
        stage: The stage the record is on, or was on when it was closed.
        visited: Places of this pipeline (stages and outcomes) it has ever been on, by first visit.
        moves: Number of its rows in the ledger.
        created_at: When it came into being (not when it was typed in).
        entered_at: When it entered its present stage, or was closed.
        updated_at: When it last changed.
        close: Its close record while it is closed, else None.
        probability: The owner's own estimate of winning, 0 to 1; None leaves it to the stage.
        source, campaign: Where it came from.
        custom: Immutable mapping of JSON values, for everything else.
        seal: The seal of its last move, or empty; see `Move`.
        repeat: ``"deal"`` when its client had bought before it came, ``"inquiry"`` when they had
            come before and not bought, else empty.
        replaced_by: Id of the record that stands for it since a merge or an undone conversion; empty
            while it stands for itself.
        absorbed: Ids of the records that were merged into it, in that order.
    """

    id: str
    version: int = 1
    pipeline: str
    stage: str
    visited: tuple[str, ...] = ()
    moves: int = 0
    name: str
    owner: str = ""
    value: Money | None = None
    probability: float | None = None
    expected_close: date | None = None
    source: str = ""
    campaign: str = ""
    created_at: datetime
    entered_at: datetime
    updated_at: datetime
    close: Close | None = None
    custom: FrozenMapping = NOTHING
    seal: str = ""
    repeat: Repeat = ""
    replaced_by: str = ""
    absorbed: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """``"won"``, ``"lost"`` or ``"void"`` when closed; None while open."""
        return self.close.outcome if self.close else None

    @property
    def is_open(self) -> bool:
        """Whether the record is still on its way."""
        return self.close is None

    @property
    def place(self) -> str:
        """Where the record is: its outcome when closed, its stage while open."""
        return self.close.outcome if self.close else self.stage

    def __repr__(self) -> str:
        value = f", {self.value}" if self.value else ""
        at = f"{self.stage} ({self.close.outcome})" if self.close else self.stage
        return f"{type(self).__name__}({self.name!r}, {at}{value}, v{self.version})"


@attrs.frozen(kw_only=True, repr=False, slots=False)
class Lead(PipelineRecord):
    """An inquiry that is not yet known to be a chance to sell.

    Its ``won`` reads "converted", its ``lost`` "disqualified". ``company_name``, ``email`` and
    ``phone`` are what the inquiry said; ``contact``, ``company`` and ``deal`` are the ids of what
    conversion made of it.

    >>> from funnelkit import Engine, templates
    >>> Engine(templates.lead_intake()).capture("Ada Lovelace", email="ada@example.org").email
    'ada@example.org'
    """

    company_name: str = ""
    email: str = ""
    phone: str = ""
    contact: str = ""
    company: str = ""
    deal: str = ""


@attrs.frozen(kw_only=True, repr=False, slots=False)
class Deal(PipelineRecord):
    """A chance to sell. ``contact``, ``company`` and ``lead`` are ids, or empty.

    >>> from funnelkit import Engine, Pipeline, Stage, money
    >>> deal = Engine(Pipeline("sales", [Stage("new")])).create("Acme", value=money(900, "EUR"))
    >>> deal.place, deal.is_open, deal.value, deal.version
    ('new', True, Money('900.00 EUR'), 1)
    """

    contact: str = ""
    company: str = ""
    lead: str = ""


@attrs.frozen(kw_only=True, repr=False, slots=False)
class _Party:
    id: str
    version: int = 1
    name: str
    owner: str = ""
    source: str = ""
    created_at: datetime
    updated_at: datetime
    custom: FrozenMapping = NOTHING
    replaced_by: str = ""
    absorbed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, v{self.version})"


@attrs.frozen(kw_only=True, repr=False, slots=False)
class Contact(_Party):
    """A person. ``company`` is the id of where they work, or empty; ``role`` is what they are there.

    >>> from funnelkit import Engine
    >>> Engine().create_contact("Ada Lovelace", phone="+44 20 7946 0000")
    Contact('Ada Lovelace', v1)
    """

    email: str = ""
    phone: str = ""
    company: str = ""
    role: str = ""


@attrs.frozen(kw_only=True, repr=False, slots=False)
class Company(_Party):
    """A legal entity.

    >>> from funnelkit import Engine
    >>> Engine().create_company("Acme", custom={"employees": 40}).custom["employees"]
    40
    """


@attrs.frozen(kw_only=True)
class Activity:
    """Something done for a record: a call, a mail, a meeting, a note. Written once, never changed.

    Attributes:
        record: Id of the lead, deal, contact or company it belongs to.
        kind: Free word: ``"call"``, ``"mail"``, ``"meeting"``, ``"note"``.
        step: The required step of the stage that it finishes, or empty.
        pipeline, stage: Where the record was at the time, or empty.
        by, roles: Who did it, and the roles they acted in.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> engine = Engine(Pipeline("sales", [Stage("new", steps=("call",))]))
    >>> call = engine.log(engine.create("Acme"), "call", "asked for a quote", step="call", actor="sam")
    >>> call.kind, call.stage, call.step, call.by
    ('call', 'new', 'call', 'sam')
    """

    id: str
    record: str
    kind: str
    text: str = ""
    pipeline: str = ""
    stage: str = ""
    step: str = ""
    at: datetime
    by: str
    roles: tuple[str, ...] = ()
    custom: FrozenMapping = NOTHING


Placed = Lead | Deal
"""A record with a place in a pipeline."""

Record = Lead | Deal | Contact | Company


@attrs.frozen(kw_only=True, slots=False)
class Move:
    """One row of the ledger: a record went from ``source`` to ``target``. Never edited.

    It is written with what was known at that instant, so that no report needs a second pass:
    ``since`` makes it a finished stay, ``first`` a distinct count, ``furthest_before`` and
    ``furthest_after`` a step of the funnel, ``created`` a member of a cohort.

    Attributes:
        record: Id of the lead or deal.
        seq: 1 for the record's first move, then 2, 3, …
        pipeline: The pipeline of ``target``; ``source_pipeline`` differs from it in a transfer only.
        fingerprint: Of the pipeline's definition in force.
        at: When it happened.
        source: The stage or outcome left; empty for ``create``.
        target: The stage or outcome entered.
        direction: create, forward, skip, back, close, reopen or transfer.
        since: When ``source`` was entered; None for ``create``.
        first: Whether the record is on ``target`` for the first time.
        furthest_before, furthest_after: The furthest stage of ``pipeline`` ever reached, before
            and after this move; empty before the first. A win reaches ``"won"``.
        created: When the record came into being.
        actor, cause: Who, and through what: ``"user"``, ``"bulk"``, ``"import"``, ``"convert"``, …
        reason, reason_text, note: Why. For a close, ``reason`` is from the catalogue.
        overruled: Codes of the refusals that an override passed over, comma-separated; or empty.
        owner, value, probability, lead_source, campaign: Of the record at that time. ``probability``
            is the owner's estimate, else the one of the stage left.
        key: The idempotency key of the act, or empty.
        seal: Binds the move to all moves of the record before it, where that is switched on; or empty.
        repeat: The record's mark of a client who comes again; see `Deal`.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
    >>> move = engine.history(engine.advance(engine.create("Acme"), actor="sam"))[-1]
    >>> move.source, move.target, move.direction, move.furthest_before, move.furthest_after, move.first
    ('new', 'offer', 'forward', 'new', 'offer', True)
    """

    record: str
    seq: int
    pipeline: str
    source_pipeline: str
    fingerprint: str
    at: datetime
    source: str
    target: str
    direction: Direction
    since: datetime | None
    first: bool
    furthest_before: str
    furthest_after: str
    created: datetime
    actor: str
    cause: str = "user"
    reason: str = ""
    reason_text: str = ""
    note: str = ""
    overruled: str = ""
    owner: str = ""
    value: Money | None = None
    probability: float | None = None
    lead_source: str = ""
    campaign: str = ""
    key: str = ""
    seal: str = ""
    repeat: Repeat = ""

    def __str__(self) -> str:
        why = f": {self.reason_text or self.reason}" if self.reason_text or self.reason else ""
        by_force = f" (overruled {self.overruled})" if self.overruled else ""
        step = f"{self.source} → {self.target}" if self.source else f"→ {self.target}"
        return f"{self.at:%Y-%m-%d %H:%M}  {step}  by {self.actor}{why}{by_force}"
