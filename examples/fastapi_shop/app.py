"""A shop in FastAPI and SQLAlchemy: winning a deal places the order, both in one transaction, or neither.

Run it with ``uvicorn app:app``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import CheckConstraint, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from funnelkit import Engine, Pipeline, SQLiteStore, Stage, money
from funnelkit.changes import Change, DealWon
from funnelkit.errors import ConflictError, FunnelkitError, NotFoundError

database = create_engine("sqlite:///shop.db")
engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer", requires="value"), Stage("contract")]))


class Base(DeclarativeBase):
    """The tables of the shop."""


class Order(Base):
    """An order, made of a deal that was won."""

    __tablename__ = "shop_order"
    __table_args__ = (CheckConstraint("total > 0"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    deal: Mapped[str] = mapped_column(unique=True)
    total: Mapped[Decimal]


def create_tables() -> None:
    """Make our tables, and funnelkit's beside them. On PostgreSQL: open ``PostgresStore(url)`` once."""
    Base.metadata.create_all(database)
    with database.begin() as connection:
        SQLiteStore.create_tables(connection.connection.driver_connection)


congratulations: list[str] = []  # stands for a mail server


@engine.subscribe
def congratulate(change: Change) -> None:
    """Write to the client. This is called after the commit, so never for an order that is not there."""
    if isinstance(change, DealWon):
        congratulations.append(f"Thank you for your order! Deal {change.record}")


create_tables()
app = FastAPI()


@app.post("/deals", status_code=201)
def create(name: Annotated[str, Body()], value: Annotated[Decimal, Body()]) -> dict[str, str]:
    """Take down a new deal."""
    with Session(database) as session, session.begin():
        deal = engine.using(session).create(name, value=money(value, "EUR"), stage="offer")
    return {"deal": deal.id}


@app.post("/deals/{id}/win", status_code=201)
def win(id: str) -> dict[str, int]:
    """Win a deal and place its order. Whatever is raised takes back both."""
    with Session(database) as session, session.begin():
        deal = engine.using(session).win(id)
        order = Order(deal=deal.id, total=deal.value.amount)
        session.add(order)
        session.flush()
        return {"order": order.id}


@app.exception_handler(FunnelkitError)
def refused(_: Request, error: FunnelkitError) -> JSONResponse:
    """Say in HTTP why a verb was not done."""
    status = {NotFoundError: 404, ConflictError: 409}.get(type(error), 422)
    return JSONResponse({"error": str(error)}, status)
