"""The whole benchmark suite: tables, plots, and whether the budgets are met.

`bench/suite.sh` installs what this needs and starts it. Parts alternate what they compare, so that
ratios hold on a machine with other load; rates do not.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import parts_api
import parts_cpp
import parts_growth
import parts_limits
import parts_pipeline
from harness import ROOT, Options, Part
from report import write_document, write_plots

PARTS: dict[str, Callable[[Options], Part]] = {
    "python": parts_pipeline.against_python,
    "limits": parts_limits.limits,
    "steps": parts_cpp.steps,
    "batches": parts_cpp.batches,
    "api": parts_api.api,
    "images": parts_growth.images,
    "history": parts_growth.history,
    "labels": parts_growth.labels,
    "start": parts_growth.start,
}


def machine() -> str:
    cpu = next(
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    cores = subprocess.run(["nproc"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{cores} cores of {cpu}, {platform.system()} {platform.release().split('-')[0]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--photo", type=Path, required=True, help="a JPEG, which is resized for the runs"
    )
    parser.add_argument(
        "--only",
        nargs="*",
        choices=PARTS,
        default=list(PARTS),
        metavar="PART",
        help="any of " + ", ".join(PARTS) + "; none: only the page from the last results",
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each measurement [5]")
    parser.add_argument(
        "--quick", action="store_true", help="small runs, to check that everything works"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench", help="[build/bench]")
    parser.add_argument(
        "--docs", action="store_true", help="also write docs/performance.md and its plots"
    )
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    results = given.out / "results.json"
    document = json.loads(results.read_text()) if results.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            print(f"{name}", flush=True)
            work = Path(folder) / name
            work.mkdir()
            start = time.monotonic()
            part = PARTS[name](Options(given.photo, work, given.rounds, given.quick))
            document[name] = asdict(part) | {
                "machine": machine(),
                "when": time.strftime("%Y-%m-%d"),
                "seconds": round(time.monotonic() - start),
                "quick": given.quick,
            }
            results.write_text(json.dumps(document, indent=1))
    ordered = {name: document[name] for name in PARTS if name in document}
    write_plots(ordered, given.out)
    write_document(ordered, given.out / "report.md", given.out)
    if given.docs:
        write_plots(ordered, ROOT / "docs/images")
        write_document(ordered, ROOT / "docs/performance.md", ROOT / "docs/images")
    missed = [b for part in ordered.values() for b in part["budgets"] if not b["met"]]
    print(f"\nreport: {given.out / 'report.md'}; budgets missed: {len(missed)}")
    for budget in missed:
        print(f"  {budget['goal']}: {budget['measured']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
