#!/usr/bin/env python3
"""What decoder processes cost: `classifier classify` with DECODE_ISOLATION on and off, alternately.

bench/isolation.py photos/720p               # a folder of JPEGs
bench/isolation.py photos/12mp --cores 1 --rounds 7

It compares processor time, of the program and its decoders, which other load on the machine hardly
changes, in pairs of runs next to each other in time; then the median of the ratios.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import time

from harness import BINARY, on_cores


def seconds(photos: list[str], isolation: str, model: str) -> tuple[float, float]:
    """Processor time and time of a run."""
    command = [BINARY, "classify", *photos, "--format", "json", "--model", model]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"DECODE_ISOLATION": isolation},
    )
    elapsed = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, elapsed


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("photos", nargs="+", help="files or folders")
    arguments.add_argument("--model", default="efficientnet_lite0")
    arguments.add_argument("--cores", type=int, default=os.cpu_count())
    arguments.add_argument("--rounds", type=int, default=9)
    given = arguments.parse_args()
    ratios: dict[str, list[float]] = {"processor time": [], "time": []}
    with on_cores(given.cores):
        seconds(given.photos, "on", given.model)  # to fill caches
        for turn in range(given.rounds):
            order = ("on", "off") if turn % 2 == 0 else ("off", "on")
            found = {
                isolation: seconds(given.photos, isolation, given.model) for isolation in order
            }
            pairs = zip(ratios.values(), found["on"], found["off"], strict=True)
            for values, on, off in pairs:
                values.append(on / off)
            shown = ", ".join(f"{name} {cpu:.2f} s" for name, (cpu, _) in found.items())
            print(f"  processor time {shown}", flush=True)
    for name, values in ratios.items():
        print(
            f"{name}, on / off: {statistics.median(values):.3f} "
            f"({min(values):.3f} to {max(values):.3f})"
        )


if __name__ == "__main__":
    main()
