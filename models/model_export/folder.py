"""Model folders: written whole or not at all, and recognized when they are up to date."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openvino as ov

from model_export import VERSION
from model_export.packages import file_sha256

MODEL_JSON = "model.json"


@dataclass(frozen=True)
class ImageInput:
    """How an image becomes the graph's input; the fields of "image" in docs/models.md."""

    size: int
    shortest_side: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    output: str

    def to_json(self, graph: str) -> dict[str, Any]:
        return {
            "graph": graph,
            "width": self.size,
            "height": self.size,
            "layout": "NCHW",
            "resize": {"shortest_side": self.shortest_side, "interpolation": self.interpolation},
            "mean": list(self.mean),
            "std": list(self.std),
            "output": self.output,
        }


def save_graph(model: ov.Model, path: Path, half: bool) -> None:
    """Writes IR (.xml and .bin), the constants as float16 where `half`."""
    ov.save_model(model, path, compress_to_fp16=half)


def write_labels(labels: list[str], path: Path) -> None:
    """One label a line, UTF-8."""
    path.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def write_model_json(folder: Path, fields: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """Writes model.json with the checksums of all files that are in the folder by now.

    `inputs` says what the folder was made from; `is_current` compares it.
    """
    content = {
        "format": 1,
        **fields,
        "exporter": {"version": VERSION, "inputs": dict(inputs)},
        "sha256": {file.name: file_sha256(file) for file in sorted(folder.iterdir())},
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (folder / MODEL_JSON).write_text(text, encoding="utf-8")


def read_model_json(folder: Path) -> dict[str, Any]:
    """The content of model.json; empty when there is none that can be read."""
    try:
        content = json.loads((folder / MODEL_JSON).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def damaged_files(folder: Path) -> list[str]:
    """The files that model.json lists and that are missing or changed."""
    sums = read_model_json(folder).get("sha256", {})
    return [
        name
        for name, expected in sums.items()
        if not (folder / name).is_file() or file_sha256(folder / name) != expected
    ]


def is_current(folder: Path, inputs: Mapping[str, Any]) -> bool:
    """Whether this version of the exporter made the folder from `inputs`, and it is intact."""
    made = read_model_json(folder).get("exporter")
    return made == {"version": VERSION, "inputs": dict(inputs)} and not damaged_files(folder)


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """Gives an empty folder that takes the place of `target` when the block ends well.

    Until then, and after an error, `target` is as it was. The temporary folders begin with a dot.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fresh = work / "new"
        fresh.mkdir()
        yield fresh
        if target.exists():
            os.rename(target, work / "old")
        os.rename(fresh, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
