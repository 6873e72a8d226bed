"""CLIP with a vision transformer (Radford et al., ICML 2021) from OpenAI's TorchScript archive.

Every dimension is read from the checkpoint, so that ViT-B/32, ViT-B/16, ViT-L/14 and the tiny one
of the tests are built by the same code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import openvino as ov
import openvino.opset15 as ops

from model_export import layers
from model_export.checkpoint import CheckpointError, Weights
from model_export.text_input import TextInput

_EPSILON = 1e-5
_HEAD_WIDTH = 64
_QUICK_GELU = 1.702
_MAX_LOGIT_SCALE = 100.0


@dataclass(frozen=True)
class Clip:
    """A pair of graphs of one embedding space; embeddings are of unit length.

    image: "image" float32 [N, 3, size, size] → "embedding" float32 [N, D];
    text: "texts" strings [N] → "embedding" float32 [N, D];
    logit_scale: factor of the cosine before the softmax over texts, at most 100.
    """

    image: ov.Model
    text: ov.Model
    logit_scale: float
    image_size: int


def _transformer(x: ov.Node, weights: Weights, name: str, causal: bool) -> ov.Node:
    """Pre-norm blocks on x [N, L, D]; a text token sees only those before it."""
    for number in range(weights.count(name + ".resblocks.{}.")):
        block = f"{name}.resblocks.{number}"
        y = layers.layer_norm(x, weights, f"{block}.ln_1", _EPSILON)
        q, k, v = np.split(weights.take(f"{block}.attn.in_proj_weight"), 3)
        qb, kb, vb = np.split(weights.take(f"{block}.attn.in_proj_bias"), 3)
        heads = len(qb) // _HEAD_WIDTH
        y = layers.attention(y, ((q, qb), (k, kb), (v, vb)), heads, causal=causal)
        x = ops.add(x, layers.linear_from(y, weights, f"{block}.attn.out_proj"))
        y = layers.layer_norm(x, weights, f"{block}.ln_2", _EPSILON)
        y = layers.linear_from(y, weights, f"{block}.mlp.c_fc")
        y = ops.swish(y, ops.constant(np.float32(_QUICK_GELU)))
        x = ops.add(x, layers.linear_from(y, weights, f"{block}.mlp.c_proj"))
    return x


def _image_graph(weights: Weights) -> tuple[ov.Model, int]:
    patches = weights.take("visual.conv1.weight")
    positions = weights.take("visual.positional_embedding")
    width, _, patch, _ = patches.shape
    grid = math.isqrt(len(positions) - 1)
    if grid * grid != len(positions) - 1:
        raise CheckpointError("the image's positions are not a square and a class token")
    size = grid * patch
    image = ops.parameter([-1, 3, size, size], dtype=ov.Type.f32, name="image")
    x = layers.convolution(image, patches, None, stride=patch)
    x = ops.reshape(x, layers.indices(0, width, grid * grid), special_zero=True)
    x = ops.transpose(x, layers.indices(0, 2, 1))
    batch = ops.gather(ops.shape_of(image), layers.indices(0), layers.indices(0))
    class_shape = ops.concat([batch, layers.indices(1, width)], axis=0)
    class_token = weights.take("visual.class_embedding").reshape(1, 1, width)
    x = ops.concat([ops.broadcast(ops.constant(class_token), class_shape), x], axis=1)
    x = ops.add(x, ops.constant(positions))
    x = layers.layer_norm(x, weights, "visual.ln_pre", _EPSILON)
    x = _transformer(x, weights, "visual.transformer", causal=False)
    x = ops.gather(x, ops.constant(np.int64(0)), ops.constant(np.int64(1)))
    x = layers.layer_norm(x, weights, "visual.ln_post", _EPSILON)
    x = layers.linear(x, np.ascontiguousarray(weights.take("visual.proj").T))
    return layers.model([image], layers.unit_length(x), "embedding", "clip_image"), size


def _text_graph(weights: Weights, text: TextInput) -> ov.Model:
    """Positions after the longest text are left out: with a causal mask they change nothing."""
    vocabulary = weights.take("token_embedding.weight")
    positions = weights.take("positional_embedding")
    end_token = len(vocabulary) - 1
    axis = ops.constant(np.int64(0))
    length = ops.gather(ops.shape_of(text.ids), layers.indices(1), axis)
    x = ops.gather(ops.constant(vocabulary), text.ids, axis)
    one = layers.indices(1)
    x = ops.add(x, ops.slice(ops.constant(positions), layers.indices(0), length, one, layers.indices(0)))
    x = _transformer(x, weights, "transformer", causal=True)
    x = layers.layer_norm(x, weights, "ln_final", _EPSILON)
    # OpenAI reads the embedding at argmax(ids): the first end token, whatever follows it.
    end = ops.convert(ops.equal(text.ids, ops.constant(np.int64(end_token))), "i64")
    scalar_length = ops.squeeze(length, layers.indices(0))
    order = ops.range(scalar_length, ops.constant(np.int64(0)), ops.constant(np.int64(-1)), "i64")
    first = ops.subtract(length, ops.reduce_max(ops.multiply(end, order), layers.indices(1)))
    first = ops.unsqueeze(first, layers.indices(1))
    x = ops.squeeze(ops.gather(x, first, ops.constant(np.int64(1)), batch_dims=1), layers.indices(1))
    x = layers.linear(x, np.ascontiguousarray(weights.take("text_projection").T))
    return layers.model([text.strings], layers.unit_length(x), "embedding", "clip_text")


def context_length(weights: Weights) -> int:
    """The most tokens of a text, with its start and end (77 in all of OpenAI's models)."""
    return weights.shape("positional_embedding")[0]


def build(weights: Weights, text: TextInput) -> Clip:
    """Both graphs. `text` must cut at `context_length(weights)`.

    Raises `CheckpointError` when the tensors are not those of a CLIP with a vision transformer.
    """
    for unused in ("input_resolution", "context_length", "vocab_size"):
        weights.discard(unused)
    logit_scale = math.exp(float(weights.take("logit_scale")))
    image, size = _image_graph(weights)
    texts = _text_graph(weights, text)
    weights.finish()
    return Clip(image, texts, min(logit_scale, _MAX_LOGIT_SCALE), size)
