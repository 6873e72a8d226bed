"""The simulation of autoscaling has Terraform's numbers, and the document has its output."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from types import ModuleType

import autoscaling_policy as policy
import pytest
from script_run import ROOT

SCRIPT = ROOT / "scripts/simulate-autoscaling.py"
TERRAFORM = (ROOT / "terraform/modules/ecs-cluster/autoscaling.tf").read_text()


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulation", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulation"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_the_numbers_are_those_of_terraform() -> None:
    steps = re.findall(r"from = (\d+), add = (\d+)", TERRAFORM)
    assert {(int(least), int(add)) for least, add in steps} == set(policy.STEPS)
    assert f"idle_threshold = {policy.IDLE_MESSAGES}" in TERRAFORM
    assert f"idle_cpu_percent = {round(100 * policy.IDLE_CPU)}" in TERRAFORM
    variables = (ROOT / "terraform/variables.tf").read_text()
    target = re.search(r'"ml_backlog_per_task".*?default\s+= (\d+)', variables, re.DOTALL)
    most = re.search(r'"ml_max_count".*?default\s+= (\d+)', variables, re.DOTALL)
    assert target
    assert most
    assert (int(target[1]), int(most[1])) == (policy.BACKLOG_PER_TASK, policy.MOST_TASKS)


def test_the_document_has_what_the_script_prints() -> None:
    made = subprocess.run([SCRIPT], capture_output=True, text=True, check=True).stdout
    assert made in (ROOT / "docs/autoscaling.md").read_text(), "put in what the script prints now"


def test_no_oscillation_and_everything_done(simulation: ModuleType) -> None:
    chosen = policy.DEPLOYED
    loads = {load.name: load for load in simulation.LOADS}
    for name, load in loads.items():
        got = simulation.simulate(chosen, load, 30, 1000, 50)
        if "waves" not in name:
            assert got.turns <= 2, name
    unguarded = simulation.simulate(
        policy.POLICIES[0], loads["steady 70/s for 4 hours"], 30, 1000, 50
    )
    assert unguarded.turns > 10  # the reason for the guard
