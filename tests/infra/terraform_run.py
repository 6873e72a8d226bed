"""Runs Terraform on a copy of terraform/, with a stand-in for AWS's provider."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
SCHEMA = HERE / "aws-provider-schema.jsonl"
# The sources of the images, which the modules read.
SOURCES: tuple[str, ...] = (
    ".dockerignore",
    "CMakeLists.txt",
    "CMakePresets.json",
    "LICENSE",
    "NOTICE",
    "cmake",
)
SOURCES += ("docker", "models", "scripts", "src", "terraform")
PAGE = ("index.html", "package.json", "package-lock.json", "src", "public")


def build_provider(folder: Path) -> Path:
    """Builds the stand-in; returns the plugin folder for `terraform init -plugin-dir`."""
    binary = folder / "provider"
    subprocess.run(["go", "build", "-o", binary, "."], cwd=HERE / "provider", check=True)
    subprocess.run(
        ["terraform", "get"],
        cwd=copy_project(folder / "probe") / "terraform",
        check=True,
        capture_output=True,
    )
    # The folder must have Terraform's name of the provider.
    listed = subprocess.run(
        ["terraform", "providers"],
        cwd=folder / "probe/terraform",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    source = re.search(r"provider\[(\S+/aws)\]", listed)
    assert source, listed
    version = json.loads(SCHEMA.read_text().split("\n", 1)[0])["provider_version"]
    place = folder / "plugins" / source[1] / version / "linux_amd64"
    place.mkdir(parents=True)
    shutil.copy(binary, place / f"terraform-provider-aws_v{version}")
    return folder / "plugins"


def copy_project(to: Path) -> Path:
    to.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars", "__pycache__")
            shutil.copytree(source, to / name, ignore=ignore)
        elif source.exists():
            shutil.copy(source, to / name)
    (to / "dashboard").mkdir()
    for name in PAGE:
        source = ROOT / "dashboard" / name
        copy: Any = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, to / "dashboard" / name)
    return to


@dataclass
class Terraform:
    """One copy of the project; `variables` apply to each plan."""

    project: Path
    plugins: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_CLI_ARGS_init": f"-plugin-dir={self.plugins}",
            "STAND_IN_SCHEMA": str(SCHEMA),
            "TF_IN_AUTOMATION": "1",
        }

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.project / "terraform",
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def plan(self, **variables: object) -> dict[str, Any]:
        """The plan, in Terraform's JSON form."""
        self.run("plan", "-input=false", "-out=plan", *arguments_of(variables))
        plan: dict[str, Any] = json.loads(self.run("show", "-json", "plan").stdout)
        return plan

    def refused(self, **variables: object) -> str:
        """Terraform's error for variables that it must reject, on one line."""
        done = self.run("plan", "-input=false", "-no-color", *arguments_of(variables), check=False)
        assert done.returncode == 1, done.stdout
        return " ".join(done.stderr.replace("│", " ").split())


def arguments_of(variables: dict[str, object]) -> list[str]:
    return [
        f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in variables.items()
    ]


def resources_of(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Planned values of each resource by its address."""
    found: dict[str, dict[str, Any]] = {}

    def walk(module: dict[str, Any]) -> None:
        for resource in module.get("resources", []):
            if resource["mode"] == "managed":
                found[resource["address"]] = resource.get("values", {})
        for child in module.get("child_modules", []):
            walk(child)

    walk(plan["planned_values"]["root_module"])
    return found
