#!/usr/bin/env python3
"""Serves the built page, and forwards every other call to a backend, so that the page works with
any backend without CORS. scripts/run-dashboard.sh calls this; it listens on this machine only."""

from __future__ import annotations

import http.client
import mimetypes
import os
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(os.environ.get("DASHBOARD_DIR") or ROOT / "dashboard/dist").resolve()
# First parts of the API's paths; anything else that a browser opens is an address of the page.
API = frozenset(("docs", "events", "health", "images", "jobs", "metrics", "models", "objects"))
API |= {"openapi.json", "queue", "ready", "result", "status", "submit", "upload-url"}
PORTS_TRIED = 20
# Headers of one connection, not of the message.
HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"))
CHUNK = 64 * 1024


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend = urlsplit("http://localhost:8080")

    def log_message(self, *_: object) -> None:
        """No line for each request."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        file = (PAGE / path.lstrip("/")).resolve()
        place = path.split("/")[1] not in API and "text/html" in self.headers.get("Accept", "")
        if path != "/" and file.is_file() and PAGE in file.parents:
            self.send_file(file)
        elif path == "/" or (place and not file.suffix):
            self.send_file(PAGE / "index.html")
        else:
            self.hand_on()

    def send_file(self, file: Path) -> None:
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", mimetypes.guess_type(file.name)[0] or "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(content)

    def hand_on(self) -> None:
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else None
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        try:
            answer = self.ask(body, headers)
        except OSError as error:
            text = f'{{"error": "the backend at {self.backend.geturl()} does not answer: {error}"}}'
            self.send_response(502)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP | {"content-length", "date", "server"}:
                self.send_header(name, value)
        known = answer.getheader("Content-Length")
        self.send_header(*(("Content-Length", known) if known else ("Connection", "close")))
        self.close_connection = self.close_connection or not known
        self.end_headers()
        # read1 returns what is available, so that events reach the page as they arrive.
        while chunk := answer.read1(CHUNK):
            self.wfile.write(chunk)
            self.wfile.flush()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = hand_on

    def ask(self, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        host = self.backend.netloc
        connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(host, context=ssl.create_default_context(), timeout=300)
            if self.backend.scheme == "https"
            else http.client.HTTPConnection(host, timeout=300)
        )
        connection.request(self.command, self.backend.path + self.path, body, headers)
        return connection.getresponse()


def listen(wanted: int) -> ThreadingHTTPServer:
    """Listens on the wanted port, or the next free one."""
    for port in range(wanted, wanted + PORTS_TRIED):
        try:
            return ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError:
            continue
    sys.exit(
        f"dashboard.py: ports {wanted} to {wanted + PORTS_TRIED - 1} are taken: set DASHBOARD_PORT"
    )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: scripts/run-dashboard.sh [URL]")
    backend = urlsplit(sys.argv[1].rstrip("/"))
    if backend.scheme not in ("http", "https") or not backend.netloc:
        sys.exit(
            f'dashboard.py: "{sys.argv[1]}" is not a URL: it must begin with http:// or https://'
        )
    port = os.environ.get("DASHBOARD_PORT") or "8501"
    if not port.isdigit() or not 0 < int(port) < 65536:
        sys.exit(f'dashboard.py: DASHBOARD_PORT is "{port}", but must be a port from 1 to 65535')
    if not (PAGE / "index.html").is_file():
        sys.exit(f"dashboard.py: the page is not built: there is no {PAGE / 'index.html'}")
    Handler.backend = backend
    with listen(int(port)) as server:
        page = f"http://localhost:{server.server_port}"
        print(f"dashboard at {page}, backend {backend.geturl()} (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
