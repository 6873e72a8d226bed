#!/usr/bin/env python3
"""Asks the registries of npm and Python which of the packages in use have known vulnerabilities.

Exits with 1 if there are any. A service that cannot be reached is reported but is not a failure, so
that this works without a network; --strict makes it one. Libraries from apt get their fixes from
the distribution: keep the machine and the images up to date."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ("models/requirements.txt", "requirements-dev.txt", "scripts/requirements-aws.txt")
SECONDS = 300


class Answer(NamedTuple):
    found: list[str]
    not_asked: str = ""  # why the service could not be asked; empty if it answered


def output_of(command: list[str], folder: Path = ROOT) -> Any:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        return json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        return {"failed": f"{command[0]}: {error}"}


def npm() -> Answer:
    script = ". scripts/lib.sh && npm_run audit --omit=dev --json"
    report = output_of(["bash", "-c", script])
    if "vulnerabilities" not in report or "metadata" not in report:
        return Answer([], str(report.get("message") or report.get("failed") or report)[:200])
    return Answer(
        [f"{name}: {entry['severity']}" for name, entry in report["vulnerabilities"].items()]
    )


def python() -> Answer:
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--no-deps", "--disable-pip"]
    for file in REQUIREMENTS:
        command += ["-r", file]
    report = output_of(command)
    packages = report.get("dependencies", [])
    skipped = [package for package in packages if "skip_reason" in package]
    found = [
        f"{package['name']} {package['version']}: {', '.join(v['id'] for v in package['vulns'])}"
        for package in packages
        if package.get("vulns")
    ]
    if not packages:
        return Answer(found, str(report.get("failed") or report)[:200])
    reason = f"no answer about {len(skipped)} of {len(packages)} packages" if skipped else ""
    return Answer(found, reason)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true", help="fail if a service cannot be reached")
    arguments = parser.parse_args()
    code = 0
    for name, answer in (("npm", npm()), ("python", python())):
        for line in answer.found:
            print(f"{name}: VULNERABLE {line}")
            code = 1
        if answer.not_asked:
            print(f"{name}: could not be asked ({answer.not_asked.strip()})")
            code = max(code, int(arguments.strict))
        elif not answer.found:
            print(f"{name}: no known vulnerabilities")
    return code


if __name__ == "__main__":
    sys.exit(main())
