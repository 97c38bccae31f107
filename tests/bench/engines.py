"""Reports on DuckDB and on ClickHouse inside of this process, beside the best SQL over the same events bare.

The ledger is that of `reports` (``FUNNELKIT_LEDGER`` keeps it), exported and loaded as a user would; the
bare events are three numbers a move, in the order of deal and time, which is what the other SQL likes most.
Both sides give the same numbers, but for ``windowFunnel``, which counts stages in their order.

With ``FUNNELKIT_MINERS`` set to a Python that has pm4py (AGPL: never a part of this package) or
retentioneering, these answer for the record what comes nearest, over the events of a tenth of the deals.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ledger import DAY, NOW, PLACES, STAGES, START
from measure import OURS, duration, in_turn, median, ratio, row, timed
from reports import HALF, HORIZON, file

from funnelkit.analytics import Analytics, Shape
from funnelkit.clock import FrozenClock, from_us
from funnelkit.exporting import export, load
from funnelkit.storage.sqlite import SQLiteStore

ROUNDS = 5
AS_OF = START + 365 * DAY
SQL = "SQL over events"

FAR = (
    "SELECT far, won, COUNT(*) FROM (SELECT deal, {last} AS last, "
    "MAX(CASE WHEN stage <= 5 {young} THEN stage ELSE 0 END) AS far, "
    "CASE WHEN {last} = 6 {soon} THEN 1 ELSE 0 END AS won FROM ev {joined} {when} GROUP BY deal) AS d "
    "WHERE last <> 8 GROUP BY far, won"
)
"""How far each deal had come: one pass, grouped by deal."""

YOUNG = {
    "young": f"AND t - born <= {HORIZON}",
    "soon": f"AND MAX(t - born) <= {HORIZON}",
    "joined": "JOIN (SELECT deal, MIN(t) AS born FROM ev GROUP BY deal) AS b USING (deal)",
    "when": "",
}
PLAIN = {"young": "", "soon": "", "joined": "", "when": ""}
VOIDS = "SELECT deal FROM ev GROUP BY deal HAVING {last} = 8"
MATRIX = (
    "SELECT p, stage, COUNT(*) FROM (SELECT stage, {lag} OVER (PARTITION BY deal ORDER BY t) AS p FROM ev "
    f"WHERE deal NOT IN ({VOIDS})) AS s GROUP BY p, stage"
)
STAYS = (
    "SELECT stage, {middle} FROM (SELECT stage, {lead} - t AS d FROM ev "
    f"WHERE deal NOT IN ({VOIDS})) AS s WHERE stage <= 5 AND {{ended}} GROUP BY stage ORDER BY stage"
)
DUCKDB = {
    "last": "ARG_MAX(stage, t)",
    "lag": "LAG(stage, 1, 0)",
    "lead": "LEAD(t) OVER (PARTITION BY deal ORDER BY t)",
    "ended": "d IS NOT NULL",
    "middle": "QUANTILE_DISC(d, 0.5)",
}
CLICKHOUSE = {
    "last": "argMax(stage, t)",
    "lag": "lagInFrame(stage)",
    "lead": (
        "leadInFrame(t) OVER (PARTITION BY deal ORDER BY t "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    ),
    "ended": "d > 0",
    "middle": "-quantileExact(0.500000000001)(-d)",
}
FUNNEL = (
    "SELECT " + ", ".join(f"countIf(level >= {n})" for n in range(1, 7)) + " FROM (SELECT deal, "
    f"windowFunnel({1 << 55})(toUInt64(t), " + ", ".join(f"stage = {n}" for n in range(1, 7)) + ") AS level "
    "FROM ev GROUP BY deal)"
)
"""ClickHouse's own funnel, whose window is longer than the data."""

CHAINED = (
    "WITH s1 AS (SELECT deal, MIN(t) AS t FROM ev WHERE stage = 1 GROUP BY deal)"
    + "".join(
        f", s{n} AS (SELECT e.deal, MIN(e.t) AS t FROM ev AS e JOIN s{n - 1} AS p USING (deal) "
        f"WHERE e.stage = {n} AND e.t > p.t GROUP BY e.deal)"
        for n in range(2, 7)
    )
    + " SELECT "
    + ", ".join(f"(SELECT COUNT(*) FROM s{n})" for n in range(1, 7))
)
"""The same in DuckDB, as retentioneering writes it."""


class Engine(NamedTuple):
    """An engine with the ledger loaded and the bare events beside it."""

    name: str
    source: Any
    ask: Callable[[str], list[Any]]
    words: dict[str, str]
    ordered: tuple[str, str]
    wanted: Mapping[str, str]


