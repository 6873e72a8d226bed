"""What can be measured, and so be an objective: the title and unit of each figure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    title: str
    unit: str
    digits: int = 0

    def text(self, value: float) -> str:
        unit = self.unit
        if value == 1 and self.digits == 0 and unit in ("jobs", "images", "workers", "answers"):
            unit = unit[:-1]
        return f"{value:,.{self.digits}f} {unit}"


KINDS = {
    "jobs_unaccounted": Kind("Accepted jobs lost, failed or incomplete", "jobs"),
    "jobs_accepted": Kind("Jobs accepted", "jobs"),
    "images_done": Kind("Images finished", "images"),
    "images_failed": Kind("Images that could not be classified", "images"),
    "error_rate": Kind("Failed requests", "%", 2),
    "refused": Kind("Answers “too busy, retry later” (429, 503)", "answers"),
    "given_up": Kind("Jobs that were never accepted", "jobs"),
    "status_p50_ms": Kind("Status of a job, half of the answers within", "ms"),
    "status_p99_ms": Kind("Status of a job, 99 % of the answers within", "ms"),
    "submit_p99_ms": Kind("Acceptance of a job, 99 % of the answers within", "ms"),
    "job_p50_s": Kind("Half of the jobs done within", "s", 1),
    "job_p95_s": Kind("95 % of the jobs done within", "s", 1),
    "job_p99_s": Kind("99 % of the jobs done within", "s", 1),
    "throughput": Kind("Images a second, on average while jobs arrived", "images/s"),
    "throughput_most": Kind("Images a second, in the best 5 seconds or minute", "images/s"),
    "capacity": Kind("Images a second that the initial workers can do", "images/s"),
    "offered": Kind("Planned jobs that the clients could send", "%", 1),
    "queue_peak": Kind("Most images that waited", "images"),
    "drained_s": Kind("All done after the last job arrived, within", "s"),
    "workers_peak": Kind("Most workers", "workers"),
    "scale_out_s": Kind("More workers requested after the queue grew, within", "s of the policy"),
    "scale_in_s": Kind(
        "Back to the minimum of workers after the last image, within", "s of the policy"
    ),
    "scaling_efficiency": Kind("Throughput per worker kept when adding workers", "%"),
}
