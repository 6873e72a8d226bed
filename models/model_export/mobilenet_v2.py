"""MobileNetV2 (Sandler et al., CVPR 2018) from a checkpoint with torchvision's names."""

from __future__ import annotations

import openvino as ov
import openvino.opset15 as ops

from model_export import layers
from model_export.checkpoint import Weights

_BATCH_NORM_EPSILON = 1e-5
# Table 2 of the paper: (repeats, stride of the first) of each row of bottlenecks.
_ROWS = ((1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1))


def build(weights: Weights) -> ov.Model:
    """The graph: input "image" float32 [N, 3, 224, 224], output "logits" float32 [N, classes].

    Raises `CheckpointError` when the tensors are not those of a MobileNetV2.
    """
    image = ops.parameter([-1, 3, 224, 224], dtype=ov.Type.f32, name="image")

    def conv(x: ov.Node, name: str, norm: str, stride: int = 1, activation: bool = True) -> ov.Node:
        kernel = weights.take(f"{name}.weight")
        kernel, bias = layers.fold_batch_norm(kernel, weights, norm, _BATCH_NORM_EPSILON)
        y = layers.convolution(x, kernel, bias, stride, padding=kernel.shape[-1] // 2)
        return layers.relu6(y) if activation else y

    x = conv(image, "features.0.0", "features.0.1", stride=2)
    strides = [stride if i == 0 else 1 for repeats, stride in _ROWS for i in range(repeats)]
    for number, stride in enumerate(strides, start=1):
        block = f"features.{number}.conv"
        parts = weights.count(block + ".{}.0.weight")  # an expansion, except in the first, and depthwise
        y = x
        for part in range(parts):
            y = conv(y, f"{block}.{part}.0", f"{block}.{part}.1", stride if part == parts - 1 else 1)
        y = conv(y, f"{block}.{parts}", f"{block}.{parts + 1}", activation=False)
        x = ops.add(x, y) if stride == 1 and layers.channels(x) == layers.channels(y) else y
    head = f"features.{len(strides) + 1}"
    x = conv(x, f"{head}.0", f"{head}.1")
    pooled = ops.reduce_mean(x, layers.indices(2, 3))
    logits = layers.linear_from(pooled, weights, "classifier.1")
    weights.finish()
    return layers.model([image], logits, "logits", "mobilenet_v2")
