"""Building blocks of the graphs: thin helpers over OpenVINO's operation set 15.

Tensors are float32. N is the batch, C channels, H and W pixels, L tokens, D features.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import openvino.opset15 as ops
from numpy.typing import NDArray
from openvino import Model, Node

from model_export.checkpoint import Weights

Floats = NDArray[np.float32]


def indices(*values: int) -> Node:
    """A constant vector of int64."""
    return ops.constant(np.array(values, np.int64))


def fold_batch_norm(kernel: Floats, weights: Weights, name: str, epsilon: float) -> tuple[Floats, Floats]:
    """A convolution's kernel [out, …] and bias [out] that include the batch norm after it.

    y = γ (Wx − μ) / √(σ² + ε) + β = (γ/√(σ² + ε) W) x + (β − γμ/√(σ² + ε)), in double precision
    (Ioffe and Szegedy, ICML 2015, at inference).
    """
    gamma, beta, mean, variance = (
        weights.take(f"{name}.{part}").astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + epsilon)
    folded = kernel * scale.reshape(-1, *[1] * (kernel.ndim - 1))
    return folded.astype(np.float32), (beta - mean * scale).astype(np.float32)


def convolution(
    x: Node, kernel: Floats, bias: Floats | None, stride: int = 1, padding: int | Literal["same"] = 0
) -> Node:
    """2-D convolution of x [N, in, H, W] with kernel [out, in, h, w], or depthwise [out, 1, h, w].

    `padding`: pixels on each side, or "same" for TensorFlow's rule (the odd pixel goes to the
    right and the bottom).
    """
    auto_pad = "SAME_UPPER" if padding == "same" else "EXPLICIT"
    pads = [0, 0] if padding == "same" else [padding, padding]
    out_channels, channels_per_group = kernel.shape[:2]
    if channels_per_group == 1 and out_channels > 1:
        grouped = ops.constant(kernel[:, np.newaxis])
        y = ops.group_convolution(x, grouped, [stride] * 2, pads, pads, [1, 1], auto_pad)
    else:
        y = ops.convolution(x, ops.constant(kernel), [stride] * 2, pads, pads, [1, 1], auto_pad)
    if bias is not None:
        y = ops.add(y, ops.constant(bias.reshape(1, -1, 1, 1)))
    return y


def relu6(x: Node) -> Node:
    """min(max(x, 0), 6)."""
    return ops.clamp(x, 0.0, 6.0)


def linear(x: Node, weight: Floats, bias: Floats | None = None) -> Node:
    """x [..., in] times weight [out, in] transposed, plus bias [out]."""
    y = ops.matmul(x, ops.constant(weight), transpose_a=False, transpose_b=True)
    return y if bias is None else ops.add(y, ops.constant(bias))


def linear_from(x: Node, weights: Weights, name: str) -> Node:
    """`linear` with the tensors `name`.weight and `name`.bias."""
    return linear(x, weights.take(f"{name}.weight"), weights.take(f"{name}.bias"))


def layer_norm(x: Node, weights: Weights, name: str, epsilon: float) -> Node:
    """Layer normalization over the last axis (Ba, Kiros and Hinton, 2016)."""
    y = ops.mvn(x, indices(-1), normalize_variance=True, eps=epsilon, eps_mode="INSIDE_SQRT")
    y = ops.multiply(y, ops.constant(weights.take(f"{name}.weight")))
    return ops.add(y, ops.constant(weights.take(f"{name}.bias")))


def attention(
    x: Node,
    projections: tuple[tuple[Floats, Floats], tuple[Floats, Floats], tuple[Floats, Floats]],
    heads: int,
    mask: Node | None = None,
    causal: bool = False,
) -> Node:
    """Multi-head self-attention before its output projection (Vaswani et al., NeurIPS 2017).

    x [N, L, D]; projections: weight [D, D] and bias [D] of query, key and value; mask: boolean,
    broadcast to [N, heads, L, L], true where a key may be seen; returns [N, L, D].
    """
    width = projections[0][0].shape[0]

    def split(weight: Floats, bias: Floats) -> Node:
        y = ops.reshape(linear(x, weight, bias), indices(0, 0, heads, width // heads), True)
        return ops.transpose(y, indices(0, 2, 1, 3))

    q, k, v = (split(*projection) for projection in projections)
    y = ops.scaled_dot_product_attention(q, k, v, mask, causal=causal)
    return ops.reshape(ops.transpose(y, indices(0, 2, 1, 3)), indices(0, 0, width), True)


def unit_length(x: Node) -> Node:
    """x [N, D] divided by its Euclidean norm (at least 1e-12)."""
    return ops.normalize_l2(x, indices(1), eps=1e-24, eps_mode="max")


def channels(x: Node) -> int:
    """The number of channels of x [N, C, H, W]."""
    return int(x.get_output_partial_shape(0)[1].get_length())


def model(inputs: list[Node], output: Node, output_name: str, name: str) -> Model:
    """A graph of one output, with its tensors named for those who read it."""
    for parameter in inputs:
        parameter.output(0).get_tensor().set_names({parameter.get_friendly_name()})
    output.output(0).get_tensor().set_names({output_name})
    return Model([output], inputs, name)
