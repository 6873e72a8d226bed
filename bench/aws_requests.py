"""The cost of a job on AWS: requests per image, counted by the services themselves, and their
price; and the images per second on the emulator, compared with the embedded mode.

    .deps/venv/bin/python bench/aws_requests.py --photo PHOTO.jpg --images 2000
    .deps/venv/bin/python bench/aws_requests.py --photo PHOTO.jpg --images 1000 --memory

The emulator limits the second figure: it shows the most that the network protocols cost on this
machine, not the speed of AWS.

--memory counts what it costs to remember images and to answer from that: jobs of different images,
with REMEMBER=off, with what they saw remembered, and asked again. DynamoDB Local counts the units.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from aws_servers import created, dynamodb_local, emulator  # noqa: E402
from fault_proxy import FaultProxy, Handler, served  # noqa: E402
from harness import CUSTOM_TYPE, LABELS, jpeg, processor_seconds, run_job  # noqa: E402
from program import Service  # noqa: E402

# US dollars per million in us-east-1, on demand, in 2026.
REQUEST_PRICES = {
    ("s3", "GetObject"): 0.40,
    ("s3", "HeadObject"): 0.40,
    ("s3", "CopyObject"): 5.00,
    ("s3", "PutObject"): 5.00,
    ("sqs", ""): 0.40,
}
WRITE_UNIT = 0.625
READ_UNIT = 0.125
# DynamoDB units for one image: an outcome in a transaction is two write units; its share of the
# keys' items and of the counter is small in comparison.
WRITE_UNITS = 2 + 0.06 + 2 / 60
READ_UNITS = 1.5 / 60


def requests_of(url: str) -> dict[tuple[str, str], float]:
    text = requests.get(url + "/metrics", timeout=30).text
    pattern = re.compile(
        r'classifier_aws_requests_total\{operation="(\w+)",service="(\w+)"\} ([\d.e+]+)'
    )
    return {(service, name): float(count) for name, service, count in pattern.findall(text)}


def price_of(service: str, operation: str) -> float:
    return REQUEST_PRICES.get((service, operation), REQUEST_PRICES.get((service, ""), 0))


def report(name: str, images: int, seconds: float, processors: float) -> None:
    print(
        f"| {name} | {images:,} | {images / seconds:.0f} | {1e3 * processors / images:.2f} |",
        flush=True,
    )


def embedded(folder: Path, photo: bytes, images: int) -> None:
    service = Service(folder / "embedded", REMEMBER="off")
    keys = [service.upload(photo, "photo.jpg") for _ in range(20)]
    run_job(service, keys, {})
    before = processor_seconds(service.process.pid)
    seconds = run_job(service, [keys[i % 20] for i in range(images)], {})
    report("embedded", images, seconds, processor_seconds(service.process.pid) - before)
    service.stop()


def on_emulator(folder: Path, photo: bytes, images: int) -> dict[tuple[str, str], float]:
    with emulator() as endpoint:
        settings = created(endpoint, "bench") | {"REMEMBER": "off"}
        backend = Service(folder / "backend", "backend", **settings)
        worker = Service(folder / "worker", "ml-service", **settings)
        keys = [backend.upload(photo, "photo.jpg") for _ in range(20)]
        run_job(backend, keys, {})
        time.sleep(1)  # the last messages of that job
        processes = [backend.process.pid, worker.process.pid]
        before = sum(processor_seconds(process) for process in processes)
        counts = [requests_of(backend.url), requests_of(worker.ml)]
        seconds = run_job(backend, [keys[i % 20] for i in range(images)], {})
        after = sum(processor_seconds(process) for process in processes)
        report("emulator of AWS", images, seconds, after - before)
        used: dict[tuple[str, str], float] = {}
        for process, url in enumerate((backend.url, worker.ml)):
            for call, count in requests_of(url).items():
                used[call] = used.get(call, 0) + count - counts[process].get(call, 0)
        backend.stop()
        worker.stop()
        return used


# What was seen is stored so many seconds later, at most about.
GATHER_SECONDS = 13
Call = tuple[str, str]


class UnitProxy(FaultProxy):
    """In front of DynamoDB Local: adds up the units that calls about what is remembered take."""

    def __init__(self, target: str) -> None:
        super().__init__(target, seed=0)
        self.RequestHandlerClass = UnitHandler
        self.units: dict[str, float] = defaultdict(float)  # by operation


def units_of(operation: str, request: dict[str, Any], answer: dict[str, Any]) -> float:
    """As DynamoDB Local says; and half a unit for what was not there, which it leaves out."""
    capacity = answer.get("ConsumedCapacity", [])
    tables = capacity if isinstance(capacity, list) else [capacity]
    units = sum(float(table["CapacityUnits"]) for table in tables)
    if operation == "BatchGetItem":
        asked = sum(len(table["Keys"]) for table in request["RequestItems"].values())
        found = sum(len(items) for items in answer["Responses"].values())
        return units + (asked - found) / 2
    return max(units, 0.5)


class UnitHandler(Handler):
    server: UnitProxy

    def handle_call(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        operation = (self.headers.get("X-Amz-Target") or "").rpartition(".")[2]
        request = json.loads(body) | {"ReturnConsumedCapacity": "TOTAL"}
        status, headers, content = self.forward(json.dumps(request).encode())
        if b'"CONTENT' in body:  # about what is remembered
            self.server.units[operation] += units_of(operation, request, json.loads(content))
        self.answer(status, headers, content)

    do_POST = handle_call


def is_read(operation: str) -> bool:
    return operation in {"GetItem", "BatchGetItem", "Query"}


class Counts:
    """What processes have called, and the units of DynamoDB."""

    def __init__(self, urls: list[str], proxy: UnitProxy) -> None:
        self.calls: Counter[Call] = Counter()
        for url in urls:
            for call, count in requests_of(url).items():
                self.calls[call] += round(count)
        self.units = dict(proxy.units)
        self.images = 1

    def since(self, before: Counts, images: int) -> Counts:
        self.calls.subtract(before.calls)
        for name, units in before.units.items():
            self.units[name] -= units
        self.images = images
        return self

    def call(self, operation: str) -> float:
        return self.calls["s3", operation] / self.images

    def unit(self, read: bool) -> float:
        """Units of an image."""
        units = [count for name, count in self.units.items() if is_read(name) == read]
        return sum(units) / self.images

    def units_price(self) -> float:
        return self.unit(True) * READ_UNIT + self.unit(False) * WRITE_UNIT


@contextlib.contextmanager
def counted_services(folder: Path) -> Iterator[tuple[dict[str, str], UnitProxy]]:
    """Settings for services whose table is in DynamoDB Local."""
    with emulator() as endpoint, dynamodb_local() as local, served(UnitProxy(local)) as proxy:
        settings = created(endpoint, "bench") | {"AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
        client = boto3.client(
            "dynamodb",
            endpoint_url=local,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        table = json.loads((ROOT / "scripts/dynamodb-table.json").read_text())
        client.create_table(**(table | {"TableName": settings["DYNAMODB_TABLE"]}))
        yield settings, proxy


def marked(photo: bytes, mark: str) -> bytes:
    """The same picture with another content: a comment behind the JPEG's first marker."""
    text = mark.encode()
    return photo[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + photo[2:]


def memory_of(folder: Path, photo: bytes, images: int, fields: dict[str, object]) -> list[Counts]:
    """Of a job that remembers nothing, of one that does, and of the same asked again."""
    found = []
    with counted_services(folder) as (settings, proxy):
        for remember in ("off", "on"):
            more = settings | {"REMEMBER": remember}
            backend = Service(folder / f"backend-{remember}", "backend", **more)
            worker = Service(folder / f"worker-{remember}", "ml-service", **more)
            urls = [backend.url, worker.ml]
            one = backend.upload(marked(photo, f"first {remember}"), "photo.jpg")
            run_job(backend, [one], fields)  # loads the model
            if remember == "off":
                keys = [backend.upload(marked(photo, str(i)), "photo.jpg") for i in range(images)]
            for _ in range(1 if remember == "off" else 2):
                time.sleep(GATHER_SECONDS)  # the last calls of the job before
                before = Counts(urls, proxy)
                run_job(backend, keys, fields)
                time.sleep(GATHER_SECONDS)
                found.append(Counts(urls, proxy).since(before, images))
            backend.stop()
            worker.stop()
    return found


def memory(folder: Path, photo: bytes, images: int) -> None:
    for name, fields in (
        ("image_classification", {}),
        (CUSTOM_TYPE, {"job_type": CUSTOM_TYPE, "custom_labels": LABELS}),
    ):
        (folder / name).mkdir()
        jobs = memory_of(folder / name, photo, images, dict(fields))
        print(f"\n| {name}, an image | REMEMBER=off | remembered | re-asked |")
        print("| --- | ---: | ---: | ---: |")

        def row(label: str, values: list[float], digits: int) -> None:
            print(f"| {label} | " + " | ".join(f"{value:.{digits}f}" for value in values) + " |")

        for operation in ("GetObject", "HeadObject", "PutObject", "CopyObject"):
            row(f"S3 {operation}", [job.call(operation) for job in jobs], 4)
        for label, read in (("read", True), ("write", False)):
            row(
                f"DynamoDB {label} units, of what is remembered",
                [job.unit(read) for job in jobs],
                3,
            )
        # A job that is asked again reads no image: all that it gets are objects of many.
        own = [{"PutObject"}, {"PutObject"}, {"PutObject", "HeadObject", "GetObject"}]
        prices = [
            sum(job.call(operation) * price_of("s3", operation) for operation in operations)
            + job.units_price()
            for job, operations in zip(jobs, own, strict=True)
        ]
        row("$ a million, for what is remembered", prices, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--memory", action="store_true", help="count what remembering costs")
    options = parser.parse_args()
    photo = jpeg(options.photo, (640, 480))
    with tempfile.TemporaryDirectory() as folder:
        if options.memory:
            return memory(Path(folder), photo, options.images)
        print("| mode | images | images/s | processor milliseconds per image |")
        print("| --- | ---: | ---: | ---: |")
        embedded(Path(folder), photo, options.images)
        used = on_emulator(Path(folder), photo, options.images)
    print("\n| call | requests per image | $ per million images |")
    print("| --- | ---: | ---: |")
    total = WRITE_UNITS * WRITE_UNIT + READ_UNITS * READ_UNIT
    for (service, operation), count in sorted(used.items()):
        each = count / options.images
        price = each * price_of(service, operation)
        total += price
        shown = "by units" if service == "dynamodb" else f"{price:.2f}"
        print(f"| {service} {operation} | {each:.4f} | {shown} |")
    units = WRITE_UNITS * WRITE_UNIT + READ_UNITS * READ_UNIT
    print(f"| DynamoDB, {WRITE_UNITS:.2f} write units per image | | {units:.2f} |")
    print(f"| all | {sum(used.values()) / options.images:.3f} | {total:.2f} |")


if __name__ == "__main__":
    main()
