"""Runs the service for hours under mixed load and faults, and reports whether it stayed stable.

`python tests/soak/soak.py --minutes 120` needs the built program, the models and the sample photos.
Clients do everything that people do; the service is killed (SIGKILL) and restarted at random in the
first two thirds of the run. At the end every accepted job must be final and correct, and memory,
descriptors, threads and the WAL must be flat. README.md in this folder has the limits.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).parent)]

from load import FINAL, Load, Wrong  # noqa: E402
from measure import (  # noqa: E402
    Sample,
    Sampler,
    draw,
    integrity,
    slope_per_hour,
    steady,
    write_csv,
)
from program import Service  # noqa: E402

WARM_UP = 5.0  # minutes of a process before its figures count
SETTLE = 600.0  # seconds for the last jobs
# Allowed growth per hour, by the least-squares line after the warm-up of a process.
SLOPES = {"rss_mb": 20.0, "descriptors": 4.0, "threads": 2.0, "wal_mb": 8.0}
# A rise of at most this over the whole life of a process is a step, not a trend: one more reader of
# the database holds two descriptors, and the line through a step rises by up to 1.5 times the step.
STEPS = {"rss_mb": 5.0, "descriptors": 3.0, "threads": 0.5, "wal_mb": 2.0}
# Absolute limits.
PEAKS = {"rss_mb": 1024.0, "descriptors": 400.0, "threads": 200.0, "wal_mb": 80.0}


@dataclass
class Options:
    """The options of the command line."""

    minutes: float
    rate: float  # actions a second, of all clients
    clients: int
    kill_every: float  # minutes, on average
    photos: Path
    out: Path
    seed: int


def parse(arguments: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--rate", type=float, default=1, help="actions a second")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--kill-every", type=float, default=6, help="minutes, on average; 0: never")
    parser.add_argument("--photos", type=Path, default=ROOT / ".deps/samples")
    parser.add_argument("--out", type=Path, default=ROOT / "build/soak", help="CSV and graph")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    return Options(**vars(given))


class Run:
    """One service with its clients, its faults and its samples."""

    def __init__(self, options: Options, data: Path) -> None:
        files = sorted(options.photos.glob("*.jpg")) + sorted(options.photos.glob("*.png"))
        if not files:
            raise SystemExit(f"there are no photos in {options.photos}: run scripts/setup.sh")
        self.options = options
        self.service = Service(data)
        self.load = Load(self.service, {file.name: file for file in files}, options.seed)
        self.sampler = Sampler(self.service)
        self.stop = threading.Event()
        self.kills: list[float] = []
        self.reported = 0.0  # minute of the last line
        self.faults: list[str] = []

    def client(self, number: int) -> None:
        pause = random.Random(f"{self.options.seed}/{number}")
        while not self.stop.wait(pause.expovariate(self.options.rate / self.options.clients)):
            try:
                self.load.act()
            except Exception as error:
                self.faults.append(f"{type(error).__name__}: {error}")

    def counts(self) -> dict[str, int]:
        counts = self.load.counts
        names = ("jobs_accepted", "images_accepted", "requests", "refused")
        answer = requests_total_final(self.service)
        return {name: counts[name] for name in names} | {"jobs_final": answer}

    def crash(self) -> None:
        self.kills.append((time.monotonic() - self.sampler.start) / 60)
        self.service.kill()
        self.service.start()
        self.sampler.restarted()

    def watch(self) -> None:
        """Takes samples, and kills the service, until the time is over."""
        options = self.options
        chance = random.Random(options.seed)
        begin = time.monotonic()  # after loading the models, which may take long
        end = begin + options.minutes * 60
        calm = begin + options.minutes * 40
        every = max(0.5, min(10, options.minutes))
        mean = options.kill_every * 60
        next_kill = time.monotonic() + chance.expovariate(1 / mean) if mean else calm
        while (now := time.monotonic()) < end and not self.faults:
            self.sampler.take(self.counts())
            self.tell()
            if next_kill <= now < calm:
                self.crash()
                next_kill = time.monotonic() + chance.expovariate(1 / mean)
            time.sleep(min(every, max(0, end - time.monotonic())))

    def tell(self) -> None:
        """Prints a progress line every five minutes."""
        sample = self.sampler.samples[-1]
        if sample.minute >= self.reported + 5:
            self.reported = sample.minute
            print(
                f"{sample.minute:.0f} of {self.options.minutes:.0f} minutes, "
                f"{len(self.kills)} kills, {sample.jobs_accepted} jobs, {sample.rss_mb:.0f} MB",
                file=sys.stderr,
            )

    def settle(self) -> None:
        """Waits for the accepted jobs, then checks each."""
        deadline = time.monotonic() + SETTLE
        for accepted in list(self.load.accepted.values()):
            while self.service.get(f"/status/{accepted.job}").json()["status"] not in FINAL:
                if time.monotonic() > deadline:
                    raise Wrong(f"job {accepted.job} is not final {SETTLE:.0f} s after the load")
                time.sleep(0.2)
            if not accepted.checked:
                self.load.verify(accepted)
        self.sampler.take(self.counts())

    def run(self) -> None:
        self.load.learn()
        clients = [
            threading.Thread(target=self.client, args=(number,), daemon=True)
            for number in range(self.options.clients)
        ]
        for client in clients:
            client.start()
        try:
            self.watch()
        finally:
            self.stop.set()
            for client in clients:
                client.join(180)
        if not self.faults:
            self.settle()


def is_a_record(samples: Sequence[Sample], life: Sequence[Sample], name: str) -> bool:
    """Whether a process exceeded all earlier ones, by more than a step.

    What grows with age does; what rises to the level of earlier processes only reached it later by
    chance.
    """
    before = [sample for sample in samples if sample.life < life[0].life]
    peak = max((float(getattr(sample, name)) for sample in before), default=0.0)
    return max(float(getattr(sample, name)) for sample in life) > peak + STEPS[name]


def judge(samples: Sequence[Sample]) -> list[str]:
    """The problems in the figures of a run; empty if there are none."""
    wrong = []
    for name, most in PEAKS.items():
        peak = max(float(getattr(sample, name)) for sample in samples)
        if peak > most:
            wrong.append(f"{name} came to {peak:.0f}; at most {most:.0f} are allowed")
    for life in steady(samples, WARM_UP):
        for name, most in SLOPES.items():
            slope = slope_per_hour(life, name)
            hours = (life[-1].minute - life[0].minute) / 60
            rises = slope > most and slope * hours > STEPS[name]
            if rises and is_a_record(samples, life, name):
                wrong.append(f"{name} grew by {slope:.1f} an hour in process {life[0].life}")
    last = samples[-1]
    if last.waiting or last.in_work or last.dead:
        wrong.append(f"the queue is not empty at the end: {last}")
    return wrong


def requests_total_final(service: Service) -> int:
    """The number of final jobs, as counted by the service."""
    total = 0
    for status in FINAL:
        total += int(service.get("/jobs", params={"limit": 1, "status": status}).json()["total"])
    return total


def report(run: Run, wrong: list[str]) -> dict[str, object]:
    """The figures of the run, which are also written to a file."""
    options, samples = run.options, run.sampler.samples
    lives = steady(samples, WARM_UP)
    longest = max(lives, key=lambda life: life[-1].minute - life[0].minute, default=[])
    figures: dict[str, object] = {
        "minutes": round(samples[-1].minute, 1),
        "kills": len(run.kills),
        "counts": dict(sorted(run.load.counts.items())),
        "peaks": {name: round(max(getattr(s, name) for s in samples), 1) for name in PEAKS},
        "slopes_per_hour": {name: round(slope_per_hour(longest, name), 2) for name in SLOPES},
        "slopes_over_minutes": round(longest[-1].minute - longest[0].minute, 1) if longest else 0,
        "database_mb": round(samples[-1].database_mb, 2),
        "wrong": wrong,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_csv(options.out / "samples.csv", samples)
    title = (
        f"{figures['minutes']} minutes, {len(run.kills)} kills, {samples[-1].jobs_accepted} jobs"
    )
    draw(options.out / "soak.png", samples, run.kills, title)
    (options.out / "report.json").write_text(json.dumps(figures, indent=2) + "\n")
    return figures


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        run = Run(options, Path(folder) / "data")
        try:
            run.run()
        except Wrong as error:
            run.faults.append(str(error))
        finally:
            code = run.service.stop()
        wrong = run.faults + judge(run.sampler.samples)
        if code != 0:
            wrong.append(f"the service ended with {code} when it was asked to stop")
        if (state := integrity(run.service.data / "jobs.sqlite")) != "ok":
            wrong.append(f"the database is damaged: {state}")
        figures = report(run, wrong)
        if wrong:
            print(run.service.log.read_text()[-3_000:], file=sys.stderr)
    print(json.dumps(figures, indent=2))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
