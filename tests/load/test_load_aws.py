"""What is read from AWS, on an emulator of ECS, SQS and CloudWatch."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from script_run import Scripts

pytest.importorskip("moto", reason="moto is not installed (scripts/requirements-aws.txt)")
pytest.importorskip("gevent", reason="gevent is not installed (load-tests/requirements.txt)")
pytest.importorskip("boto3", reason="boto3 is not installed (scripts/requirements-aws.txt)")

import aws_servers
import boto3
from loadtest.aws import Deployment, queries, read_activities
from loadtest.targets import Scaling

NUMBERS = itertools.count()
SERVICES = ("backend", "ml-service")


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with aws_servers.emulator() as url:
        yield url


@pytest.fixture
def cloud(emulator: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a deployment with one task of each service."""
    settings = {
        "AWS_ENDPOINT_URL": emulator,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "CLUSTER_NAME": f"load-{next(NUMBERS)}",
        "BACKEND_SERVICE_NAME": "backend",
        "ML_SERVICE_NAME": "ml-service",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    cluster = settings["CLUSTER_NAME"]
    sqs, ecs, scaling = (client(name) for name in ("sqs", "ecs", "application-autoscaling"))
    for kind in ("REQUEST", "STATUS"):
        url = sqs.create_queue(QueueName=f"{cluster}-{kind.lower()}")["QueueUrl"]
        settings[f"{kind}_QUEUE_URL"] = url
        monkeypatch.setenv(f"{kind}_QUEUE_URL", url)
    ecs.create_cluster(clusterName=cluster)
    container = {"name": "it", "image": "it", "memory": 512}
    ecs.register_task_definition(family="it", containerDefinitions=[container])
    for service in SERVICES:
        ecs.create_service(
            cluster=cluster, serviceName=service, taskDefinition="it", desiredCount=0
        )
        ecs.update_service(cluster=cluster, service=service, desiredCount=1)
        scaling.register_scalable_target(
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=f"service/{cluster}/{service}",
            MinCapacity=1,
            MaxCapacity=8,
        )
    return settings


def client(name: str) -> Any:
    return boto3.client(name, region_name="us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"])


def test_counts_and_queue_while_it_runs(cloud: dict[str, str]) -> None:
    target = Deployment("http://localhost")
    target.begin()
    assert target.least == 1
    sqs = client("sqs")
    for _ in range(3):
        sqs.send_message(QueueUrl=cloud["REQUEST_QUEUE_URL"], MessageBody="{}")
    sqs.receive_message(QueueUrl=cloud["REQUEST_QUEUE_URL"])
    client("ecs").update_service(
        cluster=cloud["CLUSTER_NAME"], service="ml-service", desiredCount=4
    )
    now = time.time()
    values = {(service, metric): value for _, service, metric, value in target.sample(now)}
    assert values[("queue", "queue_visible")] == 2
    assert values[("queue", "queue_in_flight")] == 1
    assert values[("ml-service", "workers_desired")] == 4
    assert values[("backend", "backends_running")] == 1
    assert (target.running(), target.waiting()) == (4, 3)
    # The emulator has no activities, so the counts themselves are used.
    assert target.activities(now - 60, now + 60) == [Scaling(now, 1, 4, "seen in ECS")]
    assert "did not report its activities" in target.notes[0]


def test_statistics_of_cloudwatch(cloud: dict[str, str]) -> None:
    target = Deployment("http://localhost")
    minute = time.time() // 60 * 60 - 600
    cloudwatch = client("cloudwatch")
    for number, (_, _, _, wanted) in enumerate(queries(target.names), 1):
        metric = wanted["Metric"]
        for at in (minute, minute + 60):
            datum = {"MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"]}
            datum |= {"Timestamp": datetime.fromtimestamp(at, UTC), "Value": 600.0 * number}
            cloudwatch.put_metric_data(Namespace=metric["Namespace"], MetricData=[datum])
    rows = target.statistics(minute - 60, minute + 120)
    found: dict[tuple[str, str], list[float]] = {}
    for _, service, name, value in rows:
        found.setdefault((service, name), []).append(value)
    assert found[("ml-service", "throughput")] == [10, 10]  # 600 messages in a minute
    assert len(found[("ml-service", "cpu_percent")]) == 2
    assert len(found[("backend", "memory_percent")]) == 2
    assert {at for at, *_ in rows} == {minute, minute + 60}


def test_activities_of_autoscaling() -> None:
    def activity(second: int, description: str, cause: str = "alarm") -> dict[str, Any]:
        at = datetime.fromtimestamp(1000 + second, UTC)
        return {"StartTime": at, "Description": description, "Cause": cause}

    found = [
        activity(90, "Setting desired count to 2."),
        activity(20, "Setting desired count to 12.", "burst"),
        activity(50, "Setting max capacity to 5"),
        activity(-500, "Setting desired count to 9."),
    ]
    assert read_activities(found, 1000, 1100, first=1) == [
        Scaling(1020, 1, 12, "burst"),
        Scaling(1090, 12, 2, "alarm"),
    ]


def test_autoscaling_must_be_as_the_scenario_needs_it(
    cloud: dict[str, str], tmp_path: Path
) -> None:
    scripts = Scripts(tmp_path, cloud | {"BACKEND_API_URL": "http://127.0.0.1:9"})
    shown = scripts.fails("run-load-test.sh", "throughput_scaling")
    assert "throughput_scaling needs autoscaling that is suspended, and it is active" in shown
    scripts.run("manage-autoscaling.sh", "suspend")
    shown = scripts.fails("run-load-test.sh", "sustained_load")
    assert "sustained_load needs autoscaling that is active, and it is suspended" in shown
    assert "scripts/manage-autoscaling.sh resume" in shown


def test_all_tests_go_back_to_the_baseline(cloud: dict[str, str], tmp_path: Path) -> None:
    """The service does not answer, so nothing runs, but everything is prepared."""
    settings = cloud | {"BACKEND_API_URL": "http://127.0.0.1:9", "POLL_SECONDS": "0.2"}
    settings |= {"LOAD_RESULTS": str(tmp_path / "results")}
    (tmp_path / "s3_keys.json").write_text('{"a.jpg": "uploads/a.jpg"}')
    scripts = Scripts(tmp_path, settings)
    scripts.run("scale-ml-service.sh", "3")
    shown = scripts.run("run-all-tests.sh", "--only", "throughput_scaling", code=1)
    assert shown.count("could not run") == 1
    assert shown.count("the queues are empty") == 1
    assert shown.count("autoscaling suspended, 1 to 8 tasks") == 1
    assert "restoring the initial state: autoscaling active, 3 ML tasks" in shown
    status = scripts.run("manage-autoscaling.sh", "status", "ml-service")
    assert "autoscaling active, 1 to 8 tasks, 3 of 3 run" in status
