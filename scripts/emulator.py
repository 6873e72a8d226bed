"""moto's server, with serialised calls to DynamoDB and SQS.

moto handles requests in threads without isolating them from one another, so its conditions and
transactions do not hold as on AWS: two writers could both find an item missing, and two receivers
could lose a message between them. This also makes its transactions fast enough for large jobs.

    .deps/venv/bin/python scripts/emulator.py --port 4566
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import moto.sqs.models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple
from werkzeug.test import run_wsgi_app

POLL_SECONDS = 0.2  # while a receiver waits


class Quiet(WSGIRequestHandler):
    """No line for each request, and connections that stay open."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        """Only errors are logged."""


def snapshot(table: Table, _memo: dict[int, Any]) -> Table:
    """A copy of the table that shares its items, to which moto rolls back."""
    clone = copy.copy(table)
    clone.items = defaultdict(dict, {pk: dict(items) for pk, items in table.items.items()})
    return clone


def transact(
    write: Callable[[DynamoDBBackend, list[Any]], None],
) -> Callable[[DynamoDBBackend, list[Any]], None]:
    """A transaction whose cost depends on its own size: moto copies the whole table per action.

    Updates change items in place, so those are restored if the transaction fails.
    """

    def write_all(backend: DynamoDBBackend, actions: list[Any]) -> None:
        before = []
        for update in (action["Update"] for action in actions if "Update" in action):
            key = [DynamoType(update["Key"][name]) for name in ("pk", "sk")]
            item = backend.tables[update["TableName"]].get_item(*key)
            before.append((update["TableName"], key, copy.deepcopy(item)))
        try:
            write(backend, actions)
        except Exception:
            for name, (pk, sk), item in before:
                if item is not None:
                    backend.tables[name].items[pk][sk] = item
            raise

    return write_all


App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def isolated(app: App) -> App:
    lock = threading.Lock()

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if not target.startswith(("DynamoDB", "AmazonSQS")):
            return app(environ, start_response)
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size)
        deadline = time.monotonic()
        if target == "AmazonSQS.ReceiveMessage":
            # Nobody waits while holding the lock: each poll is a separate call.
            request = json.loads(body)
            deadline += request.get("WaitTimeSeconds", 0)
            body = json.dumps(request | {"WaitTimeSeconds": 0}).encode()
        environ["CONTENT_LENGTH"] = str(len(body))
        while True:
            environ["wsgi.input"] = io.BytesIO(body)
            with lock:
                content, status, headers = run_wsgi_app(app, dict(environ), buffered=True)
            whole = b"".join(content)
            if time.monotonic() >= deadline or b'"Messages"' in whole:
                start_response(status, list(headers))
                return [whole]
            time.sleep(POLL_SECONDS)

    return serve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=4566)
    port = parser.parse_args().port
    # Called for every message at every poll; this is faster.
    moto.sqs.models.unix_time_millis = lambda *_: time.time() * 1e3
    Table.__deepcopy__ = snapshot
    DynamoDBBackend.transact_write_items = transact(DynamoDBBackend.transact_write_items)
    app = isolated(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", port, app, threaded=True, request_handler=Quiet)


if __name__ == "__main__":
    main()
