"""What an application writes with SQLAlchemy's ORM and a library of state machines.

The machine decides, the mapper checks the version and writes; the history is a row of its own in
the same transaction. Pragmas are those of the other contenders.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sales import STEPS, Durability
from sqlalchemy import ForeignKey, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from statemachine import State, StateMachine
from transitions import Machine

STAGES = ("new", *STEPS)


class Base(DeclarativeBase):
    """What both tables share."""


class Deal(Base):
    """A deal; the mapper checks its version with every update."""

    __tablename__ = "deals"
    id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    name: Mapped[str]
    owner: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    stage: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 (as SQLAlchemy wants it)


class History(Base):
    """One move of one deal."""

    __tablename__ = "history"
    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[str] = mapped_column(ForeignKey("deals.id"), index=True)
    source: Mapped[str]
    target: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]


class SalesMachine(StateMachine):
    """The same four stages for python-statemachine; nobody moves on without an owner."""

    new = State(initial=True)
    qualified = State()
    proposal = State()
    contract = State()
    won = State(final=True)  # the library insists that every other state has a way out
    to_qualified = new.to(qualified, cond="owned")
    to_proposal = qualified.to(proposal, cond="owned")
    to_contract = proposal.to(contract, cond="owned")
    win = contract.to(won)

    def owned(self) -> bool:
        """Whether somebody is in charge."""
        return bool(self.model.owner)


def by_statemachine(deal: Deal, target: str) -> None:
    """Move with python-statemachine, which is made anew around every deal that was loaded."""
    SalesMachine(deal, state_field="stage").send(f"to_{target}")


# One machine for all deals, without the transitions and events that nobody asked for.
_MACHINE = Machine(
    model=None,
    states=list(STAGES),
    initial="new",
    auto_transitions=False,
    model_attribute="stage",
    transitions=[
        {
            "trigger": f"to_{target}",
            "source": source,
            "dest": target,
            "conditions": lambda event: bool(event.model.owner),
        }
        for source, target in zip(STAGES, STEPS, strict=False)
    ],
    send_event=True,
)


def by_transitions(deal: Deal, target: str) -> None:
    """Move with transitions; the machine is told of the deal for as long as it takes."""
    _MACHINE.add_model(deal, initial=deal.stage)
    try:
        if not deal.trigger(f"to_{target}"):
            raise ValueError(target)
    finally:
        _MACHINE.remove_model(deal)


class Application:
    """Deals in a file of their own."""

    def __init__(self, path: Path, durability: Durability, act: Callable[[Deal, str], None]) -> None:
        self._act = act
        engine = create_engine(f"sqlite:///{path}")

        @event.listens_for(engine, "connect")
        def set_up(connection: Any, _: object) -> None:
            connection.isolation_level = None  # the driver shall not begin transactions of its own
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("PRAGMA foreign_keys = ON")

        @event.listens_for(engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        Base.metadata.create_all(engine)
        self._engine, self._session = engine, sessionmaker(engine)

    def fill(self, deals: int) -> list[str]:
        """Create deals; return their ids."""
        now, ids = datetime.now(UTC), [str(uuid4()) for _ in range(deals)]
        with self._session.begin() as session:
            session.add_all(
                Deal(
                    id=id,
                    name=f"deal {n}",
                    owner="sam",
                    amount=1000 + n,
                    currency="EUR",
                    stage="new",
                    created_at=now,
                    updated_at=now,
                )
                for n, id in enumerate(ids)
            )
        return ids

    def move(self, id: str, target: str, actor: str) -> None:
        """Move one deal."""
        with self._session.begin() as session:
            deal, now = _loaded(session, id), datetime.now(UTC)
            source = deal.stage
            self._act(deal, target)
            deal.updated_at = now
            session.add(History(deal_id=id, source=source, target=target, at=now, actor=actor))

    def written(self) -> tuple[int, int]:
        """Return how many deals are on the last stage, and how many rows of history there are."""
        with self._session() as session:
            return session.query(Deal).filter_by(stage=STAGES[-1]).count(), session.query(History).count()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def _loaded(session: Session, id: str) -> Deal:
    deal = session.get(Deal, id)
    if deal is None:
        raise KeyError(id)
    return deal
