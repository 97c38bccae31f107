"""The shops in examples: a request that dies leaves neither an order nor a deal won, and nobody hears."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.servers import Schemas

from funnelkit import AsyncEngine, Pipeline, Stage

EXAMPLES = Path(__file__).parents[2] / "examples"

DJANGO = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
from django.test import Client
from shop.models import congratulations
client = Client(raise_request_exception=False)
post = client.post
"""

FASTAPI = """
import asyncio, httpx
from app import app, congratulations
async def ask(path, data):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        return await client.post(path, json=data)
def post(path, data=None):
    return asyncio.run(ask(path, data))
"""

WORK = """
import json, logging, sqlite3
logging.disable()
def look():
    connection = sqlite3.connect("shop.db")
    orders = connection.execute("SELECT deal, total FROM shop_order").fetchall()
    deals = connection.execute("SELECT id, outcome FROM deal ORDER BY id").fetchall()
    moves = connection.execute("SELECT COUNT(*) FROM move").fetchone()[0]
    connection.close()
    return {"orders": orders, "outcomes": [outcome for _, outcome in deals], "moves": moves,
            "congratulations": list(congratulations)}
free = post("/deals", {"name": "A sample", "value": "0"}).json()["deal"]
sold = post("/deals", {"name": "Forty seats", "value": "12000"}).json()["deal"]
steps = {"sold": sold, "created": look()}
steps["died"] = post(f"/deals/{free}/win").status_code, look()  # an order of nothing breaks a constraint
answer = post(f"/deals/{sold}/win")
steps["won"] = answer.status_code, answer.json(), look()
steps["again"] = post(f"/deals/{sold}/win").status_code, look()
steps["nobody"] = post("/deals/nobody/win").status_code
print(json.dumps(steps))
"""


@pytest.fixture(scope="module", params=["django", "fastapi"])
def steps(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run a shop for a day, in a process and a folder of its own; return what was seen after each step."""
    needed = {"django": ["django"], "fastapi": ["fastapi", "httpx", "sqlalchemy"]}[request.param]
    for package in needed:
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'funnelkit[test]'")
    shop = EXAMPLES / f"{request.param}_shop"
    paths = os.pathsep.join([str(shop), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", {"django": DJANGO, "fastapi": FASTAPI}[request.param] + WORK],
        cwd=tmp_path_factory.mktemp("shop"),
        env=os.environ | {"PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "settings"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    steps: dict[str, Any] = json.loads(done.stdout)
    return steps


def test_a_deal_is_created(steps: dict[str, Any]) -> None:
    """Two deals, both open, no order."""
    assert steps["created"] == {"orders": [], "outcomes": ["", ""], "moves": 2, "congratulations": []}


def test_a_request_that_dies_leaves_nothing(steps: dict[str, Any]) -> None:
    """The order cannot be placed, so the deal is not won either, and nobody is congratulated."""
    status, seen = steps["died"]
    assert status == 500
    assert seen == steps["created"]


def test_a_request_that_succeeds_leaves_both(steps: dict[str, Any]) -> None:
    """The deal is won, its order is there, and the client hears of this one only."""
    status, answer, seen = steps["won"]
    assert (status, answer) == (201, {"order": 1})
    assert [deal for deal, _ in seen["orders"]] == [steps["sold"]]
    assert seen["orders"][0][1] == 12_000
    assert sorted(seen["outcomes"]) == ["", "won"]
    assert seen["moves"] == 3
    assert len(seen["congratulations"]) == 1
    assert seen["congratulations"][0].endswith(steps["sold"])


def test_a_refusal_is_an_answer(steps: dict[str, Any]) -> None:
    """Winning a deal that is won is refused in HTTP, and changes nothing; so is a deal that is not there."""
    status, seen = steps["again"]
    assert status in {409, 422}
    assert seen == steps["won"][2]
    assert steps["nobody"] == 404


def snippets(page: str) -> list[str]:
    """Return the blocks of a how-to that need more than the package."""
    text = (EXAMPLES.parent / "docs" / "howto" / page).read_text("utf-8")
    return re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_how_to_shows_the_examples() -> None:
    """What it says of Django and FastAPI is in the examples, word for word."""
    sources = [path.read_text("utf-8") for path in EXAMPLES.glob("*_shop/**/*.py")]
    shown = snippets("join-a-transaction.md")
    assert len(shown) == 4
    assert [snippet for snippet in shown if not any(snippet in source for source in sources)] == []


def test_the_how_to_of_asyncio_runs(schemas: Schemas) -> None:
    """Its parts about PostgreSQL do what they say, on a server."""
    from psycopg import AsyncConnection
    from tests.hosts import OnPostgres

    database = OnPostgres(schemas)
    opening, joining = snippets("use-asyncio.md")
    engine = AsyncEngine(Pipeline("sales", [Stage("new"), Stage("offer")]))
    names: dict[str, Any] = {"SALES": Pipeline("sales", [Stage("new"), Stage("offer")]), "engine": engine}
    url = f'"{database.url}", schema="{database.schema}"'
    exec(opening.replace('"postgresql://localhost/crm"', url), names)  # noqa: S102
    assert asyncio.run(names["main"]()).stage == "offer"
    ours = joining.replace("using(connection", f'using(connection, schema="{database.schema}"')
    exec(ours.replace("shop_order (deal) VALUES (%s)", f"{database.table} (id) VALUES (length(%s))"), names)  # noqa: S102

    async def sell() -> None:
        async with await AsyncConnection.connect(database.url) as connection:
            await names["sell"](connection)

    asyncio.run(sell())
    assert database.rows("SELECT COUNT(*) FROM deal") == [2]
    assert len(database.rows("SELECT id FROM shop_order")) == 1
