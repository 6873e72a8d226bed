"""SETUP.md: its scripts and options exist, and unmarked commands run here."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from script_run import ROOT, Scripts
from terraform_run import copy_project

GUIDE = (ROOT / "SETUP.md").read_text()
BLOCKS = [
    (marker, line)
    for marker, block in re.findall(r"(?:<!-- needs (.+?) -->\n)?```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.strip().splitlines()
]
HERE = [line for marker, line in BLOCKS if not marker]
# Run by other tests, or too long to run within a test, such as the tests themselves.
ELSEWHERE = (
    "test.sh",
    "pre-upload-images.sh",
    "run-dashboard.sh",
    "run-all-tests.sh",
    "clean-load-test-results.sh",
)


def test_scripts_and_their_options_exist(tmp_path: Path) -> None:
    for _, line in BLOCKS:
        words = shlex.split(line)
        if not words[0].startswith("scripts/"):
            continue
        shown = Scripts(tmp_path).run(words[0].removeprefix("scripts/"), "-h")
        for option in words[1:]:
            if option.startswith("--"):
                assert option in shown, line
    for mentioned in re.findall(r"`(scripts/[\w./-]+)", GUIDE):
        assert (ROOT / mentioned).is_file(), mentioned


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)h][^)]*)\)", GUIDE):
        assert (ROOT / target).exists(), target


def test_variables_and_outputs_exist() -> None:
    variables = (ROOT / "terraform/variables.tf").read_text()
    outputs = (ROOT / "terraform/outputs.tf").read_text()
    for name in set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?: = [^`]*)?`", GUIDE)):
        assert f'"{name}"' in variables + outputs, name


@pytest.mark.parametrize("line", [line for line in HERE if line.endswith("--version")])
def test_tools_of_every_system(line: str) -> None:
    subprocess.run(shlex.split(line), check=True, capture_output=True)


def test_copying_the_example(tmp_path: Path) -> None:
    [line] = [line for line in HERE if line.startswith("cp ")]
    project = copy_project(tmp_path / "project")
    subprocess.run(shlex.split(line), cwd=project, check=True)
    variables = (ROOT / "terraform/variables.tf").read_text()
    names = re.findall(r"^# (\w+)\s*=", (project / "terraform/terraform.tfvars").read_text(), re.M)
    assert len(names) >= 5
    for name in names:
        assert f'variable "{name}"' in variables


def test_checks_of_a_local_server(service: Any, tmp_path: Path) -> None:
    checks = [line for line in HERE if line.endswith("http://localhost:8080")]
    checks = [line for line in checks if not any(name in line for name in ELSEWHERE)]
    assert len(checks) == 3
    for line in checks:
        words = shlex.split(line.replace("http://localhost:8080", service.url))
        Scripts(tmp_path).run(words[0].removeprefix("scripts/"), *words[1:])


def test_every_unmarked_command_is_run() -> None:
    for line in HERE:
        known = (*ELSEWHERE, "--version", "cp ", "http://localhost:8080")
        assert any(word in line for word in known), line
