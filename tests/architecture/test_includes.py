"""Which room of src/ may include which: docs/architecture.md explains, this file decides."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"

# A layer may include itself and those before it.
LAYERS = ["domain", "support", "ports", "services", "adapters", "apps"]

# Adapters know no other adapter, with these exceptions. One not named here knows none.
ADAPTERS: dict[str, set[str]] = {
    "access": {"codec"},
    "api": {"http"},
    "aws/client": {"codec"},
    "aws/dynamodb": {"aws/client", "codec"},
    "aws/memory": {"aws/client", "aws/dynamodb"},
    "aws/s3": {"aws/client"},
    "aws/sqs": {"aws/client", "codec"},
    "client": set(),
    "codec": set(),
    "decoder": {"image"},
    "embedded": {"codec"},
    "http": {"access"},
    "image": set(),
    "inference": {"codec", "image"},
    "metrics": set(),
}
# Layers that are finer than "what comes before": only these adapters call use cases.
USE_SERVICES = {"api"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def room_of(path: str) -> str:
    """The room of a file named from src/: "ports", or "adapters/aws/s3"."""
    parts = path.split("/")
    return "/".join(parts[:-1]) if parts[0] == "adapters" else parts[0]


def what_is_wrong(source: str, target: str) -> str | None:
    """Why a file in room `source` may not include one in room `target`; None where it may."""
    if source == target:
        return None
    from_layer, to_layer = source.split("/")[0], target.split("/")[0]
    for layer in (from_layer, to_layer):
        if layer not in LAYERS:
            return f"{layer} is no layer of {' <- '.join(LAYERS)}"
    if LAYERS.index(to_layer) > LAYERS.index(from_layer):
        return f"{from_layer} comes before {to_layer}"
    if from_layer != "adapters":
        return None
    adapter = source.removeprefix("adapters/")
    if adapter not in ADAPTERS:
        return f"the adapter {adapter} is not listed in {Path(__file__).name}"
    if to_layer == "adapters" and target.removeprefix("adapters/") not in ADAPTERS[adapter]:
        return "no adapter knows another one but by a listed exception"
    if to_layer == "services" and adapter not in USE_SERVICES:
        return "only the API's adapter calls services"
    return None


def violations(source: Path) -> list[str]:
    found = []
    for file in sorted(source.rglob("*.[ch]pp")):
        name = file.relative_to(source).as_posix()
        for target in INCLUDE.findall(file.read_text()):
            if not (source / target).is_file():
                found.append(f"{name} includes {target}: there is no such file, named from src/")
                continue
            wrong = what_is_wrong(room_of(name), room_of(target))
            if wrong:
                found.append(f"{name} includes {target}: {wrong}")
    return found


def test_includes_go_one_way() -> None:
    assert violations(SOURCE) == []


def test_every_exception_is_used() -> None:
    used: dict[str, set[str]] = {adapter: set() for adapter in ADAPTERS}
    for file in SOURCE.joinpath("adapters").rglob("*.[ch]pp"):
        room = room_of(file.relative_to(SOURCE).as_posix()).removeprefix("adapters/")
        for target in INCLUDE.findall(file.read_text()):
            other = room_of(target).removeprefix("adapters/")
            if target.startswith("adapters/") and other != room:
                used[room].add(other)
    assert used == ADAPTERS


def test_a_planted_violation_is_found(tmp_path: Path) -> None:
    def write(name: str, *includes: str) -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f'#include "{include}"\n' for include in includes))

    write("domain/job.hpp")
    write("ports/job_store.hpp", "domain/job.hpp")
    write("adapters/aws/s3/store.hpp", "ports/job_store.hpp")
    write("adapters/embedded/store.hpp", "ports/job_store.hpp")
    write("adapters/new/store.hpp", "ports/job_store.hpp")
    write("services/work.hpp", "ports/job_store.hpp")
    assert violations(tmp_path) == [
        "adapters/new/store.hpp includes ports/job_store.hpp: "
        "the adapter new is not listed in test_includes.py"
    ]
    write("adapters/new/store.hpp")
    write("domain/wrong.hpp", "ports/job_store.hpp")
    write("services/wrong.hpp", "adapters/embedded/store.hpp")
    write("adapters/embedded/wrong.hpp", "adapters/aws/s3/store.hpp")
    write("adapters/image/wrong.hpp", "services/work.hpp", "job.hpp")
    assert violations(tmp_path) == [
        "adapters/embedded/wrong.hpp includes adapters/aws/s3/store.hpp: "
        "no adapter knows another one but by a listed exception",
        "adapters/image/wrong.hpp includes services/work.hpp: "
        "only the API's adapter calls services",
        "adapters/image/wrong.hpp includes job.hpp: there is no such file, named from src/",
        "domain/wrong.hpp includes ports/job_store.hpp: domain comes before ports",
        "services/wrong.hpp includes adapters/embedded/store.hpp: services comes before adapters",
    ]
