"""Bitrix24 through its official client, against a server here that speaks its documented shapes."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Engine, FrozenClock, money
from funnelkit.errors import InputError, MissingExtraError
from funnelkit.tables.bitrix24_rest import Bitrix24BusyError, Bitrix24Error, import_deals, pipelines_of

b24pysdk = pytest.importorskip("b24pysdk")

PAGE = 50
HOOK = "1/abc"
CATEGORIES = [
    {"id": 0, "name": "Общая", "sort": 200, "entityTypeId": 2, "isDefault": "Y"},
    {"id": 2, "name": "Ремонт", "sort": 100, "entityTypeId": 2, "isDefault": "N"},
]
# Of each: which list, its id there, its name, its place, and twice what it means.
STATUSES = [
    ("DEAL_STAGE", "NEW", "Новая", 10, None, "process"),
    ("DEAL_STAGE", "EXECUTING", "В работе", 20, None, "process"),
    ("DEAL_STAGE", "WON", "Сделка успешна", 30, "S", "success"),
    ("DEAL_STAGE", "LOSE", "Сделка провалена", 40, "F", "failure"),
    ("DEAL_STAGE", "APOLOGY", "Анализ провала", 50, "F", "apology"),
    ("DEAL_STAGE_2", "C2:NEW", "Заявка", 10, None, "process"),
    ("DEAL_STAGE_2", "C2:UC_3KX9", "Выезд", 20, None, "process"),
    ("DEAL_STAGE_2", "C2:WON", "Готово", 30, "S", "success"),
    ("DEAL_STAGE_2", "C2:1", "Дорого", 40, "F", "failure"),
]


class Portal:
    """What a portal holds, and how it answers.

    Attributes:
        deals, history: The items.
        asked: (method, parameters) of every request.
        fail: Method → the errors to answer with first: (HTTP status, error, description).
    """

    def __init__(self) -> None:
        self.deals: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.fail: dict[str, list[tuple[int, str, str]]] = {}

    def add(self, *stages: str, category: int = 0, **fields: Any) -> None:
        """Add a deal that went through stages, a day each."""
        id = len(self.deals) + 1
        begun = "2025-03-01T10:00:00+03:00"
        told = {
            "ID": str(id),
            "TITLE": f"Сделка {id}",
            "CATEGORY_ID": str(category),
            "STAGE_ID": stages[-1],
            "OPPORTUNITY": "1500.50",
            "CURRENCY_ID": "RUB",
            "ASSIGNED_BY_ID": "7",
            "DATE_CREATE": begun,
            "SOURCE_ID": "WEB",
            "UTM_CAMPAIGN": None,
        }
        self.deals.append(told | fields)
        for day, stage in enumerate(stages, 1):
            self.step(id, stage, f"2025-03-{day:02d}T10:00:00+03:00")

    def step(self, deal: int, stage: str, time: str) -> None:
        """Add a step of a deal to the history."""
        own = [status for status in STATUSES if status[1] == stage]
        semantics = (own[0][4] or "P") if own else "P"
        self.history.append(
            {
                "ID": len(self.history) + 1,
                "TYPE_ID": 1 if semantics == "P" else 3,
                "OWNER_ID": deal,
                "CREATED_TIME": time,
                "CATEGORY_ID": int(stage[1]) if ":" in stage else 0,
                "STAGE_SEMANTIC_ID": semantics,
                "STAGE_ID": stage,
            }
        )

    def answer(self, method: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return HTTP status and body."""
        self.asked.append((method, params))
        if self.fail.get(method):
            status, error, description = self.fail[method].pop(0)
            return status, {"error": error, "error_description": description}
        if method == "crm.category.list":
            return _page({"categories": CATEGORIES}, total=len(CATEGORIES))
        if method == "crm.status.list":
            names = ("ENTITY_ID", "STATUS_ID", "NAME", "SORT", "SEMANTICS")
            found = [
                {
                    **dict(zip(names, (*map(str, one[:4]), one[4]), strict=True)),
                    "EXTRA": {"SEMANTICS": one[5]},
                }
                for one in STATUSES
                if one[0] == params["filter"]["ENTITY_ID"]
            ]
            return _page(found[::-1], total=len(found))
        if method == "crm.deal.list":
            start = int(params["start"])
            page = [
                {name: deal[name] for name in params["select"]} for deal in self.deals[start : start + PAGE]
            ]
            return _page(page, start=start, total=len(self.deals))
        assert method == "crm.stagehistory.list"
        assert params["entityTypeId"] == 2
        start, asked = int(params["start"]), params["filter"]
        assert asked.keys() == {">=OWNER_ID", "<=OWNER_ID"}
        found = [
            step for step in self.history if asked[">=OWNER_ID"] <= step["OWNER_ID"] <= asked["<=OWNER_ID"]
        ]
        return _page({"items": found[start : start + PAGE]}, start=start, total=len(found))


