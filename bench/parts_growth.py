"""Growth of cost and memory: images in a job, jobs in the history, labels; start and memory."""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import requests
from harness import (
    BINARY,
    CUSTOM_TYPE,
    LABELS,
    ROOT,
    Budget,
    Options,
    Part,
    Plot,
    Service,
    free_port,
    jpeg,
    memory_mb,
    processor_seconds,
    run_job,
    spread,
)

_MODELS = str(ROOT / ".deps/bench-models")
_MAX_START_SECONDS = 2.0
_MAX_MEMORY_MB = 1024


def images(options: Options) -> Part:
    """Jobs of increasing size."""
    part = Part(
        "Images in a job",
        "bench/suite.sh --only images",
        ["images", "processor seconds for 1,000", "peak memory, MB", "to accept, s", "images/s"],
        note="JPEGs of 320 × 240.",
    )
    sizes = [100, 1_000, 10_000] if options.quick else [100, 1_000, 10_000, 100_000]
    photo = jpeg(options.photo, (320, 240))
    cost, memory = [], []
    for size in sizes:
        service = Service(options.work / f"job-{size}", MODELS_DIR=_MODELS)
        keys = [service.upload(photo, "photo.jpg") for _ in range(min(size, 1_000))]
        run_job(service, keys[:16], {})
        # With few images several jobs are measured, since the clock of processor time is coarse.
        repeats = max(1, 1_000 // size)
        many = [keys[i % len(keys)] for i in range(size)]
        before, start = processor_seconds(service.process.pid), time.perf_counter()
        accepted = 0.0
        for _ in range(repeats):
            sent = time.perf_counter()
            job = service.submit(many, confidence_threshold=0)
            accepted = time.perf_counter() - sent
            status = service.wait(job, seconds=36_000)
            assert status["done"] == size and status["failed"] == 0, status
        seconds = time.perf_counter() - start
        done = size * repeats
        cost.append(1_000 * (processor_seconds(service.process.pid) - before) / done)
        memory.append(memory_mb(service.process.pid))
        part.add(
            f"{size:,}", f"{cost[-1]:.2f}", memory[-1], f"{accepted:.2f}", f"{done / seconds:.0f}"
        )
        service.stop()
    growth = cost[-1] / cost[1]
    part.budgets.append(
        Budget(
            f"{sizes[-1]:,} images cost {sizes[-1] // 1_000} times 1,000 (±20 %)",
            f"{growth * sizes[-1] / 1_000:.0f} times",
            0.8 <= growth <= 1.2,
        )
    )
    part.budgets.append(
        Budget(
            "memory flat",
            f"{memory[1]} MB at 1,000 images, {memory[-1]} MB at {sizes[-1]:,}",
            memory[-1] < 1.5 * memory[1],
        )
    )
    part.plots.append(
        Plot(
            "job-size",
            "What an image costs in jobs of rising size",
            "images in the job",
            "processor milliseconds an image",
            [float(size) for size in sizes],
            {"cost of an image": cost},
            log=True,
        )
    )
    return part


def _fill_history(database: Path, jobs: int) -> None:
    """Adds finished jobs to a store that no service is using."""
    with sqlite3.connect(database) as connection:
        have = connection.execute("SELECT coalesce(max(seq), 0) FROM jobs").fetchone()[0]
        columns = [row[1] for row in connection.execute("PRAGMA table_info(jobs)")]
        values = {name: f'"{name}"' for name in columns}
        # Copies of the newest job, each with its own id.
        values |= {"seq": "n", "id": "'copy-' || n"}
        connection.execute(
            f"WITH RECURSIVE numbers(n) AS (SELECT {have + 1} UNION ALL SELECT n + 1 FROM numbers "
            f"WHERE n < {jobs}) INSERT INTO jobs({', '.join(columns)}) "
            f"SELECT {', '.join(values.values())} "
            f"FROM numbers, (SELECT * FROM jobs WHERE seq = {have})"
        )


def history(options: Options) -> Part:
    """Listing and paging with increasing numbers of jobs."""
    part = Part(
        "Jobs in the history",
        "bench/suite.sh --only history",
        ["jobs", "first page, ms", "filtered, ms", "page in the middle, ms", "submit, ms"],
        note="Pages of 100 jobs; medians of 20 calls, connection kept.",
    )
    counts = [100, 10_000] if options.quick else [100, 1_000, 10_000, 100_000, 1_000_000]
    data = options.work / "history"
    lines: dict[str, list[float]] = {name: [] for name in part.columns[1:]}
    for count in counts:
        service = Service(data)
        if count == counts[0]:
            service.wait(service.submit(["uploads/no_such_photo.jpg"]))
        service.stop()
        _fill_history(data / "jobs.sqlite", count)
        service = Service(data)
        with requests.Session() as session:

            def ms(path: str, session: requests.Session = session, url: str = service.url) -> float:
                times = []
                for _ in range(20):
                    start = time.perf_counter()
                    assert session.get(url + path, timeout=60).status_code == 200
                    times.append(1e3 * (time.perf_counter() - start))
                return statistics.median(times)

            page = session.get(f"{service.url}/jobs?limit={min(count // 2, 1000)}").json()
            assert page["total"] >= count
            middle = page["next_token"]
            start = time.perf_counter()
            service.submit(["uploads/no_such_photo.jpg"])
            submit = 1e3 * (time.perf_counter() - start)
            found = [
                ms("/jobs?limit=100"),
                ms("/jobs?limit=100&status=failed&job_type=image_classification"),
                ms(f"/jobs?limit=100&next_token={middle}"),
                submit,
            ]
        for name, value in zip(lines, found, strict=True):
            lines[name].append(value)
        part.add(f"{count:,}", *(f"{value:.1f}" for value in found))
        service.stop()
    for name in list(lines)[:3]:
        first, last = lines[name][1], lines[name][-1]
        part.budgets.append(
            Budget(
                f"{name.removesuffix(', ms')}: no slower with {counts[-1]:,} jobs "
                f"than with {counts[1]:,}",
                f"{last:.1f} against {first:.1f} ms",
                last < 1.5 * first + 1,
            )
        )
    part.plots.append(
        Plot(
            "history",
            "Listing jobs",
            "jobs in the history",
            "milliseconds",
            [float(count) for count in counts],
            lines,
            log=True,
        )
    )
    return part


def labels(options: Options) -> Part:
    """CLIP with increasing numbers of labels, once they are cached."""
    counts = [1, 10, 100, 1_000]
    part = Part(
        "Labels of a CLIP job",
        "bench/suite.sh --only labels",
        ["labels", "processor ms an image", "a job with new labels starts in, s"],
    )
    service = Service(options.work / "labels", MODELS_DIR=_MODELS)
    photo = jpeg(options.photo, (320, 240))
    size = 40 if options.quick else 150
    keys = [service.upload(photo, "p.jpg") for _ in range(size)]
    found: dict[int, list[float]] = {count: [] for count in counts}
    starts = {}
    for round_ in range(options.rounds):
        for count in counts:
            fields: dict[str, object] = {
                "job_type": CUSTOM_TYPE,
                "custom_labels": [f"thing {i}" for i in range(count)],
            }
            if round_ == 0:
                starts[count] = run_job(service, keys[:1], fields)
            before = processor_seconds(service.process.pid)
            run_job(service, keys, fields)
            found[count].append(1e3 * (processor_seconds(service.process.pid) - before) / size)
    service.stop()
    for count in counts:
        part.add(f"{count:,}", spread(found[count], 2), f"{starts[count]:.2f}")
    ratios = [a / b for a, b in zip(found[1_000], found[1], strict=True)]
    part.budgets.append(
        Budget(
            "CLIP with 1,000 labels costs what it costs with 1 (within 10 %)",
            f"{spread(ratios, 2)} ×",
            statistics.median(ratios) <= 1.1,
        )
    )
    return part


def start(options: Options) -> Part:
    """From the command to ready, models cached; memory with both models."""
    part = Part("Start and memory", "bench/suite.sh --only start", ["what", "measured"])
    data = options.work / "start"
    photo = jpeg(options.photo, (1280, 720))
    service = Service(data, MODELS_DIR=_MODELS)
    keys = [service.upload(photo, "p.jpg") for _ in range(40)]
    run_job(service, keys, {})
    run_job(service, keys, {"job_type": CUSTOM_TYPE, "custom_labels": LABELS})
    memory = memory_mb(service.process.pid, "VmRSS")
    part.add("resident memory of serve with both models, MB", memory)
    service.stop()
    ready, first = [], []
    for _ in range(options.rounds):
        url = f"http://127.0.0.1:{free_port()}"
        begin = time.perf_counter()
        process = subprocess.Popen(
            [
                BINARY,
                "serve",
                "--port",
                url.rsplit(":", 1)[1],
                "--ml-port",
                "0",
                "--dashboard-port",
                "0",
            ],
            env=os.environ | {"DATA_DIR": str(data), "MODELS_DIR": _MODELS, "LOG_LEVEL": "error"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while True:
            try:
                if requests.get(f"{url}/ready", timeout=1).status_code == 200:
                    break
            except requests.ConnectionError:
                time.sleep(0.005)
        ready.append(time.perf_counter() - begin)
        body: Any = {
            "job_type": "image_classification",
            "s3_keys": keys[:1],
            "confidence_threshold": 0,
        }
        job = requests.post(f"{url}/submit", json=body, timeout=10).json()["job_id"]
        while requests.get(f"{url}/status/{job}", timeout=10).json()["status"] != "completed":
            time.sleep(0.005)
        first.append(time.perf_counter() - begin)
        process.terminate()
        process.wait(30)
    part.add("start to ready, s", spread(ready, 2))
    part.add("start to the first result (the model comes from the cache), s", spread(first, 2))
    part.budgets += [
        Budget(
            f"start to ready below {_MAX_START_SECONDS:g} s",
            f"{spread(ready, 2)} s",
            statistics.median(ready) < _MAX_START_SECONDS,
        ),
        Budget(
            f"resident memory with both models below {_MAX_MEMORY_MB} MB",
            f"{memory} MB",
            memory < _MAX_MEMORY_MB,
        ),
    ]
    return part
