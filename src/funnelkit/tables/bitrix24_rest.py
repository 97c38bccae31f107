"""Bitrix24 over its REST interface: deal pipelines as definitions, and deals with their whole history.

The calls go through the official client, ``b24pysdk``; give one that is signed in. What is asked:

- ``crm.category.list``: the pipelines ("funnels") of deals.
- ``crm.status.list``: their stages, those of pipeline 2 being called ``DEAL_STAGE_2`` with ids such as
  ``C2:NEW``; ``SEMANTICS`` tells what wins (S) and what loses (F).
- ``crm.deal.list``: the deals.
- ``crm.stagehistory.list``: when each deal came to which stage.

Lists come in pages of 50. Where the answer is that the limit of requests is used up, the client waits
and asks again; after that, and for a token that has expired, it is a `Bitrix24Error`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from funnelkit.errors import FunnelkitError, InputError, MissingExtraError, shown
from funnelkit.importing import EventLog, ImportReport, import_log
from funnelkit.progress import Progress, shower
from funnelkit.stages import CloseReason, Pipeline, Stage

if TYPE_CHECKING:
    from funnelkit.engine import Engine

__all__ = ["Bitrix24BusyError", "Bitrix24Error", "import_deals", "pipelines_of"]

_DEAL = 2  # the type of deals
_SEMANTICS = {"S": "won", "success": "won", "F": "lost", "failure": "lost", "apology": "lost"}
_FIELDS = (
    "ID",
    "TITLE",
    "CATEGORY_ID",
    "STAGE_ID",
    "OPPORTUNITY",
    "CURRENCY_ID",
    "ASSIGNED_BY_ID",
    "DATE_CREATE",
    "SOURCE_ID",
    "UTM_CAMPAIGN",
)
_MENDS = {
    "EXPIRED_TOKEN": "the access token has expired: sign in again, or give the client a refresh token",
    "QUERY_LIMIT_EXCEEDED": "the limit of requests is used up: run it again later, it goes on",
    "OPERATION_TIME_LIMIT": "the limit of time is used up: run it again later, it goes on",
    "INSUFFICIENT_SCOPE": "the token needs the scope crm",
}
_LATER = frozenset(("QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", ""))


class Bitrix24Error(FunnelkitError):
    """Bitrix24 did not answer, or answered with an error. What was imported so far is there.

    Common causes: a token that has expired; too many requests; a token without the scope ``crm``.

    Attributes:
        method: What was asked.
        code: The error as Bitrix24 names it, in capital letters: ``"EXPIRED_TOKEN"``; empty where
            there was no answer.

    >>> print(Bitrix24Error("crm.deal.list", "EXPIRED_TOKEN", "expired"))  # doctest: +ELLIPSIS
    crm.deal.list: EXPIRED_TOKEN: expired (the access token has expired: sign in again, ...
    """

    def __init__(self, method: str, code: str, problem: str) -> None:
        self.method = method
        self.code = code
        self.problem = problem
        super().__init__(method, code, problem)

    def __str__(self) -> str:
        mend = _MENDS.get(self.code, "")
        named = f"{self.code}: " if self.code else ""
        return f"{self.method}: {named}{self.problem}" + (f" ({mend})" if mend else "")


class Bitrix24BusyError(Bitrix24Error):
    """Bitrix24 did not answer, or will answer later. What was imported so far is there.

    Common causes: too many requests at once; no network.

    >>> Bitrix24BusyError("crm.deal.list", "QUERY_LIMIT_EXCEEDED", "too many requests").retriable
    True
    """

    retriable: ClassVar[bool] = True


# -- definitions ---------------------------------------------------------------------------------


@attrs.frozen
class _Funnel:
    """A pipeline of Bitrix24, and what its stages are called here.

    Attributes:
        category: Its number there.
        pipeline: Its definition.
        stages: Stage there → stage here.
        outcomes: Stage there → (outcome, reason).
    """

    category: int
    pipeline: Pipeline
    stages: Mapping[str, str]
    outcomes: Mapping[str, tuple[str, str]]


def pipelines_of(client: Any) -> tuple[Pipeline, ...]:
    """Return the definitions of the deal pipelines of a Bitrix24 account.

    Pipeline 2 becomes ``bitrix24_2``; its stage ``C2:NEW`` becomes ``new``. Stages that win become the
    outcome won, those that lose become reasons of the outcome lost. Any way is free, as it is there.

    Args:
        client: A ``b24pysdk.Client``.

    Raises:
        MissingExtraError: b24pysdk is not installed.
        Bitrix24Error: It gave no answer, or an error.
        InputError: ``client`` is no client, or a pipeline has no stage to be on.
    """
    return tuple(funnel.pipeline for funnel in _funnels(_checked(client)))


def _funnels(client: Any) -> list[_Funnel]:
    answer = _asked("crm.category.list", lambda: client.crm.category.list(entity_type_id=_DEAL))
    categories = sorted(answer.result["categories"], key=lambda one: (int(one["sort"]), int(one["id"])))
    return [_funnel(client, int(one["id"]), str(one["name"])) for one in categories]


def _funnel(client: Any, category: int, name: str) -> _Funnel:
    entity = f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
    ask = {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}}
    answer = _asked("crm.status.list", lambda: client.crm.status.list(**ask))
    stages: dict[str, Stage] = {}
    outcomes: dict[str, tuple[str, str]] = {}
    reasons: dict[str, CloseReason] = {}
    for status in sorted(answer.result, key=lambda one: int(one["SORT"])):
        there, label = str(status["STATUS_ID"]), str(status["NAME"])
        extra = status.get("EXTRA") or {}
        outcome = _SEMANTICS.get(status.get("SEMANTICS") or extra.get("SEMANTICS") or "", "")
        slug = _slug(there)
        if outcome == "lost":
            reasons[there] = CloseReason(slug, label)
            outcomes[there] = (outcome, slug)
        elif outcome:
            outcomes[there] = (outcome, "")
        else:
            stages[there] = Stage(slug, label=label)
    if not stages:
        raise InputError("client", f"pipeline {name!r} has no stage to be on", "give the token more rights")
    pipeline = Pipeline(
        f"bitrix24_{category}",
        list(stages.values()),
        label=name,
        close_reasons={"lost": list(reasons.values())},
    )
    return _Funnel(category, pipeline, {there: stage.id for there, stage in stages.items()}, outcomes)


def _slug(status: str) -> str:
    """Return the id of a stage: ``"C2:UC_3KX9"`` is ``"uc_3kx9"``.

    >>> _slug("C2:FINAL-INVOICE"), _slug("1")
    ('final_invoice', 's_1')
    """
    slug = re.sub(r"[^a-z0-9_]", "_", status.rpartition(":")[2].lower())
    return slug if slug[:1].isalpha() else f"s_{slug}"


# -- deals ---------------------------------------------------------------------------------------


def import_deals(
    engine: Engine, client: Any, *, progress: Progress | Literal[True] | None = None, batch: int = 1000
) -> tuple[ImportReport, ...]:
    """Bring the deals of a Bitrix24 account into a store, each with its history of stages.

    Deal 42 becomes ``bitrix24-deal-42``. The history goes through `funnelkit.import_log`: run again after
    it was cut off it goes on, and run every day it brings what is new. A deal's stages in a pipeline
    that it has left are reported as ignored. A deal without any history begins on the stage where it is,
    at its creation.

    Deals are asked for by their ids, some at a time with their history, so memory does not grow with the
    account.

    Args:
        engine: One that has the pipelines that `pipelines_of` returns.
        client: A ``b24pysdk.Client``.
        progress: Called with (deals done, deals); True draws a bar on stderr if that is a terminal.
        batch: How many deals are held at once, and go into one commit.

    Returns:
        A report for every pipeline that has deals. Lines of bad rows count the steps of its deals, in the
        order in which they were asked for.

    Raises:
        MissingExtraError, Bitrix24Error: See `pipelines_of`.
        InputError: The engine lacks a pipeline, ``progress`` cannot be called, or ``batch`` is no number.
    """
    client, show = _checked(client), shower(progress)
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InputError("batch", f"{shown(batch)} is not a number of deals", "give 1 or more")
    funnels = {funnel.category: funnel for funnel in _funnels(client)}
    for funnel in funnels.values():
        if funnel.pipeline.id not in engine.pipelines:
            fix = "build the engine with pipelines_of(client)"
            raise InputError("engine", f"it has no pipeline {funnel.pipeline.id!r}", fix)
    reports: dict[int, ImportReport] = {}
    done = 0
    for deals, total in _deals(client, batch):
        for category, rows in _rows(client, deals).items():
            if own := funnels.get(category):
                log, pipeline = _log(own, rows), own.pipeline.id
                report = import_log(engine, rows, log, pipeline=pipeline, batch=batch)
                reports[category] = _joined(reports.get(category), report)
        done += len(deals)
        show(done, max(done, total))
    return tuple(reports[category] for category in funnels if category in reports)


def _deals(client: Any, size: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield some deals by their ids, the least first, and how many there are in all."""
    waiting: list[Any] = []
    total = 0
    for answer in _pages("crm.deal.list", client.crm.deal.list, select=_FIELDS):
        waiting += answer.result
        total = answer.total or 0
        while len(waiting) >= size:
            yield {str(deal["ID"]): deal for deal in waiting[:size]}, total
            del waiting[:size]
    if waiting:
        yield {str(deal["ID"]): deal for deal in waiting}, total


def _rows(client: Any, deals: Mapping[str, Any]) -> dict[int, list[dict[str, str]]]:
    """Return category → a row for every step of its deals; of one that has none, where it is."""
    rows: dict[int, list[dict[str, str]]] = {}
    told = set[str]()
    ids = [int(id) for id in deals]
    ask = {"entity_type_id": _DEAL, "filter": {">=OWNER_ID": min(ids), "<=OWNER_ID": max(ids)}}
    for answer in _pages("crm.stagehistory.list", client.crm.stagehistory.list, **ask):
        for step in answer.result["items"]:
            deal = deals.get(str(step["OWNER_ID"]))
            if deal is not None:  # else it was deleted, or must not be seen
                told.add(str(deal["ID"]))
                row = _row(deal, step["STAGE_ID"], step["CREATED_TIME"])
                rows.setdefault(int(deal["CATEGORY_ID"]), []).append(row)
    for id, deal in deals.items():
        if id not in told:
            row = _row(deal, deal["STAGE_ID"], deal["DATE_CREATE"])
            rows.setdefault(int(deal["CATEGORY_ID"]), []).append(row)
    return rows


def _joined(before: ImportReport | None, more: ImportReport) -> ImportReport:
    """Return the report of two parts of one log."""
    if before is None:
        return more
    return ImportReport(
        pipeline=before.pipeline,
        rows=before.rows + more.rows,
        records=before.records + more.records,
        used=before.used + more.used,
        repeats=before.repeats + more.repeats,
        present=before.present + more.present,
        continued=before.continued + more.continued,
        ignored_activities=Counter(before.ignored_activities) + Counter(more.ignored_activities),
        bad=before.bad + tuple(attrs.evolve(bad, line=before.rows + bad.line) for bad in more.bad),
        reopened=before.reopened + more.reopened,
        early=before.early + more.early,
        unclear_times=before.unclear_times + more.unclear_times,
    )


def _category_of(stage: str) -> int:
    prefix, colon, _ = stage.partition(":")
    return int(prefix[1:]) if colon and prefix[1:].isdigit() else 0


def _row(deal: Mapping[str, Any], stage: Any, time: Any) -> dict[str, str]:
    """Return one row of an event log: what the deal is, where it came to, and when."""
    told = {name: "" if deal.get(name) is None else str(deal[name]) for name in _FIELDS}
    if not told["CURRENCY_ID"]:
        told["OPPORTUNITY"] = ""
    return {**told, "RECORD": f"bitrix24-deal-{deal['ID']}", "STAGE": str(stage), "TIME": str(time)}


def _log(funnel: _Funnel, rows: Iterable[Mapping[str, str]]) -> EventLog:
    """Return what rows mean; stages of another pipeline that a deal has left are ignored."""
    strangers = {row["STAGE"] for row in rows} - funnel.stages.keys() - funnel.outcomes.keys()
    others = tuple(sorted(stage for stage in strangers if _category_of(stage) != funnel.category))
    return EventLog(
        record="RECORD",
        activity="STAGE",
        time="TIME",
        stages=funnel.stages,
        outcomes=funnel.outcomes,
        ignore=others,
        name="TITLE",
        owner="ASSIGNED_BY_ID",
        value="OPPORTUNITY",
        currency="CURRENCY_ID",
        source="SOURCE_ID",
        campaign="UTM_CAMPAIGN",
        created="DATE_CREATE",
    )


# -- asking --------------------------------------------------------------------------------------


def _checked(client: Any) -> Any:
    try:
        import b24pysdk  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: F401
    except ImportError:
        raise MissingExtraError("Reading from Bitrix24", "bitrix24") from None
    if not hasattr(client, "crm"):
        raise InputError("client", f"{shown(client)} is no client of Bitrix24", "give a b24pysdk.Client")
    return client


def _pages(method: str, ask: Callable[..., Any], **params: Any) -> Iterator[Any]:
    """Yield every page of a list, by id."""
    start: int | None = 0
    while start is not None:
        answer = _asked(method, partial(ask, **params, order={"ID": "ASC"}, start=start))
        yield answer
        start = answer.next


def _asked(method: str, ask: Callable[[], Any]) -> Any:
    """Return the answer to a request.

    Raises:
        Bitrix24Error: There is none, or it is an error.
    """
    from b24pysdk.errors import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        BitrixSDKException,
    )

    try:
        return ask().response
    except BitrixSDKException as error:
        payload = getattr(error, "json_response", None) or {}
        code = payload.get("error", "")
        code = str(code.get("code", "") if isinstance(code, dict) else code).upper()
        error_type = Bitrix24BusyError if code in _LATER else Bitrix24Error
        raise error_type(method, code, str(error).strip() or type(error).__name__) from error
