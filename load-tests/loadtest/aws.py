"""A deployment on AWS: ECS counts and queues during the run, CloudWatch and activities after it."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import gevent
from botocore.exceptions import BotoCoreError, ClientError

from loadtest.samples import Row
from loadtest.scenario import LoadTestError
from loadtest.targets import Scaling, latest

PERIOD = 60
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
STATES = {
    "ApproximateNumberOfMessages": "queue_visible",
    "ApproximateNumberOfMessagesNotVisible": "queue_in_flight",
}


def queries(names: dict[str, str]) -> list[tuple[str, str, float, dict[str, Any]]]:
    """Service, metric, the divisor of its values, and the CloudWatch metric with its statistic."""

    def metric(namespace: str, name: str, stat: str, **dimensions: str) -> dict[str, Any]:
        pairs = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        found = {"Namespace": namespace, "MetricName": name, "Dimensions": pairs}
        return {"Metric": found, "Period": PERIOD, "Stat": stat}

    queue = {"QueueName": names["queue"]}
    result: list[tuple[str, str, float, dict[str, Any]]] = [
        (
            "ml-service",
            "throughput",
            PERIOD,
            metric("AWS/SQS", "NumberOfMessagesDeleted", "Sum", **queue),
        ),
    ]
    for service in ("backend", "ml-service"):
        where = {"ClusterName": names["cluster"], "ServiceName": names[service]}
        for name, ours in (
            ("CPUUtilization", "cpu_percent"),
            ("MemoryUtilization", "memory_percent"),
        ):
            result.append((service, ours, 1, metric("AWS/ECS", name, "Average", **where)))
    return result


def count_changes(rows: list[Row]) -> list[Scaling]:
    """Changes of the desired count, where autoscaling itself does not report them."""
    changes = []
    desired = [(at, int(value)) for at, _, metric, value in rows if metric == "workers_desired"]
    for (_, before), (at, after) in itertools.pairwise(desired):
        if before != after:
            changes.append(Scaling(at, before, after, "seen in ECS"))
    return changes


@dataclass
class Deployment:
    """Named by the environment: CLUSTER_NAME, ML_SERVICE_NAME, REQUEST_QUEUE_URL and so on."""

    url: str
    # Seconds until CloudWatch has the last minutes.
    delay: float = float(os.environ.get("CLOUDWATCH_SECONDS", "180"))
    sample_seconds: float = 10
    time_scale: float = 1
    least: int = 0
    rows: list[Row] = field(default_factory=list)  # of the last sample
    seen: list[Row] = field(default_factory=list)  # desired counts of all samples
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        region = os.environ["AWS_REGION"]
        self.ecs, self.sqs, self.cloudwatch, self.scaling = (
            boto3.client(name, region_name=region)
            for name in ("ecs", "sqs", "cloudwatch", "application-autoscaling")
        )
        self.queue = os.environ["REQUEST_QUEUE_URL"]
        self.names = {
            "queue": self.queue.rsplit("/", 1)[-1],
            "cluster": os.environ["CLUSTER_NAME"],
            "backend": os.environ["BACKEND_SERVICE_NAME"],
            "ml-service": os.environ["ML_SERVICE_NAME"],
        }
        self.resource = f"service/{self.names['cluster']}/{self.names['ml-service']}"

    def begin(self) -> None:
        try:
            targets = self.scaling.describe_scalable_targets(
                ServiceNamespace="ecs", ResourceIds=[self.resource]
            )["ScalableTargets"]
            self.sample(time.time())
        except (BotoCoreError, ClientError) as error:
            raise LoadTestError(f"AWS cannot be queried: {error}") from None
        self.least = int(targets[0]["MinCapacity"]) if targets else 0

    def sample(self, now: float) -> list[Row]:
        services = self.ecs.describe_services(
            cluster=self.names["cluster"],
            services=[self.names["backend"], self.names["ml-service"]],
        )["services"]
        self.rows = []
        for service in services:
            ml = service["serviceName"] == self.names["ml-service"]
            kind = "workers" if ml else "backends"
            name = "ml-service" if ml else "backend"
            self.rows.append((now, name, f"{kind}_running", service["runningCount"]))
            self.rows.append((now, name, f"{kind}_desired", service["desiredCount"]))
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=list(STATES)
        )["Attributes"]
        self.rows += [(now, "queue", STATES[key], float(attributes[key])) for key in STATES]
        self.seen += [row for row in self.rows if row[2] == "workers_desired"]
        return self.rows

    def set_workers(self, count: int) -> bool:
        """Waits until they run."""
        done = subprocess.run([SCRIPTS / "scale-ml-service.sh", str(count), "--wait"], check=False)
        if done.returncode != 0:
            raise LoadTestError(f"{count} ML tasks could not be started: the lines above say why")
        return True

    def running(self) -> int:
        return int(latest(self.rows, "workers_running"))

    def waiting(self) -> float:
        return latest(self.rows, "queue_visible", "queue_in_flight")

    def autoscale(self, now: float) -> None:
        """AWS does it."""

    def collect(self, begin: float, end: float) -> tuple[list[Row], list[Scaling]]:
        gevent.sleep(max(0.0, end + self.delay - time.time()))
        return self.statistics(begin, end), self.activities(begin, end)

    def statistics(self, begin: float, end: float) -> list[Row]:
        wanted = queries(self.names)
        asked = [
            {"Id": f"m{number}", "MetricStat": stat, "ReturnData": True}
            for number, (_, _, _, stat) in enumerate(wanted)
        ]
        pages = self.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=asked,
            StartTime=datetime.fromtimestamp(begin, UTC),
            EndTime=datetime.fromtimestamp(end + PERIOD, UTC),
            ScanBy="TimestampAscending",
        )
        rows: list[Row] = []
        for page in pages:
            for result in page["MetricDataResults"]:
                service, metric, divisor, _ = wanted[int(result["Id"][1:])]
                rows += [
                    (at.timestamp(), service, metric, value / divisor)
                    for at, value in zip(result["Timestamps"], result["Values"], strict=True)
                ]
        return rows

    def activities(self, begin: float, end: float) -> list[Scaling]:
        try:
            pages = self.scaling.get_paginator("describe_scaling_activities").paginate(
                ServiceNamespace="ecs", ResourceId=self.resource
            )
            found = [item for page in pages for item in page["ScalingActivities"]]
        except (BotoCoreError, ClientError) as error:
            self.notes.append(f"Autoscaling did not report its activities ({error}).")
            return count_changes(self.seen)
        first = int(self.seen[0][3]) if self.seen else 0
        return read_activities(found, begin, end, first) or count_changes(self.seen)

    def facts(self) -> dict[str, Any]:
        return {"kind": "aws", "url": self.url} | self.names

    def end(self) -> None:
        """Nothing to do: the calling script restores the number of tasks."""


def read_activities(
    found: list[dict[str, Any]], begin: float, end: float, first: int
) -> list[Scaling]:
    """Only new counts are reported, so each change starts from the count of the one before it; the
    first from `first`."""
    changes: list[Scaling] = []
    before = first
    for item in sorted(found, key=lambda item: item["StartTime"]):
        text = str(item.get("Description", ""))
        digits = "".join(c if c.isdigit() else " " for c in text).split()
        if "desired count to" not in text or not digits:
            continue
        after, at = int(digits[-1]), item["StartTime"].timestamp()
        if not begin <= at <= end:
            continue
        if after != before:
            changes.append(Scaling(at, before, after, str(item.get("Cause", ""))))
        before = after
    return changes
