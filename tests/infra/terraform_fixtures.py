"""Terraform for tests; they skip, and say why, where a tool is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from terraform_run import Terraform, build_provider, copy_project


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("terraform", "go"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: Terraform's plans cannot be made here")
    try:
        return build_provider(tmp_path_factory.mktemp("provider"))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the stand-in for AWS's provider could not be built: {error}")


@pytest.fixture(scope="session")
def terraform(plugins: Path, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """An initialized copy that plans are made in; nothing is ever applied to it."""
    made = Terraform(copy_project(tmp_path_factory.mktemp("terraform") / "project"), plugins)
    made.run("init", "-input=false")
    return made