def _page(result: Any, *, start: int = 0, total: int) -> tuple[int, dict[str, Any]]:
    now = "2026-01-01T00:00:00+00:00"
    time = {
        "start": 1.0,
        "finish": 2.0,
        "duration": 1.0,
        "processing": 0.5,
        "date_start": now,
        "date_finish": now,
    }
    body = {"result": result, "total": total, "time": time}
    return 200, body | ({"next": start + PAGE} if start + PAGE < total else {})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate of this machine, for the client speaks nothing but HTTPS."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    key = path.with_name("key.pem")
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", path, *about]
    subprocess.run(make, check=True, capture_output=True)
    return path


@contextmanager
def served(portal: Portal, certificate: Path) -> Iterator[int]:
    """Serve a portal in a thread; give the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            params = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}") or {}
            status, body = portal.answer(self.path.rpartition("/")[2].removesuffix(".json").lower(), params)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with ThreadingHTTPServer(("localhost", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def portal() -> Portal:
    """Return an empty portal."""
    return Portal()


@pytest.fixture
def client(portal: Portal, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the official client of that portal."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with served(portal, certificate) as port:
        token = b24pysdk.BitrixWebhook(domain=f"localhost:{port}", webhook_token=HOOK)
        yield b24pysdk.Client(token, initial_retry_delay=0.001, retry_delay_increment=0)


def an_engine(client: Any) -> Engine:
    """Return an engine with the pipelines of a portal."""
    return Engine(*pipelines_of(client), clock=FrozenClock(datetime(2026, 1, 1, tzinfo=UTC)))


def test_pipelines_come_in_their_order(client: Any) -> None:
    """Every category is a pipeline, by its sort, with the stages that are neither won nor lost."""
    repair, common = pipelines_of(client)
    assert (repair.id, repair.label, repair.stage_ids) == ("bitrix24_2", "Ремонт", ("new", "uc_3kx9"))
    assert (common.id, common.label, common.stage_ids) == ("bitrix24_0", "Общая", ("new", "executing"))
    assert [stage.label for stage in common.stages] == ["Новая", "В работе"]


def test_stages_that_lose_are_reasons(client: Any) -> None:
    """What loses there is a reason to lose here."""
    repair, common = pipelines_of(client)
    assert [(one.id, one.label) for one in common.close_reasons["lost"]] == [
        ("lose", "Сделка провалена"),
        ("apology", "Анализ провала"),
    ]
    assert [one.id for one in repair.close_reasons["lost"]] == ["s_1"]


def test_deals_come_with_their_history(portal: Portal, client: Any) -> None:
    """A deal is where it is there, with every step at its instant."""
    portal.add("NEW", "EXECUTING", "WON")
    portal.add("C2:NEW", "C2:1", category=2)
    engine = an_engine(client)
    reports = import_deals(engine, client)
    assert [(report.pipeline, report.rows, report.used) for report in reports] == [
        ("bitrix24_2", 2, 2),
        ("bitrix24_0", 3, 3),
    ]
    deal: Any = engine.get("bitrix24-deal-1")
    assert (deal.place, deal.value, deal.owner, deal.source) == ("won", money("1500.50", "RUB"), "7", "WEB")
    assert [move.at.isoformat() for move in engine.history(deal)] == [
        f"2025-03-0{day}T07:00:00+00:00" for day in (1, 2, 3)
    ]
    lost: Any = engine.get("bitrix24-deal-2")
    assert (lost.place, lost.close.reason_text) == ("lost", "Дорого")


def test_lists_are_read_to_their_last_page(portal: Portal, client: Any) -> None:
    """Of 120 deals with two steps each all are there; pages begin at multiples of 50."""
    for _ in range(120):
        portal.add("NEW", "EXECUTING")
    engine = an_engine(client)
    assert [report.records for report in import_deals(engine, client)] == [120]
    starts = [params["start"] for method, params in portal.asked if method == "crm.deal.list"]
    assert starts == [0, 50, 100]
    starts = [params["start"] for method, params in portal.asked if method == "crm.stagehistory.list"]
    assert starts == [0, 50, 100, 150, 200]


def test_deals_come_some_at_a_time(portal: Portal, client: Any) -> None:
    """No more deals are held than go into a commit; the report is that of all, and progress counts deals."""
    for number in range(120):
        portal.add(*(("NEW", "OLD", "EXECUTING") if number == 75 else ("NEW", "EXECUTING")))
    seen: list[tuple[int, int]] = []
    (report,) = import_deals(
        an_engine(client), client, batch=60, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(60, 120), (120, 120)]
    owners = [params["filter"] for method, params in portal.asked if method == "crm.stagehistory.list"]
    assert owners == [{">=OWNER_ID": 1, "<=OWNER_ID": 60}] * 3 + [{">=OWNER_ID": 61, "<=OWNER_ID": 120}] * 3
    assert (report.rows, report.records, report.used, len(report.bad)) == (241, 120, 240, 1)
    assert report.bad[0].line == 2 * 75 + 2  # the steps of the deals before it, and its own


@pytest.mark.parametrize("batch", [0, True, "60"])
def test_a_batch_is_a_number_of_deals(batch: Any, client: Any) -> None:
    """Anything else is refused before anything is asked for."""
    with pytest.raises(InputError, match="is not a number of deals"):
        import_deals(Engine(), client, batch=batch)


def test_what_is_new_comes_the_next_time(portal: Portal, client: Any) -> None:
    """Importing again brings what has happened since, and nothing twice."""
    portal.add("NEW")
    engine = an_engine(client)
    import_deals(engine, client)
    (same,) = import_deals(engine, client)
    assert (same.used, same.present) == (0, 1)
    portal.step(1, "WON", "2025-04-01T10:00:00+03:00")
    portal.add("NEW")
    (more,) = import_deals(engine, client)
    assert (more.used, more.present, more.records, more.continued) == (2, 1, 1, 1)


def test_a_deal_without_history_is_where_it_is(portal: Portal, client: Any) -> None:
    """A deal that is older than the history begins on its stage, at its creation."""
    portal.add("EXECUTING")
    portal.history.clear()
    engine = an_engine(client)
    import_deals(engine, client)
    deal: Any = engine.get("bitrix24-deal-1")
    assert (deal.stage, deal.created_at) == ("executing", datetime(2025, 3, 1, 7, tzinfo=UTC))


def test_stages_of_a_pipeline_that_was_left_are_ignored(portal: Portal, client: Any) -> None:
    """A deal's history in another pipeline is told of, and not taken."""
    portal.add("NEW", "C2:NEW", "C2:WON", category=2)
    (report,) = import_deals(an_engine(client), client)
    assert (report.used, dict(report.ignored_activities), report.bad) == (2, {"NEW": 1}, ())


