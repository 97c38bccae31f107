"""Reports over a long ledger on SQLite, beside SQL over the same events bare; their memory; what moves pay.

The file is made once a run; set ``FUNNELKIT_LEDGER`` to a path to keep it from one run to the next, and
``FUNNELKIT_LEDGER_DEALS`` to another number of deals than a million (each makes eleven moves).
"""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from ledger import DAY, NOW, STAGES, START, made
from measure import OURS, Cost, Round, duration, in_turn, row, timed, told
from sales import STEPS, Durability, filled, moved_once

from funnelkit.analytics import Analytics, Shape
from funnelkit.clock import FrozenClock, from_us
from funnelkit.storage.sqlite import SQLiteStore

DEALS = int(os.environ.get("FUNNELKIT_LEDGER_DEALS", "1000000"))
ROUNDS = 3
HALF = from_us(START + 365 * DAY)
HORIZON = 90 * DAY
BOUND = {"owner": "person07", "source": "web", "campaign": "spring", "repeat": "deal"}
"""What is filtered by; the same names are grouped by."""

INDEXES = ("move_climb", "move_pair", "move_transfer", "move_stay", "move_lift", "move_history")
"""The indexes over moves that reports need, or need to be as wide as they are."""

NARROW = """
CREATE INDEX move_lift
ON move (pipeline, furthest_before, furthest_after, currency, moved_us, created_us, amount)
WHERE furthest_before <> furthest_after
"""
"""The index that the plain funnel alone would need."""

_LAST = "SELECT deal, stage AS last, MAX(position) FROM event {when} GROUP BY deal"
_FAR = "MAX(CASE WHEN stage <= 5 {young} THEN stage ELSE 0 END) AS far"
_REACHED = (
    f"SELECT CASE WHEN last = 6 {{won}} THEN 6 ELSE far END AS place, COUNT(*) FROM (SELECT deal, {_FAR} "
    f"FROM event {{born}} {{when}} GROUP BY deal) JOIN ({_LAST}) USING (deal) {{born_last}} "
    "WHERE last <> 8 GROUP BY place"
)
_BORN = "JOIN (SELECT deal, MIN(moved_us) AS born FROM event GROUP BY deal) USING (deal)"
PEERS = {
    "reached": _REACHED.format(when="", young="", won="", born="", born_last=""),
    "as of": _REACHED.format(when="WHERE moved_us <= :as_of", young="", won="", born="", born_last=""),
    "within": (
        f"SELECT CASE WHEN last = 6 AND ended - born <= :horizon THEN 6 ELSE far END AS place, COUNT(*) FROM "
        f"(SELECT deal, born, {_FAR.format(young='AND moved_us - born <= :horizon')} FROM event {_BORN} "
        "GROUP BY deal) JOIN (SELECT deal, stage AS last, moved_us AS ended, MAX(position) FROM event "
        "GROUP BY deal) USING (deal) WHERE last <> 8 GROUP BY place"
    ),
    "matrix": (
        f"SELECT before, stage, COUNT(*) FROM (SELECT deal, stage, LAG(stage, 1, 0) OVER (PARTITION BY deal "
        f"ORDER BY moved_us, position) AS before FROM event) JOIN ({_LAST.format(when='')}) USING (deal) "
        "WHERE last <> 8 GROUP BY before, stage"
    ),
    "stays": (
        "SELECT before, stay FROM (SELECT before, stay, COUNT(*) OVER (PARTITION BY before) AS stays, "
        "ROW_NUMBER() OVER (PARTITION BY before ORDER BY stay) AS rank FROM (SELECT deal, "
        "LAG(stage, 1, 0) OVER life AS before, moved_us - LAG(moved_us, 1, 0) OVER life AS stay FROM event "
        f"WINDOW life AS (PARTITION BY deal ORDER BY moved_us, position)) JOIN ({_LAST.format(when='')}) "
        "USING (deal) WHERE last <> 8 AND before BETWEEN 1 AND 5) WHERE rank = (stays + 1) / 2 "
        "ORDER BY before"
    ),
}
"""The best writing over bare events that gives the same numbers."""

