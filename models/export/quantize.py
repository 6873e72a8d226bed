"""Adds an 8-bit graph to a model, kept only if it agrees with the model on real photos.

Needs nncf and Pillow (`models/requirements-int8.txt`), unlike the rest of the exporter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from PIL import Image, UnidentifiedImageError

from . import folders
from .sources import say

# Below this, the 8-bit graph is not kept.
MIN_AGREEMENT = 0.99
# With fewer photos, 99 % could not be distinguished from 96 %.
MIN_PHOTOS = 100
# The model's inputs are kept in memory, 602 kB each for CLIP.
MAX_PHOTOS = 2000
# One in this many photos calibrates, and is left out of the comparison.
_CALIBRATION_SHARE = 4
_MAX_CALIBRATION = 300
_SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"}
_RULES = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

Floats = npt.NDArray[np.float32]


def image_of(document: dict[str, Any]) -> dict[str, Any]:
    """The `image` of model.json, with the defaults of docs/models.md."""
    image: dict[str, Any] = document["image"]
    resize = {
        "shortest_side": max(image["width"], image["height"]) * 256 // 224,
        "interpolation": "bilinear",
    } | image.get("resize", {})
    return {"mean": [0.0] * 3, "std": [1.0] * 3} | image | {"resize": resize}


def prompts_of(document: dict[str, Any]) -> list[str]:
    """The prompts of model.json, or the default."""
    return list(document["text"].get("prompts", ["a photo of {label}"]))


def crop(photo: Image.Image, image: dict[str, Any]) -> Floats:
    """The input [1, 3, H, W] of a graph from a photo, as `image` of model.json says."""
    side, (width, height) = image["resize"]["shortest_side"], photo.size
    scale = (
        (side, int(side * height / width))
        if width <= height
        else (int(side * width / height), side)
    )
    photo = photo.convert("RGB").resize(scale, _RULES[image["resize"]["interpolation"]])
    left = round((photo.width - image["width"]) / 2)
    top = round((photo.height - image["height"]) / 2)
    photo = photo.crop((left, top, left + image["width"], top + image["height"]))
    pixels = np.asarray(photo, np.float32) / 255
    pixels = (pixels - np.asarray(image["mean"], np.float32)) / np.asarray(image["std"], np.float32)
    return np.asarray(pixels.transpose(2, 0, 1)[None], np.float32)


def find_photos(folder: Path) -> list[Path]:
    """The photos under a folder, sorted; if more than MAX_PHOTOS, that many, evenly spread.

    Raises ValueError for too few.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES)
    if len(files) < MIN_PHOTOS:
        raise _too_few(folder, len(files))
    if len(files) <= MAX_PHOTOS:
        return files
    say(f"{folder}: {MAX_PHOTOS:,} of its {len(files):,} photos are used, evenly by name")
    return [files[index * len(files) // MAX_PHOTOS] for index in range(MAX_PHOTOS)]


def _too_few(folder: Path, count: int) -> ValueError:
    return ValueError(
        f"{folder} has {count} photos; "
        f"at least {MIN_PHOTOS} are needed to check whether 8 bits agree"
    )


def read_photos(files: list[Path], image: dict[str, Any]) -> Iterator[Floats]:
    """The inputs from photos; files that cannot be read are skipped."""
    for file in files:
        try:
            with Image.open(file) as photo:
                yield crop(photo, image)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            say(f"  {file} is skipped: {error}")


def agreement(
    graph: ov.Model, other: ov.Model, inputs: list[Floats], names: Floats | None
) -> float:
    """The share of inputs whose first label is the same.

    A classifier's first label is its greatest output; an embedding's is the nearest row of `names`.
    """
    fp32 = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = [ov.Core().compile_model(each, "CPU", fp32) for each in (graph, other)]

    def first(model: ov.CompiledModel, data: Floats) -> int:
        output = model(data)[0][0]
        return int(np.argmax(output if names is None else names @ output))

    same = [first(compiled[0], data) == first(compiled[1], data) for data in inputs]
    return sum(same) / len(same)


def quantized(graph: ov.Model, inputs: list[Floats], *, transformer: bool) -> ov.Model:
    """The graph with 8-bit weights and activations, calibrated on `inputs` (NNCF's post-training
    quantization)."""
    import nncf

    return nncf.quantize(
        graph,
        nncf.Dataset(inputs),
        subset_size=len(inputs),
        model_type=nncf.ModelType.TRANSFORMER if transformer else None,
        # Processors without VNNI add pairs of products in 16 bits, which larger weights overflow,
        # so a comparison on one machine would not hold on another.
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.OverflowFix.ENABLE
        ),
    )


def label_embeddings(
    embed: Callable[[list[str]], Floats], prompts: list[str], labels: list[str]
) -> Floats:
    """Rows [labels, dimensions] of length 1: the mean over the prompts, as in the program."""
    total = sum(
        unit_rows(embed([prompt.replace("{label}", label) for label in labels]))
        for prompt in prompts
    )
    return unit_rows(np.asarray(total, np.float32))


def unit_rows(rows: Floats) -> Floats:
    """Each row divided by its length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _label_embeddings(folder: Path, document: dict[str, Any], labels: list[str]) -> Floats:
    import openvino_tokenizers  # noqa: F401  (registers the tokenizers' operations)

    text = ov.Core().compile_model(folder / document["text"]["graph"], "CPU")
    return label_embeddings(
        lambda texts: np.asarray(text(np.array(texts))[0]), prompts_of(document), labels
    )


def quantize(folder: Path, photos: Path, labels: list[str]) -> float:
    """Adds an 8-bit graph to a model's folder if it agrees with the model's own; returns the
    agreement.

    Three photos in four are compared, the others calibrate. For an image-text model, the first
    labels are compared among the categories `labels`. Raises ValueError for too few photos.
    """
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    image = image_of(document)
    say(f"{folder.name}: reading photos")
    inputs = list(read_photos(find_photos(photos), image))
    if len(inputs) < MIN_PHOTOS:
        raise _too_few(photos, len(inputs))
    calibration = inputs[::_CALIBRATION_SHARE][:_MAX_CALIBRATION]
    compared = [data for index, data in enumerate(inputs) if index % _CALIBRATION_SHARE]
    graph = ov.Core().read_model(folder / image["graph"])
    shape = [-1, 3, image["height"], image["width"]]
    fits = graph.input(0).partial_shape.compatible(ov.PartialShape(shape))
    channels_first = fits and image.get("layout", "NCHW") == "NCHW"
    if graph.input(0).element_type != ov.Type.f32 or not channels_first:
        raise ValueError(f"{folder.name} does not take floats with channels first")
    graph.reshape(shape)
    zero_shot = document["kind"] == "image-text"
    say(f"  8 bits, calibrated on {len(calibration)} photos")
    small = quantized(graph.clone(), calibration, transformer=zero_shot)
    names = _label_embeddings(folder, document, labels) if zero_shot else None
    same = agreement(graph, small, compared, names)
    kept = same >= MIN_AGREEMENT
    say(
        f"  the same first label as in 32 bits on {same:.1%} of {len(compared)} other photos: "
        + ("kept" if kept else f"not kept, since that is below {MIN_AGREEMENT:.0%}")
    )
    if kept:
        add_int8(folder, small, same, len(compared))
    return same


def add_int8(folder: Path, graph: ov.Model, same: float, photos: int) -> None:
    """Writes the graph into the folder, and then its measurements into model.json."""
    folders.save_graph(graph, folder / "image_int8.xml", half=False)
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    document["image"]["int8"] = {
        "graph": "image_int8.xml",
        "agreement": round(same, 4),
        "photos": photos,
    }
    sums = document.setdefault("sha256", {})
    for name in ("image_int8.xml", "image_int8.bin"):
        sums[name] = folders.sha256(folder / name)
    folders.write_document(folder, document)
