"""What SQL a part of a store answers, and what it refuses because a way around might be in it."""

from __future__ import annotations

import pytest
from tests.analytics.everything import ask_everything
from tests.servers import Schemas
from tests.unit.seeing.shops import HIDDEN, Everywhere, filled

from funnelkit import Engine
from funnelkit.errors import FunnelkitError, InputError
from funnelkit.people.allowed_select import Place, split_at_tables

TABLES = frozenset({"deal", "lead", "contact", "company", "move", "definition"})

HOSTILE = {
    "a comma between tables": "SELECT * FROM deal AS d, lead",
    "a comma behind ON": "SELECT * FROM deal AS d JOIN lead AS l ON 1 = 1, contact",
    "a comma behind a name that is a word": "SELECT * FROM deal AS offset, lead",
    "a comma behind a bracket with such a name": "SELECT * FROM (SELECT 1) offset, lead",
    "a comma behind a query with such a name": "WITH q AS (SELECT 1) SELECT * FROM q offset, lead",
    "a comma behind a column with such a name": "SELECT * FROM deal AS d JOIN lead ON d.where, contact",
    "a table in brackets": "SELECT * FROM (deal)",
    "two tables in brackets": "SELECT * FROM (deal JOIN lead ON 1 = 1)",
    "a table in brackets behind JOIN": "SELECT * FROM deal AS d JOIN (lead) ON 1 = 1",
    "brackets in brackets": "SELECT * FROM ((deal))",
    "a table named by a string": "SELECT * FROM 'deal'",
    "a table behind JOIN named by a string": "SELECT * FROM deal AS d JOIN 'lead' ON 1 = 1",
    "IN with a table": "SELECT 1 WHERE 'D' IN deal",
    "IN with a string": "SELECT 1 WHERE ('a', 'b', 'c', 'd') IN 'idempotency'",
    "NOT IN with a table": "SELECT 1 WHERE 'D' NOT IN deal",
    "a quoted name": 'SELECT * FROM "deal"',
    "a name in square brackets": "SELECT * FROM [deal]",
    "a name in back quotes": "SELECT * FROM `deal`",
    "a schema": "SELECT * FROM main.deal",
    "a schema with spaces": "SELECT * FROM main . deal",
    "a comment inside of a name": "SELECT * FROM main/**/.deal",
    "a comment": "SELECT * FROM deal /* AS d */",
    "TABLE": "TABLE deal",
    "TABLE in brackets": "SELECT * FROM (TABLE deal) AS d",
    "TABLE behind UNION": "SELECT * FROM deal UNION ALL TABLE lead",
    "TABLE in WITH": "WITH q AS (TABLE deal) SELECT * FROM q",
    "VALUES": "VALUES (1)",
    "a table of the engine": "SELECT * FROM sqlite_master",
    "a table of the server": "SELECT * FROM pg_class",
    "the standard's tables": "SELECT * FROM information_schema.tables",
    "whom keys were given to": "SELECT * FROM idempotency",
    "a table that is a function": "SELECT * FROM pragma_table_info('deal')",
    "a function that makes rows": "SELECT * FROM generate_series(1, 2)",
    "a function that reads files": "SELECT pg_read_file('/etc/passwd')",
    "a function that takes SQL": "SELECT query_to_xml('SELECT * FROM deal', true, true, '')",
    "a function that takes a table": "SELECT table_to_xml('deal', true, true, '')",
    "a function of SQLite": "SELECT load_extension('x')",
    "a function behind a dot": "SELECT pg_catalog.pg_read_file('x')",
    "a function behind a dot that is known": "SELECT pg_catalog.count(*)",
    "recursion": "WITH RECURSIVE q AS (SELECT 1) SELECT * FROM q",
    "a query that calls itself": "WITH q AS (SELECT 1 AS n UNION ALL SELECT n FROM q) SELECT * FROM q",
    "a query by the name of a table of the host": "WITH users AS (SELECT * FROM users) SELECT * FROM users",
    "a query that is named later": "SELECT * FROM q WHERE 1 IN (WITH q AS (SELECT 1) SELECT 1 FROM q)",
    "a query named by a string": "WITH 'q' AS (SELECT 1) SELECT 1",
    "a query named by a word of SQL": "WITH first AS (SELECT 1) SELECT 1",
    "a query that WITH does not name": "SELECT q AS (SELECT 1)",
    "a schema by the name of a table": "SELECT * FROM deal.lead",
    "a query with columns": "WITH q (a) AS (SELECT 1) SELECT a FROM q",
    "a query that deletes": "WITH q AS (DELETE FROM deal RETURNING id) SELECT * FROM q",
    "a query that updates": "WITH q AS (UPDATE deal SET owner = 'ann' RETURNING id) SELECT id FROM q",
    "a query that inserts": "WITH q AS (INSERT INTO deal SELECT 1 RETURNING id) SELECT id FROM q",
    "a deletion behind WITH": "WITH q AS (SELECT 1) DELETE FROM deal",
    "an update behind WITH": "WITH q AS (SELECT 1) UPDATE deal SET owner = 'ann'",
    "INTO": "SELECT * INTO mine FROM deal",
    "FOR UPDATE": "SELECT id FROM deal FOR UPDATE",
    "FOR UPDATE behind a bracket": "SELECT id FROM deal WHERE id IN ('x') FOR UPDATE",
    "NATURAL JOIN": "SELECT * FROM deal NATURAL JOIN lead",
    "LATERAL": "SELECT * FROM deal AS d JOIN LATERAL (SELECT 1) AS x ON 1 = 1",
    "USING": "SELECT * FROM deal AS d JOIN lead AS l USING (id)",
    "ONLY": "SELECT * FROM ONLY deal",
    "a window with a name": "SELECT COUNT(*) OVER w FROM deal AS d WINDOW w AS (ORDER BY id)",
    "TABLESAMPLE": "SELECT * FROM deal AS d TABLESAMPLE SYSTEM (10)",
    "two statements": "SELECT 1; SELECT * FROM deal",
    "UNION with brackets": "SELECT id FROM deal UNION ALL (SELECT id FROM lead)",
    "a bracket too many": "SELECT 1) UNION ALL SELECT id FROM deal",
    "a string without an end": "SELECT 'x FROM deal",
    "a string with a backslash": r"SELECT E'\' || 'UNION SELECT name FROM deal --'",
    "a string in another spelling": "SELECT E'x'",
    "a string behind a name": "SELECT regclass 'deal'",
    "a string in dollars": "SELECT $$x$$",
    "a cast by two colons": "SELECT 'deal'::regclass",
    "a number that runs into a word": "SELECT 1from deal",
    "a name of other letters": "SELECT * FROM dеal",
    "a space of another kind": "SELECT * FROM\u00a0deal",
    "a null in a string": "SELECT 'a\0b'",
    "a null in between": "SELECT\0 1",
    "a pragma": "PRAGMA table_info(deal)",
    "an explanation": "EXPLAIN SELECT 1",
    "a deletion": "DELETE FROM deal",
    "a bracket first": "(SELECT 1)",
    "nothing": "",
}