def test_a_stage_that_is_gone_is_a_bad_row(portal: Portal, client: Any) -> None:
    """A step to a stage that its own pipeline does not have is reported."""
    portal.add("NEW", "OLD", "WON")
    (report,) = import_deals(an_engine(client), client)
    assert [bad.reason.partition(" is ")[0] for bad in report.bad] == ["STAGE: 'OLD'"]


def test_the_client_waits_when_the_limit_is_reached(portal: Portal, client: Any) -> None:
    """QUERY_LIMIT_EXCEEDED once is no error: the request is made again."""
    portal.add("NEW")
    portal.fail["crm.deal.list"] = [(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")]
    assert [report.records for report in import_deals(an_engine(client), client)] == [1]


def test_a_limit_that_stays_is_an_error_to_retry(portal: Portal, client: Any) -> None:
    """QUERY_LIMIT_EXCEEDED again and again is an error that says to come later; then it goes on."""
    portal.add("NEW")
    engine = an_engine(client)
    portal.fail["crm.stagehistory.list"] = [(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")] * 3
    with pytest.raises(Bitrix24BusyError) as raised:
        import_deals(engine, client)
    assert (raised.value.code, raised.value.method) == ("QUERY_LIMIT_EXCEEDED", "crm.stagehistory.list")
    assert raised.value.retriable
    assert [report.records for report in import_deals(engine, client)] == [1]


def test_an_expired_token_is_an_error_that_says_so(portal: Portal, client: Any) -> None:
    """An expired token is no limit: somebody has to sign in."""
    portal.fail["crm.category.list"] = [(401, "expired_token", "The access token provided has expired.")]
    with pytest.raises(Bitrix24Error, match=r"EXPIRED_TOKEN: .* sign in again") as raised:
        pipelines_of(client)
    assert not raised.value.retriable


def test_no_answer_is_an_error_to_retry(certificate: Path) -> None:
    """A portal that cannot be reached is an error without a code."""
    token = b24pysdk.BitrixWebhook(domain="localhost:1", webhook_token=HOOK)
    with pytest.raises(Bitrix24BusyError) as raised:
        pipelines_of(b24pysdk.Client(token))
    assert (raised.value.code, raised.value.retriable) == ("", True)


def test_the_engine_needs_the_pipelines(portal: Portal, client: Any) -> None:
    """An engine of other pipelines is refused before anything is written."""
    portal.add("NEW")
    with pytest.raises(InputError, match="it has no pipeline 'bitrix24_2'"):
        import_deals(Engine(), client)


def test_what_is_no_client_is_refused() -> None:
    """Anything without a CRM is no client."""
    with pytest.raises(InputError, match="is no client of Bitrix24"):
        pipelines_of("https://example.bitrix24.com")


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where b24pysdk is not installed, the error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "b24pysdk", None)
    with pytest.raises(MissingExtraError, match="bitrix24"):
        pipelines_of(object())
