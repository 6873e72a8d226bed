"""The operations scripts against an emulator of AWS, and their failures."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from script_run import ROOT, Scripts
from terraform_run import copy_project

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (scripts/requirements-aws.txt)")
sys.path.insert(0, str(ROOT / "tests"))
aws_servers = pytest.importorskip("aws_servers", reason="tests/aws_servers.py is not here")

REGION = "us-east-1"
SERVICES = {"backend": "photos-dev-backend", "ml-service": "photos-dev-ml-service"}
LIBRARIES = {"lib.sh", "aws-lib.sh", "cluster-lib.sh", "load-lib.sh"}
ALL = sorted(file.name for file in (ROOT / "scripts").glob("*.sh") if file.name not in LIBRARIES)
# The scripts that use AWS, with valid arguments.
ON_AWS = {
    "scale-backend-service.sh": ["1"],
    "scale-ml-service.sh": ["1"],
    "manage-autoscaling.sh": ["status"],
    "wait-for-autoscaling-ready.sh": [],
    "wait-for-queue-empty.sh": [],
    "estimate-queue-clear-time.sh": [],
    "clean-dynamodb.sh": ["--yes"],
}


class Cloud:
    """The resources of a deployment, in the emulator."""

    numbers = itertools.count()

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"cluster-{next(self.numbers)}"
        self.ecs = self.client("ecs")
        self.sqs = self.client("sqs")
        self.scaling = self.client("application-autoscaling")
        self.ecs.create_cluster(clusterName=self.name)
        container = {"name": "it", "image": "it", "memory": 512}
        self.ecs.register_task_definition(family="it", containerDefinitions=[container])
        for service in SERVICES.values():
            self.ecs.create_service(
                cluster=self.name, serviceName=service, taskDefinition="it", desiredCount=0
            )
            # The emulator starts tasks only when the count changes.
            self.ecs.update_service(cluster=self.name, service=service, desiredCount=1)
            self.scaling.register_scalable_target(
                ServiceNamespace="ecs",
                ScalableDimension="ecs:service:DesiredCount",
                ResourceId=f"service/{self.name}/{service}",
                MinCapacity=1,
                MaxCapacity=50,
            )
        self.requests, self.status = (
            self.sqs.create_queue(QueueName=f"{self.name}-{kind}")["QueueUrl"]
            for kind in ("requests", "status")
        )

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def settings(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "CLUSTER_NAME": self.name,
            "BACKEND_SERVICE_NAME": SERVICES["backend"],
            "ML_SERVICE_NAME": SERVICES["ml-service"],
            "REQUEST_QUEUE_URL": self.requests,
            "STATUS_QUEUE_URL": self.status,
            "POLL_SECONDS": "0.2",
        }

    def desired(self, service: str) -> int:
        found = self.ecs.describe_services(cluster=self.name, services=[SERVICES[service]])
        return int(found["services"][0]["desiredCount"])

    def suspended(self, service: str) -> bool:
        target = f"service/{self.name}/{SERVICES[service]}"
        found = self.scaling.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[target]
        )["ScalableTargets"][0]
        return bool(found.get("SuspendedState", {}).get("DynamicScalingOutSuspended"))

    def send(self, count: int) -> None:
        for first in range(0, count, 10):
            entries = [
                {"Id": str(n), "MessageBody": "{}"} for n in range(first, min(first + 10, count))
            ]
            self.sqs.send_message_batch(QueueUrl=self.requests, Entries=entries)

    def take(self, count: int) -> None:
        while count > 0:
            got = self.sqs.receive_message(QueueUrl=self.requests, MaxNumberOfMessages=10)
            for message in got["Messages"]:
                self.sqs.delete_message(
                    QueueUrl=self.requests, ReceiptHandle=message["ReceiptHandle"]
                )
                count -= 1


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    pytest.importorskip("moto", reason="moto is not installed (scripts/requirements-aws.txt)")
    with aws_servers.emulator() as url:
        yield url


@pytest.fixture
def cloud(emulator: str) -> Cloud:
    return Cloud(emulator)


@pytest.fixture
def scripts(cloud: Cloud, tmp_path: Path) -> Scripts:
    return Scripts(tmp_path, cloud.settings())


@pytest.mark.parametrize("name", ALL)
def test_each_script_explains_itself(name: str, tmp_path: Path) -> None:
    shown = Scripts(tmp_path).run(name, "-h")
    assert "usage: " in shown
    target = "run-dashboard.sh" if name == "run-streamlit.sh" else name
    assert f"scripts/{target}" in shown or f"usage: {target}" in shown


@pytest.mark.parametrize("name", sorted(ON_AWS))
def test_without_credentials(name: str, scripts: Scripts) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "DYNAMODB_TABLE": "x"}
    scripts.settings |= nobody
    assert "no usable AWS credentials: run 'aws configure'" in scripts.fails(name, *ON_AWS[name])


@pytest.mark.parametrize("name", sorted(ON_AWS))
def test_without_a_deployment(name: str, scripts: Scripts) -> None:
    keep = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    scripts.settings = {key: scripts.settings[key] for key in keep}
    assert "nothing is deployed from this folder" in scripts.fails(name, *ON_AWS[name])


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("scale-backend-service.sh", [], "say how many tasks"),
        ("scale-backend-service.sh", ["many"], 'N is "many", but must be a whole number'),
        ("scale-ml-service.sh", ["-1"], "unknown option -1"),
        ("scale-ml-service.sh", ["1", "2"], "takes one number"),
        ("scale-ml-service.sh", ["1", "--timeout", "soon"], '--timeout is "soon"'),
        ("manage-autoscaling.sh", [], "say what to do"),
        ("manage-autoscaling.sh", ["stop"], '"stop" is not status, suspend or resume'),
        ("manage-autoscaling.sh", ["status", "all-of-it"], "is not backend or ml-service"),
        ("wait-for-autoscaling-ready.sh", ["now"], "unknown argument now"),
        ("wait-for-queue-empty.sh", ["--timeout"], '--timeout is ""'),
        ("estimate-queue-clear-time.sh", ["--seconds", "0"], '--seconds is "0"'),
        ("clean-dynamodb.sh", ["--all"], "unknown argument --all"),
        ("health-check.sh", ["a", "b"], "one argument at most"),
        ("test-api.sh", ["a", "b"], "one argument at most"),
        ("test-api.sh", ["localhost"], '"localhost" is not a URL'),
        ("test-deployment.sh", ["http://127.0.0.1:9"], "does not answer"),
        ("run-dashboard.sh", ["a", "b"], "one argument at most"),
        ("pre-upload-images.sh", ["--folder", "none"], "there is no folder none"),
        ("deploy.sh", ["--everything"], "unknown argument --everything"),
        ("deploy.sh", ["--var", "count"], "--var needs NAME=VALUE"),
        ("deploy.sh", ["--allow"], "--allow needs a network"),
        ("destroy.sh", ["--everything"], "unknown argument --everything"),
        ("push-image.sh", [], "IMAGE_TARGET is not set"),
    ],
)
def test_wrong_arguments(scripts: Scripts, name: str, arguments: list[str], says: str) -> None:
    assert says in scripts.fails(name, *arguments, BACKEND_API_URL="http://127.0.0.1:9")


@pytest.mark.parametrize("service", ["backend", "ml-service"])
def test_scaling(cloud: Cloud, scripts: Scripts, service: str) -> None:
    name = "scale-backend-service.sh" if service == "backend" else "scale-ml-service.sh"
    other = "ml-service" if service == "backend" else "backend"
    shown = scripts.run(name, "4", "--wait", "--timeout", "20")
    assert (cloud.desired(service), cloud.desired(other)) == (4, 1)
    assert "4 of 4 tasks run" in shown
    assert "autoscaling may change that (1 to 50 tasks)" in shown
    scripts.run("manage-autoscaling.sh", "suspend", service)
    assert "autoscaling may change that" not in scripts.run(name, "0")
    assert cloud.desired(service) == 0


def test_scaling_what_is_not_there(scripts: Scripts) -> None:
    shown = scripts.fails("scale-ml-service.sh", "1", ML_SERVICE_NAME="none")
    assert "none could not be scaled" in shown
    shown = scripts.fails("manage-autoscaling.sh", "status", ML_SERVICE_NAME="none")
    assert "the service none of cluster" in shown


def test_names_come_from_the_deployment(cloud: Cloud, scripts: Scripts, tmp_path: Path) -> None:
    if not any((Path(part) / "terraform").exists() for part in scripts.path.split(os.pathsep)):
        pytest.skip("terraform is not installed: it reads the outputs")
    scripts.root = copy_project(tmp_path / "project")
    values: dict[str, Any] = {
        "cluster_name": cloud.name,
        "backend_service_name": SERVICES["backend"],
        "ml_service_name": SERVICES["ml-service"],
        "aws_resources": {"region": REGION, "request_queue_url": cloud.requests},
    }
    outputs = {
        name: {"value": value, "type": "string" if isinstance(value, str) else ["map", "string"]}
        for name, value in values.items()
    }
    state = {"version": 4, "terraform_version": "1.5.0", "serial": 1, "lineage": "it"}
    state |= {"outputs": outputs, "resources": []}
    (scripts.root / "terraform/terraform.tfstate").write_text(json.dumps(state))
    for name in ("CLUSTER_NAME", "BACKEND_SERVICE_NAME", "ML_SERVICE_NAME", "AWS_REGION"):
        del scripts.settings[name]
    scripts.run("scale-ml-service.sh", "3")
    assert cloud.desired("ml-service") == 3
    del scripts.settings["STATUS_QUEUE_URL"]
    shown = scripts.fails("wait-for-queue-empty.sh")
    assert "terraform has no output aws_resources.status_queue_url" in shown


def test_autoscaling_is_suspended_and_resumed(cloud: Cloud, scripts: Scripts) -> None:
    scripts.run("manage-autoscaling.sh", "suspend")
    assert cloud.suspended("backend")
    assert cloud.suspended("ml-service")
    shown = scripts.run("manage-autoscaling.sh", "status")
    assert shown.count("autoscaling suspended, 1 to 50 tasks") == 2
    assert "is suspended" in scripts.fails("wait-for-autoscaling-ready.sh")
    scripts.run("manage-autoscaling.sh", "resume", "backend")
    assert not cloud.suspended("backend")
    assert cloud.suspended("ml-service")


def test_waiting_for_rest(cloud: Cloud, scripts: Scripts) -> None:
    assert "ready: both services are at rest" in scripts.run("wait-for-autoscaling-ready.sh")
    scripts.run("scale-ml-service.sh", "5")
    shown = scripts.fails("wait-for-autoscaling-ready.sh", "--timeout", "1")
    assert "not within the time allowed" in shown


def test_waiting_for_empty_queues(cloud: Cloud, scripts: Scripts) -> None:
    assert "the queues are empty" in scripts.run("wait-for-queue-empty.sh")
    cloud.send(3)
    shown = scripts.fails("wait-for-queue-empty.sh", "--timeout", "1")
    assert "empty queues: not within the time allowed" in shown
    words = ("wait-for-queue-empty.sh", "--timeout", "120")
    shown = scripts.run_until("3 wait", lambda: cloud.take(3), *words)
    assert "the queues are empty" in shown


def test_messages_in_flight_are_not_done(cloud: Cloud, scripts: Scripts) -> None:
    cloud.send(1)
    cloud.sqs.receive_message(QueueUrl=cloud.requests, VisibilityTimeout=600)
    assert "not within" in scripts.fails("wait-for-queue-empty.sh", "--timeout", "1")


def test_a_queue_that_is_not_there(scripts: Scripts) -> None:
    gone = scripts.settings["REQUEST_QUEUE_URL"] + "-gone"
    shown = scripts.fails("wait-for-queue-empty.sh", REQUEST_QUEUE_URL=gone)
    assert f"the queue {gone} could not be read" in shown


def test_estimating_the_end(cloud: Cloud, scripts: Scripts) -> None:
    assert "the queue is empty" in scripts.run("estimate-queue-clear-time.sh", "--seconds", "1")
    cloud.send(60)
    shown = scripts.run("estimate-queue-clear-time.sh", "--seconds", "1")
    assert "60 images left, 1 ML task: the queue does not shrink" in shown
    words = ("estimate-queue-clear-time.sh", "--seconds", "8")
    shown = scripts.run_until("checking again", lambda: cloud.take(20), *words)
    assert "40 images left, 1 ML task, 2.5 images/s: empty in 0:00:16" in shown


def test_emptying_the_table(cloud: Cloud, scripts: Scripts) -> None:
    dynamodb = cloud.client("dynamodb")
    name = f"jobs-{cloud.name}"
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
    )
    for number in range(60):
        item = {"pk": {"S": f"J#{number % 7}"}, "sk": {"S": str(number)}, "x": {"S": "y" * 100}}
        dynamodb.put_item(TableName=name, Item=item)

    def count() -> int:
        return int(dynamodb.scan(TableName=name)["Count"])

    scripts.settings["DYNAMODB_TABLE"] = name
    shown = scripts.run("clean-dynamodb.sh", answer="n\n", code=1)
    assert "nothing was changed" in shown
    scripts.run("clean-dynamodb.sh", code=1)  # no answer to the question
    assert count() == 60
    assert "60 items deleted" in scripts.run("clean-dynamodb.sh", answer="y\n")
    assert count() == 0
    assert "0 items deleted" in scripts.run("clean-dynamodb.sh", "--yes")
    shown = scripts.fails("clean-dynamodb.sh", "--yes", DYNAMODB_TABLE="none")
    assert "the table none could not be emptied" in shown


def asked_on_a_terminal(scripts: Scripts, name: str, **settings: str) -> str:
    """The script's question; the answer is no."""
    terminal, its_end = pty.openpty()
    try:
        os.write(terminal, b"n\n")
        done = scripts.ended(name, settings=settings, stdin=its_end)
    finally:
        os.close(terminal)
        os.close(its_end)
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_the_question_says_where_the_table_is(cloud: Cloud, scripts: Scripts) -> None:
    shown = asked_on_a_terminal(scripts, "clean-dynamodb.sh", DYNAMODB_TABLE="jobs")
    assert f"the table jobs (at {cloud.url})?" in shown
    own = "http://127.0.0.1:8000"
    settings = {"DYNAMODB_TABLE": "jobs", "AWS_ENDPOINT_URL_DYNAMODB": own}
    assert f"jobs (at {own})?" in asked_on_a_terminal(scripts, "clean-dynamodb.sh", **settings)
    # AWS itself is not called: the credentials count as valid.
    settings = {"DYNAMODB_TABLE": "jobs", "AWS_ENDPOINT_URL": "", "AWS_PROGRAM": "true"}
    shown = asked_on_a_terminal(scripts, "clean-dynamodb.sh", **settings)
    assert f"the table jobs (in AWS, region {REGION})?" in shown


