"""A proxy in front of an emulator of DynamoDB that refuses overlapping writes, as DynamoDB does.

Emulators do one call after the other. DynamoDB does not: a transaction is refused if it has an
item of another one that runs, and so is a single write of such an item:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling

Each transaction runs for `seconds`. Time can be stretched so: with 20 times the time that
DynamoDB takes, 25 jobs a second overlap as 500 would. GET /conflicts tells how many calls there
were, and how many were refused, by the kind of item that they shared; POST /seconds sets `seconds`.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from typing import Any

from fault_proxy import FaultProxy, Handler, served

SINGLE_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
CONFLICT = "com.amazonaws.dynamodb.v20120810#TransactionConflictException"
CANCELED = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
Key = tuple[str, str, str]


def key_of(action: dict[str, Any]) -> Key:
    """The table and the key of an item that is written."""
    item = action.get("Key") or action["Item"]
    return action["TableName"], item["pk"]["S"], item["sk"]["S"]


def kind_of(key: Key) -> str:
    """ "T#": a tally, "J# COUNT#": a counter, "J# JOB": a job, …"""
    _, pk, sk = key
    return pk.split("#")[0] + "# " + sk.rstrip("0123456789")


class ConflictProxy(FaultProxy):
    def __init__(self, target: str, seconds: float = 0.02) -> None:
        super().__init__(target, seed=0)
        self.RequestHandlerClass = ConflictHandler
        self.seconds = seconds
        self.running: set[Key] = set()
        self.items = threading.Lock()
        self.operations: Counter[str] = Counter()
        self.conflicts: Counter[str] = Counter()


class ConflictHandler(Handler):
    server: ConflictProxy

    def handle_call(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        proxy = self.server
        if self.path == "/conflicts":
            with proxy.items:
                told = {"calls": proxy.operations, "conflicts": proxy.conflicts}
                return self.answer(200, [], json.dumps(told).encode())
        if self.path == "/seconds":
            proxy.seconds = float(body)
            return self.answer(200, [], b"")
        operation = (self.headers.get("X-Amz-Target") or "").rpartition(".")[2]
        request = json.loads(body)
        if operation == "TransactWriteItems":
            return self.transact(body, [key_of(*a.values()) for a in request["TransactItems"]])
        with proxy.items:
            proxy.operations[operation] += 1
            conflict = operation in SINGLE_WRITES and key_of(request) in proxy.running
            if conflict:
                proxy.conflicts[kind_of(key_of(request))] += 1
        if conflict:
            return self.refuse({"__type": CONFLICT, "message": "Transaction is ongoing"})
        return self.answer(*self.forward(body))

    do_GET = do_POST = handle_call

    def transact(self, body: bytes, keys: list[Key]) -> None:
        proxy = self.server
        with proxy.items:
            proxy.operations["TransactWriteItems"] += 1
            shared = [key in proxy.running for key in keys]
            if any(shared):
                proxy.conflicts[kind_of(keys[shared.index(True)])] += 1
            else:
                proxy.running.update(keys)
        if any(shared):
            reasons = [{"Code": "TransactionConflict" if one else "None"} for one in shared]
            return self.refuse(
                {"__type": CANCELED, "message": "conflict", "CancellationReasons": reasons}
            )
        try:
            time.sleep(proxy.seconds)
            answer = self.forward(body)
        finally:
            with proxy.items:
                proxy.running.difference_update(keys)
        return self.answer(*answer)

    def refuse(self, error: dict[str, Any]) -> None:
        self.answer(400, [("x-amzn-RequestId", "R-1")], json.dumps(error).encode())


def conflict_proxy(target: str) -> contextlib.AbstractContextManager[ConflictProxy]:
    return served(ConflictProxy(target))
