"""The official models with random weights, for machines that cannot reach their hosts.

Their results mean nothing; their graphs, and so their cost, are those of the official ones. Each
also has an 8-bit graph, which is used unless a precision is requested.

    .deps/venv/bin/python bench/random_models.py .deps/bench-models
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import openvino as ov

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "models"))
from export import __main__ as exporter  # noqa: E402
from export import folders, quantize  # noqa: E402
from export.checkpoints import Array, Weights  # noqa: E402

# MobileNetV2: (expansion, channels, blocks); Sandler et al. 2018, table 2
_STAGES = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)]
_random = np.random.default_rng(1)


def _normal(*shape: int) -> Array:
    """Scaled so that activations keep their size from layer to layer (He et al. 2015)."""
    inputs = int(np.prod(shape[1:])) or 1
    return np.asarray(_random.standard_normal(shape) * np.sqrt(2 / inputs), np.float32)


def mobilenet_v2() -> Weights:
    """With the names and shapes of torchvision's `mobilenet_v2`."""
    weights: dict[str, Array] = {}

    def conv(name: str, norm: str, out: int, inputs: int, side: int) -> None:
        weights[f"{name}.weight"] = _normal(out, inputs, side, side)
        for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            weights[f"{norm}.{part}"] = np.full(out, value, np.float32)

    conv("features.0.0", "features.0.1", 32, 3, 3)
    inputs, index = 32, 1
    for expansion, channels, blocks in _STAGES:
        for _ in range(blocks):
            prefix, step, hidden = f"features.{index}.conv", 0, inputs * expansion
            if expansion > 1:
                conv(f"{prefix}.0.0", f"{prefix}.0.1", hidden, inputs, 1)
                step = 1
            conv(f"{prefix}.{step}.0", f"{prefix}.{step}.1", hidden, 1, 3)
            conv(f"{prefix}.{step + 1}", f"{prefix}.{step + 2}", channels, hidden, 1)
            inputs = channels
            index += 1
    conv(f"features.{index}.0", f"features.{index}.1", 1280, inputs, 1)
    weights["classifier.1.weight"] = _normal(1000, 1280)
    weights["classifier.1.bias"] = np.zeros(1000, np.float32)
    return Weights(weights)


def clip_vit_b32() -> Weights:
    """With the names and shapes of OpenAI's `ViT-B-32.pt`."""
    weights: dict[str, Array] = {}

    def norm(name: str, width: int) -> None:
        weights[f"{name}.weight"] = np.ones(width, np.float32)
        weights[f"{name}.bias"] = np.zeros(width, np.float32)

    def linear(weight: str, bias: str, out: int, inputs: int) -> None:
        weights[weight] = _normal(out, inputs) / 2
        weights[bias] = np.zeros(out, np.float32)

    def blocks(prefix: str, width: int) -> None:
        for index in range(12):
            p = f"{prefix}.{index}"
            norm(f"{p}.ln_1", width)
            linear(f"{p}.attn.in_proj_weight", f"{p}.attn.in_proj_bias", 3 * width, width)
            linear(f"{p}.attn.out_proj.weight", f"{p}.attn.out_proj.bias", width, width)
            norm(f"{p}.ln_2", width)
            linear(f"{p}.mlp.c_fc.weight", f"{p}.mlp.c_fc.bias", 4 * width, width)
            linear(f"{p}.mlp.c_proj.weight", f"{p}.mlp.c_proj.bias", width, 4 * width)

    weights["visual.conv1.weight"] = _normal(768, 3, 32, 32)
    weights["visual.class_embedding"] = _normal(768, 1)[:, 0]
    weights["visual.positional_embedding"] = _normal(50, 768)
    norm("visual.ln_pre", 768)
    blocks("visual.transformer.resblocks", 768)
    norm("visual.ln_post", 768)
    weights["visual.proj"] = _normal(768, 512)
    weights["token_embedding.weight"] = _normal(49_408, 512)
    weights["positional_embedding"] = _normal(77, 512)
    blocks("transformer.resblocks", 512)
    norm("ln_final", 512)
    weights["text_projection"] = _normal(512, 512)
    weights["logit_scale"] = np.asarray(np.log(100), np.float32)
    return Weights(weights)


def make(out: Path, cache: Path = ROOT / ".deps/cache") -> None:
    """Writes both folders into `out`, unless they exist."""
    for name, make_weights, export in (
        ("mobilenet_v2", mobilenet_v2, exporter.export_mobilenet_v2),
        ("clip_vit_b32", clip_vit_b32, exporter.export_clip),
    ):
        if folders.is_current(out / name):
            continue
        export(make_weights(), "random weights", out, cache)
        image = json.loads((out / name / "model.json").read_text())["image"]
        graph = ov.Core().read_model(out / name / image["graph"])
        graph.reshape([-1, 3, image["height"], image["width"]])
        # Random outputs say nothing about agreement, so it is neither measured nor claimed.
        inputs = [_random.standard_normal((1, 3, 224, 224)).astype(np.float32) for _ in range(8)]
        small = quantize.quantized(graph, inputs, transformer=name.startswith("clip"))
        quantize.add_int8(out / name, small, 0.0, 0)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
