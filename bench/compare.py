#!/usr/bin/env python3
"""Prints how much faster one variant is than another, from the JSON of a benchmark.

It exits with a message if no two benchmarks differ only by the named parts.

build/release/bench/image_bench --benchmark_format=json > image.json
bench/compare.py image.json full scaled
bench/compare.py inference.json batch:1 batch:8
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import median

# Parts of a name that say how it was measured, not what.
MEASURING = ("threads:", "real_time", "process_time", "min_time:", "repeats:")


def rates(file: Path, cpu: bool) -> dict[tuple[str, ...], float]:
    """Items per second by the parts of the benchmark's name; the median of repetitions."""
    found: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for run in json.loads(file.read_text())["benchmarks"]:
        if run.get("error_occurred") or run.get("run_type") == "aggregate":
            continue
        parts = run["run_name"].split("/")
        rate = run["items_per_second"]
        if cpu and "real_time" in parts:
            rate *= run["real_time"] / run["cpu_time"]
        found[tuple(part for part in parts if not part.startswith(MEASURING))].append(rate)
    return {name: median(values) for name, values in found.items()}


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("file", type=Path, help="output of --benchmark_format=json")
    arguments.add_argument("base", help="a part of names between slashes, such as full or fp32")
    arguments.add_argument("variant", help="the part that replaces it, such as scaled or bf16")
    arguments.add_argument(
        "--cpu",
        action="store_true",
        help="items per second of processor time of all threads; for machines with other load",
    )
    given = arguments.parse_args()
    found = rates(given.file, given.cpu)
    print(f"| items/s | {given.base} | {given.variant} | ratio |\n| --- | ---: | ---: | ---: |")
    rows = 0
    for name, base in found.items():
        other = tuple(given.variant if part == given.base else part for part in name)
        if given.base not in name or other not in found:
            continue
        shown = "/".join(part for part in name if part != given.base)
        print(f"| {shown} | {base:.1f} | {found[other]:.1f} | {found[other] / base:.2f} |")
        rows += 1
    if rows == 0:
        raise SystemExit(f"no two benchmarks differ only by {given.base} and {given.variant}")


if __name__ == "__main__":
    main()
