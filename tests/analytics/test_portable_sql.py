"""Every text that any metric can send stays inside the portable subset, and the lint can say no."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.analytics.everything import STAGES, ask_everything
from tests.analytics.histories import Database, Edit, Place, Record, feed
from tests.analytics.lint import problems

from funnelkit.analytics import Analytics, Shape


def sent() -> set[str]:
    """Return every text that the metrics send over filters, groups, definitions and cells."""
    places = [Place(t, "sales", place) for t, place in enumerate(("new", "offer", "new", "call", "lost"))]
    won = (Place(0, "sales", "new"), Place(9, "sales", "won"))
    handed = (places[0], Edit(1, "owner", "bob"), places[1])
    lives = {"d": tuple(places), "w": won, "h": handed}
    records = [Record(id, 0, "", ("EUR", 1), "", "", {}, life) for id, life in lives.items()]
    database = feed(records, {"sales": STAGES})
    ask_everything(database)
    document = json.dumps({"id": "sales", "stages": [{"id": stage} for stage in STAGES]})
    database.connection.execute("INSERT INTO definition VALUES ('', 'sales', ?)", [document])
    assert Analytics(database).funnel().rows
    return database.texts


@attrs.frozen
class SortedStays:
    """A database that says that it keeps stays sorted."""

    database: Database
    sorted_stays = True

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows."""
        return self.database.query(sql, params)


def sent_in_order() -> set[str]:
    """Return every text that is sent only where stays are kept sorted."""
    source = SortedStays(feed([]))
    found = Analytics(source, [Shape(pipeline="sales", stages=(("new", ""),))]).time_in_stage()
    assert (found.rows[0].p50, found.rows[0].km_p50) == (None, None)
    return source.database.texts


@pytest.fixture(scope="module")
def texts() -> set[str]:
    """Every text."""
    return sent()


def test_every_text_is_portable(texts: set[str]) -> None:
    """No text has anything that one of the engines reads in another way, or not at all."""
    assert {text: found for text in texts if (found := problems(text))} == {}


def test_what_is_asked_of_sorted_stays_alone_need_not_be_portable() -> None:
    """But what a user says is no part of it either."""
    special = {text for text in sent_in_order() if problems(text)}
    assert all("RECURSIVE" in text or "GROUP_CONCAT" in text for text in special)
    literals = {literal for text in special for literal in re.findall("'([^']*)'", text)}
    assert literals == {"", "reopen", "close", "void"}


def test_every_file_of_sql_is_used(texts: set[str]) -> None:
    """What the files create as relations appears in some text; no file is left over."""
    folder = Path(str(files("funnelkit.analytics").joinpath("sql")))
    together = "\n".join(texts | sent_in_order())
    for path in folder.rglob("*.sql"):
        name, body = path.name, path.read_text("utf-8")
        lines = [line.strip() for line in body.splitlines() if "{" not in line and "--" not in line]
        longest = max(lines, key=len, default="")
        assert longest in together, name


def test_no_two_parts_have_one_name() -> None:
    """A slot is filled from one file, whichever room that lies in."""
    folder = Path(str(files("funnelkit.analytics").joinpath("sql")))
    names = [path.name for path in folder.rglob("parts/*.sql")]
    assert len(names) == len({*names}) > 100


def test_every_text_has_only_parameters_of_ours(texts: set[str]) -> None:
    """What a user says is never part of a text."""
    literals = {literal for text in texts for literal in re.findall("'([^']*)'", text)}
    assert literals <= {
        *("won", "lost", "void", "open", "moved_away", "create", "forward", "skip", "back", "close"),
        *("reopen", "transfer", "owner", "source", "campaign", "value", "null", "", "lift", "undone"),
        *("void elsewhere", "spoiled", "converted", "waiting"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a / b FROM move",
        "SELECT DISTINCT a FROM move",
        "SELECT a FROM move ORDER BY a",
        "SELECT a FROM move LIMIT 1",
        "SELECT * FROM move",
        "SELECT COUNT(DISTINCT a) AS n FROM move",
        "SELECT a FROM move UNION SELECT b FROM move",
        "SELECT a FROM move AS m JOIN deal AS d ON d.id < m.id",
        "SELECT a FROM move AS m JOIN deal AS d ON d.id = m.id OR d.id = m.a",
        "SELECT a FROM move JOIN deal USING (id)",
        "SELECT a FROM move, deal",
        "SELECT a FROM move FULL JOIN deal ON deal.id = move.id",
        "SELECT d.a FROM move AS m LEFT JOIN deal AS d ON d.id = m.id",
        "SELECT m.a FROM move AS m LEFT JOIN deal AS d ON d.id = m.id WHERE d.b = 1",
        "SELECT SUM(a) OVER (PARTITION BY b ORDER BY c) AS n FROM move",
        "SELECT SUM(a) OVER (ORDER BY c RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS n FROM move",
        "SELECT LAG(a) OVER (ORDER BY b) AS n FROM move",
        "SELECT AVG(a) AS n FROM move",
        "SELECT strftime('%Y', a) AS n FROM move",
        "SELECT a FROM move WHERE b LIKE 'x%'",
        "SELECT a FROM move WHERE b IN ('x', 'y')",
        "SELECT a FROM move WHERE EXISTS (SELECT 1 FROM deal)",
        "SELECT a || b AS n FROM move",
        "SELECT a AS at FROM move",
        "SELECT a FROM move WHERE b = ?",
        "SELECT a FROM move WHERE b IS NULL",
        "SELECT CAST(a AS INTEGER) AS n FROM move",
    ],
)
def test_the_lint_says_no(text: str) -> None:
    """Each of these is read in another way by some engine, or hides a mistake."""
    assert problems(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT COUNT(*) AS n FROM move WHERE a = :a AND b % 2 >= 1",
        "SELECT m.a FROM move AS m LEFT JOIN deal AS d ON d.id = m.id WHERE COALESCE(d.b, 0) = 1",
        "SELECT LAG(a, 1, '') OVER (PARTITION BY b ORDER BY c) AS n FROM move",
        "SELECT a FROM move UNION ALL SELECT b FROM move",
    ],
)
def test_the_lint_leaves_the_subset_alone(text: str) -> None:
    """Each of these is the same everywhere."""
    assert problems(text) == []