STEPS_BY_JOIN = (
    "WITH s1 AS (SELECT deal, MIN(moved_us) AS t FROM event WHERE stage = 1 GROUP BY deal)"
    + "".join(
        f", s{n} AS (SELECT e.deal, MIN(e.moved_us) AS t FROM s{n - 1} AS p JOIN event AS e "
        f"ON e.deal = p.deal AND e.moved_us > p.t WHERE e.stage = {n} GROUP BY e.deal)"
        for n in range(2, 7)
    )
    + " SELECT "
    + ", ".join(f"(SELECT COUNT(*) FROM s{n})" for n in range(1, 7))
)
"""How funnels over bare events are usually written: stages in their order, one join a stage."""


@cache
def file() -> Path:
    """Return the file of the ledger, which is made when it is first asked for."""
    kept = os.environ.get("FUNNELKIT_LEDGER")
    if kept and Path(kept).exists():
        return Path(kept)
    path = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ledger")) / "ledger"
    if not kept:
        atexit.register(shutil.rmtree, path.parent)
    made(path, DEALS)
    return path


def metrics(path: Path) -> Analytics:
    """Return the metrics over a file, as of the day at which its log is cut."""
    shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in STAGES))
    return Analytics(SQLiteStore(path, read_only=True), [shape], FrozenClock(from_us(NOW)))


def reports(_: Path) -> None:
    """Funnels, the transition matrix and median stays, beside SQL over bare events and beside themselves."""
    asked, bare = metrics(file()), _bare()
    within = f"{HORIZON // DAY}d"
    ours: dict[str, tuple[Callable[[], Any], str]] = {
        "reached": (asked.funnel, "at most 0.5 s for 10 M"),
        "as of": (partial(asked.funnel, as_of=HALF), "at most 0.5 s for 10 M"),
        "within": (partial(asked.funnel, within=within), "at most 0.5 s for 10 M"),
        "matrix": (asked.transitions, "at most 1.0 s for 10 M"),
        "stays": (partial(_medians, asked), "at most 1.5 s for 10 M"),
    }
    for name, (act, wanted) in ours.items():
        params = {"as_of": START + 365 * DAY, "horizon": HORIZON}
        theirs: list[Any] = []
        peer = timed(lambda name=name, params=params, to=theirs: to.extend(bare.execute(PEERS[name], params)))
        own: list[Any] = []
        best = min((timed(lambda act=act, own=own: own.append(act())) for _ in range(ROUNDS)), key=_processor)
        _check(name, _numbers(own[0]), theirs)
        _told(f"{_NAMES[name]}, {_moves(asked):,} moves", best, peer, "SQL over events", f"{wanted}, × 1/20")
    joins = timed(lambda: bare.execute(STEPS_BY_JOIN).fetchall())
    best = timed(asked.funnel)
    _told("reached funnel, beside a join a stage", best, joins, "SQL over events", "at most × 1/20")
    _grouped("reached funnel", asked.funnel)
    _grouped("transition matrix", asked.transitions)


_NAMES = {
    "reached": "reached funnel",
    "as of": "reached funnel as of a year ago",
    "within": "reached funnel within 90 days of creation",
    "matrix": "transition matrix",
    "stays": "time in stage, exact median",
}


def _medians(asked: Analytics) -> list[timedelta | None]:
    """Return half of the time in every stage."""
    return [row.p50 for row in asked.time_in_stage().rows]


def _grouped(what: str, act: Callable[..., Any]) -> None:
    """Time every filter and every grouping in turn with the plain report."""
    for name, value in BOUND.items():
        for how, arguments in ((f"of one {name}", {name: value}), (f"by {name}", {"by": name})):
            rounds = [in_turn(funnelkit=partial(act, **arguments), plain=act) for _ in range(ROUNDS)]
            told(f"{what} {how}", rounds, 1, "at most × 2", "plain")


def _told(what: str, ours: Cost, theirs: Cost, who: str, wanted: str) -> None:
    ratios = (f"× {ours.wall / theirs.wall:.3f}", f"× {ours.processor / theirs.processor:.3f}")
    row(what, duration(ours.wall), f"{who} {duration(theirs.wall)}", *ratios, wanted)


