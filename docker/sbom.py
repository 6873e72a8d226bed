#!/usr/bin/env python3
"""Writes the bill of materials of an image, as CycloneDX 1.5 in JSON: Debian's packages, the Python
packages whose libraries are in it, the npm packages in the page, and the models."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON_PACKAGES = ("openvino", "openvino-tokenizers")


def component(kind: str, name: str, version: str, purl: str = "") -> dict[str, Any]:
    made = {"type": kind, "name": name, "version": version}
    return made | ({"purl": purl} if purl else {})


def debian(status: str) -> list[dict[str, Any]]:
    found = []
    for paragraph in status.strip().split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") != "install ok installed":
            continue
        name, version = fields["Package"], fields["Version"]
        purl = f"pkg:deb/debian/{name}@{version}?arch={fields['Architecture']}"
        found.append(component("library", name, version, purl))
    return found


def npm(lock: str) -> list[dict[str, Any]]:
    """The packages in the page, without the tools that build it."""
    found = []
    for path, package in json.loads(lock)["packages"].items():
        if path and not package.get("dev"):
            name = path.split("node_modules/")[-1]
            purl = f"pkg:npm/{name.replace('@', '%40')}@{package['version']}"
            found.append(component("library", name, package["version"], purl))
    return found


def models(folder: Path) -> list[dict[str, Any]]:
    found = []
    for file in sorted(folder.rglob("model.json")):
        described = json.loads(file.read_text())
        model = component("machine-learning-model", file.parent.name, str(described["exporter"]))
        model["description"] = f"{described['description']}; from {described['source']}"
        model["licenses"] = [{"license": {"name": described["licence"]}}]
        found.append(model)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dpkg-status", type=Path, required=True, help="dpkg's status file of the image"
    )
    parser.add_argument(
        "--root", type=Path, required=True, help="folder with the files copied into the image"
    )
    arguments = parser.parse_args()
    parts = debian(arguments.dpkg_status.read_text())
    for name in PYTHON_PACKAGES:
        version = importlib.metadata.version(name)
        parts.append(component("library", name, version, f"pkg:pypi/{name}@{version}"))
    parts += npm((ROOT / "dashboard/package-lock.json").read_text())
    parts += models(arguments.root)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "distributed-classifier"}},
        "components": parts,
    }
    json.dump(document, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
