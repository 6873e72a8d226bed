"""The cost of a job on AWS: requests per image, counted by the services themselves, and their
price; and the images per second on the emulator, compared with the embedded mode.

    .deps/venv/bin/python bench/aws_requests.py --photo PHOTO.jpg --images 2000

The emulator limits the second figure: it shows the most that the network protocols cost on this
machine, not the speed of AWS.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from aws_servers import created, emulator  # noqa: E402
from harness import jpeg, processor_seconds, run_job  # noqa: E402
from program import Service  # noqa: E402

# US dollars per million in us-east-1, on demand, in 2026.
REQUEST_PRICES = {
    ("s3", "GetObject"): 0.40,
    ("s3", "HeadObject"): 0.40,
    ("s3", "CopyObject"): 5.00,
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
    service = Service(folder / "embedded")
    keys = [service.upload(photo, "photo.jpg") for _ in range(20)]
    run_job(service, keys, {})
    before = processor_seconds(service.process.pid)
    seconds = run_job(service, [keys[i % 20] for i in range(images)], {})
    report("embedded", images, seconds, processor_seconds(service.process.pid) - before)
    service.stop()


def on_emulator(folder: Path, photo: bytes, images: int) -> dict[tuple[str, str], float]:
    with emulator() as endpoint:
        settings = created(endpoint, "bench")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--images", type=int, default=2_000)
    options = parser.parse_args()
    photo = jpeg(options.photo, (640, 480))
    with tempfile.TemporaryDirectory() as folder:
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
