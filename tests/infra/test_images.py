"""The container images, as far as they can be checked without an engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from program import Service
from script_run import PATH, ROOT

sys.path.insert(0, str(ROOT / "tests"))
aws_servers = pytest.importorskip("aws_servers", reason="tests/aws_servers.py is not here")

COMPOSE_SCHEMA = "github.com/compose-spec/compose-go/v2@v2.4.9"
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    read = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(read, dict)
    return read


def test_compose_file_keeps_to_the_schema(compose: dict[str, Any], tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    if shutil.which("go") is None:
        pytest.skip("go is not installed: the schema comes from the module of compose")
    (tmp_path / "go.mod").write_text("module schema\n")
    done = subprocess.run(
        ["go", "mod", "download", "-json", COMPOSE_SCHEMA],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"{COMPOSE_SCHEMA} could not be downloaded")
    schema = Path(json.loads(done.stdout)["Dir"]) / "schema/compose-spec.json"
    jsonschema.validate(compose, json.loads(schema.read_text()))


def test_compose_services_are_locked_down(compose: dict[str, Any]) -> None:
    for name in ("backend", "ml-service"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert f"AS {service['build']['target']}\n" in DOCKERFILE
    published = [port for s in compose["services"].values() for port in s.get("ports", [])]
    assert {port.split(":")[1] for port in published} == {"4566", "8080", "8501"}
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_images_run_as_the_user_of_the_task_definition() -> None:
    user = re.search(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert user
    tasks = (ROOT / "terraform/modules/ecs-cluster/main.tf").read_text()
    assert re.search(rf'user\s+= "{user[1]}"', tasks)
    check = re.search(r"^COPY --chmod=755 docker/health.sh (\S+)$", DOCKERFILE, re.MULTILINE)
    assert check
    assert f'["CMD", "{check[1]}", ' in tasks, "the health check of the task runs another program"
    for target, port in (("ml-service", "8000"), ("backend", "8080")):
        stage = DOCKERFILE.split(f"AS {target}\n")[1]
        command = f'CMD ["{Path(check[1]).name}", "{port}"]'
        assert stage.index(command) < stage.index(f'CMD ["{target}"]')


def health(port: str) -> tuple[int, str]:
    done = subprocess.run(
        [ROOT / "docker/health.sh", port], capture_output=True, text=True, check=False, timeout=20
    )
    return done.returncode, done.stdout


def test_a_task_lives_while_aws_does_not_answer(binary: Path, tmp_path: Path) -> None:
    """A new task would not help, and ECS would replace all of them repeatedly."""
    pytest.importorskip("moto", reason="moto is not installed (scripts/requirements-aws.txt)")
    with aws_servers.emulator() as url:
        backend = Service(tmp_path / "data", "backend", **aws_servers.created(url, "health"))
    port = str(urlsplit(backend.url).port)
    try:
        code, shown = health(port)
        assert code == 0
        assert "alive, but not ready" in shown
    finally:
        backend.kill()
    assert health(port)[0] == 1


def test_a_program_that_hangs_is_not_alive() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code, shown = health(str(silent.getsockname()[1]))
        assert (code, "answered nothing" in shown) == (1, True)


def test_health_of_a_service_that_is_well(service: Service) -> None:
    assert health(str(urlsplit(service.url).port)) == (0, "alive and ready\n")


@pytest.mark.parametrize("name", ["Dockerfile", "emulator.Dockerfile"])
def test_hadolint(name: str) -> None:
    hadolint = shutil.which("hadolint", path=PATH)
    if hadolint is None:
        pytest.skip("hadolint is not installed (requirements-dev.txt)")
    subprocess.run([hadolint, ROOT / "docker" / name], check=True)


def test_shellcheck() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    files = [*(ROOT / "docker").glob("*.sh"), *(ROOT / "scripts").glob("*.sh")]
    subprocess.run(["shellcheck", "-x", *files], cwd=ROOT, check=True)


def test_collecting_what_runs(binary: Path, tmp_path: Path) -> None:
    """Everything that the program loads is in the collected tree or in the image's packages."""
    tree = binary.parents[2]
    if not (tree / ".deps/models").is_dir() or not (tree / "dashboard/dist").is_dir():
        pytest.skip(f"{tree} has no models or no page: run scripts/setup.sh")
    for name in ("docker", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / "tree" / name)
    for name in (".deps", "build", "dashboard", "LICENSE", "NOTICE"):
        (tmp_path / "tree" / name).symlink_to(tree / name)
    root = tmp_path / "root"
    subprocess.run([tmp_path / "tree/docker/collect.sh", root], check=True)
    collected = Path(f"{root}{tmp_path}/tree")
    libraries = next(collected.glob(".deps/venv/lib/python3*/site-packages/openvino/libs"))
    shown = subprocess.run(
        [collected / "build/release/classifier", "models", "--local"],
        env=os.environ
        | {"LD_LIBRARY_PATH": str(libraries), "MODELS_DIR": str(collected / ".deps/models")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip()
    names = {file.name.split(".so")[0] for file in libraries.iterdir()}
    assert "libopenvino_intel_cpu_plugin" in names
    assert not any("gpu" in name or "pytorch" in name for name in names)


def test_bill_of_materials(binary: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    models = binary.parents[2] / ".deps/models"
    if not models.is_dir():
        pytest.skip(f"there are no models in {models}: run scripts/setup.sh")
    status = tmp_path / "status"
    status.write_text(
        "Package: libwebp7\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2.4-0\n"
        "Description: x\n more\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    made = subprocess.run(
        [sys.executable, ROOT / "docker/sbom.py", "--dpkg-status", status, "--root", models],
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(made.stdout)
    assert document["bomFormat"] == "CycloneDX"
    parts = {part["name"]: part for part in document["components"]}
    assert {"libwebp7", "openvino", "openvino-tokenizers", "react"} <= set(parts)
    assert not set(parts) & {"gone", "vite", "typescript"}
    assert parts["libwebp7"]["purl"] == "pkg:deb/debian/libwebp7@1.2.4-0?arch=amd64"
    for folder in models.iterdir():
        assert parts[folder.name]["type"] == "machine-learning-model"
        assert parts[folder.name]["licenses"][0]["license"]["name"]
