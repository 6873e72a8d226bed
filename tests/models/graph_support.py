"""Runs graphs and compares their results."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov

Floats = npt.NDArray[np.float32]
FP32 = {"INFERENCE_PRECISION_HINT": "f32"}


def run(graph: ov.Model, data: Any) -> Floats:
    """The graph's only output, computed in float32; bfloat16 would hide small errors."""
    return np.asarray(ov.Core().compile_model(graph, "CPU", FP32)(data)[0])


def normalize(pixels: Floats, mean: list[float], std: list[float]) -> Floats:
    """(pixel / 255 − mean) / std by channel of [N, 3, H, W]."""
    shape = (1, 3, 1, 1)
    scaled = (pixels / 255 - np.reshape(mean, shape)) / np.reshape(std, shape)
    return np.asarray(scaled, np.float32)


def cosines(a: Floats, b: Floats) -> Floats:
    """The cosine of each pair of rows."""
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.asarray((a * b).sum(axis=-1) / lengths, np.float32)
