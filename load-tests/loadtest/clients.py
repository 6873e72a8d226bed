"""Locust's users: each submits jobs that are due, and polls those in progress."""

from __future__ import annotations

from typing import Any

import gevent
from locust import FastHttpUser, constant, task

from loadtest.load import Job, Load, now
from loadtest.workload import Order

IDLE = 0.02  # seconds
TRIES = 5  # of a submission that gets no answer
LONGEST_WAIT = 60.0  # seconds, whatever Retry-After asks for


def retry_after(answer: Any) -> float | None:
    """Seconds; None where the answer does not say."""
    try:
        wanted = float(answer.headers["Retry-After"])
    except (KeyError, TypeError, ValueError):
        return None
    return min(max(wanted, 0.0), LONGEST_WAIT)


class Client(FastHttpUser):
    """A person or program with jobs, which `environment.load` provides."""

    wait_time = constant(0)
    connection_timeout = 10.0
    network_timeout = 30.0

    def __init__(self, environment: Any) -> None:
        self.load: Load = environment.load
        self.host = self.load.next_url()
        super().__init__(environment)
        self.headers = {"X-API-Key": self.load.api_key} if self.load.api_key else {}
        self.kept: Order | None = None  # to be sent again
        self.quiet_until = 0.0

    @task
    def step(self) -> None:
        """New jobs first, so that slow answers do not delay arrivals."""
        time = now()
        if self.kept and time >= self.quiet_until:
            self.submit(self.kept)
        elif not self.kept and (order := self.load.next_order(time)):
            self.submit(order)
        elif job := self.load.next_poll(time):
            self.poll(job)
        elif job := self.load.next_result():
            self.fetch(job)
        else:
            gevent.sleep(IDLE)

    def call(self, method: str, path: str, name: str, **more: Any) -> Any:
        headers = self.headers | more.pop("headers", {})
        return self.client.request(
            method, path, name=name, headers=headers, catch_response=True, **more
        )

    def refused(self, answer: Any) -> float | None:
        """The seconds to wait if the service says that it is too busy; counted separately."""
        if answer.status_code not in (429, 503):
            return None
        wanted = retry_after(answer)
        if wanted is not None:
            self.load.refused += 1
            answer.request_meta["name"] += f" (refused: {answer.status_code})"
            answer.success()
        return wanted

    def submit(self, order: Order) -> None:
        self.kept = order
        headers = {"Idempotency-Key": order.key}
        with self.call(
            "POST", "/submit", "POST /submit", json=order.body, headers=headers
        ) as answer:
            wanted = self.refused(answer)
            if wanted is not None:
                self.quiet_until = now() + wanted
            elif answer.status_code == 202:
                self.load.accepted(order, answer.json()["job_id"], now())
                self.kept = None
            else:
                answer.failure(reason(answer))
                self.missed(order, answer.status_code)

    def missed(self, order: Order, status: int) -> None:
        """Without an answer the job may exist: it is submitted again, with the same key."""
        order.tries += 1
        if order.tries < TRIES and (status == 0 or status >= 500 or status == 429):
            self.quiet_until = now() + order.tries
        else:
            self.load.give_up(order)
            self.kept = None

    def poll(self, job: Job) -> None:
        with self.call("GET", f"/status/{job.job_id}", "GET /status/{job_id}") as answer:
            wanted = self.refused(answer)
            if wanted is None and answer.status_code == 200:
                if self.load.looked(job, answer.json(), now()):
                    self.ended(job)
                return
            if wanted is None:
                answer.failure(reason(answer))
            self.load.poll_again(job, now() + (wanted or 0))

    def ended(self, job: Job) -> None:
        """Adds the job as a whole to Locust's statistics, as a request of its own."""
        self.environment.events.request.fire(
            request_type="JOB",
            name=job.job_type,
            response_time=job.latency * 1000,
            response_length=job.images,
            response=None,
            exception=RuntimeError(job.wrong) if job.wrong else None,
            context={},
        )

    def fetch(self, job: Job) -> None:
        with self.call("GET", f"/result/{job.job_id}", "GET /result/{job_id}") as answer:
            if self.refused(answer) is not None:
                return
            if answer.status_code != 200:
                answer.failure(reason(answer))
            elif answer.json()["summary"]["total"] != job.images:
                answer.failure(f"the result does not have all {job.images} images of the job")


def reason(answer: Any) -> str:
    if answer.status_code == 0:
        return f"no answer: {answer.error}"
    return f"{answer.status_code}: {str(answer.text or '')[:200]}"
