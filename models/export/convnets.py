"""MobileNetV2 and EfficientNet-Lite0 as OpenVINO graphs, from their PyTorch weights."""

from __future__ import annotations

import openvino as ov
from openvino import opset13 as ops

from . import layers
from .checkpoints import Array, Weights

# EfficientNet-Lite0: (blocks, stride of the first); the expansion is 6, except in the first stage
_LITE0_STAGES = [(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]
# MobileNetV2: (blocks, stride of the first); Sandler et al. 2018, table 2
_MOBILENET_STAGES = [(1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)]


def _norm(weights: Weights, prefix: str) -> dict[str, Array]:
    names = ("weight", "bias", "running_mean", "running_var")
    return {name: weights[f"{prefix}.{name}"] for name in names}


def mobilenet_v2_logits(image: layers.Node, w: Weights) -> layers.Node:
    """Logits [N, classes] of a normalized image [N, 3, H, W]; weights named as in torchvision."""

    def conv(x: layers.Node, conv: str, norm: str, **options: object) -> layers.Node:
        return layers.conv_bn(x, w[f"{conv}.weight"], _norm(w, norm), **options)  # type: ignore[arg-type]

    x = conv(image, "features.0.0", "features.0.1", stride=2)
    index = 1
    for blocks, first_stride in _MOBILENET_STAGES:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            prefix, before, step = f"features.{index}.conv", x, 0
            if f"{prefix}.3.weight" in w:  # expansion; the first block has none
                x = conv(x, f"{prefix}.0.0", f"{prefix}.0.1")
                step = 1
            depth, project = f"{prefix}.{step}", f"{prefix}.{step + 1}"
            x = conv(x, f"{depth}.0", f"{depth}.1", stride=stride, depthwise=True)
            x = conv(x, project, f"{prefix}.{step + 2}", relu6=False)
            if block > 0:
                x = ops.add(before, x)
            index += 1
    x = conv(x, f"features.{index}.0", f"features.{index}.1")
    return layers.linear(layers.global_mean(x), w["classifier.1.weight"], w["classifier.1.bias"])


def efficientnet_lite0_logits(image: layers.Node, w: Weights) -> layers.Node:
    """Logits [N, 1000] of an image [N, 3, H, W] of (pixel − 127) / 128."""

    def conv(x: layers.Node, conv: str, norm: str, **options: object) -> layers.Node:
        options |= {"same_padding": True, "eps": 1e-3}
        return layers.conv_bn(x, w[f"{conv}.weight"], _norm(w, norm), **options)  # type: ignore[arg-type]

    x = conv(image, "_conv_stem", "_bn0", stride=2)
    index = 0
    for blocks, first_stride in _LITE0_STAGES:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            prefix, before = f"_blocks.{index}", x
            if f"{prefix}._expand_conv.weight" in w:
                x = conv(x, f"{prefix}._expand_conv", f"{prefix}._bn0")
            x = conv(
                x, f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride=stride, depthwise=True
            )
            x = conv(x, f"{prefix}._project_conv", f"{prefix}._bn2", relu6=False)
            if block > 0:
                x = ops.add(before, x)
            index += 1
    x = layers.global_mean(conv(x, "_conv_head", "_bn1"))
    return layers.linear(x, w["_fc.weight"], w["_fc.bias"])


def mobilenet_v2(weights: Weights) -> ov.Model:
    image = layers.parameter([-1, 3, 224, 224], "image")
    return layers.model(mobilenet_v2_logits(image, weights), [image], "mobilenet_v2", "logits")


def efficientnet_lite0(weights: Weights) -> ov.Model:
    image = layers.parameter([-1, 3, 224, 224], "image")
    logits = efficientnet_lite0_logits(image, weights)
    return layers.model(logits, [image], "efficientnet_lite0", "logits")