def engines(folder: Path) -> None:
    """Reports on both engines, their memory, and for the record what process miners take."""
    store = SQLiteStore(file(), read_only=True)
    cost = timed(lambda: export(store, folder / "export"))
    store.close()
    size = sum(part.stat().st_size for part in (folder / "export").rglob("*.parquet"))
    row("export of the ledger", duration(cost.wall), f"{size / 1e6:.0f} MB of Parquet")
    for opened in (_duckdb, _chdb):
        with opened(folder) as engine:
            _compared(engine)
    for limit in ("", "500MB"):
        _alone(folder, limit)
    _miners(folder)


def _compared(engine: Engine) -> None:
    """Time every report in turn with SQL over the bare events that gives the same numbers."""
    shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in STAGES))
    asked = Analytics(engine.source, [shape], FrozenClock(from_us(NOW)))
    as_of = PLAIN | {"when": f"WHERE t <= {AS_OF}"}
    pairs: dict[str, tuple[Callable[[], Any], str]] = {
        "reached": (lambda: _counts(asked.funnel()), _said(engine, FAR, PLAIN)),
        "as of": (lambda: _counts(asked.funnel(as_of=HALF)), _said(engine, FAR, as_of)),
        "within": (lambda: _counts(asked.funnel(within="90d")), _said(engine, FAR, YOUNG)),
        "matrix": (lambda: sorted(line.count for line in asked.transitions().rows), _said(engine, MATRIX)),
        "median": (lambda: [line.p50 for line in asked.time_in_stage().rows], _said(engine, STAYS)),
    }
    for name, (ours, sql) in pairs.items():
        theirs = partial(engine.ask, sql)
        if ours() != _told(name, theirs()):
            raise ValueError(engine.name, name, ours(), _told(name, theirs()))
        _row(f"{engine.name}: {NAMES[name]}", ours, SQL, theirs, engine.wanted[name])
    who, sql = engine.ordered
    _row(f"{engine.name}: {NAMES['reached']}", pairs["reached"][0], who, partial(engine.ask, sql), "× 1/3")


NAMES = {
    "reached": "reached funnel",
    "as of": "reached funnel as of a year ago",
    "within": "reached funnel within 90 days of creation",
    "matrix": "transition matrix",
    "median": "exact median time in stage",
}


def _row(what: str, ours: Callable[[], Any], who: str, theirs: Callable[[], Any], wanted: str) -> None:
    rounds = [in_turn(**{OURS: ours, who: theirs}) for _ in range(ROUNDS)]
    of = ratio(rounds, OURS, who)
    cells = (f"{who} {duration(median(rounds, who))}", f"× {of.wall:.2f}", f"× {of.processor:.2f}", wanted)
    row(what, duration(median(rounds, OURS)), *cells)


def _said(engine: Engine, sql: str, slots: dict[str, str] | None = None) -> str:
    return sql.format(**engine.words | (slots or {}))


def _counts(funnel: Any) -> list[int]:
    return [line.count for line in funnel.rows]


def _told(name: str, found: list[Any]) -> list[Any]:
    """Return the numbers of the other side as the report has them."""
    if name == "median":
        from datetime import timedelta

        return [timedelta(microseconds=int(middle)) for _, middle in found]
    if name == "matrix":
        return sorted(int(moves) for *_, moves in found)
    reached = [0] * 7
    for far, won, deals in found:
        for place in range(1, (6 if won else far) + 1):
            reached[place] += int(deals)
    return reached[1:]


# -- the engines -------------------------------------------------------------------------------

_PLACE = "[" + ", ".join(f"'{place}'" for place in PLACES[1:]) + "]"
FAST = "at most 0.08 s for 10 M"


@contextmanager
def _duckdb(folder: Path) -> Iterator[Engine]:
    """Load a file of DuckDB, and the bare events beside the ledger."""
    import duckdb

    with duckdb.connect(folder / "ledger.duckdb") as connection:
        cost = timed(lambda: load(connection, folder / "export"))
        connection.execute(
            "CREATE TABLE ev AS SELECT CAST(SUBSTR(record_id, 20) AS INTEGER) AS deal, CAST(LIST_POSITION("
            f"{_PLACE}, target) AS TINYINT) AS stage, moved_us AS t FROM move ORDER BY deal, t"
        )
        connection.execute("CHECKPOINT")
        size = (folder / "ledger.duckdb").stat().st_size
        row(f"DuckDB {duckdb.__version__}: load", duration(cost.wall), f"{size / 1e6:.0f} MB with the events")
        wanted = dict.fromkeys(NAMES, FAST) | {"median": "at most 0.35 s for 10 M"}
        yield Engine(
            "DuckDB",
            connection,
            lambda sql: connection.execute(sql).fetchall(),
            DUCKDB,
            ("joins, stage by stage", CHAINED),
            wanted,
        )