@pytest.mark.parametrize("sql", HOSTILE.values(), ids=HOSTILE)
def test_what_may_hide_a_way_around_is_refused(sql: str) -> None:
    """A text with anything that is not on the list raises, before a store sees it."""
    with pytest.raises(InputError, match="not allowed in a question to a part"):
        split_at_tables(sql, TABLES)


HARMLESS = {
    "every clause": "SELECT d.id FROM deal AS d WHERE d.name = :seen_a1 GROUP BY d.id HAVING COUNT(*) = 1"
    " ORDER BY d.id LIMIT 5 OFFSET 0",
    "a subquery of columns": "SELECT (SELECT COUNT(*) FROM deal), (SELECT MAX(name) FROM deal)",
    "a subquery behind IN": "SELECT id FROM lead WHERE contact IN (SELECT id FROM contact)",
    "a subquery behind EXISTS": "SELECT 1 WHERE EXISTS (SELECT 1 FROM deal WHERE owner = 'bob')",
    "a subquery behind ORDER": "SELECT id FROM deal ORDER BY (SELECT MAX(name) FROM deal AS other), id",
    "a subquery behind ON": "SELECT d.id FROM deal AS d JOIN lead AS l ON l.id IN (SELECT id FROM lead)",
    "subqueries in subqueries": "SELECT id FROM (SELECT id FROM (SELECT id FROM deal) AS a) AS b",
    "a query over a query": "WITH a AS (SELECT id FROM deal), b AS (SELECT id FROM a) SELECT b.id FROM b",
    "a query known elsewhere": "SELECT id FROM deal WHERE 1 IN (WITH q AS (SELECT 1 AS n) SELECT n FROM q)",
    "unions": "SELECT id FROM deal UNION ALL SELECT id FROM lead EXCEPT SELECT id FROM contact",
    "windows": "SELECT id, ROW_NUMBER() OVER (PARTITION BY owner ORDER BY id) AS n FROM deal",
    "comments": "-- all of them: FROM lead\nSELECT id FROM deal -- and no more",
    "strings": "SELECT 'FROM lead, contact ('' :a' AS said, id FROM deal",
    "words in any case": "Select Id From DEAL Where Id Is Not Null",
    "a join to the left": "SELECT d.id, l.id FROM deal AS d LEFT JOIN lead AS l ON l.id = d.lead",
    "cases": "SELECT CASE WHEN owner = '' THEN 1 ELSE CAST(version AS INTEGER) END FROM deal",
    "all kinds": "SELECT id FROM deal UNION ALL SELECT id FROM lead UNION ALL SELECT id FROM contact"
    " UNION ALL SELECT id FROM company",
    "what is about records": "SELECT record_id FROM move UNION ALL SELECT record_id FROM change"
    " UNION ALL SELECT record_id FROM activity UNION ALL SELECT record_id FROM attribute"
    " UNION ALL SELECT record_id FROM match_key",
}


