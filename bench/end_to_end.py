"""Images per second from submission to the counted result, and how time and memory grow with a job.

`rates` runs the service and `classifier classify` (the same pipeline without store, queue and
accounting) alternately on the same photos and cores, and prints the ratio. `growth` runs jobs of
rising size and prints seconds for each thousand images and the peak memory of the service.

    .deps/venv/bin/python bench/end_to_end.py rates --photo PHOTO.jpg
    .deps/venv/bin/python bench/end_to_end.py growth --photo PHOTO.jpg --sizes 1000 10000 100000
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from harness import (
    BINARY,
    CUSTOM_TYPE,
    LABELS,
    SIZES,
    Service,
    jpeg,
    memory_mb,
    on_cores,
    processor_seconds,
    run_job,
    spread,
)


def pipeline_rate(photo: Path, count: int, cores: int, model: str, labels: list[str]) -> float:
    """Images per second of `classify`, the time of loading taken off by a run of one image."""

    def seconds(images: int) -> float:
        words = [str(BINARY), "classify", "-", "--model", model, "--format", "csv"]
        if labels:
            words += ["--labels", ",".join(labels)]
        start = time.perf_counter()
        subprocess.run(
            [
                *("taskset", "-c", f"0-{cores - 1}"),
                *("nice", "-n", "5"),  # as the service's workers
                *words,
            ],
            input=f"{photo}\n" * images,
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - start

    return (count - 1) / (seconds(count) - seconds(1))


def rates(options: argparse.Namespace, folder: Path) -> None:
    print("| model | photo | cores | service, images/s | classify, images/s | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for cores in options.cores:
        os.sched_setaffinity(0, range(cores))  # inherited by the service
        service = Service(folder / f"data-{cores}", LOG_LEVEL="info")
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        models = service.get("/models").json()["models"]
        for name, size in SIZES.items():
            photo = folder / f"{name}.jpg"
            photo.write_bytes(jpeg(options.photo, size))
            count = options.images if name == "720p" else options.images // 3
            keys = [service.upload(photo, photo.name) for _ in range(count)]
            for model in models:
                custom = model["job_type"] == CUSTOM_TYPE
                fields: dict[str, object] = {"model": model["name"]}
                labels = LABELS if custom else []
                if custom:
                    fields |= {"job_type": CUSTOM_TYPE, "custom_labels": LABELS}
                run_job(service, keys[:4], fields)
                through, alone = [], []
                for _ in range(options.rounds):
                    through.append(count / run_job(service, keys, fields))
                    alone.append(pipeline_rate(photo, count, cores, model["name"], labels))
                ratio = statistics.median(a / b for a, b in zip(through, alone, strict=True))
                print(
                    f"| {model['name']} | {name} | {cores} | {spread(through)} | {spread(alone)} "
                    f"| {ratio:.2f} |",
                    flush=True,
                )
        assert service.stop() == 0


def growth(options: argparse.Namespace, folder: Path) -> None:
    print(
        "| images | seconds | images/s | processor seconds per 1,000 | peak memory, MB "
        "| to accept, s |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    photo = jpeg(options.photo, (320, 240))
    for size in options.sizes:
        service = Service(folder / f"data-{size}")
        keys = [service.upload(photo, "photo.jpg") for _ in range(min(size, 1_000))]
        run_job(service, keys[:4], {})
        many = [keys[i % len(keys)] for i in range(size)]
        before = processor_seconds(service.process.pid)
        start = time.perf_counter()
        job = service.submit(many, confidence_threshold=0)
        accepted = time.perf_counter() - start
        status = service.wait(job, seconds=36_000)
        seconds = time.perf_counter() - start
        assert status["done"] == size and status["failed"] == 0, status
        used = processor_seconds(service.process.pid) - before
        memory = peak_memory_mb(service.process.pid)
        print(
            f"| {size:,} | {seconds:.1f} | {size / seconds:.0f} | {1000 * used / size:.2f} "
            f"| {memory} | {accepted:.2f} |",
            flush=True,
        )
        assert service.stop() == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["rates", "growth"])
    parser.add_argument(
        "--photo", type=Path, required=True, help="a JPEG that is resized for the runs"
    )
    parser.add_argument("--images", type=int, default=600, help="720p photos in a run [600]")
    parser.add_argument("--rounds", type=int, default=3, help="alternating runs [3]")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"rates": rates, "growth": growth}[options.what](options, Path(folder))


if __name__ == "__main__":
    main()
