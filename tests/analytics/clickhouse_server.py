"""A server that speaks as ClickHouse does over HTTP and lets chdb, the same engine, do what it is told.

There is no server to install from a package index. What a client sends (statements, settings, typed
parameters, files to insert) arrives here over a socket and goes to the engine as it is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = ["served"]

OF_THE_WIRE = {"query", "database", "session_id", "query_id", "default_format", "wait_end_of_query"}
OF_THE_WIRE |= {
    "enable_http_compression",
    "compress",
    "client_protocol_version",
    "send_progress_in_http_headers",
}
OF_THE_WIRE |= {"http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close"}


@contextmanager
def served(connection: Any) -> Iterator[int]:
    """Serve a connection of chdb; give the port."""
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Do what the address says."""
            self.answer(b"")

        def do_POST(self) -> None:
            """Do what was sent."""
            self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def answer(self, body: bytes) -> None:
            """Run a statement and send what comes."""
            told = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            try:
                with lock:
                    content, status = run(connection, told, body), 200
            except Exception as error:  # noqa: BLE001 (whatever it is, the client shall hear of it)
                content, status = str(error).encode(), 500
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status != 200:
                self.send_header("X-ClickHouse-Exception-Code", "1")
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(connection: Any, told: dict[str, str], body: bytes) -> bytes:
    """Run one statement as a server does."""
    params = {name[6:]: value for name, value in told.items() if name.startswith("param_")}
    for name, value in told.items():
        if name not in OF_THE_WIRE and not name.startswith("param_"):
            connection.query(f"SET {name} = '{value}'")
    sql = told.get("query") or ""
    if body.startswith(b"INSERT"):
        head, _, body = body.partition(b"\n")
        sql = head.decode()
    if sql.upper().startswith("INSERT") and " SELECT " not in sql:
        return inserted(connection, sql, body)
    sql = (sql or body.decode()).strip()
    text, _, form = sql.rpartition("FORMAT ")
    if not text or " " in form.strip():
        text, form = sql, told.get("default_format", "TabSeparated")
    answer = connection.query(text.strip(), form.strip(), params=params)
    return bytes(answer.bytes()) if hasattr(answer, "bytes") else b""


def inserted(connection: Any, sql: str, body: bytes) -> bytes:
    """Insert a file that was sent."""
    words = sql.replace("`", "").split()
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(body)
        file.flush()
        connection.query(f"INSERT INTO {words[2]} SELECT * FROM file('{file.name}', '{words[-1]}')")
    return b""
