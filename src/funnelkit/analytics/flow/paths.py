"""The ways that records took: whole paths and how many took each, and links for a sankey picture.

SQL has no sum of texts in all engines, so a path becomes numbers: one digit a place, to the base of 66,
ten places a number and four numbers. Equal numbers are equal paths, exactly, up to 40 places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell, no_cell
from funnelkit.analytics.scope import Scope, Shape
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.errors import InputError

__all__ = ["Link", "Node", "Paths", "Sankey", "Variant", "paths", "sankey"]

START, OPEN, ELSEWHERE, LATER, UNKNOWN = (
    "(start)",
    "(open)",
    "(elsewhere)",
    "(later)",
    "(a stage of the past)",
)
LONGEST = 40
_BASE, _DIGITS = 66, 10
_NUMBERS = {0: START, 62: "lost", 63: "void", 64: ELSEWHERE, 65: UNKNOWN, 66: OPEN, 67: LATER}
_ARROW = " > "
_MORE = "…"
_WHO = "records that were ever in the pipeline by then, without void ones"
_OWNER = "a record is in one group: by owner, of who holds it as of then or held it when it was closed"


@attrs.frozen(kw_only=True)
class Variant(Row):
    """A path, and the records that took it.

    Attributes:
        path: The places one after another, such as ``"new > offer > won"``. ``(elsewhere)`` is another
            pipeline; ``…`` at the end stands for more than 40 places.
        count: Records whose whole path as of then this is.
        open: Those of them that are still open, so that the path will go on.
        share: Of all records.
    """

    path: str
    count: int
    open: int
    share: Rate

    @property
    def places(self) -> tuple[str, ...]:
        """The places one by one."""
        return tuple(self.path.split(_ARROW))


class Paths(Result[Variant]):
    """Paths by how many took them. A cell for `ids`: the path, ``ids("new > offer > won")``."""


@attrs.frozen(kw_only=True)
class Link(Row):
    """Moves from one place to the next.

    Attributes:
        step: Which step of the record leads to ``target``; 0 where steps are not told apart.
        source, target: Places; ``(start)`` before the creation, ``(open)`` for what is still open,
            ``(elsewhere)`` another pipeline, ``(later)`` what comes after the last step shown.
        count: Moves, and for ``(open)`` records.
    """

    step: int
    source: str
    target: str
    count: int


@attrs.frozen(kw_only=True)
class Node(Row):
    """A place with what comes in and goes out: ``incoming == outgoing + ended``, but for outer places.

    Attributes:
        step: The step at which it is reached; 0 where steps are not told apart.
        name: The place. Outer places are ``(start)`` and, where steps are not told apart, ``(elsewhere)``.
        incoming, outgoing: Sums over the links.
        ended: What stays: closed records on ``won`` and ``lost``, open ones on ``(open)``.
    """

    step: int
    name: str
    incoming: int
    outgoing: int
    ended: int


class Sankey(Result[Link]):
    """Links of a sankey picture.

    A cell for `ids`: ``ids("new", "offer")``; where steps are told apart ``ids("new", "offer", "2")``.
    """

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The places of all links, in the order in which they first occur."""
        stepped = any(row.step for row in self.rows)
        flows: dict[tuple[Group, int, str], list[int]] = defaultdict(lambda: [0, 0])
        for row in self.rows:
            flows[row.group, max(row.step - 1, 0) if stepped else 0, row.source][1] += row.count
            flows[row.group, row.step, row.target][0] += row.count
        return tuple(
            Node(
                group=group,
                step=step,
                name=name,
                incoming=incoming,
                outgoing=outgoing,
                ended=max(incoming - outgoing, 0),
            )
            for (group, step, name), (incoming, outgoing) in flows.items()
        )


def paths(source: Source, scope: Scope, top: int) -> Paths:
    """Count the records of each path; ``top`` paths of each group are returned."""
    sql = compose("flow/paths", **scope.slots(), tail="{variants}")
    rows = []
    kinds: dict[str, int] = {}
    left: dict[str, int] = {}
    for key, *codes, longer, records, ongoing, variety, everybody in rows_of(
        source, sql, scope.params() | {"top": top}
    ):
        path = _decoded(scope.shape, codes) + ([_MORE] if longer else [])
        kinds[key] = variety
        left[key] = left.get(key, everybody) - records
        rows.append(
            Variant(
                group=scope.group_of(key),
                path=_ARROW.join(path),
                count=records,
                open=ongoing,
                share=Rate.of(records, everybody),
            )
        )
    rows.sort(key=lambda row: (str(row.group), -row.count, row.path))
    about = scope.about(
        "paths",
        "whole paths",
        sentence="the places a record went to, one after another, with closings and reopenings; "
        f"{_OWNER}; paths are told apart by their first {LONGEST} places",
        population=_WHO,
        time_axis="the creation of the record",
        formula="share = count / all records; interval: Wilson 1927",
        complete=not any(row.open for row in rows),
        quality={
            "other paths, not shown": sum(kinds.values()) - len(rows),
            "records on other paths": sum(left.values()),
        },
    )
    return Paths(about=about, rows=tuple(rows), ids=partial(_path_ids, source, scope))


