"""EfficientNet-Lite0 from a PyTorch checkpoint with the names of the `efficientnet_pytorch` family.

EfficientNet (Tan and Le, ICML 2019) without squeeze-and-excitation and with ReLU6 in place of
swish; convolutions pad as TensorFlow does, since the weights were trained there.
"""

from __future__ import annotations

import openvino as ov
import openvino.opset15 as ops

from model_export import layers
from model_export.checkpoint import Weights

_BATCH_NORM_EPSILON = 1e-3
# Table 1 of the paper, stages 2 to 8 of B0: (repeats, stride of the first).
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


def logits(image: ov.Node, weights: Weights) -> ov.Node:
    """The classifier's outputs [N, classes] for an image node [N, 3, 224, 224] of (pixel−127)/128.

    Raises `CheckpointError` when the tensors are not those of an EfficientNet-Lite0.
    """

    def conv(x: ov.Node, name: str, norm: str, stride: int = 1, activation: bool = True) -> ov.Node:
        kernel = weights.take(f"{name}.weight")
        kernel, bias = layers.fold_batch_norm(kernel, weights, norm, _BATCH_NORM_EPSILON)
        y = layers.convolution(x, kernel, bias, stride, padding="same")
        return layers.relu6(y) if activation else y

    x = conv(image, "_conv_stem", "_bn0", stride=2)
    strides = [stride if i == 0 else 1 for repeats, stride in _STAGES for i in range(repeats)]
    for number, stride in enumerate(strides):
        block = f"_blocks.{number}"
        y = x
        if weights.has(f"{block}._expand_conv.weight"):
            y = conv(y, f"{block}._expand_conv", f"{block}._bn0")
        y = conv(y, f"{block}._depthwise_conv", f"{block}._bn1", stride)
        y = conv(y, f"{block}._project_conv", f"{block}._bn2", activation=False)
        x = ops.add(x, y) if stride == 1 and layers.channels(x) == layers.channels(y) else y
    x = conv(x, "_conv_head", "_bn1")
    pooled = ops.reduce_mean(x, layers.indices(2, 3))
    result = layers.linear_from(pooled, weights, "_fc")
    weights.finish()
    return result


def build(weights: Weights) -> ov.Model:
    """The graph: input "image" float32 [N, 3, 224, 224], output "logits" float32 [N, classes]."""
    image = ops.parameter([-1, 3, 224, 224], dtype=ov.Type.f32, name="image")
    return layers.model([image], logits(image, weights), "logits", "efficientnet_lite0")