def _processor(cost: Cost) -> float:
    return cost.processor


def _bare() -> sqlite3.Connection:
    bare = sqlite3.connect(file().with_name(f"{file().name}.events"))
    bare.execute("PRAGMA cache_size = -65536")
    return bare


def _moves(asked: Analytics) -> int:
    return sum(line.count for line in asked.transitions().rows)


def _numbers(result: Any) -> list[Any]:
    """Return what both sides must agree on: medians, counts by place, or moves by pair of places."""
    if isinstance(result, list):
        return [median // timedelta(microseconds=1) for median in result]
    lines = result.rows
    if not hasattr(lines[0], "target"):
        return [line.count for line in lines]
    return sorted(line.count for line in lines)


def _check(name: str, ours: list[Any], theirs: list[Any]) -> None:
    """See that both have counted the same."""
    counts = [count for *_, count in theirs]
    if name == "matrix":
        counts.sort()
    elif name != "stays":
        far = dict(theirs)
        counts = [sum(far.get(n, 0) for n in range(place, 7)) for place in range(1, 7)]
    if ours != counts:
        raise ValueError(name, ours, counts)


# -- memory ------------------------------------------------------------------------------------

_ALONE = """
import resource, sys
from pathlib import Path
from reports import HALF, metrics
print(len({call}), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
CALLS = (
    "funnel()",
    "funnel(by='owner')",
    "funnel(definition='visited')",
    "funnel(definition='strict')",
    "funnel(definition='ordered', window='90d')",
    "time_to_convert()",
    "transitions()",
    "stock()",
    "potential()",
    "win_rate(by='owner')",
    "leaks(by='source')",
    "people()",
    "cohort_conversion(by='source')",
    "time_in_stage()",
    "stage_exits()",
    "stuck()",
    "drift()",
    "chances()",
    "forecast(within='90d')",
    "attribution()",
    "scores()",
    "sankey()",
    "landmarks()",
    "variants()",
)
"""Every sort of report; all of it is read, as when it is printed."""


def report_memory(_: Path) -> None:
    """The most memory that a process takes for one report, each in a process of its own."""
    for call in CALLS:
        answers: list[int] = []
        source = _ALONE.format(call=f"metrics(Path(sys.argv[1])).{call}.to_dicts()")
        cost = timed(lambda source=source, answers=answers: answers.append(_alone(source)))
        row(
            f"all of `{call}`",
            f"{answers[0] / 1024:.0f} MB",
            duration(cost.wall),
            "",
            "",
            "at most 300 MB",
        )


def _alone(source: str) -> int:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", source, str(file())]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path}
    )
    return int(done.stdout.split()[-1])


# -- the price ---------------------------------------------------------------------------------


def report_price(folder: Path) -> None:
    """A single keyed move with the indexes that reports need, and without them."""
    counts: dict[Durability, int] = {"fast": 2_400, "full": 800}
    for durability, deals in counts.items():
        rounds = list(_priced(folder / durability, durability, deals))
        told(
            f'single move, SQLite, durability="{durability}"',
            rounds,
            deals // 8,
            "at most × 1.15",
            "no indexes",
        )


def _priced(path: Path, durability: Durability, deals: int) -> Iterator[Round]:
    engines = {}
    for name in ("with", "without"):
        SQLiteStore(path.with_suffix(f".{name}")).close()
        if name == "without":
            connection = sqlite3.connect(path.with_suffix(f".{name}"), isolation_level=None)
            for statement in (*(f"DROP INDEX {index}" for index in INDEXES), NARROW):
                connection.execute(statement)
            connection.close()
        engines[name] = filled(path.with_suffix(f".{name}"), durability, deals)
    (ours, ids), (bare, others) = engines.values()
    part = deals // 8
    for target in STEPS:
        for start in range(0, deals, part):
            span = slice(start, start + part)
            yield {
                OURS: timed(partial(moved_once, ours.move, ids[span], target)),
                "no indexes": timed(partial(moved_once, bare.move, others[span], target)),
            }