def sankey(source: Source, scope: Scope, steps: int | None) -> Sankey:
    """Count the links, of the first ``steps`` steps or of all of them together."""
    sql = compose("flow/sankey", **scope.slots(), **_level(steps), tail="{flows}")
    names = _names(scope.shape)
    found = rows_of(source, sql, scope.params() | _depth(steps))
    rows = [
        Link(
            group=scope.group_of(key),
            step=step,
            source=names[origin],
            target=names[reached],
            count=moves,
        )
        for key, step, origin, reached, moves in sorted(found)
    ]
    about = scope.about(
        "sankey",
        "by step" if steps else "by stage",
        sentence="moves from place to place, with the open records as a last link, so that what comes into "
        f"a place goes out of it or has ended there; {_OWNER}",
        population=_WHO,
        time_axis="the creation of the record",
        formula="incoming = outgoing + ended",
    )
    return Sankey(about=about, rows=tuple(rows), ids=partial(_link_ids, source, scope, steps))


def _level(steps: int | None) -> dict[str, str]:
    return {"level": "n" if steps else "0"}


def _depth(steps: int | None) -> Params:
    return {"depth": steps or 2**60, "beyond": (steps or 2**60) + 1}


def _names(shape: Shape) -> dict[int, str]:
    return dict(enumerate(shape.places, 1)) | _NUMBERS


def _decoded(shape: Shape, codes: Sequence[int]) -> list[str]:
    names, path = _names(shape), []
    for code in codes:
        rest = int(code)
        while rest:
            rest, digit = divmod(rest, _BASE)
            path.append(names[digit])
    return path


def _encoded(shape: Shape, path: str) -> Params:
    """Return the numbers of a path, as parameters."""
    numbers = {name: number for number, name in _names(shape).items() if 0 < number < _BASE}
    places = path.split(_ARROW)
    longer = places[-1] == _MORE
    places = places[:-1] if longer else places
    for place in places:
        check_cell("path", place, numbers)
    if len(places) > LONGEST:
        raise InputError("path", f"{len(places)} places are more than {LONGEST}", f"end it with {_MORE!r}")
    digits = [numbers[place] for place in places]
    codes: Params = {
        f"code_{part + 1}": sum(
            digit * _BASE**n for n, digit in enumerate(digits[part * _DIGITS : (part + 1) * _DIGITS])
        )
        for part in range(LONGEST // _DIGITS)
    }
    return codes | {"longer": int(longer)}


def _path_ids(source: Source, scope: Scope, path: str, *, group: Group = None) -> list[str]:
    params = scope.params() | _encoded(scope.shape, path) | {"key": scope.key_of(group)}
    where = (
        "code_1 = :code_1 AND code_2 = :code_2 AND code_3 = :code_3 AND code_4 = :code_4 "
        "AND longer = :longer AND grp = :key"
    )
    sql = compose("flow/paths", **scope.slots(), tail="{ids}", cell="coded", where=where)
    return [record for (record,) in rows_of(source, sql, params)]


def _link_ids(source: Source, scope: Scope, steps: int | None, *cell: str, group: Group = None) -> list[str]:
    left, entered, step = cell if steps else (*cell, "0")
    numbers = {name: number for number, name in _names(scope.shape).items()}
    check_cell("source", left, numbers)
    check_cell("target", entered, numbers)
    known = [str(n) for n in range(1, steps + 2)] if steps else ["0"]
    if step not in known:
        raise no_cell("step", step, known)
    where = "step = :step AND origin = :origin AND reached = :reached AND grp = :key"
    sql = compose("flow/sankey", **scope.slots(), **_level(steps), tail="{ids}", cell="link", where=where)
    params = scope.params() | _depth(steps)
    params |= {"step": int(step), "origin": numbers[left], "reached": numbers[entered]}
    return [record for (record,) in rows_of(source, sql, params | {"key": scope.key_of(group)})]
