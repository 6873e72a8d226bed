"""The steps on their own: Google Benchmark's programs, as processor time."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path

from harness import ROOT, SIZES, Options, Part, Plot, jpeg, spread

_BINARIES = ROOT / "build/release/bench"
_MODELS = ROOT / ".deps/bench-models"


def run_benchmarks(
    program: str, wanted: str, options: Options, **settings: str
) -> dict[str, list[float]]:
    """Milliseconds of processor time per item, by the benchmark's name, one value per round.

    For benchmarks that wait for the disk it is wall-clock time.
    """
    out = options.work / f"{program}.json"
    subprocess.run(
        [
            _BINARIES / program,
            f"--benchmark_filter={wanted}",
            f"--benchmark_repetitions={options.rounds}",
            f"--benchmark_min_time={0.1 if options.quick else 0.4}",
            "--benchmark_enable_random_interleaving=true",
            f"--benchmark_out={out}",
            "--benchmark_out_format=json",
        ],
        env=os.environ | {"MODELS_DIR": str(_MODELS)} | settings,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found: defaultdict[str, list[float]] = defaultdict(list)
    for run in json.loads(out.read_text())["benchmarks"]:
        if run.get("error_occurred"):
            raise RuntimeError(f"{run['name']}: {run['error_message']}")
        if run["run_type"] == "aggregate":
            continue
        name = re.sub(r"/(real_time|process_time|threads:\d+|streams:1)", "", run["run_name"])
        ms = 1e3 / run["items_per_second"]
        if program != "store_bench" and "real_time" in run["run_name"]:
            ms *= run["cpu_time"] / run["real_time"]
        found[name].append(ms)
    return dict(found)


def steps(options: Options) -> Part:
    """The cost of decoding, resizing, inference and accounting."""
    part = Part(
        "Steps on their own",
        "bench/suite.sh --only steps",
        ["step", "ms"],
        note="Processor time of one core; wall-clock time for those that wait for the disk "
        "(accept_job, send_receive_remove, record_outcomes).",
    )
    photo = {"BENCH_PHOTO": str(options.photo)}
    for program, wanted in (
        ("image_bench", "decode/.*jpeg|^resize|^prepare/.*(jpeg)?|^thumbnail"),
        ("inference_bench", "^classify/.*/streams:1/batch:(1|8)/|^embed/.*labels:10/"),
        ("store_bench", "."),
    ):
        for name, ms in run_benchmarks(program, wanted, options, **photo).items():
            part.add(name, spread(ms, 4 if max(ms) < 0.1 else 2))
    return part


def batches(options: Options) -> Part:
    """The gain of a call with several images."""
    sizes = [1, 2, 4, 8, 16]
    part = Part(
        "Images in one call of a model",
        "bench/suite.sh --only batches",
        ["model", *(f"batch {size}, ms an image" for size in sizes)],
    )
    found = run_benchmarks("inference_bench", "^classify/.*/streams:1/", options)
    lines = {}
    for name in sorted({name.rsplit("/", 1)[0] for name in found}):
        values = [found[f"{name}/batch:{size}"] for size in sizes]
        lines[name.removeprefix("classify/")] = [min(each) for each in values]
        part.add(name.removeprefix("classify/"), *(spread(each, 2) for each in values))
    part.plots.append(
        Plot(
            "batches",
            "An image's share of a call of the model",
            "images in one call",
            "milliseconds of processor time an image",
            [float(size) for size in sizes],
            lines,
        )
    )
    return part


def alone(options: Options, size: str, folder: Path) -> dict[str, list[float]]:
    """Images per second of one thread that decodes and classifies and does nothing else."""
    photo = folder / "alone.jpg"
    photo.write_bytes(jpeg(options.photo, SIZES[size]))
    found = run_benchmarks("inference_bench", "^alone/", options, BENCH_PHOTO=str(photo))
    return {
        name.removeprefix("alone/"): [1e3 / ms for ms in values] for name, values in found.items()
    }