@pytest.mark.parametrize("sql", HARMLESS.values(), ids=HARMLESS)
def test_a_question_sees_nothing_of_what_is_hidden(sql: str, shop: Engine) -> None:
    """Whatever clause a table stands in, what comes back is of records that are seen."""
    rows = shop.seen_by("ann").store.query(sql, {"seen_a1": "bob"})
    assert not [value for row in rows for value in row if str(value).endswith(HIDDEN)]


def test_a_query_that_is_not_known_there_means_nothing(shop: Engine) -> None:
    """A name that was given inside of a bracket is no name outside of it."""
    sql = "SELECT id FROM deal WHERE 1 IN (WITH deals AS (SELECT 1 AS n) SELECT n FROM deals)"
    assert shop.seen_by("ann").store.query(sql, {})
    with pytest.raises(FunnelkitError):
        shop.seen_by("ann").store.query(f"{sql} UNION ALL SELECT id FROM deals", {})


def test_a_query_by_the_name_of_a_table_stands_for_no_table() -> None:
    """A named query is called by a name that no table has, so it changes nothing of what is seen."""
    assert split_at_tables("WITH deal AS (SELECT 1 AS id) SELECT id FROM deal", TABLES) == (
        "WITH seen_q_deal AS(SELECT 1 AS id) SELECT id FROM seen_q_deal AS deal",
    )


def test_a_table_keeps_the_name_it_is_called_by() -> None:
    """A table without an alias is called by its own name behind its bracket."""
    assert split_at_tables("SELECT d.id, lead.id FROM deal AS d JOIN lead ON lead.id = d.lead", TABLES) == (
        "SELECT d.id, lead.id FROM ",
        Place("deal", ""),
        " AS d JOIN ",
        Place("lead", "lead"),
        " AS lead ON lead.id = d.lead",
    )


def test_every_report_is_let_through() -> None:
    """There is nothing in the text of any metric that would be refused."""
    asked = Everywhere()
    ask_everything(asked)
    assert len(asked.texts) > 100
    for text in asked.texts:
        split_at_tables(text, TABLES | {"activity", "attribute", "change"})


def test_a_server_answers_what_is_let_through_and_nothing_of_what_is_hidden(schemas: Schemas) -> None:
    """On PostgreSQL the same questions bring nothing of what is hidden, and are all understood."""
    from funnelkit.storage.postgres import PostgresStore

    store = PostgresStore(schemas.url, schema=schemas.new(), durability="fast", connections=1)
    try:
        seen = filled(store).seen_by("ann").store
        for name, sql in HARMLESS.items():
            rows = seen.query(sql, {"seen_a1": "bob"} if ":seen_a1" in sql else {})
            assert not [value for row in rows for value in row if str(value).endswith(HIDDEN)], name
    finally:
        store.close()
