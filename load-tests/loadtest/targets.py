"""What is tested: a running server, or workers started here in addition to its backends."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import gevent
from api_client import Api, ApiError
from autoscaling_policy import BACKLOG_PER_TASK, DEPLOYED, MINUTE, Scaler

from loadtest.samples import Reader, Row
from loadtest.scenario import LoadTestError

START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True)
class Scaling:
    """A change of the desired number of workers."""

    time: float
    before: int
    after: int
    reason: str


class Target(Protocol):
    sample_seconds: float
    time_scale: float  # seconds of the autoscaling policy in one real second
    least: int  # minimum of workers for autoscaling; 0: their number does not change

    def begin(self) -> None: ...
    def sample(self, now: float) -> list[Row]: ...
    def set_workers(self, count: int) -> bool: ...  # False: cannot be changed
    def running(self) -> int: ...
    def waiting(self) -> float: ...  # images in the queue or in progress, as last sampled
    def autoscale(self, now: float) -> None: ...  # called often
    def collect(self, begin: float, end: float) -> tuple[list[Row], list[Scaling]]: ...
    def facts(self) -> dict[str, Any]: ...
    def end(self) -> None: ...


def latest(rows: list[Row], *metrics: str) -> float:
    return sum(value for _, _, metric, value in rows if metric in metrics)


@dataclass
class Server:
    """A running service with /metrics; its workers are not changed."""

    urls: list[str]
    api_key: str
    sample_seconds: float = 1
    time_scale: float = 1
    least: int = 0
    reader: Reader = field(default_factory=Reader)
    rows: list[Row] = field(default_factory=list)  # of the last sample

    def begin(self) -> None:
        """Takes the first sample, so that there is one to compare with."""
        if not any(metric == "queue_visible" for _, _, metric, _ in self.sample(time.time())):
            raise LoadTestError(f"{self.urls[0]}/metrics cannot be read: is API_KEY right?")

    def endpoints(self) -> dict[str, str]:
        """The services by address."""
        return dict.fromkeys(self.urls, "backend")

    def metrics(self, url: str) -> str:
        try:
            answer = Api(url, self.api_key, timeout=5).call("GET", "/metrics")
        except ApiError:
            return ""
        return answer.body.decode() if answer.status == 200 else ""

    def sample(self, now: float) -> list[Row]:
        texts = {url: (service, self.metrics(url)) for url, service in self.endpoints().items()}
        self.rows = self.reader.rows(
            now, {url: (service, text) for url, (service, text) in texts.items() if text}
        )
        return self.rows

    def set_workers(self, count: int) -> bool:
        return False

    def running(self) -> int:
        return int(latest(self.rows, "workers_running"))

    def waiting(self) -> float:
        return latest(self.rows, "queue_visible", "queue_in_flight")

    def autoscale(self, now: float) -> None:
        """There is no autoscaling here."""

    def collect(self, begin: float, end: float) -> tuple[list[Row], list[Scaling]]:
        return [], []

    def facts(self) -> dict[str, Any]:
        return {"kind": "server", "url": self.urls[0]} | machine()

    def end(self) -> None:
        """Nothing was started."""


def machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "system": platform.platform()}


@dataclass
class Worker:
    """An ML service started here, on its own port and one core, as a task has."""

    program: Path
    log: Path
    core: int
    process: subprocess.Popen[bytes] = field(init=False)
    url: str = ""

    def __post_init__(self) -> None:
        # One image at a time, so that a second worker adds capacity; `info` logs the address.
        workers = os.environ.get("MAX_WORKERS", "1")
        settings = {"ML_PORT": "0", "MAX_WORKERS": workers, "LOG_LEVEL": "info"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/taskset", "--cpu-list", str(self.core), self.program, "ml-service"],
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )

    def ready(self) -> bool:
        if not self.url:
            if self.process.poll() is not None:
                last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
                raise LoadTestError(f"an ML service did not start: {' '.join(last)}")
            if found := re.search(r"ML service at (http://\S+)", self.log.read_text()):
                self.url = found[1]
        return bool(self.url)


@dataclass
class Workers(Server):
    """Running backends, and ML services that this starts and stops by the rules used on AWS."""

    program: Path = Path("build/release/classifier")
    logs: Path = Path()
    kind: str = "local"
    most: int = 4
    scaling: bool = True
    desired: int = 0
    started: int = 0
    workers: list[Worker] = field(default_factory=list)
    leaving: list[Worker] = field(default_factory=list)
    changes: list[Scaling] = field(default_factory=list)
    scaler: Scaler | None = None
    next_minute: float = 0
    minute_visible: float = 0
    minute_cpu: list[float] = field(default_factory=list)

    def begin(self) -> None:
        super().begin()
        self.least = 1
        self.set_workers(1)

    def endpoints(self) -> dict[str, str]:
        ml = {worker.url: "ml-service" for worker in self.workers + self.leaving if worker.url}
        return super().endpoints() | ml

    def sample(self, now: float) -> list[Row]:
        for worker in self.workers:
            worker.ready()
        self.leaving = [worker for worker in self.leaving if worker.process.poll() is None]
        super().sample(now)
        if self.rows:
            self.rows.append((now, "ml-service", "workers_desired", self.desired))
        self.minute_visible = max(self.minute_visible, latest(self.rows, "queue_visible"))
        ml = [row for row in self.rows if row[1] == "ml-service"]
        self.minute_cpu.append(latest(ml, "cpu_percent"))
        return self.rows

    def want(self, count: int, reason: str) -> None:
        """Does not wait for workers that start or end."""
        if count == self.desired:
            return
        self.changes.append(Scaling(time.time(), self.desired, count, reason))
        self.desired = count
        cores = sorted(os.sched_getaffinity(0))
        while len(self.workers) < count:
            core = cores[len(self.workers) % len(cores)]
            log = self.logs / f"ml-service-{self.started}.log"
            self.workers.append(Worker(self.program, log, core))
            self.started += 1
        while len(self.workers) > count:
            worker = self.workers.pop()
            worker.process.send_signal(signal.SIGTERM)
            self.leaving.append(worker)

    def set_workers(self, count: int) -> bool:
        self.want(count, "set by the test")
        deadline = time.monotonic() + START_SECONDS
        while not all(worker.ready() for worker in self.workers) or self.leaving:
            self.leaving = [worker for worker in self.leaving if worker.process.poll() is None]
            if time.monotonic() > deadline:
                raise LoadTestError(f"{count} ML services did not start within {START_SECONDS} s")
            gevent.sleep(0.1)
        self.scaler = Scaler(DEPLOYED, BACKLOG_PER_TASK, self.least, self.most, count)
        return True

    def autoscale(self, now: float) -> None:
        """Decides at the end of each of the policy's minutes."""
        if not self.scaling or self.scaler is None or now < self.next_minute:
            return
        if self.next_minute:
            cores = min(max(1, self.running()), os.cpu_count() or 1)
            cpu = sum(self.minute_cpu) / max(1, len(self.minute_cpu))
            count = self.scaler.minute(
                now * self.time_scale, self.minute_visible, cpu / 100 / cores, self.running()
            )
            self.want(count, self.scaler.reason)
        self.minute_visible, self.minute_cpu = 0, []
        self.next_minute = now + MINUTE / self.time_scale

    def collect(self, begin: float, end: float) -> tuple[list[Row], list[Scaling]]:
        return [], [change for change in self.changes if change.time >= begin]

    def facts(self) -> dict[str, Any]:
        own = {"kind": self.kind, "most_workers": self.most, "backends": len(self.urls)}
        return super().facts() | own

    def end(self) -> None:
        for worker in self.workers:
            worker.process.send_signal(signal.SIGTERM)
        for worker in self.workers + self.leaving:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(STOP_SECONDS)
            if worker.process.poll() is None:
                worker.process.kill()
        self.workers, self.leaving = [], []