@contextmanager
def _chdb(folder: Path) -> Iterator[Engine]:
    """Load a session of chdb, and the bare events beside the ledger."""
    import chdb
    from chdb.session import Session

    session = Session(str(folder / "chdb"))
    cost = timed(lambda: load(session, folder / "export"))
    session.query(
        "CREATE TABLE ev ENGINE = MergeTree ORDER BY (deal, t) AS SELECT toInt32(substring(record_id, 20)) "
        f"AS deal, toInt8(indexOf({_PLACE}, toString(target))) AS stage, moved_us AS t FROM move"
    )
    row(f"chdb {chdb.__version__}: load", duration(cost.wall))

    def ask(sql: str) -> list[Any]:
        found = session.query(sql, "JSONCompactEachRow").bytes()
        return [json.loads(line) for line in found.splitlines()]

    wanted = dict.fromkeys(NAMES, "at most × 1")
    yield Engine("chdb", session, ask, CLICKHOUSE, ("windowFunnel", FUNNEL), wanted)
    session.close()


# -- memory ------------------------------------------------------------------------------------

_ALONE = """
import sys, duckdb
from ledger import NOW, STAGES
from funnelkit.analytics import Analytics, Shape
from funnelkit.clock import FrozenClock, from_us
connection = duckdb.connect(sys.argv[1], read_only=True)
if sys.argv[2]:
    connection.execute(f"SET memory_limit = '{sys.argv[2]}'")
shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in STAGES))
asked = Analytics(connection, [shape], FrozenClock(from_us(NOW)))
{call}
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""
CALLS = (
    "asked.funnel().rows[0].count",
    "asked.funnel(by='owner').rows[0].count",
    "asked.funnel(within='90d').rows[0].count",
    "asked.transitions().rows[0].count",
    "asked.time_in_stage().rows[0].p50",
    "asked.win_rate(by='owner').rows",
)


def _alone(folder: Path, limit: str) -> None:
    """Tell the memory of a process that asks one thing of the file of DuckDB, within a limit or without."""
    for call in CALLS:
        command = [sys.executable, "-c", _ALONE.replace("{call}", call)]
        done = subprocess.run(
            [*command, str(folder / "ledger.duckdb"), limit],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        )
        said = f"{int(done.stdout.split()[-1]) / 1024:.0f} MB" if done.returncode == 0 else "out of memory"
        row(f"DuckDB: memory of `{call.split('.')[1]}`{f', limit {limit}' if limit else ''}", said)


# -- for the record ----------------------------------------------------------------------------

_MINED = """
import json, sys, time
import pandas as pd
log = pd.read_parquet(sys.argv[1])
told = {"rows": len(log)}
def timed(name, act):
    start = time.perf_counter()
    found = act()
    told[name] = time.perf_counter() - start
    return found
try:
    import pm4py
    named = timed("pm4py: format_dataframe", lambda: pm4py.format_dataframe(
        log, case_id="deal", activity_key="stage", timestamp_key="at"))
    found, _, _ = timed("pm4py: discover_dfg", lambda: pm4py.discover_dfg(named))
    told["pairs"] = sorted(found.values())
except ImportError:
    pass
try:
    from retentioneering.eventstream import Eventstream
    log = log.rename(columns={"deal": "user_id", "stage": "event", "at": "timestamp"})
    stream = timed("retentioneering: Eventstream", lambda: Eventstream(log))
    timed("retentioneering: funnel_data", lambda: stream.funnel_data(
        steps=["new", "qualified", "proposal", "contract", "payment", "won"]))
    timed("retentioneering: transition_graph_data", lambda: stream.transition_graph_data())
except Exception as error:
    told["retentioneering"] = repr(error)[:200]
print(json.dumps(told))
"""


def _miners(folder: Path) -> None:
    """Tell what pm4py and retentioneering take for a tenth of the deals, where they are installed."""
    python = os.environ.get("FUNNELKIT_MINERS")
    if not python:
        return
    import duckdb

    names = ", ".join(f"'{place}'" for place in PLACES[1:])
    with duckdb.connect(folder / "ledger.duckdb", read_only=True) as connection:
        connection.execute(
            f"COPY (SELECT deal, [{names}][stage] AS stage, MAKE_TIMESTAMP(t) AS at FROM ev "
            f"WHERE deal % 10 = 0) TO '{folder / 'log.parquet'}' (FORMAT parquet)"
        )
        inside = connection.execute(
            "SELECT COUNT(*) FROM (SELECT LAG(stage) OVER (PARTITION BY deal ORDER BY t) AS p, stage FROM ev "
            "WHERE deal % 10 = 0) WHERE p IS NOT NULL GROUP BY p, stage ORDER BY 1"
        ).fetchall()
    done = subprocess.run(
        [python, "-c", _MINED, str(folder / "log.parquet")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"RETENTIONEERING_NO_TRACK": "true"},
    )
    told = json.loads(done.stdout.splitlines()[-1])
    if told.pop("pairs", None) not in (None, sorted(count for (count,) in inside)):
        raise ValueError("pm4py counts other pairs")
    rows = told.pop("rows")
    for name, cost in told.items():
        row(f"{name}, {rows:,} events", "", cost if isinstance(cost, str) else duration(cost))
