#!/usr/bin/env python3
"""A library of many images (hard links): the first scan, starts, pages, searches, jobs by rule.

    bench/library.py [--images 1000000] [--folder FOLDER]

Prints a table. The images are links to 40 small JPEG files, since what is measured does not depend
on their content; FOLDER (default: a temporary one) is kept if it is named.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from program import Service

PLACES = ["beach", "mountain", "city", "garden", "harbour", "forest", "museum", "party", "river"]


def make_images(folder: Path, count: int) -> None:
    originals = folder / "objects/distributed-classifier-input/originals"
    if originals.exists():
        return
    originals.mkdir(parents=True)
    files = 40  # a file has at most 65,000 links on ext4
    for number in range(files):
        content = io.BytesIO()
        Image.new("RGB", (64, 48), (number * 6, 80, 120)).save(content, "JPEG")
        (originals / f"original {number}.jpg").write_bytes(content.getvalue())
    for number in range(files, count):
        place = PLACES[number % len(PLACES)]
        target = originals.parent / f"{2000 + number % 25}/{place} {number % 400}"
        if number % 1_000 == 0 or not target.exists():
            target.mkdir(parents=True, exist_ok=True)
        os.link(originals / f"original {number % files}.jpg", target / f"IMG_{number}.jpg")


def memory_mb(service: Service, field: str = "VmRSS") -> float:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def processor_seconds(service: Service) -> float:
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def median_ms(service: Service, path: str, repeat: int = 15) -> tuple[float, int]:
    """The median time of a call on one connection, in milliseconds, and the size of the answer."""
    times = []
    with requests.Session() as session:
        for _ in range(repeat):
            begin = time.perf_counter()
            answer = session.get(service.url + path, timeout=60)
            times.append((time.perf_counter() - begin) * 1e3)
            answer.raise_for_status()
    return sorted(times)[len(times) // 2], len(answer.content)


def row(what: str, value: str) -> None:
    print(f"| {what} | {value} |", flush=True)


def wait_for_catalogue(service: Service) -> float:
    begin = time.monotonic()
    while "complete" in service.get("/images?offset=0&limit=0").json():
        time.sleep(1)
    return time.monotonic() - begin


def measure(data: Path) -> None:
    service = Service(data, "backend")
    row(
        "the first scan of an old data folder, while it serves",
        f"{wait_for_catalogue(service):.0f} s",
    )
    row("processor time of it", f"{processor_seconds(service):.0f} s")
    row("resident memory after it", f"{memory_mb(service):.0f} MB")
    size = sum(file.stat().st_size for file in data.glob("jobs.sqlite*"))
    total = service.get("/images?offset=0&limit=0").json()["total"]
    row("database", f"{size >> 20} MB, {size / total:.0f} bytes for each of {total:,} images")
    assert service.stop() == 0
    begin = time.monotonic()
    service = Service(data, "backend")
    service.get("/images?offset=0&limit=1")
    row("start after a clean stop, until the first list", f"{time.monotonic() - begin:.2f} s")
    before = memory_mb(service)
    for order in ("newest", "name", "taken", "size", "key"):
        for place, offset in (("first", 0), ("middle", total // 2), ("last", total - 200)):
            took, size = median_ms(service, f"/images?order={order}&limit=200&offset={offset}")
            row(f"200 images, by {order}, {place}", f"{took:.1f} ms, {size / 1e3:.0f} kB")
    row("memory that all these pages took", f"{memory_mb(service) - before:.1f} MB")
    for words in ("IMG_123456", "beach 120", "beach", "img"):
        took, _ = median_ms(service, f"/images?q={words}&limit=100", 5)
        found = service.get(f"/images?q={words}&limit=0").json()["total"]
        row(f"search for “{words}”, {found:,} found", f"{took:.0f} ms")
    took, _ = median_ms(service, "/folders", 5)
    row("all folders", f"{took:.0f} ms")
    begin = time.monotonic()
    body: dict[str, Any] = {"job_type": "image_classification", "images": {"all": True}}
    peak = memory_mb(service)
    answer = requests.post(f"{service.url}/submit", json=body, timeout=600)
    assert answer.status_code == 202, answer.text
    row("a job of all images by rule, accepted in", f"{time.monotonic() - begin:.1f} s")
    row(
        "resident memory before and after it",
        f"{peak:.0f}, {memory_mb(service):.0f} MB; peak {memory_mb(service, 'VmHWM'):.0f} MB",
    )
    assert service.stop() == 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = options.folder or Path(temporary) / "data"
        make_images(data, options.images)
        print("| what | figure |\n| --- | --- |")
        measure(data)


if __name__ == "__main__":
    main()
