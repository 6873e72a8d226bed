#!/usr/bin/env python3
"""What decoder processes cost: `classifier classify` with DECODE_ISOLATION on and off, alternately.

bench/isolation.py photos/720p               # a folder of JPEGs
bench/isolation.py photos/12mp --cores 1 --rounds 7

It compares processor time, of the program and its decoders, in pairs of runs next to each other in
time, and prints the median of the ratios; and the ratio of the least times, which other load on the
machine changes least.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess

from harness import BINARY, on_cores


def seconds(photos: list[str], isolation: str, model: str) -> float:
    """Processor time of a run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [BINARY, "classify", *photos, "--format", "json", "--model", model],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"DECODE_ISOLATION": isolation},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("photos", nargs="+", help="files or folders")
    arguments.add_argument("--model", default="efficientnet_lite0")
    arguments.add_argument("--cores", type=int, default=os.cpu_count())
    arguments.add_argument("--rounds", type=int, default=9)
    given = arguments.parse_args()
    times: dict[str, list[float]] = {"on": [], "off": []}
    with on_cores(given.cores):
        seconds(given.photos, "on", given.model)  # to fill caches
        for turn in range(given.rounds):
            order = ("on", "off") if turn % 2 == 0 else ("off", "on")
            for isolation in order:
                times[isolation].append(seconds(given.photos, isolation, given.model))
            print(f"  on {times['on'][-1]:.2f} s, off {times['off'][-1]:.2f} s", flush=True)
    ratios = [on / off for on, off in zip(times["on"], times["off"], strict=True)]
    print(
        f"processor time, on / off: {statistics.median(ratios):.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}); "
        f"of the least times: {min(times['on']) / min(times['off']):.3f}"
    )


if __name__ == "__main__":
    main()