@pytest.mark.parametrize(
    ("settings", "endpoint"),
    [
        ({}, None),
        ({"AWS_ENDPOINT_URL": ""}, None),
        ({"AWS_ENDPOINT_URL": "http://a:1"}, "http://a:1"),
        (
            {"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://b:2"},
            "http://b:2",
        ),
    ],
)
def test_the_table_of_the_endpoint_is_emptied(
    settings: dict[str, str], endpoint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the version of boto3 treats the variables."""
    spec = importlib.util.spec_from_file_location("empty", ROOT / "scripts/empty-dynamodb.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    asked: list[Any] = []

    class Database:
        def Table(self, name: str) -> str:
            return name

    def resource(service: str, **options: Any) -> Database:
        asked.append((service, options.get("endpoint_url")))
        return Database()

    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(script.boto3, "resource", resource)
    monkeypatch.setattr(script, "delete_all", lambda table: 0)
    monkeypatch.setattr(sys, "argv", ["empty-dynamodb.py", "jobs"])
    assert script.main() == 0
    assert asked == [("dynamodb", endpoint)]


def test_health_check_sees_what_is_wrong(cloud: Cloud, scripts: Scripts) -> None:
    shown = scripts.run("health-check.sh", "http://127.0.0.1:9", code=1)
    assert "WRONG    http://127.0.0.1:9/health" in shown
    assert "ok       photos-dev-ml-service: 1 of 1 tasks run" in shown


def test_pushing_an_image(cloud: Cloud, scripts: Scripts) -> None:
    ecr = cloud.client("ecr")
    repository = f"photos-{cloud.name}-backend"
    url = ecr.create_repository(repositoryName=repository)["repository"]["repositoryUri"]
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind})
    ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag="src-1")
    wanted = {"IMAGE_TARGET": "backend", "IMAGE_REPOSITORY": url}
    shown = scripts.run("push-image.sh", **wanted, IMAGE_TAG="src-1")
    assert "exists already" in shown
    shown = scripts.fails("push-image.sh", **wanted | {"IMAGE_TARGET": "page"}, IMAGE_TAG="src-1")
    assert "must be backend or ml-service" in shown
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        pytest.skip("docker runs here: its absence cannot be shown")
    assert "docker" in scripts.fails("push-image.sh", **wanted, IMAGE_TAG="src-2")


def test_an_image_is_built_and_pushed(cloud: Cloud, scripts: Scripts, tmp_path: Path) -> None:
    """With a program in place of docker that records its calls, since no engine runs here."""
    name = f"photos-{cloud.name}-ml-service"
    ecr = cloud.client("ecr")
    url = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    record = tmp_path / "record"
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(f"""#!/bin/sh
echo "${{BUILDX_NO_DEFAULT_ATTESTATIONS:-}} $*" >>{record}
[ "$1" = login ] && cat >/dev/null
[ "$1" != "${{FAILS:-}}" ]
""")
    docker.chmod(0o755)
    scripts.path = f"{docker.parent}{os.pathsep}{scripts.path}"
    wanted = {"IMAGE_TARGET": "ml-service", "IMAGE_REPOSITORY": url, "IMAGE_TAG": "src-2"}
    scripts.run("push-image.sh", **wanted)
    build = f"build --platform linux/amd64 --target ml-service --file docker/Dockerfile --tag {url}"
    registry = url.split("/")[0]
    calls = [line.strip() for line in record.read_text().splitlines()]
    login = f"login --username AWS --password-stdin {registry}"
    assert calls[-3:] == [f"1 {build}:src-2 .", login, f"push {url}:src-2"]
    for step, says in (("build", "built"), ("login", "log in"), ("push", "pushed")):
        assert f"could not {'' if step == 'login' else 'be '}{says}" in scripts.fails(
            "push-image.sh", **wanted, FAILS=step
        )
