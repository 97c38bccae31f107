"""Subscribers of a blocking engine whose answer somebody else awaits, or nobody."""

from __future__ import annotations

import asyncio

import pytest

from funnelkit import Engine, Pipeline, Stage
from funnelkit.changes import Change

SALES = Pipeline("sales", [Stage("new"), Stage("offer")])


def test_a_subscriber_of_a_blocking_engine_may_start_a_task() -> None:
    """The task that it returns goes on by itself: the verb waits for none, and the next one is told."""

    async def scene() -> list[str]:
        heard: list[str] = []
        tasks: list[asyncio.Task[None]] = []

        async def publish(change: Change) -> None:
            await asyncio.sleep(0)
            heard.append(f"published {change.target}")

        def start(change: Change) -> asyncio.Task[None]:
            tasks.append(asyncio.create_task(publish(change)))
            return tasks[-1]

        engine = Engine(SALES)
        engine.subscribe(start)
        engine.subscribe(lambda change: heard.append(f"told {change.target}"))
        engine.create("Acme")
        await asyncio.gather(*tasks)
        return heard

    assert asyncio.run(scene()) == ["told new", "published new"]


def test_a_blocking_engine_awaits_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A subscriber whose answer would have to be awaited is logged as failed; the act stands."""

    class Publisher:
        async def __call__(self, _: Change) -> None:
            await asyncio.sleep(0)

    told: list[Change] = []
    engine = Engine(SALES)
    engine.subscribe(Publisher())
    engine.subscribe(told.append)
    deal = engine.create("Acme", key="once")
    assert (engine.get(deal.id), len(told)) == (deal, 1)
    assert "use AsyncEngine" in caplog.text
