"""Writes model folders: completely or not at all, with checksums, and only if something changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openvino as ov

# Raise this when the exporter writes something different from the same weights.
EXPORTER = 4


def sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def save_graph(graph: ov.Model, file: Path, *, half: bool) -> None:
    """Writes IR; `half` stores the weights in 16 bits, which halves the file and costs accuracy."""
    ov.save_model(graph, file, compress_to_fp16=half)


def is_current(folder: Path) -> bool:
    """Whether the folder is complete and of this exporter version."""
    try:
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return document["exporter"] == EXPORTER and all(
            sha256(folder / name) == sum for name, sum in document["sha256"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def write_document(folder: Path, document: dict[str, Any]) -> None:
    """Writes model.json, completely or not at all."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    new = folder / "model.json.new"
    new.write_text(text, encoding="utf-8")
    new.replace(folder / "model.json")


def write(folder: Path, document: dict[str, Any], fill: Callable[[Path], None]) -> None:
    """Makes `folder` with the files that `fill` writes and a model.json of `document` and their
    checksums.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        work.chmod(0o755)
        fill(work)
        sums = {file.name: sha256(file) for file in sorted(work.iterdir())}
        document = {"format": 1, "exporter": EXPORTER} | document | {"sha256": sums}
        write_document(work, document)
        old = work.with_name(work.name + "-old")
        if folder.exists():
            folder.rename(old)
        work.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
