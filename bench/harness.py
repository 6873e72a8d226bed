"""Shared by the parts of the suite: photos, services on given cores, figures with their spread."""

from __future__ import annotations

import io
import os
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from program import BINARY, Service  # noqa: E402

__all__ = ["BINARY", "ROOT", "Service"]

SIZES = {"720p": (1280, 720), "12 MP": (4000, 3000)}
CUSTOM_TYPE = "custom_classification"
LABELS = ["cat", "dog", "bird", "food", "beach"]


@dataclass
class Options:
    """The options of the command line."""

    photo: Path
    work: Path  # for files that are deleted after the run
    rounds: int
    quick: bool
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)


@dataclass
class Budget:
    """A goal, and the measurement."""

    goal: str
    measured: str
    met: bool


@dataclass
class Plot:
    """Lines over a common axis; `log` for axes that span powers of ten."""

    name: str  # of the file
    title: str
    x_label: str
    y_label: str
    x: list[float]
    lines: dict[str, list[float]]
    log: bool = False


@dataclass
class Part:
    """The results of one part of the suite."""

    title: str
    command: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: object) -> None:
        """Adds a row, and prints it, since some parts take minutes."""
        self.rows.append([str(cell) for cell in cells])
        print("  " + " | ".join(self.rows[-1]), flush=True)


def spread(values: list[float], digits: int = 0) -> str:
    """The median, and the least and the greatest."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def jpeg(photo: Path, size: tuple[int, int]) -> bytes:
    """The photo unchanged if it has that size, else resized, quality 85 (4:2:0)."""
    buffer = io.BytesIO()
    with Image.open(photo) as image:
        if image.format == "JPEG" and image.size == size:
            return photo.read_bytes()
        resized = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    resized.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def memory_mb(process: int, line: str = "VmHWM") -> int:
    """From /proc/PID/status: VmHWM is the peak, VmRSS the resident memory now."""
    status = Path(f"/proc/{process}/status").read_text()
    return (
        int(next(each for each in status.splitlines() if each.startswith(line)).split()[1]) // 1024
    )


def processor_seconds(process: int) -> float:
    """Of all threads of a process so far; other programs on the machine hardly affect it."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Processes started in this context stay on the first `count` cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(count))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run_job(service: Service, keys: list[str], fields: dict[str, object]) -> float:
    """Seconds from sending the submission to the end of the job."""
    start = time.perf_counter()
    job = service.submit(keys, confidence_threshold=0, **fields)
    status = service.wait(job, seconds=36_000)
    seconds = time.perf_counter() - start
    assert status["status"] == "completed" and status["failed"] == 0, status
    return seconds


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
