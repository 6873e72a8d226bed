"""deploy.sh and destroy.sh from end to end, with a stand-in for AWS's provider and an emulator for
the scripts' own calls to AWS; the API that deploy.sh waits for is the real program."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from program import Service
from script_run import ROOT, Scripts
from terraform_fixtures import plugins
from terraform_run import SCHEMA, copy_project

sys.path.insert(0, str(ROOT / "tests"))
aws_servers = pytest.importorskip("aws_servers", reason="tests/aws_servers.py is not here")
boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (scripts/requirements-aws.txt)")
pytest.importorskip("moto", reason="moto is not installed (scripts/requirements-aws.txt)")


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with aws_servers.emulator() as url:
        yield url


@pytest.fixture
def scripts(emulator: str, plugins: Path, tmp_path: Path) -> Scripts:
    settings = {
        "AWS_ENDPOINT_URL": emulator,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TF_CLI_CONFIG_FILE": os.devnull,
        "TF_CLI_ARGS_init": f"-plugin-dir={plugins}",
        "STAND_IN_SCHEMA": str(SCHEMA),
        "POLL_SECONDS": "0.2",
        "ADDRESS_URL": "http://127.0.0.1:9",
    }
    return Scripts(tmp_path, settings, copy_project(tmp_path / "project"))


def without(tool: str, scripts: Scripts, folder: Path) -> str:
    """A PATH with every program except one."""
    folder.mkdir()
    for part in reversed(scripts.path.split(os.pathsep)):
        if not Path(part).is_dir():
            continue
        for program in Path(part).iterdir():
            (folder / program.name).unlink(missing_ok=True)
            if program.name != tool:
                (folder / program.name).symlink_to(program)
    return str(folder)


HERE = ["--yes", "--var", "image_tag=there", "--allow", "203.0.113.7/32"]


CLUSTER = "distributed-classifier-cluster-dev"
SERVICES = ("distributed-classifier-dev-backend", "distributed-classifier-dev-ml-service")


@pytest.fixture
def ecs(emulator: str) -> Iterator[Any]:
    """The services that Terraform's stand-in only claims to have created, where the script expects
    them; all tasks use the first revision of their definition. There is also a second one."""
    ecs = boto3.client(
        "ecs",
        endpoint_url=emulator,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    ecs.create_cluster(clusterName=CLUSTER)
    for name in SERVICES:
        container = {"name": "it", "image": "it", "memory": 512}
        for _ in range(2):
            ecs.register_task_definition(family=name, containerDefinitions=[container])
        ecs.create_service(
            cluster=CLUSTER, serviceName=name, taskDefinition=f"{name}:1", desiredCount=0
        )
    yield ecs
    requests.post(f"{emulator}/moto-api/reset", timeout=10)


@pytest.fixture
def address(service: Service) -> str:
    """The program's address, as the load balancer's name, since a domain name has no port."""
    return urlsplit(service.url).netloc.replace("localhost", "127.0.0.1")


def test_deploy_and_destroy(scripts: Scripts, address: str, ecs: Any) -> None:
    shown = scripts.run("deploy.sh", *HERE, STAND_IN_DNS_NAME=address)
    assert f"deployed: the page and the API are at http://{address}" in shown
    assert 'cluster_name = "distributed-classifier-cluster-dev"' in shown
    assert "secretsmanager get-secret-value" in shown
    assert "this is HTTP" in shown
    assert not (scripts.root / "terraform/deploy.tfplan").exists()
    # In another region Terraform would find nothing, drop the state, and leave the resources.
    elsewhere = ["deploy.sh", *HERE, "--var", "aws_region=eu-west-1"]
    assert "the deployment is in us-east-1: set it back" in scripts.fails(*elsewhere)
    # As on another machine, and after an interrupted creation.
    shutil.rmtree(scripts.root / "terraform/.terraform")
    state = scripts.root / "terraform/terraform.tfstate"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"outputs": {}}))
    shown = scripts.run("destroy.sh", answer="no\n", code=1, AWS_REGION="eu-west-1")
    assert "nothing was changed" in shown
    assert "AWS_REGION=eu-west-1 is ignored" in shown
    assert "everything is deleted" in scripts.run("destroy.sh", answer="y\n")
    assert "there is nothing to delete" in scripts.fails("destroy.sh", "--yes")


def test_deploy_reports_that_ecs_rolled_back(scripts: Scripts, address: str, ecs: Any) -> None:
    name = SERVICES[1]
    ecs.update_service(cluster=CLUSTER, service=name, taskDefinition=f"{name}:2")
    shown = scripts.fails("deploy.sh", *HERE, STAND_IN_DNS_NAME=address)
    assert (
        f"{name}: the new version ({name}:1) did not work, and ECS rolled back to {name}:2" in shown
    )


def test_deploy_waits_for_the_new_version(scripts: Scripts, address: str, ecs: Any) -> None:
    name = SERVICES[0]
    ecs.delete_service(cluster=CLUSTER, service=name, force=True)
    ecs.create_service(
        cluster=CLUSTER, serviceName=name, taskDefinition=f"{name}:1", desiredCount=3
    )
    words = [*HERE, "--timeout", "2"]
    shown = scripts.run("deploy.sh", *words, code=1, STAND_IN_DNS_NAME=address)
    assert f"{name}: 0 of 3 tasks run" in shown
    assert f"the new version of {name}: not within the time allowed" in shown


def test_deploy_asks_and_plans(scripts: Scripts) -> None:
    arguments = HERE[1:]
    assert "nothing was changed" in scripts.run("deploy.sh", *arguments, code=1)
    shown = scripts.run("deploy.sh", "--plan", "--allow", "203.0.113.7/32")
    assert "to add, 0 to change, 0 to destroy" in shown
    assert "there is nothing to delete" in scripts.fails("destroy.sh", "--yes")


def test_destroy_where_nothing_was_ever_deployed(scripts: Scripts) -> None:
    scripts.settings["TF_CLI_ARGS_init"] = "-plugin-dir=/nowhere"
    assert "there is nothing to delete" in scripts.fails("destroy.sh", "--yes")


def test_deploy_gives_up_waiting(scripts: Scripts) -> None:
    shown = scripts.fails("deploy.sh", *HERE, "--timeout", "1", STAND_IN_DNS_NAME="127.0.0.1:9")
    assert "the API at http://127.0.0.1:9" in shown
    assert "not within the time allowed" in shown


def test_deploy_without_knowing_the_address(scripts: Scripts) -> None:
    shown = scripts.fails("deploy.sh", "--yes", "--var", "image_tag=there")
    assert "set with --allow who may reach the API" in shown
    (scripts.root / "terraform/terraform.tfvars").write_text('allowed_cidrs = ["10.0.0.0/8"]\n')
    assert "10.0.0.0/8" in scripts.run("deploy.sh", "--plan", "--var", "image_tag=there")


@pytest.mark.parametrize("tool", ["terraform", "docker"])
def test_deploy_without_a_tool(scripts: Scripts, tool: str, tmp_path: Path) -> None:
    scripts.path = without(tool, scripts, tmp_path / "bin")
    assert f"{tool} is not installed" in scripts.fails("deploy.sh", "--yes")


def test_deploy_without_a_running_docker(scripts: Scripts) -> None:
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    shown = scripts.fails("deploy.sh", "--yes", DOCKER_HOST="unix:///none.sock")
    assert "docker does not run" in shown


def test_deploy_without_credentials(scripts: Scripts) -> None:
    scripts.settings |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert "no usable AWS credentials" in scripts.fails("deploy.sh", *HERE)


def test_deploy_with_a_bad_value(scripts: Scripts) -> None:
    shown = scripts.fails("deploy.sh", *HERE, "--var", "ml_min_count=-1")
    assert "the plan could not be made" in shown
