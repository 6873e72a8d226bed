"""The measurements of a soak run, their slope, and their graph."""

from __future__ import annotations

import csv
import re
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import linear_regression

import requests
from program import Service

MB = 1 << 20


@dataclass
class Sample:
    """One row of samples.csv."""

    minute: float  # since the start of the run
    life: int  # number of the process; each kill starts a new one
    life_minute: float  # since that process started
    rss_mb: float
    descriptors: int
    threads: int
    cpu_seconds: float  # of this process
    wal_mb: float
    database_mb: float
    objects_mb: float  # files of the stores; hard links count once
    waiting: int  # images on the queue
    in_work: int
    dead: int
    jobs_accepted: int
    jobs_final: int
    images_accepted: int
    requests: int  # of the clients so far
    refused: int  # connections that failed around a kill


def disk_mb(folder: Path) -> float:
    """Of all regular files below, each once however many links it has."""
    seen: dict[int, int] = {}
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:  # deleted meanwhile
            continue
        if path.is_file():
            seen[status.st_ino] = status.st_size
    return sum(seen.values()) / MB


def size_mb(file: Path) -> float:
    return file.stat().st_size / MB if file.exists() else 0


def process_figures(pid: int) -> tuple[float, int, int, float]:
    """Resident MB, open descriptors, threads, processor seconds."""
    proc = Path(f"/proc/{pid}")
    status = dict(re.findall(r"^(\w+):\s+(\d+)", (proc / "status").read_text(), re.MULTILINE))
    times = (proc / "stat").read_text().rsplit(")", 1)[1].split()
    return (
        int(status["VmRSS"]) / 1024,
        len(list((proc / "fd").iterdir())),
        int(status["Threads"]),
        (int(times[11]) + int(times[12])) / 100,
    )


def queue_figures(service: Service) -> dict[str, int]:
    text = requests.get(service.url + "/metrics", timeout=30).text
    found = re.findall(r'^classifier_queue_messages\{state="(\w+)"\} (\d+)', text, re.MULTILINE)
    return {state: int(value) for state, value in found}


def write_csv(file: Path, samples: Sequence[Sample]) -> None:
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, [field.name for field in fields(Sample)])
        writer.writeheader()
        writer.writerows({k: round(v, 3) for k, v in asdict(s).items()} for s in samples)


def slope_per_hour(samples: Sequence[Sample], name: str) -> float:
    """Of the least-squares line through one column."""
    if len(samples) < 3:
        return 0
    hours = [sample.minute / 60 for sample in samples]
    return linear_regression(hours, [float(getattr(sample, name)) for sample in samples]).slope


def steady(samples: Sequence[Sample], warm_up: float) -> list[list[Sample]]:
    """The samples of each process after its warm-up, if it ran long enough to be judged."""
    lives = [
        [s for s in samples if s.life == life and s.life_minute >= warm_up]
        for life in sorted({s.life for s in samples})
    ]
    return [life for life in lives if life and life[-1].minute - life[0].minute >= 2 * warm_up]


def integrity(database: Path) -> str:
    """SQLite's own check of the file; "ok" if it is intact."""
    with sqlite3.connect(database) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def draw(file: Path, samples: Sequence[Sample], kills: Sequence[float], title: str) -> None:
    """Memory, descriptors, files and jobs over the run; a grey line for each kill."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels = [
        ("MB", ["rss_mb"]),
        ("count", ["descriptors", "threads"]),
        ("MB", ["wal_mb", "database_mb"]),
        ("images", ["waiting", "in_work", "dead"]),
        ("jobs", ["jobs_accepted", "jobs_final"]),
    ]
    figure, axes = plt.subplots(len(panels), 1, sharex=True, figsize=(9, 9), layout="constrained")
    minutes = [sample.minute for sample in samples]
    for axis, (unit, names) in zip(axes, panels, strict=True):
        for kill in kills:
            axis.axvline(kill, color="0.85", linewidth=1)
        for name in names:
            axis.plot(minutes, [getattr(s, name) for s in samples], linewidth=1, label=name)
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0)
        axis.legend(loc="lower right", fontsize=8)
    axes[-1].set_xlabel("minutes")
    figure.suptitle(title)
    figure.savefig(file, dpi=80)
    plt.close(figure)


class Sampler:
    """Takes samples of the current process of the service."""

    DISK_EVERY = 12  # samples; walking the stores costs more than everything else

    def __init__(self, service: Service) -> None:
        self.service = service
        self.start = self.born = time.monotonic()
        self.life = 0
        self.samples: list[Sample] = []
        self.objects_mb = 0.0

    def restarted(self) -> None:
        self.life += 1
        self.born = time.monotonic()

    def take(self, counts: dict[str, int]) -> None:
        """Not while the service is being restarted."""
        now = time.monotonic()
        if len(self.samples) % self.DISK_EVERY == 0:
            self.objects_mb = disk_mb(self.service.data / "objects")
        rss, descriptors, threads, cpu = process_figures(self.service.process.pid)
        queue = queue_figures(self.service)
        database = self.service.data / "jobs.sqlite"
        self.samples.append(
            Sample(
                minute=(now - self.start) / 60,
                life=self.life,
                life_minute=(now - self.born) / 60,
                rss_mb=rss,
                descriptors=descriptors,
                threads=threads,
                cpu_seconds=cpu,
                wal_mb=size_mb(database.with_name("jobs.sqlite-wal")),
                database_mb=size_mb(database),
                objects_mb=self.objects_mb,
                waiting=queue["visible"],
                in_work=queue["in_flight"],
                dead=queue["dead"],
                **counts,
            )
        )
