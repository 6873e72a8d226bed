"""A proxy in front of an emulator of AWS that makes calls fail, time out and repeat at random.

A fault is one of: an answer 503 or a throttling error instead of the call; the call done but its
connection closed before the answer (the client cannot know that it took effect); a delayed
answer; messages delivered twice, as SQS's standard queues may do.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar
from urllib.parse import urlsplit

THROTTLED = b'{"__type": "com.amazonaws#ThrottlingException", "message": "slow down"}'
Proxy = TypeVar("Proxy", bound=ThreadingHTTPServer)
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
LATE_SECONDS = 2.0


class FaultProxy(ThreadingHTTPServer):
    """Faults occur while `rate` is above 0; it is their probability per request.

    While `refusal` is set, every call of SQS and DynamoDB gets that error: its code and message.
    `outages` has the services ("s3", "sqs", "dynamodb") that are away, and how: "unavailable" and
    "denied" are errors, "broken" closes connections, "hanging" does not answer until it is over.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, target: str, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = urlsplit(target).netloc
        self.rate = 0.0
        self.refusal: tuple[str, str] | None = None
        self.outages: dict[str, str] = {}
        self.faults: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def choose_fault(self, operation: str) -> str | None:
        with self._lock:
            self.calls[operation] += 1
            if self._random.random() >= self.rate:
                return None
            kinds = ["unavailable", "throttled", "lost answer", "late"]
            if operation.endswith("SendMessageBatch"):
                kinds.append("twice")
            fault = self._random.choice(kinds)
            self.faults[fault] += 1
            return fault

    def handle_error(self, request: object, client_address: object) -> None:
        """Killed clients close connections: nothing to report."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def handle_call(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        target = self.headers.get("X-Amz-Target")
        operation = target or f"S3 {self.command}{' copy' if self.is_copy() else ''}"
        if target and self.server.refusal:
            code, message = self.server.refusal
            body = json.dumps({"__type": f"com.amazonaws#{code}", "message": message}).encode()
            return self.answer(400, [("x-amzn-RequestId", "R-1")], body)
        service = target.partition("_")[0].lower() if target else "s3"
        if way := self.server.outages.get("sqs" if service.startswith("amazonsqs") else service):
            return self.be_away(way, target)
        fault = self.server.choose_fault(operation)
        if fault == "unavailable":
            return self.answer(503, [], b"")
        if fault == "throttled":
            return self.answer(400 if target else 503, [], THROTTLED if target else b"")
        status, headers, content = self.forward(body)
        if fault == "twice":
            status, headers, content = self.forward(body)
        if fault == "late":
            time.sleep(LATE_SECONDS)
        if fault == "lost answer":
            self.close_connection = True
            return None
        return self.answer(status, headers, content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_call

    def be_away(self, way: str, target: str | None) -> None:
        if way == "unavailable":
            return self.answer(503, [], b"")
        if way == "denied":
            error = {"__type": "com.amazonaws#AccessDeniedException", "message": "not any more"}
            text = "<Error><Code>AccessDenied</Code><Message>not any more</Message></Error>"
            return self.answer(
                400 if target else 403, [], (json.dumps(error) if target else text).encode()
            )
        while way == "hanging" and way in self.server.outages.values():
            time.sleep(0.1)
        self.close_connection = True
        return None

    def is_copy(self) -> bool:
        return "x-amz-copy-source" in self.headers

    def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Faults are counted, not logged."""


@contextlib.contextmanager
def served(proxy: Proxy) -> Iterator[Proxy]:
    """Runs a proxy on a thread of its own."""
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


def fault_proxy(target: str, seed: int) -> contextlib.AbstractContextManager[FaultProxy]:
    return served(FaultProxy(target, seed))
