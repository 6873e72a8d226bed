"""Terraform for tests; they are skipped, with the reason, if a tool is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from terraform_run import Terraform, build_provider, copy_project, resources_of

Resources = dict[str, dict[str, Any]]  # values by address


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("terraform", "go"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: Terraform cannot make plans here")
    try:
        return build_provider(tmp_path_factory.mktemp("provider"))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the stand-in for AWS's provider could not be built: {error}")


@pytest.fixture(scope="session")
def terraform(plugins: Path, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """An initialized copy for plans; nothing is ever applied to it."""
    made = Terraform(copy_project(tmp_path_factory.mktemp("terraform") / "project"), plugins)
    made.run("init", "-input=false")
    return made


@pytest.fixture(scope="session")
def applied(plugins: Path, tmp_path_factory: pytest.TempPathFactory) -> Resources:
    """Everything after an apply, when policies contain ARNs."""
    made = Terraform(copy_project(tmp_path_factory.mktemp("applied") / "project"), plugins)
    made.run("init", "-input=false")
    variables = ["-var=image_tag=there", '-var=allowed_cidrs=["203.0.113.7/32"]']
    made.run("apply", "-input=false", "-auto-approve", *variables)
    again = made.run("plan", "-input=false", "-detailed-exitcode", *variables, check=False)
    assert again.returncode == 0, f"a second apply would change something: {again.stdout}"
    state = json.loads(made.run("show", "-json").stdout)
    found = resources_of({"planned_values": state["values"]})
    made.run("destroy", "-input=false", "-auto-approve", *variables)
    assert json.loads(made.run("show", "-json").stdout).get("values") is None
    return found


def of_type(resources: Resources, kind: str) -> list[dict[str, Any]]:
    return [values for address, values in resources.items() if f".{kind}." in address]


def actions_of(applied: Resources, address: str) -> set[str]:
    policy = json.loads(applied[f"module.ecs_cluster.aws_iam_role_policy.{address}"]["policy"])
    return {action for statement in policy["Statement"] for action in statement["Action"]}
