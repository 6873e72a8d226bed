"""What the simulated clients share: jobs to submit, jobs to follow, and the counts."""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from loadtest.workload import Order, Orders

FINAL = ("completed", "failed", "cancelled")
FIRST_POLL = 0.5  # seconds until the first poll of a job
PATIENT, IMPATIENT = 10.0, 1.0  # the longest seconds between two polls


class Arriving(Protocol):
    """Says when the next job arrives."""

    taken: int

    @property
    def total(self) -> int: ...

    def take(self, now: float, open_images: int) -> bool: ...


@dataclass
class Job:
    """An accepted job; times are seconds since the epoch."""

    job_id: str
    job_type: str
    images: int
    phase: str
    planned: float
    accepted: float
    status: str = "queued"
    total: int = 0
    done: int = 0  # finished images, including failed ones
    failed: int = 0
    created_at: float = 0  # by the service's clock
    completed_at: float = 0
    interval: float = FIRST_POLL

    def look(self, answer: dict[str, Any]) -> None:
        """Updates the job from an answer of GET /status."""
        self.status = str(answer["status"])
        self.total = int(answer["total"])
        self.done = int(answer["done"])
        self.failed = int(answer["failed"])
        self.created_at = seconds(answer["created_at"])
        if answer.get("completed_at"):
            self.completed_at = seconds(answer["completed_at"])

    @property
    def final(self) -> bool:
        return self.status in FINAL

    @property
    def latency(self) -> float:
        """Seconds from acceptance to the last image, by the service's clock."""
        return max(0.0, self.completed_at - self.created_at)

    @property
    def wrong(self) -> str:
        """Why the job is not accounted for; empty if it is."""
        if self.status != "completed":
            return f"the job is {self.status}"
        if not self.total == self.done == self.images:
            return f"{self.done} of {self.total} images done, {self.images} submitted"
        return ""


def seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@dataclass
class Load:
    """Not thread-safe: all clients are greenlets of one thread."""

    orders: Orders
    urls: list[str]
    api_key: str
    result_share: float
    polls_per_second: float
    phase: str = ""
    arrivals: Arriving | None = None  # None: nothing new is sent
    jobs: dict[str, Job] = field(default_factory=dict)
    given_up: int = 0  # submissions that never got an answer
    refused: int = 0  # answers 429 and 503 that said when to retry
    longest_poll: float = PATIENT
    open_images: int = 0
    images_done: int = 0  # as far as polls have seen
    images_failed: int = 0
    waiting: int = 0  # orders that clients hold
    _polls: list[tuple[float, int, Job]] = field(default_factory=list)
    _number: Any = field(default_factory=itertools.count)
    _results: list[Job] = field(default_factory=list)
    _next_poll: float = 0
    _clients: Any = field(default_factory=itertools.count)

    def next_url(self) -> str:
        return self.urls[int(next(self._clients)) % len(self.urls)]

    def next_order(self, now: float) -> Order | None:
        if self.arrivals is None or not self.arrivals.take(now, self.open_images):
            return None
        order = self.orders.make(now)
        self.open_images += order.images
        self.waiting += 1
        return order

    def accepted(self, order: Order, job_id: str, now: float) -> None:
        self.waiting -= 1
        kind = str(order.body["job_type"])
        job = Job(job_id, kind, order.images, self.phase, order.planned, now)
        self.jobs[job_id] = job
        self.poll_again(job, now)

    def give_up(self, order: Order) -> None:
        self.waiting -= 1
        self.open_images -= order.images
        self.given_up += 1

    def poll_again(self, job: Job, now: float) -> None:
        heapq.heappush(self._polls, (now + job.interval, next(self._number), job))

    def next_poll(self, now: float) -> Job | None:
        if not self._polls or self._polls[0][0] > now or now < self._next_poll:
            return None
        self._next_poll = max(self._next_poll + 1 / self.polls_per_second, now - 0.1)
        return heapq.heappop(self._polls)[2]

    def looked(self, job: Job, answer: dict[str, Any], now: float) -> bool:
        """Updates the job; whether it has just ended."""
        before, failed = job.done, job.failed
        job.look(answer)
        self.images_failed += job.failed - failed
        self.images_done += job.done - before
        self.open_images -= job.done - before
        if not job.final:
            job.interval = max(FIRST_POLL, min(self.longest_poll, (now - job.accepted) / 2))
            self.poll_again(job, now)
            return False
        self.open_images -= job.images - job.done
        if self.orders.chance.random() < self.result_share:
            self._results.append(job)
        return True

    def next_result(self) -> Job | None:
        return self._results.pop() if self._results else None

    @property
    def open_jobs(self) -> int:
        return sum(1 for job in self.jobs.values() if not job.final)

    @property
    def at_rest(self) -> bool:
        return self.waiting == 0 and not self._results and self.open_jobs == 0

    def offered(self) -> float:
        """The share of the planned jobs that was sent; below 1, the clients were too slow."""
        if self.arrivals is None or self.arrivals.total == 0:
            return 1.0
        return self.arrivals.taken / self.arrivals.total


def now() -> float:
    return time.time()
