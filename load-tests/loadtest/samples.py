"""What is measured in addition to the requests: rows of time, service, metric and value.

Metrics: queue_visible, queue_in_flight (messages) · throughput (images/s) · workers_running,
workers_desired · cpu_percent (100: one core; on ECS: the full share of the tasks) · memory_mb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")

Row = tuple[float, str, str, float]  # time, service, metric, value


def parse(text: str) -> dict[str, float]:
    """Parses Prometheus' text format: values by name with labels, as written there."""
    values = {}
    for line in text.splitlines():
        if found := LINE.match(line):
            name = f"{found[1]}{{{found[2]}}}" if found[2] else found[1]
            values[name] = float(found[3])
    return values


def total(values: dict[str, float], name: str) -> float:
    """Over all labels."""
    return sum(value for key, value in values.items() if key.split("{")[0] == name)


@dataclass
class Process:
    """The last sample of one process: counters are useful only as differences."""

    cpu: float
    images: float
    memory: float
    works: bool
    time: float


@dataclass
class Reader:
    """Makes rows from the metrics of the processes of a service at each sample.

    Processes may start and end between samples; a new one counts from the next sample on.
    """

    before: dict[str, Process] = field(default_factory=dict)

    def rows(self, time: float, texts: dict[str, tuple[str, str]]) -> list[Row]:
        """`texts` has the service and the metrics of each process, by its address."""
        rows: list[Row] = []
        cpu: dict[str, float] = {}
        memory: dict[str, float] = {}
        images, running, queue = 0.0, 0, None
        now = {}
        for url, (service, text) in texts.items():
            values = parse(text)
            seen = process(values, time)
            now[url] = seen
            running += seen.works
            memory[service] = memory.get(service, 0) + seen.memory
            if before := self.before.get(url):
                passed = max(seen.time - before.time, 1e-3)
                if seen.cpu > 0:  # older versions do not report it
                    used = 100 * max(0.0, seen.cpu - before.cpu) / passed
                    cpu[service] = cpu.get(service, 0) + used
                images += max(0.0, seen.images - before.images) / passed
            if queue is None and 'classifier_queue_messages{state="visible"}' in values:
                queue = values
        if self.before:
            rows.append((time, "ml-service", "throughput", images))
        rows.append((time, "ml-service", "workers_running", running))
        rows += [(time, service, "cpu_percent", value) for service, value in cpu.items()]
        rows += [(time, service, "memory_mb", value) for service, value in memory.items()]
        if queue:
            for state in ("visible", "in_flight"):
                value = queue[f'classifier_queue_messages{{state="{state}"}}']
                rows.append((time, "queue", f"queue_{state}", value))
        self.before = now
        return rows


def process(values: dict[str, float], time: float) -> Process:
    return Process(
        total(values, "classifier_cpu_seconds_total"),
        total(values, "classifier_images_total"),
        total(values, "classifier_resident_memory_bytes") / 2**20,
        total(values, "classifier_worker_running") > 0,
        time,
    )
