"""The memory of a service and its decoders within a limit, under what takes most of it.

    bench/memory.py [--limit 1024] [--program build/release/classifier] [--only png slow result]

Runs in a cgroup of its own where this user can make one, so that the system ends what exceeds the
limit; elsewhere it measures only, and MEMORY_LIMIT tells the service its limit.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sqlite3
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from memory_limits import Cgroup, CgroupUnavailable, Readers, peak_of, tree_bytes  # noqa: E402
from program import BINARY, Service  # noqa: E402

MEGABYTE = 1 << 20
IMAGES = 100_000
Figures = dict[str, object]


def get_until_served(url: str) -> tuple[int, int]:
    """Asks again after a 503, as Retry-After says. Returns the last status, and how many 503s."""
    refused = 0
    while True:
        answer = requests.get(url, timeout=600)
        if answer.status_code != 503:
            return answer.status_code, refused
        refused += 1
        time.sleep(float(answer.headers["Retry-After"]))


def png(service: Service, count: int) -> Figures:
    """Thumbnails of PNGs of 100 megapixels, each of its own size, so that none is cached."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((10_000, 10_000)).convert("RGB").save(
        buffer, "PNG", compress_level=1
    )
    key = service.upload(buffer.getvalue(), "large.png", "image/png")
    start = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        urls = [f"{service.url}/images/{key}/thumbnail?size={100 + i}" for i in range(count)]
        answers = list(pool.map(get_until_served, urls))
    return {
        "served": sum(status == 200 for status, _ in answers),
        "of": count,
        "seconds": round(time.monotonic() - start, 1),
        "refused meanwhile": sum(refused for _, refused in answers),
    }


def slow(service: Service, count: int = 200, size: int = 60_000_000) -> Figures:
    """Readers of one large image at 1 kB/s, which read the rest at once after a while."""
    content = os.urandom(size)
    key = service.upload(content, "large.jpg")
    readers = Readers(service.url, f"/images/{key}", count)
    got = readers.trickle(30, 1_000)
    start = time.monotonic()
    answers = readers.finish(got)
    expected = (200, size, zlib.crc32(content))
    return {
        "served": answers.count(expected),
        "of": count,
        "refused": sum(status == 503 for status, _, _ in answers),
        "seconds for the rest": round(time.monotonic() - start, 1),
    }


def fill_result(database: Path, images: int) -> None:
    """Makes the newest job, which has one image, one of many; the service must not run."""
    labels = [f"label {i}" for i in range(1_000)]
    with sqlite3.connect(database) as connection:
        job = connection.execute("SELECT max(seq) FROM jobs").fetchone()[0]
        connection.execute("DELETE FROM images WHERE job = ?", [job])
        connection.execute("DELETE FROM outcomes WHERE job = ?", [job])
        connection.executemany(
            "INSERT INTO images(job, idx, key, filename) VALUES(?, ?, ?, NULL)",
            ((job, i, f"uploads/photo_20260101-120000_{i:08x}.jpg") for i in range(images)),
        )
        connection.executemany(
            "INSERT INTO outcomes(job, idx, state, ms, predictions, output_key) "
            "VALUES(?, ?, 0, 12.345, ?, ?)",
            (
                (
                    job,
                    i,
                    json.dumps([[labels[(i + k) % 1_000], 0.9 / (k + 1)] for k in range(5)]),
                    f"job/{labels[i % 1_000]}/photo_20260101-120000_{i:08x}.jpg",
                )
                for i in range(images)
            ),
        )
        connection.execute(
            "UPDATE jobs SET status = 3, total = ?, classified = ?, unknown = 0, failed = 0, "
            "error = NULL WHERE seq = ?",
            [images, images, job],
        )


def result(service: Service, count: int) -> Figures:
    """Readers of the JSON of a job with 100,000 images, all at once."""
    job = service.submit(["uploads/none.jpg"])
    service.wait(job)
    assert service.stop() == 0
    fill_result(service.data / "jobs.sqlite", IMAGES)
    service.start()

    def read(_: int) -> tuple[bytes | None, float]:
        begin = time.monotonic()
        try:
            answer = requests.get(f"{service.url}/result/{job}", timeout=600)
            whole = answer.content if answer.status_code == 200 else None
        except requests.RequestException:
            whole = None
        return whole, time.monotonic() - begin

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(read, range(count)))
    whole = 0
    document = json.loads(answers[0][0] or b"{}")
    if len(document.get("detailed_results", [])) == IMAGES:
        assert len(document["output_paths"]) == IMAGES
        assert sum(map(len, document["grouped_by_label"].values())) == IMAGES
        whole = sum(content == answers[0][0] for content, _ in answers)
    return {
        "served": whole,
        "of": count,
        "MB each": round(len(answers[0][0] or b"") / 1e6, 1),
        "seconds": round(max(seconds for _, seconds in answers), 1),
    }


CASES: dict[str, list[tuple[str, Callable[[Service], Figures]]]] = {
    "png": [
        ("8 thumbnails of 100 MP", lambda service: png(service, 8)),
        ("64 thumbnails of 100 MP", lambda service: png(service, 64)),
    ],
    "slow": [("200 readers at 1 kB/s of 60 MB", slow)],
    "result": [
        ("1 reader of 100,000 images", lambda service: result(service, 1)),
        ("20 readers of 100,000 images", lambda service: result(service, 20)),
    ],
}


def measure(
    name: str, case: Callable[[Service], Figures], arguments: argparse.Namespace, isolation: str
) -> None:
    limit = arguments.limit * MEGABYTE
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        folder = Path(work)
        group = None
        settings = {"DECODE_ISOLATION": isolation, "MODELS_DIR": str(arguments.models)}
        program = Path(arguments.program).resolve()
        try:
            group = Cgroup(limit)
            program = group.enter_command(program, folder)
        except CgroupUnavailable as error:
            print(f"no cgroup, memory is only measured: {error}", file=sys.stderr)
            settings["MEMORY_LIMIT"] = str(arguments.limit)
        service = Service(folder / "data", program=program, **settings)
        try:
            with peak_of(group.used if group else lambda: tree_bytes(service.process.pid)) as peak:
                try:
                    figures = case(service)
                except Exception as error:
                    figures = {"failed": f"{type(error).__name__}"}
            ended = service.process.poll()
            killed = group.killed() if group else "unknown"
            print(
                f"| {name} | {isolation} | {peak[0] / MEGABYTE:.0f} MB | {killed} "
                f"| {'; '.join(f'{key} {value}' for key, value in figures.items())}"
                f"{'' if ended is None else f'; the service ended: {ended}'} |",
                flush=True,
            )
        finally:
            service.kill()
            if group:
                time.sleep(0.2)
                group.remove()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--limit", type=int, default=1_024, help="megabytes")
    parser.add_argument("--program", default=BINARY)
    parser.add_argument("--models", type=Path, default=ROOT / ".deps/models")
    parser.add_argument("--work", type=Path, help="folder for temporary data, on a disk")
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--isolation", nargs="*", choices=["on", "off"], default=["off", "on"])
    arguments = parser.parse_args()
    print("| what | DECODE_ISOLATION | peak | ended by the system | |")
    print("| --- | --- | --- | --- | --- |")
    for part in arguments.only:
        for name, case in CASES[part]:
            for isolation in arguments.isolation if part == "png" else ["off"]:
                measure(name, case, arguments, isolation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
