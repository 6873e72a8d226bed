"""The few layers of the exported networks, built from OpenVINO's operations.

Image tensors are [N, C, H, W], token tensors [N, T, C]; all numbers are float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from .checkpoints import Array

Node = Any  # OpenVINO's nodes have no useful types in Python


def constant(value: Array | list[Any] | float | int, dtype: type[Any] = np.float32) -> Node:
    return ops.constant(np.asarray(value, dtype))


def conv_bn(
    x: Node,
    weights: Array,
    norm: dict[str, Array],
    *,
    stride: int = 1,
    depthwise: bool = False,
    same_padding: bool = False,
    relu6: bool = True,
    eps: float = 1e-5,
) -> Node:
    """A convolution with its batch normalization folded in, and ReLU6 by default.

    `weights` is [out, in, k, k]; `norm` has weight, bias, running_mean and running_var, each [out].
    `same_padding` pads as TensorFlow does (more at the end), otherwise (k - 1) / 2 on every side.
    """
    scale = norm["weight"] / np.sqrt(norm["running_var"] + eps)
    folded = weights * scale[:, None, None, None]
    bias = norm["bias"] - norm["running_mean"] * scale
    pad = (weights.shape[-1] - 1) // 2
    pads, auto = ([0, 0], "same_upper") if same_padding else ([pad, pad], "explicit")
    if depthwise:
        filters = constant(folded[:, None])  # [groups, 1, 1, k, k]
        x = ops.group_convolution(x, filters, [stride] * 2, pads, pads, [1, 1], auto)
    else:
        x = ops.convolution(x, constant(folded), [stride] * 2, pads, pads, [1, 1], auto)
    x = ops.add(x, constant(bias.reshape(1, -1, 1, 1)))
    return ops.clamp(x, 0.0, 6.0) if relu6 else x


def global_mean(x: Node) -> Node:
    """[N, C, H, W] to [N, C]."""
    return ops.reduce_mean(x, constant([2, 3], np.int64), keep_dims=False)


def linear(x: Node, weights: Array, bias: Array | None = None) -> Node:
    """x · weightsᵀ + bias, `weights` as [out, in]."""
    x = ops.matmul(x, constant(weights), False, True)
    return x if bias is None else ops.add(x, constant(bias))


def layer_norm(x: Node, weight: Array, bias: Array, eps: float) -> Node:
    x = ops.mvn(x, constant([-1], np.int64), True, eps, "inside_sqrt")
    return ops.add(ops.multiply(x, constant(weight)), constant(bias))


def attention(
    q: Node, k: Node, v: Node, heads: int, mask: Node | None = None, *, causal: bool = False
) -> Node:
    """Scaled dot-product attention of [N, T, C] with C split into heads (Vaswani et al., 2017).

    `mask` is added to the scores; it broadcasts to [N, heads, T, T]. `causal`: a token attends
    only to itself and earlier ones.
    """

    def split(x: Node) -> Node:
        x = ops.reshape(x, constant([0, 0, heads, -1], np.int64), special_zero=True)
        return ops.transpose(x, constant([0, 2, 1, 3], np.int64))

    args = [split(q), split(k), split(v)] + ([mask] if mask is not None else [])
    x = ops.scaled_dot_product_attention(*args, causal=causal)
    x = ops.transpose(x, constant([0, 2, 1, 3], np.int64))
    return ops.reshape(x, constant([0, 0, -1], np.int64), special_zero=True)


def unit_length(x: Node) -> Node:
    """Rows of [N, D] divided by their Euclidean length."""
    return ops.normalize_l2(x, constant([-1], np.int64), 1e-12, "max")


def parameter(shape: list[int], name: str, dtype: Any = np.float32) -> Node:
    node = ops.parameter(ov.PartialShape(shape), dtype, name=name)
    node.output(0).get_tensor().set_names({name})
    return node


def model(result: Node, inputs: list[Node], name: str, output: str) -> ov.Model:
    result = ops.result(result)
    result.input_value(0).get_tensor().set_names({output})
    return ov.Model([result], inputs, name)
