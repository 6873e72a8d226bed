#!/usr/bin/env python3
"""Deletions into the trash beside final ones: one after another by one client, in alternating
rounds of 500; then what is in the trash is taken back, put there again, and deleted for good.

bench/trash.py --images 10000 --folder /srv/tmp
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import requests
from harness import BINARY

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from program import Service

ROUND = 500


def measure(service: Service, images: int) -> None:
    session = requests.Session()
    keys = [f"uploads/{i:06}.jpg" for i in range(2 * images)]
    while "complete" in (first := session.get(f"{service.url}/images?limit=0&order=key").json()):
        time.sleep(0.2)
    assert first["total"] == len(keys)

    def delete(some: list[str], query: str) -> float:
        begin = time.perf_counter()
        for key in some:
            answer = session.delete(f"{service.url}/images/{key}{query}")
            assert answer.status_code == 200, answer.text
        return (time.perf_counter() - begin) / len(some) * 1e3

    times: dict[str, list[float]] = {"?trash=true": [], "": []}
    trashed: list[str] = []
    for turn, begin in enumerate(range(0, len(keys), 2 * ROUND)):
        parts = [keys[begin : begin + ROUND], keys[begin + ROUND : begin + 2 * ROUND]]
        queries = ["?trash=true", ""] if turn % 2 == 0 else ["", "?trash=true"]
        for part, query in zip(parts, queries, strict=True):
            times[query].append(delete(part, query))
            trashed += part if query else []
    trash, final = times["?trash=true"], times[""]
    ratios = [a / b for a, b in zip(trash, final, strict=True)]
    print(
        f"into the trash {statistics.median(trash):.2f} ms ({min(trash):.2f} to {max(trash):.2f}), "
        f"for good {statistics.median(final):.2f} ms ({min(final):.2f} to {max(final):.2f}); "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )
    begin_at = time.perf_counter()
    page = session.get(f"{service.url}/trash?limit=1000").json()
    print(f"list of 1,000 of {page['total']}: {(time.perf_counter() - begin_at) * 1e3:.1f} ms")
    begin_at = time.perf_counter()
    for begin in range(0, len(trashed), 1_000):
        some = {"keys": trashed[begin : begin + 1_000]}
        answer = session.post(f"{service.url}/trash/restore", json=some).json()
        assert len(answer["restored"]) == len(some["keys"])
    print(f"{len(trashed)} restored in {time.perf_counter() - begin_at:.2f} s")
    for key in trashed:
        session.delete(f"{service.url}/images/{key}?trash=true")
    begin_at = time.perf_counter()
    answer = session.delete(f"{service.url}/trash").json()
    assert answer["deleted"] == len(trashed)
    print(f"{len(trashed)} deleted for good in {time.perf_counter() - begin_at:.2f} s")


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--images", type=int, default=10_000, help="of each kind")
    arguments.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        data = Path(folder) / "data"
        images = data / "objects/distributed-classifier-input/uploads"
        images.mkdir(parents=True)
        for i in range(2 * given.images):
            (images / f"{i:06}.jpg").write_bytes(b"image %d" % i)
        service = Service(data, program=BINARY, THUMBNAIL_STORE="0")
        try:
            measure(service, given.images)
        finally:
            service.stop()


if __name__ == "__main__":
    main()
